//! An audit for people: the certificates about which there is something to say, and at the end how many of what.

use super::super::super::columns::lines;
use super::super::super::console::{Console, Tone, visible};
use super::Tally;
use super::judge::{Judgement, Weight};
use super::library::Known;

/// Columns of a number in the summary.
const NUMBER: usize = 9;
/// Columns of the name of a finding.
const NAME: usize = 25;

/// Prints what was found about one certificate.
pub(super) fn print(file: &str, known: &Known, judgement: &Judgement, console: &mut Console) {
    let weight = judgement.weight();
    let verdict = console.paint(tone(weight), weight.verdict());
    let subject = known.certificate.subject().to_string();
    console.line(format_args!("{}: {verdict}", visible(file)));
    lines(console, &[], &subject, Tone::Faint);
    for finding in &judgement.findings {
        let words = [(finding.kind.name(), NAME, tone(finding.kind.weight()))];
        lines(console, &words, &finding.detail, Tone::Plain);
    }
}

/// Prints why there is nothing to audit.
pub(super) fn print_unread(file: &str, error: &str, console: &mut Console) {
    let error = console.paint(Tone::Bad, visible(error));
    console.line(format_args!("{}: {error}", visible(file)));
}

/// Prints how many of what.
pub(super) fn print_summary(tally: &Tally, console: &mut Console) {
    let verdicts = tally
        .verdicts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"));
    let verdicts = verdicts.collect::<Vec<_>>().join(", ");
    let more = if tally.certificates == 1 { "" } else { "s" };
    let verdicts = if verdicts.is_empty() {
        verdicts
    } else {
        format!(": {verdicts}")
    };
    console.line(format_args!(
        "{} certificate{more}{verdicts}",
        tally.certificates
    ));
    for (name, count) in &tally.findings {
        lines(
            console,
            &[(&count.to_string(), NUMBER, Tone::Plain)],
            name,
            Tone::Plain,
        );
    }
}

const fn tone(weight: Weight) -> Tone {
    match weight {
        Weight::Failed => Tone::Bad,
        Weight::Information => Tone::Faint,
        Weight::NotValidated => Tone::Unsure,
    }
}
