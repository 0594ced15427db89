//! The authority that serves: requests in, replies out, and in between nothing that is not kept.
//!
//! ```text
//!     http ──► Service ──► Keeper (one thread: decide, keep, apply) ──► reply
//!                 │            ▲
//!                 ├── the key signs, on a thread that may wait ──┘
//!                 ├── the certificate of a token is fetched, and judged by the keeper
//!                 └── a revocation list is made when it is due
//! ```
//!
//! What is read by everybody (lists, published chains) is read from the keeper's snapshot and goes on while the store is down.

mod figures;
mod tokens;

pub use self::figures::Part;
pub use self::tokens::Shown;

use super::anchors::AnchorList;
use super::answers::{Known, Namesakes};
use super::gate::{AtWork, Door, Gate, TurnedAway};
use super::keys::{KeyWatch, Use};
use super::lists::{List, ListMaker, NoList};
use super::numbers::{Looked, NoTable, NumberTable};
use super::practice::{self, TokenDesk};
use super::{Office, OfficeFault, Presence};
use crate::authority::book::{Decision, Undone};
use crate::authority::issuing;
use crate::authority::keeper::Keeper;
use crate::clock::Clock;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use countersign::certificate::delegation::ProviderNumbers;
use countersign::crypto::{Whereabouts, system_random};
use countersign::time::UnixTime;
use countersign_ca::acme::problem::{Kind, Problem};
use countersign_ca::acme::{
    self, Asked, Books, Name, NonceStanding, Nonces, Practice, Reply, Then, Unfetched,
};
use countersign_ca::ledger::{self, Ledger};
use countersign_ca::ocsp::Responder;
use countersign_ca::register::CertificateName;
use countersign_ca::token_authority::sti_pa::Sessions;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

/// How often it is looked whether a revocation list is due.
const LOOK_AT_LISTS: Duration = Duration::from_secs(1);

/// How often it is looked whether the number authority's file is another.
const LOOK_AT_NUMBERS: Duration = Duration::from_secs(1);

/// After a list could not be made, the next try: long enough for a device to come back.
const LIST_AGAIN: Duration = Duration::from_secs(10);

/// How often the file of the authorities that are trusted is looked at.
const LOOK_AT_ANCHORS: Duration = Duration::from_secs(30);

/// How often the certificate of a token is asked for, and how long is waited in between.
const FETCHES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// Most certificates of tokens that are fetched at a time: whoever has an account can name any place. Own decision: others wait.
const MAX_FETCHING: usize = 32;

/// How often is looked for certificates that were begun and left.
const LOOK_AT_UNFINISHED: Duration = Duration::from_secs(5);

/// Most answers of OCSP that a device signs at a time. Own decision: others wait, and orders have the key between them.
const MAX_ANSWERING: usize = 8;

/// A request as HTTP brings it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// What follows the base in the URL, nothing decoded.
    pub path: String,
    /// The value of Content-Type.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Request {
    fn asked(&self) -> Asked<'_> {
        Asked {
            method: &self.method,
            path: &self.path,
            content_type: self.content_type.as_deref(),
            body: &self.body,
        }
    }
}

/// A list and who makes it.
struct Shelf {
    maker: ListMaker,
    /// The current one.
    list: ArcSwapOption<Served>,
}

impl From<ListMaker> for Shelf {
    fn from(maker: ListMaker) -> Self {
        Self {
            maker,
            list: ArcSwapOption::empty(),
        }
    }
}

/// The revocation list that is served.
struct Served {
    number: u64,
    der: Bytes,
}

/// The authority that serves.
pub struct Service {
    keeper: Keeper,
    practice: Arc<Practice>,
    nonces: Mutex<Nonces>,
    sessions: Mutex<Sessions>,
    tokens: Option<TokenDesk>,
    anchors: Option<AnchorList>,
    gate: Gate,
    watch: Arc<KeyWatch>,
    metrics: Arc<Metrics>,
    /// When the certificates that it signs with end.
    certificate_ends: Vec<(Use, UnixTime)>,
    lists: Vec<Arc<Shelf>>,
    responder: Responder,
    /// Those of keys before this one.
    former: Vec<Responder>,
    /// Whose number is whose, if anybody says.
    numbers: Option<Arc<NumberTable>>,
    /// Who may have an answer signed by a device now.
    answering: Arc<Semaphore>,
    /// Who may fetch the certificate of a token now.
    fetching: Semaphore,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
}

impl Service {
    /// Opens keys and journal, and finishes what a process before this one has begun. It waits for disk and devices.
    ///
    /// # Errors
    /// [`OfficeFault`].
    pub fn open(
        office: &Office,
        fetcher: Arc<Fetcher>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OfficeFault> {
        let watch = Arc::new(KeyWatch::new(metrics.clone()));
        let office = &office.clone().watched(watch.clone());
        let authority = office.authority()?;
        let practice = practice::acme(office, authority)?;
        let mut secret = [0; 32];
        system_random(&mut secret).map_err(|_| OfficeFault::NoRandomness)?;
        let journal = &office.settings.store_file.value;
        let is_new = !journal.exists();
        let book = office.book(Presence::Made, clock.clone())?;
        if is_new {
            info!(journal = %journal.display(), "a new journal was made: this authority begins");
        }
        let keeper = Keeper::start(book, office.checkpoints()?).map_err(OfficeFault::Thread)?;
        let (finished, given_up) = issuing::resume(&mut &keeper, &practice.authority)
            .map_err(|why| OfficeFault::Book(office.settings.store_file.value.clone(), why))?;
        if finished + given_up > 0 {
            info!(
                finished,
                given_up, "certificates that were begun before the start"
            );
        }
        let responder = office.responder()?;
        let former = office.former.iter();
        let former = former.map(|former| former.responder(office));
        let lists = ListMaker::all(office)?
            .into_iter()
            .map(|maker| Arc::new(Shelf::from(maker)));
        let numbers = office.numbers();
        let tokens = practice::tokens(office)?;
        Ok(Self {
            anchors: AnchorList::open(office, tokens.as_ref(), clock.now().unix)?,
            gate: Gate::new(&office.settings.limits),
            certificate_ends: figures::certificates(
                office,
                tokens.as_ref().map(|desk| &desk.certificate),
            ),
            watch,
            metrics,
            responder,
            former: former.collect::<Result<_, _>>()?,
            numbers,
            answering: Arc::new(Semaphore::new(MAX_ANSWERING)),
            fetching: Semaphore::new(MAX_FETCHING),
            keeper,
            practice: Arc::new(practice),
            nonces: Mutex::new(Nonces::new(secret)),
            sessions: Mutex::default(),
            tokens,
            lists: lists.collect(),
            fetcher,
            clock,
        })
    }

    /// What is known.
    pub fn ledger(&self) -> Arc<Ledger> {
        self.keeper.snapshot()
    }

    /// What keeps the journal from being written, if anything does.
    pub fn trouble(&self) -> Option<Undone> {
        self.keeper.trouble()
    }

    /// Lets a request from this address in, or turns it away. What it holds is held until the reply is there.
    ///
    /// # Errors
    /// [`TurnedAway`].
    pub fn enter(&self, address: IpAddr, door: Door) -> Result<AtWork, TurnedAway> {
        let entered = self.gate.enter(address, door, self.clock.now().ticks);
        entered.inspect_err(|why| self.count_turned_away(door, *why))
    }

    /// What a client of the ACME server hears that was turned away.
    // RFC 8555 §6.6: "Once the rate limit is exceeded, the server MUST respond with an error with the type
    // "urn:ietf:params:acme:error:rateLimited". Additionally, the server SHOULD send a Retry-After header field [RFC7231] indicating when
    // the current request may succeed again."
    pub fn turned_away(&self, why: TurnedAway) -> Reply {
        let (kind, what, wait) = match why {
            TurnedAway::Busy(wait) => (Kind::ServerInternal, "too much is being worked on", wait),
            TurnedAway::TooOften(wait) => (Kind::RateLimited, "too many requests from there", wait),
        };
        let mut reply = Reply::from(Problem::new(kind, what)).with_retry(wait);
        if kind == Kind::ServerInternal {
            reply.status = 503;
        }
        self.with_nonce(reply)
    }

    /// The revocation list of this name, DER, once it is made.
    pub fn list(&self, name: &str) -> Option<Bytes> {
        let shelf = self.lists.iter().find(|shelf| shelf.maker.name() == name)?;
        let list = shelf.list.load_full()?;
        Some(list.der.clone())
    }

    /// The chain that is published under this name, PEM.
    pub fn published(&self, name: &str) -> Option<String> {
        let ledger = self.keeper.snapshot();
        let der = acme::certificate::find_published(&ledger.register, name)?;
        Some(acme::certificate::chain(&self.practice, der))
    }

    /// Answers a request to the ACME server. What it asks for is done, also if whoever asks does not wait for the answer.
    pub async fn acme(self: &Arc<Self>, request: Request) -> Reply {
        if request.method != "POST" {
            return self.handle(request).await;
        }
        let service = self.clone();
        // A future that is dropped after its events are kept would leave a certificate that nobody signs.
        let handled = tokio::spawn(async move { service.handle(request).await });
        handled.await.unwrap_or_else(|panicked| {
            error!(%panicked, "a request was not answered");
            self.with_nonce(unable(&Undone::Stopped))
        })
    }

    async fn handle(self: &Arc<Self>, request: Request) -> Reply {
        let standing = acme::strike(&mut self.nonces(), &request.asked());
        let decided = self.decide(request, standing).await;
        match decided {
            Ok(Then::Reply(reply)) => self.with_nonce(reply),
            Ok(Then::Fetch {
                reply,
                url,
                challenge,
            }) => {
                let service = self.clone();
                tokio::spawn(async move { service.fetch(&url, challenge).await });
                self.with_nonce(reply)
            }
            Ok(Then::Sign { certificate, order }) => self.sign(certificate, order).await,
            Err(undone) => self.with_nonce(unable(&undone)),
        }
    }

    async fn decide(&self, request: Request, standing: NonceStanding) -> Result<Then, Undone> {
        if request.method != "POST" {
            // Directory and nonces ask nothing of the journal, and are there when it is not.
            let ledger = self.keeper.snapshot();
            let now = self.clock.now().unix;
            let asked = request.asked();
            let mut none = |_: &mut [u8]| {};
            let handled = acme::decide(
                books(&ledger),
                &self.practice,
                &asked,
                standing,
                now,
                &mut none,
            );
            return Ok(handled.then);
        }
        let practice = self.practice.clone();
        let pending = self.keeper.command(move |ledger, now, random| {
            let asked = request.asked();
            let handled = acme::decide(books(ledger), &practice, &asked, standing, now, random);
            Decision {
                events: handled
                    .events
                    .into_iter()
                    .map(ledger::Event::from)
                    .collect(),
                reply: handled.then,
            }
        })?;
        pending.reply().await
    }

    async fn sign(self: &Arc<Self>, certificate: CertificateName, order: Name) -> Reply {
        let service = self.clone();
        let signed = spawn_blocking(move || {
            let authority = &service.practice.authority;
            issuing::complete(&mut &service.keeper, authority, &certificate)
        });
        match signed.await {
            Ok(Ok(())) => {}
            Ok(Err(issuing::NotIssued::Undone(undone))) => {
                error!(%undone, "a certificate is not finished; it will be when the journal can be kept");
                return self.with_nonce(unable(&undone));
            }
            Ok(Err(why)) => error!(%why, "a certificate was given up"),
            Err(panicked) => error!(%panicked, "a certificate is not finished"),
        }
        let ledger = self.keeper.snapshot();
        let now = self.clock.now().unix;
        let mut nonces = self.nonces();
        acme::finished(books(&ledger), &self.practice, &mut nonces, order, now)
    }

    /// Fetches the certificate of a token, and has it judged.
    async fn fetch(&self, url: &str, challenge: Name) {
        let mut found = None;
        for pause in FETCHES {
            tokio::time::sleep(pause).await;
            // Nobody closes it.
            let Ok(_turn) = self.fetching.acquire().await else {
                return;
            };
            match self.fetcher.visit(url).await {
                Ok(visit) if visit.status == 200 => {
                    found = Some(visit.body);
                    break;
                }
                Ok(visit) => warn!(
                    url,
                    status = visit.status,
                    "no certificate of a token there"
                ),
                Err(why) => warn!(url, %why, "the certificate of a token was not fetched"),
            }
        }
        let practice = self.practice.clone();
        let judged = self.keeper.command(move |ledger, now, _| {
            let bytes = found.as_deref().ok_or(Unfetched);
            let events = acme::fetched(books(ledger), &practice, challenge, bytes, now);
            Decision {
                events: events.into_iter().map(ledger::Event::from).collect(),
                reply: (),
            }
        });
        let judged = match judged {
            Ok(pending) => pending.reply().await,
            Err(undone) => Err(undone),
        };
        if let Err(undone) = judged {
            error!(%undone, "a token was not judged");
        }
    }

    /// Answers a question about certificates; `None` if nobody could sign the answer.
    pub async fn ocsp(self: &Arc<Self>, request: Bytes) -> Option<Vec<u8>> {
        let responder = self.responder_of(&request);
        if responder.whereabouts() == Whereabouts::Memory {
            return Some(self.answer(responder, &request));
        }
        // The key is in a device, and others want it, too.
        let turn = self.answering.clone().acquire_owned().await.ok()?;
        let service = self.clone();
        let answered = spawn_blocking(move || {
            let answer = service.answer(service.responder_of(&request), &request);
            drop(turn);
            answer
        });
        answered.await.ok()
    }

    fn answer(&self, responder: &Responder, request: &[u8]) -> Vec<u8> {
        let ledger = self.keeper.snapshot();
        let known = Known {
            register: &ledger.register,
            issuer: responder.issuer(),
            namesakes: match self.former.is_empty() {
                true => Namesakes::None,
                false => Namesakes::Some,
            },
            providers: self
                .numbers
                .as_deref()
                .map(|numbers| numbers as &dyn ProviderNumbers),
        };
        responder.answer(request, &known, self.clock.now().unix)
    }

    /// Who answers: the key that has issued what is asked about.
    fn responder_of(&self, request: &[u8]) -> &Responder {
        let mut former = self.former.iter();
        let former = former.find(|former| former.is_asked(request));
        former.unwrap_or(&self.responder)
    }

    /// Fetches the certificates of tokens that a process before this one was asked to judge and has not.
    pub fn resume_fetches(self: &Arc<Self>) {
        let ledger = self.keeper.snapshot();
        for (url, challenge) in acme::waiting(books(&ledger), &self.practice) {
            let service = self.clone();
            tokio::spawn(async move { service.fetch(&url, challenge).await });
        }
    }

    /// Finishes certificates that were begun and left, until `stop` becomes true: because the journal could not be kept when they were
    /// signed, or by a process that has ended.
    pub async fn keep_finishing(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut before = BTreeSet::new();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK_AT_UNFINISHED) => {}
            }
            let ledger = self.keeper.snapshot();
            let unfinished = ledger.register.unfinished();
            let now: BTreeSet<_> = unfinished.map(|(name, _)| name.clone()).collect();
            drop(ledger);
            // What has just been begun is finished by whoever has begun it.
            let is_left = !now.is_disjoint(&before);
            before = now;
            if is_left && self.trouble().is_none() {
                self.finish_what_is_left().await;
            }
        }
    }

    async fn finish_what_is_left(self: &Arc<Self>) {
        let service = self.clone();
        let resumed = spawn_blocking(move || {
            issuing::resume(&mut &service.keeper, &service.practice.authority)
        });
        match resumed.await {
            Ok(Ok((finished, given_up))) => {
                info!(finished, given_up, "certificates that were begun and left");
            }
            Ok(Err(undone)) => error!(%undone, "certificates that were begun are not finished"),
            Err(panicked) => error!(%panicked, "certificates that were begun are not finished"),
        }
    }

    /// Keeps the lists fresh, of revocations and of authorities, and tells how all of it stands, until `stop` becomes true.
    pub async fn keep_lists(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let anchors = self.clone().keep_anchors(stop.clone());
        let figures = self.clone().keep_figures(stop.clone());
        tokio::join!(self.keep_revocations(stop), anchors, figures);
    }

    async fn keep_anchors(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while self.anchors.is_some() {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK_AT_ANCHORS) => {}
            }
            let (service, now) = (self.clone(), self.clock.now().unix);
            let look = move || service.anchors.as_ref().map(|list| list.look(now));
            if let Ok(Some(Err(fault))) = spawn_blocking(look).await {
                error!(%fault, "no new list of authorities");
            }
        }
    }

    async fn keep_revocations(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = LOOK_AT_LISTS;
            for shelf in &self.lists {
                for why in self.refresh_list(shelf).await {
                    error!(name = shelf.maker.name(), %why, "no new revocation list");
                    pause = LIST_AGAIN;
                }
            }
        }
    }

    /// Takes the number authority's file when it is another, until `stop` becomes true, and tells when it is too old.
    pub async fn keep_numbers(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(numbers) = self.numbers.clone() else {
            return;
        };
        let mut was_stale = false;
        loop {
            let is_stale = numbers.is_stale();
            if is_stale && !was_stale {
                let (path, as_of) = (numbers.path().display(), numbers.as_of());
                warn!(%path, %as_of, "the number authority's file is too old: whose numbers are whose is not known");
            }
            was_stale = is_stale;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK_AT_NUMBERS) => {}
            }
            let table = numbers.clone();
            let looked = spawn_blocking(move || table.look()).await;
            let path = numbers.path().display();
            match looked {
                Ok(Looked::Replaced(as_of)) => {
                    info!(%path, %as_of, "a new file of the number authority")
                }
                Ok(Looked::Refused(NoTable::Gone)) => {
                    warn!(%path, as_of = %numbers.as_of(), "the number authority's file is gone; what it said counts until it is too old");
                }
                Ok(Looked::Refused(why)) => {
                    warn!(%path, %why, "a new file of the number authority is not taken");
                }
                Ok(Looked::Unchanged) | Err(_) => {}
            }
        }
    }

    /// Serves the last list that has a number, and a new one if it is due: where none can be numbered, the last one goes on.
    async fn refresh_list(self: &Arc<Self>, shelf: &Arc<Shelf>) -> Vec<NoList> {
        let mut faults = Vec::new();
        let ledger = self.keeper.snapshot();
        let last = shelf.maker.last(&ledger).map(|last| last.number);
        let served = shelf.list.load().as_ref().map(|served| served.number);
        let is_due = shelf.maker.is_due(&ledger, self.clock.now().unix);
        drop(ledger);
        if last.is_some() && last != served {
            let again = self.sign_list(shelf, |keeper, maker| maker.again(&keeper.snapshot()));
            faults.extend(again.await.err());
        }
        if is_due {
            let next = self.sign_list(shelf, |mut keeper, maker| maker.make(&mut keeper));
            faults.extend(next.await.err());
        }
        faults
    }

    async fn sign_list(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        sign: impl FnOnce(&Keeper, &ListMaker) -> Result<List, NoList> + Send + 'static,
    ) -> Result<(), NoList> {
        let (service, of) = (self.clone(), shelf.clone());
        let made = spawn_blocking(move || sign(&service.keeper, &of.maker)).await;
        let List { number, der } = made.unwrap_or(Err(NoList::Undone(Undone::Stopped)))?;
        let der = Bytes::from(der);
        shelf.list.store(Some(Arc::new(Served { number, der })));
        Ok(())
    }

    fn with_nonce(&self, reply: Reply) -> Reply {
        acme::with_nonce(reply, &mut self.nonces())
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        // A nonce is given out or taken back in one step.
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({:?})", self.practice.authority)
    }
}

fn books(ledger: &Ledger) -> Books<'_> {
    Books {
        desk: &ledger.acme,
        register: &ledger.register,
    }
}

/// What a client is told when the journal does not work: nothing has happened, and it may try again.
fn unable(undone: &Undone) -> Reply {
    let what = match undone {
        Undone::Full => "there is no room to keep what would be issued",
        _ => "what would happen cannot be kept now",
    };
    Reply::from(Problem::new(Kind::ServerInternal, what))
}
