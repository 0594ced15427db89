//! `countersign ca csr`: a request for the certificate of an authority, signed by its key where that lives.

use super::super::Outcome;
use super::super::console::Console;
use super::names::{self, KeyFlags, NameFlags, ScopeFlags};
use super::trouble::CaTrouble;
use crate::files;
use clap::Args;
use countersign::certificate::chain::armoured;
use countersign_ca::csr;
use countersign_ca::extension::{self, PathLength, usage};
use std::path::PathBuf;

/// Flags of `ca csr`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca csr --key ca.key --out ca.csr --organization Example --name 'Example SHAKEN CA'
  countersign ca csr --key ca.key --existing-key --out numbers.csr --organization 'Example Enterprise' --name 'Example CA' \\
    --numbers 12025550100-12025550149
  openssl req -in ca.csr -noout -text -verify

The key is made where it is named and stays there; the request goes to whoever signs it (`countersign ca sign`). With --spc or \
--numbers it asks for an authority that may only delegate these (RFC 9060).

Exit codes: 0 done, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    key: KeyFlags,
    /// The file for the request
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    names: NameFlags,
    #[command(flatten)]
    scope: ScopeFlags,
    /// Most authorities below this one
    #[arg(long, value_name = "N", default_value_t = 0)]
    path_length: u8,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let path = &arguments.out;
    arguments.key.is_apart(path)?;
    names::is_new(path)?;
    let subject = arguments.names.subject()?;
    let scope = arguments.scope.list()?;
    arguments
        .scope
        .doubts()
        .for_each(|doubt| console.warning(doubt));
    let (place, key) = arguments.key.make()?;
    let mut extensions = vec![
        extension::authority_constraints(PathLength::AtMost(arguments.path_length)),
        extension::key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN),
    ];
    extensions.extend(scope.as_ref().map(extension::tn_auth_list));
    let request = csr::write(subject.name(), &extensions, key.as_ref());
    let request = request.map_err(|_| CaTrouble::NotSigned(place.clone()))?;
    let pem = armoured("CERTIFICATE REQUEST", &request);
    files::publish(path, pem.as_bytes())
        .map_err(|error| CaTrouble::Unwritable(path.clone(), error))?;
    match arguments.json {
        true => console.line(serde_json::json!({
            "request": path,
            "key": place.to_string(),
            "subject": subject.name().to_string(),
        })),
        false => {
            console.line(format_args!("request      {}", path.display()));
            console.line(format_args!("key          {place}"));
            console.line(format_args!("subject      {}", subject.name()));
        }
    }
    Ok(Outcome::Done)
}
