//! The non-INVITE server transaction: RFC 3261 §17.2.2, figure 8, with what RFC 4320 §4.1 allows in between.
//!
//! ```text
//!                  |request, passed to user
//!                  V
//!             +--------+
//!             | Trying |------------------+
//!             +--------+                  |
//!                  | not answered in 3.5 s: 100 sent (RFC 4320)
//!                  V                      |
//!   request: +------------+               |
//!   resend   | Proceeding |               | 200-699 from user:
//!            +------------+               | send
//!                  | 200-699: send        |
//!                  V                      |
//!   request: +-----------+                |
//!   resend   | Completed |<---------------+
//!            +-----------+
//!                  | J
//!                  V
//!             Terminated
//! ```

use super::{Line, Reliability, ServerAction, StatusClass, Timer, Timing};
use countersign::time::Ticks;

/// A request other than INVITE and ACK that we received, and the way to its final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonInviteServer {
    line: Line,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Completed(Completed),
    Proceeding,
    Terminated,
    Trying(Trying),
}

/// Nothing was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trying {
    hundred: Ticks,
}

/// A final response was sent and is repeated when the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Completed {
    until: Ticks,
}

impl NonInviteServer {
    /// The machine for a request that matched no other.
    pub fn start(
        timing: Timing,
        reliability: Reliability,
        now: Ticks,
        out: &mut Vec<ServerAction>,
    ) -> Self {
        let line = Line {
            timing,
            reliability,
        };
        // RFC 4320 §4.1: "Without regard to transport, an SIP element MUST respond to a non-INVITE request with a Status-Code
        // of 100 if it has not otherwise responded after the amount of time it takes a client transaction's Timer E to be
        // reset to T2."
        let hundred = now.after(timing.until_timer_e_is_t2());
        out.push(ServerAction::Start(Timer::Trying, hundred));
        Self {
            line,
            state: State::Trying(Trying { hundred }),
        }
    }

    /// The request came once more.
    pub fn receive_retransmission(&mut self, out: &mut Vec<ServerAction>) {
        match self.state {
            // RFC 3261 §17.2.2: "Once in the "Trying" state, any further request retransmissions are discarded."
            State::Trying(_) | State::Terminated => {}
            State::Proceeding | State::Completed(_) => out.push(ServerAction::Resend),
        }
    }

    /// The user passes a response.
    pub fn respond(&mut self, class: StatusClass, now: Ticks, out: &mut Vec<ServerAction>) {
        self.state = match (self.state, class) {
            // RFC 4320 §4.1: "An SIP element MUST NOT send any provisional response with a Status-Code other than 100 to a
            // non-INVITE request." The 100 is ours and comes by the timer.
            (state, StatusClass::Provisional) => state,
            (State::Trying(_) | State::Proceeding, _) => self.complete(now, out),
            // RFC 3261 §17.2.2: "Any other final responses passed by the TU to the server transaction MUST be discarded
            // while in the "Completed" state."
            (state, _) => state,
        };
    }

    /// The user will never answer. RFC 4320 §4.2: "an element that cannot respond before the transaction expires will not send
    /// a final response at all."
    pub fn abandon(&mut self) {
        if !matches!(self.state, State::Completed(_)) {
            self.state = State::Terminated;
        }
    }

    /// A timer that this machine started is due.
    pub fn fire(&mut self, timer: Timer, now: Ticks, out: &mut Vec<ServerAction>) {
        self.state = match (self.state, timer) {
            (State::Trying(trying), Timer::Trying) if now >= trying.hundred => {
                out.push(ServerAction::SendTrying);
                State::Proceeding
            }
            (State::Completed(completed), Timer::J) if now >= completed.until => State::Terminated,
            (state, _) => state,
        };
    }

    /// Whether the machine is at its end and must be destroyed.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    // RFC 3261 §17.2.2: "When the server transaction enters the "Completed" state, it MUST set Timer J to fire in 64*T1 seconds
    // for unreliable transports, and zero seconds for reliable transports."
    fn complete(&self, now: Ticks, out: &mut Vec<ServerAction>) -> State {
        out.push(ServerAction::Send);
        match self.line.linger(now, self.line.timing.patience()) {
            Some(until) => {
                out.push(ServerAction::Start(Timer::J, until));
                State::Completed(Completed { until })
            }
            None => State::Terminated,
        }
    }
}
