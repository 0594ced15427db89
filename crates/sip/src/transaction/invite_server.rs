//! The INVITE server transaction: RFC 3261 §17.2.1 with figure 7 as RFC 6026 §8.6 replaces it.
//!
//! ```text
//!                     |INVITE, passed to user
//!                     V
//!   INVITE: resend +------------+ 1xx from user: send
//!             +----| Proceeding |----+
//!             +--->|            |<---+
//!                  +------------+
//!   300-699 from user |      | 2xx from user
//!                     V      V
//!           +-----------+  +----------+ INVITE: absorb
//!   G,      | Completed |  | Accepted | ACK: to user
//!   INVITE: +-----------+  +----------+ 2xx from user: send
//!   resend    |ACK   |H           |L
//!             V      |            |
//!     +-----------+  |            |
//!     | Confirmed |  |            |
//!     +-----------+  V            V
//!             +--I-> Terminated <-+
//! ```
//!
//! An error of the transport changes no state: RFC 6026 §7.1, "A server transaction MUST NOT discard transaction state based
//! only on encountering a non-recoverable transport error when sending a response."

use super::{Backoff, Line, Reliability, ServerAction, StatusClass, Timer, Timing};
use countersign::time::Ticks;

/// An INVITE that we received, and the way to its final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteServer {
    line: Line,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Accepted(Accepted),
    Completed(Completed),
    Confirmed(Confirmed),
    Proceeding,
    Terminated,
}

/// A 2xx was sent; whoever made it retransmits it, we absorb what the caller repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    until: Ticks,
}

/// A 3xx to 6xx was sent and is repeated until acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Completed {
    retransmission: Option<Backoff>,
    give_up: Ticks,
}

/// The ACK came; more of them are absorbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Confirmed {
    until: Ticks,
}

impl InviteServer {
    /// The machine for an INVITE that matched no other. Passing a 100 (Trying) at once is the user's first duty.
    pub fn start(timing: Timing, reliability: Reliability) -> Self {
        let line = Line {
            timing,
            reliability,
        };
        Self {
            line,
            state: State::Proceeding,
        }
    }

    /// The INVITE came once more.
    pub fn receive_retransmission(&mut self, out: &mut Vec<ServerAction>) {
        match self.state {
            // RFC 3261 §17.2.1: "If a request retransmission is received while in the "Proceeding" state, the most recent
            // provisional response that was received from the TU MUST be passed to the transport layer for
            // retransmission."; "Furthermore, while in the "Completed" state, if a request retransmission is received, the
            // server SHOULD pass the response to the transport for retransmission."
            State::Proceeding | State::Completed(_) => out.push(ServerAction::Resend),
            // RFC 6026 §7.1: "any retransmissions of the INVITE received will match this transaction state machine and
            // will be absorbed by the machine without changing its state."
            State::Accepted(_) | State::Confirmed(_) | State::Terminated => {}
        }
    }

    /// An ACK that matches came.
    pub fn receive_ack(&mut self, now: Ticks, out: &mut Vec<ServerAction>) {
        self.state = match self.state {
            State::Completed(_) => self.confirm(now, out),
            State::Accepted(accepted) => {
                // RFC 6026 §7.1: "Any ACKs received from the network while in the "Accepted" state MUST be passed directly
                // to the TU and not absorbed."
                out.push(ServerAction::DeliverAck);
                State::Accepted(accepted)
            }
            state => state,
        };
    }

    /// The user passes a response. What comes after a final one is discarded, but for more 2xx after a 2xx.
    pub fn respond(&mut self, class: StatusClass, now: Ticks, out: &mut Vec<ServerAction>) {
        self.state = match (self.state, class) {
            (State::Proceeding, StatusClass::Provisional) => {
                out.push(ServerAction::Send);
                State::Proceeding
            }
            (State::Proceeding, StatusClass::Success) => self.accept(now, out),
            (State::Proceeding, StatusClass::Failure) => self.complete(now, out),
            (State::Accepted(accepted), StatusClass::Success) => {
                // RFC 6026 §7.1: "Any retransmission of the 2xx response passed from the TU to the transaction while in
                // the "Accepted" state MUST be passed to the transport layer for transmission."
                out.push(ServerAction::Send);
                State::Accepted(accepted)
            }
            (state, _) => state,
        };
    }

    /// A timer that this machine started is due.
    pub fn fire(&mut self, timer: Timer, now: Ticks, out: &mut Vec<ServerAction>) {
        self.state = match (self.state, timer) {
            (State::Completed(completed), Timer::G) => completed.retransmit(&self.line, now, out),
            (State::Completed(completed), Timer::H) if now >= completed.give_up => {
                // RFC 3261 §17.2.1: "If timer H fires while in the "Completed" state, it implies that the ACK was never
                // received.  In this case, the server transaction MUST transition to the "Terminated" state, and MUST
                // indicate to the TU that a transaction failure has occurred."
                out.push(ServerAction::AckMissing);
                State::Terminated
            }
            (State::Confirmed(confirmed), Timer::I) if now >= confirmed.until => State::Terminated,
            (State::Accepted(accepted), Timer::L) if now >= accepted.until => State::Terminated,
            (state, _) => state,
        };
    }

    /// Whether no final response has been passed yet.
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// Whether the machine is at its end and must be destroyed.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    fn accept(&self, now: Ticks, out: &mut Vec<ServerAction>) -> State {
        // RFC 6026 §8.7: "When the INVITE server transaction enters the "Accepted" state, Timer L MUST be set to fire in
        // 64*T1 for all transports."
        let until = now.after(self.line.timing.patience());
        out.push(ServerAction::Send);
        out.push(ServerAction::Start(Timer::L, until));
        State::Accepted(Accepted { until })
    }

    fn complete(&self, now: Ticks, out: &mut Vec<ServerAction>) -> State {
        out.push(ServerAction::Send);
        // RFC 3261 §17.2.1: "For unreliable transports, timer G is set to fire in T1 seconds, and is not set to fire for
        // reliable transports."
        let retransmission = Backoff::start(&self.line, now);
        if let Some(backoff) = retransmission {
            out.push(ServerAction::Start(Timer::G, backoff.due));
        }
        // RFC 3261 §17.2.1: "When the "Completed" state is entered, timer H MUST be set to fire in 64*T1 seconds for all
        // transports."
        let give_up = now.after(self.line.timing.patience());
        out.push(ServerAction::Start(Timer::H, give_up));
        State::Completed(Completed {
            retransmission,
            give_up,
        })
    }

    // RFC 3261 §17.2.1: "When this state is entered, timer I is set to fire in T4 seconds for unreliable transports, and zero
    // seconds for reliable transports."
    fn confirm(&self, now: Ticks, out: &mut Vec<ServerAction>) -> State {
        match self.line.linger(now, self.line.timing.t4) {
            Some(until) => {
                out.push(ServerAction::Start(Timer::I, until));
                State::Confirmed(Confirmed { until })
            }
            None => State::Terminated,
        }
    }
}

impl Completed {
    // RFC 3261 §17.2.1: "If timer G fires, the response is passed to the transport layer once more for retransmission, and
    // timer G is set to fire in MIN(2*T1, T2) seconds."
    fn retransmit(self, line: &Line, now: Ticks, out: &mut Vec<ServerAction>) -> State {
        let Some(backoff) = self.retransmission.filter(|backoff| now >= backoff.due) else {
            return State::Completed(self);
        };
        let next = backoff.next(now, line.timing.t2);
        out.push(ServerAction::Resend);
        out.push(ServerAction::Start(Timer::G, next.due));
        State::Completed(Self {
            retransmission: Some(next),
            ..self
        })
    }
}
