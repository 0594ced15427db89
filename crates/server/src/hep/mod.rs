//! A copy of every SIP message to a collector such as Homer, by HEP version 3: off unless the operator wants it.
//!
//! ```text
//!   reception ──┐ copies of messages,                        ┌─ packet: chunks
//!               ├─ never waits ─► queue ─► a thread of its own ─► UDP ─► collector
//!   post, tcp ──┘ (full: counted, lost)
//! ```
//!
//! - [`packet`]: one message as the bytes of a packet; pure.
//! - [`Hep`]: where sockets hand in their copies.
//!
//! Whole messages leave this machine: numbers, names, addresses, keys of media streams. Nothing is left out, because a trace with
//! holes explains nothing; that is why `check-config` warns, and why it is off by default. HEP over UDP is plain text, its
//! password included: it belongs into a network of one's own.

pub mod packet;
mod sender;

use self::sender::{Captured, Courier};
use crate::clock::Clock;
use crate::metrics::Metrics;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use countersign_sip::flow::{Flow, Transport};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Messages that may wait for the collector. At 10,000 messages a second it is most of a second.
pub const MAX_WAITING: usize = 8_192;

/// Bytes of messages that may wait: as many of a usual size, and not that many of the longest.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// Where copies go, and under which name.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The collector.
    pub collector: SocketAddr,
    /// By which number the collector knows us.
    pub capture_id: u32,
    /// What the collector wants to see in each packet.
    pub password: Option<Arc<str>>,
}

/// Without the password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("collector", &self.collector)
            .field("capture_id", &self.capture_id)
            .finish_non_exhaustive()
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To us.
    In,
    /// From us.
    Out,
}

/// Takes copies of messages, if anybody wants them.
pub struct Hep {
    way: ArcSwapOption<Way>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

/// The way to one collector. Dropping it ends its thread, when that has sent what waits.
struct Way {
    settings: Settings,
    queue: SyncSender<Captured>,
    bytes: Arc<AtomicUsize>,
}

impl Hep {
    /// Copies that nobody wants yet.
    pub fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self {
            way: ArcSwapOption::empty(),
            clock,
            metrics,
        }
    }

    /// From now on copies go there, or nowhere. What waits for the collector before still leaves.
    pub fn replace(&self, settings: Option<&Settings>) {
        let running = self.way.load();
        if running.as_ref().map(|way| &way.settings) == settings {
            return;
        }
        let way = settings.and_then(|settings| {
            let opened = self.open(settings);
            let told = opened.inspect_err(|error| {
                let collector = settings.collector;
                tracing::error!(%collector, %error, "no HEP: the collector cannot be reached");
            });
            told.ok().map(Arc::new)
        });
        self.way.store(way);
    }

    fn open(&self, settings: &Settings) -> std::io::Result<Way> {
        let (queue, waiting) = sync_channel(MAX_WAITING);
        let bytes = Arc::<AtomicUsize>::default();
        let courier = Courier::new(settings.clone(), bytes.clone(), self.metrics.clone())?;
        std::thread::Builder::new()
            .name("hep".into())
            .spawn(move || courier.run(&waiting))?;
        tracing::warn!(collector = %settings.collector, "whole SIP messages are sent to the HEP collector");
        Ok(Way {
            settings: settings.clone(),
            queue,
            bytes,
        })
    }

    /// Takes a copy of a message that came or left on this way. Never waits.
    pub fn tap(&self, direction: Direction, flow: &Flow, message: &Bytes) {
        let way = self.way.load();
        let Some(way) = &*way else { return };
        let captured = Captured {
            flow: *flow,
            direction,
            micros: self.clock.unix_micros(),
            message: message.clone(),
        };
        let length = message.len();
        let before = way.bytes.fetch_add(length, Ordering::Relaxed);
        if before + length > MAX_WAITING_BYTES || way.queue.try_send(captured).is_err() {
            way.bytes.fetch_sub(length, Ordering::Relaxed);
            self.metrics.hep_messages.increment(["queue-full"]);
        }
    }
}

/// How HEP calls a transport: the numbers of IP protocols.
const fn ip_protocol(transport: Transport) -> u8 {
    match transport {
        Transport::Tcp | Transport::Tls => 6,
        Transport::Udp => 17,
    }
}

#[cfg(test)]
mod tests;
