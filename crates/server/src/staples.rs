//! Staples: answers about our own certificates, fetched beside the calls and sent along with what is signed.
//!
//! ```text
//!   a call is signed ──► Shelf::at_hand: what is there, or nothing (and the number is looked for from now on)
//!                            ▲
//!   every second ──► what is due ──► POST to the authority's responder ──► judged as others would ──► the shelf
//! ```
//!
//! No call waits. A certificate that has its numbers by provider code needs one answer; of one that lists numbers, one for each number
//! that calls: fetched when it has called once, forgotten when it has not for an hour. What others would refuse is never sent along.
//!
//! How a staple stands in a PASSporT is known in `countersign::passport`, what is said of it to others in `countersign::authentication`.

use crate::clock::Clock;
use crate::fetch::status::REQUEST_TYPE;
use crate::fetch::{Fetcher, Post};
use crate::metrics::Metrics;
use countersign::authentication::{Signer, Staples};
use countersign::certificate::access::Access;
use countersign::certificate::ocsp::judge::{Known, Question, judge};
use countersign::certificate::ocsp::{
    Asked, CertId, HashForm, MAX_RESPONSE, OcspRequest, OcspResponse, Responders, Standing,
};
use countersign::certificate::{Certificate, CertificateChain};
use countersign::crypto::AwsLc;
use countersign::number::TelephoneNumber;
use countersign::time::{UnixTime, Validity};
use countersign::verification::Unavailable;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::warn;

/// Most numbers of one tenant that staples are kept for: some six megabytes. Whoever has more callers an hour than this is served for the
/// first of them.
pub const MAX_NUMBERS: usize = 4_096;

/// How long a number is remembered that calls no more, in seconds.
pub const IDLE: i64 = 3_600;

/// Seconds before its end from which on an answer is not sent along any more: others have other clocks, and calls take their time.
pub const MARGIN: i64 = 120;

/// Most questions that are under way at a time, of all tenants.
pub const MAX_ASKING: usize = 8;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often is looked what is due.
const ROUND: Duration = Duration::from_secs(1);

/// The first pause after a failure, in seconds; each next one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i64 = 15;

/// The longest pause after a failure, in seconds.
const LONGEST_PAUSE: i64 = 900;

/// The answers about one certificate.
pub struct Shelf {
    tenant: Box<str>,
    url: Box<str>,
    chain: CertificateChain,
    held: RwLock<HashMap<About, Held>>,
}

/// What an answer is about beside the certificate: a number that it lists, or nothing.
pub type About = Option<TelephoneNumber>;

/// One answer, or that it is to be fetched.
struct Held {
    answer: Option<(Arc<[u8]>, Validity)>,
    /// When it is asked for next.
    next: UnixTime,
    /// Since when it was due, while it is under way.
    asked: Option<UnixTime>,
    /// How often asking has failed since it last did not.
    failures: u32,
    /// When it was wanted last, in Unix seconds.
    used: AtomicI64,
}

impl Held {
    fn wanted(at: UnixTime) -> Self {
        Self {
            answer: None,
            next: at,
            asked: None,
            failures: 0,
            used: AtomicI64::new(at.as_secs()),
        }
    }

    fn at_hand(&self, at: UnixTime) -> Option<Arc<[u8]>> {
        let (answer, during) = self.answer.as_ref()?;
        let counts = during.contains(at) && during.contains(at.saturating_add(MARGIN));
        counts.then(|| Arc::clone(answer))
    }
}

impl Shelf {
    /// An empty shelf for what `signer` signs with; `None` if its certificate names no https responder, or its issuer is not in the list.
    pub fn of(tenant: &str, signer: &Signer) -> Option<Self> {
        let chain = signer.chain().clone();
        let url = chain.end_entity().access().and_then(Access::ocsp_url)?;
        let url = Box::from(url);
        chain.certificates().get(1)?;
        Some(Self {
            tenant: tenant.into(),
            url,
            chain,
            held: RwLock::default(),
        })
    }

    fn certificate(&self) -> &Certificate {
        self.chain.end_entity()
    }

    /// What is to be known so that others know all that they may ask about `number`.
    fn about(&self, number: Option<TelephoneNumber>) -> About {
        let list = self.certificate().tn_auth_list()?;
        number.filter(|number| list.authorizes(*number))
    }

    /// Takes over what `older` has, if it is about the same certificate. What is under way comes to `older`, and is asked for again.
    pub fn inherit(&self, older: &Self) {
        if self.certificate() == older.certificate() {
            let mut left = older.write();
            let left = left.drain().map(|(about, mut one)| {
                one.next = one.asked.take().unwrap_or(one.next);
                (about, one)
            });
            self.write().extend(left);
        }
    }

    /// What is to be asked for at `now`, at most so many; it is under way from now on. What nobody wants any more goes.
    pub fn due(&self, now: UnixTime, most: usize) -> Vec<About> {
        let mut held = self.write();
        // The certificate itself is always wanted, before any call has come.
        if held.is_empty() && self.about_certificate() {
            held.insert(None, Held::wanted(now));
        }
        let idle = now.saturating_add(-IDLE).as_secs();
        held.retain(|about, one| about.is_none() || one.used.load(Ordering::Relaxed) >= idle);
        let due = held.iter_mut().filter(|(_, one)| one.next <= now);
        due.take(most)
            .map(|(about, one)| {
                one.asked = Some(one.next);
                one.next = now.saturating_add(LONGEST_PAUSE);
                *about
            })
            .collect()
    }

    /// Whether an answer about the certificate alone is of use: it has numbers by provider code.
    fn about_certificate(&self) -> bool {
        let list = self.certificate().tn_auth_list();
        list.is_none_or(|list| !list.providers().is_empty())
    }

    /// The question, in DER; `None` if the key of the issuer is of a kind that we do not know.
    pub fn question(&self, about: About) -> Option<Vec<u8>> {
        let issuer = self.chain.certificates().get(1)?;
        let certificate = CertId::of(HashForm::Sha256Cut, self.certificate(), issuer)?;
        let asked = vec![Asked {
            certificate,
            number: about,
        }];
        // RFC 6960 §4.4.1 is for who asks and hears: what is sent along was not asked for by those who read it.
        let nonce = None;
        Some(OcspRequest { asked, nonce }.to_der())
    }

    /// Takes an answer, if others would take it.
    ///
    /// # Errors
    /// [`NotStapled`]; it is asked for again in a while.
    pub fn take(
        &self,
        about: About,
        answer: Result<&[u8], Unavailable>,
        now: UnixTime,
    ) -> Result<(), NotStapled> {
        let judged = answer
            .map_err(NotStapled::Unavailable)
            .and_then(|der| Ok((Arc::from(der), self.judge(about, der, now)?)));
        let mut held = self.write();
        let Some(one) = held.get_mut(&about) else {
            return Ok(());
        };
        one.asked = None;
        match judged {
            Ok((answer, during)) => {
                let left = during.not_after.as_secs().saturating_sub(now.as_secs());
                one.answer = Some((answer, during));
                one.failures = 0;
                one.next = now.saturating_add((left / 2).max(FIRST_PAUSE));
                Ok(())
            }
            Err(why) => {
                // What a responder takes back is not sent along any longer.
                if let NotStapled::NotGood(_) = why {
                    one.answer = None;
                }
                let pause = FIRST_PAUSE.saturating_mul(1 << one.failures.min(10));
                one.failures = one.failures.saturating_add(1);
                one.next = now.saturating_add(pause.min(LONGEST_PAUSE));
                Err(why)
            }
        }
    }

    fn judge(&self, about: About, der: &[u8], now: UnixTime) -> Result<Validity, NotStapled> {
        let unreadable = NotStapled::Unavailable(Unavailable::BadResponse);
        let response = OcspResponse::parse(der).map_err(|_| unreadable)?;
        let issuer = self.chain.certificates().get(1);
        let issuer = issuer.ok_or(NotStapled::Unavailable(Unavailable::BadChain))?;
        let responders = Responders::default();
        let question = Question {
            certificate: self.certificate(),
            issuer,
            number: about,
            nonce: None,
            now,
            responders: &responders,
            algorithms: Default::default(),
        };
        match judge(&response, question, &AwsLc) {
            Standing::Fresh(Known { during, .. }) => Ok(during),
            other => Err(NotStapled::NotGood(other)),
        }
    }

    // Nothing in here panics while it holds the lock; a poisoned one would still hold a usable map.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<About, Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<About, Held>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Staples for Shelf {
    fn at_hand(&self, number: Option<TelephoneNumber>, at: UnixTime) -> Option<Arc<[u8]>> {
        let about = self.about(number);
        if let Some(held) = self.read().get(&about) {
            held.used.fetch_max(at.as_secs(), Ordering::Relaxed);
            return held.at_hand(at);
        }
        let mut held = self.write();
        if held.len() < MAX_NUMBERS {
            held.entry(about).or_insert_with(|| Held::wanted(at));
        }
        None
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({})", self.tenant)
    }
}

/// Why there is nothing to staple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStapled {
    /// Others would refuse the answer.
    NotGood(Standing),
    /// There is none.
    Unavailable(Unavailable),
}

impl NotStapled {
    /// The name in metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotGood(_) => "not-good",
            Self::Unavailable(why) => why.name(),
        }
    }
}

impl fmt::Display for NotStapled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGood(standing) => standing.fmt(f),
            Self::Unavailable(why) => why.fmt(f),
        }
    }
}

/// What fetching stands on.
pub struct Ground {
    /// How responders are asked.
    pub fetcher: Arc<Fetcher>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The shelves of every tenant that staples, as they are now.
    pub shelves: Box<dyn Fn() -> Arc<[Arc<Shelf>]> + Send + Sync>,
}

/// Fills the shelves until `stop` becomes true.
pub async fn keep(ground: Ground, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asking = JoinSet::new();
    let mut before: Arc<[Arc<Shelf>]> = Arc::from([]);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = stop.changed() => match changed {
                Ok(()) if !*stop.borrow() => continue,
                _ => return,
            },
        }
        while asking.try_join_next().is_some() {}
        let shelves = (ground.shelves)();
        if !Arc::ptr_eq(&shelves, &before) {
            succeed(&shelves, &before);
            before = Arc::clone(&shelves);
        }
        let now = ground.clock.now().unix;
        for shelf in shelves.iter() {
            let room = MAX_ASKING.saturating_sub(asking.len());
            for about in shelf.due(now, room) {
                let (fetcher, clock) = (ground.fetcher.clone(), ground.clock.clone());
                asking.spawn(ask(
                    shelf.clone(),
                    about,
                    fetcher,
                    clock,
                    ground.metrics.clone(),
                ));
            }
        }
    }
}

/// What was fetched for a configuration serves the next one.
fn succeed(shelves: &[Arc<Shelf>], before: &[Arc<Shelf>]) {
    for shelf in shelves {
        let others = before.iter().filter(|one| !Arc::ptr_eq(one, shelf));
        others.for_each(|older| shelf.inherit(older));
    }
}

async fn ask(
    shelf: Arc<Shelf>,
    about: About,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) {
    let answer = match shelf.question(about) {
        Some(question) => posted(&fetcher, &shelf.url, question).await,
        None => Err(Unavailable::BadChain),
    };
    let answer = answer.as_deref().map_err(|why| *why);
    let outcome = shelf.take(about, answer, clock.now().unix);
    metrics
        .staple_fetches
        .increment([outcome.as_ref().map_or_else(NotStapled::name, |()| "ok")]);
    if let Err(why) = outcome {
        // Not the number: it is somebody's.
        warn!(tenant = &*shelf.tenant, %why, "no staple");
    }
}

async fn posted(fetcher: &Fetcher, url: &str, question: Vec<u8>) -> Result<Vec<u8>, Unavailable> {
    let post = Post {
        url,
        content_type: REQUEST_TYPE,
        authorization: None,
        body: question.into(),
        max_bytes: MAX_RESPONSE,
    };
    let posted = tokio::time::timeout(PATIENCE, fetcher.post(&post));
    let posted = posted.await.unwrap_or(Err(Unavailable::TimedOut))?;
    match posted.status.as_u16() {
        200 => Ok(posted.body.to_vec()),
        other => Err(Unavailable::BadStatus(other)),
    }
}

#[cfg(test)]
mod tests;
