//! The socket of a probe: UDP, or one TCP connection.

use super::super::trouble::Trouble;
use bytes::Bytes;
use countersign_sip::flow::{ConnectionId, Flow, Target, Transport};
use countersign_sip::message::{Framing, MAX_MESSAGE, Message};
use countersign_sip::stream::{Framer, Piece};
use countersign_sip::uri::{Security, Uri};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
}

impl Hop {
    /// What `--via` says: `udp:HOST:PORT` or `tcp:HOST:PORT`.
    ///
    /// # Errors
    /// [`Trouble::Via`].
    pub(super) fn read(text: &str) -> Result<Self, Trouble> {
        let bad = || Trouble::Via(text.into());
        let (transport, place) = text.split_once(':').ok_or_else(bad)?;
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return Err(bad()),
        };
        let address = place.to_socket_addrs().ok().and_then(|mut all| all.next());
        Ok(Self {
            transport,
            address: address.ok_or_else(bad)?,
        })
    }

    /// Where this URI leads; `None` if it does not say, or only by TLS.
    pub(super) fn of(uri: &str) -> Option<Self> {
        let Ok(Uri::Sip(uri)) = Uri::parse(uri.as_bytes()) else {
            return None;
        };
        let transport =
            match countersign_sip::grammar::Parameters::of(uri.parameters).value("transport") {
                _ if uri.security == Security::Sips => return None,
                None => Transport::Udp,
                Some(name) if name.eq_ignore_ascii_case(b"udp") => Transport::Udp,
                Some(name) if name.eq_ignore_ascii_case(b"tcp") => Transport::Tcp,
                Some(_) => return None,
            };
        let host = std::str::from_utf8(uri.host).ok()?;
        let place = format!("{host}:{}", uri.port.unwrap_or(transport.default_port()));
        let address = place.to_socket_addrs().ok()?.next()?;
        Some(Self { transport, address })
    }

    /// As an element names it.
    pub(super) fn target(self) -> Target {
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
    Udp(UdpSocket),
}

impl Line {
    /// Opens it.
    ///
    /// # Errors
    /// [`Trouble::Line`].
    pub(super) fn open(hop: Hop) -> Result<Self, Trouble> {
        let opened = match hop.transport {
            Transport::Udp => Self::udp(hop.address),
            Transport::Tcp | Transport::Tls => Self::tcp(hop.address),
        };
        opened.map_err(|cause| Trouble::Line(hop.address, cause))
    }

    fn udp(remote: SocketAddr) -> std::io::Result<Self> {
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

    fn tcp(remote: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&remote, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            local: stream.local_addr()?,
            socket: Socket::Tcp(stream, Framer::default()),
            remote,
        })
    }

    /// Our address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn send(&mut self, target: &Target, bytes: &Bytes) -> std::io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(stream, _) => stream.write_all(bytes),
            Socket::Udp(socket) => socket.send_to(bytes, target.remote).map(drop),
        }
    }

    /// The next message, if one comes within `wait`. What is no message is nobody's.
    ///
    /// # Errors
    /// Of the socket.
    pub(super) fn receive(&mut self, wait: Duration) -> std::io::Result<Option<(Flow, Message)>> {
        // Zero would mean for ever.
        let wait = wait.max(Duration::from_millis(1));
        let flow = Flow {
            transport: Transport::Udp,
            local: self.local,
            remote: self.remote,
            connection: None,
        };
        match &mut self.socket {
            Socket::Udp(socket) => {
                socket.set_read_timeout(Some(wait))?;
                let mut buffer = vec![0; MAX_MESSAGE];
                let Some((length, remote)) = timely(socket.recv_from(&mut buffer))? else {
                    return Ok(None);
                };
                buffer.truncate(length);
                let message = Message::parse(buffer.into(), Framing::Datagram).ok();
                Ok(message.map(|message| (Flow { remote, ..flow }, message)))
            }
            Socket::Tcp(stream, framer) => {
                let flow = Flow {
                    transport: Transport::Tcp,
                    connection: Some(ConnectionId(1)),
                    ..flow
                };
                if let Some(message) = next(framer) {
                    return Ok(Some((flow, message)));
                }
                stream.set_read_timeout(Some(wait))?;
                let mut buffer = vec![0; MAX_MESSAGE];
                match timely(stream.read(&mut buffer))? {
                    None => return Ok(None),
                    Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Some(length) => framer.push(buffer.get(..length).unwrap_or_default()),
                }
                Ok(next(framer).map(|message| (flow, message)))
            }
        }
    }
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
fn timely<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
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

    #[test]
    fn where_to_ask_is_read() {
        for (text, expected) in [
            (
                "udp:127.0.0.1:5060",
                Some((Transport::Udp, "127.0.0.1:5060")),
            ),
            ("tcp:[::1]:5062", Some((Transport::Tcp, "[::1]:5062"))),
            ("tls:127.0.0.1:5061", None),
            ("127.0.0.1:5060", None),
            ("udp:127.0.0.1", None),
        ] {
            let hop = Hop::read(text)
                .ok()
                .map(|hop| (hop.transport, hop.address.to_string()));
            assert_eq!(
                hop,
                expected.map(|(transport, address)| (transport, address.to_owned())),
                "{text}"
            );
        }
        for (uri, expected) in [
            ("sip:b@127.0.0.1", Some((Transport::Udp, 5060))),
            (
                "sip:b@127.0.0.1:5070;transport=TCP",
                Some((Transport::Tcp, 5070)),
            ),
            ("sips:b@127.0.0.1", None),
            ("sip:b@127.0.0.1;transport=tls", None),
            ("tel:+12025550100", None),
        ] {
            let hop = Hop::of(uri).map(|hop| (hop.transport, hop.address.port()));
            assert_eq!(hop, expected, "{uri}");
        }
    }
}
