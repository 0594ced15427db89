//! Sets of telephone numbers: the algebra under TN Authorization Lists.
//!
//! A [`NumberSet`] is a sorted run of intervals that neither touch nor overlap, one kind for each length of number (a leading
//! zero counts: `0100` and `100` are two numbers), and the few numbers with `#` or `*`, which have no successor. Asking for a
//! number is a binary search; union, intersection and inclusion are one pass over both sets.

use crate::number::TelephoneNumber;

/// A set of telephone numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberSet {
    intervals: Box<[Interval]>,
    /// Numbers with `#` or `*`: sorted, each once.
    others: Box<[TelephoneNumber]>,
}

/// The all-digit numbers of one length between two values, both included. Orders by length, then value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    length: usize,
    first: u64,
    last: u64,
}

impl NumberSet {
    /// The union of blocks, each given by its first number and how many there are; the count of a number with `#` or `*` is
    /// not looked at.
    pub fn union_of(blocks: impl IntoIterator<Item = (TelephoneNumber, u64)>) -> Self {
        let (mut intervals, mut others) = (Vec::new(), Vec::new());
        for (start, count) in blocks {
            match start.digits() {
                Some(_) if count == 0 => {}
                Some(first) => intervals.push(Interval {
                    length: start.len(),
                    first,
                    last: first.saturating_add(count - 1),
                }),
                None => others.push(start),
            }
        }
        others.sort_unstable();
        others.dedup();
        Self {
            intervals: merge(intervals),
            others: others.into(),
        }
    }

    /// Whether there is no number in it.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty() && self.others.is_empty()
    }

    /// Whether `number` is in it. O(log n).
    pub fn contains(&self, number: TelephoneNumber) -> bool {
        match number.digits() {
            Some(value) => self.holds(&Interval {
                length: number.len(),
                first: value,
                last: value,
            }),
            None => self.others.binary_search(&number).is_ok(),
        }
    }

    /// Whether every number of `other` is in it.
    pub fn encompasses(&self, other: &Self) -> bool {
        let known = |number| self.others.binary_search(number).is_ok();
        other.intervals.iter().all(|interval| self.holds(interval))
            && other.others.iter().all(known)
    }

    /// The numbers that are in both sets. One pass over each.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut intervals = Vec::new();
        let (mut left, mut right) = (
            self.intervals.iter().peekable(),
            other.intervals.iter().peekable(),
        );
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            intervals.extend(a.overlap(b));
            // Whichever ends first can meet nothing further on.
            if (a.length, a.last) <= (b.length, b.last) {
                left.next();
            } else {
                right.next();
            }
        }
        let in_both = |number: &&TelephoneNumber| other.others.binary_search(number).is_ok();
        Self {
            intervals: intervals.into(),
            others: self.others.iter().filter(in_both).copied().collect(),
        }
    }

    /// Adjacent intervals are merged, so what is covered at all is covered by one of them.
    fn holds(&self, wanted: &Interval) -> bool {
        let after = self
            .intervals
            .partition_point(|one| (one.length, one.first) <= (wanted.length, wanted.first));
        let candidate = after
            .checked_sub(1)
            .and_then(|index| self.intervals.get(index));
        candidate.is_some_and(|one| one.length == wanted.length && wanted.last <= one.last)
    }
}

impl Interval {
    fn overlap(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.length == other.length && first <= last).then_some(Self {
            length: self.length,
            first,
            last,
        })
    }
}

/// Sorts intervals and joins those that touch.
fn merge(mut intervals: Vec<Interval>) -> Box<[Interval]> {
    intervals.sort_unstable();
    intervals.dedup_by(|next, kept| {
        let touches = next.length == kept.length && next.first <= kept.last.saturating_add(1);
        if touches {
            kept.last = kept.last.max(next.last);
        }
        touches
    });
    intervals.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

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
}
