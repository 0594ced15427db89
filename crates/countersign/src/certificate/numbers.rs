//! Sets of telephone numbers: the algebra under TN Authorization Lists.
//!
//! A [`NumberSet`] is a sorted run of intervals that neither touch nor overlap, one kind for each length of number (a leading
//! zero counts: `0100` and `100` are two numbers), and the few numbers with `#` or `*`, which have no successor. Asking for a
//! number is a binary search; union, intersection and inclusion are one pass over both sets.

use crate::number::{TelephoneNumber, power_of_ten};
use std::fmt;

/// A set of telephone numbers.
///
/// # Example
/// ```
/// use countersign::certificate::numbers::NumberSet;
/// let set = |blocks: &[(&str, u64)]| {
///     NumberSet::union_of(blocks.iter().map(|(start, count)| (start.parse().unwrap(), *count)))
/// };
/// let ours = set(&[("12025550100", 50), ("12025550150", 50)]);
/// let handed_down = set(&[("12025550120", 10)]);
/// assert!(ours.encompasses(&handed_down));
/// assert_eq!(ours.difference(&handed_down), set(&[("12025550100", 20), ("12025550130", 70)]));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NumberSet {
    intervals: Box<[Interval]>,
    /// Numbers with `#` or `*`: sorted, each once.
    others: Box<[TelephoneNumber]>,
}

/// The all-digit numbers of one length between two values, both included.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Interval {
    length: usize,
    first: u64,
    last: u64,
}

impl NumberSet {
    /// The union of blocks, each given by its first number and how many there are; the count of a number with `#` or `*` is
    /// not looked at. A block ends where its numbers would grow longer.
    pub fn union_of(blocks: impl IntoIterator<Item = (TelephoneNumber, u64)>) -> Self {
        let (mut intervals, mut others) = (Vec::new(), Vec::new());
        for (start, count) in blocks {
            match start.digits() {
                Some(_) if count == 0 => {}
                Some(first) => intervals.push(Interval {
                    length: start.len(),
                    first,
                    last: first
                        .saturating_add(count - 1)
                        .min(power_of_ten(start.len()) - 1),
                }),
                None => others.push(start),
            }
        }
        Self {
            intervals: merge(intervals),
            others: sorted(others),
        }
    }

    /// Whether there is no number in it.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty() && self.others.is_empty()
    }

    /// Its numbers as blocks that neither touch nor overlap, each by its first number and how many there are. Sorted by
    /// length, then value; numbers with `#` or `*` last, each for itself.
    pub fn blocks(&self) -> impl Iterator<Item = (TelephoneNumber, u64)> + '_ {
        let digits = self.intervals.iter().filter_map(|one| {
            let start = TelephoneNumber::from_digits(one.first, one.length)?;
            Some((start, one.last - one.first + 1))
        });
        digits.chain(self.others.iter().map(|number| (*number, 1)))
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

    /// The numbers that are in one of the sets or in both.
    pub fn union(&self, other: &Self) -> Self {
        Self {
            intervals: merge([&*self.intervals, &*other.intervals].concat()),
            others: sorted([&*self.others, &*other.others].concat()),
        }
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
            if a.ends_by(&b) {
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

    /// The numbers of this set that are not in `other`. One pass over each.
    pub fn difference(&self, other: &Self) -> Self {
        let mut intervals = Vec::new();
        let mut cuts = other.intervals.iter().peekable();
        for whole in &self.intervals {
            let mut rest = Some(*whole);
            while let (Some(one), Some(&&cut)) = (rest, cuts.peek()) {
                if one.overlap(cut).is_some() {
                    intervals.extend(one.before(cut));
                    rest = one.after(cut);
                } else if one.ends_by(&cut) {
                    break;
                }
                // What the cut leaves, or what the cut did not reach, lies beyond it; else the cut may reach further.
                if rest.is_some() {
                    cuts.next();
                }
            }
            intervals.extend(rest);
        }
        let only_here = |number: &&TelephoneNumber| other.others.binary_search(number).is_err();
        Self {
            intervals: intervals.into(),
            others: self.others.iter().filter(only_here).copied().collect(),
        }
    }

    /// Adjacent intervals are merged, so what is covered at all is covered by one of them.
    fn holds(&self, wanted: &Interval) -> bool {
        let after = self
            .intervals
            .partition_point(|one| one.order(wanted).is_le());
        let candidate = after
            .checked_sub(1)
            .and_then(|index| self.intervals.get(index));
        candidate.is_some_and(|one| one.length == wanted.length && wanted.last <= one.last)
    }
}

/// Blocks shown of a set that has more.
const SHOWN_BLOCKS: usize = 8;

impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (start, count)) in self.blocks().take(SHOWN_BLOCKS).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match count {
                1 => write!(f, "{separator}{start}")?,
                count => write!(f, "{separator}{start}+{count}")?,
            }
        }
        match self.blocks().count().saturating_sub(SHOWN_BLOCKS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberSet({self})")
    }
}

impl Interval {
    /// By length, then by first value.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        #[cfg(test)]
        tests::count_comparison();
        (self.length, self.first).cmp(&(other.length, other.first))
    }

    /// Whether it ends no later than `other` does.
    fn ends_by(&self, other: &Self) -> bool {
        #[cfg(test)]
        tests::count_comparison();
        (self.length, self.last) <= (other.length, other.last)
    }

    fn overlap(self, other: Self) -> Option<Self> {
        #[cfg(test)]
        tests::count_comparison();
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.length == other.length && first <= last).then_some(Self {
            length: self.length,
            first,
            last,
        })
    }

    /// The part in front of `cut`, which overlaps it.
    fn before(self, cut: Self) -> Option<Self> {
        (self.first < cut.first).then(|| Self {
            last: cut.first - 1,
            ..self
        })
    }

    /// The part behind `cut`, which overlaps it.
    fn after(self, cut: Self) -> Option<Self> {
        (cut.last < self.last).then(|| Self {
            first: cut.last + 1,
            ..self
        })
    }
}

/// Sorts intervals and joins those that touch.
fn merge(mut intervals: Vec<Interval>) -> Box<[Interval]> {
    intervals.sort_unstable_by(Interval::order);
    intervals.dedup_by(|next, kept| {
        let touches = next.length == kept.length && next.first <= kept.last.saturating_add(1);
        if touches {
            kept.last = kept.last.max(next.last);
        }
        touches
    });
    intervals.into()
}

fn sorted(mut numbers: Vec<TelephoneNumber>) -> Box<[TelephoneNumber]> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into()
}

#[cfg(test)]
pub(super) mod tests;
