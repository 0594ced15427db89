//! `countersign ca list` and `countersign ca status`: what the authority has issued, and how it stands. Nothing is signed.

use super::super::Outcome;
use super::super::console::Console;
use super::books::{self, ConfigFlag};
use super::record::hex;
use super::trouble::CaTrouble;
use crate::clock::{Clock, SystemClock};
use crate::office::Presence;
use clap::Args;
use countersign::certificate::Certificate;
use countersign_ca::Profile;
use countersign_ca::extension::PathLength;
use countersign_ca::ledger::Ledger;
use countersign_ca::register::{CertificateName, Entry, Stage};
use serde_json::{Value, json};

/// Flags of `ca list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca list --config countersign.toml
  countersign ca list --json | jq -r 'select(.state == \"issued\") | .serial'

Exit codes: 0 done, 2 wrong use or could not run.")]
pub(super) struct ListArguments {
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object per certificate, one a line
    #[arg(long)]
    json: bool,
}

/// Flags of `ca status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign ca status --config countersign.toml --json

Exit codes: 0 done, 2 wrong use or could not run.")]
pub(super) struct StatusArguments {
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Every certificate.
pub(super) fn list(arguments: &ListArguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    let ledger = books::open(&office, Presence::Required)?.ledger();
    let mut certificates: Vec<_> = ledger.register.certificates().collect();
    // What was issued last stands at the end, where a terminal is looked at.
    certificates.sort_by_cached_key(|(_, entry)| {
        certificate(entry).map(|certificate| certificate.validity().not_before)
    });
    if !(arguments.json || certificates.is_empty()) {
        console.line(format_args!(
            "{:<32}  {:<9}  VALID UNTIL",
            "SERIAL", "STATE"
        ));
    }
    for (name, entry) in certificates {
        match arguments.json {
            true => console.line(record(&ledger, name, entry)),
            false => tell(name, entry, console),
        }
    }
    Ok(Outcome::Done)
}

/// Two lines, so that a terminal of 80 columns breaks no serial number.
fn tell(name: &CertificateName, entry: &Entry, console: &mut Console) {
    let (serial, until) = (hex(name.serial.as_bytes()), entry.not_after);
    console.line(format_args!("{serial:<32}  {:<9}  {until}", state(entry)));
    let own = certificate(entry);
    let list = own.as_ref().and_then(Certificate::tn_auth_list);
    let list = list.map(|list| list.entries().iter().map(ToString::to_string).collect());
    let numbers: Vec<String> = list.unwrap_or_default();
    let subject = own.map(|own| format!("  {}", own.subject()));
    let subject = subject.unwrap_or_default();
    let scope = match numbers.is_empty() {
        true => String::new(),
        false => format!("  for {}", numbers.join(", ")),
    };
    let (profile, _) = kind(entry.profile);
    console.line(format_args!("  {profile}{subject}{scope}"));
}

/// What a certificate is for, and how many authorities there may be below it.
fn kind(profile: Profile) -> (&'static str, Option<u8>) {
    let at_most = |length| match length {
        PathLength::AtMost(length) => Some(length),
        PathLength::Unbounded => None,
    };
    match profile {
        Profile::CrlIssuer => ("crl-issuer", None),
        Profile::Delegate => ("delegate", None),
        Profile::DelegateCa(length) => ("delegate-ca", at_most(length)),
        Profile::EndEntity => ("end-entity", None),
        Profile::Intermediate(length) => ("intermediate", at_most(length)),
        Profile::OcspResponder => ("ocsp-responder", None),
    }
}

fn record(ledger: &Ledger, name: &CertificateName, entry: &Entry) -> Value {
    let revocation = entry.revocation;
    let (profile, length) = kind(entry.profile);
    let own = certificate(entry);
    let own = own.as_ref();
    let list = own.and_then(Certificate::tn_auth_list);
    let list = list.map(|list| list.entries().iter().map(ToString::to_string).collect());
    let numbers: Vec<String> = list.unwrap_or_default();
    let order = ledger.acme.order_of_certificate(name);
    let approval = entry.approval.as_deref();
    let approval = approval.and_then(|id| ledger.register.approval(id));
    json!({
        "serial": hex(name.serial.as_bytes()),
        "state": state(entry),
        "profile": profile,
        "path_length": length,
        "subject": own.map(|own| own.subject().to_string()),
        "tnauthlist": numbers,
        "key_sha256": entry.key,
        "not_before": own.map(|own| own.validity().not_before.to_string()),
        "not_after": entry.not_after.to_string(),
        "order": entry.order,
        "account": order.map(|order| order.asked.account.to_string()),
        "by": entry.by,
        "approved_by": approval.and_then(|approval| approval.given_by.as_deref()),
        "revoked_by": entry.revoked_by,
        "revoked_at": revocation.map(|revoked| revoked.at.to_string()),
        "reason": revocation.map(|revoked| revoked.reason.to_string()),
    })
}

fn certificate(entry: &Entry) -> Option<Certificate> {
    Certificate::parse(entry.certificate()?).ok()
}

fn state(entry: &Entry) -> &'static str {
    match (&entry.stage, entry.revocation) {
        (Stage::Abandoned(_), _) => "abandoned",
        (Stage::Prepared(_), _) => "prepared",
        (Stage::Issued(_), Some(_)) => "revoked",
        (Stage::Issued(_), None) => "issued",
    }
}

/// How it stands.
pub(super) fn status(
    arguments: &StatusArguments,
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    let book = books::open(&office, Presence::Required)?;
    let ledger = book.ledger();
    let now = SystemClock::start().now().unix;
    let count = |wanted: &str| {
        let all = ledger.register.certificates();
        all.filter(|(_, entry)| state(entry) == wanted).count()
    };
    let valid = ledger.register.certificates();
    let valid = valid.filter(|(_, entry)| state(entry) == "issued" && now < entry.not_after);
    let own = office.certificate();
    let waiting = ledger.register.approvals();
    let waiting = waiting.filter(|(_, one)| one.is_waiting()).count();
    let last = ledger.register.last_crl(&office.settings.crl.name.value);
    let told = json!({
        "authority": own.subject().to_string(),
        "valid_until": own.validity().not_after.to_string(),
        "journal": book.head().position,
        "certificates": {
            "valid": valid.count(),
            "issued": count("issued"),
            "revoked": count("revoked"),
            "prepared": count("prepared"),
            "abandoned": count("abandoned"),
        },
        "acme_accounts": ledger.acme.accounts().count(),
        "token_accounts": ledger.tokens.iter().len(),
        "waiting_approvals": waiting,
        "crl": last.map(|last| json!({
            "url": office.list_url(),
            "number": last.number,
            "this_update": last.this_update.to_string(),
            "next_update": last.next_update.to_string(),
        })),
    });
    match arguments.json {
        true => console.line(told),
        false => {
            console.line(format_args!("authority       {}", own.subject()));
            console.line(format_args!("valid until     {}", own.validity().not_after));
            console.line(format_args!(
                "journal         {} records",
                book.head().position
            ));
            for (name, count) in told["certificates"].as_object().into_iter().flatten() {
                console.line(format_args!("{name:<16}{count}"));
            }
            console.line(format_args!("ACME accounts   {}", told["acme_accounts"]));
            console.line(format_args!("token accounts  {}", told["token_accounts"]));
            if waiting > 0 {
                console.line(format_args!(
                    "approvals       {waiting} waiting: countersign ca approve"
                ));
            }
            if let Some(last) = last {
                let next = last.next_update;
                console.line(format_args!(
                    "CRL             number {}, next by {next}",
                    last.number
                ));
            }
        }
    }
    books::doubt_lists(&office, console);
    Ok(Outcome::Done)
}
