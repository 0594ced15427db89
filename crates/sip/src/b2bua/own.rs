//! Requests of ours inside a dialog: the BYE that ends it, and the ACK for an answer that is not passed on.

use super::call::{Call, Dialog, Side};
use super::edit::with_tag;
use crate::message::Name;
use crate::patch::{PatchError, has_bare_break};
use crate::proxy::Copy;
use bytes::{BufMut, BytesMut};

/// Which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnMethod {
    /// For a 2xx.
    Ack,
    Bye,
}

/// A request of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<'a> {
    pub(crate) method: OwnMethod,
    /// The side it goes to.
    pub(crate) to: Side,
    /// The value of Reason, if there is one: RFC 3326.
    pub(crate) reason: Option<&'a [u8]>,
}

/// RFC 3261 §8.1.1.6: "A UAC MUST insert a Max-Forwards header field into each request it originates with a value that SHOULD be 70."
const MAX_FORWARDS: &[u8] = b"70";

/// Room for a usual one.
const USUAL_LENGTH: usize = 512;

impl Own<'_> {
    /// As it is sent, but for its Via.
    ///
    /// # Errors
    /// [`PatchError`]: a mistake of ours.
    pub(crate) fn written(&self, call: &Call, dialog: &Dialog) -> Result<Copy, PatchError> {
        let way = call.way(dialog, self.to).written();
        let (end, from_tag, to_tag) = match self.to {
            Side::Far => (&call.far, &call.far.tag, &dialog.far_tag),
            Side::Near => (&call.near, &dialog.near_tag, &call.near.tag),
        };
        let (from, to) = call.addresses(self.to);
        let (method, sequence) = self.sequence(call, dialog);
        let mut text = BytesMut::with_capacity(USUAL_LENGTH);
        text.put_slice(method);
        text.put_slice(b" ");
        text.put_slice(&way.uri);
        text.put_slice(b" SIP/2.0\r\n");
        if !way.routes.is_empty() {
            put(&mut text, Name::Route, &way.routes);
        }
        put(&mut text, Name::MaxForwards, MAX_FORWARDS);
        put(&mut text, Name::From, &with_tag(from, from_tag));
        put(&mut text, Name::To, &with_tag(to, to_tag));
        put(&mut text, Name::CallId, &end.call_id);
        let sequence = [sequence.to_string().as_bytes(), b" ", method].concat();
        put(&mut text, Name::CSeq, &sequence);
        if let Some(reason) = self.reason.filter(|reason| !has_bare_break(reason)) {
            put(&mut text, Name::Reason, reason);
        }
        put(&mut text, Name::ContentLength, b"0");
        text.put_slice(b"\r\n");
        Copy::written(text.freeze())
    }

    // RFC 3261 §12.2.1.1: "Requests within a dialog MUST contain strictly monotonically increasing and contiguous CSeq sequence numbers
    // (increasing-by-one) in each direction (excepting ACK and CANCEL of course, whose numbers equal the requests being acknowledged or
    // cancelled)."
    fn sequence(&self, call: &Call, dialog: &Dialog) -> (&'static [u8], u32) {
        match (self.method, self.to) {
            (OwnMethod::Ack, _) => (b"ACK", call.invite),
            (OwnMethod::Bye, Side::Far) => (b"BYE", dialog.to_far.saturating_add(1)),
            (OwnMethod::Bye, Side::Near) => (b"BYE", dialog.to_near.saturating_add(1)),
        }
    }
}

fn put(text: &mut BytesMut, name: Name, value: &[u8]) {
    text.put_slice(name.as_str().as_bytes());
    text.put_slice(b": ");
    text.put_slice(value);
    text.put_slice(b"\r\n");
}
