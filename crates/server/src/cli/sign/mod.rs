//! `countersign sign`: one Identity header, or a whole SIP request signed, on the operator's own word.
//!
//! The rules are those of `countersign::authentication`; what lives here is what to sign with ([`keys`]) and what to sign
//! ([`request`]). The operator answers for every number: the basis that is recorded is `operator`, and the attestation asked
//! for is the one signed.

mod keys;
mod request;

use self::request::Subject;
use super::Outcome;
use super::console::Console;
use super::moment::Moment;
use super::parties::Parties;
use super::trouble::Trouble;
use crate::clock::{Clock, SystemClock};
use clap::{Args, ValueEnum};
use countersign::authentication::{
    Authenticated, AuthenticationService, Credential, DATE_TOLERANCE_SECONDS, Inventory,
    Origination, Refusal, Unlisted,
};
use countersign::call::{Call, DateHeader};
use countersign::crypto::system_random;
use countersign::passport::{Attestation, OrigId};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Flags of `sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  With the key of the lab that `countersign up` made in ./countersign-data:
    countersign sign --from 12025550100 --to 12025550101
  With a key of your own:
    countersign sign --from 12025550100 --to 12025550101 --attest B \\
      --key sp.key --certificate sp.pem --x5u https://cert.example.org/sp.pem
  A whole request, signed:
    countersign sign < invite.sip > signed.sip

A request brings its own call; --from and --to come before it. Identity is added, Date if there is none, the rest stays \
byte for byte (bare line feeds get their CRLF back). With --from and --to, a silent standard input is waited for one \
second; without, until it ends.

Time: iat is --iat, else the request's Date, else now. Refused are a Date more than 60 s away from that, and a time at \
which the certificate is not valid; nothing else is, so that calls of any time can be made for tests.

Exit codes: 0 signed, 1 refused (the error says why), 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// A file with a SIP request to sign; `-`: standard input
    file: Option<PathBuf>,
    #[command(flatten)]
    parties: Parties,
    /// How firmly to attest: A, B or C
    #[arg(long, value_name = "A|B|C", default_value = "A")]
    attest: Attestation,
    /// The PASSporT type
    #[arg(long, value_enum, default_value_t)]
    ppt: Ppt,
    /// The origination identifier [default: a random one]
    #[arg(long, value_name = "UUID")]
    origid: Option<OrigId>,
    #[command(flatten)]
    keys: keys::KeyArguments,
    /// The time of origination to sign: Unix seconds or RFC 3339
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    iat: Option<Moment>,
    /// A JSON object with the header, the parts of the PASSporT, the attestation and its evidence
    #[arg(long)]
    json: bool,
}

/// The PASSporT types of this release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Ppt {
    // RFC 8588; a doc comment would make the help of every flag two lines longer.
    #[default]
    Shaken,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    match sign(arguments, console) {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(refusal)) => {
            console.error(format_args!("not signed: {refusal}{}", fix(refusal)));
            match refusal {
                Refusal::SigningFailed => Outcome::Unable,
                _ => Outcome::Failed,
            }
        }
        Err(trouble) => {
            console.error(trouble);
            Outcome::Unable
        }
    }
}

fn sign(arguments: &Arguments, console: &mut Console) -> Result<Result<(), Refusal>, Trouble> {
    let given = arguments.parties.read()?;
    let signer = arguments.keys.signer(console)?;
    let subject = Subject::read(arguments.file.as_deref(), &given, console)?;
    let call = subject.call(&given, arguments.parties.call_policy());
    let now = match arguments.iat {
        Some(moment) => moment.0,
        None => SystemClock::start().now().unix,
    };
    // Ppt has one type, and it is the one that the service signs.
    let Ppt::Shaken = arguments.ppt;
    let origination = Origination {
        asked: Some(arguments.attest),
        credential: Credential::Strong,
        unlisted: Unlisted::Unsigned,
        origid: origid(arguments.origid)?,
        rich: None,
    };
    let service = AuthenticationService::new(Arc::new(signer), Arc::new(Inventory::operator()));
    let call = dated(call, arguments.iat);
    let authenticated = match service.authenticate(&call, &origination, now) {
        Ok(authenticated) => authenticated,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let signed = subject.signed(&authenticated, console)?;
    match (&signed, arguments.json) {
        (_, true) => console.line(Record::of(&authenticated, signed.as_deref()).to_json()),
        (Some(request), false) => console.bytes(request),
        (None, false) => console.line(&authenticated.identity),
    }
    Ok(Ok(()))
}

fn origid(given: Option<OrigId>) -> Result<OrigId, Trouble> {
    if let Some(origid) = given {
        return Ok(origid);
    }
    let mut random = [0; 16];
    system_random(&mut random).map_err(|_| Trouble::NoRandomness)?;
    Ok(OrigId::from_random(random))
}

/// The call with the time that `--iat` names: it comes before a Date that agrees with it, as far as verifiers can tell.
fn dated(mut call: Call, iat: Option<Moment>) -> Call {
    if let (Some(Moment(iat)), DateHeader::At(date)) = (iat, call.date)
        && date.abs_diff(iat) <= DATE_TOLERANCE_SECONDS
    {
        call.date = DateHeader::Absent;
    }
    call
}

/// What the operator may do about a refusal.
const fn fix(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::CalledPartyUnknown => "; give --to",
        Refusal::CallerNotANumber => "; SHAKEN signs telephone numbers: give --from TN",
        Refusal::CallerUnknown => "; give --from",
        Refusal::CertificateExpired | Refusal::CertificateNotYetValid => {
            "; renew it, or give an --iat at which it is valid"
        }
        Refusal::ConstraintsViolated => "; give a certificate that permits these claims",
        Refusal::NotCovered => "; give a certificate for that number",
        Refusal::StaleDate => "; give --iat, or a request with a fresh Date",
        Refusal::TooLarge => "; give fewer --to",
        Refusal::UnusableDate => "; give a request with a Date of RFC 3261, or without",
        Refusal::DiversionLoops
        | Refusal::IssuerNotOurs
        | Refusal::NothingToDivert
        | Refusal::PriorityMisused
        | Refusal::PriorityNotRequested
        | Refusal::RichDataIncomplete
        | Refusal::SigningFailed
        | Refusal::Unlisted
        | Refusal::UnusableUri => "",
    }
}

/// `sign --json`.
#[derive(Serialize)]
struct Record<'a> {
    identity: &'a str,
    passport: PassportRecord<'a>,
    attestation: AttestationRecord,
    covers: &'static str,
    /// The Date header that was added, or has to be.
    date: Option<String>,
    /// The request signed, if there was one and it is text.
    request: Option<&'a str>,
}

#[derive(Serialize)]
struct PassportRecord<'a> {
    token: &'a str,
    header: serde_json::Value,
    claims: serde_json::Value,
}

#[derive(Serialize)]
struct AttestationRecord {
    signed: &'static str,
    asked: Option<&'static str>,
    deserved: &'static str,
    basis: Option<&'static str>,
    reason: &'static str,
}

impl<'a> Record<'a> {
    fn of(authenticated: &'a Authenticated, request: Option<&'a [u8]>) -> Self {
        let (passport, attestation) = (&authenticated.passport, &authenticated.attestation);
        let mut parts = passport.token().split('.').map(super::decode::part);
        Self {
            identity: &authenticated.identity,
            passport: PassportRecord {
                token: passport.token(),
                header: parts.next().unwrap_or_default(),
                claims: parts.next().unwrap_or_default(),
            },
            attestation: AttestationRecord {
                signed: attestation.signed.as_str(),
                asked: attestation.asked.map(Attestation::as_str),
                deserved: attestation.deserved.as_str(),
                basis: attestation.basis.map(|basis| basis.name()),
                reason: attestation.reason.name(),
            },
            covers: super::verify::covers(&authenticated.coverage),
            date: authenticated
                .add_date
                .map(countersign_sip::header::sip_date_text),
            request: request.and_then(|bytes| std::str::from_utf8(bytes).ok()),
        }
    }

    fn to_json(&self) -> String {
        // Strings and what was JSON before: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}
