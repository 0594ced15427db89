//! `countersign ca install`: a signed certificate put in its place, if it is for the key that is there.

use super::super::Outcome;
use super::super::console::Console;
use super::names;
use super::record::{self, Form};
use super::trouble::CaTrouble;
use crate::clock::{Clock, SystemClock};
use crate::files;
use clap::Args;
use countersign::certificate::{Certificate, PathRules};
use countersign::crypto::AwsLc;
use countersign::path::{Purpose, walk};
use countersign::trust::{Anchor, Standing};
use countersign_ca::{Authority, IssuanceError, Practice};
use std::path::{Path, PathBuf};

/// Flags of `ca install`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca install ca.pem --key ca.key --certificate /etc/countersign/ca/ca.pem
  countersign ca install new.pem --key ca-2.key --certificate ca.pem --former ca-1.pem      another key: the one before it goes on

The certificate must be for this key and one of an authority, and those after it must lead from it to the last. The file is \
replaced as a whole; a server that runs takes it when it starts again. A certificate of another key than the one in its place is kept \
as --former says: certificates of the key before live on, and [[ca.former]] names it and its key until the last of them has ended.

Exit codes: 0 done, 1 it is not for this key, or leads nowhere, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// The signed certificate and those above it, PEM
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    /// The key that it was made for: a file, or a pkcs11: URI
    #[arg(long, value_name = "FILE|URI")]
    key: String,
    /// Where it is put
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Where the certificate before it is kept, if that is of another key
    #[arg(long, value_name = "FILE")]
    former: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let chain = names::chain(&arguments.chain)?;
    let place = names::key_place(&arguments.key)?;
    let key = place
        .open()
        .map_err(|fault| CaTrouble::Key(place.clone(), fault))?;
    let own = chain.end_entity();
    let fits = Authority::new(own.clone(), key, Practice::default());
    fits.map_err(|fault| match fault {
        IssuanceError::KeyMismatch => CaTrouble::NotForKey(arguments.chain.clone(), place.clone()),
        _ => CaTrouble::NotOfAuthority(arguments.chain.clone()),
    })?;
    let now = SystemClock::start().now().unix;
    let certificates = chain.certificates();
    // The last one need not be believed here: whoever carried it here has seen where it is from.
    let last = certificates.last().cloned();
    let last = last.and_then(|last| Anchor::new(last, Standing::Public).ok());
    let (anchors, rules) = (last.as_slice(), PathRules::default());
    walk(certificates, anchors, Purpose::Any, &rules, now, &AwsLc)
        .map_err(|fault| CaTrouble::Path(arguments.chain.clone(), fault))?;
    let former = keep_former(arguments, own)?;
    files::publish(&arguments.certificate, chain.to_pem().as_bytes())
        .map_err(|error| CaTrouble::Unwritable(arguments.certificate.clone(), error))?;
    let form = Form::of(arguments.json);
    let key = Some(place.to_string());
    record::tell(&arguments.certificate, own, key, form, console);
    if let Some(former) = former {
        console.remark(format_args!(
            "Certificates of the key before live on. Until the last of them has ended, the configuration says:\n\
             [[ca.former]]\ncertificate_file = {former:?}\n# key = what ca.key was\n# crl_name = what ca.crl.name was, which gets another value: \
             only where the authority signs its lists itself"
        ));
    }
    Ok(Outcome::Done)
}

/// Keeps the certificate that is in its place, if it is of another key: where.
fn keep_former<'a>(
    arguments: &'a Arguments,
    own: &Certificate,
) -> Result<Option<&'a Path>, CaTrouble> {
    let place = &arguments.certificate;
    if !place.exists() {
        return Ok(None);
    }
    let before = names::chain(place)?;
    if before.end_entity().public_key() == own.public_key() {
        return Ok(None);
    }
    let former = arguments.former.as_deref();
    let former = former.ok_or_else(|| CaTrouble::AnotherKey(place.clone()))?;
    names::is_new(former)?;
    files::publish(former, before.to_pem().as_bytes())
        .map_err(|error| CaTrouble::Unwritable(former.into(), error))?;
    Ok(Some(former))
}
