//! How long a fetched chain may be used, and how its repository is asked whether it still holds.
//!
//! [RFC 9111](https://www.rfc-editor.org/rfc/rfc9111) as ATIS-1000074 §5.3.1 narrows it: freshness by `s-maxage`, `max-age` or
//! `Expires`; where that gives less than 24 hours or nothing that can be used, 24 hours; never past the notAfter of the
//! end-entity certificate. Two places differ from RFC 9111 on purpose: see `docs/divergences.md`.

use countersign::time::UnixTime;
use hyper::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
};

/// Least time a chain is kept, in seconds: ATIS-1000074 §5.3.1, 24 hours.
pub const MIN_LIFETIME: i64 = 24 * 3600;

/// Longest time a chain that is past its notAfter is kept, in seconds. It can only fail, but each call that carries it would
/// otherwise cost its repository a request.
pub const EXPIRED_LIFETIME: i64 = 10;

/// Largest age or lifetime that a directive can give, in seconds: [RFC 9111 §1.2.2](https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2)
/// lets a cache replace what it cannot hold by 2^31.
const MAX_DELTA_SECONDS: i64 = 1 << 31;

/// Longest validator that is kept, in bytes: ours to choose, a longer one is dropped and the next fetch is a whole one.
const MAX_VALIDATOR: usize = 256;

/// What a response says about its own future.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Seconds that the response may be used from now on by its own directives; `None` without a usable one.
    pub directive: Option<i64>,
    /// What to ask with when it is over.
    pub validators: Validators,
}

/// The validators of a response ([RFC 9110 §8.8](https://www.rfc-editor.org/rfc/rfc9110#section-8.8)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, byte for byte.
    pub etag: Option<HeaderValue>,
    /// `Last-Modified`, byte for byte.
    pub last_modified: Option<HeaderValue>,
}

impl Freshness {
    /// Reads the header of a response received at `now`.
    pub fn of(headers: &HeaderMap, now: UnixTime) -> Self {
        Self {
            directive: explicit_lifetime(headers, now),
            validators: Validators {
                etag: short(headers.get(ETAG)),
                last_modified: short(headers.get(LAST_MODIFIED)),
            },
        }
    }

    /// When the chain must be asked for again, if its end-entity certificate ends at `not_after`.
    pub fn expires(&self, now: UnixTime, not_after: UnixTime) -> UnixTime {
        // ATIS-1000074 §5.3.1: less than 24 hours, or no usable directive: 24 hours.
        let lifetime = self.directive.unwrap_or(0).max(MIN_LIFETIME);
        now.saturating_add(lifetime)
            .min(not_after)
            .max(now.saturating_add(EXPIRED_LIFETIME))
    }
}

// RFC 9111 §4.2.1: "A cache can calculate the freshness lifetime (denoted as freshness_lifetime) of a response by evaluating
// the following rules and using the first match: * If the cache is shared and the s-maxage response directive
// (Section 5.2.2.10) is present, use its value, or * If the max-age response directive (Section 5.2.2.1) is present, use its
// value, or * If the Expires response header field (Section 5.3) is present, use its value minus the value of the Date response
// header field (using the time the message was received if it is not present, as per Section 6.6.1 of [HTTP])"
fn explicit_lifetime(headers: &HeaderMap, now: UnixTime) -> Option<i64> {
    let cache_control = CacheControl::of(headers);
    if cache_control.forbids_reuse {
        return Some(0);
    }
    let lifetime = match cache_control.s_maxage.or(cache_control.max_age) {
        Some(seconds) => seconds,
        None => {
            let expires = headers.get(EXPIRES)?;
            // RFC 9111 §5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0", as
            // representing a time in the past (i.e., "already expired")."
            let Some(expires) = http_date(expires) else {
                return Some(0);
            };
            let date = headers.get(DATE).and_then(http_date).unwrap_or(now);
            expires.as_secs().saturating_sub(date.as_secs())
        }
    };
    Some(lifetime.saturating_sub(age(headers)))
}

// RFC 9111 §5.1: "The "Age" response header field conveys the sender's estimate of the time since the response was generated
// or successfully validated at the origin server."
fn age(headers: &HeaderMap) -> i64 {
    headers.get(AGE).map_or(0, |value| {
        delta_seconds(value.to_str().unwrap_or_default()).unwrap_or(0)
    })
}

#[derive(Default)]
struct CacheControl {
    forbids_reuse: bool,
    max_age: Option<i64>,
    s_maxage: Option<i64>,
}

impl CacheControl {
    fn of(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            // Directives in a value that is not ASCII cannot be told: unusable.
            for directive in value.to_str().unwrap_or("no-cache").split(',') {
                all.add(directive.trim());
            }
        }
        all
    }

    fn add(&mut self, directive: &str) {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        let argument = argument.trim().trim_matches('"');
        let seconds = || delta_seconds(argument).or(Some(0));
        // RFC 9111 §4.2.1: "either the first occurrence should be used or the response should be considered stale".
        match name.trim().to_ascii_lowercase().as_str() {
            "max-age" => self.max_age = self.max_age.or_else(seconds),
            "s-maxage" => self.s_maxage = self.s_maxage.or_else(seconds),
            "no-cache" | "no-store" | "private" => self.forbids_reuse = true,
            _ => {}
        }
    }
}

fn delta_seconds(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        text.parse()
            .unwrap_or(MAX_DELTA_SECONDS)
            .min(MAX_DELTA_SECONDS),
    )
}

fn http_date(value: &HeaderValue) -> Option<UnixTime> {
    let time = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    Some(crate::clock::unix_time(time))
}

fn short(value: Option<&HeaderValue>) -> Option<HeaderValue> {
    value.filter(|value| value.len() <= MAX_VALIDATOR).cloned()
}

impl Validators {
    /// The header fields of a conditional request; none if there is nothing to ask with.
    // RFC 9110 §13.1.2: "When a client desires to update one or more stored responses that have entity tags, the client SHOULD
    // generate an If-None-Match header field containing a list of those entity tags when making a GET request". Where both
    // are sent, a server that knows entity tags ignores the date (§13.1.3).
    pub fn conditions(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        [
            (hyper::header::IF_NONE_MATCH, self.etag.clone()),
            (hyper::header::IF_MODIFIED_SINCE, self.last_modified.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
    const FAR: UnixTime = UnixTime::from_secs(4_000_000_000);

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    fn seconds_kept(lines: &[(&'static str, &str)]) -> i64 {
        let freshness = Freshness::of(&headers(lines), NOW);
        freshness.expires(NOW, FAR).as_secs() - NOW.as_secs()
    }

    #[test]
    fn a_day_where_the_directive_is_missing_short_or_unusable() {
        for lines in [
            &[][..],
            &[("cache-control", "max-age=3600")],
            &[("cache-control", "no-store")],
            &[("cache-control", "no-cache, max-age=900000")],
            &[("cache-control", "private")],
            &[("cache-control", "max-age=forever")],
            &[("cache-control", "max-age=-1")],
            &[("expires", "0")],
            &[("expires", "Thu, 01 Dec 1994 16:00:00 GMT")],
            &[("age", "900000"), ("cache-control", "max-age=900000")],
        ] {
            assert_eq!(seconds_kept(lines), MIN_LIFETIME, "{lines:?}");
        }
    }

    #[test]
    fn longer_directives_are_followed_by_their_rank() {
        for (lines, kept) in [
            (&[("cache-control", "max-age=172800")][..], 172_800),
            (&[("cache-control", "public, max-age=\"172800\"")], 172_800),
            (&[("cache-control", "max-age=1, s-maxage=200000")], 200_000),
            (
                &[
                    ("cache-control", "max-age=200000"),
                    ("cache-control", "max-age=5"),
                ],
                200_000,
            ),
            (
                &[("cache-control", "max-age=200000"), ("age", "10000")],
                190_000,
            ),
            (
                &[
                    ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
                    ("expires", "Fri, 17 Nov 2023 22:13:20 GMT"),
                ],
                259_200,
            ),
            (&[("expires", "Friday, 17-Nov-23 22:13:20 GMT")], 259_200),
            (&[("expires", "Fri Nov 17 22:13:20 2023")], 259_200),
            (
                &[
                    ("cache-control", "max-age=100000"),
                    ("expires", "Fri, 17 Nov 2023 22:13:20 GMT"),
                ],
                100_000,
            ),
            (
                &[("cache-control", "max-age=99999999999999999999999")],
                MAX_DELTA_SECONDS,
            ),
        ] {
            assert_eq!(seconds_kept(lines), kept, "{lines:?}");
        }
    }

    #[test]
    fn never_past_the_end_of_the_certificate() {
        let freshness = Freshness::of(&headers(&[("cache-control", "max-age=9000000")]), NOW);
        let not_after = NOW.saturating_add(7_200);
        assert_eq!(freshness.expires(NOW, not_after), not_after);
        let over = NOW.saturating_add(-1);
        assert_eq!(
            freshness.expires(NOW, over),
            NOW.saturating_add(EXPIRED_LIFETIME),
            "an expired one is kept for seconds, so that it does not cost a fetch per call"
        );
    }

    #[test]
    fn both_validators_are_asked_with() {
        let freshness = Freshness::of(
            &headers(&[
                ("etag", "\"a\""),
                ("last-modified", "Fri, 17 Nov 2023 22:13:20 GMT"),
            ]),
            NOW,
        );
        assert_eq!(freshness.validators.conditions().count(), 2);
        assert_eq!(Validators::default().conditions().count(), 0);
        let long = "x".repeat(MAX_VALIDATOR + 1);
        let long = Freshness::of(&headers(&[("etag", &long)]), NOW);
        assert_eq!(long.validators.etag, None);
    }

    proptest::proptest! {
        #[test]
        fn any_header_gives_a_day_or_more_and_no_panic(
            cache_control in "[ -~]{0,40}",
            directive in "(s-maxage|max-age|MAX-AGE)=[\"0-9-]{0,25}",
            expires in "[ -~]{0,40}",
            age in "[0-9a-]{0,25}",
        ) {
            let kept = seconds_kept(&[
                ("cache-control", &cache_control),
                ("cache-control", &directive),
                ("expires", &expires),
                ("age", &age),
            ]);
            proptest::prop_assert!((MIN_LIFETIME..=MAX_DELTA_SECONDS).contains(&kept), "{}", kept);
        }
    }
}
