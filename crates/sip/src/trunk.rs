//! What a trunk is: who is on the other side, and what we do with their requests. Data, no behaviour.
//!
//! A [`Trunk`] is the arrangement with whoever sends us requests; where they go on is its [`NextHop`]s. [`Trunks`] finds the one
//! that a message came by. Keys, certificates and numbers of the tenant that signs here are the host's, found by
//! [`Trunk::name`].

use crate::call::{CallPolicy, TrustPai};
use crate::flow::{Flow, Transport};
use crate::verstat::Asserted;
use countersign::number::TelephoneNumber;
use countersign::passport::Attestation;
use countersign::verification::VerstatProfile;
use countersign::verification::policy::DEFAULT_DEADLINE_MILLIS;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait of a call for its signature or its judgement.
pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(DEFAULT_DEADLINE_MILLIS as u64);

/// Most next hops of a trunk. A call that has to try them all takes 64*T1 for each that is silent; who sends calls gives up long
/// before the third.
pub const MAX_NEXT_HOPS: usize = 8;

/// The arrangement with one peer.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name in configuration, logs and metrics; unique.
    pub name: Box<str>,
    /// What is done with its calls.
    pub role: Role,
    /// What becomes of calls that do not pass verification.
    pub treatment: Treatment,
    /// How callers and called are read from its requests, and whether its assertions are believed.
    pub call: CallPolicy,
    /// What becomes of Identity headers that are there already when we sign.
    pub existing_identity: ExistingIdentity,
    /// The most that is attested for its calls; the lower of this and what is deserved is signed.
    pub attestation_asked: Option<Attestation>,
    /// What goes into origid.
    pub origid: OrigIdMode,
    /// What a source address over UDP is worth.
    pub udp_source: UdpSource,
    /// How the verdict is written.
    pub verstat: VerstatStyle,
    /// Longest wait for a signature or a judgement.
    pub deadline: Duration,
    /// Numbers besides `urn:service:sos` whose calls are emergency calls, as they are dialled.
    pub emergency_numbers: Vec<TelephoneNumber>,
    /// Where its requests go on, in the order they are tried, those last that were silent a moment ago ([`crate::proxy::HOP_REST`]);
    /// at most [`MAX_NEXT_HOPS`] are looked at. All of them must be loose routers, RFC 3261 §16.6.
    pub next_hops: Vec<NextHop>,
}

impl Trunk {
    /// A trunk that does nothing but pass on, with every default.
    pub fn new(name: impl Into<Box<str>>, next_hops: Vec<NextHop>) -> Self {
        Self {
            name: name.into(),
            role: Role::default(),
            treatment: Treatment::default(),
            call: CallPolicy::default(),
            existing_identity: ExistingIdentity::default(),
            attestation_asked: None,
            origid: OrigIdMode::default(),
            udp_source: UdpSource::default(),
            verstat: VerstatStyle::default(),
            deadline: DEFAULT_DEADLINE,
            emergency_numbers: Vec::new(),
            next_hops,
        }
    }

    /// Whether its calls are judged: then no verdict on its requests is anybody's but ours.
    pub(crate) fn verifies(&self) -> bool {
        matches!(self.role, Role::Both | Role::Verify)
    }

    /// What becomes of its P-Asserted-Identity: what is not believed is not passed on either.
    pub(crate) fn asserted(&self) -> Asserted {
        match self.call.trust_pai {
            TrustPai::Ignored => Asserted::Removed,
            TrustPai::Trusted => Asserted::Kept,
        }
    }
}

/// What is done with the calls of a trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Those with an Identity are verified, and signed as [`ExistingIdentity`] says; those without are signed.
    Both,
    /// They pass.
    #[default]
    None,
    /// They are signed.
    Sign,
    /// They are verified.
    Verify,
}

/// What becomes of calls that do not pass verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// Those whose proof failed are rejected; the others that did not pass, as it says here.
    Reject {
        /// Calls whose proof could not be validated.
        not_validated: Leniency,
        /// Calls without proof.
        unsigned: Leniency,
    },
    /// All go on, with the verdict written on them.
    #[default]
    Tag,
}

/// Whether a call that did not pass goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leniency {
    /// It goes on, with the verdict written on it.
    #[default]
    Forward,
    /// It is rejected.
    Reject,
}

/// What becomes of Identity headers that are there already when we sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingIdentity {
    /// They stay and ours is added.
    Add,
    /// They stay and we do not sign.
    #[default]
    Keep,
    /// They go and ours takes their place.
    Replace,
}

/// What goes into origid. The UUIDs themselves are the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrigIdMode {
    /// Another one for each call.
    Call,
    /// One for the trunk, as long as it exists.
    #[default]
    Trunk,
}

/// What a source address over UDP is worth: anybody on the way can write one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UdpSource {
    /// As much as a connection: nobody can forge it in this network.
    Trusted,
    /// A weak credential, which caps attestation.
    #[default]
    Weak,
}

/// How a verdict is written into `verstat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerstatStyle {
    /// Whose reading of "failed".
    pub profile: VerstatProfile,
    /// Whether the attestation of a call that passed is told, too.
    pub suffix: AttestationSuffix,
}

/// Whether the attestation follows `TN-Validation-Passed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttestationSuffix {
    /// `TN-Validation-Passed-A`.
    Appended,
    /// `TN-Validation-Passed`.
    #[default]
    None,
}

/// An element that requests are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// How to reach it.
    pub transport: Transport,
    /// Where it is.
    pub address: SocketAddr,
    /// From which of our addresses; the host's choice if there is none.
    pub local: Option<SocketAddr>,
    /// What we call ourselves towards it, in Via; [`crate::proxy::Options::sent_by`] if there is none.
    pub sent_by: Option<SentBy>,
    /// What to do with a request that is too large for UDP.
    pub oversize: Oversize,
}

impl NextHop {
    /// An element at `address`, with every default.
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            local: None,
            sent_by: None,
            oversize: Oversize::default(),
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
    host: Box<str>,
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
        Ok(Self {
            host: host.to_ascii_lowercase().into(),
            port,
        })
    }

    /// Whether a host and port, as some header writes them, are this one. A port that neither side writes is the same; so is one
    /// that only one side writes, if it is the default.
    pub(crate) fn is(&self, host: &[u8], port: Option<u16>) -> bool {
        let default = Transport::Udp.default_port();
        let same_port =
            self.port == port || self.port.unwrap_or(default) == port.unwrap_or(default);
        same_port && self.host.as_bytes().eq_ignore_ascii_case(host)
    }
}

impl From<SocketAddr> for SentBy {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self {
            host: host.into(),
            port: Some(address.port()),
        }
    }
}

impl std::fmt::Display for SentBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl std::fmt::Display for NotAHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("neither a host name nor an address")
    }
}

impl std::error::Error for NotAHost {}

/// How a trunk is known: everything that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    /// One of these networks holds the source address; any does if there are none.
    pub networks: Vec<Network>,
    /// Our port that the message came to.
    pub local_port: Option<u16>,
    /// The name that TLS proved, without regard to case.
    pub tls_identity: Option<Box<str>>,
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
        networks && port && identity
    }

    /// Whether a message on `flow` is of this trunk; `tls_identity` is what the connection proved.
    pub fn fits(&self, flow: &Flow, tls_identity: Option<&str>) -> bool {
        let network = self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|network| network.contains(flow.remote.ip()));
        let port = self.local_port.is_none_or(|port| port == flow.local.port());
        let identity = self.tls_identity.as_deref().is_none_or(|wanted| {
            tls_identity.is_some_and(|proven| proven.eq_ignore_ascii_case(wanted))
        });
        network && port && identity
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

    /// The first trunk that a message on `flow` fits.
    pub fn find(&self, flow: &Flow, tls_identity: Option<&str>) -> Option<&Arc<Trunk>> {
        let fits =
            |(recognition, _): &&(Recognition, Arc<Trunk>)| recognition.fits(flow, tls_identity);
        self.known.iter().find(fits).map(|(_, trunk)| trunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                tls_identity: None,
            },
        );
        add(
            "peer",
            Recognition {
                tls_identity: Some("peer.example".into()),
                ..Recognition::default()
            },
        );
        let find = |flow, identity| trunks.find(&flow, identity).map(|trunk| &*trunk.name);
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
    fn one_recognition_covers_another() {
        let known_by = |networks: &[&str], local_port| Recognition {
            networks: networks.iter().map(|text| network(text)).collect(),
            local_port,
            tls_identity: None,
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
