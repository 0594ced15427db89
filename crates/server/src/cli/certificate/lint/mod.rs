//! `countersign certificate lint`: what profiles ask of certificates and of the repositories that serve them, and who breaks it.
//!
//! The rules about a certificate are those of `countersign::certificate::lint`; those about where and how it is served are in
//! [`repository`], and are told with the first certificate of a file or URL. [`layout`] tells people, and [`Record`] programs.

mod layout;
mod repository;

use self::repository::{Contents, Offer};
use super::super::Outcome;
use super::super::console::Console;
use super::super::trouble::Trouble;
use super::documents::{Document, Inputs, Obstacle};
use super::names::hex;
use super::pieces::{self, Piece};
use clap::Args;
use countersign::certificate::Certificate;
use countersign::certificate::lint::{self, Finding, Severity};
use serde::Serialize;
use std::collections::BTreeMap;

/// Flags of `certificate lint`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign certificate lint countersign-data/certificates/provider.pem
  countersign certificate lint https://localhost:8443/certificates/provider.pem \\
    --allow-origin https://localhost:8443 --web-ca countersign-data/web-ca.pem
  countersign certificate lint --json DIR | jq -r '.errors[]' | sort | uniq -c

Every certificate is asked by every rule that bound it when it was issued. Rules about the repository (e_repository_…) are \
asked of URLs, and of files where they apply: a private key inside, a chain out of order. With --json each certificate is one \
object, one a line.

Exit codes: 0 no errors (there may be warnings), 1 errors, or something could not be read, 4 a repository did not give it, \
2 wrong use or could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// One JSON object per certificate, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    let mut told = Told {
        json: arguments.json,
        certificates: 0,
        clean: 0,
        broken: BTreeMap::new(),
    };
    let outcome = arguments.inputs.each(console, |document, console| {
        told.document(document, console)
    })?;
    if !told.json && told.certificates > 1 {
        layout::print_summary(&told, console);
    }
    Ok(outcome)
}

/// One certificate, as programs are told; its shape is what other people's scripts rely on.
#[derive(Debug, Default, Serialize)]
struct Record<'a> {
    file: &'a str,
    /// `null` if there is no certificate.
    sha256: Option<String>,
    errors: Vec<&'static str>,
    warnings: Vec<&'static str>,
    /// Why there is nothing to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What was told so far.
struct Told {
    json: bool,
    certificates: u64,
    /// Certificates without findings.
    clean: u64,
    /// Rules that were broken, and by how many.
    broken: BTreeMap<&'static str, u64>,
}

/// Which certificate of which document.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    index: usize,
    count: usize,
}

impl Told {
    fn document(&mut self, document: &Document, console: &mut Console) -> Outcome {
        let contents = match &document.content {
            Ok(bytes) => Contents::of(bytes),
            Err(_) => Contents::default(),
        };
        let mut served = repository::run(&Offer {
            url: document.url(),
            visit: document.visit(),
            contents: &contents,
        });
        let mut place = Place {
            file: &document.name,
            index: 0,
            count: contents.certificates(),
        };
        let bytes = match &document.content {
            Ok(bytes) => bytes.as_slice(),
            // What a rule has told already: a URL that may not be fetched from, an answer of another status.
            Err(_) if document.visit().is_some() => &[],
            Err(Obstacle::Url(_)) => &[],
            Err(obstacle) => {
                let told = self.tell(
                    place,
                    &Asked::Nothing(&obstacle.to_string()),
                    served,
                    console,
                );
                return told.or_worse(obstacle.outcome());
            }
        };
        let mut worst = Outcome::Done;
        for piece in pieces::pieces(bytes) {
            let outcome = match piece {
                Piece::Other(_) | Piece::PrivateKey => continue,
                Piece::BrokenPem => {
                    place.index += 1;
                    self.unread(place, "broken PEM", console)
                }
                Piece::Certificate(der) => {
                    place.index += 1;
                    match Certificate::parse(der.bytes()) {
                        Err(error) => self.unread(place, &error.to_string(), console),
                        Ok(certificate) => {
                            let mut findings = std::mem::take(&mut served);
                            findings.extend(lint::run(&certificate));
                            self.tell(place, &Asked::Certificate(&certificate), findings, console)
                        }
                    }
                }
            };
            worst = worst.or_worse(outcome);
        }
        // Nobody has told what is wrong with the repository: there was no certificate to tell it with.
        if !served.is_empty() {
            return worst.or_worse(self.tell(place, &Asked::Repository, served, console));
        }
        match place.index {
            0 => self.unread(place, "no certificate in it", console),
            _ => worst,
        }
    }

    fn unread(&mut self, place: Place<'_>, error: &str, console: &mut Console) -> Outcome {
        self.tell(place, &Asked::Nothing(error), Vec::new(), console);
        Outcome::Failed
    }

    /// Tells what was found, as programs or people want it.
    fn tell(
        &mut self,
        place: Place<'_>,
        asked: &Asked<'_>,
        findings: Vec<Finding>,
        console: &mut Console,
    ) -> Outcome {
        if let Asked::Certificate(_) = asked {
            self.certificates += 1;
            self.clean += u64::from(findings.is_empty());
        }
        for finding in &findings {
            *self.broken.entry(finding.name).or_default() += 1;
        }
        let named = |severity| -> Vec<_> {
            let of = findings.iter().filter(|one| one.severity == severity);
            of.map(|one| one.name).collect()
        };
        let record = Record {
            file: place.file,
            sha256: match asked {
                Asked::Certificate(certificate) => Some(hex(&certificate.sha256())),
                Asked::Nothing(_) | Asked::Repository => None,
            },
            errors: named(Severity::Error),
            warnings: named(Severity::Warning),
            error: match *asked {
                Asked::Nothing(error) => Some(error),
                Asked::Certificate(_) | Asked::Repository => None,
            },
        };
        if self.json {
            console.line(record.to_json());
        } else {
            layout::print(place, record.error, &findings, console);
        }
        match record.errors.is_empty() {
            true => Outcome::Done,
            false => Outcome::Failed,
        }
    }
}

/// What was asked.
enum Asked<'a> {
    /// A certificate, and with the first one the repository.
    Certificate(&'a Certificate),
    /// Nothing, for this reason; the URL may have been judged all the same.
    Nothing(&'a str),
    /// The repository alone: there is no certificate.
    Repository,
}

impl Record<'_> {
    /// One line.
    fn to_json(&self) -> String {
        // Strings and lists: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}
