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

use super::answers::Known;
use super::lists::{ListMaker, NoList};
use super::practice::{self, TokenDesk};
use super::{Office, OfficeFault, Presence, open_key};
use crate::authority::book::{Decision, Undone};
use crate::authority::issuing;
use crate::authority::keeper::Keeper;
use crate::clock::Clock;
use crate::fetch::Fetcher;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use countersign::certificate::delegation::ProviderNumbers;
use countersign::crypto::system_random;
use countersign_ca::IssuanceError;
use countersign_ca::acme::problem::{Kind, Problem};
use countersign_ca::acme::{
    self, Asked, Books, Name, NonceStanding, Nonces, Practice, Reply, Then, Unfetched,
};
use countersign_ca::ledger::{self, Ledger};
use countersign_ca::ocsp::Responder;
use countersign_ca::register::CertificateName;
use countersign_ca::token_authority::request::{self as token_request, Dialect, Proof};
use countersign_ca::token_authority::sti_pa::Sessions;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

/// How often it is looked whether a revocation list is due.
const LOOK_AT_LISTS: Duration = Duration::from_secs(1);

/// After a list could not be made, the next try: long enough for a device to come back.
const LIST_AGAIN: Duration = Duration::from_secs(10);

/// How often the certificate of a token is asked for, and how long is waited in between.
const FETCHES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// How long an answer of OCSP counts, in seconds: an hour, own decision.
const OCSP_LIFETIME: u32 = 3_600;

/// Most answers of OCSP that are signed at a time. Own decision: others wait, and orders have the key between them.
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

/// The authority that serves.
pub struct Service {
    keeper: Keeper,
    practice: Arc<Practice>,
    nonces: Mutex<Nonces>,
    sessions: Mutex<Sessions>,
    tokens: Option<TokenDesk>,
    lists: ListMaker,
    /// The current revocation list, DER.
    list: ArcSwapOption<Bytes>,
    responder: Responder,
    providers: Option<Arc<dyn ProviderNumbers>>,
    /// Who may have an answer signed now.
    answering: Arc<Semaphore>,
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
    ) -> Result<Self, OfficeFault> {
        let authority = office.authority()?;
        let practice = practice::acme(office, authority)?;
        let mut secret = [0; 32];
        system_random(&mut secret).map_err(|_| OfficeFault::NoRandomness)?;
        let book = office.book(Presence::Made, clock.clone())?;
        let keeper = Keeper::start(book, office.checkpoints()?).map_err(OfficeFault::Thread)?;
        let (finished, given_up) = issuing::resume(&mut &keeper, &practice.authority)
            .map_err(|why| OfficeFault::Book(office.settings.store_file.value.clone(), why))?;
        if finished + given_up > 0 {
            info!(
                finished,
                given_up, "certificates that were begun before the start"
            );
        }
        let certificate = office.certificate().clone();
        let key = open_key(&office.settings.key.value)?;
        let responder = Responder::of_issuer(certificate, key, OCSP_LIFETIME)
            .map_err(|_| OfficeFault::List(IssuanceError::KeyMismatch))?;
        let providers = office.records.clone();
        Ok(Self {
            responder,
            providers: providers.map(|records| records as Arc<dyn ProviderNumbers>),
            answering: Arc::new(Semaphore::new(MAX_ANSWERING)),
            keeper,
            practice: Arc::new(practice),
            nonces: Mutex::new(Nonces::new(secret)),
            sessions: Mutex::default(),
            tokens: practice::tokens(office)?,
            lists: ListMaker::of(office)?,
            list: ArcSwapOption::empty(),
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

    /// The revocation list of this name, DER, once it is made.
    pub fn list(&self, name: &str) -> Option<Bytes> {
        let list = self.list.load_full()?;
        (name == self.lists.name()).then(|| Bytes::clone(&list))
    }

    /// The chain that is published under this name, PEM.
    pub fn published(&self, name: &str) -> Option<String> {
        let ledger = self.keeper.snapshot();
        let der = acme::certificate::find_published(&ledger.register, name)?;
        Some(acme::certificate::chain(&self.practice, der))
    }

    /// Answers a request to the ACME server.
    pub async fn acme(self: &Arc<Self>, request: Request) -> Reply {
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
                error!(%undone, "a certificate is not finished; it will be after a restart");
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

    /// Answers a request for a token of `account`; `None` if this server issues none.
    pub async fn token(
        &self,
        account: String,
        shown: Shown,
        body: Bytes,
        dialect: Dialect,
    ) -> Option<token_request::Reply> {
        let desk = self.tokens.clone()?;
        let now = self.clock.now().unix;
        let session = match (dialect, &shown.authorization) {
            (Dialect::StiPa, Some(header)) => {
                let sessions = self.sessions();
                sessions.account(header, now).map(str::to_owned)
            }
            _ => None,
        };
        let practice = desk.practice.clone();
        let decided = self.keeper.command(move |ledger, now, random| {
            let mut jti = [0; 16];
            random(&mut jti);
            let asked = token_request::Asked {
                account: &account,
                proof: shown.proof(session.as_deref()),
                body: &body,
                dialect,
            };
            match token_request::decide(&ledger.tokens, &practice, asked, now, jti) {
                Ok(decided) => Decision {
                    events: vec![decided.event.into()],
                    reply: Ok(decided.grant),
                },
                Err(refused) => Decision::nothing(Err(refused)),
            }
        });
        let decided = match decided {
            Ok(pending) => pending.reply().await,
            Err(undone) => Err(undone),
        };
        let grant = match decided {
            Ok(Ok(grant)) => grant,
            Ok(Err(refused)) => return Some(refused.reply()),
            Err(undone) => {
                error!(%undone, "a token was not issued");
                return Some(out_of_order());
            }
        };
        let signed = spawn_blocking(move || grant.reply(desk.key.as_ref())).await;
        match signed {
            Ok(Ok(reply)) => Some(reply),
            _ => {
                error!("the key of the token authority did not sign");
                Some(out_of_order())
            }
        }
    }

    /// Logs a client of the policy administrator's interface in.
    pub fn login(&self, body: &[u8]) -> Option<token_request::Reply> {
        self.tokens.as_ref()?;
        let mut random = [0; 32];
        if system_random(&mut random).is_err() {
            return Some(out_of_order());
        }
        let (ledger, now) = (self.keeper.snapshot(), self.clock.now().unix);
        let logged_in = self.sessions().login(&ledger.tokens, body, now, &random);
        Some(logged_in.unwrap_or_else(|refused| refused.reply()))
    }

    /// Answers a question about certificates; `None` if nobody could sign the answer.
    pub async fn ocsp(self: &Arc<Self>, request: Bytes) -> Option<Vec<u8>> {
        // The key may be in a device, and others want it, too.
        let turn = self.answering.clone().acquire_owned().await.ok()?;
        let service = self.clone();
        let answered = spawn_blocking(move || {
            let ledger = service.keeper.snapshot();
            let known = Known {
                register: &ledger.register,
                issuer: service.practice.authority.certificate().subject(),
                providers: service.providers.as_deref(),
            };
            let now = service.clock.now().unix;
            let answer = service.responder.answer(&request, &known, now);
            drop(turn);
            answer
        });
        answered.await.ok()
    }

    /// Fetches the certificates of tokens that a process before this one was asked to judge and has not.
    pub fn resume_fetches(self: &Arc<Self>) {
        let ledger = self.keeper.snapshot();
        for (challenge, url) in ledger.acme.waiting() {
            let (service, challenge, url) = (self.clone(), *challenge, url.to_owned());
            tokio::spawn(async move { service.fetch(&url, challenge).await });
        }
    }

    /// Keeps the revocation list fresh until `stop` becomes true.
    pub async fn keep_lists(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let again = self.lists.again(&self.keeper.snapshot());
        if let Ok(list) = again {
            self.list.store(Some(Arc::new(list.into())));
        }
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = LOOK_AT_LISTS;
            let now = self.clock.now().unix;
            let is_there = self.list.load().is_some();
            if is_there && !self.lists.is_due(&self.keeper.snapshot(), now) {
                continue;
            }
            if let Err(why) = self.make_list().await {
                error!(%why, "no new revocation list");
                pause = LIST_AGAIN;
            }
        }
    }

    async fn make_list(self: &Arc<Self>) -> Result<(), NoList> {
        let service = self.clone();
        let made = spawn_blocking(move || service.lists.make(&mut &service.keeper)).await;
        let list = made.unwrap_or(Err(NoList::Undone(Undone::Stopped)))?;
        self.list.store(Some(Arc::new(list.into())));
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

/// What a token customer has shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

impl Shown {
    fn proof<'a>(&'a self, session: Option<&'a str>) -> Proof<'a> {
        match (session, &self.authorization) {
            (Some(account), _) => Proof::Session(account),
            (None, Some(header)) => Proof::Authorization(header),
            (None, None) => Proof::Nothing,
        }
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

fn out_of_order() -> token_request::Reply {
    token_request::Reply {
        status: 503,
        content_type: "application/problem+json",
        www_authenticate: None,
        body: r#"{"detail":"no token can be issued now","status":503}"#.into(),
    }
}
