//! From a checked configuration to the state that shards read.

use crate::config::listeners::UnknownSource;
use crate::config::trunk::{OrigIdChoice, TrunkSettings};
use crate::config::{Checked, Config};
use crate::hep::Hep;
use crate::log::CallLog;
use crate::metrics::Metrics;
use crate::sip::state::{State, TrunkSigner};
use crate::trust::Keeper;
use countersign::crypto::{AwsLc, sha256};
use countersign::passport::OrigId;
use countersign::path::PathCache;
use countersign::verification::replay::DEFAULT_REPLAY_CAPACITY;
use countersign::verification::{MemoryReplay, VerificationService};
use countersign_sip::element;
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{NextHop, SentBy, Trunks};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// What is the same for every configuration: where we listen, and what verification remembers.
pub(super) struct Foundation {
    pub(super) listeners: Vec<(Transport, SocketAddr)>,
    keeper: Keeper,
    hep: Arc<Hep>,
    metrics: Arc<Metrics>,
    pub(super) paths: Arc<PathCache>,
    replay: Arc<MemoryReplay>,
}

impl Foundation {
    pub(super) fn new(
        listeners: Vec<(Transport, SocketAddr)>,
        keeper: Keeper,
        hep: Arc<Hep>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            listeners,
            keeper,
            hep,
            metrics,
            paths: Arc::default(),
            replay: Arc::new(MemoryReplay::new(DEFAULT_REPLAY_CAPACITY)),
        }
    }

    /// The state that this configuration describes; from now on its lists are kept up, and no others.
    pub(super) fn state(&self, config: &Config, checked: &Checked, generation: u64) -> State {
        let policy = config.verification.clone();
        let as_of = checked.records.as_ref().map(|records| records.as_of());
        self.metrics.trust.show_number_authority(as_of);
        self.show_ends(checked);
        self.hep.replace(checked.hep.as_ref());
        let (paths, replay) = (self.paths.clone(), self.replay.clone());
        State {
            generation,
            calls: CallLog {
                numbers: config.log.numbers,
            },
            verification: VerificationService::new(policy, Arc::new(AwsLc), paths, replay),
            trust: self.keeper.replace(checked.trust.clone()),
            records: checked.records.clone(),
            trunks: trunks(config, &self.listeners),
            retired: Vec::new(),
            signers: signers(config, checked),
            unknown_source: match config.sip.unknown_source {
                UnknownSource::Drop => element::UnknownSource::Drop,
                UnknownSource::Reject => element::UnknownSource::Forbid,
            },
            missing_identity: config.door.missing_identity,
            patience: config.sip.patience,
            names: names(config, &self.listeners),
        }
    }
}

impl Foundation {
    /// Tells when our certificates end, or the first of those above them.
    fn show_ends(&self, checked: &Checked) {
        let ends = &self.metrics.own_certificates;
        ends.clear();
        if let Some(validity) = checked.sip.validity {
            ends.set(["tls", "sip"], validity.not_after.as_secs());
        }
        for tenant in &checked.tenants {
            let chain = tenant.service.signer().chain().certificates().iter();
            let end = chain.map(|certificate| certificate.validity().not_after);
            if let Some(end) = end.min() {
                ends.set(["tenant", &tenant.name], end.as_secs());
            }
        }
    }
}

fn trunks(config: &Config, listeners: &[(Transport, SocketAddr)]) -> Trunks {
    let mut trunks = Trunks::default();
    for settings in &config.trunks {
        let mut trunk = settings.trunk.clone();
        if config.sip.advertise.is_none() {
            for hop in &mut trunk.next_hops {
                hop.sent_by = our_name_for(hop, listeners);
            }
        }
        trunks.add(settings.recognition.clone(), Arc::new(trunk));
    }
    trunks
}

/// What a next hop should call us: the listener of its transport and address family, or what we have that is nearest.
fn our_name_for(hop: &NextHop, listeners: &[(Transport, SocketAddr)]) -> Option<SentBy> {
    let same_family = |address: &SocketAddr| address.is_ipv4() == hop.address.is_ipv4();
    let mut best = listeners.iter().filter(|(_, address)| same_family(address));
    let listener = best
        .clone()
        .find(|(transport, _)| *transport == hop.transport)
        .or_else(|| best.next());
    listener.map(|(_, listener)| SentBy::from(reachable(*listener, hop.address)))
}

fn signers(config: &Config, checked: &Checked) -> HashMap<Box<str>, TrunkSigner> {
    let tenants = checked.tenants.iter();
    let tenants: HashMap<_, _> = tenants.map(|tenant| (&tenant.name, tenant)).collect();
    let signer = |trunk: &TrunkSettings| {
        let tenant = tenants.get(&trunk.tenant.as_ref()?.value)?;
        let signer = TrunkSigner {
            service: tenant.service.clone(),
            unlisted: trunk.unlisted,
            origid: origid(trunk, &tenant.name),
        };
        Some((trunk.name.value.clone(), signer))
    };
    config.trunks.iter().filter_map(signer).collect()
}

/// The origid of a trunk: the same at every start, so that a traceback a year later still finds the trunk. A version 8 UUID
/// (RFC 9562 §5.8) made of the names.
fn origid(trunk: &TrunkSettings, tenant: &str) -> OrigId {
    if let OrigIdChoice::Fixed(origid) = trunk.origid {
        return origid;
    }
    let digest = sha256(format!("countersign origid\0{tenant}\0{}", trunk.name.value).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    OrigId::from_bytes(bytes)
}

/// What others call us besides: all our listeners, and what next hops are told.
fn names(config: &Config, listeners: &[(Transport, SocketAddr)]) -> Vec<SentBy> {
    let mut names: Vec<_> = listeners
        .iter()
        .map(|(_, address)| SentBy::from(*address))
        .collect();
    let hops = config
        .trunks
        .iter()
        .flat_map(|trunk| &trunk.trunk.next_hops);
    for name in hops.filter_map(|hop| our_name_for(hop, listeners)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `0.0.0.0` is no address that anybody can answer to: then it is the one from which the system would reach `peer`.
pub(super) fn reachable(listener: SocketAddr, peer: SocketAddr) -> SocketAddr {
    if !listener.ip().is_unspecified() {
        return listener;
    }
    let loopback = match listener.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = source_towards(listener, peer).unwrap_or(loopback);
    SocketAddr::new(ip, listener.port())
}

/// Connecting a UDP socket sends nothing; it makes the system choose a source address.
fn source_towards(listener: SocketAddr, hop: SocketAddr) -> std::io::Result<IpAddr> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(listener.ip(), 0))?;
    socket.connect(hop)?;
    Ok(socket.local_addr()?.ip())
}
