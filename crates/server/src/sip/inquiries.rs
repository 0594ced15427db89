//! How often one may ask who would answer: by source, by signer, by the number asked about and by its neighbours, so that nobody finds out
//! by asking which numbers of a range are answered by whom.
//!
//! All shards share it. An inquiry is no call: where one asks that may, a lock for a moment is no harm. What an inquiry is, and what it is
//! told, is `countersign_sip::inquiry`'s.

use crate::buckets::{Buckets, Rate};
use countersign::identity::Identity;
use countersign::time::Ticks;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// Whether somebody at this address may ask now. Before anything is computed for them, and before they have proven who they are: so
    /// nothing is spent here that others may need.
    pub fn admits(&self, source: IpAddr, now: Ticks) -> bool {
        let mut tables = self.lock();
        tables.sources.take(source.to_canonical(), BY_SOURCE, now)
    }

    /// Whether somebody who has proven who it is, by this signer, may ask about this number now.
    ///
    /// Each limit is spent only where those before it leave something: whoever asks too often about one number takes nothing from its
    /// neighbours.
    pub fn admits_proven(&self, signer: &str, called: Option<&Identity>, now: Ticks) -> bool {
        let mut tables = self.lock();
        if !tables.signers.take(signer.into(), BY_SIGNER, now) {
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
        let range: Option<Box<str>> = range.and_then(|length| name.get(..length)).map(Box::from);
        tables.numbers.take(name.into(), BY_NUMBER, now)
            && range.is_none_or(|range| tables.ranges.take(range, BY_RANGE, now))
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: &str = "SHAKEN 1234";

    fn number(digits: u64) -> Identity {
        Identity::Number(digits.to_string().parse().unwrap())
    }

    fn asked(inquiries: &Inquiries, signer: &str, called: u64, at: u64) -> bool {
        inquiries.admits_proven(signer, Some(&number(called)), Ticks::from_millis(at))
    }

    /// This test verifies that whoever dials a range one by one is stopped early, by however many signers, and that others are not.
    #[test]
    fn a_range_is_not_dialled_through() {
        let inquiries = Inquiries::default();
        let through = |called: &u64| {
            let signer = format!("SHAKEN {}", called % 7);
            asked(&inquiries, &signer, *called, 1_000)
        };
        let answered = (12_025_550_100..12_025_550_200).filter(through).count();
        assert_eq!(answered, 30);
        assert!(
            asked(&inquiries, SIGNER, 12_025_550_299, 1_000),
            "another range"
        );
        assert!(!asked(&inquiries, SIGNER, 12_025_550_199, 2_900));
        assert!(
            asked(&inquiries, SIGNER, 12_025_550_199, 3_000),
            "two seconds later"
        );
    }

    /// This test verifies that one number, one source and one signer have their limits, each its own.
    #[test]
    fn each_has_a_limit_of_its_own() {
        let inquiries = Inquiries::default();
        let about_one = (0..20)
            .filter(|_| asked(&inquiries, SIGNER, 12_025_550_100, 0))
            .count();
        assert_eq!(about_one, 10);
        assert!(asked(&inquiries, SIGNER, 12_025_550_100, 6_000));
        // Far apart, so that no range is in the way.
        let elsewhere = (0..200)
            .filter(|step| {
                asked(
                    &inquiries,
                    "SHAKEN 709J",
                    13_000_000_000 + step * 1_000,
                    6_000,
                )
            })
            .count();
        assert_eq!(elsewhere, 100);
        let now = Ticks::from_millis(6_000);
        let source = "192.0.2.10".parse().unwrap();
        let came = (0..200).filter(|_| inquiries.admits(source, now)).count();
        assert_eq!(came, 100);
        assert!(inquiries.admits("192.0.2.11".parse().unwrap(), now));
    }

    /// This test verifies that asking about one number, far too often, keeps nobody from asking about its neighbours.
    #[test]
    fn one_number_does_not_use_up_its_range() {
        let inquiries = Inquiries::default();
        for _ in 0..50 {
            asked(&inquiries, SIGNER, 12_025_550_100, 0);
        }
        assert!(asked(&inquiries, "SHAKEN 709J", 12_025_550_101, 0));
    }
}
