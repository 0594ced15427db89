//! Records against a naive model, their mistakes, and how the time grows.

use super::*;
use proptest::prelude::*;

const HEAD: &str = "as_of,2026-11-05T00:00:00Z\n";

fn records(lines: &str) -> Result<NumberRecords, RecordsError> {
    NumberRecords::parse(&format!("{HEAD}{lines}"))
}

fn holder(records: &NumberRecords, number: &str) -> Option<String> {
    let found = records.provider_of(number.parse().unwrap());
    found.map(ToString::to_string)
}

#[test]
fn what_is_narrower_counts() {
    let lines = "1234,12025550100-12025550199\n5678,12025550110+10\n709J,12025550115 # ported twice\n1234,12025550116\n";
    let records = records(lines).unwrap();
    for (number, provider) in [
        ("12025550099", None),
        ("12025550100", Some("1234")),
        ("12025550109", Some("1234")),
        ("12025550110", Some("5678")),
        ("12025550114", Some("5678")),
        ("12025550115", Some("709J")),
        ("12025550116", Some("1234")),
        ("12025550119", Some("5678")),
        ("12025550120", Some("1234")),
        ("12025550199", Some("1234")),
        ("12025550200", None),
        ("1202555010", None),
    ] {
        assert_eq!(holder(&records, number).as_deref(), provider, "{number}");
    }
    assert_eq!(records.as_of().to_string(), "2026-11-05T00:00:00Z");
    assert_eq!(records.len(), 6);
}

#[test]
fn the_same_records_compare_lists() {
    let records = records("1234,12025550100-12025550199\n5678,12025550110\n").unwrap();
    let numbers = |first: &str, count| NumberSet::union_of([(first.parse().unwrap(), count)]);
    let (one, other) = ("1234".parse().unwrap(), "9999".parse().unwrap());
    let wanted = numbers("12025550105", 10);
    let held = records.held(&one, &wanted).unwrap();
    assert_eq!(held, wanted.difference(&numbers("12025550110", 1)));
    assert_eq!(records.held(&other, &wanted), Some(NumberSet::default()));
    let more = numbers("12025550190", 20);
    assert_eq!(records.nobodys(&more), numbers("12025550200", 10));
}

#[test]
fn every_mistake_is_told_with_its_line() {
    for (text, line, cause) in [
        ("", 1, RecordsCause::NoDate),
        ("# nothing\n1234,12025550100\n", 2, RecordsCause::NoDate),
        ("as_of,2026-11-05\n", 1, RecordsCause::NoDate),
        (
            "as_of,2026-11-05T00:00:00Z\n1234\n",
            2,
            RecordsCause::NumbersMissing,
        ),
        (
            "as_of,2026-11-05T00:00:00Z\né,12025550100\n",
            2,
            RecordsCause::Provider("é".into()),
        ),
        (
            "as_of,2026-11-05T00:00:00Z\n\n1234,911\n",
            3,
            RecordsCause::Number("911".into()),
        ),
        (
            "as_of,2026-11-05T00:00:00Z\n1234,12025550199-12025550100\n",
            2,
            RecordsCause::Range,
        ),
        (
            "as_of,2026-11-05T00:00:00Z\n1234,12025550199-1202555010\n",
            2,
            RecordsCause::Range,
        ),
        (
            "as_of,2026-11-05T00:00:00Z\n1234,12025550199+0\n",
            2,
            RecordsCause::Range,
        ),
        (
            "as_of,2026-11-05T00:00:00Z\n1234,12025550100-12025550150\n5678,12025550150-12025550199\n",
            3,
            RecordsCause::Conflict { with: 2 },
        ),
        (
            "as_of,2026-11-05T00:00:00Z\n1234,12025550100\n5678,12025550100\n",
            3,
            RecordsCause::Conflict { with: 2 },
        ),
    ] {
        let error = NumberRecords::parse(text).unwrap_err();
        assert_eq!(error, RecordsError::at(line, cause), "{text:?}");
    }
    let twice = records("1234,12025550100\n1234,12025550100\n").unwrap();
    assert_eq!(twice.len(), 1, "the same thing twice is no mistake");
}

/// What no line has is nobody's as far as is known, alone or beside what a provider has; what another provider has is known not to be its.
#[test]
fn lists_of_numbers_are_judged_as_single_ones_are() {
    use crate::certificate::delegation::{Delegation, judge};
    use crate::certificate::{TnAuthList, TnEntry};
    use crate::number::TelephoneNumberRange;
    let records = records("1234,12025550100-12025550149\n5678,12025550123\n").unwrap();
    let list = |entry| TnAuthList::new(vec![entry]).unwrap();
    let judged = |code: &str, start: &str, count| {
        let child = TelephoneNumberRange::new(start.parse().unwrap(), count).unwrap();
        let parent = list(TnEntry::Spc(code.parse().unwrap()));
        let child = list(TnEntry::Range(child));
        let holds = ProviderNumbers::holds(&records, &code.parse().unwrap(), child.numbers());
        let judged = match judge(&parent, &child, &records) {
            Delegation::Encompassed => Answer::Yes,
            Delegation::NotEncompassed(_) => Answer::No,
            Delegation::Unknown(_) => Answer::Unknown,
        };
        assert_eq!(holds, judged);
        judged
    };
    for (code, start, count, wanted) in [
        ("1234", "12025550100", 10, Answer::Yes),
        ("1234", "12025550120", 10, Answer::No),
        ("1234", "12025550140", 20, Answer::Unknown),
        ("1234", "12025550150", 2, Answer::Unknown),
        ("1234", "12025550120", 50, Answer::No),
        ("9999", "12025550100", 2, Answer::No),
        ("9999", "12025550150", 2, Answer::Unknown),
    ] {
        assert_eq!(judged(code, start, count), wanted, "{code} {start}+{count}");
    }
}

/// A hundred thousand lines, nested as deep as they can be or side by side: whoever looked at each pair would not come to an end.
#[test]
fn nothing_is_quadratic() {
    const LINES: u64 = 100_000;
    let provider = |line: u64| 1000 + line % 7;
    let nested = |line: u64| {
        format!(
            "{},1202{line:07}-1203{:07}\n",
            provider(line),
            9_999_999 - line
        )
    };
    let beside = |line: u64| format!("{},1202{line:07}\n", provider(line));
    let deep: String = (0..LINES).map(nested).collect();
    // Each but the innermost has numbers on both sides of what lies within it.
    assert_eq!(records(&deep).unwrap().len() as u64, 2 * LINES - 1);
    let flat: String = (0..LINES).map(beside).collect();
    assert_eq!(records(&flat).unwrap().len() as u64, LINES);
}

/// Lines that lie within each other or beside each other, with what each number should come to.
fn nested_lines() -> impl Strategy<Value = Vec<(u64, u64, u32)>> {
    prop::collection::vec((0_u64..6, 0_u64..100, 0_u32..4), 1..30).prop_map(|wanted| {
        // Blocks aligned to powers of two lie within each other or beside each other.
        let block = |(level, place, provider): (u64, u64, u32)| {
            let size = 1 << level;
            let first = place / size * size;
            (first, first + size - 1, provider)
        };
        let mut seen = std::collections::BTreeSet::new();
        let blocks = wanted.into_iter().map(block);
        blocks
            .filter(|(first, last, _)| seen.insert((*first, *last)))
            .collect()
    })
}

proptest! {
    #[test]
    fn as_a_naive_reader_has_it(lines in nested_lines()) {
        let text: String = lines
            .iter()
            .map(|(first, last, provider)| format!("{},1202555{first:04}-1202555{last:04}\n", 1000 + provider))
            .collect();
        let records = records(&text).unwrap();
        for number in 0_u64..130 {
            let fits = lines.iter().filter(|(first, last, _)| (*first..=*last).contains(&number));
            let narrowest = fits.min_by_key(|(first, last, _)| last - first);
            let wanted = narrowest.map(|(_, _, provider)| (1000 + provider).to_string());
            prop_assert_eq!(holder(&records, &format!("1202555{number:04}")), wanted);
        }
        let sorted = records.blocks.windows(2).all(|pair| pair[0].last < pair[1].first);
        prop_assert!(sorted);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(as_of,2026-11-05T00:00:00Z\\n)?([0-9A-Z,+\\-# \\n]{0,200}|\\PC{0,80})") {
        let _ = NumberRecords::parse(&text);
    }
}
