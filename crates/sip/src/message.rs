//! A SIP message as received: spans over the bytes, nothing copied, nothing rewritten.
//!
//! [`Message::parse`] tells apart the start line, the header lines and the body, in one pass. It does not look into header
//! values; [`crate::header`] has views for that, [`crate::inspect`] says whether they add up to a request. Values are raw
//! bytes: folds are kept, UTF-8 is not assumed. To change a message, see [`crate::patch`].

mod error;
mod parse;

use bytes::Bytes;
use std::sync::OnceLock;

pub use crate::name::Name;
pub use error::ParseError;
pub(crate) use parse::{read_head, written_values};

/// Longest message, in bytes: what fits a UDP datagram. RFC 3261 §18.1.1: "implementations MUST be able to handle messages
/// up to the maximum datagram packet size. For UDP, this size is 65,535 bytes, including IP and UDP headers." We hold
/// streams to the same bound.
pub const MAX_MESSAGE: usize = 65_535;

/// Most header lines. RFC 3261 has no limit; the longest message of RFC 4475 has 46, real ones a few dozen. It bounds what
/// one datagram can make us remember.
pub const MAX_HEADERS: usize = 256;

/// How the end of a message is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The datagram is the message; what Content-Length leaves over is ignored.
    Datagram,
    /// Content-Length alone tells the end, and is mandatory.
    Stream,
}

/// A range of bytes in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From `start` up to and without `end`. Offsets are at most [`MAX_MESSAGE`], so the casts lose nothing.
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The empty span at `at`: where something is inserted.
    pub(crate) fn at(at: usize) -> Self {
        Self::new(at, at)
    }

    /// Offset of the first byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Offset after the last byte.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// Whether it covers nothing.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start()..self.end()).unwrap_or_default()
    }
}

/// Where the parts of a Via lie in its message, so that it need not be read again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViaSpans {
    pub(crate) raw: Span,
    pub(crate) transport: Span,
    pub(crate) host: Span,
    pub(crate) port: Option<u16>,
    pub(crate) parameters: Span,
    pub(crate) branch: Option<Span>,
}

/// A SIP request or response.
///
/// # Example
/// ```
/// use countersign_sip::message::{Framing, Message, Method, Name, StartLine};
/// let bytes = "OPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/UDP h2;branch=z9hG4bKa\r\nX-Note: one\r\n two\r\n\r\n";
/// let message = Message::parse(bytes.into(), Framing::Datagram)?;
/// assert_eq!(message.start_line(), StartLine::Request { method: Method::Options, uri: b"sip:h" });
/// assert_eq!(message.header(Name::Via), Some(b"SIP/2.0/UDP h2;branch=z9hG4bKa".as_slice()));
/// assert_eq!(message.headers_named("x-note").next().unwrap().value, b"one\r\n two");
/// # Ok::<(), countersign_sip::message::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    start: Start,
    lines: Vec<Line>,
    body: Span,
    /// The top Via, once somebody has asked for it: matching, answering and forwarding all do.
    pub(crate) top_via: OnceLock<ViaSpans>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    Request { method: Span, uri: Span },
    Response { status: u16, reason: Span },
}

/// One header line, folds included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// From the name to the CRLF, both included.
    line: Span,
    name_end: u32,
    value: Span,
    name: Name,
}

/// The first line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// What is asked.
        method: Method<'a>,
        /// The Request-URI as received; see [`crate::uri`].
        uri: &'a [u8],
    },
    /// A response.
    Response {
        /// 100 to 699.
        status: u16,
        /// The reason phrase as received, possibly empty.
        reason: &'a [u8],
    },
}

/// A request method. Case counts: RFC 3261 §25.1 spells methods by their bytes (`INVITEm = %x49.4E.56.49.54.45`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is the method of that name")]
pub enum Method<'a> {
    Ack,
    Bye,
    Cancel,
    Info,
    Invite,
    Message,
    Notify,
    Options,
    Prack,
    Publish,
    Refer,
    Register,
    Subscribe,
    Update,
    /// A method we have no name for; a proxy forwards it all the same.
    Other(&'a [u8]),
}

impl<'a> Method<'a> {
    /// The method that `text` names.
    pub fn of(text: &'a [u8]) -> Self {
        match text {
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"INFO" => Self::Info,
            b"INVITE" => Self::Invite,
            b"MESSAGE" => Self::Message,
            b"NOTIFY" => Self::Notify,
            b"OPTIONS" => Self::Options,
            b"PRACK" => Self::Prack,
            b"PUBLISH" => Self::Publish,
            b"REFER" => Self::Refer,
            b"REGISTER" => Self::Register,
            b"SUBSCRIBE" => Self::Subscribe,
            b"UPDATE" => Self::Update,
            other => Self::Other(other),
        }
    }

    /// Whether it is one of the known methods written in other letters: `invite`.
    pub(crate) fn is_miswritten(self) -> bool {
        let Self::Other(text) = self else {
            return false;
        };
        let upper = text.to_ascii_uppercase();
        !matches!(Method::of(&upper), Method::Other(_))
    }

    /// The method as written.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Ack => b"ACK",
            Self::Bye => b"BYE",
            Self::Cancel => b"CANCEL",
            Self::Info => b"INFO",
            Self::Invite => b"INVITE",
            Self::Message => b"MESSAGE",
            Self::Notify => b"NOTIFY",
            Self::Options => b"OPTIONS",
            Self::Prack => b"PRACK",
            Self::Publish => b"PUBLISH",
            Self::Refer => b"REFER",
            Self::Register => b"REGISTER",
            Self::Subscribe => b"SUBSCRIBE",
            Self::Update => b"UPDATE",
            Self::Other(text) => text,
        }
    }
}

/// One header line of a message.
#[derive(Clone, Copy, Debug)]
pub struct HeaderLine<'a> {
    /// Its place among the header lines, from 0: what [`crate::patch::Patch`] calls it by.
    pub index: usize,
    /// Which header it is.
    pub name: Name,
    /// The name as written.
    pub name_text: &'a [u8],
    /// The value as written, without white space at its ends, folds kept.
    pub value: &'a [u8],
    /// Where the value lies.
    pub value_span: Span,
    /// Where the whole line lies, its CRLF included.
    pub span: Span,
}

impl Message {
    /// Reads one message; `bytes` is a whole datagram, or what [`crate::stream::Framer`] cut out of a stream.
    ///
    /// # Errors
    /// [`ParseError`] with the first defect found, and the request as far as it can be answered.
    pub fn parse(bytes: Bytes, framing: Framing) -> Result<Self, ParseError> {
        parse::message(bytes, framing)
    }

    /// The first line.
    pub fn start_line(&self) -> StartLine<'_> {
        match self.start {
            Start::Request { method, uri } => StartLine::Request {
                method: Method::of(method.of(&self.bytes)),
                uri: uri.of(&self.bytes),
            },
            Start::Response { status, reason } => StartLine::Response {
                status,
                reason: reason.of(&self.bytes),
            },
        }
    }

    /// The method, if it is a request.
    pub fn method(&self) -> Option<Method<'_>> {
        match self.start_line() {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The Request-URI as received, if it is a request.
    pub fn request_uri(&self) -> Option<&[u8]> {
        self.request_uri_span().map(|span| span.of(&self.bytes))
    }

    /// Where the Request-URI lies, if it is a request.
    pub fn request_uri_span(&self) -> Option<Span> {
        match self.start {
            Start::Request { uri, .. } => Some(uri),
            Start::Response { .. } => None,
        }
    }

    /// The status code, if it is a response.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    /// The raw value of the first header of that name.
    pub fn header(&self, name: Name) -> Option<&[u8]> {
        let line = self.lines.iter().find(|line| line.name == name)?;
        Some(line.value.of(&self.bytes))
    }

    /// All header lines of that name, in order.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = HeaderLine<'_>> + Clone {
        let lines = self.lines.iter().enumerate();
        lines
            .filter(move |(_, line)| line.name == name)
            .map(|(index, line)| self.view(index, line))
    }

    /// All header lines with a name that [`Name`] does not know, in any case.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = HeaderLine<'a>> {
        self.all_headers()
            .filter(move |line| line.name_text.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// All header lines, in order.
    pub fn all_headers(&self) -> impl Iterator<Item = HeaderLine<'_>> {
        let lines = self.lines.iter().enumerate();
        lines.map(|(index, line)| self.view(index, line))
    }

    /// The header line at `index`.
    pub fn header_at(&self, index: usize) -> Option<HeaderLine<'_>> {
        self.lines.get(index).map(|line| self.view(index, line))
    }

    /// How many header lines.
    pub fn header_count(&self) -> usize {
        self.lines.len()
    }

    /// The body, as long as Content-Length says.
    pub fn body(&self) -> &[u8] {
        self.body.of(&self.bytes)
    }

    /// The whole message as received, without what a datagram had after its body.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Where `part` lies, which must be a slice that a view of this message gave; `None` if it is from elsewhere.
    pub fn span_of(&self, part: &[u8]) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= self.bytes.len()).then(|| Span::new(start, end))
    }

    /// The same message written anew as `bytes`, where one header line has another value and nothing else has changed.
    ///
    /// The new value begins where the old one did, has no line break that the old one had not, and no white space at its ends.
    pub(crate) fn with_value(&self, index: usize, bytes: Bytes) -> Self {
        let (before, after) = (self.bytes.len(), bytes.len());
        let moved = |at: usize| (at + after).saturating_sub(before);
        let moved_span = |span: Span| Span::new(moved(span.start()), moved(span.end()));
        let mut lines = self.lines.clone();
        let mut later = lines.iter_mut().skip(index);
        if let Some(line) = later.next() {
            line.line = Span::new(line.line.start(), moved(line.line.end()));
            line.value = Span::new(line.value.start(), moved(line.value.end()));
        }
        for line in later {
            line.name_end = Span::at(moved(line.name_end as usize)).start;
            line.line = moved_span(line.line);
            line.value = moved_span(line.value);
        }
        Self {
            bytes,
            start: self.start,
            lines,
            body: moved_span(self.body),
            top_via: OnceLock::new(),
        }
    }

    /// Gives room back that was made for more header lines than there are.
    pub(crate) fn shrink(&mut self) {
        self.lines.shrink_to_fit();
    }

    /// Offset of the first header line, which is the end of the start line.
    pub(crate) fn headers_start(&self) -> usize {
        match self.lines.first() {
            Some(line) => line.line.start(),
            None => self.headers_end(),
        }
    }

    /// Offset of the empty line that ends the header section.
    pub(crate) fn headers_end(&self) -> usize {
        match self.lines.last() {
            Some(line) => line.line.end(),
            None => self.body.start().saturating_sub(2),
        }
    }

    /// Whether a response can be written to it with [`crate::response::build`]: a request other than ACK whose Via and CSeq can be
    /// copied, without which no response finds its way back.
    ///
    /// From, To and Call-ID are copied where they are: RFC 4475 §3.3.1 wants a 400 even for a request that has none of them.
    pub fn is_answerable(&self) -> bool {
        let copied = [Name::Via, Name::CSeq];
        // RFC 3261 §22.1, in passing: "any requests that take no response, including ACK"
        self.method().is_some_and(|method| method != Method::Ack)
            && copied
                .iter()
                .all(|name| self.header(*name).is_some_and(|value| !value.is_empty()))
    }

    fn view<'a>(&'a self, index: usize, line: &Line) -> HeaderLine<'a> {
        let name = Span {
            start: line.line.start,
            end: line.name_end,
        };
        HeaderLine {
            index,
            name: line.name,
            name_text: name.of(&self.bytes),
            value: line.value.of(&self.bytes),
            value_span: line.value,
            span: line.line,
        }
    }
}

#[cfg(test)]
mod tests;
