//! How the trunk of a message is found.

use super::{Mode, Trunk};
use crate::flow::Flow;
use crate::message::{Message, Method};
use crate::query;
use std::net::IpAddr;
use std::sync::Arc;

/// How a trunk is known: everything that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    /// One of these networks holds the source address; any does if there are none.
    pub networks: Vec<Network>,
    /// Our port that the message came to.
    pub local_port: Option<u16>,
    /// The name that TLS proved, without regard to case.
    pub tls_identity: Option<Box<str>>,
    /// The trunk group that the request says it comes from ([`query::trunk_groups`]), without regard to case. It tells trunks of one
    /// peer apart; it proves nothing.
    pub trunk_group: Option<Box<str>>,
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address of it.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

impl Network {
    /// Whether `address` is one of it. IPv4 mapped into IPv6 is IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip.to_canonical() {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 32),
            IpAddr::V6(ip) => (ip.to_bits(), 128),
        };
        let ((ours, length), (theirs, other)) = (bits(self.address), bits(address));
        let prefix = u32::from(self.prefix).min(length);
        let differing = (ours ^ theirs).leading_zeros();
        length == other && differing >= prefix
    }
}

impl Network {
    /// Whether every address of `other` is one of this.
    pub fn holds(&self, other: &Self) -> bool {
        self.contains(other.address) && self.prefix <= other.prefix
    }
}

impl Recognition {
    /// Whether whatever fits `other` fits this, too: then a trunk known by `other` that comes later never gets a message.
    pub fn covers(&self, other: &Self) -> bool {
        let held = |theirs: &Network| self.networks.iter().any(|ours| ours.holds(theirs));
        let networks = self.networks.is_empty()
            || (!other.networks.is_empty() && other.networks.iter().all(held));
        let port = self.local_port.is_none() || self.local_port == other.local_port;
        let identity = self.tls_identity.is_none() || self.tls_identity == other.tls_identity;
        let same_group = |ours: &str| {
            let theirs = other.trunk_group.as_deref();
            theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(ours))
        };
        let group = self.trunk_group.as_deref().is_none_or(same_group);
        networks && port && identity && group
    }

    /// Whether what comes from `source` is of this trunk.
    pub fn fits(&self, source: &Source<'_>) -> bool {
        let identity = self.tls_identity.as_deref().is_none_or(|wanted| {
            let mut proven = source.tls_identities.iter();
            proven.any(|proven| proven.eq_ignore_ascii_case(wanted))
        });
        identity && self.might_fit(source.flow)
    }

    /// Whether what comes this way is of this trunk once the right name is proven.
    pub fn might_fit(&self, flow: &Flow) -> bool {
        let network = self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|network| network.contains(flow.remote.ip()));
        let port = self.local_port.is_none_or(|port| port == flow.local.port());
        network && port
    }

    /// Whether a request names the trunk group, or need not: ACK and CANCEL have no Contact and belong to what their INVITE began, and so
    /// does what is inside a dialog.
    fn is_named_by(&self, message: &Message) -> bool {
        let Some(group) = &self.trunk_group else {
            return true;
        };
        let mut named = query::trunk_groups(message).peekable();
        let says_nothing = named.peek().is_none();
        let follows = match message.method() {
            Some(Method::Ack | Method::Cancel) | None => true,
            Some(_) => message.to().is_ok_and(|to| to.tag().is_some()),
        };
        let is_it = |named: &[u8]| named.eq_ignore_ascii_case(group.as_bytes());
        (says_nothing && follows) || named.any(is_it)
    }
}

/// Where something came from, with what is proven about it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// On which way.
    pub flow: &'a Flow,
    /// The names that TLS proved: those of the certificate that the peer showed, and we believe.
    pub tls_identities: &'a [Box<str>],
}

impl<'a> From<&'a Flow> for Source<'a> {
    /// Nothing is proven.
    fn from(flow: &'a Flow) -> Self {
        let tls_identities = &[];
        Self {
            flow,
            tls_identities,
        }
    }
}

/// The trunks there are.
#[derive(Clone, Debug, Default)]
pub struct Trunks {
    known: Vec<(Recognition, Arc<Trunk>)>,
}

impl Trunks {
    /// Adds a trunk. Those added first are looked at first.
    pub fn add(&mut self, recognition: Recognition, trunk: Arc<Trunk>) {
        self.known.push((recognition, trunk));
    }

    /// All of them, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Trunk>> {
        self.known.iter().map(|(_, trunk)| trunk)
    }

    /// All of them, with how they are known, in the order they were added.
    pub fn known(&self) -> &[(Recognition, Arc<Trunk>)] {
        &self.known
    }

    /// The first trunk that fits a request from `source`; without the request, the first that might fit one.
    pub fn find(&self, source: &Source<'_>, request: Option<&Message>) -> Option<&Arc<Trunk>> {
        let fits = |(recognition, trunk): &&(Recognition, Arc<Trunk>)| {
            trunk.mode != Mode::Http
                && recognition.fits(source)
                && request.is_none_or(|request| recognition.is_named_by(request))
        };
        self.known.iter().find(fits).map(|(_, trunk)| trunk)
    }

    /// The first trunk that fits a request over HTTP from `source`: those that speak SIP may ask there, too, unless it is by what
    /// only a SIP request says that they are known.
    pub fn find_over_http(&self, source: &Source<'_>) -> Option<&Arc<Trunk>> {
        let fits = |(recognition, _): &&(Recognition, Arc<Trunk>)| {
            recognition.trunk_group.is_none() && recognition.fits(source)
        };
        self.known.iter().find(fits).map(|(_, trunk)| trunk)
    }

    /// Whether some trunk might be found over HTTP for what comes this way, once the right name is proven.
    pub fn might_ask_over_http(&self, flow: &Flow) -> bool {
        let might = |(recognition, _): &(Recognition, Arc<Trunk>)| {
            recognition.trunk_group.is_none() && recognition.might_fit(flow)
        };
        self.known.iter().any(might)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Transport;
    use std::net::SocketAddr;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network {
            address: address.parse().unwrap(),
            prefix: prefix.parse().unwrap(),
        }
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        for (net, address, held) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.6", false),
            ("192.0.2.7/99", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "192.0.2.1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(network(net).contains(address), held, "{net} {address}");
        }
    }

    #[test]
    fn a_trunk_is_known_by_everything_it_names() {
        let flow = |remote: &str, port| Flow {
            transport: Transport::Udp,
            local: SocketAddr::new("192.0.2.1".parse().unwrap(), port),
            remote: remote.parse().unwrap(),
            connection: None,
        };
        let mut trunks = Trunks::default();
        let mut add = |name: &str, recognition| {
            trunks.add(recognition, Arc::new(Trunk::new(name, Vec::new())));
        };
        add(
            "carrier",
            Recognition {
                networks: vec![network("198.51.100.0/24")],
                local_port: Some(5062),
                ..Recognition::default()
            },
        );
        add(
            "peer",
            Recognition {
                tls_identity: Some("peer.example".into()),
                ..Recognition::default()
            },
        );
        let find = |flow, identity: Option<&str>| {
            let proven: Vec<Box<str>> = identity.map(Box::from).into_iter().collect();
            let source = Source {
                flow: &flow,
                tls_identities: &proven,
            };
            trunks.find(&source, None).map(|trunk| &*trunk.name)
        };
        let names: Vec<_> = trunks.iter().map(|trunk| &*trunk.name).collect();
        assert_eq!(names, ["carrier", "peer"]);
        assert_eq!(find(flow("198.51.100.9:5060", 5062), None), Some("carrier"));
        assert_eq!(find(flow("198.51.100.9:5060", 5060), None), None);
        assert_eq!(find(flow("203.0.113.9:5060", 5062), None), None);
        assert_eq!(
            find(flow("203.0.113.9:5060", 5061), Some("PEER.example")),
            Some("peer")
        );
    }

    #[test]
    fn who_might_ask_over_http_is_seen_by_its_address() {
        let flow = |remote: &str| Flow {
            transport: Transport::Tcp,
            local: "192.0.2.1:8080".parse().unwrap(),
            remote: remote.parse().unwrap(),
            connection: None,
        };
        let might = |recognition, remote| {
            let mut trunks = Trunks::default();
            trunks.add(recognition, Arc::new(Trunk::new("t", Vec::new())));
            trunks.might_ask_over_http(&flow(remote))
        };
        let known = Recognition {
            networks: vec![network("198.51.100.0/24")],
            tls_identity: Some("peer.example".into()),
            ..Recognition::default()
        };
        let named = Recognition {
            networks: Vec::new(),
            ..known.clone()
        };
        let grouped = Recognition {
            trunk_group: Some("000200".into()),
            ..known.clone()
        };
        assert!(might(known.clone(), "198.51.100.9:1"));
        assert!(!might(known, "203.0.113.9:1"));
        assert!(might(named, "203.0.113.9:1"), "who can prove its name");
        assert!(!might(grouped, "198.51.100.9:1"), "only SIP says it");
    }

    #[test]
    fn one_recognition_covers_another() {
        let known_by = |networks: &[&str], local_port| Recognition {
            networks: networks.iter().map(|text| network(text)).collect(),
            local_port,
            ..Recognition::default()
        };
        for (one, other, covered) in [
            (
                known_by(&["192.0.2.0/24"], None),
                known_by(&["192.0.2.7/32"], None),
                true,
            ),
            (
                known_by(&["192.0.2.0/24"], None),
                known_by(&["192.0.2.7/32"], Some(5062)),
                true,
            ),
            (
                known_by(&["192.0.2.0/24"], Some(5062)),
                known_by(&["192.0.2.7/32"], None),
                false,
            ),
            (
                known_by(&["192.0.2.7/32"], None),
                known_by(&["192.0.2.0/24"], None),
                false,
            ),
            (
                known_by(&["192.0.2.0/24"], None),
                known_by(&["192.0.2.7/32", "203.0.113.0/24"], None),
                false,
            ),
            (
                known_by(&[], Some(5062)),
                known_by(&["192.0.2.7/32"], Some(5062)),
                true,
            ),
            (
                known_by(&["0.0.0.0/0"], Some(5062)),
                known_by(&[], Some(5062)),
                false,
            ),
        ] {
            assert_eq!(one.covers(&other), covered, "{one:?} {other:?}");
        }
    }

    #[test]
    fn trunks_of_one_peer_are_told_apart_by_their_group() {
        let mut trunks = Trunks::default();
        for (name, group) in [
            ("west", Some("000200")),
            ("east", Some("tg-E")),
            ("rest", None),
        ] {
            let recognition = Recognition {
                local_port: Some(5060),
                trunk_group: group.map(Box::from),
                ..Recognition::default()
            };
            trunks.add(recognition, Arc::new(Trunk::new(name, Vec::new())));
        }
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.10:5060".parse().unwrap(),
            connection: None,
        };
        let find = |method: &str, from: &str, to: &str| {
            let text = format!(
                "{method} sip:b@h SIP/2.0\r\nFrom: <sip:a@h>{from}\r\nTo: <sip:b@h>{to}\r\n\r\n"
            );
            let message = Message::parse(text.into(), crate::message::Framing::Datagram).unwrap();
            let trunk = trunks.find(&Source::from(&flow), Some(&message));
            trunk.map(|trunk| trunk.name.clone())
        };
        assert_eq!(find("INVITE", ";otg=000200", "").as_deref(), Some("west"));
        assert_eq!(find("INVITE", ";otg=TG-e", "").as_deref(), Some("east"));
        assert_eq!(find("INVITE", ";otg=7", "").as_deref(), Some("rest"));
        assert_eq!(find("INVITE", "", "").as_deref(), Some("rest"));
        // These have no Contact in which a group might stand: the element finds what they belong to.
        assert_eq!(find("CANCEL", "", "").as_deref(), Some("west"));
        assert_eq!(find("ACK", "", ";tag=2").as_deref(), Some("west"));
        assert_eq!(find("BYE", ";otg=TG-e", ";tag=2").as_deref(), Some("east"));
        assert_eq!(
            trunks
                .find(&Source::from(&flow), None)
                .map(|trunk| &*trunk.name),
            Some("west")
        );
    }

    #[test]
    fn a_group_is_covered_by_itself_and_by_all() {
        let known_by = |group: Option<&str>| Recognition {
            trunk_group: group.map(Box::from),
            ..Recognition::default()
        };
        assert!(known_by(None).covers(&known_by(Some("a"))));
        assert!(known_by(Some("A")).covers(&known_by(Some("a"))));
        assert!(!known_by(Some("b")).covers(&known_by(Some("a"))));
        assert!(!known_by(Some("a")).covers(&known_by(None)));
    }
}
