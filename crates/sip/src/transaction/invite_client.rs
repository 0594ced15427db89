//! The INVITE client transaction: RFC 3261 §17.1.1 with figure 5 as RFC 6026 §8.4 replaces it.
//!
//! ```text
//!                 |INVITE from user, INVITE sent
//!                 V
//!   A: resend +---------+  B: timed out
//!        +----| Calling |----------------------------+
//!        +--->|         |--2xx--------------+        |
//!             +---------+                   |        |
//!       300-699 |    | 1xx                  |        |
//!               |    V                      V        V
//!               |  +------------+  2xx  +----------+ Terminated
//!               |  | Proceeding |------>| Accepted |   ^  ^
//!               |  +------------+       +----------+   |  |
//!               V    | 300-699                |  M    |  |
//!          +-----------+                      +-------+  |
//!          | Completed |--D-------------------------------+
//!          +-----------+  300-699: ACK again
//! ```

use super::{Backoff, ClientAction, Line, Reliability, StatusClass, TIMER_D, Timer, Timing};
use countersign::time::Ticks;
use std::time::Duration;

/// An INVITE that we sent, and the wait for its final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteClient {
    line: Line,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Accepted(Accepted),
    Calling(Calling),
    Completed(Completed),
    Proceeding,
    Terminated,
}

/// Nothing has been heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calling {
    retransmission: Option<Backoff>,
    give_up: Ticks,
}

/// A 3xx to 6xx has come and was acknowledged; its retransmissions are acknowledged, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Completed {
    until: Ticks,
}

/// A 2xx has come; more of them are passed up (RFC 6026 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    until: Ticks,
}

impl InviteClient {
    /// Sends the INVITE and waits.
    pub fn start(
        timing: Timing,
        reliability: Reliability,
        now: Ticks,
        out: &mut Vec<ClientAction>,
    ) -> Self {
        let line = Line {
            timing,
            reliability,
        };
        let calling = Calling::enter(&line, now, now.after(timing.patience()), out);
        Self {
            line,
            state: State::Calling(calling),
        }
    }

    /// A response that matches this transaction came.
    pub fn receive(&mut self, class: StatusClass, now: Ticks, out: &mut Vec<ClientAction>) {
        self.state = match self.state {
            State::Calling(_) | State::Proceeding => self.first(class, now, out),
            State::Completed(completed) => completed.receive(class, out),
            State::Accepted(accepted) => accepted.receive(class, out),
            State::Terminated => State::Terminated,
        };
    }

    /// A timer that this machine started is due.
    pub fn fire(&mut self, timer: Timer, now: Ticks, out: &mut Vec<ClientAction>) {
        self.state = match (self.state, timer) {
            (State::Calling(calling), Timer::A) => calling.retransmit(now, out),
            (State::Calling(calling), Timer::B) if now >= calling.give_up => {
                // RFC 3261 §17.1.1.2: "If the client transaction is still in the "Calling" state when timer B fires, the
                // client transaction SHOULD inform the TU that a timeout has occurred.  The client transaction MUST NOT
                // generate an ACK."
                out.push(ClientAction::TimedOut);
                State::Terminated
            }
            (State::Completed(completed), Timer::D) if now >= completed.until => State::Terminated,
            (State::Accepted(accepted), Timer::M) if now >= accepted.until => State::Terminated,
            (state, _) => state,
        };
    }

    /// The same INVITE goes out once more, now over a transport that needs retransmissions: RFC 3261 §18.1.1, when a
    /// connection could not be had. Timer B keeps running. Does nothing once something has been heard.
    pub fn fall_back_to_unreliable(&mut self, now: Ticks, out: &mut Vec<ClientAction>) {
        if let State::Calling(calling) = self.state {
            self.line.reliability = Reliability::Unreliable;
            self.state = State::Calling(Calling::enter(&self.line, now, calling.give_up, out));
        }
    }

    /// The user gives the transaction up: Timer C, or a CANCEL that was never answered (RFC 3261 §9.1), or a transport error
    /// ("transition directly to the "Terminated" state", RFC 3261 §17.1.4).
    pub fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// Whether nothing has been heard yet.
    pub fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling(_))
    }

    /// Whether a provisional response has come and no final one.
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// Whether the machine is at its end and must be destroyed.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    fn first(&self, class: StatusClass, now: Ticks, out: &mut Vec<ClientAction>) -> State {
        match class {
            // RFC 3261 §17.1.1.2: "In the "Proceeding" state, the client transaction SHOULD NOT retransmit the request any
            // longer. Furthermore, the provisional response MUST be passed to the TU."
            StatusClass::Provisional => {
                out.push(ClientAction::Deliver);
                State::Proceeding
            }
            // RFC 6026 §8.4: "When a 2xx response is received while in either the "Calling" or "Proceeding" states, the
            // client transaction MUST transition to the "Accepted" state, and Timer M MUST be started with a value of
            // 64*T1."
            StatusClass::Success => {
                let until = now.after(self.line.timing.patience());
                out.push(ClientAction::Start(Timer::M, until));
                out.push(ClientAction::Deliver);
                State::Accepted(Accepted { until })
            }
            StatusClass::Failure => self.fail(now, out),
        }
    }

    // RFC 6026 §8.4: "The client transaction MUST pass the received response up to the TU, and the client transaction MUST
    // generate an ACK request, even if the transport is reliable".
    fn fail(&self, now: Ticks, out: &mut Vec<ClientAction>) -> State {
        out.push(ClientAction::SendAck);
        let state = match self.line.linger(now, TIMER_D) {
            Some(until) => {
                out.push(ClientAction::Start(Timer::D, until));
                State::Completed(Completed { until })
            }
            None => State::Terminated,
        };
        out.push(ClientAction::Deliver);
        state
    }
}

impl Calling {
    fn enter(line: &Line, now: Ticks, give_up: Ticks, out: &mut Vec<ClientAction>) -> Self {
        out.push(ClientAction::SendRequest);
        // RFC 3261 §17.1.1.2: "If an unreliable transport is being used, the client transaction MUST start timer A with a
        // value of T1."
        let retransmission = Backoff::start(line, now);
        if let Some(backoff) = retransmission {
            out.push(ClientAction::Start(Timer::A, backoff.due));
        }
        // RFC 3261 §17.1.1.2: "For any transport, the client transaction MUST start timer B with a value of 64*T1 seconds
        // (Timer B controls transaction timeouts)."
        out.push(ClientAction::Start(Timer::B, give_up));
        Self {
            retransmission,
            give_up,
        }
    }

    // RFC 3261 §17.1.1.2: "When timer A fires, the client transaction MUST retransmit the request by passing it to the
    // transport layer, and MUST reset the timer with a value of 2*T1."
    fn retransmit(self, now: Ticks, out: &mut Vec<ClientAction>) -> State {
        let Some(backoff) = self.retransmission.filter(|backoff| now >= backoff.due) else {
            return State::Calling(self);
        };
        let next = backoff.next(now, Duration::MAX);
        out.push(ClientAction::SendRequest);
        out.push(ClientAction::Start(Timer::A, next.due));
        State::Calling(Self {
            retransmission: Some(next),
            ..self
        })
    }
}

impl Completed {
    // RFC 6026 §8.4: "Any retransmissions of a response with status code 300-699 that are received while in the "Completed"
    // state MUST cause the ACK to be re-passed to the transport layer for retransmission, but the newly received response
    // MUST NOT be passed up to the TU."
    fn receive(self, class: StatusClass, out: &mut Vec<ClientAction>) -> State {
        if class == StatusClass::Failure {
            out.push(ClientAction::SendAck);
        }
        State::Completed(self)
    }
}

impl Accepted {
    // RFC 6026 §8.4: "Any 2xx responses that match this client transaction and that are received while in the "Accepted"
    // state MUST be passed up to the TU."
    fn receive(self, class: StatusClass, out: &mut Vec<ClientAction>) -> State {
        if class == StatusClass::Success {
            out.push(ClientAction::Deliver);
        }
        State::Accepted(self)
    }
}
