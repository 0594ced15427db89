//! Requests of ours inside the dialogs of a call: a BYE with its transaction, an ACK without.
//!
//! A BYE in a dialog that was established with connected identity is signed before it is sent, if the host does so in time.

use super::branch::{Branch, News, Purpose, Sending};
use super::crossing::sent_by;
use super::event::{DropCause, Event};
use super::mid_dialog::{MidDialogFate, MidDialogRequest, own_speech};
use super::{ContextId, Element, Output, Part, Sender, Turn, Unsigned};
use crate::b2bua::{Own, OwnMethod, Peer};
use crate::header::sip_date_text;
use crate::message::{Framing, Message, Method, Name};
use crate::patch::Patch;
use crate::proxy::Copy;
use countersign::call::DateHeader;
use countersign::time::{Now, Ticks, UnixTime};

/// A BYE of ours has one branch and no context.
const ONLY_BRANCH: u8 = 0;

/// A BYE of ours that waits for its signature.
pub(super) struct Waiting {
    copy: Copy,
    peer: Peer,
    /// The time that its signature and its Date tell.
    date: UnixTime,
    /// When it goes without.
    due: Ticks,
    told: MidDialogRequest,
}

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

    /// The host has signed what it was asked for, or not; whether that was a BYE of ours.
    pub(super) fn own_signed(
        &mut self,
        id: ContextId,
        identities: &[Box<str>],
        now: Now,
        out: &mut Vec<Output>,
    ) -> bool {
        let fate = MidDialogFate::of_signing(identities);
        let Some(waiting) = self.table.unsigned.remove(&id) else {
            return false;
        };
        waiting.leave(id, identities, fate, &mut self.turn(now, out));
        true
    }

    /// The signature of a BYE of ours is late; whether that was what the timer was for.
    pub(super) fn own_due(&mut self, id: ContextId, now: Now, out: &mut Vec<Output>) -> bool {
        let is_due = |waiting: &Waiting| now.ticks >= waiting.due;
        if !self.table.unsigned.get(&id).is_some_and(is_due) {
            return self.table.unsigned.contains_key(&id);
        }
        if let Some(waiting) = self.table.unsigned.remove(&id) {
            out.push(Output::Forget(id));
            let fate = MidDialogFate::Unsigned(Unsigned::Late);
            waiting.leave(id, &[], fate, &mut self.turn(now, out));
        }
        true
    }
}

impl Waiting {
    /// It is sent, with what it was signed with.
    fn leave(
        mut self,
        id: ContextId,
        identities: &[Box<str>],
        fate: MidDialogFate,
        turn: &mut Turn<'_>,
    ) {
        if let Some(signed) = signed(&self.copy, identities, self.date) {
            self.copy = signed;
        }
        self.told.fate = fate;
        turn.event(Event::MidDialog(Box::new(self.told)));
        open(id, &self.copy, &self.peer, turn);
    }
}

/// The copy with these values of Identity; `None` if there are none.
fn signed(copy: &Copy, identities: &[Box<str>], date: UnixTime) -> Option<Copy> {
    if identities.is_empty() {
        return None;
    }
    let request = Message::parse(copy.bytes().clone(), Framing::Datagram).ok()?;
    let mut patch = Patch::default();
    // RFC 8224 §6.1: "An authentication service MUST add a Date header field to SIP requests that do not have one."
    let date = sip_date_text(date);
    patch.append_header(&request, Name::Date.as_str(), date.as_bytes());
    for identity in identities {
        patch.append_header(&request, Name::Identity.as_str(), identity.as_bytes());
    }
    Copy::written(patch.apply(&request).ok()?).ok()
}

/// Sends a request of ours inside the dialog of this call that the far side calls so.
pub(super) fn send(id: ContextId, far_tag: &[u8], own: Own<'_>, turn: &mut Turn<'_>) {
    let Some(call) = turn.table.calls.get(id) else {
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
    match own.method {
        OwnMethod::Ack => {
            let sending = sending(&copy, &peer, &turn.tokens.own_branch(), turn);
            turn.send(sending.target, sending.bytes, None);
        }
        OwnMethod::Bye => bye(id, far_tag, own, (copy, peer), turn),
    }
}

/// Sends a BYE, or has it signed before.
fn bye(
    id: ContextId,
    far_tag: &[u8],
    own: Own<'_>,
    (copy, peer): (Copy, Peer),
    turn: &mut Turn<'_>,
) {
    let bye = turn.table.next_id();
    let (date, now) = (turn.now.unix, turn.now.ticks);
    let call = turn.table.calls.get(id);
    let asked = call.and_then(|call| {
        let dialog = call.dialog_of(far_tag)?;
        let (sign, told) = own_speech(bye, (call, dialog), own.to, DateHeader::At(date))?;
        Some((sign, told, now.after(call.trunk.deadline)))
    });
    let Some((sign, told, due)) = asked else {
        return open(bye, &copy, &peer, turn);
    };
    let waiting = Waiting {
        copy,
        peer,
        date,
        due,
        told,
    };
    turn.table.unsigned.insert(bye, waiting);
    turn.set_timer(bye, Part::Decision, due);
    turn.out.push(sign);
}

/// Sends a BYE.
fn open(id: ContextId, copy: &Copy, peer: &Peer, turn: &mut Turn<'_>) {
    let via_branch = turn.tokens.own_branch();
    let sending = sending(copy, peer, &via_branch, turn);
    let branch = Branch::open(
        Sender::new(id, ONLY_BRANCH),
        Purpose::Forward,
        Method::Bye,
        via_branch.as_bytes(),
        (sending, None),
        turn,
    );
    turn.table.own.insert(id, branch);
}

fn sending(copy: &Copy, peer: &Peer, via_branch: &str, turn: &Turn<'_>) -> Sending {
    let sent_by = sent_by(&peer.hop, turn.options);
    Sending {
        bytes: copy.with_via(peer.hop.transport, sent_by, via_branch),
        target: peer.target(),
    }
}
