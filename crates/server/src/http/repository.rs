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
use std::collections::BTreeMap;

/// [RFC 8555 §9.1](https://www.rfc-editor.org/rfc/rfc8555#section-9.1).
const PEM_CHAIN: &str = "application/pem-certificate-chain";

/// A day: what ATIS-1000074 §5.3.1 makes of anything shorter.
const FOR_A_DAY: &str = "public, max-age=86400";

/// The chains that are published, by name.
#[derive(Default)]
pub struct Repository {
    chains: ArcSwap<BTreeMap<Box<str>, Published>>,
}

struct Published {
    body: Bytes,
    /// In quotes, as the header carries it.
    etag: String,
}

impl Repository {
    /// Publishes these chains, and only these, from now on. Of two with the same name the first is taken.
    pub fn publish<'a>(&self, chains: impl IntoIterator<Item = (&'a str, &'a CertificateChain)>) {
        let mut published = BTreeMap::new();
        for (name, chain) in chains {
            published
                .entry(Box::from(name))
                .or_insert_with(|| Published::of(chain));
        }
        self.chains.store(published.into());
    }

    /// The names that are published.
    pub fn names(&self) -> Vec<Box<str>> {
        self.chains.load().keys().cloned().collect()
    }
}

impl Published {
    fn of(chain: &CertificateChain) -> Self {
        let digest = chain.digest();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            body: chain.to_pem().into(),
            etag: format!("\"{hex}\""),
        }
    }
}

pub(super) async fn certificate(
    State(site): State<Site>,
    Path(file): Path<String>,
    request: HeaderMap,
) -> Response {
    let chains = site.repository.chains.load();
    let name = file.strip_suffix(".pem");
    let Some(published) = name.and_then(|name| chains.get(name)) else {
        return StatusCode::NOT_FOUND.into_response();
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
