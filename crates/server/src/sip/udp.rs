//! UDP: one socket per listener.
//!
//! It is read by a thread of its own, or by a shard that has nobody beside it. The thread cuts nothing and judges nothing: it hands
//! each datagram to its [`Sink`]. Sending is done by whoever has the
//! socket, without waiting: a full send buffer drops the datagram, as the network may do at any time, and SIP's
//! retransmissions mend it.

use super::helm::{Helm, Origin};
use super::{Sink, Unsent};
use bytes::Bytes;
use countersign_sip::flow::{Flow, Transport};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
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

/// How often who reads a listener looks whether it should, while another process does.
pub const READING_CHECK: Duration = Duration::from_millis(2);

/// How long a listener is left alone that could not be read.
pub const FAULT_PAUSE: Duration = Duration::from_millis(100);

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

    /// Whether the helm says that its datagrams are read here.
    pub fn is_read_here(&self, helm: &Helm) -> bool {
        helm.is_reading(self.origin)
    }

    /// Room for the longest datagram.
    pub fn buffer() -> Box<[u8]> {
        vec![0; MAX_DATAGRAM].into()
    }

    /// The next datagram, if there is one already; what it holds is in `buffer` then.
    pub fn try_receive<'a>(&self, buffer: &'a mut [u8]) -> Received<'a> {
        match recvfrom(&*self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((length, _, Some(remote))) => match SocketAddr::try_from(remote) {
                Ok(remote) => Received::Datagram(buffer.get(..length).unwrap_or_default(), remote),
                Err(error) => Received::Fault(error.into()),
            },
            // Who has no address hears nothing.
            Ok((_, _, None)) => Received::Nothing,
            Err(error) => match std::io::Error::from(error) {
                error if is_passing(error.kind()) => Received::Nothing,
                error => Received::Fault(error),
            },
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
        let mut buffer = Self::buffer();
        while !helm.is_stopping() {
            if !self.is_read_here(helm) {
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
                    self.tell(&error);
                    std::thread::sleep(FAULT_PAUSE);
                }
            }
        }
    }

    /// That it cannot be read now.
    pub fn tell(&self, error: &std::io::Error) {
        tracing::error!(listener = %self.local, %error, "UDP receive failed; trying on");
    }
}

impl AsFd for UdpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What a look at a socket has brought.
#[derive(Debug)]
pub enum Received<'a> {
    /// A datagram, and who sent it.
    Datagram(&'a [u8], SocketAddr),
    /// The system says that it cannot be read.
    Fault(std::io::Error),
    /// Nothing that is there now.
    Nothing,
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
