//! The server transaction of a context: the machine with the bytes it repeats and the way back.

use super::{ContextId, Part, Turn};
use crate::flow::{ConnectionId, Target};
use crate::message::Method;
use crate::transaction::{InviteServer, NonInviteServer, ServerAction, StatusClass, Timer};
use bytes::Bytes;

pub(super) struct ServerSide {
    context: ContextId,
    machine: Machine,
    back: Target,
    /// The last response; what a retransmitted request gets once more.
    last: Option<Bytes>,
}

enum Machine {
    Invite(InviteServer),
    NonInvite(NonInviteServer),
}

/// What became of an ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AckFate {
    /// It was for an answer of this hop.
    Absorbed,
    /// It is for whoever sent the 2xx.
    ToBeForwarded,
}

/// What a timer of the machine means to the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerNews {
    AckMissing,
    Nothing,
    /// A 100 (Trying) is due, to be sent with [`ServerSide::send_trying`].
    TryingDue,
}

impl ServerSide {
    pub(super) fn open(
        context: ContextId,
        method: Method<'_>,
        back: Target,
        turn: &mut Turn<'_>,
    ) -> Self {
        let timing = turn.options.timing;
        let reliability = back.transport.reliability();
        let mut actions = Vec::new();
        let machine = match method {
            Method::Invite => Machine::Invite(InviteServer::start(timing, reliability)),
            _ => {
                let now = turn.now.ticks;
                let machine = NonInviteServer::start(timing, reliability, now, &mut actions);
                Machine::NonInvite(machine)
            }
        };
        let mut side = Self {
            context,
            machine,
            back,
            last: None,
        };
        side.run(&actions, None, turn);
        side
    }

    /// The connection that its request came on.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.back.connection
    }

    /// Passes a response of the proxy core to the transaction. What comes too late is discarded.
    pub(super) fn pass(&mut self, status: u16, bytes: Bytes, turn: &mut Turn<'_>) {
        let Some(class) = StatusClass::of(status) else {
            return;
        };
        let (mut actions, now) = (Vec::new(), turn.now.ticks);
        match &mut self.machine {
            Machine::Invite(machine) => machine.respond(class, now, &mut actions),
            Machine::NonInvite(machine) => machine.respond(class, now, &mut actions),
        }
        self.run(&actions, Some(bytes), turn);
    }

    /// Sends the 100 (Trying) that [`ServerNews::TryingDue`] asks for.
    pub(super) fn send_trying(&mut self, bytes: Bytes, turn: &mut Turn<'_>) {
        self.run(&[ServerAction::Send], Some(bytes), turn);
    }

    pub(super) fn receive_retransmission(&mut self, turn: &mut Turn<'_>) {
        let mut actions = Vec::new();
        match &mut self.machine {
            Machine::Invite(machine) => machine.receive_retransmission(&mut actions),
            Machine::NonInvite(machine) => machine.receive_retransmission(&mut actions),
        }
        self.run(&actions, None, turn);
    }

    pub(super) fn receive_ack(&mut self, turn: &mut Turn<'_>) -> AckFate {
        let mut actions = Vec::new();
        if let Machine::Invite(machine) = &mut self.machine {
            machine.receive_ack(turn.now.ticks, &mut actions);
        }
        self.run(&actions, None, turn);
        if actions.contains(&ServerAction::DeliverAck) {
            AckFate::ToBeForwarded
        } else {
            AckFate::Absorbed
        }
    }

    pub(super) fn fire(&mut self, timer: Timer, turn: &mut Turn<'_>) -> ServerNews {
        let (mut actions, now) = (Vec::new(), turn.now.ticks);
        match &mut self.machine {
            Machine::Invite(machine) => machine.fire(timer, now, &mut actions),
            Machine::NonInvite(machine) => machine.fire(timer, now, &mut actions),
        }
        self.run(&actions, None, turn);
        if actions.contains(&ServerAction::AckMissing) {
            ServerNews::AckMissing
        } else if actions.contains(&ServerAction::SendTrying) {
            ServerNews::TryingDue
        } else {
            ServerNews::Nothing
        }
    }

    /// No answer will ever be given.
    pub(super) fn abandon(&mut self) {
        if let Machine::NonInvite(machine) = &mut self.machine {
            machine.abandon();
        }
    }

    pub(super) fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(_))
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.machine {
            Machine::Invite(machine) => machine.is_terminated(),
            Machine::NonInvite(machine) => machine.is_terminated(),
        }
    }

    fn run(&mut self, actions: &[ServerAction], response: Option<Bytes>, turn: &mut Turn<'_>) {
        for action in actions {
            match action {
                ServerAction::Send => {
                    self.last.clone_from(&response);
                    self.repeat(turn);
                }
                ServerAction::Resend => self.repeat(turn),
                ServerAction::Start(timer, at) => {
                    turn.set_timer(self.context, Part::Server(*timer), *at);
                }
                ServerAction::AckMissing | ServerAction::DeliverAck | ServerAction::SendTrying => {}
            }
        }
    }

    // RFC 3261 §16.9: "If the proxy is notified of an error when forwarding a response, it drops the response.", so nobody is named
    // who would have to be told.
    fn repeat(&self, turn: &mut Turn<'_>) {
        if let Some(bytes) = &self.last {
            turn.send(self.back.clone(), bytes.clone(), None);
        }
    }
}
