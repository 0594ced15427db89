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
//! - [`udp`], [`tcp`]: sockets and connections; they know bytes and addresses.
//! - [`post`]: which socket a message leaves by.
//! - [`services`]: who signs and who judges for which trunk.
//! - [`record`]: what is remembered of a call for its log line.
//! - [`shard`]: one thread, one proxy.
//! - [`reception`]: from bytes to the shard.
//! - [`server`]: all of it started and stopped.
//!
//! No rule of SIP or STIR is decided here.

pub mod udp;
pub mod tcp;
pub mod post;
pub mod services;
pub mod record;
pub mod shard;
pub mod reception;
pub mod server;

use bytes::Bytes;
use countersign_sip::flow::{Flow, Target};
use countersign_sip::proxy::Sender;
use countersign_sip::stream::Piece;

/// Who must be told if a message could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The shard that sent it.
    pub shard: usize,
    /// Who sent it there.
    pub by: Sender,
    /// Where it should have gone.
    pub target: Target,
}

/// Whether a piece of a stream was taken.
#[derive(Debug)]
pub enum Taken {
    /// Not now: offer it again in a moment. A stream can wait, and what it brought must not be lost.
    Busy(Box<Piece>),
    /// It was.
    Yes,
}

/// Where sockets deliver. Called from their threads and tasks; must not block.
pub trait Sink: Send + Sync {
    /// A datagram came. If there is no room it is dropped, as networks do.
    fn datagram(&self, flow: Flow, bytes: Bytes);

    /// A stream brought a message, or the end of one that is none.
    fn piece(&self, flow: Flow, piece: Piece) -> Taken;

    /// A message could not be sent.
    fn failed(&self, receipt: Receipt);
}
