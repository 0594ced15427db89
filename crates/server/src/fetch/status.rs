//! What a responder of OCSP answers to a question that a call waits for: GET, as
//! [RFC 6960 A.1](https://www.rfc-editor.org/rfc/rfc6960#appendix-A.1) has it, so that the URL is the question and one answer serves all
//! who ask the same.
//!
//! Only https: a question over plain http would tell everybody on its way who calls. What an answer is worth is judged in
//! `countersign::verification`.

use super::FetchPolicy;
use super::caching::Freshness;
use super::exchange::Wanted;
use super::item::{Counters, Item};
use crate::metrics::Metrics;
use countersign::certificate::ocsp::{MAX_RESPONSE, OcspResponse};
use countersign::time::UnixTime;
use countersign::verification::Unavailable;
use std::sync::Arc;

/// Shortest time that an answer is used without asking, in seconds: a busy caller's calls must not become as many questions.
pub const MIN_STATUS_LIFETIME: i64 = 10;

/// Longest, in seconds, whatever the responder says: who wants to know it live does not want to know what was true yesterday.
pub const MAX_STATUS_LIFETIME: i64 = 600;

/// The media type of answers: RFC 6960 A.2.
pub const RESPONSE_TYPE: &str = "application/ocsp-response";

/// The media type of questions: RFC 6960 A.1.
pub const REQUEST_TYPE: &str = "application/ocsp-request";

/// What a responder answers, in DER: it can be read, and is not believed.
#[derive(Clone, Debug)]
pub struct Status(pub Arc<[u8]>);

impl Item for Status {
    const NAME: &'static str = "status of a certificate";

    fn parse(bytes: &[u8]) -> Result<Self, Unavailable> {
        match OcspResponse::parse(bytes) {
            Ok(_) => Ok(Self(bytes.into())),
            Err(_) => Err(Unavailable::BadResponse),
        }
    }

    fn cost(&self) -> usize {
        self.0.len()
    }

    fn expires(&self, freshness: &Freshness, now: UnixTime) -> UnixTime {
        let lifetime = freshness.directive.unwrap_or(0);
        now.saturating_add(lifetime.clamp(MIN_STATUS_LIFETIME, MAX_STATUS_LIFETIME))
    }

    fn wanted(_: &FetchPolicy) -> Wanted {
        Wanted::Status
    }

    fn max_bytes(_: &FetchPolicy) -> usize {
        MAX_RESPONSE
    }

    fn counters(metrics: &Metrics) -> Counters<'_> {
        Counters {
            fetches: &metrics.status_fetches,
            latency: &metrics.status_fetch_latency,
            lookups: &metrics.status_lookups,
            kept: &metrics.cached_statuses,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_not_kept() {
        assert!(Status::parse(&[0x30, 3, 0x0a, 1, 3]).is_ok(), "try later");
        assert!(Status::parse(b"<html>").is_err());
    }
}
