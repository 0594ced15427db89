//! Where a next hop is, as the operator writes it, and what has to be asked to find out: RFC 3263 and RFC 2782 without a network.
//!
//! A next hop is a transport with a host, and maybe a port. An address is found already. A name with a port has addresses (A, AAAA);
//! one without may have SRV records that say which hosts and ports there are, in which order and with which share. Who asks the
//! DNS, keeps what it said and asks again is the host of this crate.

use crate::flow::Transport;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Longest name in the DNS, in characters: RFC 1035 §2.3.4 has 255 octets for it as it is sent.
pub const MAX_NAME: usize = 253;

/// Longest label of a name: RFC 1035 §2.3.4.
pub const MAX_LABEL: usize = 63;

/// A next hop as it is configured: `udp:192.0.2.10:5060`, `tls:sbc.example:5061`, `tcp:carrier.example`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HopSpec {
    /// How to reach it.
    pub transport: Transport,
    /// Its name or address.
    pub host: Host,
    /// Its port, if one was written.
    pub port: Option<u16>,
}

/// A host, by address or by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// An address: nothing has to be asked.
    Address(IpAddr),
    /// A name, in lower case.
    Name(Arc<str>),
}

/// One SRV record: RFC 2782.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// Those with the lowest are tried first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` if the service is decidedly not there.
    pub target: Box<str>,
}

/// An address at which a next hop was found, and its place among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Located {
    /// Those with the lowest are tried first.
    pub priority: u16,
    /// Which SRV record: all addresses of one host share its weight.
    pub record: u16,
    /// The share of that record among those of the same priority.
    pub weight: u16,
    /// The address.
    pub address: SocketAddr,
}

impl HopSpec {
    /// Reads `transport:host`, `transport:host:port`; an IPv6 address is written in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (transport, rest) = text.split_once(':')?;
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            "udp" => Transport::Udp,
            _ => return None,
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port: &u16| *port != 0)?),
            None => None,
        };
        let host = Host::parse(host)?;
        Some(Self {
            transport,
            host,
            port,
        })
    }

    /// The address, if it needs nobody to be asked.
    // RFC 3263 §4.2: "If TARGET is a numeric IP address, the client uses that address.  If the URI also contains a port, it uses that
    // port.  If no port is specified, it uses the default port for the particular transport protocol."
    pub fn literal(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Address(ip) => Some(SocketAddr::new(ip, self.port_or_default())),
            Host::Name(_) => None,
        }
    }

    /// The name to ask SRV records of, if there may be any.
    // RFC 3263 §4.2: "If the TARGET was not a numeric IP address, and no port was present in the URI, the client performs an SRV query on
    // the record returned from the NAPTR processing of Section 4.1, if such processing was performed.  If it was not, because a
    // transport was specified explicitly, the client performs an SRV query for that specific transport, using the service identifier
    // "_sips" for SIPS URIs.  For a SIP URI, if the client wishes to use TLS, it also uses the service identifier "_sips" for that
    // specific transport, otherwise, it uses "_sip"."
    pub fn service_name(&self) -> Option<String> {
        let (Host::Name(name), None) = (&self.host, self.port) else {
            return None;
        };
        let service = match self.transport {
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
            Transport::Udp => "_sip._udp",
        };
        Some(format!("{service}.{name}"))
    }

    /// The port where it is written, or else the transport's own.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.transport.default_port())
    }

    /// The name that TLS has to prove: the one that was asked for, whatever the DNS made of it.
    // RFC 5922 §7.3: "the client MUST compare the original domain portion of the SIP AUS used as input to the RFC 3263 [8] server location
    // procedures to the SIP domain identities obtained from the certificate."
    pub fn name(&self) -> Option<Arc<str>> {
        match &self.host {
            Host::Address(_) => None,
            Host::Name(name) => Some(name.clone()),
        }
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let bracketed = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Some(text) = bracketed {
            let ip = IpAddr::V6(text.parse().ok()?);
            return Self::usable(ip);
        }
        if let Ok(ip) = text.parse() {
            return Self::usable(IpAddr::V4(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        is_name(name).then(|| Self::Name(name.to_ascii_lowercase().into()))
    }

    fn usable(ip: IpAddr) -> Option<Self> {
        (!ip.is_unspecified()).then_some(Self::Address(ip))
    }
}

/// Whether a text is a host name that can be asked for: letters, digits and hyphens, and the last label no number.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= MAX_NAME
        && text.split('.').all(label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for HopSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Udp => "udp",
        };
        match &self.host {
            Host::Address(IpAddr::V6(ip)) => write!(f, "{transport}:[{ip}]")?,
            Host::Address(ip) => write!(f, "{transport}:{ip}")?,
            Host::Name(name) => write!(f, "{transport}:{name}")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_hops_are_read_as_they_are_written() {
        for (text, literal, service) in [
            ("udp:192.0.2.10:5060", Some("192.0.2.10:5060"), None),
            ("tls:192.0.2.10", Some("192.0.2.10:5061"), None),
            ("tcp:[2001:db8::1]:5070", Some("[2001:db8::1]:5070"), None),
            ("tcp:[2001:db8::1]", Some("[2001:db8::1]:5060"), None),
            ("udp:sbc.example:5060", None, None),
            ("udp:sbc.example", None, Some("_sip._udp.sbc.example")),
            ("tcp:sbc.example", None, Some("_sip._tcp.sbc.example")),
            ("tls:sbc.example", None, Some("_sips._tcp.sbc.example")),
        ] {
            let spec = HopSpec::parse(text).unwrap();
            assert_eq!(spec.to_string(), text);
            assert_eq!(spec.literal().map(|a| a.to_string()).as_deref(), literal);
            assert_eq!(spec.service_name().as_deref(), service, "{text}");
            assert_eq!(spec.name().is_some(), literal.is_none());
        }
        let spec = HopSpec::parse("tls:SBC.Example.").unwrap();
        assert_eq!(spec.to_string(), "tls:sbc.example");
    }

    #[test]
    fn what_is_no_next_hop_is_refused() {
        let long = format!("udp:{}", "a".repeat(64));
        let longer = format!("udp:{}a", "a.".repeat(127));
        for text in [
            "",
            "udp",
            "udp:",
            "sctp:192.0.2.1",
            "UDP:192.0.2.1",
            "udp:192.0.2.1:0",
            "udp:192.0.2.1:65536",
            "udp:192.0.2.1:",
            "udp:192.0.2",
            "udp:192.0.2.256:5060",
            "udp:0.0.0.0:5060",
            "udp:[::]:5060",
            "udp:2001:db8::1",
            "udp:[sbc.example]",
            "udp:[192.0.2.1]",
            "udp:a..b",
            "udp:-a.example",
            "udp:a b.example",
            &long,
            &longer,
        ] {
            assert_eq!(HopSpec::parse(text), None, "{text}");
        }
    }
}
