//! Which socket a message leaves by.

use super::tcp::Tcp;
use super::udp::UdpListener;
use super::{Receipt, Sink};
use bytes::Bytes;
use countersign_sip::flow::{Target, Transport};
use std::net::SocketAddr;
use std::sync::Arc;

/// Sends for all shards.
#[derive(Clone)]
pub struct Post {
    udp: Arc<[UdpListener]>,
    tcp: Tcp,
    sink: Arc<dyn Sink>,
}

impl Post {
    /// A post over these sockets; what fails is told to `sink`.
    pub fn new(udp: Arc<[UdpListener]>, tcp: Tcp, sink: Arc<dyn Sink>) -> Self {
        Self { udp, tcp, sink }
    }

    /// Sends, without waiting. A failure comes back through the sink, possibly before this returns.
    pub fn send(&self, target: Target, bytes: Bytes, receipt: Option<Receipt>) {
        match target.transport {
            Transport::Tcp => self
                .tcp
                .send(target.connection, target.remote, bytes, receipt),
            Transport::Udp => {
                let sent = self
                    .socket(target.local, target.remote)
                    .map(|socket| socket.send(&bytes, target.remote));
                if !matches!(sent, Some(Ok(()))) {
                    self.report(receipt);
                }
            }
            // No listener and no next hop of TLS can be configured yet.
            Transport::Tls => self.report(receipt),
        }
    }

    /// The socket that is bound where the message came from, or else the first of the same address family.
    fn socket(&self, local: Option<SocketAddr>, remote: SocketAddr) -> Option<&UdpListener> {
        let same = |socket: &&UdpListener| local == Some(socket.local());
        let fits = |socket: &&UdpListener| socket.local().is_ipv4() == remote.is_ipv4();
        self.udp
            .iter()
            .find(same)
            .or_else(|| self.udp.iter().find(fits))
    }

    fn report(&self, receipt: Option<Receipt>) {
        if let Some(receipt) = receipt {
            self.sink.failed(receipt);
        }
    }
}
