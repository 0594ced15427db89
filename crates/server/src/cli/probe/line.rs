//! The socket of a probe: UDP, or one connection over TCP or TLS.
//!
//! A connection over TLS is one as the server opens it to its next hops: the same proof of the other side is asked for.

use super::super::trouble::Trouble;
use crate::tls::client;
use bytes::Bytes;
use countersign_sip::flow::{ConnectionId, Flow, Target, Transport};
use countersign_sip::grammar::Parameters;
use countersign_sip::message::{Framing, MAX_MESSAGE, Message};
use countersign_sip::stream::{Framer, Piece};
use countersign_sip::uri::{Security, Uri};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a connection may take to come about, and as long again to be secured.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    /// Who must be there, if it has to be proven and is no address.
    name: Option<Box<str>>,
}

impl Hop {
    /// What `--via` says: `udp:HOST:PORT`, `tcp:HOST:PORT` or `tls:HOST:PORT`.
    ///
    /// # Errors
    /// [`Trouble::Via`].
    pub(super) fn read(text: &str) -> Result<Self, Trouble> {
        let bad = || Trouble::Via(text.into());
        let (transport, place) = text.split_once(':').ok_or_else(bad)?;
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            "udp" => Transport::Udp,
            _ => return Err(bad()),
        };
        let (host, _) = place.rsplit_once(':').ok_or_else(bad)?;
        Self::at(transport, host, place).ok_or_else(bad)
    }

    /// Where this URI leads; `None` if it does not say.
    // RFC 3261 §26.2.2: "in the SIPS URI scheme, transport is independent of TLS [...] (although note that UDP is not a valid transport for
    // SIPS). The use of "transport=tls" has consequently been deprecated", and is what the field writes all the same.
    pub(super) fn of(uri: &str) -> Option<Self> {
        let Ok(Uri::Sip(uri)) = Uri::parse(uri.as_bytes()) else {
            return None;
        };
        let named = Parameters::of(uri.parameters).value("transport");
        let is = |name: &[u8]| named.is_some_and(|named| named.eq_ignore_ascii_case(name));
        let transport = match (uri.security, named) {
            (Security::Sips, None) => Transport::Tls,
            (Security::Sips, _) if is(b"tcp") => Transport::Tls,
            (_, _) if is(b"tls") => Transport::Tls,
            (Security::Sips, _) => return None,
            (_, None) => Transport::Udp,
            (_, _) if is(b"udp") => Transport::Udp,
            (_, _) if is(b"tcp") => Transport::Tcp,
            (_, _) => return None,
        };
        let host = std::str::from_utf8(uri.host).ok()?;
        let place = format!("{host}:{}", uri.port.unwrap_or(transport.default_port()));
        Self::at(transport, host, &place)
    }

    fn at(transport: Transport, host: &str, place: &str) -> Option<Self> {
        let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
        Some(Self {
            transport,
            address: place.to_socket_addrs().ok()?.next()?,
            name: (transport == Transport::Tls && !is_address).then(|| host.into()),
        })
    }

    /// As an element names it.
    pub(super) fn target(&self) -> Target {
        Target {
            transport: self.transport,
            remote: self.address,
            name: None,
            local: None,
            connection: None,
        }
    }
}

/// The socket.
pub(super) struct Line {
    socket: Socket,
    local: SocketAddr,
    remote: SocketAddr,
}

enum Socket {
    Tcp(TcpStream, Framer),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>, Framer),
    Udp(UdpSocket),
}

impl Line {
    /// Opens it. `secure` says whom a connection over TLS believes; without it there is none.
    ///
    /// # Errors
    /// [`Trouble::Line`].
    pub(super) fn open(hop: &Hop, secure: Option<Arc<ClientConfig>>) -> Result<Self, Trouble> {
        let opened = match hop.transport {
            Transport::Udp => Self::udp(hop.address),
            Transport::Tcp => Self::tcp(hop.address),
            Transport::Tls => Self::tls(hop, secure),
        };
        opened.map_err(|cause| Trouble::Line(hop.address, cause))
    }

    fn udp(remote: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match remote {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // From which of our addresses one gets there; requests inside dialogs may go elsewhere, so the socket stays unconnected.
        let scout = UdpSocket::bind((any, 0))?;
        scout.connect(remote)?;
        let socket = UdpSocket::bind((scout.local_addr()?.ip(), 0))?;
        Ok(Self {
            local: socket.local_addr()?,
            socket: Socket::Udp(socket),
            remote,
        })
    }

    fn tcp(remote: SocketAddr) -> io::Result<Self> {
        let stream = connected(remote)?;
        Ok(Self {
            local: stream.local_addr()?,
            socket: Socket::Tcp(stream, Framer::default()),
            remote,
        })
    }

    fn tls(hop: &Hop, secure: Option<Arc<ClientConfig>>) -> io::Result<Self> {
        let secure = secure.ok_or(ErrorKind::Unsupported)?;
        let name = client::host(hop.name.as_deref(), hop.address.ip()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(secure, name).map_err(io::Error::other)?;
        let stream = connected(hop.address)?;
        let local = stream.local_addr()?;
        let mut stream = Box::new(StreamOwned::new(connection, stream));
        secured(&mut stream)?;
        Ok(Self {
            local,
            socket: Socket::Tls(stream, Framer::default()),
            remote: hop.address,
        })
    }

    /// Our address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn send(&mut self, target: &Target, bytes: &Bytes) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(stream, _) => stream.write_all(bytes),
            Socket::Tls(stream, _) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Socket::Udp(socket) => socket.send_to(bytes, target.remote).map(drop),
        }
    }

    /// The next message, if one comes within `wait`. What is no message is nobody's.
    ///
    /// # Errors
    /// Of the socket.
    pub(super) fn receive(&mut self, wait: Duration) -> io::Result<Option<(Flow, Message)>> {
        // Zero would mean for ever.
        let wait = wait.max(Duration::from_millis(1));
        let flow = |transport, remote, connection| Flow {
            transport,
            local: self.local,
            remote,
            connection,
        };
        let connection = Some(ConnectionId(1));
        match &mut self.socket {
            Socket::Udp(socket) => {
                socket.set_read_timeout(Some(wait))?;
                let mut buffer = vec![0; MAX_MESSAGE];
                let Some((length, remote)) = timely(socket.recv_from(&mut buffer))? else {
                    return Ok(None);
                };
                buffer.truncate(length);
                let message = Message::parse(buffer.into(), Framing::Datagram).ok();
                Ok(message.map(|message| (flow(Transport::Udp, remote, None), message)))
            }
            Socket::Tcp(stream, framer) => {
                stream.set_read_timeout(Some(wait))?;
                let message = read(stream, framer)?;
                Ok(message.map(|message| (flow(Transport::Tcp, self.remote, connection), message)))
            }
            Socket::Tls(stream, framer) => {
                stream.sock.set_read_timeout(Some(wait))?;
                let message = read(stream, framer)?;
                Ok(message.map(|message| (flow(Transport::Tls, self.remote, connection), message)))
            }
        }
    }
}

fn connected(remote: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&remote, CONNECT_TIMEOUT)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Has the other side prove who it is, before anything is said to it.
fn secured(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    let began = Instant::now();
    stream.sock.set_read_timeout(Some(CONNECT_TIMEOUT))?;
    stream.sock.set_write_timeout(Some(CONNECT_TIMEOUT))?;
    while stream.conn.is_handshaking() {
        if began.elapsed() > CONNECT_TIMEOUT {
            return Err(ErrorKind::TimedOut.into());
        }
        let shaken = stream.conn.complete_io(&mut stream.sock);
        shaken.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })?;
    }
    Ok(())
}

/// The next message of a connection, if there is one or one comes in time.
fn read(stream: &mut impl Read, framer: &mut Framer) -> io::Result<Option<Message>> {
    if let Some(message) = next(framer) {
        return Ok(Some(message));
    }
    let mut buffer = vec![0; MAX_MESSAGE];
    match timely(stream.read(&mut buffer))? {
        None => return Ok(None),
        Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
        Some(length) => framer.push(buffer.get(..length).unwrap_or_default()),
    }
    Ok(next(framer))
}

fn next(framer: &mut Framer) -> Option<Message> {
    loop {
        match framer.next()? {
            Piece::Message(message) => return Some(message),
            Piece::Bad(_) | Piece::Ping => {}
        }
    }
}

/// Nothing in time is no error.
fn timely<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test verifies where flag and URI lead, by which transport, and who must be proven to be there.
    #[test]
    fn where_to_ask_is_read() {
        for (text, expected) in [
            (
                "udp:127.0.0.1:5060",
                Some((Transport::Udp, "127.0.0.1:5060", None)),
            ),
            ("udp:localhost:5060", Some((Transport::Udp, "", None))),
            ("tcp:[::1]:5062", Some((Transport::Tcp, "[::1]:5062", None))),
            (
                "tls:127.0.0.1:5061",
                Some((Transport::Tls, "127.0.0.1:5061", None)),
            ),
            ("tls:[::1]:5061", Some((Transport::Tls, "[::1]:5061", None))),
            (
                "tls:localhost:5061",
                Some((Transport::Tls, "", Some("localhost"))),
            ),
            ("sctp:127.0.0.1:5061", None),
            ("127.0.0.1:5060", None),
            ("udp:127.0.0.1", None),
        ] {
            let hop = Hop::read(text).ok();
            assert_eq!(hop.is_some(), expected.is_some(), "{text}");
            let Some((hop, (transport, address, name))) = hop.zip(expected) else {
                continue;
            };
            assert_eq!((hop.transport, hop.name.as_deref()), (transport, name));
            let is_there = hop.address.to_string() == address || address.is_empty();
            assert!(is_there, "{text}: {}", hop.address);
        }
        for (uri, expected) in [
            ("sip:b@127.0.0.1", Some((Transport::Udp, 5060, None))),
            (
                "sip:b@127.0.0.1:5070;transport=TCP",
                Some((Transport::Tcp, 5070, None)),
            ),
            ("sips:b@127.0.0.1", Some((Transport::Tls, 5061, None))),
            (
                "sips:b@localhost;transport=tcp",
                Some((Transport::Tls, 5061, Some("localhost"))),
            ),
            (
                "sip:b@127.0.0.1;transport=tls",
                Some((Transport::Tls, 5061, None)),
            ),
            ("sips:b@127.0.0.1;transport=udp", None),
            ("sip:b@127.0.0.1;transport=ws", None),
            ("tel:+12025550100", None),
        ] {
            let hop = Hop::of(uri);
            let hop = hop
                .as_ref()
                .map(|hop| (hop.transport, hop.address.port(), hop.name.as_deref()));
            assert_eq!(hop, expected, "{uri}");
        }
    }
}
