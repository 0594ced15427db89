//! Responses that we write ourselves, from the request they answer.

use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::patch::has_bare_break;
use bytes::{BufMut, Bytes, BytesMut};

/// Headers copied from the request as they came, where it has them, in the order they are written. RFC 3261 §8.2.6.2: "The From field of the
/// response MUST equal the From header field of the request. The Call-ID header field of the response MUST equal the Call-ID
/// header field of the request. The CSeq header field of the response MUST equal the CSeq field of the request. The Via
/// header field values in the response MUST equal the Via header field values in the request and MUST maintain the same
/// ordering."
const COPIED: [Name; 3] = [Name::From, Name::CallId, Name::CSeq];

/// The tag that a response puts on To.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToTag<'a> {
    /// None is added: a 100, which RFC 3261 §8.2.6.2 lets go without.
    None,
    /// This one, unless the request has one already. The same for all responses to one request: §8.2.6.2.
    Ours(&'a [u8]),
}

/// Writes a response to `request`, without body.
///
/// `extra` are header lines after the mandatory ones; a value that would break its line is left out. Works on what
/// [`crate::message::ParseError::answerable`] gives, too.
///
/// # Example
/// ```
/// use countersign_sip::message::{Framing, Message};
/// use countersign_sip::response::{ToTag, build};
/// let request = "OPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>\r\n\
///     i: x\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// let request = Message::parse(request.into(), Framing::Datagram)?;
/// let response = build(&request, 200, "OK", ToTag::Ours(b"2"), &[("Allow", b"INVITE, OPTIONS")]);
/// assert_eq!(response, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
///     Call-ID: x\r\nCSeq: 1 OPTIONS\r\nTo: <sip:b@h>;tag=2\r\nAllow: INVITE, OPTIONS\r\nContent-Length: 0\r\n\r\n");
/// # Ok::<(), countersign_sip::message::ParseError>(())
/// ```
pub fn build(
    request: &Message,
    status: u16,
    reason: &str,
    to_tag: ToTag<'_>,
    extra: &[(&str, &[u8])],
) -> Bytes {
    let mut response = BytesMut::with_capacity(request.bytes().len());
    response.put_slice(format!("SIP/2.0 {status} ").as_bytes());
    let reason = reason.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n'));
    response.extend(reason);
    response.put_slice(b"\r\n");
    for line in request.headers(Name::Via) {
        put_header(&mut response, Name::Via.as_str(), line.value);
    }
    // RFC 3261 §12.1.1: "the UAS MUST copy all Record-Route header field values from the request into the response"; a
    // response that makes no dialog needs none.
    if (101..300).contains(&status) {
        for line in request.headers(Name::RecordRoute) {
            put_header(&mut response, Name::RecordRoute.as_str(), line.value);
        }
    }
    for name in COPIED {
        if let Some(value) = request.header(name) {
            put_header(&mut response, name.as_str(), value);
        }
    }
    if let Some(to) = request.header(Name::To) {
        put_to(&mut response, to, to_tag);
    }
    // RFC 3261 §8.2.6.1: "When a 100 (Trying) response is generated, any Timestamp header field present in the request MUST
    // be copied into this 100 (Trying) response."
    if let (100, Some(timestamp)) = (status, request.header(Name::Timestamp)) {
        put_header(&mut response, Name::Timestamp.as_str(), timestamp);
    }
    for (name, value) in extra {
        put_header(&mut response, name, value);
    }
    response.put_slice(b"Content-Length: 0\r\n\r\n");
    response.freeze()
}

/// Values of a message that parsed have no bare breaks; those of a caller may.
fn put_header(response: &mut BytesMut, name: &str, value: &[u8]) {
    if has_bare_break(value) {
        return;
    }
    response.put_slice(name.as_bytes());
    response.put_slice(b": ");
    response.put_slice(value);
    response.put_slice(b"\r\n");
}

// RFC 3261 §8.2.6.2: "If a request contained a To tag in the request, the To header field in the response MUST equal that of
// the request. However, if the To header field in the request did not contain a tag, the URI in the To header field in the
// response MUST equal the URI in the To header field; additionally, the UAS MUST add a tag to the To header field in the
// response (with the exception of the 100 (Trying) response, in which a tag MAY be present)."
fn put_to(response: &mut BytesMut, to: &[u8], to_tag: ToTag<'_>) {
    response.put_slice(b"To: ");
    response.put_slice(to);
    // A To that cannot be read gets no tag: where the tag would end up, nobody knows.
    let tagless = NameAddr::parse(to).is_some_and(|to| to.tag().is_none());
    if let (ToTag::Ours(tag), true) = (to_tag, tagless) {
        response.put_slice(b";tag=");
        response.put_slice(tag);
    }
    response.put_slice(b"\r\n");
}
