//! The algebra against a naive set, and what it costs.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

thread_local! {
    static COMPARISONS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Every comparison of two intervals is counted here.
pub(super) fn count_comparison() {
    COMPARISONS.set(COMPARISONS.get() + 1);
}

/// Blocks of short numbers, so that a naive set can hold every one of them.
fn blocks() -> impl Strategy<Value = Vec<(TelephoneNumber, u64)>> {
    let block = (1_usize..=3, 0_u64..1000, 1_u64..120).prop_map(|(length, value, count)| {
        let limit = 10_u64.pow(u32::try_from(length).unwrap());
        let value = value % limit;
        let text = format!("{value:0length$}");
        (text.parse().unwrap(), count.min(limit - value))
    });
    let odd = prop_oneof![Just("1#"), Just("*67"), Just("*"), Just("##")]
        .prop_map(|text| (text.parse().unwrap(), 1));
    proptest::collection::vec(prop_oneof![5 => block, 1 => odd], 0..12)
}

fn naive(blocks: &[(TelephoneNumber, u64)]) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for (start, count) in blocks {
        match start.digits() {
            Some(first) => set.extend(
                (first..first + count).map(|value| format!("{value:0w$}", w = start.len())),
            ),
            None => drop(set.insert(start.to_string())),
        }
    }
    set
}

fn every_short_number() -> impl Iterator<Item = TelephoneNumber> {
    let digits = (1..=3_usize)
        .flat_map(|w| (0..10_u64.pow(w as u32)).map(move |value| format!("{value:0w$}")));
    digits
        .chain(["1#", "*67", "*", "##"].map(String::from))
        .map(|text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_naive_set(left in blocks(), right in blocks()) {
        let (a, b) = (NumberSet::union_of(left.clone()), NumberSet::union_of(right.clone()));
        let (naive_a, naive_b) = (naive(&left), naive(&right));
        let both = a.intersection(&b);
        for number in every_short_number() {
            let (in_a, in_b) = (naive_a.contains(number.as_str()), naive_b.contains(number.as_str()));
            prop_assert_eq!(a.contains(number), in_a, "{}", number);
            prop_assert_eq!(both.contains(number), in_a && in_b, "{}", number);
        }
        prop_assert_eq!(a.encompasses(&b), naive_b.is_subset(&naive_a));
        prop_assert!(a.encompasses(&both) && b.encompasses(&both));
        prop_assert_eq!(a.is_empty(), naive_a.is_empty());
        prop_assert_eq!(both, b.intersection(&a));
    }
}

#[test]
fn blocks_that_touch_are_one() {
    let set = |blocks: &[(&str, u64)]| {
        NumberSet::union_of(
            blocks
                .iter()
                .map(|(start, count)| (start.parse().unwrap(), *count)),
        )
    };
    let parts = set(&[("12025550150", 50), ("12025550100", 50)]);
    assert_eq!(parts, set(&[("12025550100", 100)]));
    assert!(parts.encompasses(&set(&[("12025550140", 20)])));
}
