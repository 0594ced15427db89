//! Who comes in to the authority, and who comes too often: before anything is read, decided or signed.
//!
//! One host has its share of requests and of logins, and only so many requests of all are worked on at a time: what is beyond is turned
//! away at once and told when to come again. So what waits for the journal or for a key is bounded, and whatever else this server does
//! (calls, the API, the repository, revocation lists, OCSP) shares nothing with it that could run out.
//!
//! What an account may do in an hour is decided where accounts are known: [`countersign_ca::acme::limits`],
//! [`countersign_ca::token_authority`].

use crate::buckets::{Buckets, Rate};
use crate::config::ca::limits::CaLimits;
use crate::hosts::host_of;
use countersign::time::Ticks;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long whoever was turned away for want of a place may wait before it tries again, in seconds: commits take milliseconds.
const WHEN_BUSY: u32 = 1;

/// Seconds of a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// Where somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The ACME server.
    Acme,
    /// Logins and requests for tokens.
    Tokens,
}

impl Door {
    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Tokens => "tokens",
        }
    }
}

/// A place at work, until it is dropped.
#[derive(Debug)]
pub struct AtWork(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// Why somebody was turned away. Each says in how many seconds it may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// Too many are being worked on.
    Busy(u32),
    /// This host comes too often.
    TooOften(u32),
}

impl TurnedAway {
    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Busy(_) => "busy",
            Self::TooOften(_) => "too-often",
        }
    }
}

/// Lets in.
#[derive(Debug)]
pub struct Gate {
    places: Arc<Semaphore>,
    acme: Mutex<Buckets<IpAddr>>,
    tokens: Mutex<Buckets<IpAddr>>,
    acme_rate: Rate,
    tokens_rate: Rate,
}

impl Gate {
    /// The gate of an authority with these limits.
    pub fn new(limits: &CaLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.at_once)),
            acme: Mutex::default(),
            tokens: Mutex::default(),
            acme_rate: in_a_minute(limits.requests_per_minute),
            tokens_rate: in_a_minute(limits.logins_per_minute),
        }
    }

    /// Lets somebody from this address in, or turns it away.
    ///
    /// # Errors
    /// [`TurnedAway`].
    pub fn enter(&self, address: IpAddr, door: Door, now: Ticks) -> Result<AtWork, TurnedAway> {
        let (table, rate) = match door {
            Door::Acme => (&self.acme, self.acme_rate),
            Door::Tokens => (&self.tokens, self.tokens_rate),
        };
        // A bucket is filled or emptied in one step.
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = table.take_or_wait(host_of(address), rate, now);
        drop(table);
        taken.map_err(|wait| TurnedAway::TooOften(seconds(wait)))?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| TurnedAway::Busy(WHEN_BUSY))?;
        Ok(AtWork(place))
    }
}

/// So many at once, and then as many in each minute.
fn in_a_minute(count: u32) -> Rate {
    Rate {
        burst: count,
        every: MINUTE / count.max(1),
    }
}

/// Whole seconds, one at least.
fn seconds(wait: Duration) -> u32 {
    let whole = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0));
    u32::try_from(whole.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_ca::acme::limits::Rates;

    fn gate(at_once: usize) -> Gate {
        Gate::new(&CaLimits {
            rates: Rates::default(),
            tokens_per_hour: 1,
            requests_per_minute: 30,
            logins_per_minute: 3,
            at_once,
        })
    }

    /// This test verifies that each host has its share at each door, that whoever has used it up hears when to come again, and that others
    /// are let in.
    #[test]
    fn each_host_has_its_share_at_each_door() {
        let (gate, at) = (gate(1_000), Ticks::from_millis(1_000));
        let [one, same, other] =
            ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let enter = |address, door, at| gate.enter(address, door, at).map(drop);
        for _ in 0..3 {
            assert_eq!(enter(one, Door::Tokens, at), Ok(()));
        }
        assert_eq!(enter(one, Door::Tokens, at), Err(TurnedAway::TooOften(20)));
        assert_eq!(enter(same, Door::Tokens, at), Err(TurnedAway::TooOften(20)));
        assert_eq!(enter(other, Door::Tokens, at), Ok(()));
        for _ in 0..30 {
            assert_eq!(enter(one, Door::Acme, at), Ok(()));
        }
        assert_eq!(enter(one, Door::Acme, at), Err(TurnedAway::TooOften(2)));
        let later = at.after(Duration::from_secs(20));
        assert_eq!(enter(one, Door::Tokens, later), Ok(()));
    }

    /// This test verifies that no more are let in than are worked on at a time, and that a place which is given back is another's.
    #[test]
    fn only_so_many_are_at_work() {
        let (gate, at) = (gate(2), Ticks::from_millis(1_000));
        let enter = |last: u8| gate.enter([192, 0, 2, last].into(), Door::Acme, at);
        let (first, second) = (enter(1).unwrap(), enter(2).unwrap());
        assert_eq!(enter(3).unwrap_err(), TurnedAway::Busy(WHEN_BUSY));
        drop(first);
        let third = enter(3).unwrap();
        assert_eq!(enter(4).unwrap_err(), TurnedAway::Busy(WHEN_BUSY));
        drop((second, third));
    }
}
