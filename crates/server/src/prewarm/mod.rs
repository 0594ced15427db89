//! Pre-warming: the chains of known signers are fetched and their paths verified before a call needs them.
//!
//! ```text
//!   file ──► KnownSigners ◄── learn: what calls used, and what proved itself       the chain cache of the fetcher
//!                 │
//!                 ├── not in the cache, or not for long ──► fetch, few at a time ──► the chain cache
//!                 └── at the start, and when the trust is another ──► verify ──► the path cache
//! ```
//!
//! So the first call of the day, and the first after a reload, finds its signer as the thousandth does. No call waits for any
//! of it: it runs beside them at a bounded rate, with the rules for URLs that every fetch obeys.
//!
//! What does not live here: which chain is believed (`countersign::path`), and how one is fetched ([`crate::fetch`]).

pub mod known;

pub use known::KnownSigners;

use crate::clock::Clock;
use crate::fetch::{Fetcher, Kept, Outcome};
use crate::files;
use crate::metrics::Metrics;
use countersign::certificate::CertificateChain;
use countersign::crypto::VerifyingKeys;
use countersign::path::PathCache;
use countersign::time::{Ticks, UnixTime};
use countersign::trust::Trust;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// How often is looked whether the trust is another.
const LOOK: Duration = Duration::from_secs(1);

/// How often is learnt who called, and looked whose chain will not be in the cache for long.
const ROUND: Duration = Duration::from_secs(60);

/// How often the list of known signers is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(600);

/// A chain that is used for less than this without asking is asked for now, in seconds.
const SOON: i64 = 15 * 60;

/// Most fetches at a time: a small part of what calls may have (`fetch`: 256, and 64 to one site).
pub const MAX_ASKED: usize = 8;

/// The pause between two fetches: a hundred a second at most, and a thousand signers in ten seconds.
const ASK_PAUSE: Duration = Duration::from_millis(10);

/// Paths that are verified between two pauses: some two milliseconds of one core.
const BATCH: usize = 8;

/// The pause between two batches, which leaves four fifths of that core to calls.
const BATCH_PAUSE: Duration = Duration::from_millis(10);

/// Longest that the end of the process waits for the list to be written.
const FAREWELL: Duration = Duration::from_secs(2);

/// What pre-warming stands on.
pub struct Ground {
    /// Where chains come from.
    pub fetcher: Arc<Fetcher>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where verified paths are remembered.
    pub paths: Arc<PathCache>,
    /// How they are verified.
    pub keys: Arc<dyn VerifyingKeys>,
    /// The trust of every domain, as it is now.
    pub trusts: Box<dyn Fn() -> Vec<Arc<Trust>> + Send + Sync>,
}

/// Keeps known signers warm.
pub struct Prewarmer {
    ground: Arc<Ground>,
    known: KnownSigners,
    /// The trust for which paths were verified.
    believed: Vec<[u8; 32]>,
    round: Option<Ticks>,
    /// Up to when was learnt who called.
    learnt: UnixTime,
    written: Ticks,
}

impl Prewarmer {
    /// One that knows the signers of `file`, if there is one.
    pub fn new(ground: Ground, file: Option<PathBuf>) -> Self {
        let now = ground.clock.now();
        let known = KnownSigners::read(file, now.unix);
        ground.metrics.known_signers.set(known.len());
        Self {
            ground: Arc::new(ground),
            known,
            believed: Vec::new(),
            round: None,
            learnt: now.unix,
            written: now.ticks,
        }
    }

    /// Runs until `stop` becomes true; then writes the list.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = async {
                looks.tick().await;
                self.turn().await;
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = turn => {}
            }
        }
        let farewell = async {
            self.learn().await;
            self.write().await;
        };
        // What could not be written will be learnt again.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    async fn turn(&mut self) {
        let now = self.ground.clock.now();
        let believed = self.ground.believed();
        let is_new = believed != self.believed;
        self.believed = believed;
        if is_new || self.round.is_none_or(|at| now.ticks.since(at) >= ROUND) {
            self.round = Some(now.ticks);
            self.learn().await;
            let kept = self.kept();
            if is_new {
                self.verify_known(&kept).await;
            }
            self.ask(&kept).await;
        }
        if now.ticks.since(self.written) >= WRITTEN_EVERY {
            self.written = now.ticks;
            self.write().await;
        }
    }

    fn kept(&self) -> HashMap<Box<str>, Kept> {
        let kept = self.ground.fetcher.kept().into_iter();
        kept.map(|kept| (kept.url.clone(), kept)).collect()
    }

    /// Who called since the last time: those we know, and those whose chains prove themselves.
    async fn learn(&mut self) {
        let now = self.ground.clock.now().unix;
        let since = std::mem::replace(&mut self.learnt, now);
        let mut strangers = Vec::new();
        for kept in self.ground.fetcher.kept() {
            // Times of use are rounded.
            let Some(used) = kept.used.filter(|used| used.saturating_add(1) >= since) else {
                continue;
            };
            if self.known.has(&kept.url) {
                self.known.see(&kept.url, used);
            } else if is_a_provider(&kept.item) {
                strangers.push(kept);
            }
        }
        let chains = strangers.iter().map(|kept| kept.item.clone()).collect();
        let proven = self.ground.clone().verify(chains).await;
        for (kept, _) in strangers.iter().zip(proven).filter(|(_, proven)| *proven) {
            self.known.see(&kept.url, now);
        }
        self.known.forget(now);
        self.ground.metrics.known_signers.set(self.known.len());
    }

    /// Verifies the paths of those whose chains are in the cache: the trust is another, and so are its verdicts.
    async fn verify_known(&self, kept: &HashMap<Box<str>, Kept>) {
        let now = self.ground.clock.now().unix;
        let urls = self.known.urls();
        let known = urls.iter().filter_map(|url| kept.get(url));
        let fresh = known.filter(|kept| now < kept.expires);
        let chains = fresh.map(|kept| kept.item.clone()).collect();
        let proven = self.ground.clone().verify(chains).await;
        self.ground.count(&proven);
    }

    /// Asks for the chains that are not in the cache, or not for long.
    async fn ask(&mut self, kept: &HashMap<Box<str>, Kept>) {
        let mut under_way = JoinSet::new();
        for url in self.known.urls() {
            let now = self.ground.clock.now();
            let soon = now.unix.saturating_add(SOON);
            let lasts = kept.get(&url).is_some_and(|kept| soon < kept.expires);
            if lasts || !self.known.may_ask(&url, now.ticks) {
                continue;
            }
            if self.ground.believed() != self.believed {
                // First what is here, for the calls of this moment; then the others.
                break;
            }
            while under_way.len() >= MAX_ASKED {
                self.landed(under_way.join_next().await).await;
            }
            tokio::time::sleep(ASK_PAUSE).await;
            let fetched = self.ground.fetcher.provide(&url);
            under_way.spawn(async move { (url, fetched.await) });
        }
        while !under_way.is_empty() {
            self.landed(under_way.join_next().await).await;
        }
    }

    async fn landed<E>(&mut self, landed: Option<Result<(Box<str>, Outcome), E>>) {
        // One that broke has said so.
        let Some(Ok((url, outcome))) = landed else {
            return;
        };
        let now = self.ground.clock.now().ticks;
        self.known.asked(&url, &outcome, now);
        let prewarmed = &self.ground.metrics.prewarmed;
        match outcome {
            Ok(fetched) => {
                prewarmed.increment(["fetched"]);
                let proven = self.ground.clone().verify(vec![fetched.item]).await;
                self.ground.count(&proven);
            }
            Err(_) => prewarmed.increment(["unavailable"]),
        }
    }

    async fn write(&mut self) {
        let Some((path, text)) = self.known.unwritten() else {
            return;
        };
        let writing = tokio::task::spawn_blocking(move || {
            let written = files::replace(&path, text.as_bytes());
            written.map(|()| text).map_err(|error| (path, error))
        });
        match writing.await {
            Ok(Ok(text)) => self.known.written(text),
            Ok(Err((path, error))) => {
                tracing::warn!(path = %path.display(), %error, "known signers not written");
            }
            // The runtime is shutting down.
            Err(_) => {}
        }
    }
}

impl Ground {
    /// What tells one trust from another.
    fn believed(&self) -> Vec<[u8; 32]> {
        let trusts = (self.trusts)();
        trusts.iter().map(|trust| trust.fingerprint()).collect()
    }

    /// Which of these chains lead to an anchor of any domain; remembered in the path cache. In small pieces, on threads that
    /// carry no call.
    async fn verify(self: Arc<Self>, chains: Vec<Arc<CertificateChain>>) -> Vec<bool> {
        let mut proven = Vec::with_capacity(chains.len());
        for batch in chains.chunks(BATCH) {
            let (ground, batch) = (self.clone(), batch.to_vec());
            let verified = tokio::task::spawn_blocking(move || ground.verify_now(&batch)).await;
            // Only a runtime that shuts down has no threads; then nothing is proven.
            proven.extend(verified.unwrap_or_default());
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        proven
    }

    fn verify_now(&self, chains: &[Arc<CertificateChain>]) -> Vec<bool> {
        let (trusts, now) = ((self.trusts)(), self.clock.now().unix);
        let leads = |chain: &CertificateChain, trust: &Trust| {
            let verified = self.paths.verify(chain, trust, now, &*self.keys);
            verified.is_ok()
        };
        let to_any = |chain: &Arc<CertificateChain>| {
            // Every domain is asked: which of them judges a call depends on the call.
            let verdicts = trusts.iter().map(|trust| leads(chain, trust));
            verdicts.fold(false, |any, one| any | one)
        };
        chains.iter().map(to_any).collect()
    }

    fn count(&self, proven: &[bool]) {
        for proven in proven {
            let outcome = if *proven { "verified" } else { "refused" };
            self.metrics.prewarmed.increment([outcome]);
        }
    }
}

/// Whether the certificate speaks for providers only: the URL of one that speaks for numbers may name them.
fn is_a_provider(chain: &CertificateChain) -> bool {
    let list = chain.end_entity().tn_auth_list();
    list.is_some_and(|list| list.numbers().is_empty())
}
