//! The keeper: asks the sources when they are due, and publishes what follows.
//!
//! One task keeps the time. Each source that is due is asked by a task of its own; what comes is read and proven on a thread for
//! work that blocks, because a list of half a million entries takes a while. No thread that carries calls does any of it: they
//! read [`Current`], which is replaced in one step.

use super::domain::{Domain, Source, Stamp, stamp};
use super::list::{Kind, List, Refusal};
use super::plan::{DomainPlan, Place, Upkeep};
use super::schedule::{Age, Jitter};
use super::store::{Slot, Store};
use super::{Current, Opened, figures};
use crate::clock::Clock;
use crate::fetch::caching::Validators;
use crate::fetch::{Fetcher, PlainHttp, Pull, Reply};
use crate::files;
use crate::metrics::Metrics;
use countersign::certificate::crl::MAX_CRL_BYTES;
use countersign::crypto::system_random;
use countersign::time::Now;
use countersign::trust::ca_list::MAX_CA_LIST_BYTES;
use countersign::trust::{RevocationRule, Trust, TrustDomains};
use countersign::verification::Unavailable;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use tracing::{debug, error, info, warn};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is looked whether a file is another one.
const FILE_REFRESH: Duration = super::schedule::MIN_PAUSE;

/// Most sources that are asked at one time.
const MAX_ASKED: usize = 8;

/// Keeps trust up while the process runs.
pub struct Keeper {
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    domains: Vec<Domain>,
    upkeep: Upkeep,
    /// Where it is published.
    current: Current,
    /// Which plan it is: answers to questions of an earlier one come too late.
    generation: u64,
    /// The version of the last snapshot of any domain.
    version: u64,
}

/// A source that is due.
struct Errand {
    generation: u64,
    domain: usize,
    source: usize,
    kind: Kind,
    place: Place,
    validators: Validators,
    stamp: Option<Stamp>,
    plan: Arc<DomainPlan>,
    trust: Arc<Trust>,
    previous: Option<List>,
    upkeep: Upkeep,
}

/// What an errand came back with.
enum Brought {
    List(List, Validators, Option<Stamp>),
    Refused(Refusal, Option<Stamp>),
    Unchanged,
}

impl Keeper {
    /// A keeper that has nothing to keep yet. It works on the current runtime until it is dropped.
    pub fn start(fetcher: Arc<Fetcher>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let shared = Arc::new(Shared {
            fetcher,
            clock,
            metrics,
            state: Mutex::default(),
        });
        let task = tokio::spawn(run(shared.clone())).abort_handle();
        Self { shared, task }
    }

    /// Takes a plan, in the place of the one before. What is known of sources that stay is kept. What was published before stays as
    /// it is, for calls that came in with it; the new one is returned.
    pub fn replace(&self, opened: Opened) -> Current {
        if let Err(fault) = opened.prepare() {
            error!(%fault, "ALARM: lists are not kept on the disk");
        }
        let at = self.shared.clock.now().unix;
        let mut state = self.shared.lock();
        let version = state.version + 1;
        let mut domains = opened.domains;
        for domain in &mut domains {
            let name = &domain.plan.name;
            let old = state.domains.iter().find(|old| old.plan.name == *name);
            domain.follow(old, version, at);
            if opened.upkeep.state_folder.is_some() {
                domain.keep_files();
            }
        }
        state.version = version;
        state.generation += 1;
        state.domains = domains;
        state.upkeep = opened.upkeep;
        state.current = Current::default();
        state.publish(&self.shared.metrics);
        state.tell_gaps();
        state.current.clone()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The folder for what must outlive the process cannot be used.
#[derive(Debug)]
pub struct StateFault(pub PathBuf, pub io::Error);

impl fmt::Display for StateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(folder, error) = self;
        write!(f, "lists cannot be kept in {}: {error}", folder.display())
    }
}

impl std::error::Error for StateFault {}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(shared: Arc<Shared>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            Some(_) = under_way.join_next() => {}
        }
        let room = MAX_ASKED.saturating_sub(under_way.len());
        let now = shared.clock.now();
        let errands = shared.lock().due(now, room);
        for errand in errands {
            let shared = shared.clone();
            under_way.spawn(async move {
                let brought = errand.go(&shared).await;
                let now = shared.clock.now();
                shared.lock().settle(&errand, brought, now, &shared.metrics);
            });
        }
    }
}

impl State {
    /// What is due, no more than `room`; and what there is to say about ages.
    fn due(&mut self, now: Now, room: usize) -> Vec<Errand> {
        let mut errands = Vec::new();
        for (domain_index, domain) in self.domains.iter_mut().enumerate() {
            let awaits_anchors = domain.awaits_anchors();
            for (index, source) in domain.sources.iter_mut().enumerate() {
                tell_age(&domain.plan.name, source, now);
                let waits = source.is_asked || (awaits_anchors && source.kind == Kind::Crl);
                if waits || !source.schedule.is_due(now) || errands.len() >= room {
                    continue;
                }
                source.is_asked = true;
                errands.push(Errand {
                    generation: self.generation,
                    domain: domain_index,
                    source: index,
                    kind: source.kind,
                    place: source.place.clone(),
                    validators: source.validators.clone(),
                    stamp: source.stamp,
                    plan: domain.plan.clone(),
                    trust: domain.trust.clone(),
                    previous: source.list.clone(),
                    upkeep: self.upkeep.clone(),
                });
            }
        }
        errands
    }

    /// Takes up what an errand came back with.
    fn settle(&mut self, errand: &Errand, brought: Brought, now: Now, metrics: &Metrics) {
        if errand.generation != self.generation {
            return;
        }
        let version = self.version + 1;
        let Some(domain) = self.domains.get_mut(errand.domain) else {
            return;
        };
        let Some(source) = domain.sources.get_mut(errand.source) else {
            return;
        };
        source.is_asked = false;
        let refresh = match source.place {
            Place::File(_) => FILE_REFRESH,
            Place::Url(_) => self.upkeep.refresh,
        };
        let (kind, name) = (source.kind.name(), &domain.plan.name);
        let ends = |source: &Source| source.list.as_ref().map(List::ends);
        match brought {
            Brought::Refused(refusal, stamp) => {
                // The same file would be refused again.
                source.stamp = stamp;
                metrics.trust_refreshes.increment([kind, refusal.name()]);
                tell_refusal(name, source, &refusal, now);
                let ends = ends(source);
                source.schedule.failed(now, ends, refresh, jitter());
            }
            Brought::Unchanged => {
                metrics.trust_refreshes.increment([kind, "unchanged"]);
                let ends = ends(source);
                source.schedule.succeeded(now, ends, refresh, jitter());
            }
            Brought::List(list, validators, stamp) => {
                let news = !is_the_same(source.list.as_ref(), &list);
                source.list = Some(list);
                (source.validators, source.stamp) = (validators, stamp);
                let ends = ends(source);
                source.schedule.succeeded(now, ends, refresh, jitter());
                source.told = None;
                tell_age(name, source, now);
                if news {
                    info!(domain = &**name, list = kind, source = %source.place, "a new list is in use");
                    self.version = version;
                    domain.take_in(errand.kind, version);
                    self.publish(metrics);
                }
                // Whoever sees it counted finds it in use.
                metrics.trust_refreshes.increment([kind, "ok"]);
            }
        }
    }

    /// Tells which domains validate nothing before their first list has come. Calls are carried all the same, so that is no reason
    /// not to be ready.
    fn tell_gaps(&self) {
        for domain in &self.domains {
            let hard = matches!(domain.plan.revocation, RevocationRule::Hard { .. });
            if hard && domain.trust.revocations().lists().is_empty() {
                let domain = &*domain.plan.name;
                error!(
                    domain,
                    "ALARM: there is no revocation list yet; no call whose certificate names one is validated"
                );
            }
        }
    }

    fn publish(&self, metrics: &Metrics) {
        let domains = self.domains.iter().map(Domain::published).collect();
        self.current.replace(TrustDomains::new(domains));
        figures::show(&self.domains, metrics);
    }
}

impl Errand {
    async fn go(&self, shared: &Arc<Shared>) -> Brought {
        let (bytes, validators, stamp) = match &self.place {
            Place::Url(url) => match self.pull(url, &shared.fetcher).await {
                Ok(Reply::Unchanged(_)) => return Brought::Unchanged,
                Ok(Reply::Body(bytes, freshness)) => (bytes, freshness.validators, None),
                Err(why) => return Brought::Refused(Refusal::Unavailable(why), None),
            },
            Place::File(path) => {
                let stamp = stamp(path);
                if stamp.is_some() && stamp == self.stamp {
                    return Brought::Unchanged;
                }
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || files::read(&path)).await;
                match read {
                    Ok(Ok(bytes)) => (bytes.into(), Validators::default(), stamp),
                    Ok(Err(fault)) => return Brought::Refused(Refusal::File(fault.into()), stamp),
                    // The thread panicked and has said so, or the runtime is going down.
                    Err(_) => return Brought::Unchanged,
                }
            }
        };
        let work = Work {
            bytes,
            kind: self.kind,
            place: self.place.clone(),
            plan: self.plan.clone(),
            trust: self.trust.clone(),
            previous: self.previous.clone(),
            folder: self.upkeep.state_folder.clone(),
            now: shared.clock.now(),
        };
        match tokio::task::spawn_blocking(move || work.prove()).await {
            Ok(Ok(list)) => Brought::List(list, validators, stamp),
            Ok(Err(refusal)) => Brought::Refused(refusal, stamp),
            Err(_) => Brought::Unchanged,
        }
    }

    async fn pull(&self, url: &str, fetcher: &Fetcher) -> Result<Reply, Unavailable> {
        let (plain, max_bytes) = match self.kind {
            // It says whom to believe: nobody on the way may know which one we have.
            Kind::CaList => (PlainHttp::Refuse, 2 * MAX_CA_LIST_BYTES),
            // As PEM it is a third longer.
            Kind::Crl => (self.upkeep.plain, MAX_CRL_BYTES / 2 * 3),
        };
        let pull = Pull {
            url,
            plain,
            max_bytes,
            validators: &self.validators,
        };
        fetcher.pull(&pull).await
    }
}

/// What is done on a thread for work that blocks.
struct Work {
    bytes: bytes::Bytes,
    kind: Kind,
    place: Place,
    plan: Arc<DomainPlan>,
    trust: Arc<Trust>,
    previous: Option<List>,
    folder: Option<PathBuf>,
    now: Now,
}

impl Work {
    /// Reads and proves what came; what is good is put on the disk before it is used, so that no restart goes back behind it.
    fn prove(self) -> Result<List, Refusal> {
        let previous = self.previous.as_ref();
        let at = self.now.unix;
        let list = List::judge(
            self.kind,
            &self.bytes,
            &self.plan,
            &self.trust,
            previous,
            at,
        )?;
        if let Some(folder) = &self.folder {
            let slot = Slot::of(&self.plan.name, &self.place.to_string());
            if let Err(fault) = Store::at(folder).write(&slot, &self.bytes) {
                error!(domain = &*self.plan.name, source = %self.place, %fault,
                    "a list cannot be kept on the disk: a restart would go back behind it");
            }
        }
        Ok(list)
    }
}

fn is_the_same(one: Option<&List>, other: &List) -> bool {
    match (one, other) {
        (Some(List::CaList(one, _)), List::CaList(other, _)) => {
            one.sequence() == other.sequence() && one.expires() == other.expires()
        }
        (Some(List::Crl(one)), List::Crl(other)) => one.sha256() == other.sha256(),
        _ => false,
    }
}

fn jitter() -> Jitter {
    let mut random = [0];
    // Without randomness everybody asks at the same time; that is all.
    let _ = system_random(&mut random);
    Jitter(random[0])
}

/// Tells, once each, that a list is near its end and that it is past it.
fn tell_age(domain: &str, source: &mut Source, now: Now) {
    let age = source.age(now.unix);
    if age == source.told {
        return;
    }
    source.told = age;
    let ends = source.list.as_ref().map(List::ends);
    let (list, place) = (source.kind.name(), &source.place);
    let ends = ends.map(|at| at.to_string()).unwrap_or_default();
    match age {
        Some(Age::Ending) => {
            warn!(domain, list, source = %place, ends, "a list is near its end and was not replaced yet");
        }
        Some(Age::Stale) => {
            error!(domain, list, source = %place, ends, "ALARM: a list is past its end; the last good one stays in use");
        }
        Some(Age::Fresh) | None => {}
    }
}

fn tell_refusal(domain: &str, source: &Source, refusal: &Refusal, now: Now) {
    let (list, place, reason) = (source.kind.name(), &source.place, refusal.name());
    let age = source.age(now.unix);
    if refusal.is_an_alarm() {
        error!(domain, list, source = %place, reason, %refusal, "ALARM: a list was refused; what we have stays in use");
    } else if age == Some(Age::Fresh) {
        debug!(domain, list, source = %place, reason, %refusal, "a list was not replaced");
        info!(domain, list, source = %place, reason, "a list was not replaced");
    } else {
        warn!(domain, list, source = %place, reason, %refusal, "a list that is missing or near its end was not replaced");
    }
}
