//! `countersign ca sign`: a certificate for what a request asks, by a key at hand: how a root without a network makes authorities.

use super::super::Outcome;
use super::super::console::Console;
use super::issuance;
use super::names::{self, MAX_DAYS, MAX_HOURS, ProfileChoice};
use super::record::{self, Form};
use super::trouble::CaTrouble;
use crate::clock::{Clock, SystemClock};
use crate::files;
use clap::Args;
use const_oid::ObjectIdentifier;
use countersign::certificate::chain::pem;
use countersign::certificate::{Certificate, pem as armour};
use countersign_ca::csr::CertificationRequest;
use countersign_ca::extension::PathLength;
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::{Authority, CrlPoint, Practice, Profile, Request, Subject, conformity};
use std::path::{Path, PathBuf};

/// Flags of `ca sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca sign ca.csr --key root.key --certificate root.pem --out ca.pem \\
    --crl-url https://pa.example.org/crl/all.crl --crl-issuer crl.pem
  countersign ca sign crl.csr --profile crl-issuer --key root.key --certificate root.pem --out crl.pem
    (before it: who signs the lists, where nobody does yet)
  countersign ca sign numbers.csr --profile delegate-ca --key ca.key --certificate ca.pem --out numbers.pem --days 90

What is issued is what the profile says, not what the request says: of the request come the key, the name and the list of \
numbers. It is judged before the key is used: within the issuer's numbers, within its life, and by the rules of \
`countersign certificate lint`. The file gets the new certificate and those above it.

Exit codes: 0 done, 1 refused, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// The request, PEM or DER
    #[arg(value_name = "REQUEST")]
    request: PathBuf,
    /// The key of the issuer: a file, or a pkcs11: URI
    #[arg(long, value_name = "FILE|URI")]
    key: String,
    /// The certificate of the issuer and those above it
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// What it is for
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileChoice,
    /// Most authorities below the new one
    #[arg(long, value_name = "N", default_value_t = 0)]
    path_length: u8,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 1_825, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
    days: i64,
    /// The same in hours, such as for a delegate of an authority that has less than a day left
    #[arg(long, value_name = "N", conflicts_with = "days", value_parser = clap::value_parser!(i64).range(1..=MAX_HOURS))]
    hours: Option<i64>,
    /// The policy it is issued under [default: that of SHAKEN]
    #[arg(long, value_name = "OID", conflicts_with = "no_policy")]
    policy: Option<ObjectIdentifier>,
    /// It is issued under no policy
    #[arg(long)]
    no_policy: bool,
    /// Where its revocation is published
    #[arg(long, value_name = "URL")]
    crl_url: Option<String>,
    /// The certificate of who signs that list [default: the issuer's; SHAKEN's policy wants another]
    #[arg(long, value_name = "FILE", requires = "crl_url")]
    crl_issuer: Option<PathBuf>,
    /// A rule of `countersign certificate lint` that may be broken; may be given several times
    #[arg(long, value_name = "NAME")]
    ignore_lint: Vec<String>,
    /// The file for the certificate
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    names::is_new(&arguments.out)?;
    let asked = read(&arguments.request)?;
    let above = names::chain(&arguments.certificate)?;
    let place = names::key_place(&arguments.key)?;
    let key = place.open().map_err(|fault| CaTrouble::Key(place, fault))?;
    let issuer = above.end_entity().clone();
    let practice = practice(arguments, &issuer)?;
    let authority = Authority::new(issuer, key, practice)?;
    let request = wanted(&asked, arguments.profile, arguments.path_length)?;
    let now = SystemClock::start().now().unix;
    let validity = names::lasting(now, arguments.days, arguments.hours);
    let validity = names::within(validity, authority.certificate().validity());
    let serial = names::serial()?;
    let own = authority.certificate().subject();
    let exempt: Vec<_> = conformity::exempt(&request, authority.practice(), own).collect();
    issuance::rehearse(&authority.draft(&request, serial, validity), |name| {
        exempt.contains(&name) || arguments.ignore_lint.iter().any(|one| one == name)
    })?;
    let issued = authority.issue(&request, serial, validity)?;
    let chain = pem(issued.as_der()) + &above.to_pem();
    files::publish(&arguments.out, chain.as_bytes())
        .map_err(|error| CaTrouble::Unwritable(arguments.out.clone(), error))?;
    record::tell(
        &arguments.out,
        &issued,
        None,
        Form::of(arguments.json),
        console,
    );
    Ok(Outcome::Done)
}

fn practice(arguments: &Arguments, issuer: &Certificate) -> Result<Practice, CaTrouble> {
    let policy = arguments.policy.unwrap_or(SHAKEN_POLICY);
    let crl_issuer = match &arguments.crl_issuer {
        Some(path) => names::chain(path)?.end_entity().subject().clone(),
        None => issuer.subject().clone(),
    };
    Ok(Practice {
        policy: (!arguments.no_policy).then_some(policy),
        crl: arguments.crl_url.as_deref().map(|url| CrlPoint {
            url: url.into(),
            issuer: crl_issuer,
        }),
        ocsp: None,
    })
}

/// Of the request come the key, the name and the list of numbers.
pub(super) fn wanted(
    asked: &CertificationRequest,
    profile: ProfileChoice,
    path_length: u8,
) -> Result<Request, CaTrouble> {
    let subject = Subject::requested(asked.subject()).map_err(CaTrouble::Subject)?;
    let length = PathLength::AtMost(path_length);
    let profile = match profile {
        ProfileChoice::CrlIssuer => Profile::CrlIssuer,
        ProfileChoice::OcspResponder => Profile::OcspResponder,
        ProfileChoice::Delegate => Profile::Delegate,
        ProfileChoice::DelegateCa => Profile::DelegateCa(length),
        ProfileChoice::EndEntity => Profile::EndEntity,
        ProfileChoice::Intermediate => Profile::Intermediate(length),
    };
    let request = Request::new(profile, subject, *asked.public_key());
    Ok(match asked.tn_auth_list() {
        Some((list, _)) => request.with_scope(list.clone()),
        None => request,
    })
}

/// A request in PEM or DER.
pub(super) fn read(path: &Path) -> Result<CertificationRequest, CaTrouble> {
    let bytes = files::read(path).map_err(|fault| CaTrouble::File(path.into(), fault))?;
    let requests = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
    let block = armour::blocks(&bytes).find(|block| requests.contains(&block.label()));
    let der = block.and_then(|block| block.der().ok());
    let request = CertificationRequest::parse(der.as_deref().unwrap_or(&bytes));
    request.map_err(|fault| CaTrouble::Request(path.into(), fault))
}
