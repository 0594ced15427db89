//! The one pass over the bytes.
//!
//! A defect does not stop the pass if the lines can still be told apart: an answer to a bad request needs its Via, and the
//! Via may come after the fault.

use super::{Framing, Line, MAX_HEADERS, MAX_MESSAGE, Message, Name, ParseError, Span, Start};
use crate::defect::Defect;
use crate::grammar::{Class, is_token, number, trim_end, trim_start};
use bytes::Bytes;
use memchr::{memchr, memchr2, memrchr};
use std::sync::OnceLock;

/// Header lines for which room is made at once: an INVITE of a carrier has about twenty.
const USUAL_HEADERS: usize = 32;

/// The part of a message up to its body.
pub(crate) struct Head {
    start: Start,
    lines: Vec<Line>,
    /// Offset of the first byte after the empty line.
    body: usize,
    pub(crate) length: ContentLength,
    /// The first thing that is wrong, if the lines could be told apart all the same.
    pub(crate) defect: Option<Defect>,
}

/// The values of the header lines of one name, in bytes that we have written: the others are not looked into. `headers` is where the
/// header lines begin.
pub(crate) fn written_values(
    bytes: &[u8],
    headers: usize,
    name: Name,
) -> impl Iterator<Item = &[u8]> {
    let mut at = headers;
    std::iter::from_fn(move || {
        loop {
            let mut line = next_line(bytes, at).ok()?;
            if line.start == line.end {
                return None;
            }
            at = line.next;
            // A fold begins with a space.
            if !bytes
                .get(line.start)
                .is_some_and(|first| name.may_begin_with(*first))
            {
                continue;
            }
            while matches!(bytes.get(at), Some(b' ' | b'\t')) {
                line.end = next_line(bytes, at).ok()?.end;
                at = line.end + 2;
            }
            if let Some(header) = header(bytes, line).filter(|header| header.name == name) {
                return Some(header.value.of(bytes));
            }
        }
    })
}

/// What the Content-Length headers say together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentLength {
    Absent,
    Bytes(usize),
    Unusable(Defect),
}

pub(super) fn message(mut bytes: Bytes, framing: Framing) -> Result<Message, ParseError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(ParseError::silent(Defect::TooLarge));
    }
    let head = read_head(&bytes).map_err(ParseError::silent)?;
    let available = bytes.len() - head.body;
    let (length, defect) = match (head.length, framing) {
        // RFC 3261 §18.3: "If the message has no Content-Length header field, the message body is assumed to end at the end
        // of the transport packet."
        (ContentLength::Absent, Framing::Datagram) => (available, None),
        // RFC 3261 §18.3: "The Content-Length header field MUST be used with stream oriented transports."
        (ContentLength::Absent, Framing::Stream) => (0, Some(Defect::ContentLengthMissing)),
        (ContentLength::Unusable(defect), _) => (0, Some(defect)),
        // RFC 3261 §18.3: "If the transport packet ends before the end of the message body, this is considered an error. If
        // the message is a response, it MUST be discarded. If the message is a request, the element SHOULD generate a 400
        // (Bad Request) response."
        (ContentLength::Bytes(length), _) if length > available => {
            (available, Some(Defect::BodyTooShort))
        }
        // RFC 3261 §18.3: "If there are additional bytes in the transport packet beyond the end of the body, they MUST be
        // discarded."
        (ContentLength::Bytes(length), _) => (length, None),
    };
    let end = head.body + length;
    bytes.truncate(end);
    let defect = head.defect.or(defect);
    let message = head.into_message(bytes);
    match defect {
        None => Ok(message),
        Some(defect) => Err(ParseError::about(defect, message)),
    }
}

impl Head {
    /// The message of this head; its body is all that `bytes` has after it.
    pub(crate) fn into_message(self, bytes: Bytes) -> Message {
        let body = Span::new(self.body, bytes.len());
        Message {
            bytes,
            start: self.start,
            lines: self.lines,
            body,
            top_via: OnceLock::new(),
        }
    }

    /// How long the whole message is, once its head is known; `None` if nobody can tell.
    pub(crate) fn message_length(&self) -> Result<usize, Defect> {
        match self.length {
            ContentLength::Absent => Err(Defect::ContentLengthMissing),
            ContentLength::Unusable(defect) => Err(defect),
            ContentLength::Bytes(length) => self
                .body
                .checked_add(length)
                .filter(|total| *total <= MAX_MESSAGE)
                .ok_or(Defect::TooLarge),
        }
    }
}

/// Reads start line and headers.
///
/// # Errors
/// A defect after which the lines cannot be told apart, so that nothing can be answered.
pub(crate) fn read_head(bytes: &[u8]) -> Result<Head, Defect> {
    let first = next_line(bytes, 0)?;
    let (start, mut defect) = read_start(bytes, first)?;
    let mut lines: Vec<Line> = Vec::with_capacity(USUAL_HEADERS);
    let mut length = ContentLength::Absent;
    let mut at = first.next;
    // Whether a fold that comes next belongs to the last line kept, and not to a bad one after it.
    let mut last_is_open = false;
    loop {
        let line = match next_line(bytes, at) {
            // Cut off between two lines: what is missing is missing, but the sender can be told.
            Err(Defect::Truncated) if at == bytes.len() => {
                defect = defect.or(Some(Defect::Truncated));
                break;
            }
            line => line?,
        };
        at = line.next;
        if line.start == line.end {
            break;
        }
        // RFC 3261 §7.3.1: "Header fields can be extended over multiple lines by preceding each extra line with at least
        // one SP or horizontal tab (HT)."
        if matches!(bytes.get(line.start), Some(b' ' | b'\t')) {
            match lines.last_mut() {
                Some(previous) if last_is_open => extend(previous, bytes, line),
                _ => defect = defect.or(Some(Defect::HeaderName)),
            }
            continue;
        }
        let header = header(bytes, line);
        last_is_open = header.is_some();
        match header {
            Some(_) if lines.len() == MAX_HEADERS => return Err(Defect::TooManyHeaders),
            Some(header) => lines.push(header),
            None => defect = defect.or(Some(Defect::HeaderName)),
        }
    }
    for line in lines.iter().filter(|line| line.name == Name::ContentLength) {
        length = length.and(line.value.of(bytes));
    }
    Ok(Head {
        start,
        lines,
        body: at,
        length,
        defect,
    })
}

impl ContentLength {
    /// What it is once another Content-Length of this value is seen.
    // RFC 3261 §20.14: "If no body is present in a message, then the Content-Length header field value MUST be set to zero."
    // It may stand once (§7.3.1); twice the same does no harm, two values are how one message is smuggled inside another.
    fn and(self, value: &[u8]) -> Self {
        let Some(length) = number(value) else {
            return Self::Unusable(Defect::ContentLengthMalformed);
        };
        match self {
            Self::Absent => Self::Bytes(length as usize),
            Self::Bytes(before) if before == length as usize => self,
            Self::Bytes(_) => Self::Unusable(Defect::ContentLengthConflict),
            Self::Unusable(_) => self,
        }
    }
}

#[derive(Clone, Copy)]
struct RawLine {
    start: usize,
    /// Offset of its CRLF.
    end: usize,
    /// Offset after its CRLF.
    next: usize,
}

// RFC 3261 §7: "The start-line, each message-header line, and the empty line MUST be terminated by a carriage-return
// line-feed sequence (CRLF)." Other breaks are refused: see `Defect::BareLineBreak`.
fn next_line(bytes: &[u8], start: usize) -> Result<RawLine, Defect> {
    let rest = bytes.get(start..).ok_or(Defect::Truncated)?;
    let end = start + memchr2(b'\r', b'\n', rest).ok_or(Defect::Truncated)?;
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(RawLine {
            start,
            end,
            next: end + 2,
        }),
        (Some(b'\r'), None) => Err(Defect::Truncated),
        _ => Err(Defect::BareLineBreak),
    }
}

fn header(bytes: &[u8], line: RawLine) -> Option<Line> {
    let text = bytes.get(line.start..line.end)?;
    let name_length = Class::TOKEN.prefix(text);
    // RFC 3261 §25.1: HCOLON = *( SP / HTAB ) ":" SWS
    let mut colon = name_length;
    while matches!(text.get(colon), Some(b' ' | b'\t')) {
        colon += 1;
    }
    if name_length == 0 || text.get(colon) != Some(&b':') {
        return None;
    }
    Some(Line {
        line: Span::new(line.start, line.next),
        name_end: Span::at(line.start + name_length).start,
        value: trimmed(bytes, line.start + colon + 1, line.end),
        name: Name::of_token(text.get(..name_length)?),
    })
}

fn extend(header: &mut Line, bytes: &[u8], line: RawLine) {
    header.line = Span::new(header.line.start(), line.next);
    header.value = trimmed(bytes, header.value.start(), line.end);
}

fn trimmed(bytes: &[u8], start: usize, end: usize) -> Span {
    let text = bytes.get(start..end).unwrap_or_default();
    let kept = trim_start(text);
    let start = end - kept.len();
    Span::new(start, start + trim_end(kept).len())
}

/// The start line, with a defect that does not hide which kind of message it opens.
fn read_start(bytes: &[u8], line: RawLine) -> Result<(Start, Option<Defect>), Defect> {
    let text = bytes.get(line.start..line.end).ok_or(Defect::Truncated)?;
    let space = memchr(b' ', text).ok_or(Defect::StartLine)?;
    let first = text.get(..space).unwrap_or_default();
    if version(first) != Version::NotOne {
        return status_line(line, text, space);
    }
    if !is_token(first) {
        return Err(Defect::StartLine);
    }
    // RFC 3261 §7.1: "A Request-Line contains a method name, a Request-URI, and the protocol version separated by a single
    // space (SP) character." and "No linear whitespace (LWS) is allowed in any of the elements." A line with more is refused,
    // because two elements could read two different Request-URIs in it.
    let last = memrchr(b' ', text).unwrap_or(space);
    let uri_start = space + 1;
    let uri = Span::new(line.start + uri_start, line.start + last.max(uri_start));
    let spaced = |byte: &u8| matches!(byte, b' ' | b'\t');
    let uri_text = uri.of(bytes);
    let defect = match version(text.get(last + 1..).unwrap_or_default()) {
        _ if last == space => Some(Defect::StartLine),
        _ if uri_text.is_empty() || uri_text.iter().any(spaced) => Some(Defect::StartLine),
        Version::Two => None,
        Version::Other => Some(Defect::Version),
        Version::NotOne => Some(Defect::StartLine),
    };
    let method = Span::new(line.start, line.start + space);
    Ok((Start::Request { method, uri }, defect))
}

fn status_line(
    line: RawLine,
    text: &[u8],
    space: usize,
) -> Result<(Start, Option<Defect>), Defect> {
    let rest = text.get(space + 1..).unwrap_or_default();
    // The space before an empty reason phrase is mandatory by §25.1 and missing in the field.
    let (code, reason) = match memchr(b' ', rest) {
        Some(at) => (rest.get(..at), space + 1 + at + 1),
        None => (Some(rest), text.len()),
    };
    let code = code.filter(|code| code.len() == 3).and_then(number);
    // RFC 3261 §25.1: extension-code = 3DIGIT; §7.2 knows the classes 1xx to 6xx.
    let status = code
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (100..700).contains(code))
        .ok_or(Defect::StatusCode)?;
    let reason = Span::new(line.start + reason, line.end);
    let defect = match version(text.get(..space).unwrap_or_default()) {
        Version::Two => None,
        _ => Some(Defect::Version),
    };
    Ok((Start::Response { status, reason }, defect))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Two,
    Other,
    NotOne,
}

// RFC 3261 §25.1: SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT
// RFC 3261 §7.1: "The SIP-Version string is case-insensitive, but implementations MUST send upper-case."
fn version(text: &[u8]) -> Version {
    if text.eq_ignore_ascii_case(b"SIP/2.0") {
        return Version::Two;
    }
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let (Some(protocol), Some(rest)) = (text.get(..4), text.get(4..)) else {
        return Version::NotOne;
    };
    let numbers = memchr(b'.', rest).map(|dot| (rest.get(..dot), rest.get(dot + 1..)));
    match numbers {
        Some((Some(major), Some(minor)))
            if protocol.eq_ignore_ascii_case(b"SIP/") && digits(major) && digits(minor) =>
        {
            Version::Other
        }
        _ => Version::NotOne,
    }
}
