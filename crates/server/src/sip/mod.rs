//! SIP on real sockets: what the sans-IO proxy of `countersign-sip` needs to run.
//!
//! ```text
//!   udp ─┐                            ┌─ shard 0: Proxy, timers, verifications under way
//!        ├─► reception ─► by Call-ID ─┤  ...
//!   tcp ─┘   (parse, find the trunk)  └─ shard N
//!    ▲                                     │ sign, judge: on the shard's own thread, no lock, no hand-off
//!    └──────── post (send) ◄───────────────┤
//!                                          └─► fetch (on the async runtime); its answer comes back as an input
//! ```
//!
//! A shard that has nobody beside it is its own reception for datagrams: one thread from the socket back to it.
//!
//! - [`secure`]: what TLS connections prove themselves with, and whom they believe.
//! - [`udp`], [`tcp`]: sockets and connections, with TLS or without; they know bytes, addresses and proven names.
//! - [`post`]: which socket a message leaves by.
//! - [`state`]: who signs and who judges for which trunk; [`services`]: that, and what outlives a reload.
//! - [`inquiries`]: how often one may ask who would answer.
//! - [`queue`]: the way into a shard; [`bell`]: what wakes one that sleeps on sockets.
//! - [`intake`]: what a shard waits for.
//! - [`record`]: what is remembered of a call for its log line.
//! - `diverting`: signing that a call goes somewhere else; `base`: signing without an extension, whole or compact.
//! - `securing`: signing that a call asks for media security.
//! - `answering`: signing answers and judging them; `answered`: what became of them; `mid_dialog`: the same of
//!   requests inside calls.
//! - `reports`: what others say of PASSporTs of ours.
//! - [`admission`]: how many new requests a shard takes when more come than it can serve.
//! - `turned_away`: whose retransmissions are turned away, too.
//! - [`relay`]: datagrams from a process to its successor.
//! - [`helm`]: what shards are told from outside, and tell of themselves.
//! - [`shard`]: one thread, one proxy.
//! - [`reception`]: from bytes to the shard.
//! - [`server`]: all of it started and stopped.
//!
//! No rule of SIP or STIR is decided here.

pub mod secure;
pub mod udp;
pub mod tcp;
pub mod post;
pub mod state;
pub mod inquiries;
pub mod services;
pub mod bell;
pub mod queue;
pub mod intake;
pub mod record;
mod reports;
pub(crate) mod answers;
mod diverting;
mod prioritizing;
mod securing;
pub(crate) mod base;
mod answering;
mod answered;
mod mid_dialog;
pub mod admission;
mod turned_away;
pub mod relay;
pub mod helm;
mod probing;
pub mod shard;
pub mod reception;
pub mod server;
#[cfg(test)]
pub(crate) mod stage;

use self::state::State;
use crate::tls::Identities;
use bytes::Bytes;
use countersign_sip::element::{AnswerId, ContextId, Input, Sender};
use countersign_sip::flow::{Flow, Target, Transport};
use countersign_sip::stream::Piece;
use countersign_sip::trunk::Source;
use std::sync::Arc;

/// What a shard judges: a call, or one of its answers.
pub type Case = (ContextId, Option<AnswerId>);

/// Who must be told if a message could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The shard that sent it.
    pub shard: usize,
    /// In which of its lives.
    pub life: Life,
    /// Who sent it there.
    pub by: Sender,
    /// Where it should have gone.
    pub target: Target,
}

/// Which of a shard's lives: one that broke begins anew and remembers nothing, so what was meant for the one before it must not
/// reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life(pub u32);

/// Whether a piece of a stream was taken.
pub enum Taken {
    /// Not now: offer it again in a moment. A stream can wait, and what it brought must not be lost.
    Busy(Box<Waiting>),
    /// It was.
    Yes,
}

/// A piece of a stream that found no room.
pub struct Waiting {
    shard: usize,
    input: Input,
    state: Arc<State>,
}

/// Who is at the other end of a way, as far as that is known.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The way.
    pub flow: Flow,
    /// The names that TLS proved: RFC 5922 §7.1. All that comes on a connection shares them.
    pub identities: Identities,
}

impl Peer {
    /// Somebody who has proven nothing.
    pub fn unproven(flow: Flow) -> Self {
        let identities = Identities::default();
        Self { flow, identities }
    }

    /// For finding a trunk.
    pub fn source(&self) -> Source<'_> {
        Source {
            flow: &self.flow,
            tls_identities: &self.identities,
        }
    }
}

/// What somebody is who opens a connection to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The peer of a trunk, or a next hop.
    Known,
    /// Nobody we talk to.
    Refused,
    /// Nobody we know, but somebody who gets an answer.
    Stranger,
}

/// Why a connection was not taken, or was ended by us. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The certificate by which the peer is known has ended, and so has the connection.
    CertificateEnded,
    /// As many are open as may be, in all or for this peer.
    ConnectionLimit,
    /// TLS was not agreed upon, or not in time: no common version, no certificate where one is asked for, one that we do not believe.
    Handshake,
    /// A message was begun and not ended in time.
    SlowMessage,
    /// Nobody we know.
    UnknownSource,
}

/// Why a message was not sent. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It was written, and then the connection ended: whoever still waits for an answer gets none.
    ConnectionEnded,
    /// The peer could not be reached, or the connection to it ended.
    NoConnection,
    /// TLS was not agreed upon, or not in time: no common version, or a certificate that one side does not believe.
    NoHandshake,
    /// None of our sockets can send there.
    NoSocket,
    /// The system has no room for another datagram. The network may lose one at any time; whoever waits for it asks again.
    SendBufferFull,
    /// The peer reads more slowly than we write, and as much waits for it as may wait.
    SlowPeer,
    /// The system would not.
    System,
    /// The peer has proven another name than the one it is called by.
    WrongName,
}

/// Where sockets deliver. Called from their threads and tasks; must not block.
pub trait Sink: Send + Sync {
    /// Whether a connection that somebody has opened is taken.
    fn admits(&self, peer: &Peer) -> Admission;

    /// Whether it might be taken once its peer has proven a name: then it is worth a handshake.
    fn might_admit(&self, flow: &Flow) -> bool;

    /// A connection was refused or ended.
    fn refused(&self, why: Refusal);

    /// So many connections of each transport are open now.
    fn connections(&self, open: [(Transport, usize); 2]);

    /// A datagram came. If there is no room it is dropped, as networks do.
    fn datagram(&self, flow: Flow, bytes: Bytes);

    /// A stream brought a message, or the end of one that is none.
    fn piece(&self, peer: &Peer, piece: Piece) -> Taken;

    /// What found no room is offered once more.
    fn again(&self, waiting: Waiting) -> Taken;

    /// A message has left.
    fn sent(&self, flow: &Flow, bytes: &Bytes);

    /// A message could not be sent; `receipt` names who must be told.
    fn unsent(&self, transport: Transport, why: Unsent, receipt: Option<Receipt>);
}

/// How metrics call a transport.
fn label(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Udp => "udp",
    }
}
