//! Requests of ours inside the dialogs of a call: a BYE with its transaction, an ACK without.

use super::branch::{Branch, News, Purpose, Sending};
use super::crossing::sent_by;
use super::event::{DropCause, Event};
use super::{ContextId, Element, Output, Sender, Turn};
use crate::b2bua::{Own, OwnMethod};
use crate::message::Method;
use countersign::time::Now;

/// A BYE of ours has one branch and no context.
const ONLY_BRANCH: u8 = 0;

impl Element {
    /// Lets a BYE of ours do something; whether `id` is one.
    pub(super) fn own_request(
        &mut self,
        id: ContextId,
        now: Now,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Branch, &mut Turn<'_>) -> News,
    ) -> bool {
        let Some(mut branch) = self.table.own.remove(&id) else {
            return false;
        };
        let mut turn = self.turn(now, out);
        // RFC 3261 §15.1.1: "If the response for the BYE is a 481 (Call/Transaction Does Not Exist) or a 408 (Request Timeout) or no
        // response at all is received for the BYE (that is, a timeout is returned by the client transaction), the UAC MUST consider
        // the session and the dialog terminated." It is terminated already, so there is no news.
        act(&mut branch, &mut turn);
        if branch.is_over() {
            branch.leave(&mut turn);
        } else {
            self.table.own.insert(id, branch);
        }
        true
    }
}

/// Sends a request of ours inside the dialog of this call that the far side calls so.
pub(super) fn send(call: ContextId, far_tag: &[u8], own: Own<'_>, turn: &mut Turn<'_>) {
    let Some(call) = turn.table.calls.get(call) else {
        return;
    };
    let Some(dialog) = call.dialog_of(far_tag) else {
        return;
    };
    let Some(peer) = call.peer(dialog, own.to) else {
        return;
    };
    let copy = match own.written(call, dialog) {
        Ok(copy) => copy,
        Err(error) => return turn.event(Event::Dropped(DropCause::OwnFault(error))),
    };
    let branch = turn.tokens.own_branch();
    let sent_by = sent_by(&peer.hop, turn.options);
    let sending = Sending {
        bytes: copy.with_via(peer.hop.transport, sent_by, &branch),
        target: peer.target(),
    };
    match own.method {
        OwnMethod::Ack => turn.send(sending.target, sending.bytes, None),
        OwnMethod::Bye => {
            let id = turn.table.next_id();
            let branch = Branch::open(
                Sender::new(id, ONLY_BRANCH),
                Purpose::Forward,
                Method::Bye,
                branch.as_bytes(),
                (sending, None),
                turn,
            );
            turn.table.own.insert(id, branch);
        }
    }
}
