//! One of those who answer an INVITE: its dialog, what of it was heard, and whether it is still on the line.

use super::requests::{INVITE_SEQUENCE, Inside};
use crate::b2bua::Way;
use crate::flow::Target;
use crate::message::{Message, Name};
use bytes::Bytes;

/// Most unreliable responses of one that are told: what repeats itself says nothing.
const MAX_UNRELIABLE: u8 = 8;

pub(super) struct Fork {
    tag: Box<[u8]>,
    /// The value of To, its tag included.
    to: Box<[u8]>,
    way: Way,
    /// The RSeq of the last response that was acknowledged.
    last: Option<u32>,
    sequence: u32,
    unreliable: Unreliable,
    answered_offer: bool,
    line: Line,
}

/// What was heard without RSeq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Unreliable {
    status: u16,
    identities: usize,
    told: u8,
}

enum Line {
    Early,
    /// With the ACK, once there is one.
    Answered(Option<(Target, Bytes)>),
    /// Ended by us or by them; the ACK is repeated all the same.
    Ended(Option<(Target, Bytes)>),
}

/// What a provisional response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing: it came before, or out of order.
    Nothing,
    /// It is to be acknowledged with this number.
    Reliable(u32),
    Unreliable,
}

impl Fork {
    pub(super) fn new(tag: &[u8], response: &Message) -> Self {
        Self {
            tag: tag.into(),
            to: response.header(Name::To).unwrap_or_default().into(),
            way: Way::on_to(response),
            last: None,
            sequence: INVITE_SEQUENCE,
            unreliable: Unreliable::default(),
            answered_offer: false,
            line: Line::Early,
        }
    }

    pub(super) fn is(&self, tag: &[u8]) -> bool {
        *self.tag == *tag
    }

    /// Takes a provisional response with this RSeq, or none.
    // RFC 3262 §4: "Once a reliable provisional response is received, retransmissions of that response MUST be discarded."; "if the UAC
    // receives another reliable provisional response to the same request, and its RSeq value is not one higher than the value of the
    // sequence number, that response MUST NOT be acknowledged with a PRACK, and MUST NOT be processed further by the UAC."
    pub(super) fn hear(&mut self, response: &Message, sequence: Option<u32>) -> News {
        if !matches!(self.line, Line::Early) {
            return News::Nothing;
        }
        let Some(sequence) = sequence else {
            return self.hear_unreliable(response);
        };
        let is_next = self
            .last
            .is_none_or(|last| last.checked_add(1) == Some(sequence));
        if !is_next {
            return News::Nothing;
        }
        self.last = Some(sequence);
        News::Reliable(sequence)
    }

    fn hear_unreliable(&mut self, response: &Message) -> News {
        let heard = Unreliable {
            status: response.status().unwrap_or_default(),
            identities: response.headers(Name::Identity).count(),
            told: self.unreliable.told,
        };
        if heard == self.unreliable || heard.told == MAX_UNRELIABLE {
            return News::Nothing;
        }
        self.unreliable = Unreliable {
            told: heard.told + 1,
            ..heard
        };
        News::Unreliable
    }

    pub(super) fn prack(&mut self, acknowledges: String, session: Option<String>) -> Inside<'_> {
        self.answered_offer |= session.is_some();
        Inside {
            acknowledges: Some(acknowledges),
            ..self.inside("PRACK", session)
        }
    }

    /// The ACK for the 2xx.
    // RFC 3261 §13.2.2.4: "The sequence number of the CSeq header field MUST be the same as the INVITE being acknowledged, but the CSeq
    // method MUST be ACK."
    pub(super) fn accept(&mut self, response: &Message, session: Option<String>) -> Inside<'_> {
        // RFC 3261 §13.2.2.4: "the route set for the dialog MUST be recomputed based on the 2xx response"
        self.way = Way::on_to(response);
        Inside {
            method: "ACK",
            sequence: INVITE_SEQUENCE,
            way: &self.way,
            to: &self.to,
            acknowledges: None,
            session,
        }
    }

    pub(super) fn acknowledged(&mut self, target: Target, ack: Bytes) {
        self.line = Line::Answered(Some((target, ack)));
    }

    /// The BYE, if it is on the line.
    pub(super) fn bye(&mut self) -> Option<Inside<'_>> {
        let Line::Answered(ack) = &mut self.line else {
            return None;
        };
        self.line = Line::Ended(ack.take());
        Some(self.inside("BYE", None))
    }

    /// They have hung up.
    pub(super) fn end(&mut self) {
        let ack = match &mut self.line {
            Line::Answered(ack) | Line::Ended(ack) => ack.take(),
            Line::Early => None,
        };
        self.line = Line::Ended(ack);
    }

    /// The ACK that was sent, and where.
    pub(super) fn ack(&self) -> Option<&(Target, Bytes)> {
        match &self.line {
            Line::Answered(ack) | Line::Ended(ack) => ack.as_ref(),
            Line::Early => None,
        }
    }

    pub(super) fn has_answered_an_offer(&self) -> bool {
        self.answered_offer
    }

    /// Whether it was answered, and perhaps ended since.
    pub(super) fn is_answered(&self) -> bool {
        self.ack().is_some()
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self.line, Line::Ended(_))
    }

    /// The next request inside the dialog.
    // RFC 3261 §12.2.1.1: "Requests within a dialog MUST contain strictly monotonically increasing and contiguous CSeq sequence numbers
    // (increasing-by-one) in each direction (excepting ACK and CANCEL of course, whose numbers equal the requests being acknowledged or
    // cancelled)."
    fn inside(&mut self, method: &'static str, session: Option<String>) -> Inside<'_> {
        self.sequence = self.sequence.saturating_add(1);
        Inside {
            method,
            sequence: self.sequence,
            way: &self.way,
            to: &self.to,
            acknowledges: None,
            session,
        }
    }
}
