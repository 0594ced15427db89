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

/// How many comparisons of intervals `work` makes.
pub(crate) fn comparisons<T>(work: impl FnOnce() -> T) -> u64 {
    let before = COMPARISONS.get();
    std::hint::black_box(work());
    COMPARISONS.get() - before
}

fn set(blocks: &[(&str, u64)]) -> NumberSet {
    let parse = |(start, count): &(&str, u64)| (start.parse().unwrap(), *count);
    NumberSet::union_of(blocks.iter().map(parse))
}

/// Blocks of short numbers, so that a naive set can hold every one of them; some are empty, some run over.
fn blocks() -> impl Strategy<Value = Vec<(TelephoneNumber, u64)>> {
    let block = (1_usize..=3, 0_u64..1000, 0_u64..120).prop_map(|(length, value, count)| {
        let value = value % 10_u64.pow(u32::try_from(length).unwrap());
        (TelephoneNumber::from_digits(value, length).unwrap(), count)
    });
    let odd = prop_oneof![Just("1#"), Just("*67"), Just("*"), Just("##")]
        .prop_map(|text| (text.parse().unwrap(), 1));
    proptest::collection::vec(prop_oneof![5 => block, 1 => odd], 0..12)
}

/// One number after the other, as text; a block ends where its numbers would be longer.
fn naive(blocks: &[(TelephoneNumber, u64)]) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for (start, count) in blocks {
        match start.digits() {
            Some(first) => {
                let texts =
                    (first..first + count).map(|value| format!("{value:0w$}", w = start.len()));
                set.extend(texts.filter(|text| text.len() == start.len()));
            }
            None => drop(set.insert(start.to_string())),
        }
    }
    set
}

/// The same of a set that was computed.
fn spelled(set: &NumberSet) -> BTreeSet<String> {
    naive(&set.blocks().collect::<Vec<_>>())
}

fn every_short_number() -> impl Iterator<Item = TelephoneNumber> {
    let digits = (1..=3_usize)
        .flat_map(|w| (0..10_u64.pow(w as u32)).map(move |value| format!("{value:0w$}")));
    digits
        .chain(["1#", "*67", "*", "##"].map(String::from))
        .map(|text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_a_naive_set(left in blocks(), right in blocks()) {
        let (a, b) = (NumberSet::union_of(left.clone()), NumberSet::union_of(right.clone()));
        let (naive_a, naive_b) = (naive(&left), naive(&right));
        for number in every_short_number() {
            prop_assert_eq!(a.contains(number), naive_a.contains(number.as_str()), "{}", number);
        }
        prop_assert_eq!(spelled(&a), naive_a.clone());
        prop_assert_eq!(spelled(&a.union(&b)), &naive_a | &naive_b);
        prop_assert_eq!(spelled(&a.intersection(&b)), &naive_a & &naive_b);
        prop_assert_eq!(spelled(&a.difference(&b)), &naive_a - &naive_b);
        prop_assert_eq!(a.encompasses(&b), naive_b.is_subset(&naive_a));
        prop_assert_eq!(a.is_empty(), naive_a.is_empty());
    }

    /// What is computed has the one form of its numbers, so that equal sets are equal values.
    #[test]
    fn laws_of_sets(left in blocks(), right in blocks(), third in blocks()) {
        let [a, b, c] = [left, right, third].map(NumberSet::union_of);
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert_eq!(a.difference(&b.union(&c)), a.difference(&b).difference(&c));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert!(a.difference(&b).intersection(&b).is_empty());
        prop_assert_eq!(a.encompasses(&b), b.difference(&a).is_empty());
        prop_assert_eq!(NumberSet::union_of(a.blocks()), a.clone());
        let apart = a.intervals.windows(2).all(|pair| {
            pair[0].length < pair[1].length || pair[0].last + 1 < pair[1].first
        });
        prop_assert!(apart, "{:?}", a);
    }
}

#[test]
fn blocks_that_touch_are_one() {
    let parts = set(&[("12025550150", 50), ("12025550100", 50)]);
    assert_eq!(parts, set(&[("12025550100", 100)]));
    assert!(parts.encompasses(&set(&[("12025550140", 20)])));
}

/// `0100` and `100` are two numbers, and so are `99` and the `100` that would follow it.
#[test]
fn numbers_of_two_lengths_never_touch() {
    let short = set(&[("90", 10)]);
    let long = set(&[("090", 11)]);
    assert!(short.intersection(&long).is_empty());
    assert_eq!(short.difference(&long), short);
    assert_eq!(short.union(&long).blocks().count(), 2);
    assert!(!set(&[("90", 10), ("100", 1)]).contains("090".parse().unwrap()));
}

/// A count that runs into longer numbers, or beyond all numbers, ends with the last of its length.
#[test]
fn blocks_that_overflow_end_with_their_length() {
    for count in [1, 2, 1_000, u64::MAX] {
        let last = set(&[("999999999999999", count)]);
        assert_eq!(
            last.blocks().collect::<Vec<_>>(),
            [("999999999999999".parse().unwrap(), 1)]
        );
    }
    let all = set(&[("000000000000000", u64::MAX)]);
    assert_eq!(
        all.blocks().map(|(_, count)| count).sum::<u64>(),
        1_000_000_000_000_000
    );
    assert!(set(&[("12025550100", 0)]).is_empty());
}

/// Shapes that make naive algorithms square: a name, and the first value and the width of block `n` of `of` blocks on two
/// sides.
type Shape = (
    &'static str,
    fn(u64, u64) -> (u64, u64),
    fn(u64, u64) -> (u64, u64),
);

const SHAPES: &[Shape] = &[
    ("interleaved", |n, _| (4 * n, 1), |n, _| (4 * n + 2, 1)),
    ("equal", |n, _| (4 * n, 2), |n, _| (4 * n, 2)),
    ("falling", |n, of| (4 * (of - n), 2), |n, _| (4 * n + 1, 2)),
    ("one over all", |n, _| (4 * n, 2), |_, of| (0, 8 * of)),
    ("nested", |n, of| (n, 8 * of - 2 * n), |n, _| (4 * n, 3)),
    ("stairs", |n, of| (4 * n, of), |n, of| (4 * n + 2, of)),
    ("apart", |n, _| (4 * n, 1), |n, of| (8 * of + 4 * n, 1)),
    (
        "jumping",
        |n, of| (4 * (n * 7_919 % of), 1),
        |n, of| (4 * (n * 104_729 % of) + 1, 2),
    ),
];

/// No operation costs more than n log n comparisons, whatever the shape: four times the input, less than five times the
/// work.
#[test]
fn the_cost_of_every_operation_grows_with_the_input_and_not_with_its_square() {
    let side = |of: u64, block: fn(u64, u64) -> (u64, u64)| -> Vec<_> {
        let start = |value| TelephoneNumber::from_digits(12_000_000_000 + value, 11).unwrap();
        (0..of)
            .map(|n| block(n, of))
            .map(|(first, count)| (start(first), count))
            .collect()
    };
    for (shape, left, right) in SHAPES {
        let cost = |of: u64| {
            let (blocks, others) = (side(of, *left), side(of, *right));
            let (a, b) = (
                NumberSet::union_of(blocks.clone()),
                NumberSet::union_of(others),
            );
            [
                comparisons(|| NumberSet::union_of(blocks)),
                comparisons(|| a.union(&b)),
                comparisons(|| a.intersection(&b)),
                comparisons(|| a.difference(&b)),
                comparisons(|| b.difference(&a)),
                comparisons(|| a.encompasses(&b)),
                comparisons(|| b.encompasses(&a)),
            ]
        };
        let (small, large) = (cost(2_500), cost(10_000));
        for (index, (small, large)) in small.into_iter().zip(large).enumerate() {
            assert!(
                large <= 5 * small.max(2_500),
                "{shape}, operation {index}: {small}, then {large}"
            );
        }
    }
}

/// A binary search: 14 comparisons in ten thousand blocks.
#[test]
fn asking_for_a_number_costs_the_logarithm() {
    let blocks = (0..10_000).map(|n| {
        (
            TelephoneNumber::from_digits(12_000_000_000 + 2 * n, 11).unwrap(),
            1,
        )
    });
    let set = NumberSet::union_of(blocks);
    for value in [
        12_000_000_000,
        12_000_009_999,
        12_000_019_998,
        19_999_999_999,
    ] {
        let number = TelephoneNumber::from_digits(value, 11).unwrap();
        assert!(comparisons(|| set.contains(number)) <= 14 + 1);
    }
}

#[test]
fn long_sets_are_shown_in_part() {
    let blocks = (0..10).map(|n| (TelephoneNumber::from_digits(10 + 2 * n, 2).unwrap(), 1));
    assert_eq!(
        NumberSet::union_of(blocks).to_string(),
        "10, 12, 14, 16, 18, 20, 22, 24 and 2 more"
    );
    assert_eq!(set(&[("100", 5), ("*67", 1)]).to_string(), "100+5, *67");
}
