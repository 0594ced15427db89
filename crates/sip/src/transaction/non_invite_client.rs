//! The non-INVITE client transaction: RFC 3261 §17.1.2, figure 6.
//!
//! ```text
//!                 |request from user, request sent
//!                 V
//!    E: resend +--------+  F: timed out
//!         +----| Trying |------------------------+
//!         +--->|        |                        |
//!              +--------+                        |
//!       200-699 |   | 1xx                        |
//!               |   V                            V
//!     E: resend | +------------+ F: timed out  Terminated
//!         +-----|-| Proceeding |----------------> ^
//!         +-----|>|            |                  |
//!               | +------------+                  |
//!               V   | 200-699                     |
//!           +-----------+  K                      |
//!           | Completed |-------------------------+
//!           +-----------+
//! ```

use super::{Backoff, ClientAction, Line, Reliability, StatusClass, Timer, Timing};
use countersign::time::Ticks;

/// A request other than INVITE and ACK that we sent, and the wait for its final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonInviteClient {
    line: Line,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Completed(Completed),
    Proceeding(Pending),
    Terminated,
    Trying(Pending),
}

/// No final response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    retransmission: Option<Backoff>,
    give_up: Ticks,
}

/// A final response has come; its retransmissions are absorbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Completed {
    until: Ticks,
}

impl NonInviteClient {
    /// Sends the request and waits.
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
        // RFC 3261 §17.1.2.2: "When entering this state, the client transaction SHOULD set timer F to fire in 64*T1 seconds."
        let pending = Pending::enter(&line, now, now.after(timing.patience()), out);
        Self {
            line,
            state: State::Trying(pending),
        }
    }

    /// A response that matches this transaction came.
    pub fn receive(&mut self, class: StatusClass, now: Ticks, out: &mut Vec<ClientAction>) {
        self.state = match (self.state, class) {
            (State::Trying(pending) | State::Proceeding(pending), StatusClass::Provisional) => {
                out.push(ClientAction::Deliver);
                State::Proceeding(pending)
            }
            (State::Trying(_) | State::Proceeding(_), _) => self.complete(now, out),
            (state, _) => state,
        };
    }

    /// A timer that this machine started is due.
    pub fn fire(&mut self, timer: Timer, now: Ticks, out: &mut Vec<ClientAction>) {
        self.state = match (self.state, timer) {
            (State::Trying(pending), Timer::E) => {
                // RFC 3261 §17.1.2.2: "If timer E fires while still in this state, the timer is reset, but this time with
                // a value of MIN(2*T1, T2)."
                let cap = self.line.timing.t2;
                State::Trying(pending.retransmit(now, out, |backoff| backoff.next(now, cap)))
            }
            (State::Proceeding(pending), Timer::E) => {
                // RFC 3261 §17.1.2.2: "If Timer E fires while in the "Proceeding" state, the request MUST be passed to the
                // transport layer for retransmission, and Timer E MUST be reset with a value of T2 seconds."
                let interval = self.line.timing.t2;
                let next = Backoff {
                    interval,
                    due: now.after(interval),
                };
                State::Proceeding(pending.retransmit(now, out, |_| next))
            }
            (State::Trying(pending) | State::Proceeding(pending), Timer::F)
                if now >= pending.give_up =>
            {
                out.push(ClientAction::TimedOut);
                State::Terminated
            }
            (State::Completed(completed), Timer::K) if now >= completed.until => State::Terminated,
            (state, _) => state,
        };
    }

    /// The same request goes out once more, now over a transport that needs retransmissions: RFC 3261 §18.1.1, when a
    /// connection could not be had. Timer F keeps running. Does nothing once something has been heard.
    pub fn fall_back_to_unreliable(&mut self, now: Ticks, out: &mut Vec<ClientAction>) {
        if let State::Trying(pending) = self.state {
            self.line.reliability = Reliability::Unreliable;
            self.state = State::Trying(Pending::enter(&self.line, now, pending.give_up, out));
        }
    }

    /// The transport failed: "transition directly to the "Terminated" state" (RFC 3261 §17.1.4).
    pub fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// Whether nothing has been heard yet.
    pub fn is_trying(&self) -> bool {
        matches!(self.state, State::Trying(_))
    }

    /// Whether no final response has come, and one may still come.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Proceeding(_) | State::Trying(_))
    }

    /// Whether the machine is at its end and must be destroyed.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    // RFC 3261 §17.1.2.2: "Once the client transaction enters the "Completed" state, it MUST set Timer K to fire in T4 seconds
    // for unreliable transports, and zero seconds for reliable transports."
    fn complete(&self, now: Ticks, out: &mut Vec<ClientAction>) -> State {
        let state = match self.line.linger(now, self.line.timing.t4) {
            Some(until) => {
                out.push(ClientAction::Start(Timer::K, until));
                State::Completed(Completed { until })
            }
            None => State::Terminated,
        };
        out.push(ClientAction::Deliver);
        state
    }
}

impl Pending {
    fn enter(line: &Line, now: Ticks, give_up: Ticks, out: &mut Vec<ClientAction>) -> Self {
        out.push(ClientAction::SendRequest);
        // RFC 3261 §17.1.2.2: "If an unreliable transport is in use, the client transaction MUST set timer E to fire in T1
        // seconds."
        let retransmission = Backoff::start(line, now);
        if let Some(backoff) = retransmission {
            out.push(ClientAction::Start(Timer::E, backoff.due));
        }
        out.push(ClientAction::Start(Timer::F, give_up));
        Self {
            retransmission,
            give_up,
        }
    }

    fn retransmit(
        self,
        now: Ticks,
        out: &mut Vec<ClientAction>,
        next: impl FnOnce(Backoff) -> Backoff,
    ) -> Self {
        let Some(backoff) = self.retransmission.filter(|backoff| now >= backoff.due) else {
            return self;
        };
        let next = next(backoff);
        out.push(ClientAction::SendRequest);
        out.push(ClientAction::Start(Timer::E, next.due));
        Self {
            retransmission: Some(next),
            ..self
        }
    }
}
