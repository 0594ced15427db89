//! `countersign certificate inspect`: what certificates say, one by one. Nothing is believed, and nothing is judged.
//!
//! [`record`] is what a certificate says, for programs; [`layout`] the same for people.

mod layout;
mod record;

use self::record::{Record, Unread};
use super::super::Outcome;
use super::super::console::{Console, visible};
use super::super::trouble::Trouble;
use super::documents::{Document, Inputs};
use super::pieces::{self, Piece};
use crate::clock::{Clock, SystemClock};
use clap::Args;
use countersign::certificate::Certificate;
use countersign::time::UnixTime;

/// Flags of `certificate inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign certificate inspect countersign-data/certificates/provider.pem
  countersign certificate inspect --json DIR | jq -r '[.file, .validity.not_after] | @tsv'
  countersign certificate inspect https://localhost:8443/certificates/provider.pem \\
    --allow-origin https://localhost:8443 --web-ca countersign-data/web-ca.pem
  openssl x509 -in any.pem -outform DER | countersign certificate inspect -

Every certificate is shown, in the order of its file. With --json each is one object, one a line.

Exit codes: 0 everything could be read, 1 something could not (it says what; the others are shown), 4 a repository did not \
give it, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// One JSON object per certificate, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    let now = SystemClock::start().now().unix;
    let mut shown = Shown {
        json: arguments.json,
        now,
        count: 0,
    };
    arguments.inputs.each(console, |document, console| {
        shown.document(document, console)
    })
}

/// What a file without certificates holds.
fn nothing(has_key: bool, others: &[&str]) -> String {
    match (has_key, others.first()) {
        (true, _) => "a private key, and no certificate".to_owned(),
        (false, Some(label)) => format!("{label}, and no certificate"),
        (false, None) => "no certificate in it".to_owned(),
    }
}

/// What was shown so far.
struct Shown {
    json: bool,
    now: UnixTime,
    count: usize,
}

impl Shown {
    fn document(&mut self, document: &Document, console: &mut Console) -> Outcome {
        let bytes = match &document.content {
            Ok(bytes) => bytes,
            Err(obstacle) => {
                self.unread(document, None, &obstacle.to_string(), console);
                return obstacle.outcome();
            }
        };
        let of = pieces::count(bytes);
        let (mut index, mut worst) = (0, Outcome::Done);
        let (mut has_key, mut others) = (false, Vec::new());
        for piece in pieces::pieces(bytes) {
            let outcome = match piece {
                Piece::BrokenPem => {
                    index += 1;
                    self.unread(document, Some((index, of)), "broken PEM", console)
                }
                Piece::Certificate(der) => {
                    index += 1;
                    self.certificate(document, (index, of), der.bytes(), console)
                }
                Piece::Other(label) => {
                    others.push(label);
                    Outcome::Done
                }
                Piece::PrivateKey => {
                    has_key = true;
                    Outcome::Done
                }
            };
            worst = worst.or_worse(outcome);
        }
        if index == 0 {
            let error = nothing(has_key, &others);
            return self.unread(document, None, &error, console);
        }
        if has_key {
            let file = visible(&document.name);
            console.warning(format_args!(
                "{file}: a private key stands among the certificates"
            ));
        }
        worst
    }

    fn certificate(
        &mut self,
        document: &Document,
        place: (usize, usize),
        der: &[u8],
        console: &mut Console,
    ) -> Outcome {
        let certificate = match Certificate::parse(der) {
            Ok(certificate) => certificate,
            Err(error) => {
                return self.unread(document, Some(place), &error.to_string(), console);
            }
        };
        let record = Record::of(&document.name, place.0, &certificate);
        if self.json {
            console.line(record.to_json());
        } else {
            self.title(document, Some(place), console);
            layout::print(&record, &certificate, self.now, console);
        }
        Outcome::Done
    }

    /// Tells why there is nothing to show.
    fn unread(
        &mut self,
        document: &Document,
        place: Option<(usize, usize)>,
        error: &str,
        console: &mut Console,
    ) -> Outcome {
        if self.json {
            let file = &document.name;
            let index = place.map(|(index, _)| index);
            console.line(Unread { file, index, error }.to_json());
        } else {
            self.title(document, place, console);
            layout::print_unread(error, console);
        }
        Outcome::Failed
    }

    fn title(&mut self, document: &Document, place: Option<(usize, usize)>, console: &mut Console) {
        if self.count > 0 {
            console.line("");
        }
        self.count += 1;
        layout::print_title(document, place, console);
    }
}
