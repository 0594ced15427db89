//! `countersign certificate verify`: whether a chain leads to an anchor, every check with its verdict.
//!
//! [`checks`] asks the path walker and tells its answer as a list, [`layout`] prints it for people, [`Record`] for programs.

mod checks;
mod layout;

use self::checks::{Check, Judged, Scopes, Verdict};
use super::super::Outcome;
use super::super::console::Console;
use super::super::moment::Moment;
use super::super::trouble::Trouble;
use super::super::trust::{self, TrustFlags};
use super::documents::{Document, Inputs, Obstacle};
use super::names::hex;
use super::pieces::{self, Piece};
use crate::clock::{Clock, SystemClock};
use clap::Args;
use countersign::certificate::chain::MAX_CHAIN_CERTIFICATES;
use countersign::certificate::delegation::{ProviderNumbers, Unknown};
use countersign::time::UnixTime;
use countersign::trust::Trust;
use countersign::verification::{Fault, path_fault};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Flags of `certificate verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign certificate verify countersign-data/certificates/provider.pem \\
    --trust countersign-data/anchor.pem
  countersign certificate verify chain.pem --trust anchors.pem --crl sti.crl --crl-issuer signer.pem
  countersign certificate verify chain.pem --trust anchors.pem --at 2026-11-05T00:00:00Z --json
  countersign certificate verify https://localhost:8443/certificates/provider.pem \\
    --trust countersign-data/anchor.pem \\
    --allow-origin https://localhost:8443 --web-ca countersign-data/web-ca.pem

Each file is one chain: the signer's certificate first, then whoever certified the one before. It is judged as a call's would \
be, at that time and under these anchors; `certificate audit` judges authorities and collections.

Exit codes: 0 passed, 1 failed, 4 not validated (a check could not be made), 2 wrong use or could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Trust anchors (PEM): whoever is in the file is believed, a lab too; may be given several times
    #[arg(long, value_name = "ANCHORS.pem", required = true)]
    trust: Vec<PathBuf>,
    #[command(flatten)]
    belief: TrustFlags,
    /// The TN Authorization List (DER) behind every URL that certificates have one by; nothing is fetched for that here
    #[arg(long, value_name = "LIST.der")]
    tn_auth_list: Option<PathBuf>,
    /// The time to judge at: Unix seconds or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    at: Option<Moment>,
    /// One JSON object per chain, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    let now = SystemClock::start().now().unix;
    let at = arguments.at.map_or(now, |at| at.0);
    let anchors = trust::read_anchors(&arguments.trust)?;
    let trust = arguments.belief.trust(anchors, at)?;
    let records = arguments.belief.number_records()?;
    let list = arguments
        .tn_auth_list
        .as_deref()
        .map(trust::read_tn_auth_list);
    let list = list.transpose()?.map(Arc::new);
    let providers = records
        .as_ref()
        .map_or(&Unknown as &dyn ProviderNumbers, |records| records);
    let bench = Bench {
        trust,
        scopes: Scopes { providers, list },
        at,
        json: arguments.json,
    };
    let mut count = 0;
    arguments.inputs.each(console, |document, console| {
        count += 1;
        if !arguments.json && count > 1 {
            console.line("");
        }
        bench.look(document, console)
    })
}

/// What every chain is judged with.
struct Bench<'a> {
    trust: Trust,
    scopes: Scopes<'a>,
    at: UnixTime,
    json: bool,
}

impl Bench<'_> {
    fn look(&self, document: &Document, console: &mut Console) -> Outcome {
        let bytes = match &document.content {
            Ok(bytes) => bytes,
            Err(obstacle) => {
                match self.json {
                    true => console.line(Record::unread(document, obstacle).to_json()),
                    false => layout::print_unread(&document.name, &obstacle.to_string(), console),
                }
                return obstacle.outcome();
            }
        };
        let judged = checks::judge(&certificates(bytes), &self.scopes, &self.trust, self.at);
        match self.json {
            true => console.line(Record::of(document, &judged, &self.trust).to_json()),
            false => layout::print(&document.name, &judged, &self.trust, console),
        }
        match judged.verdict() {
            Verdict::Failed => Outcome::Failed,
            Verdict::Passed | Verdict::Skipped => Outcome::Done,
            Verdict::Unavailable => Outcome::NotValidated,
        }
    }
}

/// The certificates of a file in DER, as far as a chain may be long and one more. A broken one is none at all.
fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    let found = pieces::pieces(bytes).filter_map(|piece| match piece {
        Piece::BrokenPem => Some(Vec::new()),
        Piece::Certificate(der) => Some(der.bytes().to_vec()),
        Piece::Other(_) | Piece::PrivateKey => None,
    });
    found.take(MAX_CHAIN_CERTIFICATES + 1).collect()
}

/// One chain, as programs are told; its shape is what other people's scripts rely on.
#[derive(Debug, Serialize)]
struct Record<'a> {
    file: &'a str,
    verdict: &'static str,
    fault: Option<&'static str>,
    detail: Option<String>,
    signer: Option<Signer>,
    anchor: Option<Anchor>,
    /// When every certificate is valid, the anchor's included.
    validity: Option<Validity>,
    checks: Vec<CheckRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct Signer {
    subject: String,
    sha256: String,
    providers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Anchor {
    subject: String,
    sha256: String,
}

#[derive(Debug, Serialize)]
struct Validity {
    not_before: String,
    not_after: String,
}

#[derive(Debug, Serialize)]
struct CheckRecord<'a> {
    check: &'static str,
    verdict: &'static str,
    detail: Option<&'a str>,
}

/// The name of the verdict over a chain.
const fn named(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Failed => "failed",
        Verdict::Passed | Verdict::Skipped => "passed",
        Verdict::Unavailable => "not-validated",
    }
}

impl<'a> Record<'a> {
    fn of(document: &'a Document, judged: &'a Judged, trust: &Trust) -> Self {
        let signer = judged.chain.as_ref().map(|chain| {
            let certificate = chain.end_entity();
            let list = certificate.tn_auth_list();
            let providers = list.map(|list| list.providers()).unwrap_or_default();
            Signer {
                subject: certificate.subject().to_string(),
                sha256: hex(&certificate.sha256()),
                providers: providers.iter().map(ToString::to_string).collect(),
            }
        });
        Self {
            file: &document.name,
            verdict: named(judged.verdict()),
            fault: judged.fault.as_ref().map(|fault| path_fault(fault).name()),
            detail: judged.detail().map(str::to_owned),
            signer,
            anchor: anchor(judged, trust).map(|(subject, sha256)| Anchor { subject, sha256 }),
            validity: judged.path.as_ref().map(|path| Validity {
                not_before: path.validity().not_before.to_string(),
                not_after: path.validity().not_after.to_string(),
            }),
            checks: judged
                .lines
                .iter()
                .map(|line| CheckRecord {
                    check: line.check.name(),
                    verdict: line.verdict.name(),
                    detail: line.detail.as_deref(),
                })
                .collect(),
        }
    }

    fn unread(document: &'a Document, obstacle: &Obstacle) -> Self {
        let (verdict, fault) = match obstacle {
            Obstacle::Url(_) => (Verdict::Failed, Fault::X5uInvalid),
            Obstacle::NothingInFolder | Obstacle::TooLarge => (Verdict::Failed, Fault::PathInvalid),
            Obstacle::Unavailable(_) | Obstacle::Unreadable(_) => {
                (Verdict::Unavailable, Fault::CertificateUnavailable)
            }
        };
        Self {
            file: &document.name,
            verdict: named(verdict),
            fault: Some(fault.name()),
            detail: Some(obstacle.to_string()),
            signer: None,
            anchor: None,
            validity: None,
            checks: Vec::new(),
        }
    }

    fn to_json(&self) -> String {
        // Strings and lists: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The anchor that the path leads to: its name and its SHA-256.
fn anchor(judged: &Judged, trust: &Trust) -> Option<(String, String)> {
    let wanted = judged.path.as_ref()?.anchor();
    let mut anchors = trust.anchors().iter().map(|anchor| anchor.certificate());
    let anchor = anchors.find(|anchor| anchor.sha256() == wanted)?;
    Some((anchor.subject().to_string(), hex(&wanted)))
}

/// Whether the chain was judged by an authority's own certificate, which is a usual mistake.
fn is_an_authoritys(judged: &Judged) -> bool {
    let mut failed = judged
        .lines
        .iter()
        .filter(|line| line.verdict == Verdict::Failed);
    let chain = judged.chain.as_ref().map(|chain| chain.certificates());
    failed.any(|line| line.check == Check::Signer)
        && chain.is_some_and(|all| all.iter().all(|one| one.is_ca()))
}
