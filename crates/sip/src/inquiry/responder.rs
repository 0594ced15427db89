//! Tells who would answer: which requests want to know, and the one reliable response that says it.
//!
//! Not here: who may ask, what is signed, and the transaction of the INVITE; `crate::element` has them.

use super::reliable::{Acknowledged, RELIABLE, names_reliable};
use super::session;
use crate::header::Branch;
use crate::identity_header;
use crate::message::{Message, Method, Name};
use crate::response::{ToTag, build};
use crate::transaction::Timing;
use bytes::Bytes;
use countersign::time::Ticks;
use std::time::Duration;

/// The status of the response.
pub const PROGRESS: u16 = 183;

/// Whether a request asks who would answer, and wants nobody's telephone to ring.
// RFC 9970 §8: "When a STIR-aware UAS that supports this specification receives an INVITE that has no SDP, carries a PASSporT, and includes
// a 100rel in the Require header field value, it SHOULD follow the mechanism described in Section 4 to send a provisional response
// carrying a PASSporT in the backwards direction."
pub fn is_inquiry(request: &Message) -> bool {
    request.method() == Some(Method::Invite)
        && request.body().is_empty()
        && presents_identity(request)
        && names_reliable(request, Name::Require)
        && request.to().is_ok_and(|to| to.tag().is_none())
}

/// Whether a request carries a PASSporT: some switches ask for one with an empty Identity.
fn presents_identity(request: &Message) -> bool {
    let mut lines = request.headers(Name::Identity);
    lines.any(|line| identity_header::values(line.value).next().is_some())
}

/// What a request requires beside reliable provisional responses, as the value of Unsupported; `None` if nothing.
// RFC 3261 §8.2.2.3: "If a UAS does not understand an option-tag listed in a Require header field, it MUST respond by generating a
// response with status code 420 (Bad Extension)."
pub fn other_options(request: &Message) -> Option<Vec<u8>> {
    let options = request.elements(Name::Require);
    let others =
        options.filter(|option| !option.is_empty() && !option.eq_ignore_ascii_case(RELIABLE));
    let others: Vec<_> = others.collect();
    (!others.is_empty()).then(|| others.join(&b", "[..]))
}

/// What the response says beside the request.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Our tag.
    pub tag: &'a [u8],
    /// The value of Contact.
    pub contact: &'a str,
    /// The number of the response.
    pub sequence: u32,
    /// The values of Identity; none if nobody signs.
    pub identities: &'a [Box<str>],
    /// Where our side of a session would be.
    pub host: &'a str,
}

/// The response to an inquiry.
// RFC 3262 §5: "Similarly, if a reliable provisional response is the first reliable message sent back to the UAC, and the INVITE did not
// contain an offer, one MUST appear in that reliable provisional response."
pub fn progress(request: &Message, told: Told<'_>) -> Bytes {
    let sequence = told.sequence.to_string();
    let mut headers: Vec<(&str, &[u8])> = vec![
        (Name::Contact.as_str(), told.contact.as_bytes()),
        (Name::Require.as_str(), RELIABLE),
        (Name::RSeq.as_str(), sequence.as_bytes()),
        (Name::Allow.as_str(), b"INVITE, ACK, CANCEL, BYE, PRACK"),
    ];
    let values = told.identities.iter();
    headers.extend(values.map(|value| (Name::Identity.as_str(), value.as_bytes())));
    headers.push((Name::ContentType.as_str(), b"application/sdp"));
    let bare = build(
        request,
        PROGRESS,
        "Session Progress",
        ToTag::Ours(told.tag),
        &headers,
    );
    let body = session::without_media(told.host);
    let head = bare
        .strip_suffix(b"Content-Length: 0\r\n\r\n")
        .unwrap_or(&bare);
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    Bytes::from([head, length.as_bytes(), body.as_bytes()].concat())
}

/// The response that was sent, until it is acknowledged, and after that until the inquiry ends.
#[derive(Clone, Debug)]
pub struct Responder {
    response: Bytes,
    sequence: u32,
    /// The sequence number of the INVITE.
    invite: u32,
    state: State,
    /// When the inquiry ends by itself.
    end: Ticks,
}

#[derive(Clone, Debug)]
enum State {
    /// By the PRACK with this branch.
    Acknowledged(Box<[u8]>),
    Sent {
        interval: Duration,
        again: Ticks,
        give_up: Ticks,
    },
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The response goes out once more.
    Again,
    /// Nothing yet.
    Later,
    /// It was never acknowledged.
    Unacknowledged,
    /// The inquiry has lasted long enough.
    Over,
}

impl Responder {
    /// The response goes out now. The inquiry ends by itself after `longest`.
    pub fn new(
        response: Bytes,
        told: (u32, u32),
        timing: Timing,
        longest: Duration,
        now: Ticks,
    ) -> Self {
        let (sequence, invite) = told;
        Self {
            response,
            sequence,
            invite,
            state: State::Sent {
                interval: timing.t1,
                again: now.after(timing.t1),
                give_up: now.after(timing.patience()),
            },
            end: now.after(longest),
        }
    }

    /// The response.
    pub fn response(&self) -> &Bytes {
        &self.response
    }

    /// When there is something to do.
    pub fn next(&self) -> Ticks {
        match self.state {
            State::Acknowledged(_) => self.end,
            State::Sent { again, give_up, .. } => again.min(give_up).min(self.end),
        }
    }

    /// What is due.
    // RFC 3262 §3: "The reliable provisional response is passed to the transaction layer periodically with an interval that starts at T1
    // seconds and doubles for each retransmission"; "If a reliable provisional response is retransmitted for 64*T1 seconds without
    // reception of a corresponding PRACK, the UAS SHOULD reject the original request with a 5xx response."
    pub fn fire(&mut self, now: Ticks) -> Due {
        match &mut self.state {
            State::Sent { give_up, .. } if now >= *give_up => Due::Unacknowledged,
            _ if now >= self.end => Due::Over,
            State::Sent {
                interval, again, ..
            } if now >= *again => {
                *interval = interval.saturating_mul(2);
                *again = now.after(*interval);
                Due::Again
            }
            State::Acknowledged(_) | State::Sent { .. } => Due::Later,
        }
    }

    /// Whether a PRACK is for the response: it came first, or once more.
    // RFC 3262 §3: "If a PRACK request is received by the UA core that does not match any unacknowledged reliable provisional response, the
    // UAS MUST respond to the PRACK with a 481 response.  If the PRACK does match an unacknowledged reliable provisional response, it MUST
    // be responded to with a 2xx response."
    pub fn acknowledge(&mut self, prack: &Message) -> bool {
        let is_for =
            |acknowledged: Acknowledged<'_>| acknowledged.is_for(self.sequence, self.invite);
        let branch = match prack.top_via().map(|via| via.branch()) {
            Ok(Branch::Unique(branch)) => branch,
            _ => b"",
        };
        match &self.state {
            State::Acknowledged(before) => **before == *branch,
            State::Sent { .. } if Acknowledged::of(prack).is_some_and(is_for) => {
                self.state = State::Acknowledged(branch.into());
                true
            }
            State::Sent { .. } => false,
        }
    }

    /// Whether it was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self.state, State::Acknowledged(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inquiry::reliable::reliable_sequence;
    use crate::inquiry::session::Offer;
    use crate::message::Framing;

    fn parse(text: String) -> Message {
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    fn invite(to: &str, extra: &str, body: &str) -> Message {
        parse(format!(
            "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>{to}\r\n\
             Call-ID: c\r\nCSeq: 7 INVITE\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    const ASKS: &str = "Identity: a.b.c;info=<https://a.example/c>\r\nRequire: 100rel\r\n";

    /// This test verifies that an inquiry is what RFC 9970 §8 says, and nothing that lacks a part of it.
    #[test]
    fn an_inquiry_has_no_session_a_passport_and_wants_reliability() {
        assert!(is_inquiry(&invite("", ASKS, "")));
        for (to, extra, body) in [
            (";tag=2", ASKS, ""),
            ("", ASKS, "v=0\r\n"),
            ("", "Require: 100rel\r\n", ""),
            ("", "Identity: a.b.c;info=<https://a.example/c>\r\n", ""),
            ("", "Identity: ,\r\nRequire: 100rel\r\n", ""),
            (
                "",
                "Identity: a.b.c;info=<https://a.example/c>\r\nSupported: 100rel\r\n",
                "",
            ),
        ] {
            assert!(!is_inquiry(&invite(to, extra, body)), "{to} {extra} {body}");
        }
        assert_eq!(other_options(&invite("", ASKS, "")), None);
        let more = invite("", "Require: timer, 100rel\r\nRequire: x\r\n", "");
        assert_eq!(other_options(&more).unwrap(), b"timer, x");
    }

    fn told(identities: &[Box<str>]) -> Told<'_> {
        Told {
            tag: b"t",
            contact: "<sip:192.0.2.1>",
            sequence: 99,
            identities,
            host: "192.0.2.1",
        }
    }

    #[test]
    fn the_response_is_reliable_and_offers_no_media() {
        let identities = ["x.y.z;info=<https://b.example/c>;ppt=rsp".into()];
        let response = progress(&invite("", ASKS, ""), told(&identities));
        let response = Message::parse(response, Framing::Stream).unwrap();
        assert_eq!(reliable_sequence(&response), Some(99));
        assert_eq!(Offer::of(&response), Offer::WithoutMedia);
        assert_eq!(response.headers(Name::Identity).count(), 1);
        assert_eq!(response.to().unwrap().tag(), Some(b"t".as_slice()));
    }

    fn prack(branch: &str, rack: &str) -> Message {
        parse(format!(
            "PRACK sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{branch}\r\nRAck: {rack}\r\n\r\n"
        ))
    }

    /// This test verifies that it is repeated until it is acknowledged, at doubling intervals, and given up after 64*T1; and that one
    /// that was acknowledged ends by itself.
    #[test]
    fn it_is_repeated_until_it_is_acknowledged() {
        let (start, longest) = (Ticks::from_millis(1_000), Duration::from_secs(60));
        let responder = || Responder::new(Bytes::new(), (99, 7), Timing::default(), longest, start);
        let mut alone = responder();
        let mut again = Vec::new();
        loop {
            let next = alone.next();
            match alone.fire(next) {
                Due::Again => again.push(next.since(start).as_millis()),
                Due::Unacknowledged => break assert_eq!(next.since(start).as_secs(), 32),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(again, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);

        let mut heard = responder();
        assert!(!heard.acknowledge(&prack("1", "98 7 INVITE")));
        assert!(!heard.acknowledge(&prack("1", "99 8 INVITE")));
        assert!(heard.acknowledge(&prack("1", "99 7 INVITE")) && heard.is_acknowledged());
        assert!(
            heard.acknowledge(&prack("1", "99 7 INVITE")),
            "its 200 was lost"
        );
        assert!(
            !heard.acknowledge(&prack("2", "99 7 INVITE")),
            "nothing is left to acknowledge"
        );
        assert_eq!(heard.fire(start.after(Duration::from_secs(59))), Due::Later);
        assert_eq!(heard.next(), start.after(longest));
        assert_eq!(heard.fire(heard.next()), Due::Over);
    }
}
