//! Edits over a message as received: what is not edited leaves byte for byte as it came.
//!
//! A [`Patch`] collects edits by offset and [`Patch::apply`] writes the new message in one go. Edits do not see each other;
//! two that touch the same bytes are a mistake of the caller and an error, never a silent choice.

use crate::grammar::{List, Parameter, is_lws};
use crate::message::{Message, Name, Span};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt;
use std::net::SocketAddr;

/// Edits to one message.
///
/// # Example
/// ```
/// use countersign_sip::message::{Framing, Message, Name};
/// use countersign_sip::patch::Patch;
/// let message = Message::parse("OPTIONS sip:h SIP/2.0\r\nMax-Forwards: 9\r\nX:  y\r\n\r\n".into(), Framing::Datagram)?;
/// let mut patch = Patch::default();
/// patch.prepend_header(&message, "Via", b"SIP/2.0/UDP p;branch=z9hG4bK1");
/// patch.replace_value(&message, 0, b"8");
/// let sent = patch.apply(&message)?;
/// assert_eq!(sent, "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK1\r\nMax-Forwards: 8\r\nX:  y\r\n\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Patch {
    edits: Vec<Edit>,
    flaw: Option<PatchError>,
}

#[derive(Clone, Debug)]
struct Edit {
    span: Span,
    with: Bytes,
}

/// A patch that cannot be applied: a mistake of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchError {
    /// A header value to be written has a line break that is no fold: it would add headers of its own.
    LineBreak,
    /// An edit names a header line, a value or an offset that the message does not have.
    NotThere,
    /// Two edits touch the same bytes.
    Overlap,
}

impl Patch {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.flaw.is_none()
    }

    /// Replaces the bytes at `span`, header or body alike, by `with`; an empty span inserts. Several insertions at one
    /// place stand in the order they were asked for.
    pub fn replace(&mut self, span: Span, with: impl Into<Bytes>) {
        let with = with.into();
        self.edits.push(Edit { span, with });
    }

    /// Replaces `part`, a slice that a view of `message` gave.
    pub fn replace_part(&mut self, message: &Message, part: &[u8], with: &[u8]) {
        match message.span_of(part) {
            Some(span) => self.replace_text(span, with),
            None => self.fail(PatchError::NotThere),
        }
    }

    /// Inserts `text` after `part`, a slice that a view of `message` gave.
    pub fn insert_after(&mut self, message: &Message, part: &[u8], text: &[u8]) {
        match message.span_of(part) {
            Some(span) => self.replace_text(Span::at(span.end()), text),
            None => self.fail(PatchError::NotThere),
        }
    }

    /// Whether the bytes at `span` are written anew already.
    pub(crate) fn rewrites(&self, span: Span) -> bool {
        let mut edits = self.edits.iter();
        edits.any(|edit| edit.span.start() <= span.start() && span.end() <= edit.span.end())
    }

    /// Writes a header line before all others.
    pub fn prepend_header(&mut self, message: &Message, name: &str, value: &[u8]) {
        self.header_line(message.headers_start(), name, value);
    }

    /// Writes a header line after all others.
    pub fn append_header(&mut self, message: &Message, name: &str, value: &[u8]) {
        self.header_line(message.headers_end(), name, value);
    }

    /// Writes a header line before the first of name `before`, or before all others if there is none.
    pub fn insert_before(&mut self, message: &Message, before: Name, name: &str, value: &[u8]) {
        let first = message.headers(before).next();
        let at = first.map_or(message.headers_start(), |line| line.span.start());
        self.header_line(at, name, value);
    }

    /// Writes a header line after the line at `index`.
    pub fn insert_after_line(&mut self, message: &Message, index: usize, name: &str, value: &[u8]) {
        match message.header_at(index) {
            Some(line) => self.header_line(line.span.end(), name, value),
            None => self.fail(PatchError::NotThere),
        }
    }

    /// Removes the header line at `index`, folds included.
    pub fn remove_header(&mut self, message: &Message, index: usize) {
        match message.header_at(index) {
            Some(line) => self.replace(line.span, Bytes::new()),
            None => self.fail(PatchError::NotThere),
        }
    }

    /// Removes every header line of that name.
    pub fn remove_headers(&mut self, message: &Message, name: Name) {
        for line in message.headers(name) {
            self.replace(line.span, Bytes::new());
        }
    }

    /// Replaces the value of the header line at `index`; name, colon and the space around them stay.
    pub fn replace_value(&mut self, message: &Message, index: usize, value: &[u8]) {
        match message.header_at(index) {
            Some(line) => self.replace_text(line.value_span, value),
            None => self.fail(PatchError::NotThere),
        }
    }

    /// Replaces the Request-URI.
    pub fn replace_request_uri(&mut self, message: &Message, uri: &[u8]) {
        match message.request_uri_span() {
            Some(_) if uri.is_empty() || uri.iter().any(|byte| is_lws(*byte)) => {
                self.fail(PatchError::LineBreak);
            }
            Some(span) => self.replace(span, Bytes::copy_from_slice(uri)),
            None => self.fail(PatchError::NotThere),
        }
    }

    /// Removes the first element of a comma-separated header, and its line if it was the only one on it: the top Via of a
    /// response, the first Route of a request.
    pub fn remove_first_element(&mut self, message: &Message, name: Name) {
        let Some(line) = message.headers(name).next() else {
            return self.fail(PatchError::NotThere);
        };
        let second = List::of(line.value).nth(1);
        match second.map(|element| message.span_of(element)) {
            None => self.replace(line.span, Bytes::new()),
            Some(Some(second)) => {
                let span = Span::new(line.value_span.start(), second.start());
                self.replace(span, Bytes::new());
            }
            Some(None) => self.fail(PatchError::NotThere),
        }
    }

    /// Notes in the top Via where the request really came from: `received`, and `rport` where it is asked for.
    // RFC 3261 §18.2.1: "If the host portion of the "sent-by" parameter contains a domain name, or if it contains an IP
    // address that differs from the packet source address, the server MUST add a "received" parameter to that Via header
    // field value."
    // RFC 3581 §4: "If this Via header field value contains an "rport" parameter with no value, it MUST set the value of the
    // parameter to the source port of the request." and "the server MUST insert a "received" parameter containing the source
    // IP address that the request came from, even if it is identical to the value of the "sent-by" component."
    // An IPv6 address stands there without brackets: RFC 3261 §25.1 via-received = "received" EQUAL (IPv4address /
    // IPv6address).
    pub fn stamp_received(&mut self, message: &Message, source: SocketAddr) {
        let Ok(via) = message.top_via() else {
            return self.fail(PatchError::NotThere);
        };
        let address = source.ip().to_canonical();
        let (mut rport, mut received) = (None, None);
        for parameter in via.parameters() {
            if parameter.is("rport") {
                rport = rport.or(Some(parameter));
            } else if parameter.is("received") {
                received = received.or(Some(parameter));
            }
        }
        // A value that is already there was not written by the sender we see: it is replaced, not believed.
        if let Some(rport) = rport {
            self.set_parameter(message, rport, &source.port().to_string());
        }
        let written = || via.host_address().map(|host| host.to_canonical());
        match received {
            Some(received) => self.set_parameter(message, received, &address.to_string()),
            None if rport.is_some() || written() != Some(address) => {
                let text = format!(";received={address}");
                self.insert_after(message, via.raw, text.as_bytes());
            }
            None => {}
        }
    }

    fn set_parameter(&mut self, message: &Message, parameter: Parameter<'_>, value: &str) {
        match parameter.value {
            Some(written) => self.replace_part(message, written, value.as_bytes()),
            None => self.insert_after(message, parameter.name, format!("={value}").as_bytes()),
        }
    }

    /// Writes the edited message.
    ///
    /// # Errors
    /// [`PatchError`], all of them mistakes of the caller.
    pub fn apply(&self, message: &Message) -> Result<Bytes, PatchError> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let bytes = message.bytes();
        if self.edits.is_empty() {
            return Ok(bytes.clone());
        }
        let mut edits: Vec<&Edit> = self.edits.iter().collect();
        // Stable: insertions at one place keep their order, and stand before what replaces the bytes there.
        edits.sort_by_key(|edit| (edit.span.start(), edit.span.end()));
        let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
        let removed: usize = edits
            .iter()
            .map(|edit| edit.span.end() - edit.span.start())
            .sum();
        // Exact, if no two overlap: what is written may be kept for the length of a call.
        let mut written = BytesMut::with_capacity((bytes.len() + added).saturating_sub(removed));
        let mut at = 0;
        for edit in edits {
            if edit.span.start() < at {
                return Err(PatchError::Overlap);
            }
            let kept = bytes.get(at..edit.span.start());
            written.put_slice(kept.ok_or(PatchError::NotThere)?);
            written.put_slice(&edit.with);
            at = edit.span.end();
        }
        written.put_slice(bytes.get(at..).ok_or(PatchError::NotThere)?);
        Ok(written.freeze())
    }

    fn header_line(&mut self, at: usize, name: &str, value: &[u8]) {
        let mut line = BytesMut::with_capacity(name.len() + value.len() + 4);
        line.put_slice(name.as_bytes());
        line.put_slice(b": ");
        line.put_slice(value);
        line.put_slice(b"\r\n");
        if has_bare_break(value) {
            return self.fail(PatchError::LineBreak);
        }
        self.replace(Span::at(at), line.freeze());
    }

    fn replace_text(&mut self, span: Span, with: &[u8]) {
        if has_bare_break(with) {
            return self.fail(PatchError::LineBreak);
        }
        self.replace(span, Bytes::copy_from_slice(with));
    }

    fn fail(&mut self, flaw: PatchError) {
        self.flaw = self.flaw.or(Some(flaw));
    }
}

/// Whether a header value would end its line: any CR or LF that is not a CRLF followed by a space or tab.
pub(crate) fn has_bare_break(value: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = value
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'\r', b'\n', rest))
    {
        at += found;
        match value.get(at..at + 3) {
            Some([b'\r', b'\n', b' ' | b'\t']) => at += 3,
            _ => return true,
        }
    }
    false
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "a value to be written would break its line",
            Self::NotThere => "an edit names something that the message does not have",
            Self::Overlap => "two edits touch the same bytes",
        })
    }
}

impl std::error::Error for PatchError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Rport;
    use crate::message::Framing;

    /// Where everything in a message lies.
    fn places(message: &Message) -> Vec<(Name, &[u8], Span, Span)> {
        let lines = message.all_headers();
        lines
            .map(|line| (line.name, line.name_text, line.value_span, line.span))
            .collect()
    }

    /// What is noted in a Via makes it longer. The message that is made of it without reading it again is the one that is read.
    #[test]
    fn a_message_with_another_value_is_the_one_that_would_be_read() {
        for text in [
            "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport\r\n\r\n",
            "BYE sip:b@h SIP/2.0\r\nX: 1\r\nv:  SIP/2.0/UDP h;rport;branch=z9hG4bK1 , SIP/2.0/UDP g \r\nY: 2\r\n\r\n",
            "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport=1;received=192.0.2.255\r\nVia: SIP/2.0/UDP g\r\nl: 2\r\n\r\nab",
            "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport\r\n ;branch=z9hG4bK1\r\nTo:\r\n <sip:b@h>\r\n\r\nab",
        ] {
            let message =
                Message::parse(Bytes::from_static(text.as_bytes()), Framing::Datagram).unwrap();
            let mut patch = Patch::default();
            patch.stamp_received(&message, "192.0.2.1:40000".parse().unwrap());
            let bytes = patch.apply(&message).unwrap();
            let via = message.headers(Name::Via).next().unwrap().index;
            let moved = message.with_value(via, bytes.clone());
            let read = Message::parse(bytes, Framing::Datagram).unwrap();
            assert_eq!(places(&moved), places(&read), "{text}");
            assert_eq!(moved.start_line(), read.start_line());
            assert_eq!(moved.body(), read.body());
            assert_eq!(moved.headers_end(), read.headers_end());
            let stamped = moved.top_via().unwrap();
            assert_eq!(stamped.rport(), Some(Rport::Port(40_000)));
            assert_eq!(moved.top_via().unwrap().parameters, stamped.parameters);
        }
    }
}
