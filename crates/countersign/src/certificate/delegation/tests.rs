//! One list within another, asked of those who know whose numbers are whose and of those who do not.

use super::*;
use crate::certificate::tnauthlist::TnEntry;
use crate::number::{TelephoneNumber, TelephoneNumberRange};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

fn range(start: &str, count: u64) -> TnEntry {
    TnEntry::Range(TelephoneNumberRange::new(start.parse().unwrap(), count).unwrap())
}

fn one(number: &str) -> TnEntry {
    TnEntry::One(number.parse().unwrap())
}

fn list(entries: &[TnEntry]) -> TnAuthList {
    TnAuthList::new(entries.to_vec()).unwrap()
}

fn asked(parent: &[TnEntry], child: &[TnEntry], providers: &dyn ProviderNumbers) -> Delegation {
    judge(&list(parent), &list(child), providers)
}

/// As [`asked`], of nobody.
fn alone(parent: &[TnEntry], child: &[TnEntry]) -> Delegation {
    asked(parent, child, &Unknown)
}

fn beyond(numbers: &[TnEntry], codes: &[&str]) -> Delegation {
    let numbers = match numbers {
        [] => NumberSet::default(),
        some => list(some).numbers().clone(),
    };
    Delegation::NotEncompassed(Residue {
        numbers,
        codes: codes.iter().map(|code| code.parse().unwrap()).collect(),
    })
}

/// Who has which numbers, as of the second 1,000.
fn table(rows: &[(&str, &[TnEntry])]) -> ProviderTable {
    let rows = rows
        .iter()
        .map(|(code, numbers)| (code.parse().unwrap(), list(numbers).numbers().clone()));
    ProviderTable::new(UnixTime::from_secs(1_000), rows.collect())
}

use Delegation::Encompassed;

#[test]
fn digest04_case01_a_range_within_a_range() {
    let parent = [range("12125551000", 1000)];
    assert_eq!(alone(&parent, &[range("12125551500", 100)]), Encompassed);
    assert_eq!(alone(&parent, &parent), Encompassed, "equal is within");
}

#[test]
fn digest04_case02_a_number_within_a_range() {
    assert_eq!(
        alone(&[range("12125551000", 1000)], &[one("12125551824")]),
        Encompassed
    );
}

#[test]
fn digest04_case03_what_runs_over_is_named() {
    assert_eq!(
        alone(&[range("12125551000", 1000)], &[range("12125551950", 100)]),
        beyond(&[range("12125552000", 50)], &[])
    );
}

#[test]
fn digest04_case04_a_range_across_two_that_touch() {
    let halves = [range("12125551000", 500), range("12125551500", 500)];
    assert_eq!(alone(&halves, &[range("12125551400", 201)]), Encompassed);
    let gap = [range("12125551000", 500), range("12125551501", 499)];
    assert_eq!(
        alone(&gap, &[range("12125551400", 201)]),
        beyond(&[one("12125551500")], &[])
    );
}

#[test]
fn digest04_case05_a_code_is_within_the_same_code_only() {
    assert_eq!(
        alone(&[range("12125551000", 1000)], &[spc("709J")]),
        beyond(&[], &["709J"])
    );
    assert_eq!(
        alone(&[spc("709J"), spc("709K")], &[spc("709K")]),
        Encompassed
    );
    assert_eq!(
        alone(&[spc("709J")], &[spc("709j")]),
        beyond(&[], &["709j"])
    );
    // Nobody who knows numbers can change that.
    let all = table(&[("709J", &[range("00000000000", 99_999_999_999)])]);
    assert_eq!(
        asked(&[spc("709J")], &[spc("709K")], &all),
        beyond(&[], &["709K"])
    );
}

#[test]
fn digest04_case06_numbers_under_a_code_are_asked_for() {
    let (parent, child) = ([spc("709J")], [one("12155551212")]);
    let yes = table(&[("709J", &[range("12155551000", 1000)])]);
    assert_eq!(asked(&parent, &child, &yes), Encompassed);
    let no = table(&[
        ("709J", &[one("12155551213")]),
        ("709K", &[one("12155551212")]),
    ]);
    assert_eq!(asked(&parent, &child, &no), beyond(&child, &[]));
    let unknown = Delegation::Unknown("709J".parse().unwrap());
    assert_eq!(alone(&parent, &child), unknown);
    assert_eq!(asked(&parent, &child, &table(&[("709K", &child)])), unknown);
}

/// What the parent lists is not asked for, and what one provider has not, another may have.
#[test]
fn several_providers_have_the_rest_together() {
    let parent = [one("12125551000"), spc("709J"), spc("709K")];
    let child = [range("12125551000", 100)];
    let halves = table(&[
        ("709J", &[range("12125551001", 49)]),
        ("709K", &[range("12125551050", 50)]),
    ]);
    assert_eq!(asked(&parent, &child, &halves), Encompassed);
    let one_half = table(&[("709J", &[range("12125551001", 49)])]);
    assert_eq!(
        asked(&parent, &child, &one_half),
        Delegation::Unknown("709K".parse().unwrap())
    );
    let none = table(&[
        ("709J", &[range("12125551001", 49)]),
        ("709K", &[one("12125551099")]),
    ]);
    assert_eq!(
        asked(&parent, &child, &none),
        beyond(&[range("12125551050", 49)], &[])
    );
    assert_eq!(
        asked(
            &parent,
            &[spc("709L"), one("12125551000"), one("12125551099")],
            &none
        ),
        beyond(&[], &["709L"]),
        "what is within is not called beyond because of what is not"
    );
}

/// Data that is too old is as good as none: policy decides, as where nobody knows.
#[test]
fn old_data_is_not_known() {
    let (parent, child) = ([spc("709J")], [one("12155551212")]);
    let known = table(&[("709J", &child)]);
    assert_eq!(known.as_of(), Some(UnixTime::from_secs(1_000)));
    for (since, outcome) in [
        (999, Encompassed),
        (1_000, Encompassed),
        (1_001, Delegation::Unknown("709J".parse().unwrap())),
    ] {
        let recent = Recent {
            providers: known.clone(),
            since: UnixTime::from_secs(since),
        };
        assert_eq!(asked(&parent, &child, &recent), outcome, "since {since}");
    }
    // Who answers of now is never too old.
    let live = Recent {
        providers: Asked(0.into()),
        since: UnixTime::from_secs(1_001),
    };
    assert_eq!(asked(&parent, &child, &live), beyond(&child, &[]));
}

#[test]
fn answers_about_whole_sets() {
    let known = table(&[("709J", &[range("12125551000", 10)])]);
    let holds = |code: &str, start: &str, count| {
        known.holds(
            &code.parse().unwrap(),
            list(&[range(start, count)]).numbers(),
        )
    };
    assert_eq!(holds("709J", "12125551000", 10), Answer::Yes);
    assert_eq!(holds("709J", "12125551001", 10), Answer::No);
    assert_eq!(holds("709K", "12125551000", 10), Answer::Unknown);
}

/// Counts who is asked.
struct Asked(std::sync::atomic::AtomicUsize);

impl ProviderNumbers for Asked {
    fn held(&self, _: &ServiceProviderCode, _: &NumberSet) -> Option<NumberSet> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some(NumberSet::default())
    }
}

/// A parent with thousands of codes does not make us ask thousands of times for thousands of numbers.
#[test]
fn so_many_providers_are_asked_and_no_more() {
    let many: Vec<_> = (0..1_000).map(|n| spc(&format!("{n:04}"))).collect();
    let counting = Asked(0.into());
    let answer = asked(&many, &[one("12125551000")], &counting);
    assert_eq!(answer, Delegation::Unknown("0016".parse().unwrap()));
    assert_eq!(counting.0.into_inner(), MAX_PROVIDERS_ASKED);
    // A child that is within what is listed costs no question at all.
    let counting = Asked(0.into());
    assert_eq!(asked(&many, &many, &counting), Encompassed);
    assert_eq!(counting.0.into_inner(), 0);
}

/// Judging ten thousand entries under ten thousand others costs one pass over both, not the product.
#[test]
fn the_cost_grows_with_the_lists_and_not_with_their_product() {
    use crate::certificate::numbers::tests::comparisons;
    let entries = |of: u64, offset: u64| -> Vec<_> {
        let number = |n| TelephoneNumber::from_digits(12_000_000_000 + 3 * n + offset, 11).unwrap();
        (0..of).map(|n| TnEntry::One(number(n))).collect()
    };
    let cost = |of: u64| {
        let (parent, child) = (list(&entries(of, 0)), list(&entries(of, 1)));
        comparisons(|| judge(&parent, &child, &Unknown))
    };
    assert!(cost(10_000) <= 5 * cost(2_500));
}

/// Lists of short numbers and few codes, so that every entry can be looked at by itself.
fn lists() -> impl Strategy<Value = TnAuthList> {
    let entry = prop_oneof![
        2 => (0_u64..90, 2_u64..30).prop_map(|(first, count)| {
            range(&format!("{first:03}"), count)
        }),
        2 => (0_u64..120).prop_map(|number| one(&format!("{number:03}"))),
        1 => (0_u8..3).prop_map(|code| spc(&code.to_string())),
    ];
    proptest::collection::vec(entry, 1..6).prop_map(|entries| TnAuthList::new(entries).unwrap())
}

fn spelled(list: &TnAuthList) -> BTreeSet<String> {
    let every = (0..200).map(|number| format!("{number:03}"));
    every
        .filter(|text| list.authorizes(text.parse().unwrap()))
        .collect()
}

proptest! {
    /// Against the definition: every single number and every code of the child is looked for.
    #[test]
    fn agrees_with_the_definition(parent in lists(), child in lists(), known in proptest::collection::btree_map(0_u8..3, lists(), 0..3)) {
        let known: BTreeMap<ServiceProviderCode, NumberSet> = known
            .into_iter()
            .map(|(code, list)| (code.to_string().parse().unwrap(), list.numbers().clone()))
            .collect();
        let codes_fit = child.providers().iter().all(|code| parent.providers().contains(code));
        let open: BTreeSet<_> = &spelled(&child) - &spelled(&parent);
        let held = |number: &String| {
            let sets = parent.providers().iter().filter_map(|code| known.get(code));
            sets.into_iter().any(|set| set.contains(number.parse().unwrap()))
        };
        let rest: BTreeSet<_> = open.into_iter().filter(|number| !held(number)).collect();
        let silent = parent.providers().iter().any(|code| !known.contains_key(code));
        let table = ProviderTable::new(UnixTime::from_secs(0), known.clone());
        match judge(&parent, &child, &table) {
            Encompassed => prop_assert!(codes_fit && rest.is_empty()),
            Delegation::Unknown(code) => {
                prop_assert!(codes_fit && silent && !rest.is_empty());
                prop_assert!(!known.contains_key(&code) && parent.providers().contains(&code));
            }
            Delegation::NotEncompassed(residue) => {
                prop_assert!(!codes_fit || (!rest.is_empty() && !silent));
                let numbers = residue.numbers.blocks().map(|(_, count)| count).sum::<u64>();
                prop_assert_eq!(usize::try_from(numbers).unwrap(), rest.len());
                prop_assert!(rest.iter().all(|number| residue.numbers.contains(number.parse().unwrap())));
                prop_assert_eq!(residue.codes.is_empty(), codes_fit);
            }
        }
    }
}

#[test]
fn a_residue_is_shown_in_short() {
    let Delegation::NotEncompassed(residue) =
        alone(&[one("1")], &[spc("A"), spc("B"), range("10", 5)])
    else {
        panic!("nothing of it is within");
    };
    assert_eq!(residue.to_string(), "provider A and 1 more, 10+5");
}
