//! What is fetched because a call names it: certificate chains, and TN Authorization Lists by reference.

use super::FetchPolicy;
use super::caching::Freshness;
use super::exchange::Wanted;
use crate::metrics::{Family, Gauge, Histogram, Metrics};
use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::time::UnixTime;
use countersign::verification::Unavailable;

/// Shortest time that a list is used without asking, in seconds: a busy provider's calls must not become as many requests.
pub const MIN_LIST_LIFETIME: i64 = 60;

/// Longest, in seconds: a number that is taken away is gone within a day, whatever the repository says.
pub const MAX_LIST_LIFETIME: i64 = 24 * 3600;

/// Something that a URL leads to.
pub trait Item: Sized + Send + Sync + 'static {
    /// What it is called in the log.
    const NAME: &'static str;

    /// Reads it.
    ///
    /// # Errors
    /// What it is not.
    fn parse(bytes: &[u8]) -> Result<Self, Unavailable>;

    /// What it costs the cache, in bytes.
    fn cost(&self) -> usize;

    /// Until when it is used without asking, if it came at `now`.
    fn expires(&self, freshness: &Freshness, now: UnixTime) -> UnixTime;

    /// What is asked for.
    fn wanted(policy: &FetchPolicy) -> Wanted;

    /// Largest one, in bytes.
    fn max_bytes(policy: &FetchPolicy) -> usize {
        policy.max_bytes
    }

    /// Where it is counted.
    fn counters(metrics: &Metrics) -> Counters<'_>;
}

/// Where fetches of one kind are counted.
#[derive(Clone, Copy, Debug)]
pub struct Counters<'a> {
    /// Fetches, by outcome.
    pub fetches: &'a Family<1>,
    /// How long fetches took.
    pub latency: &'a Histogram,
    /// Lookups in the cache, by result.
    pub lookups: &'a Family<1>,
    /// How many are in the cache.
    pub kept: &'a Gauge,
}

impl Item for CertificateChain {
    const NAME: &'static str = "certificate chain";

    fn parse(bytes: &[u8]) -> Result<Self, Unavailable> {
        Self::parse(bytes).map_err(|_| Unavailable::BadChain)
    }

    /// Its bytes, and as much again for what was read out of them.
    fn cost(&self) -> usize {
        let certificates = self.certificates().iter();
        let der = certificates.map(|certificate| certificate.as_der().len());
        2 * der.sum::<usize>()
    }

    fn expires(&self, freshness: &Freshness, now: UnixTime) -> UnixTime {
        freshness.expires(now, self.end_entity().validity().not_after)
    }

    fn wanted(policy: &FetchPolicy) -> Wanted {
        Wanted::Chain(policy.media_types)
    }

    fn counters(metrics: &Metrics) -> Counters<'_> {
        Counters {
            fetches: &metrics.fetches,
            latency: &metrics.fetch_latency,
            lookups: &metrics.cache_lookups,
            kept: &metrics.cached_chains,
        }
    }
}

impl Item for TnAuthList {
    const NAME: &'static str = "TN Authorization List";

    fn parse(bytes: &[u8]) -> Result<Self, Unavailable> {
        Self::from_der(bytes).map_err(|_| Unavailable::BadList)
    }

    /// An entry, and its place among the sorted blocks.
    fn cost(&self) -> usize {
        128 * self.entries().len()
    }

    fn expires(&self, freshness: &Freshness, now: UnixTime) -> UnixTime {
        let lifetime = freshness.directive.unwrap_or(0);
        now.saturating_add(lifetime.clamp(MIN_LIST_LIFETIME, MAX_LIST_LIFETIME))
    }

    fn wanted(_: &FetchPolicy) -> Wanted {
        Wanted::TnAuthList
    }

    fn counters(metrics: &Metrics) -> Counters<'_> {
        Counters {
            fetches: &metrics.list_fetches,
            latency: &metrics.list_fetch_latency,
            lookups: &metrics.list_lookups,
            kept: &metrics.cached_lists,
        }
    }
}
