//! What only one with two dialogs can do: hold an answer back until the host has seen it, refuse it, end a call.

use super::context::{Cancellation, Context, Stage};
use super::crossing::Crossing;
use super::event::{CallEnded, EndedBy, Event};
use super::{Answer, ContextId, Element, Ending, Output, Part, Turn, own};
use crate::b2bua::{Dialog, Own, OwnMethod, Progress, Side};
use crate::message::Message;
use crate::trunk::Answers;
use countersign::time::{Now, Ticks};
use std::sync::Arc;

/// A 2xx that the host has not let pass yet.
pub(super) struct Held {
    response: Message,
    status: u16,
    /// When it passes by itself.
    due: Ticks,
}

impl Element {
    /// The host ends a call.
    pub(super) fn end(&mut self, id: ContextId, ending: &Ending, now: Now, out: &mut Vec<Output>) {
        self.with(id, now, out, |context, turn| context.end(ending, turn));
        let mut turn = self.turn(now, out);
        end_dialogs(id, EndedBy::Host, ending.reason.as_deref(), &mut turn);
    }

    /// The longest call, or its session timer, is over; or was begun anew.
    pub(super) fn call_due(&mut self, id: ContextId, now: Now, out: &mut Vec<Output>) {
        let mut turn = self.turn(now, out);
        let due = turn.table.calls.get(id).and_then(|call| call.due);
        match due {
            Some(due) if turn.now.ticks < due => turn.set_timer(id, Part::Call, due),
            Some(_) => end_dialogs(id, EndedBy::Time, Some(TOO_LONG), &mut turn),
            None => {}
        }
    }
}

/// Why a call is ended that lasts too long; the cause is that of 408: RFC 3326 §2.
const TOO_LONG: &str = "SIP;cause=408;text=\"Session expired\"";

/// Why the far side is told to hang up when the caller has gone while its answer was held.
pub(super) const CANCELLED: &str = "SIP;cause=487;text=\"Request Terminated\"";

impl Context {
    /// A 2xx came. In a back-to-back call it is passed, held, or refused because the caller has been told otherwise.
    pub(super) fn deliver_success(&mut self, status: u16, message: &Message, turn: &mut Turn<'_>) {
        let begins = self.crossing.as_ref().filter(|one| one.peer.is_none());
        let holds = self
            .trunk
            .b2bua()
            .is_some_and(|mode| mode.answers == Answers::Held);
        let is_refused = !matches!(self.record.status, None | Some(200..300));
        match (&self.stage, begins) {
            (Stage::Held(_), _) => {}
            (_, Some(crossing)) if is_given_up(crossing.call, message, turn) => {
                self.refuse_answer(message, None, turn);
                // RFC 3261 §15.1.2: "The UAS MUST still respond to any pending requests received for that dialog.  It is RECOMMENDED that a
                // 487 (Request Terminated) response be generated to those pending requests."
                if !matches!(self.stage, Stage::Answered) {
                    self.answer(487, "Request Terminated", &[], turn);
                }
            }
            (Stage::Forwarding(_), Some(_)) if holds => self.hold(status, message, turn),
            (Stage::Answered, Some(_)) if is_refused => self.refuse_answer(message, None, turn),
            (_, begins) => {
                let call = begins.map(|crossing| crossing.call);
                let over = call.filter(|call| is_over(*call, message, turn));
                self.pass_success(status, message, turn);
                over.into_iter()
                    .for_each(|call| acknowledge_again(call, message, turn));
            }
        }
    }

    /// The host lets the answer pass.
    pub(super) fn release(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.stage, Stage::Held(_)) {
            return;
        }
        if let Stage::Held(held) = std::mem::replace(&mut self.stage, Stage::Arrived) {
            self.pass_success(held.status, &held.response, turn);
        }
    }

    /// The timer of what is decided is due.
    pub(super) fn held_too_long(&mut self, turn: &mut Turn<'_>) {
        if let Stage::Held(held) = &self.stage
            && turn.now.ticks >= held.due
        {
            turn.out.push(Output::Forget(self.id));
            self.release(turn);
        }
    }

    /// The caller gives up while the answer is held.
    pub(super) fn cancel_held(&mut self, turn: &mut Turn<'_>) {
        turn.out.push(Output::Forget(self.id));
        self.refuse_held(Some(CANCELLED), turn);
        self.answer(487, "Request Terminated", &[], turn);
    }

    /// The host ends the call while its INVITE has a context.
    fn end(&mut self, ending: &Ending, turn: &mut Turn<'_>) {
        let reason = ending.reason.as_deref();
        match self.stage {
            _ if self.crossing.as_ref().is_none_or(|one| one.peer.is_some()) => return,
            Stage::Answered => return,
            Stage::Arrived | Stage::Deciding(_) => turn.out.push(Output::Forget(self.id)),
            Stage::Forwarding(_) => {
                self.drop_answers(reason, turn);
                let reasons = reason.map(|reason| reason.as_bytes().into());
                self.cancellation = Cancellation::Asked(reasons.into_iter().collect());
                self.cancel_branches(turn);
            }
            Stage::Held(_) => self.refuse_held(reason, turn),
            Stage::Inquired => return self.end_inquiry(turn),
        }
        let extra = reason.map(|reason| ("Reason", reason.as_bytes()));
        let status = match ending.status {
            status @ 300..700 => status,
            _ => DECLINED,
        };
        self.answer(status, &ending.phrase, extra.as_slice(), turn);
    }

    fn hold(&mut self, status: u16, message: &Message, turn: &mut Turn<'_>) {
        let due = turn.now.ticks.after(self.trunk.deadline);
        self.stage = Stage::Held(Held {
            response: message.clone(),
            status,
            due,
        });
        turn.set_timer(self.id, Part::Decision, due);
        turn.out.push(Output::Answered(Answer {
            id: self.id,
            response: message.clone(),
            trunk: Arc::clone(&self.trunk),
            deadline: due,
        }));
    }

    fn refuse_held(&mut self, reason: Option<&str>, turn: &mut Turn<'_>) {
        if let Stage::Held(held) = std::mem::replace(&mut self.stage, Stage::Arrived) {
            self.refuse_answer(&held.response, reason, turn);
        }
    }

    /// A 2xx that the caller will not get: it is acknowledged, or the called repeats it, and the call is ended.
    // RFC 3261 §13.2.2.4: "If, after acknowledging any 2xx response to an INVITE, the UAC does not want to continue with that dialog,
    // then the UAC MUST terminate the dialog by sending a BYE request as described in Section 15."
    pub(super) fn refuse_answer(
        &self,
        message: &Message,
        reason: Option<&str>,
        turn: &mut Turn<'_>,
    ) {
        let begins = self.crossing.as_ref().filter(|one| one.peer.is_none());
        let Some(crossing) = begins else {
            return;
        };
        let call = crossing.call;
        if self.near_tag(crossing, message, turn).is_none() {
            self.add_refused(crossing, message, turn);
        }
        let Some(far_tag) = message.to().ok().and_then(|to| to.tag()) else {
            return;
        };
        let calls = &mut turn.table.calls;
        let dialog = calls
            .get_mut(call)
            .and_then(|call| call.dialog_mut_of(far_tag));
        let Some(dialog) = dialog else {
            return;
        };
        dialog.way.refresh(message);
        let was = std::mem::replace(&mut dialog.progress, Progress::Ended);
        let request = |method| Own {
            method,
            to: Side::Far,
            reason: reason.map(str::as_bytes),
        };
        own::send(call, far_tag, request(OwnMethod::Ack), turn);
        if was != Progress::Ended {
            own::send(call, far_tag, request(OwnMethod::Bye), turn);
        }
    }
}

impl Context {
    /// An answer that there is no room for is remembered until its INVITE is forgotten, to be acknowledged each time. It is one of a call:
    /// the caller gets its answer now.
    fn add_refused(&self, crossing: &Crossing, message: &Message, turn: &mut Turn<'_>) {
        let (call, far_tag) = (
            turn.table.calls.get_mut(crossing.call),
            message.to().ok().and_then(|to| to.tag()),
        );
        if let Some((call, far_tag)) = call.zip(far_tag)
            && !matches!(self.stage, Stage::Answered)
        {
            let near_tag = turn.tokens.near_tag(&call.far.call_id, far_tag).to_vec();
            call.add_refused(message, near_tag.into(), crossing.place);
        }
    }
}

/// Whether a 2xx is the first of a dialog that was ended before.
pub(super) fn is_given_up(call: ContextId, message: &Message, turn: &Turn<'_>) -> bool {
    progress(call, message, turn) == Some(Progress::GivenUp)
}

/// Whether a 2xx is of a dialog that is over.
pub(super) fn is_over(call: ContextId, message: &Message, turn: &Turn<'_>) -> bool {
    progress(call, message, turn).is_some_and(Progress::is_over)
}

/// How far the dialog of a response has come.
fn progress(call: ContextId, message: &Message, turn: &Turn<'_>) -> Option<Progress> {
    let far_tag = message.to().ok()?.tag()?;
    let dialog = turn.table.calls.get(call)?.dialog_of(far_tag)?;
    Some(dialog.progress)
}

/// The answer to an INVITE whose host gives none that refuses.
const DECLINED: u16 = 603;

/// A 2xx that came once more, in a dialog that is over: no ACK of the caller crosses any more, or ours was lost.
fn acknowledge_again(call: ContextId, message: &Message, turn: &mut Turn<'_>) {
    if let Some(far_tag) = message.to().ok().and_then(|to| to.tag()) {
        own::send(call, far_tag, ACK, turn);
    }
}

const ACK: Own<'static> = Own {
    method: OwnMethod::Ack,
    to: Side::Far,
    reason: None,
};

/// Ends every dialog of a call that was answered, on both sides.
pub(super) fn end_dialogs(id: ContextId, by: EndedBy, reason: Option<&str>, turn: &mut Turn<'_>) {
    let Some(call) = turn.table.calls.get_mut(id) else {
        return;
    };
    let may_acknowledge = call.inviting;
    let dialogs = call.dialogs().iter();
    let dialogs: Vec<_> = dialogs
        .map(|dialog| (dialog.far_tag.clone(), dialog.progress))
        .collect();
    call.reason = reason.map(|reason| reason.as_bytes().into());
    for (far_tag, progress) in dialogs {
        match progress {
            Progress::Acknowledged => {}
            Progress::Answered => own::send(id, &far_tag, ACK, turn),
            Progress::Early | Progress::Ended | Progress::Ending | Progress::GivenUp => continue,
        }
        bye(id, &far_tag, Side::Far, turn);
        // RFC 3261 §15: "However, the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK for its 2xx
        // response or until the server transaction times out."
        if progress == Progress::Answered && may_acknowledge {
            let call = turn.table.calls.get_mut(id);
            if let Some(dialog) = call.and_then(|call| call.dialog_mut_of(&far_tag)) {
                dialog.progress = Progress::Ending;
            }
        } else {
            bye(id, &far_tag, Side::Near, turn);
            ended(id, &far_tag, by, turn);
        }
    }
}

/// The caller may be told now that we have ended a dialog.
pub(super) fn end_near(id: ContextId, far_tag: &[u8], turn: &mut Turn<'_>) {
    bye(id, far_tag, Side::Near, turn);
    ended(id, far_tag, EndedBy::Host, turn);
}

/// A dialog of a call is over.
pub(super) fn ended(id: ContextId, far_tag: &[u8], by: EndedBy, turn: &mut Turn<'_>) {
    let dialog = turn.table.calls.get(id);
    let dialog = dialog.and_then(|call| call.dialog_of(far_tag));
    let is_told = |dialog: &Dialog| matches!(dialog.progress, Progress::Ended | Progress::GivenUp);
    if dialog.is_some_and(is_told) {
        return;
    }
    let others = |dialog: &Dialog| *dialog.far_tag != *far_tag;
    let lasts = |dialog: &Dialog| {
        let is_live = matches!(dialog.progress, Progress::Acknowledged | Progress::Answered);
        is_live && others(dialog)
    };
    if let Some(call) = turn.table.calls.get(id)
        && let Some(answered) = call.answered
        && !call.dialogs().iter().any(lasts)
    {
        let ended = CallEnded {
            id,
            trunk: Arc::clone(&call.trunk),
            call_id: call.near.call_id.clone(),
            by,
            lasted: turn.now.ticks.since(answered),
        };
        turn.event(Event::CallEnded(Box::new(ended)));
    }
    match turn.table.calls.get_mut(id) {
        // As long as its 2xx may come once more, the dialog is remembered, or that would begin it anew.
        Some(call) if call.inviting => {
            if let Some(dialog) = call.dialog_mut_of(far_tag) {
                dialog.progress = match dialog.progress {
                    Progress::Early => Progress::GivenUp,
                    _ => Progress::Ended,
                };
            }
        }
        _ => turn.table.calls.retain(id, turn.tokens, others),
    }
}

fn bye(id: ContextId, far_tag: &[u8], to: Side, turn: &mut Turn<'_>) {
    let reason = turn
        .table
        .calls
        .get(id)
        .and_then(|call| call.reason.clone());
    let own = Own {
        method: OwnMethod::Bye,
        to,
        reason: reason.as_deref(),
    };
    own::send(id, far_tag, own, turn);
}
