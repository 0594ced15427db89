//! The transactions of [RFC 3261 §17](https://www.rfc-editor.org/rfc/rfc3261#section-17), with the Accepted states of
//! [RFC 6026](https://www.rfc-editor.org/rfc/rfc6026) and the timing of
//! [RFC 4320](https://www.rfc-editor.org/rfc/rfc4320): four machines and the rules that match messages to them.
//!
//! A machine holds no message, no address and no clock. It is told what happened and when, and answers with actions: send
//! the request again, pass this response up, start that timer. Whoever owns it keeps the bytes.
//!
//! - [`InviteClient`], [`NonInviteClient`]: what we sent
//! - [`InviteServer`], [`NonInviteServer`]: what we received
//! - [`matching`]: which machine a message belongs to
//!
//! Timers are data: an action names the timer and the tick at which it is due. Nobody needs to cancel one: a machine that
//! has moved on ignores a timer that comes late. A timer that fires must not come early.
//!
//! Timer C is the proxy's, not a transaction's (RFC 3261 §16.6): see `proxy`.

mod invite_client;
mod invite_server;
pub mod matching;
mod non_invite_client;
mod non_invite_server;

pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use non_invite_client::NonInviteClient;
pub use non_invite_server::NonInviteServer;

use countersign::time::Ticks;
use std::time::Duration;

/// RFC 3261 §17.1.1.2: "The default value for T1 is 500 ms.  T1 is an estimate of the RTT between the client and server
/// transactions."
pub const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2: "The default value of T2 is 4s, and it represents the amount of time a non-INVITE server transaction
/// will take to respond to a request, if it does not respond immediately."
pub const T2: Duration = Duration::from_secs(4);
/// RFC 3261 §17.1.2.2: "T4 represents the amount of time the network will take to clear messages between client and server
/// transactions. The default value of T4 is 5s."
pub const T4: Duration = Duration::from_secs(5);
/// RFC 3261 §17.1.1.2: "The client transaction SHOULD start timer D when it enters the "Completed" state, with a value of
/// at least 32 seconds for unreliable transports, and a value of zero seconds for reliable transports."
pub const TIMER_D: Duration = Duration::from_secs(32);
/// Timers B, F, H, J, L and M last this many T1.
const T1_MULTIPLE: u32 = 64;

/// The estimates that every timer scales with.
///
/// RFC 3261 §17.1.1.2 lets closed networks use a smaller T1: "Elements MAY (though it is NOT RECOMMENDED) use smaller values
/// of T1 within closed, private networks that do not permit general Internet connection."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Round-trip time.
    pub t1: Duration,
    /// Longest retransmission interval of anything but INVITE.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            t1: T1,
            t2: T2,
            t4: T4,
        }
    }
}

impl Timing {
    /// 64*T1: how long a transaction waits for its peer.
    pub fn patience(&self) -> Duration {
        self.t1.saturating_mul(T1_MULTIPLE)
    }

    /// How long it takes Timer E to reach T2, if nothing is answered: 3.5 s by default.
    ///
    /// RFC 3261 §17.1.2.2 starts Timer E with T1 and resets it with MIN(2*T1, T2), MIN(4*T1, T2) and so on; the reset that
    /// gives T2 happens after all shorter intervals have passed.
    pub fn until_timer_e_is_t2(&self) -> Duration {
        let mut interval = self.t1.max(Duration::from_micros(1));
        let mut passed = interval;
        while interval.saturating_mul(2) < self.t2 {
            interval = interval.saturating_mul(2);
            passed += interval;
        }
        passed
    }
}

/// Whether the transport delivers by itself (TCP, TLS) or needs retransmissions (UDP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    /// TCP, TLS, SCTP: sent once.
    Reliable,
    /// UDP: sent until answered.
    Unreliable,
}

/// The timers of RFC 3261 table 4 and RFC 6026 §8.11, and one of RFC 4320. Each belongs to one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// INVITE request retransmit interval, for UDP only.
    A,
    /// INVITE transaction timeout.
    B,
    /// Wait time for response retransmits after a final response to INVITE.
    D,
    /// Non-INVITE request retransmit interval, UDP only.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// INVITE response retransmit interval.
    G,
    /// Wait time for ACK receipt.
    H,
    /// Wait time for ACK retransmits.
    I,
    /// Wait time for non-INVITE request retransmits.
    J,
    /// Wait time for response retransmits.
    K,
    /// Wait time for accepted INVITE request retransmits.
    L,
    /// Wait time for retransmission of 2xx to INVITE.
    M,
    /// RFC 4320 §4.1: when a non-INVITE request that is not answered yet must get its 100.
    Trying,
}

/// What a status code means to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 3xx to 6xx.
    Failure,
}

impl StatusClass {
    /// The class of a code; `None` outside 100..=699.
    pub const fn of(code: u16) -> Option<Self> {
        match code {
            100..=199 => Some(Self::Provisional),
            200..=299 => Some(Self::Success),
            300..=699 => Some(Self::Failure),
            _ => None,
        }
    }
}

/// What a client transaction wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAction {
    /// Pass the response that was just received to the user.
    Deliver,
    /// Send the ACK for the response that was just received; the first time it has to be made, later it is sent again.
    SendAck,
    /// Send the request: the first time or again.
    SendRequest,
    /// Fire this timer at this tick, not before.
    Start(Timer, Ticks),
    /// Tell the user that no final response came in time. The machine is terminated.
    TimedOut,
}

/// What a server transaction wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// Tell the user that no ACK came. The machine is terminated.
    AckMissing,
    /// Pass the ACK that was just received to the user.
    DeliverAck,
    /// Send the last response once more.
    Resend,
    /// Send the response that the user just passed.
    Send,
    /// Send a 100 (Trying) to a non-INVITE request, as if the user had passed it.
    SendTrying,
    /// Fire this timer at this tick, not before.
    Start(Timer, Ticks),
}

/// What a machine is built on, for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    timing: Timing,
    reliability: Reliability,
}

impl Line {
    /// A wait that only an unreliable transport needs; `None` means zero seconds.
    fn linger(&self, now: Ticks, wait: Duration) -> Option<Ticks> {
        match self.reliability {
            Reliability::Reliable => None,
            Reliability::Unreliable => Some(now.after(wait)),
        }
    }
}

/// A retransmission that repeats at growing intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Backoff {
    interval: Duration,
    due: Ticks,
}

impl Backoff {
    /// The first one, `T1` from now; `None` where the transport is reliable.
    fn start(line: &Line, now: Ticks) -> Option<Self> {
        let due = line.linger(now, line.timing.t1)?;
        Some(Self {
            interval: line.timing.t1,
            due,
        })
    }

    /// The next one after twice the interval, at most `cap`.
    fn next(self, now: Ticks, cap: Duration) -> Self {
        let interval = self.interval.saturating_mul(2).min(cap);
        Self {
            interval,
            due: now.after(interval),
        }
    }
}

#[cfg(test)]
mod tests;
