//! `GET /certificates/{name}.pem`: the certificate repository, what our x5u points to.
//!
//! It serves as its own fetcher would like to be served: the media type by name, a cache directive of a day, an entity tag so
//! that asking again is cheap, no redirect, no cookie. Names are published as a whole set, so that a reload never shows half.

use super::Site;
use arc_swap::ArcSwap;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use countersign::certificate::CertificateChain;
use countersign::time::Ticks;
use std::collections::BTreeMap;
use std::time::Duration;

/// [RFC 8555 §9.1](https://www.rfc-editor.org/rfc/rfc8555#section-9.1).
const PEM_CHAIN: &str = "application/pem-certificate-chain";

/// A day: what ATIS-1000074 §5.3.1 makes of anything shorter.
const FOR_A_DAY: &str = "public, max-age=86400";

/// How long a name is served that is published no more. RFC 8224 §7.4: "When a rollover occurs, authentication services SHOULD
/// thus provide new "info" URIs for each new credential and SHOULD continue to make older key acquisition URIs available for a
/// duration longer than the plausible lifetime of a SIP transaction (a minute would most likely suffice)." An hour is the longest
/// freshness that a verifier of ours can be told (`verification.freshness_s`).
pub const RETIRED_FOR: Duration = Duration::from_secs(3_600);

/// The chains that are published, by name.
#[derive(Default)]
pub struct Repository {
    chains: ArcSwap<BTreeMap<Box<str>, Published>>,
}

#[derive(Clone)]
struct Published {
    body: Bytes,
    /// In quotes, as the header carries it.
    etag: String,
    /// When it was taken back; `None`: it is current.
    retired: Option<Ticks>,
}

impl Repository {
    /// Publishes these chains from now on; those of before, under other names, for [`RETIRED_FOR`] longer. Of two with the same
    /// name the first is taken.
    pub fn publish<'a>(
        &self,
        chains: impl IntoIterator<Item = (&'a str, &'a CertificateChain)>,
        now: Ticks,
    ) {
        let mut published = BTreeMap::<Box<str>, Published>::new();
        for (name, chain) in chains {
            published
                .entry(Box::from(name))
                .or_insert_with(|| Published::of(chain));
        }
        for (name, old) in &**self.chains.load() {
            if old.is_served(now) {
                published.entry(name.clone()).or_insert_with(|| Published {
                    retired: old.retired.or(Some(now)),
                    ..old.clone()
                });
            }
        }
        self.chains.store(published.into());
    }
}

impl Published {
    fn of(chain: &CertificateChain) -> Self {
        let digest = chain.digest();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            body: chain.to_pem().into(),
            etag: format!("\"{hex}\""),
            retired: None,
        }
    }
}

impl Published {
    fn is_served(&self, now: Ticks) -> bool {
        self.retired.is_none_or(|at| now.since(at) < RETIRED_FOR)
    }
}

pub(super) async fn certificate(
    State(site): State<Site>,
    Path(file): Path<String>,
    request: HeaderMap,
) -> Response {
    let chains = site.repository.chains.load();
    let name = file.strip_suffix(".pem");
    let found = name.and_then(|name| chains.get(name));
    let Some(published) = found.filter(|one| one.is_served(site.clock.now().ticks)) else {
        return issued(&site, name).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    };
    let headers = [
        (CONTENT_TYPE, PEM_CHAIN),
        (CACHE_CONTROL, FOR_A_DAY),
        (ETAG, published.etag.as_str()),
    ];
    match known_already(&request, &published.etag) {
        true => (StatusCode::NOT_MODIFIED, headers).into_response(),
        false => (headers, published.body.clone()).into_response(),
    }
}

/// A chain that our own authority has issued and published.
fn issued(site: &Site, name: Option<&str>) -> Option<Response> {
    let chain = site.authority.as_ref()?.published(name?)?;
    // Its name is its digest: it never changes.
    let headers = [(CONTENT_TYPE, PEM_CHAIN), (CACHE_CONTROL, FOR_A_DAY)];
    Some((headers, chain).into_response())
}

// RFC 9110 §13.1.2: "If the field value is a list of entity tags, the condition is false if one of the listed tags matches the
// entity tag of the selected representation." A weak comparison: what stands behind `W/` counts.
fn known_already(request: &HeaderMap, etag: &str) -> bool {
    let values = request.get_all(IF_NONE_MATCH).iter();
    let mut tags = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    tags.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}
