//! The certificate fetcher: from an x5u that a stranger wrote to the chain behind it, or to the reason why not.
//!
//! ```text
//!   peek ──────────────► what is known now, in nanoseconds, from any thread
//!   fetch ─► known? ─► under way? ─► a new flight: url ─► connect ─► exchange ─► parse ─► cache
//!              │            │                                                              │
//!              └────────────┴──────────────────────────── everybody who waits ◄────────────┘
//! ```
//!
//! - [`url`]: whom a URL leads to; [`address`]: whom we may connect to; [`connect`]: resolve, judge, connect, in that order
//!   and once; [`exchange`]: one bounded question and answer; [`caching`]: how long it holds.
//! - A URL is fetched once however many ask (one *flight*), and the flight goes on when nobody waits any more: a call has
//!   half a second, a repository two, and the next call finds the answer.
//! - [`item`] is what may be fetched so: chains, and TN Authorization Lists by reference, each with a cache of its own.
//! - [`resource`] is what rich call data refers to; [`picture`] says whether a picture is one.
//! - [`status`] is whether a certificate is still good, as its authority's responder says.
//! - [`pull`] brings what the operator named, outside of calls; [`visit`] looks at an answer as it stands, for those who judge repositories; nothing of it is kept.
//! - Failures are remembered for seconds, apart from chains. Nothing here judges a chain: that it parses is all.
//! - Web trust (who is that host?) is never STI trust (may it speak for a number?): the roots here are for TLS only.
//!
//! What does not live here: the path to a trust anchor (`countersign::certificate`), and the choice to fetch at all
//! (`countersign::verification`).

pub mod address;
mod cache;
pub mod caching;
pub mod connect;
pub mod exchange;
mod flight;
pub mod item;
pub mod picture;
pub mod post;
pub mod pull;
pub mod resource;
pub mod status;
pub mod url;
pub mod visit;

pub use cache::Bounds;
pub use connect::{Exception, Resolve, SystemResolver};
pub use exchange::{MediaTypes, Reply};
pub use item::Item;
pub use post::{Post, Posted};
pub use pull::{PlainHttp, Pull};
pub use resource::{Card, Picture};
pub use status::Status;
pub use visit::Visit;

use self::cache::Store;
use self::caching::Validators;
use self::connect::Connector;
use self::flight::{Acquaintance, Flights};
use self::url::Target;
use crate::clock::Clock;
use crate::metrics::Metrics;
use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::{Answer, Refresh, Source, Unavailable};
use rustls::RootCertStore;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Longest fetch, from the lookup of the name to the last byte: what the widest-spread verifiers allow.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// Largest body, in bytes. Chains of two or three certificates have below 8 KiB; the bound leaves room for what repositories
/// put around them.
pub const DEFAULT_MAX_BYTES: usize = 256 * 1024;

/// How long a failure is remembered: long enough that a dead repository costs one fetch per this time and not one per call.
pub const DEFAULT_NEGATIVE_LIFETIME: Duration = Duration::from_secs(10);

/// Least time between two conditional re-fetches of one URL: whoever sends bad signatures over somebody else's certificate
/// must not be able to aim us at its repository.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// Chains kept. About a thousand certificates sign calls in the largest country that has them; several countries fit.
pub const DEFAULT_CACHE: Bounds = Bounds {
    entries: 16_384,
    bytes: 64 * 1024 * 1024,
};

/// TN Authorization Lists by reference kept. Few certificates have one; a list of a hundred thousand entries takes some megabytes.
const LIST_CACHE: Bounds = Bounds {
    entries: 1_024,
    bytes: 64 * 1024 * 1024,
};

/// Pictures, or jCards, kept. A logo has some ten kilobytes.
const RESOURCE_CACHE: Bounds = Bounds {
    entries: 4_096,
    bytes: 64 * 1024 * 1024,
};

/// Answers of responders kept: a kilobyte each, one for each caller of the last minutes.
const STATUS_CACHE: Bounds = Bounds {
    entries: 16_384,
    bytes: 32 * 1024 * 1024,
};

/// Failures kept.
const NEGATIVE_CACHE: Bounds = Bounds {
    entries: 16_384,
    bytes: 8 * 1024 * 1024,
};

/// What the operator decides about fetching.
#[derive(Clone, Debug)]
pub struct FetchPolicy {
    /// Longest fetch.
    pub timeout: Duration,
    /// Largest body, in bytes.
    pub max_bytes: usize,
    /// Which media types are taken for a chain.
    pub media_types: MediaTypes,
    /// How long a failure is remembered.
    pub negative_lifetime: Duration,
    /// How much is kept.
    pub cache: Bounds,
    /// Whom TLS trusts.
    pub web_roots: Arc<RootCertStore>,
    /// Hosts that may be fetched from although the rules say otherwise.
    pub exceptions: Vec<Exception>,
}

impl FetchPolicy {
    /// The defaults, with these web trust anchors and no exceptions.
    pub fn with_web_roots(web_roots: Arc<RootCertStore>) -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            max_bytes: DEFAULT_MAX_BYTES,
            media_types: MediaTypes::default(),
            negative_lifetime: DEFAULT_NEGATIVE_LIFETIME,
            cache: DEFAULT_CACHE,
            web_roots,
            exceptions: Vec::new(),
        }
    }
}

/// What is known about a URL without asking anybody.
#[derive(Clone, Debug)]
pub enum Cached<T = CertificateChain> {
    /// What it leads to, still fresh.
    Fresh(Arc<T>),
    /// That it failed a moment ago, and why.
    Unavailable(Unavailable),
}

/// What a URL leads to, and whether its origin was asked.
#[derive(Debug)]
pub struct Fetched<T = CertificateChain> {
    /// The chain (or the list), whole, as received.
    pub item: Arc<T>,
    /// [`Source::Fetched`] if the origin confirmed it now (or less than [`REFRESH_INTERVAL`] ago).
    pub source: Source,
}

impl<T> Clone for Fetched<T> {
    fn clone(&self) -> Self {
        Self {
            item: self.item.clone(),
            source: self.source,
        }
    }
}

/// What came of a fetch.
pub type Outcome<T = CertificateChain> = Result<Fetched<T>, Unavailable>;

/// What a fetch answers to a verification that waits for it.
pub(crate) fn brought<T>(
    outcome: Outcome<T>,
    answer: impl FnOnce(Arc<T>, Source) -> Answer,
) -> Answer {
    match outcome {
        Ok(fetched) => answer(fetched.item, fetched.source),
        Err(why) => Answer::Unavailable(why),
    }
}

/// Fetches certificate chains (or whatever else is an [`Item`]), once each, and keeps them.
pub struct Fetcher<T: Item = CertificateChain> {
    policy: FetchPolicy,
    connector: Arc<Connector>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    items: Store<Entry<T>>,
    failures: Store<Failure>,
    flights: Flights<T>,
}

struct Entry<T> {
    item: Arc<T>,
    expires: UnixTime,
    /// When its origin was last asked because a signature did not fit. The fetch that brought the chain does not count: what
    /// was replaced a moment after it must be found as well.
    refreshed: Option<Ticks>,
    validators: Validators,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self {
            item: self.item.clone(),
            validators: self.validators.clone(),
            ..*self
        }
    }
}

/// A chain of the cache, for whoever looks after it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it is from.
    pub url: Box<str>,
    /// The chain.
    pub item: Arc<CertificateChain>,
    /// Until when it is used without asking.
    pub expires: UnixTime,
    /// When a call used it last; `None`: none did.
    pub used: Option<UnixTime>,
}

/// Why a URL is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    /// A call waits for its chain.
    Call(Refresh),
    /// A call may need it.
    Provision,
}

impl Errand {
    /// The use that counts when room is made.
    fn used_at(self, now: Now) -> u64 {
        match self {
            Self::Call(_) => used_at(now),
            Self::Provision => 0,
        }
    }
}

struct Failure {
    why: Unavailable,
    at: Ticks,
}

impl Fetcher {
    /// A fetcher that runs its flights on `runtime`.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(
        policy: FetchPolicy,
        resolver: Arc<dyn Resolve>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        runtime: tokio::runtime::Handle,
    ) -> Result<Arc<Self>, rustls::Error> {
        let connector = Connector::new(
            resolver,
            policy.web_roots.clone(),
            policy.exceptions.clone(),
        )?;
        Ok(Arc::new(Self {
            connector: Arc::new(connector),
            clock,
            metrics,
            items: Store::new(policy.cache),
            failures: Store::new(NEGATIVE_CACHE),
            flights: Flights::new(runtime),
            policy,
        }))
    }

    /// Another one, for TN Authorization Lists: by the same policy and the same guard, with a cache of its own, so that neither can
    /// push out what the other keeps.
    pub fn for_lists(&self) -> Arc<Fetcher<TnAuthList>> {
        self.beside(LIST_CACHE)
    }

    /// Another one, for jCards.
    pub fn for_cards(&self) -> Arc<Fetcher<Card>> {
        self.beside(RESOURCE_CACHE)
    }

    /// Another one, for pictures.
    pub fn for_pictures(&self) -> Arc<Fetcher<Picture>> {
        self.beside(RESOURCE_CACHE)
    }

    /// Another one, for the answers of responders.
    pub fn for_statuses(&self) -> Arc<Fetcher<Status>> {
        self.beside(STATUS_CACHE)
    }

    fn beside<T: Item>(&self, bounds: Bounds) -> Arc<Fetcher<T>> {
        Arc::new(Fetcher {
            policy: self.policy.clone(),
            connector: self.connector.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            items: Store::new(bounds),
            failures: Store::new(NEGATIVE_CACHE),
            flights: Flights::new(self.flights.runtime()),
        })
    }

    /// Every chain in the cache, fresh or not. Copies as many pointers; not for the way of a call.
    pub fn kept(&self) -> Vec<Kept> {
        let now = self.clock.now();
        let mut all = Vec::with_capacity(self.len());
        self.items.each(|url, entry, used| {
            let ago = |used| i64::try_from(used_at(now).saturating_sub(used)).unwrap_or(i64::MAX);
            all.push(Kept {
                url: url.into(),
                item: entry.item.clone(),
                expires: entry.expires,
                used: (used > 0).then(|| now.unix.saturating_add(-ago(used))),
            });
        });
        all
    }
}

impl<T: Item> Fetcher<T> {
    /// What is known about `url` now, and counted as a lookup. Never waits for anything but a short lock; starts nothing.
    pub fn peek(&self, url: &str, now: Now) -> Option<Cached<T>> {
        let cached = self.look(url, now);
        let result = match &cached {
            Some(Cached::Fresh(_)) => "hit",
            Some(Cached::Unavailable(_)) => "failure",
            None => "miss",
        };
        T::counters(&self.metrics).lookups.increment([result]);
        cached
    }

    fn look(&self, url: &str, now: Now) -> Option<Cached<T>> {
        let item = self.items.read(url, used_at(now), |entry| {
            (now.unix < entry.expires).then(|| entry.item.clone())
        });
        if let Some(Some(item)) = item {
            return Some(Cached::Fresh(item));
        }
        let why = self.failure(url, now, self.policy.negative_lifetime)?;
        Some(Cached::Unavailable(why))
    }

    /// Brings the chain of `url`: from the cache, from a flight under way, or by a new one.
    ///
    /// The flight starts when this is called, not when the future is first polled, and goes on if the future is dropped.
    /// May be called from any thread.
    pub fn fetch(
        self: &Arc<Self>,
        url: &str,
        refresh: Refresh,
    ) -> impl Future<Output = Outcome<T>> + Send + use<T> {
        let now = self.clock.now();
        let errand = Errand::Call(refresh);
        let waiting = match self.known(url, errand, now) {
            Some(outcome) => flight::Waiting::Over(outcome),
            None => self.board(url, errand, now),
        };
        waiting.outcome()
    }

    /// Asks for a chain before a call needs it: for one that is not in the cache, or that will soon have to be asked for again.
    /// It does not count as used, and goes first when there is no more room.
    pub fn provide(
        self: &Arc<Self>,
        url: &str,
    ) -> impl Future<Output = Outcome<T>> + Send + use<T> {
        let now = self.clock.now();
        self.board(url, Errand::Provision, now).outcome()
    }

    /// Chains (or lists) in the cache.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the cache holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self, url: &str, errand: Errand, now: Now) -> Option<Outcome<T>> {
        match errand {
            Errand::Call(Refresh::No) => match self.look(url, now)? {
                Cached::Fresh(item) => Some(Ok(Fetched {
                    item,
                    source: Source::Cache,
                })),
                Cached::Unavailable(why) => Some(Err(why)),
            },
            Errand::Call(Refresh::Conditional) => {
                if let Some(why) = self.failure(url, now, REFRESH_INTERVAL) {
                    return Some(Err(why));
                }
                let item = self.items.read(url, used_at(now), |entry| {
                    let asked = entry
                        .refreshed
                        .is_some_and(|at| now.ticks.since(at) < REFRESH_INTERVAL);
                    asked.then(|| entry.item.clone())
                })??;
                Some(Ok(Fetched {
                    item,
                    source: Source::Fetched,
                }))
            }
            Errand::Provision => {
                let why = self.failure(url, now, self.policy.negative_lifetime)?;
                Some(Err(why))
            }
        }
    }

    fn failure(&self, url: &str, now: Now, lifetime: Duration) -> Option<Unavailable> {
        self.failures.read(url, used_at(now), |failure| {
            (now.ticks.since(failure.at) < lifetime).then_some(failure.why)
        })?
    }

    /// Joins the flight of `url` or starts one.
    fn board(self: &Arc<Self>, url: &str, errand: Errand, now: Now) -> flight::Waiting<T> {
        let Ok(target) = Target::judge(url, self.connector.origins()) else {
            return flight::Waiting::Over(Err(Unavailable::BadUrl));
        };
        let fetcher = self.clone();
        let name: Box<str> = url.into();
        let acquaintance = match self.items.read(url, 0, |_| ()) {
            Some(()) => Acquaintance::Known,
            None => Acquaintance::New,
        };
        self.flights.board(
            url,
            target.authority().site(),
            acquaintance,
            // Between the first look and the lock the flight may have landed.
            || self.known(url, errand, now),
            async move { fetcher.fly(&name, &target, errand).await },
        )
    }

    /// One whole fetch, remembered.
    async fn fly(&self, name: &str, target: &Target, errand: Errand) -> Outcome<T> {
        let old = self.items.read(name, 0, Entry::clone);
        let validators = old.as_ref().map(|old| old.validators.clone());
        let validators = validators.unwrap_or_default();
        let begun = self.clock.now().ticks;
        let reply = tokio::time::timeout(self.policy.timeout, self.ask(target, &validators)).await;
        let reply = reply.unwrap_or(Err(Unavailable::TimedOut));
        let now = self.clock.now();
        let latency = T::counters(&self.metrics).latency;
        latency.observe(now.ticks.since(begun));
        let refreshed = match errand {
            Errand::Call(Refresh::Conditional) => Some(now.ticks),
            Errand::Call(Refresh::No) | Errand::Provision => {
                old.as_ref().and_then(|old| old.refreshed)
            }
        };
        let used = errand.used_at(now);
        let learnt = reply.and_then(|reply| self.learn(name, reply, (old, refreshed), now, used));
        match learnt {
            Ok(item) => {
                self.failures.remove(name);
                Ok(Fetched {
                    item,
                    source: Source::Fetched,
                })
            }
            Err(why) => {
                T::counters(&self.metrics).fetches.increment([why.name()]);
                tracing::info!(url = name, reason = why.name(), "{} not fetched", T::NAME);
                // That we have too much to do says nothing about this URL.
                if why != Unavailable::Overloaded {
                    let failure = Failure { why, at: now.ticks };
                    self.failures
                        .insert(name, failure, size_of::<Failure>(), used_at(now));
                }
                Err(why)
            }
        }
    }

    async fn ask(&self, target: &Target, validators: &Validators) -> Result<Reply, Unavailable> {
        let stream = self.connector.connect(target.authority()).await?;
        let question = exchange::Question {
            target,
            validators,
            max_bytes: T::max_bytes(&self.policy),
            wanted: T::wanted(&self.policy),
        };
        exchange::ask(stream, &question, self.clock.now().unix).await
    }

    /// Makes an entry of a reply.
    fn learn(
        &self,
        name: &str,
        reply: Reply,
        (old, refreshed): (Option<Entry<T>>, Option<Ticks>),
        now: Now,
        used: u64,
    ) -> Result<Arc<T>, Unavailable> {
        let (item, freshness, outcome) = match reply {
            Reply::Unchanged(mut freshness) => {
                let old = old.ok_or(Unavailable::BadResponse)?;
                if freshness.validators == Validators::default() {
                    freshness.validators = old.validators;
                }
                (old.item, freshness, "unchanged")
            }
            Reply::Body(bytes, freshness) => {
                let item = T::parse(&bytes).inspect_err(|why| {
                    tracing::debug!(url = name, %why, "not a {}", T::NAME);
                })?;
                (Arc::new(item), freshness, "ok")
            }
        };
        let counters = T::counters(&self.metrics);
        counters.fetches.increment([outcome]);
        let entry = Entry {
            expires: item.expires(&freshness, now.unix),
            refreshed,
            validators: freshness.validators,
            item: item.clone(),
        };
        let bytes = item.cost() + size_of::<Entry<T>>();
        self.items.insert(name, entry, bytes, used);
        counters.kept.set(self.items.len());
        Ok(item)
    }
}

/// The measure of use for eviction: seconds are fine enough.
fn used_at(now: Now) -> u64 {
    now.ticks.as_micros() / 1_000_000
}
