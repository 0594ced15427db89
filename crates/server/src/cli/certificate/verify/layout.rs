//! The verdict over a chain for people: what it says, who stands above it, and every check.

use super::super::super::columns::lines;
use super::super::super::console::{Console, Tone, visible};
use super::checks::{Check, Judged, Line, Verdict};
use super::{anchor, is_an_authoritys, named};
use countersign::path::PathFault;
use countersign::trust::Trust;

/// Columns of a word in front of its line: `unavailable`.
const WORD: usize = 13;
/// Columns of the name of a check: `certificates`.
const NAME: usize = 14;

/// Prints everything about one chain.
pub(super) fn print(file: &str, judged: &Judged, trust: &Trust, console: &mut Console) {
    let verdict = judged.verdict();
    let name = console.paint(tone(verdict), named(verdict));
    console.line(format_args!("{}: {name}", visible(file)));
    if let Some(detail) = judged.detail() {
        lines(console, &[], detail, Tone::Plain);
    }
    facts(judged, trust, console);
    for line in &judged.lines {
        check(line, judged, console);
    }
    hint(judged, console);
}

/// Prints why there is nothing to verify.
pub(super) fn print_unread(file: &str, error: &str, console: &mut Console) {
    let error = console.paint(Tone::Bad, visible(error));
    console.line(format_args!("{}: {error}", visible(file)));
}

fn facts(judged: &Judged, trust: &Trust, console: &mut Console) {
    let mut fact = |word: &str, text: &str| {
        lines(console, &[(word, WORD, Tone::Faint)], text, Tone::Plain);
    };
    if let Some(chain) = &judged.chain {
        let signer = chain.end_entity();
        fact("signer", &signer.subject().to_string());
        if let Some(list) = signer.tn_auth_list() {
            let codes = list
                .providers()
                .iter()
                .map(|code| format!("provider {code}"));
            let numbers = Some(list.numbers()).filter(|numbers| !numbers.is_empty());
            let numbers = numbers.map(ToString::to_string);
            let all: Vec<_> = codes.chain(numbers).collect();
            fact("speaks for", &all.join(", "));
        }
    }
    if let Some((subject, _)) = anchor(judged, trust) {
        fact("anchor", &subject);
    }
    if let Some(path) = &judged.path {
        let validity = path.validity();
        fact(
            "valid",
            &format!("{} to {}", validity.not_before, validity.not_after),
        );
    }
}

fn check(line: &Line, judged: &Judged, console: &mut Console) {
    let text_tone = match line.verdict {
        Verdict::Skipped => Tone::Faint,
        _ => Tone::Plain,
    };
    let words = [
        (line.verdict.name(), WORD, tone(line.verdict)),
        (line.check.name(), NAME, text_tone),
    ];
    let said = match (&line.detail, line.verdict, line.check) {
        (Some(detail), _, _) => detail.clone(),
        (None, Verdict::Passed, Check::Certificates) => {
            let count = judged
                .chain
                .as_ref()
                .map_or(0, |chain| chain.certificates().len());
            let more = if count == 1 { "" } else { "s" };
            format!("{count} certificate{more}")
        }
        (None, Verdict::Passed, check) => check.passed().to_owned(),
        (None, _, _) => String::new(),
    };
    lines(console, &words, &said, text_tone);
}

fn hint(judged: &Judged, console: &mut Console) {
    let mut hint = |text: &str| {
        lines(console, &[("hint", WORD, Tone::Unsure)], text, Tone::Plain);
    };
    if is_an_authoritys(judged) {
        hint("`certificate audit` judges the certificates of authorities");
    }
    if let Some(PathFault::Untrusted { .. }) = judged.fault {
        let is_alone = judged
            .chain
            .as_ref()
            .is_none_or(|chain| chain.certificates().len() == 1);
        hint(match is_alone {
            true => {
                "the certificates between the signer's and the anchor stand behind it in the same file"
            }
            false => "--trust FILE names the anchor, if it is one that you believe",
        });
    }
    let failed = |check| {
        let mut lines = judged.lines.iter();
        lines.any(|line| line.check == check && line.verdict == Verdict::Failed)
    };
    if let (true, Some(path)) = (failed(Check::Validity), &judged.path) {
        hint(&format!(
            "--at {} judges it as of that time",
            path.validity().not_after
        ));
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Failed => Tone::Bad,
        Verdict::Passed => Tone::Good,
        Verdict::Skipped => Tone::Faint,
        Verdict::Unavailable => Tone::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_hold_every_word() {
        for check in Check::ALL {
            assert!(check.name().len() < NAME, "{}", check.name());
        }
        assert!(Verdict::Unavailable.name().len() < WORD);
    }
}
