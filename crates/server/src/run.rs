//! A configuration made to run: sockets, services, listeners, in the order in which nothing can be half up.
//!
//! Everything that can be wrong with files was found by [`mod@crate::config::check`]; what is left to fail here is the machine:
//! an address in use, no threads. Then nothing is left running.

use crate::clock::Clock;
use crate::config::check::Tenant;
use crate::config::listeners::UnknownSource;
use crate::config::trunk::{OrigIdChoice, TrunkSettings};
use crate::config::{Checked, Config};
use crate::fetch::{Fetcher, SystemResolver};
use crate::http::operations::Phase;
use crate::http::{self, Listener, Readiness, Repository, Site};
use crate::log::CallLog;
use crate::metrics::Metrics;
use crate::sip::server::{SipServer, Sockets};
use crate::sip::services::Services;
use crate::sip::state::{State, TrunkSigner};
use arc_swap::ArcSwap;
use countersign::crypto::{AwsLc, sha256, system_random};
use countersign::passport::OrigId;
use countersign::path::PathCache;
use countersign::verification::replay::DEFAULT_REPLAY_CAPACITY;
use countersign::verification::{MemoryReplay, VerificationService};
use countersign_sip::flow::Transport;
use countersign_sip::proxy::{self, Options};
use countersign_sip::trunk::{NextHop, SentBy, Trunks};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server that runs.
pub struct Running {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How many threads carry calls.
    pub shards: usize,
    /// Where SIP listens, with the ports that the system chose where the configuration has 0.
    pub listeners: Vec<(Transport, SocketAddr)>,
    readiness: Arc<Readiness>,
    stop: watch::Sender<bool>,
    http: Vec<JoinHandle<()>>,
    sip: SipServer,
}

impl Running {
    /// Ends: readiness first, so that nobody sends more; then SIP; HTTP last, because whoever verifies the calls of the last
    /// minute fetches certificates here.
    pub async fn stop(self) {
        self.readiness.set(Phase::Stopping);
        // It waits for threads; who runs this runtime has better things to do. One that panicked has said so.
        let sip = self.sip;
        let _ = tokio::task::spawn_blocking(move || drop(sip)).await;
        // Nobody listens any more only if all of them have ended already.
        let _ = self.stop.send(true);
        for listener in self.http {
            // One that panicked has said so.
            let _ = listener.await;
        }
    }
}

/// Starts what `config` describes, on the current async runtime.
///
/// # Errors
/// [`StartFault`]; then nothing is running.
pub async fn start(
    config: &Config,
    checked: Checked,
    clock: Arc<dyn Clock>,
) -> Result<Running, StartFault> {
    let runtime = tokio::runtime::Handle::current();
    let metrics = Arc::new(Metrics::default());
    let sockets = bind(config)?;
    let listeners = sockets.addresses();
    let fetcher = Fetcher::new(
        checked.fetch.clone(),
        Arc::new(SystemResolver::default()),
        clock.clone(),
        metrics.clone(),
        runtime.clone(),
    )
    .map_err(StartFault::Tls)?;
    let services = Arc::new(Services {
        clock,
        metrics: metrics.clone(),
        fetcher,
        runtime,
        state: ArcSwap::from_pointee(state(config, &checked, &listeners)),
    });
    let options = options(config, &listeners)?;
    let shards = config.sip.shards.unwrap_or_else(cores);
    let readiness = Arc::new(Readiness::default());
    let site = Site {
        repository: Arc::new(published(&checked)),
        readiness: readiness.clone(),
        metrics: config.metrics_enabled.then(|| metrics.clone()),
    };
    let (stop, stopping) = watch::channel(false);
    let http = listen(config, &checked, &site, &stopping).await?;
    let sip = SipServer::start(sockets, shards, &options, services).map_err(StartFault::Threads)?;
    readiness.set(Phase::Ready);
    Ok(Running {
        metrics,
        shards,
        listeners,
        readiness,
        stop,
        http,
        sip,
    })
}

fn state(config: &Config, checked: &Checked, listeners: &[(Transport, SocketAddr)]) -> State {
    State {
        generation: 1,
        calls: CallLog {
            numbers: config.log.numbers,
        },
        verification: verification(config),
        trust: checked.trust.clone(),
        trunks: trunks(config, listeners),
        signers: signers(config, checked),
        unknown_source: match config.sip.unknown_source {
            UnknownSource::Drop => proxy::UnknownSource::Drop,
            UnknownSource::Reject => proxy::UnknownSource::Forbid,
        },
        names: names(config, listeners),
    }
}

fn published(checked: &Checked) -> Repository {
    let repository = Repository::default();
    let chain = |tenant: &'_ Tenant| {
        Some((
            tenant.published_name.clone()?,
            tenant.service.signer().chain().clone(),
        ))
    };
    let chains: Vec<_> = checked.tenants.iter().filter_map(chain).collect();
    repository.publish(chains.iter().map(|(name, chain)| (&**name, chain)));
    repository
}

/// Binds every HTTP address before the first of them serves.
async fn listen(
    config: &Config,
    checked: &Checked,
    site: &Site,
    stopping: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, StartFault> {
    let listeners = [
        (Listener::Public, &config.public, &checked.public),
        (Listener::Trunk, &config.trunk, &checked.trunk),
        (Listener::Admin, &config.admin, &checked.admin),
    ];
    let mut bound = Vec::new();
    for (listener, settings, tls) in listeners {
        for address in settings.listen.iter().map(|address| address.value) {
            let socket = TcpListener::bind(address)
                .await
                .map_err(|error| StartFault::Bind(address, error))?;
            bound.push((listener, socket, tls.clone()));
        }
    }
    let serving = |(listener, socket, tls)| {
        tokio::spawn(http::serve(
            socket,
            tls,
            http::router(listener, site.clone()),
            stopping.clone(),
        ))
    };
    Ok(bound.into_iter().map(serving).collect())
}

fn bind(config: &Config) -> Result<Sockets, StartFault> {
    let addresses = |placed: &[crate::config::Placed<SocketAddr>]| {
        placed.iter().map(|one| one.value).collect::<Vec<_>>()
    };
    let (udp, tcp) = (addresses(&config.sip.udp), addresses(&config.sip.tcp));
    Sockets::bind(&udp, &tcp).map_err(|(address, error)| StartFault::Bind(address, error))
}

fn verification(config: &Config) -> VerificationService {
    let replay = Arc::new(MemoryReplay::new(DEFAULT_REPLAY_CAPACITY));
    VerificationService::new(
        config.verification.clone(),
        Arc::new(AwsLc),
        Arc::new(PathCache::new()),
        replay,
    )
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
    let signer = |trunk: &TrunkSettings| {
        let name = &trunk.tenant.as_ref()?.value;
        let tenant = checked.tenants.iter().find(|tenant| tenant.name == *name)?;
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

/// What the proxy is told for as long as it lives.
fn options(config: &Config, listeners: &[(Transport, SocketAddr)]) -> Result<Options, StartFault> {
    let (_, first) = listeners.first().ok_or(StartFault::NoListener)?;
    let advertised = config.sip.advertise.as_ref();
    let hops = config
        .trunks
        .iter()
        .flat_map(|trunk| &trunk.trunk.next_hops);
    let hop = hops
        .clone()
        .find(|hop| hop.address.is_ipv4() == first.is_ipv4());
    let name = match (advertised, hop) {
        (Some(name), _) => sent_by(&name.value)?,
        (None, Some(hop)) => SentBy::from(reachable(*first, hop.address)),
        (None, None) => SentBy::from(reachable(*first, *first)),
    };
    let mut secret = [0; 16];
    system_random(&mut secret).map_err(|_| StartFault::NoRandomness)?;
    let mut options = Options::new(name, secret);
    // Who is to hear nothing does not come past the reception.
    options.unknown_source = proxy::UnknownSource::Forbid;
    Ok(options)
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
fn reachable(listener: SocketAddr, peer: SocketAddr) -> SocketAddr {
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

fn sent_by(text: &str) -> Result<SentBy, StartFault> {
    let (host, port) = match text.rsplit_once(':') {
        // The last colon of a bare IPv6 reference is inside its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (text, None),
    };
    SentBy::new(host, port).map_err(|_| StartFault::Advertise(text.into()))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Why a server does not start although its configuration is right.
#[derive(Debug)]
pub enum StartFault {
    /// What is advertised is no host.
    Advertise(Box<str>),
    /// An address cannot be listened at.
    Bind(SocketAddr, std::io::Error),
    /// SIP listens nowhere.
    NoListener,
    /// The system gives no randomness.
    NoRandomness,
    /// The system gives no threads.
    Threads(std::io::Error),
    /// TLS cannot be set up.
    Tls(rustls::Error),
}

impl fmt::Display for StartFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advertise(name) => write!(
                f,
                "sip.advertise: {name:?} is no host; write host or host:port"
            ),
            Self::Bind(address, error) => write!(f, "cannot listen at {address}: {error}"),
            Self::NoListener => f.write_str("SIP listens nowhere; set sip.udp or sip.tcp"),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::Threads(error) => write!(f, "the system gives no threads: {error}"),
            Self::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
        }
    }
}

impl std::error::Error for StartFault {}
