//! What the host logs and counts: one line per request, and what never became one.

use super::{ConnectedAnswer, ContextId, Inquired, MidDialogRequest};
use crate::defect::Defect;
use crate::flow::Transport;
use crate::patch::PatchError;
use crate::resource_priority::PriorityFate;
use crate::trunk::{BypassCause, HopId, Trunk};
use countersign::time::Ticks;
use countersign::verification::Verdict;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Something to log or count.
#[derive(Clone, Debug)]
pub enum Event {
    /// A caller never acknowledged our answer.
    AckMissing(ContextId),
    /// What became of an answer to a call of a trunk with connected identity.
    Answer(Box<ConnectedAnswer>),
    /// A call of a back-to-back trunk that was answered is over.
    CallEnded(Box<CallEnded>),
    /// A message was dropped.
    Dropped(DropCause),
    /// A request got its final response, or will never get one. Once for each request that had a context.
    Finished(Box<Finished>),
    /// A next hop could not take a request.
    HopFailed {
        /// Which hop.
        hop: HopId,
        /// Why.
        failure: HopFailure,
        /// Which is tried instead, if there is another.
        next: Option<HopId>,
    },
    /// Somebody asked who would answer.
    Inquiry(Box<Inquired>),
    /// What became of a request inside a dialog that was established with connected identity.
    MidDialog(Box<MidDialogRequest>),
    /// OPTIONS to us was answered.
    OptionsAnswered,
    /// A request too large for UDP found no TCP at its next hop and went by UDP.
    OversizeFellBack {
        /// Which request.
        id: ContextId,
    },
    /// There is no room for another request; it was answered 503.
    Overloaded,
    /// A request was answered with this code without a context.
    Refused {
        /// The code.
        status: u16,
        /// What was wrong with it, if it was its form.
        defect: Option<Defect>,
    },
    /// Somebody reports an error of a PASSporT, in a response to a call that we signed.
    Reported(Box<Reported>),
    /// A request came once more.
    Retransmission(ContextId),
}

/// A call of a back-to-back trunk that was answered, and is over.
#[derive(Clone, Debug)]
pub struct CallEnded {
    /// Which one: the context of the INVITE that began it.
    pub id: ContextId,
    /// How it came.
    pub trunk: Arc<Trunk>,
    /// Its Call-ID on the side of the caller.
    pub call_id: Box<[u8]>,
    /// Who ended it.
    pub by: EndedBy,
    /// How long it lasted since it was answered.
    pub lasted: Duration,
}

/// An error of a PASSporT that somebody reports: RFC 9410.
#[derive(Clone, Debug)]
pub struct Reported {
    /// Which call.
    pub id: ContextId,
    /// How it came.
    pub trunk: Arc<Trunk>,
    /// Its Call-ID on the side of the caller.
    pub call_id: Box<[u8]>,
    /// Whose PASSporT it is about.
    pub on: ReportedOn,
    /// The code, as reported; `None` if there is none.
    pub cause: Option<u32>,
}

/// Whose PASSporT a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedOn {
    /// It does not say which, and there are several.
    Nobody,
    /// Somebody else's.
    Others,
    /// Ours: the report goes no further.
    Ours,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The called.
    Called,
    /// The caller.
    Caller,
    /// The host.
    Host,
    /// Nobody: its session timer, or the longest call.
    Time,
}

/// Why a next hop could not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopFailure {
    /// 503.
    Busy,
    /// No answer in time.
    Silent,
    /// No connection, or none that proves who is there.
    Unreachable,
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropCause {
    /// An ACK that is malformed, loops, or has no hop left.
    Ack,
    /// A request that cannot be answered.
    Defect(Defect),
    /// An edit that is a mistake of ours.
    OwnFault(PatchError),
    /// A response to nothing that we sent.
    StrayResponse,
    /// A request that came by no trunk.
    UnknownSource,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which one; also what the host knew it by while signing and judging.
    pub id: ContextId,
    /// How it came.
    pub trunk: Arc<Trunk>,
    /// Its method as written.
    pub method: Box<[u8]>,
    /// Its Call-ID as written.
    pub call_id: Box<[u8]>,
    /// The Call-ID on its other side, if that is another one.
    pub other_call_id: Option<Box<[u8]>>,
    /// By which transport it came, and from where.
    pub source: (Transport, SocketAddr),
    /// Where it was sent last; `None` if it never was.
    pub next_hop: Option<(Transport, SocketAddr)>,
    /// How it was handled.
    pub handling: Handling,
    /// The verdict, if it was judged.
    pub verdict: Option<Verdict>,
    /// What became of its signature.
    pub signature: SignatureFate,
    /// What became of the priority that it asked for, if it is a call and went on.
    pub priority: Vec<PriorityFate>,
    /// Why it went on with a bypass token, if it did.
    pub bypass: Option<BypassCause>,
    /// The final response; `None` if it will never get one (RFC 4320 §4.2).
    pub status: Option<u16>,
    /// When it came.
    pub received: Ticks,
    /// When it was sent on first; `None` if it never was.
    pub forwarded: Option<Ticks>,
    /// When it was answered.
    pub answered: Ticks,
}

/// How a request was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// A call that was, or would have been, signed or judged.
    Call,
    /// An emergency call: forwarded at once.
    Emergency,
    /// Neither signed nor judged: mid-dialog, another method, or a trunk that asks for neither.
    Passed,
    /// It was not fit to be forwarded.
    Refused,
}

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFate {
    /// It was added.
    Added,
    /// There was an Identity already, and the trunk keeps it.
    Kept,
    /// It did not come before the deadline; the call went on without.
    Late,
    /// None was wanted.
    NotAsked,
    /// The service refused; the call went on without.
    Refused,
}
