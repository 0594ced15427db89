//! `countersign certificate audit`: every certificate of a folder against every other, without the network.
//!
//! For each certificate: who has issued it ([`library`]), whether its scope lies within its parent's
//! ([RFC 9060 §4](https://www.rfc-editor.org/rfc/rfc9060#section-4)), whether it was revoked ([`judge`]), and whether somebody
//! else has the same numbers ([`overlap`]). [`layout`] tells people, and [`Record`] programs.

mod judge;
mod layout;
mod library;
mod overlap;

use self::judge::{Bench, Finding, Judgement, Kind, Weight};
use self::library::{Known, Library};
use super::super::Outcome;
use super::super::console::Console;
use super::super::moment::Moment;
use super::super::trouble::Trouble;
use super::super::trust::{self, TrustFlags};
use super::documents::{Document, Inputs};
use super::names::hex;
use super::pieces::{self, Piece};
use crate::clock::{Clock, SystemClock};
use clap::Args;
use countersign::certificate::Certificate;
use countersign::certificate::delegation::{ProviderNumbers, Unknown};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;

/// Flags of `certificate audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign certificate audit countersign-data
  countersign certificate audit DIR --crl sti.crl --crl-issuer signer.pem
  countersign certificate audit --json DIR | jq -r 'select(.verdict == \"failed\") | .file'

Parents are found by key identifier and name among all certificates that are known, and by nothing else: nothing is fetched \
to complete them. A scope is judged against the parent's; numbers below a provider's code are taken on the word of its \
authority, and said to be. With --json each certificate is one object, one a line.

Exit codes: 0 nothing is wrong, 1 something is (or could not be read), 4 something could not be checked (a parent is missing, \
no list speaks of a revocation), 2 wrong use or could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Anchors (PEM) that stand above what is in the folder; may be given several times
    #[arg(long, value_name = "ANCHORS.pem")]
    trust: Vec<PathBuf>,
    #[command(flatten)]
    belief: TrustFlags,
    /// The time to judge at: Unix seconds or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    at: Option<Moment>,
    /// Name every certificate, also those about which there is nothing to say or only that their time is over
    #[arg(long)]
    all: bool,
    /// One JSON object per certificate, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    let now = SystemClock::start().now().unix;
    let at = arguments.at.map_or(now, |at| at.0);
    let anchors = trust::read_anchors(&arguments.trust)?;
    let trust = arguments.belief.trust(anchors, at)?;
    let records = arguments.belief.number_records()?;
    let mut library = Library::new(trust.rules().authority_algorithms);
    for anchor in trust.anchors() {
        library.add(anchor.certificate().clone(), None);
    }
    let mut intake = Intake {
        library,
        json: arguments.json,
    };
    let read = arguments.inputs.each(console, |document, console| {
        intake.document(document, console)
    })?;
    let mut library = intake.library;
    library.complete();
    let bench = Bench {
        library: &library,
        trust: &trust,
        providers: records
            .as_ref()
            .map_or(&Unknown as &dyn ProviderNumbers, |records| records),
        at,
    };
    let judged = judge_all(&bench, arguments, console);
    Ok(read.or_worse(judged))
}

/// Takes certificates in; what cannot be read is told at once.
struct Intake {
    library: Library,
    json: bool,
}

impl Intake {
    fn document(&mut self, document: &Document, console: &mut Console) -> Outcome {
        let bytes = match &document.content {
            Ok(bytes) => bytes,
            Err(obstacle) => {
                self.unread(document, &obstacle.to_string(), console);
                return obstacle.outcome();
            }
        };
        let file: Rc<str> = document.name.as_str().into();
        let (mut found, mut worst) = (0_usize, Outcome::Done);
        for piece in pieces::pieces(bytes) {
            let error = match piece {
                Piece::Other(_) | Piece::PrivateKey => continue,
                Piece::BrokenPem => "broken PEM".to_owned(),
                Piece::Certificate(der) => match Certificate::parse(der.bytes()) {
                    Err(error) => error.to_string(),
                    Ok(certificate) => {
                        found += 1;
                        self.library.add(certificate, Some(file.clone()));
                        continue;
                    }
                },
            };
            found += 1;
            self.unread(document, &error, console);
            worst = Outcome::Failed;
        }
        if found == 0 {
            self.unread(document, "no certificate in it", console);
            worst = Outcome::Failed;
        }
        worst
    }

    fn unread(&self, document: &Document, error: &str, console: &mut Console) {
        if self.json {
            let unread = Unread {
                file: &document.name,
                error,
            };
            // Two strings: nothing that JSON could not hold.
            console.line(serde_json::to_string(&unread).unwrap_or_default());
        } else {
            layout::print_unread(&document.name, error, console);
        }
    }
}

fn judge_all(bench: &Bench<'_>, arguments: &Arguments, console: &mut Console) -> Outcome {
    let overlaps: HashMap<_, _> = overlap::find(bench.library)
        .into_iter()
        .map(|overlap| (overlap.position, overlap))
        .collect();
    let (mut worst, mut tally) = (Outcome::Done, Tally::default());
    for (position, known) in bench.library.iter() {
        // Anchors that were named are believed, not audited.
        let Some(file) = &known.file else { continue };
        let mut judgement = bench.judge(position);
        if let Some(overlap) = overlaps.get(&position) {
            judgement
                .findings
                .push(overlap_finding(overlap, bench.library));
        }
        tally.count(&judgement);
        worst = worst.or_worse(match judgement.weight() {
            Weight::Information => Outcome::Done,
            Weight::NotValidated => Outcome::NotValidated,
            Weight::Failed => Outcome::Failed,
        });
        if arguments.json {
            console.line(Record::of(file, known, &judgement, bench.library).to_json());
        } else if arguments.all || judgement.is_worth_telling() {
            layout::print(file, known, &judgement, console);
        }
        console.progress(format_args!(
            "{} of {} judged",
            position + 1,
            bench.library.len()
        ));
    }
    if !arguments.json {
        layout::print_summary(&tally, console);
    }
    worst
}

fn overlap_finding(overlap: &overlap::Overlap, library: &Library) -> Finding {
    let other = library.get(overlap.other);
    let other = other.map_or_else(String::new, |other| {
        let file = other.file.as_deref().unwrap_or_default();
        format!("{} in {file}", other.certificate.subject())
    });
    Finding {
        kind: Kind::ScopesOverlap,
        detail: format!("{} is also in the scope of {other}", overlap.at),
    }
}

/// How many of what.
#[derive(Debug, Default)]
struct Tally {
    certificates: u64,
    verdicts: BTreeMap<&'static str, u64>,
    findings: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn count(&mut self, judgement: &Judgement) {
        self.certificates += 1;
        *self
            .verdicts
            .entry(judgement.weight().verdict())
            .or_default() += 1;
        for finding in &judgement.findings {
            *self.findings.entry(finding.kind.name()).or_default() += 1;
        }
    }
}

/// One certificate, as programs are told; its shape is what other people's scripts rely on.
#[derive(Debug, Serialize)]
struct Record<'a> {
    file: &'a str,
    sha256: String,
    subject: String,
    verdict: &'static str,
    /// SHA-256 of its parent, if that is known.
    parent: Option<String>,
    findings: Vec<FindingRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct FindingRecord<'a> {
    finding: &'static str,
    verdict: &'static str,
    detail: &'a str,
}

/// What cannot be read.
#[derive(Debug, Serialize)]
struct Unread<'a> {
    file: &'a str,
    error: &'a str,
}

impl<'a> Record<'a> {
    fn of(file: &'a str, known: &Known, judgement: &'a Judgement, library: &Library) -> Self {
        let parent = judgement.parent.and_then(|parent| library.get(parent));
        let findings = judgement.findings.iter().map(|finding| FindingRecord {
            finding: finding.kind.name(),
            verdict: finding.kind.weight().verdict(),
            detail: &finding.detail,
        });
        Self {
            file,
            sha256: hex(&known.sha256),
            subject: known.certificate.subject().to_string(),
            verdict: judgement.weight().verdict(),
            parent: parent.map(|parent| hex(&parent.sha256)),
            findings: findings.collect(),
        }
    }

    fn to_json(&self) -> String {
        // Strings and lists: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}
