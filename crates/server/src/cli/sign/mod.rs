//! `countersign sign`: one Identity header, or a whole SIP request signed, on the operator's own word.
//!
//! The rules are those of `countersign::authentication`; what lives here is what to sign with ([`keys`]), what to sign
//! ([`request`]), as what ([`kinds`]), and what to say of the caller ([`brand`]). The operator answers for every number: the basis that is recorded is `operator`, and the attestation asked
//! for is the one signed.

mod brand;
pub(super) mod keys;
mod kinds;
mod record;
mod request;

use self::kinds::{Kind, Order};
use self::record::Record;
use self::request::Subject;
use super::Outcome;
use super::console::Console;
use super::moment::Moment;
use super::parties::Parties;
use super::trouble::Trouble;
use crate::clock::{Clock, SystemClock};
use clap::Args;
use countersign::authentication::{
    AuthenticationService, DATE_TOLERANCE_SECONDS, Form, Inventory, Refusal,
};
use countersign::call::{Call, DateHeader};
use countersign::crypto::system_random;
use countersign::media_keys::{Fingerprint, MediaKeys};
use countersign::passport::{Attestation, OrigId};
use countersign::priority::ResourceValue;
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
  With a name, a picture and a reason (the digest of the picture is signed, of the file):
    countersign sign --from 12025550100 --to 12025550101 --name \"Q Branch\" --reason \"Your order\" \\
      --icon https://example.com/q.png --resource https://example.com/q.png=q.png
  Without an extension, and only the signature of it; verifiers rebuild the rest from the request:
    countersign sign --kind base --compact < invite.sip > signed.sip
  A call that is forwarded, with its Identity (the request keeps its Request-URI: verify it with --to 12025550102); with \
all of it inside, for where no headers go; and one of which only the numbers are known:
    countersign sign --kind div --to 12025550102 < signed.sip > forwarded.sip
    countersign sign --kind div-o --to 12025550102 < signed.sip
    countersign sign --kind div --from 12025550100 --div 12025550101 --to 12025550102
  The answer to a signed request: the Identity headers of its response, diversions that led there among them; and one whose \
media keys are signed with it:
    countersign sign --kind rsp < signed.sip
    countersign sign --kind rsp --reached 12025550102 --fingerprint sha-256:4AADB9B1… < forwarded.sip
  A call that asks for media security; the fingerprints of the request's SDP are signed, as in any kind:
    countersign sign --kind msec < invite.sip > signed.sip
  Priority, and the call-back of an answering point:
    countersign sign --kind rph --from 12025550100 --to 911 --rph esnet.1
    countersign sign --kind rph --from 12025550100 --to 12025550101 --rph esnet.0 --sph

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
    /// What to sign
    #[arg(long, visible_alias = "ppt", value_enum, default_value_t)]
    kind: Kind,
    /// Sign in compact form, if verifiers can rebuild what it leaves out (kinds base and rcd)
    #[arg(long)]
    compact: bool,
    /// Who was called before, where no PASSporT says so (kind div)
    #[arg(long, value_name = "TN", conflicts_with_all = ["original", "file"])]
    div: Option<String>,
    /// A file with the PASSporTs that the call has, where no request is given (kinds div, div-o and rsp)
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    original: Option<PathBuf>,
    /// The entry of History-Info that tells of the diversion, such as 1.1 (kinds div and div-o)
    #[arg(long, value_name = "INDEX")]
    history: Option<String>,
    /// A value of Resource-Priority that the call may have (kind rph); may be given several times
    #[arg(long, value_name = "NAMESPACE.VALUE")]
    rph: Vec<ResourceValue>,
    /// The call is the call-back of an answering point (kind rph)
    #[arg(long)]
    sph: bool,
    /// Who was reached (kind rsp) [default: the Request-URI]
    #[arg(long, value_name = "TN")]
    reached: Option<String>,
    /// A fingerprint of the media keys, as ALGORITHM:HEX or as SDP has it, in place of those in the request's SDP; may be given several times
    #[arg(long, value_name = "ALG:HEX")]
    fingerprint: Vec<Fingerprint>,
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
    // Last: its heading is that of all that follow.
    #[command(flatten)]
    brand: brand::BrandArguments,
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
    arguments.check()?;
    let given = arguments.parties.read()?;
    let rich = arguments.brand.claims()?;
    let signer = arguments.keys.signer(console)?;
    let subject = match arguments.original {
        Some(_) => Subject::Numbers,
        None => Subject::read(arguments.file.as_deref(), &given, console)?,
    };
    let mut call = subject.call(&given, arguments.parties.call_policy());
    if let Some(keys) = arguments.media_keys()? {
        call.media_keys = Some(Box::new(keys));
    }
    if arguments.signs_media_keys() && call.media_keys.as_deref().is_some_and(MediaKeys::is_untold)
    {
        console.warning("the fingerprints of the SDP cannot be told; they are not signed");
    }
    let now = match arguments.iat {
        Some(moment) => moment.0,
        None => SystemClock::start().now().unix,
    };
    let service = AuthenticationService::new(Arc::new(signer), Arc::new(Inventory::operator()));
    let order = Order {
        arguments,
        subject: &subject,
        call: dated(call, arguments.iat),
        rich,
        now,
    };
    let made = match order.sign(&service)? {
        Ok(made) => made,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if arguments.compact && made.iter().any(|one| one.form == Form::Full) {
        console.warning("verifiers could not rebuild the compact form; it is signed in full form");
    }
    if made.is_empty() {
        console
            .warning("the call goes to where its PASSporTs say already; there is nothing to sign");
    }
    let signed = match arguments.kind {
        // It belongs into the response.
        Kind::Rsp => None,
        _ => subject.signed(&made, console)?,
    };
    match (&signed, arguments.json) {
        (signed, true) => {
            for one in &made {
                console.line(Record::of(one, signed.as_deref()).to_json());
            }
        }
        (Some(request), false) => console.bytes(request),
        (None, false) => made.iter().for_each(|one| console.line(&one.identity)),
    }
    Ok(Ok(()))
}

impl Arguments {
    /// Whether the flags go with the kind.
    fn check(&self) -> Result<(), Trouble> {
        let is_diversion = matches!(self.kind, Kind::Div | Kind::DivO);
        let is_rich = matches!(self.kind, Kind::Rcd | Kind::Rsp | Kind::Shaken);
        let has_originals = is_diversion || self.kind == Kind::Rsp;
        let misplaced = [
            (
                "--compact",
                self.compact && !matches!(self.kind, Kind::Base | Kind::Rcd),
            ),
            ("--div", self.div.is_some() && !is_diversion),
            ("--original", self.original.is_some() && !has_originals),
            ("--history", self.history.is_some() && !is_diversion),
            (
                "--reached",
                self.reached.is_some() && self.kind != Kind::Rsp,
            ),
            (
                "--fingerprint",
                !self.fingerprint.is_empty() && is_diversion,
            ),
            ("--rph", !self.rph.is_empty() && self.kind != Kind::Rph),
            ("--sph", self.sph && self.kind != Kind::Rph),
            ("rich call data", self.brand.is_given() && !is_rich),
        ];
        match misplaced
            .into_iter()
            .find(|(_, is_misplaced)| *is_misplaced)
        {
            Some((flag, _)) => Err(Trouble::NotOfKind(flag)),
            None => Ok(()),
        }
    }

    /// Whether the kind has the media keys of the request.
    fn signs_media_keys(&self) -> bool {
        !matches!(self.kind, Kind::Div | Kind::DivO | Kind::Rsp)
    }

    /// The media keys that the flags tell.
    fn media_keys(&self) -> Result<Option<MediaKeys>, Trouble> {
        match self.fingerprint.as_slice() {
            [] => Ok(None),
            some => MediaKeys::new(some.iter().cloned())
                .map(Some)
                .map_err(Trouble::Fingerprints),
        }
    }
}

pub(super) fn origid(given: Option<OrigId>) -> Result<OrigId, Trouble> {
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
pub(super) const fn fix(refusal: Refusal) -> &'static str {
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
        Refusal::NothingToDivert => {
            "; give a signed request, or --original FILE, or (kind div) --div TN"
        }
        Refusal::DiversionUnproven => "; give the div PASSporTs that lead to --reached, too",
        Refusal::NoMediaKeys => "; give --fingerprint, or a request whose SDP has some",
        Refusal::NothingToAnswer => "; give a signed request, or --original FILE",
        Refusal::IssuerNotOurs => "; --issuer is the subject's CN or O",
        Refusal::PriorityNotRequested => "; give --rph, and a request that has the value",
        Refusal::PriorityMisused => {
            "; values of emergency services are for calls to 911 (--to) and, with --sph, back from there"
        }
        Refusal::DiversionLoops
        | Refusal::DiversionWithheld
        | Refusal::NoRichData
        | Refusal::RichDataIncomplete
        | Refusal::SigningFailed
        | Refusal::Unlisted
        | Refusal::UnusableUri => "",
    }
}
