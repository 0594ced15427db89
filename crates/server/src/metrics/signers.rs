//! Verdicts and errors by signer: who it is that signs well, and who does not.
//!
//! A signer is named by what its certificate says, and only if that certificate leads to an anchor of ours: nobody else gets a row, so
//! a stranger's certificates fill no table. There are [`MAX_SIGNERS`] rows at most; who comes later is counted together with all
//! others. A certificate for one telephone number may be named after it: long numbers are never shown.

use super::family::Family;
use super::{escaped, write_head};
use arc_swap::ArcSwap;
use countersign::verification::{Fault, Verdict};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most signers that are counted apart. The register of SHAKEN providers has some 1,100 names; most calls come from far fewer, and each row
/// is four series for whoever collects them, and one more for each kind of error that the signer makes.
pub const MAX_SIGNERS: usize = 256;

/// Most characters of a signer's name. Subjects of SHAKEN certificates ("SHAKEN 1234") are far shorter.
pub const MAX_SIGNER_CHARS: usize = 64;

/// Digits, in one piece or with the marks that people write between them, from which on it may be somebody's telephone number: the
/// shortest subscriber numbers have as many. A provider code has four.
const NUMBER_DIGITS: usize = 7;

const CALLS: &str = "countersign_signer_calls_total";
const CALLS_HELP: &str =
    "Judged calls by signer, whose certificate leads to an anchor, and verdict.";
const ERRORS: &str = "countersign_signer_errors_total";
const ERRORS_HELP: &str =
    "Errors of PASSporTs, whatever became of their calls, by signer and fault.";

/// The name of all who have no row.
const OTHER: &str = "other";

/// Counters of one signer.
#[derive(Debug)]
struct Row {
    passed: AtomicU64,
    failed: AtomicU64,
    not_validated: AtomicU64,
    unsigned: AtomicU64,
    /// Errors, by the name of the fault: as many series as there are faults at most.
    errors: Family<1>,
}

impl Default for Row {
    fn default() -> Self {
        let zero = AtomicU64::default;
        Self {
            passed: zero(),
            failed: zero(),
            not_validated: zero(),
            unsigned: zero(),
            errors: Family::new(ERRORS, ERRORS_HELP, ["fault"]),
        }
    }
}

impl Row {
    fn of(&self, verdict: Verdict) -> &AtomicU64 {
        match verdict {
            Verdict::Passed => &self.passed,
            Verdict::Failed(_) => &self.failed,
            Verdict::NotValidated(_) => &self.not_validated,
            Verdict::Unsigned => &self.unsigned,
        }
    }
}

/// Verdicts by signer.
#[derive(Debug, Default)]
pub struct Signers {
    rows: ArcSwap<HashMap<Box<str>, Arc<Row>>>,
    others: Row,
}

impl Signers {
    /// Counts a verdict about a call of this signer.
    pub fn increment(&self, signer: &str, verdict: Verdict) {
        self.count(signer, |row| {
            row.of(verdict).fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Counts an error of a PASSporT of this signer.
    pub fn err(&self, signer: &str, fault: Fault) {
        self.count(signer, |row| row.errors.increment([fault.name()]));
    }

    fn count(&self, signer: &str, count: impl Fn(&Row)) {
        let end = signer.char_indices().nth(MAX_SIGNER_CHARS);
        let signer = end.and_then(|(end, _)| signer.get(..end)).unwrap_or(signer);
        if !self.count_known(signer, &count) {
            self.make(signer);
            if !self.count_known(signer, &count) {
                count(&self.others);
            }
        }
    }

    fn count_known(&self, signer: &str, count: impl Fn(&Row)) -> bool {
        let rows = self.rows.load();
        rows.get(signer).map(|row| count(row)).is_some()
    }

    fn make(&self, signer: &str) {
        if self.rows.load().len() >= MAX_SIGNERS {
            return;
        }
        self.rows.rcu(|rows| {
            let mut larger = HashMap::clone(rows);
            if larger.len() < MAX_SIGNERS {
                larger.entry(signer.into()).or_default();
            }
            larger
        });
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        let rows = self.rows.load_full();
        // Two names may look the same once their numbers are hidden.
        let mut calls: BTreeMap<String, [u64; 4]> = BTreeMap::new();
        let mut errors: BTreeMap<(String, &str), u64> = BTreeMap::new();
        let named = rows.iter().map(|(signer, row)| (label(signer), &**row));
        for (signer, row) in named.chain([(OTHER.to_owned(), &self.others)]) {
            for ([fault], count) in row.errors.counts() {
                *errors.entry((signer.clone(), fault)).or_default() += count;
            }
            let sums = calls.entry(signer).or_default();
            let counters = [&row.passed, &row.failed, &row.not_validated, &row.unsigned];
            for (sum, counter) in sums.iter_mut().zip(counters) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
        write_head(out, CALLS, CALLS_HELP, "counter")?;
        for (signer, sums) in calls {
            let verdicts = ["passed", "failed", "not-validated", "unsigned"];
            for (verdict, sum) in verdicts.iter().zip(sums).filter(|(_, sum)| *sum > 0) {
                write_row(out, CALLS, (&signer, "verdict", verdict), sum)?;
            }
        }
        write_head(out, ERRORS, ERRORS_HELP, "counter")?;
        for ((signer, fault), sum) in errors {
            write_row(out, ERRORS, (&signer, "fault", fault), sum)?;
        }
        Ok(())
    }
}

fn write_row(out: &mut String, name: &str, row: (&str, &str, &str), sum: u64) -> fmt::Result {
    let (signer, label, value) = row;
    let signer = escaped(signer);
    writeln!(
        out,
        "{name}{{signer=\"{signer}\",{label}=\"{value}\"}} {sum}"
    )
}

/// A name as it is shown: without what may be a telephone number.
fn label(signer: &str) -> String {
    let mut shown: Vec<char> = signer.chars().collect();
    let mut digits = Vec::new();
    for place in 0..=shown.len() {
        match shown.get(place) {
            Some(digit) if digit.is_numeric() => digits.push(place),
            Some('-' | '.' | ' ' | '(' | ')' | '/' | '_') if !digits.is_empty() => {}
            _ => {
                if digits.len() >= NUMBER_DIGITS {
                    let hidden = std::mem::take(&mut digits);
                    hidden.iter().for_each(|place| hide(&mut shown, *place));
                }
                digits.clear();
            }
        }
    }
    shown.into_iter().collect()
}

fn hide(shown: &mut [char], place: usize) {
    if let Some(digit) = shown.get_mut(place) {
        *digit = 'X';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(signers: &Signers) -> String {
        let mut text = String::new();
        signers.write(&mut text).unwrap();
        text
    }

    #[test]
    fn verdicts_are_counted_by_signer() {
        let signers = Signers::default();
        signers.increment("709J", Verdict::Passed);
        signers.increment("709J", Verdict::Passed);
        signers.increment("709J", Verdict::Failed(Fault::SignatureInvalid));
        signers.increment("O=\"A\"", Verdict::NotValidated(Fault::DeadlineExpired));
        let text = text(&signers);
        let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            rows,
            [
                "countersign_signer_calls_total{signer=\"709J\",verdict=\"passed\"} 2",
                "countersign_signer_calls_total{signer=\"709J\",verdict=\"failed\"} 1",
                "countersign_signer_calls_total{signer=\"O=\\\"A\\\"\",verdict=\"not-validated\"} 1",
            ]
        );
    }

    #[test]
    fn errors_are_counted_by_signer_and_fault() {
        let signers = Signers::default();
        signers.increment("709J", Verdict::Passed);
        for fault in [
            Fault::SignatureInvalid,
            Fault::IatStale,
            Fault::SignatureInvalid,
        ] {
            signers.err("709J", fault);
        }
        signers.err("CN=+12025550100", Fault::IatStale);
        signers.err("CN=+12025550101", Fault::IatStale);
        let text = text(&signers);
        let rows: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with(ERRORS))
            .collect();
        let row = |rest: &str| format!("countersign_signer_errors_total{{signer={rest}");
        assert_eq!(
            rows,
            [
                row("\"709J\",fault=\"iat-stale\"} 1"),
                row("\"709J\",fault=\"signature-invalid\"} 2"),
                row("\"CN=+XXXXXXXXXXX\",fault=\"iat-stale\"} 2"),
            ]
        );
    }

    #[test]
    fn signers_without_end_are_counted_together() {
        let signers = Signers::default();
        for number in 0..MAX_SIGNERS + 10 {
            signers.increment(&format!("CN=SHAKEN {number}"), Verdict::Passed);
            signers.increment(&format!("CN=SHAKEN {number}"), Verdict::Passed);
        }
        let text = text(&signers);
        assert_eq!(text.lines().count(), 4 + MAX_SIGNERS + 1);
        let others = "countersign_signer_calls_total{signer=\"other\",verdict=\"passed\"} 20\n";
        assert!(text.contains(others), "{text}");
    }

    #[test]
    fn no_telephone_number_becomes_a_label() {
        for (signer, shown) in [
            ("709J", "709J"),
            ("CN=SHAKEN 1234", "CN=SHAKEN 1234"),
            ("CN=+12025550100", "CN=+XXXXXXXXXXX"),
            (
                "CN=+1 (202) 555-0100,O=Lab 12",
                "CN=+X (XXX) XXX-XXXX,O=Lab 12",
            ),
            ("O=٢٠٢٥٥٥٠", "O=XXXXXXX"),
            ("2025550100", "XXXXXXXXXX"),
        ] {
            assert_eq!(label(signer), shown);
        }
    }

    #[test]
    fn a_long_name_is_shortened() {
        let signers = Signers::default();
        for end in ["a", "b"] {
            let long = "é".repeat(MAX_SIGNER_CHARS) + end;
            signers.increment(&long, Verdict::Passed);
        }
        let shown = "é".repeat(MAX_SIGNER_CHARS);
        let row = format!("{{signer=\"{shown}\",verdict=\"passed\"}} 2\n");
        assert!(text(&signers).contains(&row));
    }
}
