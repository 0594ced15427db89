//! What HTTP has to say about a request before anybody looks into it: method, types, length; and the answer's envelope.

use super::dialect::{Defect, Dialect};
use axum::body::Body;
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use countersign::crypto::system_random;
use countersign::passport::OrigId;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::timeout;

/// Names a request: repeated in the answer, and in the log.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-requestid");

/// Longest X-RequestID that is repeated; a longer one is replaced by one of ours.
const MAX_REQUEST_ID: usize = 128;

/// Longest wait for a body. Clients of this interface give up after two seconds themselves.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/x-www-form-urlencoded`; the answer is JSON.
    Form,
    /// `application/json`.
    Json,
    /// `message/sip` ([RFC 3261 §27.5](https://www.rfc-editor.org/rfc/rfc3261#section-27.5)): a whole request, and so is the answer.
    Sip,
}

impl Media {
    fn of(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        match () {
            () if is("application/json") => Some(Self::Json),
            () if is("application/x-www-form-urlencoded") => Some(Self::Form),
            () if is("message/sip") || is("application/sip") => Some(Self::Sip),
            () => None,
        }
    }

    /// The type of the answer.
    pub(super) const fn of_answer(self) -> &'static str {
        match self {
            Self::Form | Self::Json => "application/json",
            Self::Sip => "message/sip",
        }
    }
}

/// Looks at everything but the body.
///
/// # Errors
/// The first [`Defect`], in this order: method, Accept, Content-Type, Content-Length.
pub(super) fn inspect(method: &Method, headers: &HeaderMap, limit: usize) -> Result<Media, Defect> {
    if *method != Method::POST {
        return Err(Defect::Method("POST"));
    }
    let media = media(headers);
    let answer = media.unwrap_or(Media::Json).of_answer();
    if !accepts(headers, answer) {
        let wanted = headers.get(ACCEPT).map(HeaderValue::as_bytes);
        let wanted = String::from_utf8_lossy(wanted.unwrap_or_default());
        return Err(Defect::NotAcceptable(wanted.into()));
    }
    let media = media.ok_or(Defect::MediaType)?;
    let length = headers.get(CONTENT_LENGTH).ok_or(Defect::LengthRequired)?;
    let length = length.to_str().ok().and_then(|length| length.parse().ok());
    match length {
        None => Err(Defect::LengthRequired),
        Some(0) => Err(Defect::NoBody),
        Some(length) if length > limit => Err(Defect::BodyTooLarge(limit)),
        Some(_) => Ok(media),
    }
}

/// How the body is written; `None` if nobody knows, or two headers say two things.
fn media(headers: &HeaderMap) -> Option<Media> {
    let mut written = headers.get_all(CONTENT_TYPE).iter();
    let media = Media::of(written.next()?.to_str().ok()?);
    media.filter(|_| written.next().is_none())
}

/// Whether the client takes an answer of this type.
// RFC 9110 §12.5.1: "If no Accept header field is present, it is assumed that the user agent accepts all media types" is how its
// predecessors said it; ranges are `*/*`, `type/*` and `type/subtype`, and §12.4.2 has a weight of 0 for "not acceptable".
fn accepts(headers: &HeaderMap, answer: &str) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let kind = answer.split('/').next().unwrap_or_default();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default();
            let fits = match essence.strip_suffix("/*") {
                Some("*") => true,
                Some(wanted) => wanted.eq_ignore_ascii_case(kind),
                None => essence.eq_ignore_ascii_case(answer),
            };
            fits && !parts.any(is_refused)
        })
}

/// `q=0`, `q=0.000`.
fn is_refused(parameter: &str) -> bool {
    let weight = parameter
        .strip_prefix("q=")
        .or(parameter.strip_prefix("Q="));
    weight.is_some_and(|weight| weight.parse().is_ok_and(|weight: f32| weight <= 0.0))
}

/// The whole body, as long as was promised.
///
/// # Errors
/// [`Defect::BodyUnread`] if it does not come.
pub(super) async fn body(request: Request<Body>) -> Result<Bytes, Defect> {
    match timeout(BODY_TIMEOUT, request.into_body().collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(_)) | Err(_) => Err(Defect::BodyUnread),
    }
}

/// What this request is called: as its client says, or as we say.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID);
    let usable = |id: &&HeaderValue| {
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    given.filter(usable).cloned().unwrap_or_else(made_id)
}

fn made_id() -> HeaderValue {
    let mut random = [0; 16];
    // Without randomness it is a name that tells nothing apart, and still one.
    let _ = system_random(&mut random);
    let id = OrigId::from_random(random).to_string();
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
}

/// An answer that is no error.
pub(super) fn done(id: HeaderValue, media: Media, body: impl Into<Body>) -> Response {
    envelope(StatusCode::OK, id, media.of_answer(), body.into())
}

/// An error, in this dialect.
pub(super) fn refused(id: HeaderValue, dialect: Dialect, defect: &Defect) -> Response {
    let body = Body::from(defect.body(dialect));
    let mut response = envelope(defect.status(), id, "application/json", body);
    if let Defect::Method(allowed) = *defect {
        // RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field in a 405 response containing a list of the target
        // resource's currently supported methods."
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

fn envelope(status: StatusCode, id: HeaderValue, media: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, id);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_static(value))
        };
        lines.iter().map(pair).collect()
    }

    const TYPE: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const LENGTH: (&str, &str) = ("content-length", "12");

    #[test]
    fn what_is_wrong_with_an_exchange() {
        let post = |lines: &[_]| inspect(&Method::POST, &headers(lines), 12);
        assert_eq!(post(&[TYPE, LENGTH]), Ok(Media::Json));
        assert_eq!(
            post(&[("content-type", "Message/SIP"), LENGTH]),
            Ok(Media::Sip)
        );
        assert_eq!(post(&[TYPE]), Err(Defect::LengthRequired));
        assert_eq!(post(&[TYPE, ("content-length", "0")]), Err(Defect::NoBody));
        assert_eq!(
            post(&[TYPE, ("content-length", "13")]),
            Err(Defect::BodyTooLarge(12))
        );
        assert_eq!(
            post(&[("content-type", "text/xml"), LENGTH]),
            Err(Defect::MediaType)
        );
        assert_eq!(post(&[LENGTH]), Err(Defect::MediaType));
        let put = inspect(&Method::PUT, &headers(&[]), 12);
        assert_eq!(put, Err(Defect::Method("POST")));
    }

    #[test]
    fn ranges_of_accept() {
        for (accept, taken) in [
            ("*/*", true),
            ("application/*", true),
            ("text/html, application/json;q=0.1", true),
            ("APPLICATION/JSON", true),
            ("text/xml", false),
            ("application/json;q=0", false),
            ("application/json; q=0.000", false),
            ("message/sip", false),
            ("", false),
        ] {
            assert_eq!(
                accepts(&headers(&[("accept", accept)]), "application/json"),
                taken,
                "{accept}"
            );
        }
        assert!(accepts(&headers(&[]), "application/json"));
    }

    #[test]
    fn a_request_keeps_a_name_that_can_be_repeated() {
        let id = |value: &'static str| request_id(&headers(&[("X-RequestID", value)]));
        assert_eq!(id("call-7"), "call-7");
        for unusable in ["", "a b"] {
            assert_eq!(id(unusable).len(), 36, "{unusable:?}");
        }
        let long: &'static str = "x".repeat(MAX_REQUEST_ID + 1).leak();
        assert_eq!(id(long).len(), 36);
        assert_ne!(request_id(&headers(&[])), request_id(&headers(&[])));
    }
}
