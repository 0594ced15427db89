//! A journal proven from its first record to its last, and the ledger rebuilt from it.
//!
//! Four questions: does every record follow the one before it; is everything there that a checkpoint was signed for; can all
//! events be true together; and is every certificate signed by the authority that it names. Nothing is repaired.

use super::checkpoints::Ahead;
use crate::store::{EventStore, Unavailable};
use countersign::certificate::rules::AuthorityAlgorithms;
use countersign::certificate::{Certificate, signature};
use countersign::crypto::AwsLc;
use countersign_ca::journal::{Broken, Chain, Checkpoint, Head};
use countersign_ca::ledger::{Event, Ledger};
use countersign_ca::register::{CertificateName, Contradiction};
use std::fmt;

/// Most records that are read at a time.
const PAGE: usize = 1_000;

/// What an audit has found.
#[derive(Debug)]
pub struct Audit {
    /// The last record that was proven.
    pub head: Head,
    /// Checkpoints that agree with the journal.
    pub checkpoints: usize,
    /// The ledger up to there.
    pub ledger: Ledger,
    /// What is wrong; nothing, if all is well.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A record does not follow the one before it, or is missing. What comes after it proves nothing.
    Broken(Broken),
    /// Two events cannot both be true.
    Contradiction(Contradiction),
    /// No authority that was given has signed this certificate.
    Unsigned(CertificateName),
    /// This event is not known: a later version has written it.
    UnknownEvent(u64),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(broken) => broken.fmt(f),
            Self::Contradiction(contradiction) => contradiction.fmt(f),
            Self::Unsigned(name) => write!(
                f,
                "certificate {} is not signed by the authority it names",
                name.serial
            ),
            Self::UnknownEvent(position) => {
                write!(f, "the event of record {position} is not known")
            }
        }
    }
}

/// Proves a journal against `checkpoints`, and its certificates against those of `authorities` (of none, if that is not to be
/// asked).
///
/// # Errors
/// [`Unavailable`] if it cannot be read.
pub fn audit(
    store: &dyn EventStore,
    stream: &str,
    checkpoints: &[Checkpoint],
    authorities: &[Certificate],
) -> Result<Audit, Unavailable> {
    let mut reading = Reading::new(stream, checkpoints);
    loop {
        let after = reading.chain.head().position;
        let lines = store.read(stream, after, PAGE)?;
        let is_whole = lines.iter().all(|line| reading.take(line));
        if !is_whole || lines.len() < PAGE {
            break;
        }
    }
    Ok(reading.end(authorities))
}

/// An audit under way.
struct Reading<'a> {
    chain: Chain,
    ledger: Ledger,
    findings: Vec<Finding>,
    ahead: Ahead<'a>,
}

impl<'a> Reading<'a> {
    fn new(stream: &str, checkpoints: &'a [Checkpoint]) -> Self {
        let mut reading = Self {
            chain: Chain::at(Head::beginning(stream)),
            ledger: Ledger::default(),
            findings: Vec::new(),
            ahead: Ahead::of(stream, checkpoints),
        };
        reading.meet();
        reading
    }

    /// Takes one line; whether there is sense in taking the next.
    fn take(&mut self, line: &[u8]) -> bool {
        let record = match self.chain.follow(line) {
            Ok(record) => record,
            Err(broken) => {
                self.findings.push(Finding::Broken(broken));
                return false;
            }
        };
        match Event::from_json(&record.event) {
            Ok(event) => self.ledger.apply(&event),
            Err(_) => self.findings.push(Finding::UnknownEvent(record.position)),
        }
        self.meet();
        true
    }

    /// Compares the head with the checkpoints of this position.
    fn meet(&mut self) {
        let met = self.ahead.meet(self.chain.head());
        self.findings.extend(met.err().map(Finding::Broken));
    }

    fn end(mut self, authorities: &[Certificate]) -> Audit {
        let is_whole = !self
            .findings
            .iter()
            .any(|finding| matches!(finding, Finding::Broken(_)));
        // Where a record is damaged, what lies behind it is not missing.
        if is_whole {
            let cut_off = self.ahead.end().err();
            self.findings.extend(cut_off.map(Finding::Broken));
        }
        let contradictions = self.ledger.register.contradictions().iter().cloned();
        self.findings
            .extend(contradictions.map(Finding::Contradiction));
        let unsigned = unsigned(&self.ledger, authorities);
        self.findings.extend(unsigned.map(Finding::Unsigned));
        Audit {
            head: self.chain.head(),
            checkpoints: self.ahead.met(),
            ledger: self.ledger,
            findings: self.findings,
        }
    }
}

/// Certificates that no one of `authorities` has signed.
fn unsigned<'a>(
    ledger: &'a Ledger,
    authorities: &'a [Certificate],
) -> impl Iterator<Item = CertificateName> + 'a {
    let issued = ledger.register.certificates();
    let issued = issued.filter_map(|(name, entry)| Some((name, entry.certificate()?)));
    issued
        .filter(|_| !authorities.is_empty())
        .filter(|(_, der)| !is_signed(der, authorities))
        .map(|(name, _)| name.clone())
}

fn is_signed(der: &[u8], authorities: &[Certificate]) -> bool {
    let Ok(certificate) = Certificate::parse(der) else {
        return false;
    };
    authorities.iter().any(|authority| {
        authority.subject().matches(certificate.issuer()) && is_signed_by(&certificate, authority)
    })
}

fn is_signed_by(certificate: &Certificate, authority: &Certificate) -> bool {
    let any = AuthorityAlgorithms::default();
    signature::verify(certificate.signed(), authority.public_key(), any, &AwsLc).is_ok()
}
