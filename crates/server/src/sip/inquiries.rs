//! How often one may ask who would answer: by source, by signer, by the number asked about and by its neighbours, so that nobody finds out
//! by asking which numbers of a range are answered by whom.
//!
//! All shards share it. An inquiry is no call: where one asks that may, a lock for a moment is no harm. What an inquiry is, and what it is
//! told, is `countersign_sip::inquiry`'s.

use countersign::identity::Identity;
use countersign::time::Ticks;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How much of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    /// At once.
    burst: u32,
    /// After that one each.
    every: Duration,
}

/// From one address: a provider with many customers who look before they call.
const BY_SOURCE: Rate = Rate {
    burst: 100,
    every: Duration::from_millis(50),
};

/// Signed by one provider.
const BY_SIGNER: Rate = Rate {
    burst: 100,
    every: Duration::from_millis(50),
};

/// About one number: a few people who are about to call it. More keep its answers from those who call.
const BY_NUMBER: Rate = Rate {
    burst: 10,
    every: Duration::from_secs(6),
};

/// About numbers that differ in their last two digits only: far more than people ask about an enterprise, far less than a block has.
const BY_RANGE: Rate = Rate {
    burst: 30,
    every: Duration::from_secs(2),
};

/// Digits that neighbours differ in.
const RANGE_DIGITS: usize = 2;

/// Most names that each table remembers. Beyond it those are forgotten that may ask freely again, and if there are none nobody new may ask.
const MAX_REMEMBERED: usize = 16_384;

/// Who has asked how often.
#[derive(Debug, Default)]
pub struct Inquiries {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    sources: Buckets<IpAddr>,
    signers: Buckets<Box<str>>,
    numbers: Buckets<Box<str>>,
    ranges: Buckets<Box<str>>,
}

impl Inquiries {
    /// Whether somebody at this address may ask about this number now. Before anything is computed for them.
    pub fn admits(&self, source: IpAddr, called: Option<&Identity>, now: Ticks) -> bool {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if !tables.sources.take(source.to_canonical(), BY_SOURCE, now) {
            return false;
        }
        let Some(called) = called else {
            return true;
        };
        let name = called.to_string();
        let range = match called {
            Identity::Number(_) => name.len().checked_sub(RANGE_DIGITS),
            Identity::Uri(_) => None,
        };
        let range = range.and_then(|length| name.get(..length));
        let in_range = range.is_none_or(|range| tables.ranges.take(range.into(), BY_RANGE, now));
        in_range && tables.numbers.take(name.into(), BY_NUMBER, now)
    }

    /// Whether this signer may ask now.
    pub fn admits_signer(&self, signer: &str, now: Ticks) -> bool {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.signers.take(signer.into(), BY_SIGNER, now)
    }
}

/// A bucket of tokens for each name.
#[derive(Debug)]
struct Buckets<Key>(HashMap<Key, Bucket>);

impl<Key> Default for Buckets<Key> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// When it will be full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full: Ticks,
}

impl<Key: Eq + Hash> Buckets<Key> {
    /// Takes one, if there is one.
    fn take(&mut self, key: Key, rate: Rate, now: Ticks) -> bool {
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, bucket| bucket.full > now);
            if self.0.len() >= MAX_REMEMBERED {
                return false;
            }
        }
        let bucket = self.0.entry(key).or_insert(Bucket { full: now });
        let full = bucket.full.max(now).after(rate.every);
        let is_left = full.since(now) <= rate.every.saturating_mul(rate.burst);
        if is_left {
            bucket.full = full;
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: &str = "192.0.2.10";

    fn number(digits: u64) -> Identity {
        Identity::Number(digits.to_string().parse().unwrap())
    }

    fn asked(inquiries: &Inquiries, source: &str, called: u64, at: u64) -> bool {
        let now = Ticks::from_millis(at);
        inquiries.admits(source.parse().unwrap(), Some(&number(called)), now)
    }

    /// This test verifies that whoever dials a range one by one is stopped early, from however many addresses, and that others are not.
    #[test]
    fn a_range_is_not_dialled_through() {
        let inquiries = Inquiries::default();
        let through = |called: &u64| {
            let source = format!("192.0.2.{}", called % 7);
            asked(&inquiries, &source, *called, 1_000)
        };
        let answered = (12_025_550_100..12_025_550_200).filter(through).count();
        assert_eq!(answered, 30);
        assert!(
            asked(&inquiries, "192.0.2.99", 12_025_550_299, 1_000),
            "another range"
        );
        assert!(!asked(&inquiries, "192.0.2.99", 12_025_550_199, 2_900));
        assert!(
            asked(&inquiries, "192.0.2.99", 12_025_550_199, 3_000),
            "two seconds later"
        );
    }

    /// This test verifies that one number, one source and one signer have their limits, each its own.
    #[test]
    fn each_has_a_limit_of_its_own() {
        let inquiries = Inquiries::default();
        let about_one = (0..20)
            .filter(|_| asked(&inquiries, SOURCE, 12_025_550_100, 0))
            .count();
        assert_eq!(about_one, 10);
        assert!(asked(&inquiries, SOURCE, 12_025_550_100, 6_000));
        // Far apart, so that no range is in the way: what was refused above came from here, too.
        let elsewhere = (0..200)
            .filter(|step| asked(&inquiries, SOURCE, 13_000_000_000 + step * 1_000, 6_000))
            .count();
        assert!((90..=100).contains(&elsewhere), "{elsewhere}");
        let now = Ticks::from_millis(6_000);
        let signed = (0..200)
            .filter(|_| inquiries.admits_signer("SHAKEN 1234", now))
            .count();
        assert_eq!(signed, 100);
        assert!(inquiries.admits_signer("SHAKEN 709J", now));
    }

    /// This test verifies that whoever comes from everywhere does not fill the memory, and that what was forgotten was free.
    #[test]
    fn the_tables_are_bounded() {
        let mut buckets = Buckets::default();
        let taken = (0..2 * MAX_REMEMBERED)
            .filter(|key| buckets.take(*key, BY_NUMBER, Ticks::default()))
            .count();
        assert_eq!((taken, buckets.0.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
        assert!(buckets.take(usize::MAX, BY_NUMBER, Ticks::from_millis(6_000)));
        assert_eq!(buckets.0.len(), 1);
    }

    proptest! {
        /// This test verifies that in no span of time more is taken than there may be.
        #[test]
        fn never_more_than_the_rate(waits in proptest::collection::vec(0_u64..10_000, 1..200)) {
            let (mut buckets, mut at, mut taken) = (Buckets::default(), 0, Vec::new());
            for wait in waits {
                at += wait;
                if buckets.take((), BY_NUMBER, Ticks::from_millis(at)) {
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
