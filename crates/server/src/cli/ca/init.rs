//! `countersign ca init`: a root, which signs itself.

use super::super::Outcome;
use super::super::console::Console;
use super::issuance;
use super::names::{self, KeyFlags, MAX_DAYS, NameFlags};
use super::record::{self, Form};
use super::trouble::CaTrouble;
use crate::clock::{Clock, SystemClock};
use crate::files;
use clap::Args;
use countersign::certificate::Certificate;
use countersign::certificate::chain::pem;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign_ca::{Authority, IssuanceError};
use std::path::PathBuf;

/// Flags of `ca init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca init --key root.key --certificate root.pem --organization Example --name 'Example SHAKEN ROOT'
  countersign ca init --key 'pkcs11:token=ca;object=root?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=pin' \\
    --certificate root.pem --organization Example --name 'Example SHAKEN ROOT'

The key is made where it is named: a new file for its owner alone, or a PKCS#11 token that never gives it away. Nothing is \
written over. Keep a root away from any network: it signs a request of the authority that issues with `countersign ca sign`.

Exit codes: 0 done, 1 the certificate would break a rule, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    key: KeyFlags,
    /// The file for the certificate
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    #[command(flatten)]
    names: NameFlags,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 3_650, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
    days: i64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let path = &arguments.certificate;
    arguments.key.is_apart(path)?;
    names::is_new(path)?;
    let subject = arguments.names.subject()?;
    let validity = names::validity(SystemClock::start().now().unix, arguments.days);
    let serial = names::serial()?;
    let draft = |key: &dyn SigningKey| Authority::root_draft(&subject, key, serial, validity);
    // What is refused leaves no key behind, which would be in the way of the next try.
    let throw_away = EcdsaP256Key::generate().map_err(|_| CaTrouble::NoRandomness)?;
    issuance::rehearse(&draft(&throw_away), |_| false)?;
    let (place, key) = arguments.key.make()?;
    let draft = draft(key.as_ref());
    let root = draft.sign(key.as_ref()).map_err(IssuanceError::from)?;
    let root = Certificate::parse(&root).map_err(|_| IssuanceError::BadAuthority)?;
    files::publish(path, pem(root.as_der()).as_bytes())
        .map_err(|error| CaTrouble::Unwritable(path.clone(), error))?;
    let form = Form::of(arguments.json);
    record::tell(path, &root, Some(place.to_string()), form, console);
    Ok(Outcome::Done)
}
