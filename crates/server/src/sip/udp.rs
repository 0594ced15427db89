//! UDP: one socket and one receiving thread per listener.
//!
//! The thread cuts nothing and judges nothing: it hands each datagram to its [`Sink`]. Sending is done by whoever has the
//! socket, without waiting: a full send buffer drops the datagram, as the network may do at any time, and SIP's
//! retransmissions mend it.

use super::helm::{Helm, Origin};
use super::{Sink, Unsent};
use bytes::Bytes;
use countersign_sip::flow::{Flow, Transport};
use rustix::io::Errno;
use rustix::net::{SendFlags, sendto};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Receive buffer asked of the system, in bytes: a burst of some 3,000 INVITEs while a thread is descheduled. The system may
/// give less. More would hide overload: what waits here is seen by nobody, and this much is read in a tenth of a second.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Send buffer asked of the system, in bytes: a burst of the same size leaves before anything is dropped.
const SEND_BUFFER: usize = 4 << 20;

/// Longest datagram: RFC 3261 §18.1.1, 65,535 bytes with headers.
const MAX_DATAGRAM: usize = 65_535;

/// How often a quiet listener looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(100);

/// How often a listener whose socket another process reads looks whether it should.
const READING_CHECK: Duration = Duration::from_millis(2);

/// A bound UDP socket, cheap to share.
#[derive(Clone, Debug)]
pub struct UdpListener {
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    origin: Origin,
}

impl UdpListener {
    /// Binds `address`; port 0 takes any free one.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        // A smaller buffer than asked still works; the system's limit is the operator's to raise.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(STOP_CHECK))?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket: Arc::new(socket),
            local,
            origin: Origin::Bound,
        })
    }

    /// A socket that another process has bound and set up.
    ///
    /// # Errors
    /// What the system says.
    pub fn inherited(socket: UdpSocket) -> std::io::Result<Self> {
        // Both processes have the same socket: what one sets holds for the other, and is the same.
        socket.set_read_timeout(Some(STOP_CHECK))?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket: Arc::new(socket),
            local,
            origin: Origin::Inherited,
        })
    }

    /// The same socket once more, for another process.
    ///
    /// # Errors
    /// What the system says.
    pub fn duplicate(&self) -> std::io::Result<UdpSocket> {
        self.socket.try_clone()
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The way between it and somebody.
    pub fn flow(&self, remote: SocketAddr) -> Flow {
        Flow {
            transport: Transport::Udp,
            local: self.local,
            remote,
            connection: None,
        }
    }

    /// What the system keeps for us until it is read, in bytes as it reckons them.
    pub fn receive_buffer(&self) -> Option<usize> {
        socket2::SockRef::from(&*self.socket)
            .recv_buffer_size()
            .ok()
    }

    /// Sends one datagram, at once or not at all: whoever sends here carries calls and cannot wait.
    ///
    /// # Errors
    /// [`Unsent::SendBufferFull`] or [`Unsent::System`]: no route, or too long for a datagram.
    pub fn send(&self, bytes: &[u8], remote: SocketAddr) -> Result<(), Unsent> {
        let send = || sendto(&*self.socket, bytes, SendFlags::DONTWAIT, &remote);
        match rustix::io::retry_on_intr(send) {
            Ok(_) => Ok(()),
            Err(Errno::AGAIN | Errno::NOBUFS) => Err(Unsent::SendBufferFull),
            Err(error) => {
                tracing::debug!(%remote, %error, "UDP send failed");
                Err(Unsent::System)
            }
        }
    }

    /// Starts receiving into `sink`, whenever the helm says that datagrams are read here, until it says stop.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn receive(&self, sink: Arc<dyn Sink>, helm: Arc<Helm>) -> std::io::Result<JoinHandle<()>> {
        let listener = self.clone();
        let name = format!("udp {}", self.local.port());
        std::thread::Builder::new()
            .name(name)
            .spawn(move || listener.run(&*sink, &helm))
    }

    fn run(&self, sink: &dyn Sink, helm: &Helm) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !helm.is_stopping() {
            if !helm.is_reading(self.origin) {
                std::thread::sleep(READING_CHECK);
                continue;
            }
            match self.socket.recv_from(&mut buffer) {
                Ok((length, remote)) => {
                    let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                    sink.datagram(self.flow(remote), bytes);
                }
                // Quiet, or the echo of an ICMP error for something we sent: neither ends a listener.
                Err(error) if is_passing(error.kind()) => {}
                Err(error) => {
                    tracing::error!(listener = %self.local, %error, "UDP receive failed; trying on");
                    std::thread::sleep(STOP_CHECK);
                }
            }
        }
    }
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    )
}
