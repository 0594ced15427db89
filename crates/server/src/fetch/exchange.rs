//! One request and its answer over a connection that is already trusted with a host name.
//!
//! The peer is a stranger who may hang, drip, lie about lengths or send without end. Time is bounded by the caller; here the
//! bounds are on bytes and on what may be ambiguous: two framings of one body are refused, not resolved.

use super::caching::{Freshness, Validators};
use super::picture::Format;
use super::resource::CARD_TYPE;
use super::status::RESPONSE_TYPE;
use super::url::Target;
use bytes::Bytes;
use countersign::time::UnixTime;
use countersign::verification::Unavailable;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
    HeaderMap, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tracing::debug;

/// Largest header of an answer, in bytes: hyper needs at least 8 KiB; repositories send below 2 KiB.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Most header fields of an answer.
const MAX_HEADER_FIELDS: usize = 64;

/// Which media types are taken for a certificate chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaTypes {
    /// Also what servers say that do not know the type of a `.pem` file, or say nothing.
    #[default]
    Lenient,
    /// `application/pem-certificate-chain` ([RFC 8555 §9.1](https://www.rfc-editor.org/rfc/rfc8555#section-9.1)) and
    /// `application/pkix-cert` ([RFC 8224 §7.4](https://www.rfc-editor.org/rfc/rfc8224#section-7.4)).
    Strict,
}

impl MediaTypes {
    fn allow(self, headers: &HeaderMap) -> bool {
        let Some(essence) = essence(headers) else {
            return false;
        };
        let known = |types: &[&str]| {
            types
                .iter()
                .any(|known| known.eq_ignore_ascii_case(essence))
        };
        known(&STANDARD_TYPES) || (self == Self::Lenient && known(&FIELD_TYPES))
    }
}

/// The media type without its parameters, empty if there is none; `None` if it is no text.
fn essence(headers: &HeaderMap) -> Option<&str> {
    match headers.get(CONTENT_TYPE).map(|value| value.to_str()) {
        None => Some(""),
        Some(Err(_)) => None,
        Some(Ok(value)) => Some(value.split(';').next().unwrap_or_default().trim()),
    }
}

fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    essence(headers).is_some_and(|essence| essence.eq_ignore_ascii_case(media_type))
}

const TN_AUTH_LIST_TYPE: &str = "application/tnauthlist";

const STANDARD_TYPES: [&str; 2] = ["application/pem-certificate-chain", "application/pkix-cert"];

/// What repositories of the field say instead; the empty one is none at all.
const FIELD_TYPES: [&str; 8] = [
    "",
    "application/octet-stream",
    "application/x-pem-file",
    "application/x-x509-ca-cert",
    "application/x-x509-user-cert",
    "binary/octet-stream",
    "text/plain",
    "text/x-pem-file",
];

/// What is asked for, and with it which media types are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A list of trust anchors or revoked certificates, whatever the server calls it: what counts is who signed it.
    Any,
    /// A certificate chain.
    Chain(MediaTypes),
    /// A jCard.
    // RFC 9795 §5.1.5: "The web server MUST use the media type for JSON text as application/json with a default encoding of UTF-8".
    Card,
    /// A picture: [`super::picture`].
    Picture,
    /// What a responder of OCSP answers.
    Status,
    /// A TN Authorization List.
    // RFC 8226 §10.1: "Dereferencing the URI will return the complete DER-encoded TN Authorization List (see Section 9) for the
    // certificate with a Content-Type of application/tnauthlist (see Section 11.2)."
    TnAuthList,
}

impl Wanted {
    const fn accept(self) -> &'static str {
        match self {
            Self::Any => "application/pkix-crl, application/jose+json, */*;q=0.5",
            Self::Chain(_) => "application/pem-certificate-chain, application/pkix-cert, */*;q=0.1",
            Self::Card => CARD_TYPE,
            Self::Picture => "image/png, image/jpeg",
            Self::Status => RESPONSE_TYPE,
            Self::TnAuthList => TN_AUTH_LIST_TYPE,
        }
    }

    fn allows(self, headers: &HeaderMap) -> bool {
        match self {
            Self::Any => true,
            Self::Chain(types) => types.allow(headers),
            Self::Card => is_of_type(headers, CARD_TYPE),
            Self::Picture => [Format::Jpeg, Format::Png]
                .iter()
                .any(|format| is_of_type(headers, format.media_type())),
            Self::Status => is_of_type(headers, RESPONSE_TYPE),
            Self::TnAuthList => is_of_type(headers, TN_AUTH_LIST_TYPE),
        }
    }
}

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) target: &'a Target,
    /// With these, an unchanged answer is a short one.
    pub(super) validators: &'a Validators,
    pub(super) max_bytes: usize,
    pub(super) wanted: Wanted,
}

/// What is answered.
#[derive(Debug)]
pub enum Reply {
    /// A body, with what it says about its future.
    Body(Bytes, Freshness),
    /// What we have still holds.
    Unchanged(Freshness),
}

/// Asks once and closes the connection.
pub(super) async fn ask<S>(
    stream: S,
    question: &Question<'_>,
    now: UnixTime,
) -> Result<Reply, Unavailable>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(question.target, question.validators, question.wanted)?;
    // The set ends the connection when this function is over, however it ends.
    let mut driver = JoinSet::new();
    let response = send(stream, request, &mut driver).await?;
    let asked_conditionally = question.validators.conditions().next().is_some();
    if response.status() == StatusCode::NOT_MODIFIED && asked_conditionally {
        return Ok(Reply::Unchanged(Freshness::of(response.headers(), now)));
    }
    inspect(&response, question)?;
    let freshness = Freshness::of(response.headers(), now);
    let (head, body) = response.into_parts();
    let body = read(body, question.max_bytes).await?;
    // A picture of another type than the server says would be shown by whoever believes the server, and by whoever looks.
    if question.wanted == Wanted::Picture {
        let format = Format::of(&body).ok_or(Unavailable::BadPicture)?;
        if !is_of_type(&head.headers, format.media_type()) {
            return Err(Unavailable::BadPicture);
        }
    }
    Ok(Reply::Body(body, freshness))
}

/// Sends a request over a connection that `driver` keeps running; the head of its answer.
pub(super) async fn send<S, B>(
    stream: S,
    request: Request<B>,
    driver: &mut JoinSet<hyper::Result<()>>,
) -> Result<Response<Incoming>, Unavailable>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADER_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Unavailable::BadResponse)?;
    driver.spawn(connection);
    sender.send_request(request).await.map_err(|error| {
        debug!(%error, "no HTTP answer");
        Unavailable::BadResponse
    })
}

/// What is asked of every repository.
pub(super) fn request(
    target: &Target,
    validators: &Validators,
    wanted: Wanted,
) -> Result<Request<Empty<Bytes>>, Unavailable> {
    let mut request = Request::get(target.path())
        .header(HOST, target.authority().to_string())
        .header(
            USER_AGENT,
            concat!("countersign/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, wanted.accept())
        // A compressed body could unfold to any size.
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    for (name, value) in validators.conditions() {
        request = request.header(name, value);
    }
    request.body(Empty::new()).map_err(|_| Unavailable::BadUrl)
}

fn inspect(response: &Response<Incoming>, question: &Question<'_>) -> Result<(), Unavailable> {
    let status = response.status();
    // ATIS-1000074 §5.3.1: redirects are not followed; the status is 200.
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return Err(Unavailable::Redirect);
    }
    if status != StatusCode::OK {
        return Err(Unavailable::BadStatus(status.as_u16()));
    }
    if !framing_is_plain(response.headers()) {
        return Err(Unavailable::BadResponse);
    }
    if !question.wanted.allows(response.headers()) {
        return Err(Unavailable::MediaType);
    }
    match response.body().size_hint().lower() > question.max_bytes as u64 {
        true => Err(Unavailable::TooLarge),
        false => Ok(()),
    }
}

/// Whether there is one way to tell where the body ends, and no coding over it.
// RFC 9112 §6.3: "If a message is received with both a Transfer-Encoding and a Content-Length header field, the
// Transfer-Encoding overrides the Content-Length. Such a message might indicate an attempt to perform request smuggling (Section
// 11.2) or response splitting (Section 11.1) and ought to be handled as an error."
pub(super) fn framing_is_plain(headers: &HeaderMap) -> bool {
    let codings: Vec<_> = headers.get_all(TRANSFER_ENCODING).iter().collect();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let framed_once = match codings.as_slice() {
        [] => lengths <= 1,
        [only] => lengths == 0 && only.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    };
    let identity = |value: &hyper::header::HeaderValue| {
        value.as_bytes().eq_ignore_ascii_case(b"identity") || value.is_empty()
    };
    framed_once && headers.get_all(CONTENT_ENCODING).iter().all(identity)
}

/// The whole body, if it is not longer than that.
pub(super) async fn read(mut body: Incoming, max_bytes: usize) -> Result<Bytes, Unavailable> {
    let mut received = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            debug!(%error, "the HTTP body broke off");
            Unavailable::BadResponse
        })?;
        // Trailers are none of our business.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if received.len() + data.len() > max_bytes {
            return Err(Unavailable::TooLarge);
        }
        received.extend_from_slice(&data);
    }
    Ok(received.into())
}
