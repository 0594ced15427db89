//! What rich call data refers to: jCards and pictures, fetched as certificates are, by the same guard, each kind with a cache of its own.
//!
//! What came must be what the need says: of its media type, not larger than the kind allows, and a picture must be one
//! ([`super::picture`]). Whether its digest is the signed one is `countersign::verification`'s to say.

use super::caching::Freshness;
use super::exchange::Wanted;
use super::item::{Counters, Item};
use super::{FetchPolicy, picture};
use crate::metrics::{Gauge, Metrics};
use countersign::time::UnixTime;
use countersign::verification::{Resource, ResourceKind, Unavailable};
use std::sync::Arc;

/// Shortest time that a resource is used without asking, in seconds: a busy brand's calls must not become as many requests.
pub const MIN_RESOURCE_LIFETIME: i64 = 60;

/// Longest, in seconds: a logo that was replaced, and signed anew, is not taken for a forged one for longer than this.
pub const MAX_RESOURCE_LIFETIME: i64 = 3600;

/// The only type of a jCard.
// RFC 9795 §5.1.5: "The web server MUST use the media type for JSON text as application/json with a default encoding of UTF-8".
pub const CARD_TYPE: &str = "application/json";

/// A jCard as it came.
#[derive(Clone, Debug)]
pub struct Card(pub Arc<Resource>);

/// A picture that could be decoded.
#[derive(Clone, Debug)]
pub struct Picture(pub Arc<Resource>);

impl Item for Card {
    const NAME: &'static str = "jCard";

    fn parse(bytes: &[u8]) -> Result<Self, Unavailable> {
        std::str::from_utf8(bytes).map_err(|_| Unavailable::MediaType)?;
        Ok(Self(resource(CARD_TYPE, bytes)))
    }

    fn cost(&self) -> usize {
        self.0.bytes.len()
    }

    fn expires(&self, freshness: &Freshness, now: UnixTime) -> UnixTime {
        expires(freshness, now)
    }

    fn wanted(_: &FetchPolicy) -> Wanted {
        Wanted::Card
    }

    fn max_bytes(_: &FetchPolicy) -> usize {
        ResourceKind::Card.limit()
    }

    fn counters(metrics: &Metrics) -> Counters<'_> {
        counters(metrics, &metrics.cached_cards)
    }
}

impl Item for Picture {
    const NAME: &'static str = "picture";

    fn parse(bytes: &[u8]) -> Result<Self, Unavailable> {
        let format = picture::inspect(bytes)?;
        Ok(Self(resource(format.media_type(), bytes)))
    }

    fn cost(&self) -> usize {
        self.0.bytes.len()
    }

    fn expires(&self, freshness: &Freshness, now: UnixTime) -> UnixTime {
        expires(freshness, now)
    }

    fn wanted(_: &FetchPolicy) -> Wanted {
        Wanted::Picture
    }

    fn max_bytes(_: &FetchPolicy) -> usize {
        ResourceKind::Picture.limit()
    }

    fn counters(metrics: &Metrics) -> Counters<'_> {
        counters(metrics, &metrics.cached_pictures)
    }
}

fn resource(media_type: &str, bytes: &[u8]) -> Arc<Resource> {
    Arc::new(Resource::new(media_type, bytes))
}

fn expires(freshness: &Freshness, now: UnixTime) -> UnixTime {
    let lifetime = freshness.directive.unwrap_or(0);
    now.saturating_add(lifetime.clamp(MIN_RESOURCE_LIFETIME, MAX_RESOURCE_LIFETIME))
}

fn counters<'a>(metrics: &'a Metrics, kept: &'a Gauge) -> Counters<'a> {
    Counters {
        fetches: &metrics.resource_fetches,
        latency: &metrics.resource_fetch_latency,
        lookups: &metrics.resource_lookups,
        kept,
    }
}
