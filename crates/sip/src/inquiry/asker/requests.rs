//! The requests of an asker, as bytes, and where those inside a dialog go.

use super::{NotAQuestion, Purpose, Question};
use crate::b2bua::Way;
use crate::flow::{Target, Transport};
use crate::header::{NameAddr, sip_date_text};
use crate::inquiry::session;
use crate::message::{Framing, Message};
use crate::patch::has_bare_break;
use crate::uri::Uri;
use bytes::Bytes;
use countersign::crypto::sha256;
use std::net::{IpAddr, SocketAddr};

/// RFC 3261 §8.1.1.6: "A UAC MUST insert a Max-Forwards header field into each request it originates with a value that SHOULD be 70."
const MAX_FORWARDS: u8 = 70;

/// The sequence number of the INVITE, and of its ACK and CANCEL.
pub(super) const INVITE_SEQUENCE: u32 = 1;

/// What all requests of one asker have in common.
pub(super) struct Writer {
    question: Question,
    call_id: String,
    local_tag: String,
    count: u32,
}

/// A request of ours, ready to be sent.
pub(super) struct Written {
    pub(super) branch: String,
    pub(super) bytes: Bytes,
    pub(super) target: Target,
}

/// A request inside a dialog.
pub(super) struct Inside<'a> {
    pub(super) method: &'static str,
    pub(super) sequence: u32,
    pub(super) way: &'a Way,
    /// The To of the responses that made the dialog.
    pub(super) to: &'a [u8],
    /// The value of RAck.
    pub(super) acknowledges: Option<String>,
    /// A description of a session.
    pub(super) session: Option<String>,
}

impl Writer {
    pub(super) fn new(question: Question) -> Result<Self, NotAQuestion> {
        for uri in [&question.uri, &question.from] {
            Uri::parse(uri.as_bytes()).map_err(|_| NotAQuestion)?;
        }
        let breaks = |value: &str| has_bare_break(value.as_bytes());
        if question.identities.iter().any(|value| breaks(value)) {
            return Err(NotAQuestion);
        }
        let token = |purpose: &str| token(&question.unique, purpose, 0);
        Ok(Self {
            call_id: token("call"),
            local_tag: token("tag"),
            count: 0,
            question,
        })
    }

    pub(super) fn question(&self) -> &Question {
        &self.question
    }

    /// Where our side of a session would be.
    pub(super) fn host(&self) -> &str {
        self.question.sent_by.host()
    }

    /// Whether a message is of our dialogs, by what we named them.
    pub(super) fn is_ours(&self, call_id: &[u8], local_tag: Option<&[u8]>) -> bool {
        call_id == self.call_id.as_bytes() && local_tag == Some(self.local_tag.as_bytes())
    }

    /// The INVITE, read once more: ACK and CANCEL are made of it.
    pub(super) fn invite(&mut self) -> Result<(Written, Message), NotAQuestion> {
        let (option, body) = match self.question.purpose {
            // RFC 9970 §8: "a media-less dialog is established by sending an INVITE with an Identity header field but no SDP."
            // RFC 3262 §4: "When the UAC creates a new request, it can insist on reliable delivery of provisional responses for that
            // request.  To do that, it inserts a Require header field with the option tag 100rel into the request."
            Purpose::Inquiry => ("Require: 100rel\r\n", None),
            Purpose::Call => (
                "Supported: 100rel\r\n",
                Some(session::inactive_audio(self.host())),
            ),
        };
        let (via, branch) = self.via();
        let question = &self.question;
        let mut text = format!(
            "INVITE {uri} SIP/2.0\r\n{via}Max-Forwards: {MAX_FORWARDS}\r\nFrom: <{from}>;tag={tag}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: {INVITE_SEQUENCE} INVITE\r\nContact: {contact}\r\nDate: {date}\r\n{option}Allow: INVITE, ACK, CANCEL, BYE, PRACK\r\n",
            uri = question.uri,
            from = question.from,
            tag = self.local_tag,
            call_id = self.call_id,
            contact = self.contact(),
            date = sip_date_text(question.date),
        );
        for identity in &question.identities {
            text.push_str(&format!("Identity: {identity}\r\n"));
        }
        let bytes = with_session(text, body);
        let invite = Message::parse(bytes.clone(), Framing::Datagram).map_err(|_| NotAQuestion)?;
        let target = question.next_hop.clone();
        Ok((
            Written {
                branch,
                bytes,
                target,
            },
            invite,
        ))
    }

    pub(super) fn inside(&mut self, inside: Inside<'_>) -> Written {
        let (via, branch) = self.via();
        let way = inside.way.written();
        let text_of = String::from_utf8_lossy;
        let (method, uri) = (inside.method, text_of(&way.uri));
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\n{via}Max-Forwards: {MAX_FORWARDS}\r\nFrom: <{from}>;tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {sequence} {method}\r\n",
            from = self.question.from,
            tag = self.local_tag,
            to = text_of(inside.to),
            call_id = self.call_id,
            sequence = inside.sequence,
        );
        if !way.routes.is_empty() {
            text.push_str(&format!("Route: {}\r\n", text_of(&way.routes)));
        }
        if let Some(acknowledges) = inside.acknowledges {
            text.push_str(&format!("RAck: {acknowledges}\r\n"));
        }
        let first = crate::grammar::List::of(&way.routes).next();
        let first = first.and_then(NameAddr::parse).map(|first| first.uri);
        let target = self.target(first.unwrap_or(&way.uri));
        Written {
            branch,
            bytes: with_session(text, inside.session),
            target,
        }
    }

    /// Where a request goes whose next URI this is: to the address in it, or, where it has a name, to where the INVITE went. On a
    /// connection it stays there.
    fn target(&self, uri: &[u8]) -> Target {
        let next_hop = self.question.next_hop.clone();
        let Some(address) = address(uri).filter(|_| next_hop.transport == Transport::Udp) else {
            return next_hop;
        };
        Target {
            remote: address,
            name: None,
            ..next_hop
        }
    }

    fn via(&mut self) -> (String, String) {
        self.count += 1;
        let branch = format!(
            "z9hG4bK{}",
            token(&self.question.unique, "branch", self.count)
        );
        let transport = self.question.next_hop.transport.as_str();
        let sent_by = self.question.sent_by.as_str();
        let via = format!("Via: SIP/2.0/{transport} {sent_by};rport;branch={branch}\r\n");
        (via, branch)
    }

    fn contact(&self) -> String {
        let sent_by = self.question.sent_by.as_str();
        match self.question.next_hop.transport {
            Transport::Udp => format!("<sip:{sent_by}>"),
            Transport::Tcp => format!("<sip:{sent_by};transport=tcp>"),
            Transport::Tls => format!("<sips:{sent_by}>"),
        }
    }
}

fn with_session(mut text: String, session: Option<String>) -> Bytes {
    match session {
        Some(body) => text.push_str(&format!(
            "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )),
        None => text.push_str("Content-Length: 0\r\n\r\n"),
    }
    Bytes::from(text)
}

/// The address in a URI, if it is none with a name, and UDP leads there.
fn address(uri: &[u8]) -> Option<SocketAddr> {
    let Ok(Uri::Sip(uri)) = Uri::parse(uri) else {
        return None;
    };
    let transport = crate::grammar::Parameters::of(uri.parameters).value("transport");
    if transport.is_some_and(|transport| !transport.eq_ignore_ascii_case(b"udp")) {
        return None;
    }
    let host = std::str::from_utf8(uri.host).ok()?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let address: IpAddr = host.parse().ok()?;
    let port = uri.port.unwrap_or(Transport::Udp.default_port());
    Some(SocketAddr::new(address, port))
}

/// Never the same twice, and nobody can guess it.
fn token(unique: &[u8; 16], purpose: &str, count: u32) -> String {
    let input = [
        &unique[..],
        b"inquiry",
        purpose.as_bytes(),
        &count.to_be_bytes(),
    ];
    let digest = sha256(&input.concat());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
