//! The thread that carries copies to the collector.

use super::packet::Capture;
use super::{Direction, Settings, ip_protocol};
use crate::metrics::Metrics;
use bytes::Bytes;
use countersign_sip::flow::Flow;
use countersign_sip::message::{Framing, Message};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Longest wait for the system to take a packet.
const WRITE_LIMIT: Duration = Duration::from_secs(1);

/// Peers whose end of ours is remembered; then the memory begins anew.
const MAX_PEERS: usize = 1_024;

/// A message on its way to the collector.
pub(super) struct Captured {
    pub(super) flow: Flow,
    pub(super) direction: Direction,
    /// Since 1970.
    pub(super) micros: u64,
    pub(super) message: Bytes,
}

/// Carries copies to one collector.
pub(super) struct Courier {
    settings: Settings,
    socket: UdpSocket,
    waiting: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    ours: HashMap<IpAddr, IpAddr>,
    /// Whether the last packet left: a collector that is gone is told about once.
    reaches: bool,
}

impl Courier {
    pub(super) fn new(
        settings: Settings,
        waiting: Arc<AtomicUsize>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((nowhere(settings.collector), 0))?;
        socket.connect(settings.collector)?;
        socket.set_write_timeout(Some(WRITE_LIMIT))?;
        Ok(Self {
            settings,
            socket,
            waiting,
            metrics,
            ours: HashMap::new(),
            reaches: true,
        })
    }

    /// Carries until nobody hands in anything any more.
    pub(super) fn run(mut self, queue: &Receiver<Captured>) {
        let mut packet = Vec::new();
        for captured in queue {
            let length = captured.message.len();
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            let outcome = self.carry(captured, &mut packet);
            self.metrics.hep_messages.increment([outcome]);
        }
    }

    fn carry(&mut self, captured: Captured, packet: &mut Vec<u8>) -> &'static str {
        let Captured {
            flow,
            direction,
            micros,
            message,
        } = captured;
        let local = self.our_end(&flow);
        let (source, destination) = match direction {
            Direction::In => (flow.remote, local),
            Direction::Out => (local, flow.remote),
        };
        let parsed = Message::parse(message.clone(), Framing::Datagram).ok();
        let capture = Capture {
            source,
            destination,
            protocol: ip_protocol(flow.transport),
            micros,
            capture_id: self.settings.capture_id,
            password: self.settings.password.as_deref().map(str::as_bytes),
            correlation: parsed.as_ref().and_then(|message| message.call_id().ok()),
            payload: &message,
        };
        if capture.encode(packet).is_err() {
            return "too-long";
        }
        let sent = self.socket.send(packet);
        if let (Err(error), true) = (&sent, self.reaches) {
            let collector = self.settings.collector;
            tracing::warn!(%collector, %error, "HEP packets do not leave");
        }
        self.reaches = sent.is_ok();
        match sent {
            Ok(_) => "sent",
            Err(_) => "unsent",
        }
    }

    /// Our end of the way. A listener of all addresses does not know by which it is spoken to; the system knows by which it would
    /// answer.
    fn our_end(&mut self, flow: &Flow) -> SocketAddr {
        if !flow.local.ip().is_unspecified() {
            return flow.local;
        }
        let peer = flow.remote.ip();
        if self.ours.len() >= MAX_PEERS {
            self.ours.clear();
        }
        let found = self.ours.entry(peer).or_insert_with(|| {
            let found = source_towards(flow.remote);
            found.unwrap_or(flow.local.ip())
        });
        SocketAddr::new(*found, flow.local.port())
    }
}

/// Connecting a UDP socket sends nothing; it makes the system choose a source address.
fn source_towards(peer: SocketAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((nowhere(peer), 0))?;
    socket.connect(peer)?;
    Ok(socket.local_addr()?.ip())
}

/// No address in particular, of the same family.
fn nowhere(peer: SocketAddr) -> IpAddr {
    match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
