//! Names of next hops, looked up beside the calls.
//!
//! A task asks the DNS for every name that a route has, keeps the answer as long as it lives, and swaps the state when something
//! moved. No call and no start waits for it. What cannot be looked up stays where it was, also over a reload: the last answer is a
//! better guess than none.

use crate::dns::locate::{Found, locate};
use crate::dns::{Fault, Resolver};
use crate::routes::Places;
use crate::sip::services::Services;
use countersign_sip::location::HopSpec;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// The shortest time between two lookups of a name, whatever its records say: a zone with a lifetime of zero is no reason to ask all
/// the time.
const MIN_LIFETIME: Duration = Duration::from_secs(5);

/// The longest: an operator who moves a host does not wait a day for old caches.
const MAX_LIFETIME: Duration = Duration::from_secs(3_600);

/// When a name that could not be looked up is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Most lookups at one time.
const MAX_LOOKUPS: usize = 16;

/// How long a start waits for its first answers before it says that it is ready. Calls are taken before.
const FIRST_ANSWERS: Duration = Duration::from_secs(1);

/// How long a reload waits for names that are new. Calls go on meanwhile as they did.
const NEW_NAMES: Duration = Duration::from_secs(2);

/// Where next hops were found.
pub(super) struct KnownPlaces {
    resolver: Arc<Resolver>,
    places: Mutex<Places>,
    /// There is another configuration.
    reloaded: Notify,
    /// Every name was asked for once.
    asked: Notify,
}

impl KnownPlaces {
    /// Nothing is found yet; these servers will be asked, or those of the system if there are none.
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        let resolver = Resolver {
            servers,
            ..Resolver::default()
        };
        Self {
            resolver: Arc::new(resolver),
            places: Mutex::default(),
            reloaded: Notify::new(),
            asked: Notify::new(),
        }
    }

    /// All of them.
    pub(super) fn known(&self) -> Places {
        self.places().clone()
    }

    /// Waits a moment until names are found that no call has needed so far. What is not found by then is looked up as ever.
    pub(super) async fn learn(&self, names: impl IntoIterator<Item = HopSpec>) {
        let mut names = names.into_iter();
        let mut under_way = JoinSet::new();
        let ask = |under_way: &mut JoinSet<_>, spec| {
            let resolver = self.resolver.clone();
            under_way.spawn(async move {
                let found = locate(&resolver, &spec).await;
                (spec, found)
            });
        };
        for spec in names.by_ref().take(MAX_LOOKUPS) {
            ask(&mut under_way, spec);
        }
        let all = async {
            while let Some(ended) = under_way.join_next().await {
                if let Ok((spec, Ok(found))) = ended {
                    self.places().insert(spec, found.addresses.into());
                }
                if let Some(spec) = names.next() {
                    ask(&mut under_way, spec);
                }
            }
        };
        // Whoever has not answered by then is waited for by nobody.
        let _ = timeout(NEW_NAMES, all).await;
    }

    /// Has the names of another configuration looked up.
    pub(super) fn reloaded(&self) {
        self.reloaded.notify_one();
    }

    /// Waits a moment for the first answers.
    pub(super) async fn first_answers(&self) {
        // Whoever has not answered by then is waited for by nobody.
        let _ = timeout(FIRST_ANSWERS, self.asked.notified()).await;
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // The table is whole between two statements.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks names up for as long as the server runs.
pub(super) struct Lookups {
    known: Arc<KnownPlaces>,
    services: Arc<Services>,
    /// When each is looked up next, and what came of the last time; those that are being looked up are not here.
    due: HashMap<HopSpec, (Instant, Option<Fault>)>,
    under_way: JoinSet<(HopSpec, Result<Found, Fault>)>,
    asking: BTreeSet<HopSpec>,
}

impl Lookups {
    pub(super) fn new(known: Arc<KnownPlaces>, services: Arc<Services>) -> Self {
        Self {
            known,
            services,
            due: HashMap::new(),
            under_way: JoinSet::new(),
            asking: BTreeSet::new(),
        }
    }

    pub(super) async fn run(mut self) {
        self.reconsider();
        loop {
            self.ask();
            if self.asking.is_empty() {
                self.known.asked.notify_one();
            }
            let next = self.due.values().map(|(at, _)| *at).min();
            let next = next.unwrap_or_else(|| Instant::now() + MAX_LIFETIME);
            let has_room = self.asking.len() < MAX_LOOKUPS;
            tokio::select! {
                Some(ended) = self.under_way.join_next() => match ended {
                    Ok((spec, outcome)) => self.note(spec, outcome),
                    Err(_) => self.ask_again(),
                },
                () = self.known.reloaded.notified() => self.reconsider(),
                () = sleep_until(next), if has_room => {}
            }
        }
    }

    /// Follows the names of the configuration that runs, and places what moved while it was read.
    fn reconsider(&mut self) {
        let names = self.services.state().routes.names();
        self.known.places().retain(|spec, _| names.contains(spec));
        self.due.retain(|spec, _| names.contains(spec));
        self.services.metrics.next_hops.forget_names();
        for spec in names {
            self.show(&spec);
            // Also one that was away while it was being looked up: what comes of that lookup may have been passed over.
            self.due.entry(spec).or_insert((Instant::now(), None));
        }
        self.place();
    }

    /// A lookup that panicked has said so, but not which it was: all that are under way are asked for again.
    fn ask_again(&mut self) {
        let soon = Instant::now() + RETRY;
        for spec in std::mem::take(&mut self.asking) {
            if let Some((at, _)) = self.due.get_mut(&spec) {
                *at = soon;
            }
        }
    }

    /// Asks for what is due.
    fn ask(&mut self) {
        let now = Instant::now();
        let room = MAX_LOOKUPS.saturating_sub(self.asking.len());
        let is_due = |(_, (at, _)): &(&HopSpec, &(Instant, Option<Fault>))| *at <= now;
        let due: Vec<_> = self.due.iter().filter(is_due).take(room).collect();
        let due: Vec<_> = due.into_iter().map(|(spec, _)| spec.clone()).collect();
        for spec in due {
            // What came of it last stays, so that a fault is told once.
            if let Some((at, _)) = self.due.get_mut(&spec) {
                *at = now + MAX_LIFETIME;
            }
            self.asking.insert(spec.clone());
            let resolver = self.known.resolver.clone();
            self.under_way.spawn(async move {
                let outcome = locate(&resolver, &spec).await;
                (spec, outcome)
            });
        }
    }

    fn note(&mut self, spec: HopSpec, outcome: Result<Found, Fault>) {
        self.asking.remove(&spec);
        let Some((due, last)) = self.due.get_mut(&spec) else {
            return;
        };
        let lookups = &self.services.metrics.next_hops.lookups;
        match outcome {
            Ok(found) => {
                lookups.increment(["ok"]);
                if last.take().is_some() {
                    tracing::info!(next_hop = %spec, "found again");
                }
                *due = Instant::now() + found.lifetime.clamp(MIN_LIFETIME, MAX_LIFETIME);
                let addresses = found.addresses.into();
                self.known.places().insert(spec.clone(), addresses);
                self.show(&spec);
                self.place();
            }
            Err(fault) => {
                lookups.increment([fault.name()]);
                *due = Instant::now() + RETRY;
                if last.replace(fault) != Some(fault) {
                    let kept = self.known.places().get(&spec).map_or(0, |kept| kept.len());
                    let fault = fault.name();
                    tracing::warn!(next_hop = %spec, fault, kept, "not found: it stays where it was");
                }
            }
        }
    }

    /// Swaps the state if a next hop is somewhere else.
    fn place(&self) {
        let places = self.known.known();
        self.services.state.rcu(|state| {
            let relocated = state.relocated(&places);
            relocated.map_or_else(|| state.clone(), Arc::new)
        });
    }

    fn show(&self, spec: &HopSpec) {
        let count = self.known.places().get(spec).map_or(0, |found| found.len());
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let addresses = &self.services.metrics.next_hops.addresses;
        addresses.set([&spec.to_string()], count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{Route, Routes};
    use crate::sip::stage::Stage;
    use countersign_sip::trunk::Role;

    /// A stage whose trunk goes on to a name, or nowhere.
    fn goes_to(stage: &Stage, name: Option<&HopSpec>) {
        let route = Route {
            hops: name.cloned().into_iter().collect(),
            ..Route::default()
        };
        let routes = Routes {
            by_trunk: HashMap::from([("carrier".into(), route)]),
            ..Routes::default()
        };
        stage.change(|state| state.routes = Arc::new(routes));
    }

    /// As if it was being looked up.
    fn is_asked(lookups: &mut Lookups, spec: &HopSpec) {
        lookups.asking.insert(spec.clone());
        lookups.due.get_mut(spec).unwrap().0 = Instant::now() + MAX_LIFETIME;
    }

    #[test]
    fn no_name_is_forgotten_by_a_reload_or_a_panic_during_its_lookup() {
        let stage = Stage::new(Role::Sign, |_| {});
        let known = Arc::new(KnownPlaces::new(Vec::new()));
        let mut lookups = Lookups::new(known, stage.services.clone());
        let spec = HopSpec::parse("udp:sbc.example").unwrap();
        goes_to(&stage, Some(&spec));
        lookups.reconsider();
        is_asked(&mut lookups, &spec);
        goes_to(&stage, None);
        lookups.reconsider();
        assert!(lookups.due.is_empty());
        goes_to(&stage, Some(&spec));
        lookups.reconsider();
        assert!(lookups.due[&spec].0 <= Instant::now());

        is_asked(&mut lookups, &spec);
        lookups.ask_again();
        assert!(lookups.asking.is_empty());
        assert!(lookups.due[&spec].0 <= Instant::now() + RETRY);
    }
}
