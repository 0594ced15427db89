//! How often each of many may do something: a bucket for each of them, which fills again over time. Bounded, whoever comes.

use countersign::time::Ticks;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// How much of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// At once.
    pub(crate) burst: u32,
    /// After that one each.
    pub(crate) every: Duration,
}

/// Most names that each table remembers. Beyond it those are forgotten that may ask freely again, and if there are none nobody new may ask.
const MAX_REMEMBERED: usize = 16_384;

/// How long a full table is not looked through again for those that may ask freely: everybody waits while one is.
const SWEPT_EVERY: Duration = Duration::from_secs(1);

/// A bucket of tokens for each name.
#[derive(Debug)]
pub(crate) struct Buckets<Key> {
    by_name: HashMap<Key, Bucket>,
    /// When it was looked through last, being full.
    swept: Option<Ticks>,
}

impl<Key> Default for Buckets<Key> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            swept: None,
        }
    }
}

/// When it will be full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full: Ticks,
}

impl<Key: Eq + Hash> Buckets<Key> {
    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, key: Key, rate: Rate, now: Ticks) -> bool {
        self.take_or_wait(key, rate, now).is_ok()
    }

    /// The same; if there is none, how long until there is.
    pub(crate) fn take_or_wait(
        &mut self,
        key: Key,
        rate: Rate,
        now: Ticks,
    ) -> Result<(), Duration> {
        let is_full = self.by_name.len() >= MAX_REMEMBERED;
        if is_full && !self.by_name.contains_key(&key) && !self.sweep(now) {
            return Err(SWEPT_EVERY);
        }
        let bucket = self.by_name.entry(key).or_insert(Bucket { full: now });
        let full = bucket.full.max(now).after(rate.every);
        let room = rate.every.saturating_mul(rate.burst);
        match full.since(now).checked_sub(room) {
            None | Some(Duration::ZERO) => {
                bucket.full = full;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    /// Forgets those that may ask freely; whether there is room now.
    fn sweep(&mut self, now: Ticks) -> bool {
        if self.swept.is_some_and(|at| now < at.after(SWEPT_EVERY)) {
            return false;
        }
        self.swept = Some(now);
        self.by_name.retain(|_, bucket| bucket.full > now);
        self.by_name.len() < MAX_REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate {
        burst: 10,
        every: Duration::from_secs(6),
    };

    /// This test verifies that who is turned away hears when to come again: not a moment too early, and not too late.
    #[test]
    fn who_is_turned_away_hears_how_long() {
        let (mut buckets, mut at) = (Buckets::default(), Ticks::from_millis(500));
        let taken = (0..20).filter(|_| buckets.take((), RATE, at)).count();
        assert_eq!(taken, 10);
        for _ in 0..5 {
            let wait = buckets.take_or_wait((), RATE, at).unwrap_err();
            assert!(wait > Duration::ZERO && wait <= RATE.every, "{wait:?}");
            let early = at.after(wait.saturating_sub(Duration::from_millis(1)));
            assert!(!buckets.take((), RATE, early));
            at = at.after(wait);
            assert!(buckets.take((), RATE, at));
        }
    }

    /// This test verifies that whoever comes from everywhere does not fill the memory, and that what was forgotten was free.
    #[test]
    fn the_tables_are_bounded() {
        let mut buckets = Buckets::default();
        let taken = (0..2 * MAX_REMEMBERED)
            .filter(|key| buckets.take(*key, RATE, Ticks::default()))
            .count();
        assert_eq!(
            (taken, buckets.by_name.len()),
            (MAX_REMEMBERED, MAX_REMEMBERED)
        );
        assert!(buckets.take(usize::MAX, RATE, Ticks::from_millis(6_000)));
        assert_eq!(buckets.by_name.len(), 1);
    }

    /// This test verifies that a table that is full is looked through once a second at most, however many come.
    #[test]
    fn a_full_table_is_looked_through_once_a_second() {
        let mut buckets = Buckets::default();
        let brief = Rate {
            burst: 1,
            every: Duration::from_millis(100),
        };
        for key in 0..MAX_REMEMBERED {
            buckets.take(key, brief, Ticks::default());
        }
        assert!(!buckets.take(usize::MAX, brief, Ticks::default()));
        let soon = Ticks::from_millis(200);
        assert!(
            !buckets.take(usize::MAX, brief, soon),
            "not looked through again"
        );
        assert!(
            buckets.take(0, brief, soon),
            "who is known is not kept waiting"
        );
        assert!(buckets.take(usize::MAX, brief, Ticks::from_millis(1_000)));
    }

    proptest! {
        /// This test verifies that in no span of time more is taken than there may be.
        #[test]
        fn never_more_than_the_rate(waits in proptest::collection::vec(0_u64..10_000, 1..200)) {
            let (mut buckets, mut at, mut taken) = (Buckets::default(), 0, Vec::new());
            for wait in waits {
                at += wait;
                if buckets.take((), RATE, Ticks::from_millis(at)) {
                    taken.push(at);
                }
            }
            for (index, from) in taken.iter().enumerate() {
                for (count, to) in taken.iter().skip(index).enumerate() {
                    let refilled = (to - from) / 6_000;
                    prop_assert!(count as u64 <= 10 + refilled);
                }
            }
        }
    }
}
