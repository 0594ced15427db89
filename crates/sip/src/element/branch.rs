//! A branch: one client transaction of a context, with the bytes it sends and where.
//!
//! RFC 3261 §16.2 has a proxy make one for each place a request is sent to. A CANCEL that we send is one, too: it shares its Via
//! with the INVITE it cancels, and nobody waits for its answer.

use super::{BranchTimer, ContextId, Part, Sender, TCP_SILENCE, TIMER_C, Turn};
use crate::flow::Target;
use crate::hop_by_hop;
use crate::message::{Framing, Message, Method};
use crate::transaction::matching::ClientKey;
use crate::transaction::{ClientAction, InviteClient, NonInviteClient, StatusClass};
use bytes::Bytes;
use countersign::time::Ticks;

pub(super) struct Branch {
    by: Sender,
    purpose: Purpose,
    key: ClientKey,
    machine: Machine,
    sending: Sending,
    /// What is sent instead, if nothing is heard: the same request for UDP, with when.
    fallback: Option<(Sending, Ticks)>,
    ack: Option<Bytes>,
    /// When Timer C is due, of an INVITE. One timer is always under way: what came back to life meanwhile is found out when it fires.
    timer_c: Option<Ticks>,
    /// Since a CANCEL was sent: until when a final response is waited for.
    cancelled: Option<Ticks>,
}

/// A request as it leaves, and where to.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) bytes: Bytes,
    pub(super) target: Target,
}

/// What a branch was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To cancel another branch.
    Cancel,
    /// To forward the request of the context.
    Forward,
}

enum Machine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

/// What a branch tells its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// A CANCEL was sent 64*T1 ago and there is no final response still. The branch is over.
    CancelUnanswered,
    /// The response just received is for the core.
    Deliver,
    /// The request went by UDP, because TCP did not answer.
    FellBack,
    Nothing,
    /// Timer C fired after a provisional response: the branch wants to be cancelled.
    TakesTooLong,
    /// No response came in time. The branch is over.
    TimedOut,
    /// It could not be sent. The branch is over.
    Unreachable,
}

impl Branch {
    /// Sends a request and waits for its answer. `via_branch` is the parameter that its Via has.
    pub(super) fn open(
        by: Sender,
        purpose: Purpose,
        method: Method<'_>,
        via_branch: &[u8],
        (sending, fallback): (Sending, Option<Sending>),
        turn: &mut Turn<'_>,
    ) -> Self {
        let (timing, now) = (turn.options.timing, turn.now.ticks);
        let reliability = sending.target.transport.reliability();
        let mut actions = Vec::new();
        let machine = match method {
            Method::Invite => {
                Machine::Invite(InviteClient::start(timing, reliability, now, &mut actions))
            }
            _ => Machine::NonInvite(NonInviteClient::start(
                timing,
                reliability,
                now,
                &mut actions,
            )),
        };
        let key = ClientKey::new(via_branch, method);
        turn.table
            .branches
            .insert(key.clone(), (by.context, by.branch));
        let mut branch = Self {
            by,
            purpose,
            key,
            machine,
            sending,
            fallback: fallback.map(|sending| (sending, now.after(TCP_SILENCE))),
            ack: None,
            timer_c: None,
            cancelled: None,
        };
        branch.run(&actions, None, turn);
        if let Some((_, due)) = branch.fallback {
            branch.set_timer(BranchTimer::Silence, due, turn);
        }
        if method == Method::Invite {
            branch.timer_c = Some(now.after(TIMER_C));
            branch.set_timer(BranchTimer::C, now.after(TIMER_C), turn);
        }
        branch
    }

    /// A response came that belongs to this branch.
    pub(super) fn receive(
        &mut self,
        response: &Message,
        class: StatusClass,
        turn: &mut Turn<'_>,
    ) -> News {
        self.fallback = None;
        let (mut actions, now) = (Vec::new(), turn.now.ticks);
        match &mut self.machine {
            Machine::Invite(machine) => machine.receive(class, now, &mut actions),
            Machine::NonInvite(machine) => machine.receive(class, now, &mut actions),
        }
        // RFC 3261 §16.7: "if the response is a provisional response with status codes 101 to 199 inclusive (i.e., anything but 100),
        // the proxy MUST reset timer C for that client transaction."
        if self.is_proceeding() && response.status() != Some(100) {
            self.timer_c = Some(now.after(TIMER_C));
        }
        self.run(&actions, Some(response), turn)
    }

    pub(super) fn fire(&mut self, timer: BranchTimer, turn: &mut Turn<'_>) -> News {
        let now = turn.now.ticks;
        match timer {
            BranchTimer::Transaction(timer) => {
                let mut actions = Vec::new();
                match &mut self.machine {
                    Machine::Invite(machine) => machine.fire(timer, now, &mut actions),
                    Machine::NonInvite(machine) => machine.fire(timer, now, &mut actions),
                }
                self.run(&actions, None, turn)
            }
            BranchTimer::Silence => match self.fallback.as_ref() {
                Some((_, due)) if now >= *due => self.fall_back(turn),
                _ => News::Nothing,
            },
            BranchTimer::C => self.timer_c_fired(turn),
            BranchTimer::Cancelled => match self.cancelled {
                Some(until) if now >= until && self.is_waiting() => {
                    self.terminate();
                    News::CancelUnanswered
                }
                _ => News::Nothing,
            },
        }
    }

    /// Something sent to `target` did not get there.
    // RFC 3261 §18.1.1: "if the attempt to establish the connection generates either an ICMP Protocol Not Supported, or results in a TCP
    // reset, the element SHOULD retry the request, using UDP."
    // RFC 3261 §17.1.4: "The client transaction SHOULD inform the TU that a transport failure has occurred, and the client transaction
    // SHOULD transition directly to the "Terminated" state."
    pub(super) fn transport_failed(&mut self, target: Target, turn: &mut Turn<'_>) -> News {
        let is_current = target == self.sending.target;
        let is_unheard = match &self.machine {
            Machine::Invite(machine) => machine.is_calling(),
            Machine::NonInvite(machine) => machine.is_trying(),
        };
        if !is_current || !is_unheard {
            return News::Nothing;
        }
        if self.fallback.is_some() {
            return self.fall_back(turn);
        }
        self.terminate();
        News::Unreachable
    }

    /// The CANCEL for this branch, which must be an INVITE that is proceeding, to be opened as a branch of its own; `None` if one was
    /// sent before.
    pub(super) fn cancel(&mut self, reasons: &[Box<[u8]>], turn: &mut Turn<'_>) -> Option<Sending> {
        // RFC 3261 §9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent; rather, the client MUST wait
        // for the arrival of a provisional response before sending the request."
        if self.cancelled.is_some() || !self.is_proceeding() {
            return None;
        }
        let request = self.request()?;
        // RFC 3261 §9.1: "If there is no final response for the original request in 64*T1 seconds (T1 is defined in Section 17.1.1.1), the
        // client SHOULD then consider the original transaction cancelled and SHOULD destroy the client transaction handling the original
        // request."
        let until = turn.now.ticks.after(turn.options.timing.patience());
        self.cancelled = Some(until);
        self.set_timer(BranchTimer::Cancelled, until, turn);
        // RFC 3261 §9.1: "The destination address, port, and transport for the CANCEL MUST be identical to those used to send the original
        // request."
        Some(Sending {
            bytes: hop_by_hop::cancel(&request, reasons),
            target: self.sending.target.clone(),
        })
    }

    /// The request as it was sent last.
    pub(super) fn request(&self) -> Option<Message> {
        Message::parse(self.sending.bytes.clone(), Framing::Datagram).ok()
    }

    /// This much of the request is kept.
    pub(super) fn sent_was(&mut self, bytes: Bytes) {
        self.sending.bytes = bytes;
    }

    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.machine {
            Machine::Invite(machine) => machine.is_terminated(),
            Machine::NonInvite(machine) => machine.is_terminated(),
        }
    }

    /// Nothing will find this branch any more.
    pub(super) fn leave(&self, turn: &mut Turn<'_>) {
        turn.table.branches.remove(&self.key);
    }

    fn is_proceeding(&self) -> bool {
        matches!(&self.machine, Machine::Invite(machine) if machine.is_proceeding())
    }

    /// Whether it is an INVITE that may be answered for the first time, or cancelled.
    pub(super) fn is_pending(&self) -> bool {
        self.purpose == Purpose::Forward && self.is_waiting()
    }

    /// Whether it is an INVITE without final response.
    fn is_waiting(&self) -> bool {
        matches!(&self.machine, Machine::Invite(machine) if machine.is_calling() || machine.is_proceeding())
    }

    fn terminate(&mut self) {
        match &mut self.machine {
            Machine::Invite(machine) => machine.terminate(),
            Machine::NonInvite(machine) => machine.terminate(),
        }
    }

    // RFC 3261 §16.8: "If the client transaction has received a provisional response, the proxy MUST generate a CANCEL request matching
    // that transaction.  If the client transaction has not received a provisional response, the proxy MUST behave as if the transaction
    // received a 408 (Request Timeout) response."
    fn timer_c_fired(&mut self, turn: &mut Turn<'_>) -> News {
        let Some(due) = self.timer_c.filter(|_| self.is_waiting()) else {
            return News::Nothing;
        };
        if turn.now.ticks < due {
            self.set_timer(BranchTimer::C, due, turn);
            return News::Nothing;
        }
        if self.is_proceeding() {
            return News::TakesTooLong;
        }
        self.terminate();
        News::TimedOut
    }

    /// The same request, with the same branch, goes by UDP. Whoever got the first one, and is only slow, takes it for a
    /// retransmission.
    fn fall_back(&mut self, turn: &mut Turn<'_>) -> News {
        let Some((sending, _)) = self.fallback.take() else {
            return News::Nothing;
        };
        self.sending = sending;
        let (mut actions, now) = (Vec::new(), turn.now.ticks);
        match &mut self.machine {
            Machine::Invite(machine) => machine.fall_back_to_unreliable(now, &mut actions),
            Machine::NonInvite(machine) => machine.fall_back_to_unreliable(now, &mut actions),
        }
        self.run(&actions, None, turn);
        News::FellBack
    }

    fn run(
        &mut self,
        actions: &[ClientAction],
        response: Option<&Message>,
        turn: &mut Turn<'_>,
    ) -> News {
        let mut news = News::Nothing;
        for action in actions {
            match action {
                ClientAction::Deliver => news = News::Deliver,
                ClientAction::SendAck => self.send_ack(response, turn),
                ClientAction::SendRequest => {
                    let Sending { bytes, target } = &self.sending;
                    turn.send(target.clone(), bytes.clone(), Some(self.by));
                }
                ClientAction::Start(timer, at) => {
                    self.set_timer(BranchTimer::Transaction(*timer), *at, turn);
                }
                ClientAction::TimedOut => news = News::TimedOut,
            }
        }
        news
    }

    // RFC 3261 §17.1.1.2: "The ACK MUST be sent to the same address, port, and transport to which the original request was sent."
    fn send_ack(&mut self, response: Option<&Message>, turn: &mut Turn<'_>) {
        if self.ack.is_none()
            && let (Some(response), Some(request)) = (response, self.request())
        {
            self.ack = Some(hop_by_hop::ack(&request, response));
        }
        if let Some(ack) = &self.ack {
            turn.send(self.sending.target.clone(), ack.clone(), None);
        }
    }

    fn set_timer(&self, timer: BranchTimer, at: Ticks, turn: &mut Turn<'_>) {
        turn.set_timer(self.by.context, Part::Branch(self.by.branch, timer), at);
    }
}

impl Sender {
    pub(super) fn new(context: ContextId, branch: u8) -> Self {
        Self { context, branch }
    }
}
