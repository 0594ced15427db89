//! Where requests go on, and what we call ourselves there.

use crate::flow::Transport;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// An element that requests are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// How to reach it.
    pub transport: Transport,
    /// Where it is.
    pub address: SocketAddr,
    /// The host name that TLS has to prove (RFC 5922 §7.2); its address if there is none.
    pub name: Option<Arc<str>>,
    /// From which of our addresses; the host's choice if there is none.
    pub local: Option<SocketAddr>,
    /// What we call ourselves towards it, in Via; [`OurNames::sent_by`] if there is none.
    pub sent_by: Option<SentBy>,
    /// What to do with a request that is too large for UDP.
    pub oversize: Oversize,
    /// Its share among its neighbours; without one its place in the list is its place.
    pub share: Option<Share>,
}

/// The share of a next hop among those beside it that have the same group: one is drawn for each call, by weight (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Those with the same number, one after another in the list, are drawn among themselves.
    pub group: u16,
    /// Those of a group with the same number are addresses of one host: it is drawn as one, and they follow each other.
    pub host: u16,
    /// The weight of the host.
    pub weight: u16,
}

impl Share {
    /// Of a next hop that shares with nobody.
    pub(crate) const NONE: Self = Self {
        group: 0,
        host: 0,
        weight: 0,
    };
}

/// A next hop as the network knows it, whichever trunk leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HopId {
    /// How to reach it.
    pub transport: Transport,
    /// Where it is.
    pub address: SocketAddr,
}

impl std::fmt::Display for HopId {
    /// As it is configured: `udp:192.0.2.10:5060`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Udp => "udp",
        };
        write!(f, "{transport}:{}", self.address)
    }
}

impl NextHop {
    /// Which element of the network it is.
    pub fn id(&self) -> HopId {
        HopId {
            transport: self.transport,
            address: self.address,
        }
    }

    /// An element at `address`, with every default.
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            name: None,
            local: None,
            sent_by: None,
            oversize: Oversize::default(),
            share: None,
        }
    }
}

/// What to do with a request of more than 1,300 bytes towards a next hop of UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversize {
    /// Send it by UDP all the same: the network fragments it.
    Fragment,
    /// Answer 513.
    Refuse,
    /// Send it by TCP, and once more by UDP if there is no answer.
    #[default]
    Tcp,
}

/// The host and port that a Via carries: where responses come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentBy {
    /// As it stands in Via: written once, and copied into every request.
    text: Box<str>,
    /// How much of it is the host.
    host_length: usize,
    port: Option<u16>,
}

/// The text is no host name and no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

impl SentBy {
    /// A host name or address (an IPv6 address in brackets) with a port; without one the transport's default is meant.
    ///
    /// # Errors
    /// [`NotAHost`].
    pub fn new(host: &str, port: Option<u16>) -> Result<Self, NotAHost> {
        if !crate::uri::is_host(host.as_bytes()) {
            return Err(NotAHost);
        }
        Ok(Self::of(&host.to_ascii_lowercase(), port))
    }

    fn of(host: &str, port: Option<u16>) -> Self {
        let text = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Self {
            text: text.into(),
            host_length: host.len(),
            port,
        }
    }

    /// As it stands in Via.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn host(&self) -> &str {
        self.text.get(..self.host_length).unwrap_or_default()
    }

    /// The same host at another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self::of(self.host(), Some(port))
    }

    /// Whether a host and port, as some header writes them, are this one. A port that neither side writes is the same; so is one
    /// that only one side writes, if it is the default.
    pub(crate) fn is(&self, host: &[u8], port: Option<u16>) -> bool {
        let default = Transport::Udp.default_port();
        let same_port =
            self.port == port || self.port.unwrap_or(default) == port.unwrap_or(default);
        same_port && self.host().as_bytes().eq_ignore_ascii_case(host)
    }
}

impl From<SocketAddr> for SentBy {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self::of(&host, Some(address.port()))
    }
}

impl std::fmt::Display for SentBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::fmt::Display for NotAHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("neither a host name nor an address")
    }
}

impl std::error::Error for NotAHost {}

/// What others call us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurNames {
    /// What we call ourselves in Via, where a next hop has no other name for us.
    pub sent_by: SentBy,
    /// Every other host and port that means us in Route.
    pub also_known_as: Vec<SentBy>,
    /// Where requests come to.
    pub listeners: Vec<Listener>,
}

/// Somewhere that requests come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// How they come.
    pub transport: Transport,
    /// Where it is bound.
    pub address: SocketAddr,
    /// What those are told who send there; the address that they have sent to if there is none.
    pub name: Option<SentBy>,
}

impl OurNames {
    /// Whether a host and port mean us.
    pub(crate) fn include(&self, host: &[u8], port: Option<u16>) -> bool {
        let told = self.listeners.iter().filter_map(|one| one.name.as_ref());
        let names = std::iter::once(&self.sent_by).chain(&self.also_known_as);
        names.chain(told).any(|name| name.is(host, port))
    }

    /// What those are told whose requests came to this address of ours; what all are told where no listener is known for it.
    pub(crate) fn at(&self, transport: Transport, local: SocketAddr) -> SentBy {
        let all = |listener: &&Listener| {
            let bound = listener.address.ip();
            let is_any = bound.is_unspecified() && bound.is_ipv4() == local.is_ipv4();
            listener.transport == transport && (is_any || bound == local.ip())
        };
        let mut beside = self.listeners.iter().filter(all);
        let same_port = |listener: &&Listener| listener.address.port() == local.port();
        // A connection that we have opened has a port where nobody listens.
        let exact = beside.clone().find(same_port);
        match exact.or_else(|| beside.next()) {
            Some(Listener {
                name: Some(name), ..
            }) => name.clone(),
            Some(listener) if !local.ip().is_unspecified() => {
                SocketAddr::new(local.ip(), listener.address.port()).into()
            }
            Some(listener) => self.sent_by.with_port(listener.address.port()),
            None => self.sent_by.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_by_is_compared_with_its_default_port() {
        let named = SentBy::new("Proxy.Example", None).unwrap();
        assert!(named.is(b"proxy.example", Some(5060)));
        assert!(named.is(b"PROXY.example", None));
        assert!(!named.is(b"proxy.example", Some(5070)));
        let address: SentBy = "[2001:db8::1]:5070".parse::<SocketAddr>().unwrap().into();
        assert_eq!(address.to_string(), "[2001:db8::1]:5070");
        assert!(address.is(b"[2001:DB8::1]", Some(5070)));
        assert_eq!(SentBy::new("a b", None), Err(NotAHost));
    }
}
