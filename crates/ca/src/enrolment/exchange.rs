//! What goes to a server and what comes back, as far as a client of ACME cares: no socket, no TLS.

use countersign::time::{CivilTime, UnixTime};
use std::fmt;

/// The media type of signed requests: RFC 8555 §6.2.
pub(super) const JOSE_JSON: &str = "application/jose+json";

/// The media type of what is asked of a token authority: RFC 9448 §5.5.
pub(super) const JSON: &str = "application/json";

/// Largest body of an answer that makes sense, in bytes: a chain.
pub const MAX_ANSWER: usize = countersign::certificate::chain::MAX_CHAIN_BYTES;

/// Longest time a server may have us wait in one go, in seconds: a day. What it says beyond that is for humans.
const LONGEST_WAIT: i64 = 86_400;

/// The methods that ACME needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The directory.
    Get,
    /// A nonce.
    Head,
    /// Everything else.
    Post,
}

impl Method {
    /// As it stands in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// A request over HTTPS.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The URL: https.
    pub url: Box<str>,
    /// The value of `Content-Type`, if there is a body.
    pub content_type: Option<&'static str>,
    /// The value of `Authorization`, for a token authority.
    pub authorization: Option<Box<str>>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpRequest {
    /// Not what it is authorized by: somebody may write it into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, length) = (self.method.name(), self.body.len());
        write!(f, "HttpRequest({method} {}, {length} bytes)", self.url)
    }
}

/// An answer over HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The header fields, names in any case.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(Box<str>, Box<str>)| other.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, value)| &**value)
    }

    /// Whether what was asked for was done.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// When to come back, if the server says so.
    // RFC 9110 §10.2.3: "The Retry-After field value can be either an HTTP-date or a number of seconds to delay after receiving the
    // response."
    pub(super) fn retry_after(&self, now: UnixTime) -> Option<UnixTime> {
        let text = self.header("Retry-After")?.trim();
        let until = match text.parse::<u32>() {
            Ok(seconds) => now.saturating_add(seconds.into()),
            Err(_) => http_date(text)?,
        };
        let latest = now.saturating_add(LONGEST_WAIT);
        Some(until.clamp(now.saturating_add(1), latest))
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the one form of RFC 9110 §5.6.7 that may be sent.
fn http_date(text: &str) -> Option<UnixTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = text.split_once(", ")?;
    let mut words = date.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    let mut parts = time.split(':');
    let mut part = || parts.next()?.parse::<u8>().ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    let civil = CivilTime {
        year: year.parse().ok()?,
        month: u8::try_from(month + 1).ok()?,
        day: day.parse().ok()?,
        hour,
        minute,
        second,
    };
    (zone == "GMT" && words.next().is_none())
        .then(|| civil.to_unix())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(784_111_700);

    fn retry(value: &str) -> Option<i64> {
        let response = HttpResponse {
            headers: vec![("retry-after".into(), value.into())],
            ..HttpResponse::default()
        };
        let until = response.retry_after(NOW)?;
        Some(until.as_secs() - NOW.as_secs())
    }

    #[test]
    fn what_a_request_is_authorized_by_is_not_shown() {
        let request = HttpRequest {
            method: Method::Post,
            url: "https://authority.example/at".into(),
            content_type: None,
            authorization: Some("Bearer 5EcReT".into()),
            body: b"5EcReT".to_vec(),
        };
        assert!(!format!("{request:?}").contains("5EcReT"));
    }

    #[test]
    fn a_server_says_when_in_seconds_or_by_a_date() {
        assert_eq!(retry("120"), Some(120));
        // RFC 9110 §5.6.7 has this date: 784111777.
        assert_eq!(retry("Sun, 06 Nov 1994 08:49:37 GMT"), Some(77));
        assert_eq!(retry("0"), Some(1), "at once is a second later");
        assert_eq!(retry("Sat, 05 Nov 1994 08:49:37 GMT"), Some(1), "past");
        assert_eq!(retry("4294967295"), Some(LONGEST_WAIT));
        assert_eq!(retry("soon"), None);
        assert_eq!(retry("Sun, 31 Feb 1994 08:49:37 GMT"), None);
        assert_eq!(retry("Sun, 06 Nov 1994 08:49:37 CET"), None);
    }
}
