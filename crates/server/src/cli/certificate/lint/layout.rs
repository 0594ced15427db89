//! Findings for people: for each certificate what it breaks, and at the end what was broken how often.

use super::super::super::columns::lines;
use super::super::super::console::{Console, Tone, visible};
use super::repository::RULES;
use super::{Place, Told};
use countersign::certificate::lint::{Finding, LINTS, Severity};

/// Columns of a severity in front of its line: `warning`.
const WORD: usize = 9;
/// Columns of a number in the summary.
const NUMBER: usize = 9;

/// Prints what one certificate breaks, or that it breaks nothing, or why it could not be asked.
pub(super) fn print(
    place: Place<'_>,
    error: Option<&str>,
    findings: &[Finding],
    console: &mut Console,
) {
    let worst = findings.iter().map(|one| one.severity).max();
    let said = match (error, worst) {
        (Some(error), _) => console.paint(Tone::Bad, visible(error)),
        (None, None) => console.paint(Tone::Good, "no findings"),
        (None, Some(severity)) => {
            let count = findings
                .iter()
                .filter(|one| one.severity == severity)
                .count();
            let more = if count == 1 { "" } else { "s" };
            console.paint(tone(severity), format_args!("{count} {severity}{more}"))
        }
    };
    console.line(format_args!("{}: {said}", title(place)));
    for finding in findings {
        let severity = finding.severity.to_string();
        let words = [(&*severity, WORD, tone(finding.severity))];
        lines(console, &words, finding.name, Tone::Plain);
        lines(
            console,
            &[("", WORD, Tone::Plain)],
            &finding.detail,
            Tone::Plain,
        );
        if let Some(source) = source(finding.name) {
            lines(console, &[("", WORD, Tone::Plain)], &source, Tone::Faint);
        }
    }
}

/// Prints what was broken how often, the most frequent first.
pub(super) fn print_summary(told: &Told, console: &mut Console) {
    console.line("");
    console.line(format_args!(
        "{} certificates, {} without findings",
        told.certificates, told.clean
    ));
    let mut broken: Vec<_> = told.broken.iter().collect();
    broken.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (name, count) in broken {
        lines(
            console,
            &[(&count.to_string(), NUMBER, Tone::Plain)],
            name,
            Tone::Plain,
        );
    }
}

fn title(place: Place<'_>) -> String {
    let file = visible(place.file);
    match place.count {
        0 | 1 => file,
        count => format!("{file}, certificate {} of {count}", place.index.max(1)),
    }
}

/// Where a rule comes from.
fn source(name: &str) -> Option<String> {
    let of_certificates = LINTS.iter().find(|lint| lint.name == name);
    let of_certificates = of_certificates.map(|lint| (lint.source.name(), lint.clause));
    let of_repositories = RULES.iter().find(|rule| rule.name == name);
    let of_repositories = of_repositories.map(|rule| (rule.document, rule.clause));
    let (document, clause) = of_certificates.or(of_repositories)?;
    Some(
        match clause.starts_with(|first: char| first.is_ascii_digit()) {
            true => format!("{document} section {clause}"),
            false => format!("{document}, {clause}"),
        },
    )
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Notice => Tone::Faint,
        Severity::Warning => Tone::Unsure,
    }
}
