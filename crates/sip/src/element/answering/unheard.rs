//! Answers whose caller gets nothing that could be heard of them, because nobody has proven them: they ring, and that is all.
//!
//! Not here: which these are (the plan), and what becomes of those that may not pass at all (`refusing`).

use super::forks::Fork;
use super::{AnswerFate, Arriving};
use crate::element::Turn;
use crate::element::context::Context;
use crate::message::{Framing, Message, Name};
use crate::patch::Patch;

impl Context {
    /// An answer goes back without anything to hear; of each party that is told once, however often it rings.
    pub(super) fn strip_answer(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        let Some(response) = without_body(&arriving.response) else {
            return self.refuse_unjudged(arriving, turn);
        };
        let answering = self.answering.as_mut();
        let fork = answering.and_then(|answering| answering.forks.enter(&arriving.tag));
        if fork.is_some_and(Fork::strip) {
            self.told(None, arriving.status, AnswerFate::Stripped, turn);
        }
        let stripped = Arriving {
            response,
            ..arriving
        };
        self.line_up(stripped, None, turn);
    }
}

/// Whether a response has the caller hear another ringing tone than its own.
// RFC 3261 §20.4: "When present in a 180 (Ringing) response, the Alert-Info header field specifies an alternative ringback tone to the
// UAC.  [...] The Alert-Info header field can introduce security risks."
pub(super) fn rings_otherwise(response: &Message) -> bool {
    response.header(Name::AlertInfo).is_some()
}

/// The response without session description, and without a ringing tone of its own: what nobody has signed nobody hears.
pub(in crate::element) fn without_body(response: &Message) -> Option<Message> {
    let mut patch = Patch::default();
    patch.replace_part(response, response.body(), b"");
    for name in [
        Name::AlertInfo,
        Name::ContentType,
        Name::ContentEncoding,
        Name::ContentLength,
    ] {
        patch.remove_headers(response, name);
    }
    patch.append_header(response, Name::ContentLength.as_str(), b"0");
    let bytes = patch.apply(response).ok()?;
    Message::parse(bytes, Framing::Datagram).ok()
}
