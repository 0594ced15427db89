//! A configuration made to run: sockets, services, listeners, in the order in which nothing can be half up; and another one put
//! in its place.
//!
//! - [`capacity`]: what this process can carry.
//! - `assembly`: from a checked configuration to the state that shards read.
//! - `next_hops`: their names, looked up beside the calls.
//! - `reading`: the thread on which configurations are read again.
//! - `succession`: a process in the place of another.
//! - `reload`: the next configuration, in one step or not at all.
//!
//! Everything that can be wrong with files was found by [`mod@crate::config::check`]; what is left to fail here is the machine:
//! an address in use, no threads. Then nothing is left running.

pub mod capacity;
mod assembly;
mod next_hops;
mod reading;
mod reload;
mod succession;

use self::assembly::Foundation;
use self::next_hops::{KnownPlaces, Lookups};
use self::reload::{Front, Reloader};
use self::succession::{Hands, duplicate};
use crate::brands::{self, Brands};
use crate::clock::Clock;
use crate::config::tenant::TenantSettings;
use crate::config::{Checked, Config};
use crate::fetch::{Fetcher, SystemResolver};
use crate::handover::{Inherited, Successor};
use crate::hep::Hep;
use crate::http::operations::{Concern, Phase};
use crate::http::{self, Door, Listener, Readiness, Site};
use crate::metrics::Metrics;
use crate::office::service::{Part, Service};
use crate::office::{Office, OfficeFault};
use crate::prewarm::{Ground, Prewarmer};
use crate::reload::Reloads;
use crate::routes::reachable;
use crate::sip::helm::{Helm, Pulse};
use crate::sip::secure::Secure;
use crate::sip::server::{SipServer, Sockets};
use crate::sip::services::Services;
use crate::staples;
use crate::supporters;
use crate::trust::{Keeper, StateFault};
use crate::upkeep::{Own, Upkeep};
use arc_swap::ArcSwap;
use countersign::crypto::{AwsLc, system_random};
use countersign_sip::element::{self, Options};
use countersign_sip::flow::Transport;
use countersign_sip::location::HopSpec;
use countersign_sip::trunk::{AnswerChecking, Listener as SipListener, Role, SentBy, Trunk};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Pause between two looks whether all is over.
const LOOK: Duration = Duration::from_millis(20);

/// A server that runs.
pub struct Running {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How many threads carry calls.
    pub shards: usize,
    /// Where SIP listens, with the ports that the system chose where the configuration has 0.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// Where HTTP listens, in the same way.
    pub web: Vec<(Listener, SocketAddr)>,
    /// Where another configuration is asked for.
    pub reloads: Reloads,
    readiness: Arc<Readiness>,
    stop: watch::Sender<bool>,
    http: Vec<JoinHandle<()>>,
    services: Arc<Services>,
    lookups: JoinHandle<()>,
    reloader: JoinHandle<()>,
    prewarming: Option<JoinHandle<()>>,
    branding: JoinHandle<()>,
    remembering: JoinHandle<()>,
    successor: Option<oneshot::Receiver<Successor>>,
    sip: SipServer,
}

impl Running {
    /// Begins nothing new and waits until everything that has begun is over, as long as the configuration allows. Who asks
    /// whether we are ready is told first, so that they send no more.
    pub async fn drain(&self) {
        self.readiness.set(Phase::Draining);
        self.sip.drain();
        let limit = self.services.state().patience.drain;
        match tokio::time::timeout(limit, self.quiet(|pulse| pulse.busy() + pulse.calls())).await {
            Ok(()) => tracing::info!("drained: nothing is left that has begun"),
            Err(_) => tracing::warn!(busy = self.busy(), "drain_s has passed; not all is over"),
        }
    }

    /// Until no shard has anything that has begun, and none has anything in its queue.
    async fn quiet(&self, left: impl Fn(&Pulse) -> usize) {
        let helm = self.sip.helm();
        let mut seen: Vec<u64> = Vec::new();
        loop {
            let turns = helm.pulses().iter().map(Pulse::turns).collect();
            // A turn takes what was in the queue: two looks with a turn between them, and nothing to do in both.
            let turned = |now: &Vec<u64>| {
                let pairs = seen.iter().zip(now);
                seen.len() == now.len() && { pairs }.all(|(before, now)| *now > *before + 1)
            };
            if helm.pulses().iter().map(&left).sum::<usize>() > 0 {
                seen.clear();
            } else if turned(&turns) {
                return;
            } else if seen.is_empty() {
                seen = turns;
            }
            self.sip.wake();
            tokio::time::sleep(LOOK).await;
        }
    }

    fn busy(&self) -> usize {
        self.sip.helm().pulses().iter().map(Pulse::busy).sum()
    }

    /// What the shards tell of themselves.
    pub fn helm(&self) -> Arc<Helm> {
        self.sip.helm()
    }

    /// Ends: readiness first, so that nobody sends more; then SIP; HTTP last, because whoever verifies the calls of the last
    /// minute fetches certificates here.
    pub async fn stop(self) {
        self.readiness.set(Phase::Stopping);
        self.reloader.abort();
        self.lookups.abort();
        // It waits for threads; who runs this runtime has better things to do. One that panicked has said so.
        let sip = self.sip;
        let _ = tokio::task::spawn_blocking(move || drop(sip)).await;
        // Nobody listens any more only if all of them have ended already.
        let _ = self.stop.send(true);
        for listener in self
            .http
            .into_iter()
            .chain(self.prewarming)
            .chain([self.branding, self.remembering])
        {
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
    start_after(config, checked, clock, None).await
}

/// The same in the place of another process, whose sockets these are.
///
/// # Errors
/// [`StartFault`]; then nothing is running, and the other process goes on.
pub async fn start_after(
    config: &Config,
    checked: Checked,
    clock: Arc<dyn Clock>,
    inherited: Option<Inherited>,
) -> Result<Running, StartFault> {
    let metrics = Arc::new(Metrics::default());
    let mut hands = Hands::new(config.sip.takeover_socket.as_ref(), inherited);
    let mut sockets = bind(config, hands.inherited())?;
    hands.keep(sockets.duplicates());
    sockets.relayed = hands.relayed();
    let listeners = sockets.addresses();
    let fetcher = fetcher(&checked, &clock, &metrics)?;
    checked.trust.prepare().map_err(StartFault::State)?;
    let keeper = Keeper::start(fetcher.clone(), clock.clone(), metrics.clone());
    let hep = Arc::new(Hep::new(clock.clone(), metrics.clone()));
    let places = Arc::new(KnownPlaces::new(config.sip.dns_servers.clone()));
    let memory_file = config.connected.memory_file.clone();
    let supporters = supporters::Keeper::read(memory_file, clock.clone(), metrics.clone());
    let foundation = Foundation::new(
        listeners.clone(),
        keeper,
        hep.clone(),
        metrics.clone(),
        places.clone(),
        supporters.memory(),
    );
    let state = foundation.state(config, &checked, (1, 1), &Brands::default());
    let services = services(&clock, &metrics, hep, fetcher, state);
    metrics.generation.set(1);
    let options = options(config, &listeners)?;
    let shards = config.sip.shards.unwrap_or_else(cores);
    let readiness = Arc::new(Readiness::default());
    let front = Front::new(services.secure.clone());
    front.show(&checked, services.clock.now().ticks);
    let (reloads, questions) = Reloads::new();
    let (stop, stopping) = watch::channel(false);
    let authority = authority(config, &services, &stopping).await?;
    let site = site(config, &front, &readiness, &reloads, &services, &authority);
    let (web, http) = listen(config, &front, &site, &stopping, &mut hands).await?;
    let sip = SipServer::start(sockets, shards, &options, services.clone())
        .map_err(StartFault::Threads)?;
    let branding = branding(&services, &stopping);
    let remembering = tokio::spawn(supporters.run(stopping.clone()));
    upkeep(config, &services, &reloads, &stopping);
    tokio::spawn(stapling(&services, &stopping));
    let prewarming = prewarming(config, &services, &foundation, &stopping);
    let reloader = Reloader::new(config.clone(), checked, foundation, services.clone(), front);
    concern(&readiness, &services, authority, sip.helm());
    let lookups = tokio::spawn(Lookups::new(places.clone(), services.clone()).run());
    places.first_answers().await;
    let hands = hands.ready().await.map_err(StartFault::Predecessor)?;
    let successor = hands.start(sip.helm()).map_err(StartFault::Threads)?;
    readiness.set(Phase::Ready);
    Ok(Running {
        metrics,
        shards,
        listeners,
        web,
        reloads,
        readiness,
        stop,
        http,
        services,
        lookups,
        reloader: tokio::spawn(reloader.run(questions)),
        prewarming,
        branding,
        remembering,
        successor,
        sip,
    })
}

/// What every call is served with, on the current async runtime.
fn services(
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
    hep: Arc<Hep>,
    fetcher: Arc<Fetcher>,
    state: crate::sip::state::State,
) -> Arc<Services> {
    Arc::new(Services {
        clock: clock.clone(),
        metrics: metrics.clone(),
        hep,
        lists: fetcher.for_lists(),
        cards: fetcher.for_cards(),
        pictures: fetcher.for_pictures(),
        statuses: fetcher.for_statuses(),
        secure: Arc::new(Secure::new(clock.clone())),
        fetcher,
        runtime: tokio::runtime::Handle::current(),
        standing: Default::default(),
        inquiries: Default::default(),
        state: ArcSwap::from_pointee(state),
    })
}

/// Who fetches certificates and lists, on the current async runtime.
fn fetcher(
    checked: &Checked,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Fetcher>, StartFault> {
    Fetcher::new(
        checked.fetch.clone(),
        Arc::new(SystemResolver::default()),
        clock.clone(),
        metrics.clone(),
        tokio::runtime::Handle::current(),
    )
    .map_err(StartFault::Tls)
}

/// The authority, if this server is one; its lists are kept fresh until `stopping` becomes true.
async fn authority(
    config: &Config,
    services: &Arc<Services>,
    stopping: &watch::Receiver<bool>,
) -> Result<Option<Arc<Service>>, StartFault> {
    let Some(settings) = config.ca.clone() else {
        return Ok(None);
    };
    let (fetcher, clock) = (services.fetcher.clone(), services.clock.clone());
    let metrics = services.metrics.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let office = Office::open_by(&settings, clock.clone())?;
        Service::open(&office, fetcher, clock, metrics)
    });
    // One that panicked has said so.
    let opened = opened.await.unwrap_or(Err(OfficeFault::NoRandomness));
    let service = Arc::new(opened.map_err(StartFault::Authority)?);
    service.tell();
    service.resume_fetches();
    tokio::spawn(service.clone().keep_lists(stopping.clone()));
    tokio::spawn(service.clone().keep_numbers(stopping.clone()));
    tokio::spawn(service.clone().keep_finishing(stopping.clone()));
    Ok(Some(service))
}

/// Our own certificates are kept alive until `stopping` becomes true.
fn upkeep(
    config: &Config,
    services: &Arc<Services>,
    reloads: &Reloads,
    stopping: &watch::Receiver<bool>,
) {
    let upkeep = Upkeep {
        fetcher: services.fetcher.clone(),
        clock: services.clock.clone(),
        reloads: reloads.clone(),
        metrics: services.metrics.clone(),
    };
    for tenant in config.tenants.iter().flat_map(TenantSettings::all) {
        let Some(source) = tenant.enroll.clone() else {
            continue;
        };
        let own = Own {
            tenant: tenant.name.value.clone(),
            certificate_file: tenant.certificate_file.value.clone(),
            key_file: tenant.key_file.value.clone(),
            source,
        };
        tokio::spawn(upkeep.clone().keep(own, stopping.clone()));
    }
}

/// What HTTP answers from.
fn site(
    config: &Config,
    front: &Front,
    readiness: &Arc<Readiness>,
    reloads: &Reloads,
    services: &Arc<Services>,
    authority: &Option<Arc<Service>>,
) -> Site {
    let door = Door {
        services: services.clone(),
        base: config.door.base.clone(),
    };
    Site {
        clock: services.clock.clone(),
        repository: front.repository.clone(),
        readiness: readiness.clone(),
        metrics: config.metrics_enabled.then(|| services.metrics.clone()),
        reloads: reloads.clone(),
        authority: authority.clone(),
        door: Some(Arc::new(door)),
    }
}

/// What is told to who asks whether we are ready, although we are.
fn concern(
    readiness: &Readiness,
    services: &Arc<Services>,
    authority: Option<Arc<Service>>,
    helm: Arc<Helm>,
) {
    let services = services.clone();
    readiness.concerns(move || {
        let parts = Part::ALL.into_iter();
        let mut concerns: Vec<_> = authority
            .iter()
            .flat_map(|authority| {
                let broken = parts.clone().filter(|part| !authority.works(*part));
                broken.map(Concern::Authority)
            })
            .collect();
        let state = services.state();
        if helm.pulses().iter().any(Pulse::is_shedding) {
            concerns.push(Concern::Overloaded);
        }
        let now = services.clock.now().unix;
        let lives = state.signers.values();
        let lives = lives.map(|one| one.service.signer().validity());
        concerns.extend(
            lives
                .filter_map(|life| Concern::of_certificate(life, now))
                .next(),
        );
        let judges = |trunk: &Arc<Trunk>| {
            let answers = trunk.connected.as_deref();
            let checks = answers.is_some_and(|answers| answers.check != AnswerChecking::Off);
            matches!(trunk.role, Role::Verify | Role::Both) || checks
        };
        let domains = state.trust.domains();
        let anchors = domains.iter().map(|domain| domain.trust.anchors().len());
        if state.trunks.iter().any(judges) && anchors.sum::<usize>() == 0 {
            concerns.push(Concern::TrustMissing);
        }
        concerns
    });
}

/// Keeps known signers warm, if that is wanted.
fn prewarming(
    config: &Config,
    services: &Arc<Services>,
    foundation: &Foundation,
    stopping: &watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let believing = services.clone();
    let ground = Ground {
        fetcher: services.fetcher.clone(),
        clock: services.clock.clone(),
        metrics: services.metrics.clone(),
        paths: foundation.paths.clone(),
        keys: Arc::new(AwsLc),
        trusts: Box::new(move || {
            let domains = believing.state().trust.domains();
            domains.iter().map(|domain| domain.trust.clone()).collect()
        }),
    };
    let settings = &config.prewarm;
    settings.enabled.then(|| {
        let prewarmer = Prewarmer::new(ground, settings.known_signers_file.clone());
        tokio::spawn(prewarmer.run(stopping.clone()))
    })
}

/// What is to be sent along with what is signed is fetched until `stopping` becomes true.
fn stapling(
    services: &Arc<Services>,
    stopping: &watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let signing = services.clone();
    let ground = staples::Ground {
        fetcher: services.fetcher.clone(),
        clock: services.clock.clone(),
        metrics: services.metrics.clone(),
        shelves: Box::new(move || signing.state().staples.clone()),
    };
    staples::keep(ground, stopping.clone())
}

/// Makes brands, and keeps them up.
fn branding(services: &Arc<Services>, stopping: &watch::Receiver<bool>) -> JoinHandle<()> {
    let branded = services.clone();
    let ground = brands::Ground {
        cards: services.cards.clone(),
        pictures: services.pictures.clone(),
        others: services.fetcher.clone(),
        clock: services.clock.clone(),
        metrics: services.metrics.clone(),
        brands: Box::new(move || branded.state().brands.clone()),
    };
    tokio::spawn(brands::Keeper::new(ground).run(stopping.clone()))
}

/// Binds every HTTP address before the first of them serves.
async fn listen(
    config: &Config,
    front: &Front,
    site: &Site,
    stopping: &watch::Receiver<bool>,
    hands: &mut Hands,
) -> Result<(Vec<(Listener, SocketAddr)>, Vec<JoinHandle<()>>), StartFault> {
    let listeners = [
        (Listener::Public, &config.public, &front.public),
        (Listener::Trunk, &config.trunk, &front.trunk),
        (Listener::Admin, &config.admin, &front.admin),
    ];
    let (mut bound, mut web) = (Vec::new(), Vec::new());
    for (listener, settings, tls) in listeners {
        for address in settings.listen.iter().map(|address| address.value) {
            let socket = match hands.inherited().and_then(|all| all.stream(address)) {
                Some(socket) => TcpListener::from_std(socket),
                None => TcpListener::bind(address).await,
            };
            let socket = socket.map_err(|error| StartFault::Bind(address, error))?;
            hands.keep(duplicate(&socket).map(|socket| vec![socket]));
            web.push((listener, socket.local_addr().unwrap_or(address)));
            bound.push((listener, socket, tls.clone()));
        }
    }
    let serving = |(listener, socket, tls)| {
        tokio::spawn(http::serve(
            socket,
            tls,
            http::guests(listener, site),
            http::router(listener, site.clone()),
            stopping.clone(),
        ))
    };
    Ok((web, bound.into_iter().map(serving).collect()))
}

fn bind(config: &Config, inherited: Option<&mut Inherited>) -> Result<Sockets, StartFault> {
    let addresses = |placed: &[crate::config::Placed<SocketAddr>]| {
        placed.iter().map(|one| one.value).collect::<Vec<_>>()
    };
    let (udp, tcp) = (addresses(&config.sip.udp), addresses(&config.sip.tcp));
    let tls = addresses(&config.sip.tls);
    Sockets::bind(&udp, &tcp, &tls, inherited)
        .map_err(|(address, error)| StartFault::Bind(address, error))
}

/// What the proxy is told for as long as it lives.
fn options(config: &Config, listeners: &[(Transport, SocketAddr)]) -> Result<Options, StartFault> {
    let (_, first) = listeners.first().ok_or(StartFault::NoListener)?;
    let advertised = config.sip.advertise.as_ref();
    let hops = config.trunks.iter().flat_map(|trunk| &trunk.route.hops);
    let hop = hops
        .filter_map(HopSpec::literal)
        .find(|address| address.is_ipv4() == first.is_ipv4());
    let name = match (advertised, hop) {
        (Some(name), _) => sent_by(&name.value)?,
        (None, Some(hop)) => SentBy::from(reachable(*first, hop)),
        (None, None) => SentBy::from(reachable(*first, *first)),
    };
    let mut secret = [0; 16];
    system_random(&mut secret).map_err(|_| StartFault::NoRandomness)?;
    let mut options = Options::new(name, secret);
    let listeners = listeners.iter().map(|one| listener(config, *one));
    options.names.listeners = listeners.collect::<Result<_, _>>()?;
    // Who is to hear nothing does not come past the reception.
    options.unknown_source = element::UnknownSource::Forbid;
    Ok(options)
}

/// A listener, and what is told there. What all are told has the port of UDP and TCP.
fn listener(
    config: &Config,
    (transport, address): (Transport, SocketAddr),
) -> Result<SipListener, StartFault> {
    let mut named = config.sip.advertise_for.iter();
    let named = named.find(|(listener, _)| *listener == address);
    let name = match (named, &config.sip.advertise) {
        (Some((_, name)), _) => Some(name.clone()),
        (None, None) => None,
        (None, Some(all)) => Some(match (sent_by(&all.value)?, transport) {
            (all, Transport::Tls) => all.with_port(address.port()),
            (all, _) => all,
        }),
    };
    Ok(SipListener {
        transport,
        address,
        name,
    })
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
    /// There is no authority as it is configured.
    Authority(OfficeFault),
    /// An address cannot be listened at.
    Bind(SocketAddr, std::io::Error),
    /// SIP listens nowhere.
    NoListener,
    /// The system gives no randomness.
    NoRandomness,
    /// The process in whose place this one goes on does not hear that it may.
    Predecessor(std::io::Error),
    /// What must outlive the process cannot be kept.
    State(StateFault),
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
            Self::Authority(fault) => write!(f, "ca: {fault}"),
            Self::Bind(address, error) => write!(f, "cannot listen at {address}: {error}"),
            Self::NoListener => f.write_str("SIP listens nowhere; set sip.udp, sip.tcp or sip.tls"),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::Predecessor(error) => write!(
                f,
                "the process before this one does not hear that it has a successor: {error}"
            ),
            Self::State(fault) => fault.fmt(f),
            Self::Threads(error) => write!(f, "the system gives no threads: {error}"),
            Self::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
        }
    }
}

impl std::error::Error for StartFault {}
