//! Where a message came from and where one goes: addresses and transports, as data.
//!
//! Who opens sockets, keeps connections and finds addresses for names is the host of this crate.

use crate::message::Message;
use crate::transaction::Reliability;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// UDP.
    Udp,
}

impl Transport {
    /// As a Via spells it: RFC 3261 §25.1, `transport`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Udp => "UDP",
        }
    }

    /// Whether it delivers by itself.
    pub const fn reliability(self) -> Reliability {
        match self {
            Self::Tcp | Self::Tls => Reliability::Reliable,
            Self::Udp => Reliability::Unreliable,
        }
    }

    /// The port that is meant where none is written.
    // RFC 3261 §18.1.1: "It is 5060 for UDP, TCP and SCTP, 5061 for TLS."
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tcp | Self::Udp => 5060,
            Self::Tls => 5061,
        }
    }
}

/// A connection, by the number the host gave it; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The way on which a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// How it travelled.
    pub transport: Transport,
    /// Our end.
    pub local: SocketAddr,
    /// The sender's end, as the network shows it.
    pub remote: SocketAddr,
    /// The connection, where there is one.
    pub connection: Option<ConnectionId>,
}

/// Where a message shall go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// To whom. Where [`Target::connection`] is open this address is not used.
    pub remote: SocketAddr,
    /// The host name that TLS has to prove; its address if there is none.
    pub name: Option<Arc<str>>,
    /// From which of our addresses; the host's choice if there is none.
    pub local: Option<SocketAddr>,
    /// On this connection, if it is still open; else on a new one to [`Target::remote`].
    pub connection: Option<ConnectionId>,
}

impl Flow {
    /// Where a response to `request`, which came this way, has to go.
    ///
    /// Only to whom it came from: `maddr` is not followed (`docs/divergences.md`, RFC 3261 §18.2.2).
    // RFC 3261 §18.2.2: "If the "sent-protocol" is a reliable transport protocol such as TCP or SCTP, or TLS over those, the
    // response MUST be sent using the existing connection to the source of the original request that created the transaction, if
    // that connection is still open. [...] If that connection is no longer open, the server SHOULD open a connection to the IP
    // address in the "received" parameter, if present, using the port in the "sent-by" value, or the default port for that
    // transport, if no port is specified."
    // "Otherwise (for unreliable unicast transports), if the top Via has a "received" parameter, the response MUST be sent to the
    // address in the "received" parameter, using the port indicated in the "sent-by" value, or using port 5060 if none is
    // specified explicitly."
    // RFC 3581 §4: "the response MUST be sent to the IP address listed in the "received" parameter, and the port in the "rport"
    // parameter.  The response MUST be sent from the same address and port that the corresponding request was received on."
    pub fn back(&self, request: &Message) -> Target {
        let via = request.top_via().ok();
        let asked_for_source = via.as_ref().is_some_and(|via| via.rport().is_some());
        let port = if self.transport == Transport::Udp && asked_for_source {
            self.remote.port()
        } else {
            via.as_ref()
                .and_then(|via| via.port)
                .unwrap_or(self.transport.default_port())
        };
        let name = via.filter(|_| self.transport == Transport::Tls);
        Target {
            transport: self.transport,
            remote: SocketAddr::new(self.remote.ip(), port),
            name: name.and_then(|via| host_name(via.host)),
            local: Some(self.local),
            connection: self.connection,
        }
    }
}

/// The host of a sent-by, if it is a name: who a new connection to it has to prove to lead to.
fn host_name(host: &[u8]) -> Option<Arc<str>> {
    let host = std::str::from_utf8(host).ok()?;
    let is_address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    (!is_address).then(|| host.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    fn back(transport: Transport, via: &str) -> Target {
        let flow = Flow {
            transport,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.9:40000".parse().unwrap(),
            connection: (transport != Transport::Udp).then_some(ConnectionId(7)),
        };
        let text = format!("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/X {via};branch=z9hG4bK1\r\n\r\n");
        flow.back(&Message::parse(text.into(), Framing::Datagram).unwrap())
    }

    #[test]
    fn a_response_over_udp_goes_to_the_source_and_the_port_the_sender_wants() {
        for (via, expected) in [
            ("a.example", "192.0.2.9:5060"),
            ("192.0.2.77:5080", "192.0.2.9:5080"),
            ("a.example:5080;rport", "192.0.2.9:40000"),
            (
                "a.example:5080;rport=40000;received=192.0.2.9",
                "192.0.2.9:40000",
            ),
            ("a.example;maddr=203.0.113.1", "192.0.2.9:5060"),
        ] {
            let target = back(Transport::Udp, via);
            assert_eq!(target.remote.to_string(), expected, "{via}");
            assert_eq!(target.local.unwrap().to_string(), "192.0.2.1:5060");
        }
    }

    #[test]
    fn a_response_over_tcp_stays_on_its_connection() {
        let target = back(Transport::Tcp, "a.example:5080;rport");
        assert_eq!(target.connection, Some(ConnectionId(7)));
        assert_eq!(
            target.remote.to_string(),
            "192.0.2.9:5080",
            "if it is closed by then"
        );
        assert_eq!(target.name, None);
        let secure = back(Transport::Tls, "a.example");
        assert_eq!(secure.remote.port(), 5061);
        assert_eq!(secure.name.as_deref(), Some("a.example"));
        for address in ["192.0.2.9", "[2001:db8::1]"] {
            assert_eq!(back(Transport::Tls, address).name, None);
        }
    }
}
