//! One flight per URL, however many wait for it.
//!
//! A flight is a task of its own: it belongs to nobody who waits, so nobody who leaves can end it. How many there are at a
//! time is bounded, in all and per site, because each is begun by a stranger's header.

use super::Outcome;
use countersign::verification::Unavailable;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Most flights at one time. With two seconds each at worst, hostile URLs alone cannot hold more sockets than this.
const MAX_FLIGHTS: usize = 256;

/// How many of them are kept for URLs that have brought a chain before: whoever invents URLs cannot keep us from asking again for
/// those that sign calls.
const FLIGHTS_FOR_THE_KNOWN: usize = 64;

/// Most flights at one time to one site. Many URLs of one host are somebody's attempt to aim us at it, or a CA's repository
/// with hundreds of its customers' chains after our restart: at 150 ms each, sixty-four at a time fetch four hundred a second.
const MAX_FLIGHTS_PER_SITE: usize = 64;

/// How many of these are kept for known URLs.
const SITE_FLIGHTS_FOR_THE_KNOWN: usize = 8;

/// Whether a URL has brought a chain before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acquaintance {
    /// It has, and its chain is still in the cache, though perhaps no longer fresh.
    Known,
    /// It has not, or that is forgotten.
    New,
}

impl Acquaintance {
    /// Most flights at one time, in all and to one site, that such a URL may be the last of.
    const fn limits(self) -> (usize, usize) {
        match self {
            Self::Known => (MAX_FLIGHTS, MAX_FLIGHTS_PER_SITE),
            Self::New => (
                MAX_FLIGHTS - FLIGHTS_FOR_THE_KNOWN,
                MAX_FLIGHTS_PER_SITE - SITE_FLIGHTS_FOR_THE_KNOWN,
            ),
        }
    }
}

/// The flights under way.
pub(super) struct Flights<T> {
    under_way: Arc<Mutex<HashMap<Box<str>, Flight<T>>>>,
    runtime: Handle,
}

struct Flight<T> {
    site: Box<str>,
    outcome: watch::Receiver<Option<Outcome<T>>>,
}

/// A place in a flight.
pub(super) enum Waiting<T> {
    /// There is nothing to wait for.
    Over(Outcome<T>),
    /// The outcome will be here.
    UnderWay(watch::Receiver<Option<Outcome<T>>>),
}

impl<T: Send + Sync + 'static> Flights<T> {
    pub(super) fn new(runtime: Handle) -> Self {
        Self {
            under_way: Arc::default(),
            runtime,
        }
    }

    /// Where flights run.
    pub(super) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Joins the flight of `url`; if there is none and `known` (asked under the lock) knows nothing either, starts `journey`.
    pub(super) fn board(
        &self,
        url: &str,
        site: Box<str>,
        acquaintance: Acquaintance,
        known: impl FnOnce() -> Option<Outcome<T>>,
        journey: impl Future<Output = Outcome<T>> + Send + 'static,
    ) -> Waiting<T> {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(url) {
            return Waiting::UnderWay(flight.outcome.clone());
        }
        if let Some(outcome) = known() {
            return Waiting::Over(outcome);
        }
        let to_site = under_way.values().filter(|flight| flight.site == site);
        let (most, most_to_site) = acquaintance.limits();
        if under_way.len() >= most || to_site.count() >= most_to_site {
            return Waiting::Over(Err(Unavailable::Overloaded));
        }
        let (landed, outcome) = watch::channel(None);
        let flight = Flight {
            site,
            outcome: outcome.clone(),
        };
        under_way.insert(url.into(), flight);
        let departure = Departure {
            under_way: self.under_way.clone(),
            url: url.into(),
        };
        self.runtime.spawn(async move {
            let outcome = journey.await;
            // What was learnt is in the cache by now: who comes after this line finds it there.
            drop(departure);
            let _ = landed.send(Some(outcome));
        });
        Waiting::UnderWay(outcome)
    }
}

impl<T> Waiting<T> {
    /// Waits.
    pub(super) async fn outcome(self) -> Outcome<T> {
        let mut receiver = match self {
            Self::Over(outcome) => return outcome,
            Self::UnderWay(receiver) => receiver,
        };
        match receiver.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(Unavailable::TimedOut)),
            // The task is gone without a word: the runtime is shutting down.
            Err(_) => Err(Unavailable::TimedOut),
        }
    }
}

/// Takes a flight off the board, however it ends.
struct Departure<T> {
    under_way: Arc<Mutex<HashMap<Box<str>, Flight<T>>>>,
    url: Box<str>,
}

impl<T> Drop for Departure<T> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.url);
    }
}

fn lock<M>(mutex: &Mutex<M>) -> MutexGuard<'_, M> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
