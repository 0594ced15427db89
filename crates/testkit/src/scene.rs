//! A call between two providers, without a wire: who signs, who verifies, where the certificate is, what time it is.
//!
//! ```text
//!    Alice's provider                                     Bob's provider
//!    AuthenticationService ── Identity: …;info=<x5u> ──► VerificationService
//!          │ key                                              │ needs
//!          └── certificate (lab) ──► Repository ◄─────────────┘
//! ```
//!
//! Everything is as it should be until a test spoils it. Tokens that no authentication service would sign come from
//! [`Forgery`].

use crate::lab::{Lab, NOW, Signer};
use countersign::authentication::{
    Authenticated, AuthenticationService, Credential, Inventory, Origination, Staples, Unlisted,
};
use countersign::call::{Call, CallReference, DateHeader, DestSource, OrigSource};
use countersign::certificate::{CertificateChain, ServiceProviderCode, TnAuthList};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::identity::Identity;
use countersign::jose::base64url;
use countersign::media_keys::MediaKeys;
use countersign::passport::{OrigId, Presented, SignedPassport};
use countersign::path::PathCache;
use countersign::time::{Now, Ticks};
use countersign::trust::Trust;
use countersign::verification::{
    Answer, Dialled, Malformed, MemoryReplay, NeedKind, NumberAuthority, Poll, Refresh, Report,
    Resource, Source, Unavailable, Verification, VerificationPolicy, VerificationService,
};
use countersign_sip::identity_header;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who calls.
pub const ALICE: &str = "12025550100";
/// Who is called.
pub const BOB: &str = "12025550101";
/// Somebody else.
pub const MALLORY: &str = "12025550199";
/// Where Alice's provider publishes its certificate.
pub const X5U: &str = "https://cert.example.org/alice.pem";
/// The origination identifier that Alice's provider signs.
pub const ORIGID: &str = "de305d54-75b4-431b-adb2-eb6b9e546014";

/// Two providers, their clock and their repository.
pub struct Scene {
    /// Who issues and who is trusted.
    pub lab: Lab,
    /// What Alice's provider signs with: all numbers from 12025550100 to 12025550149.
    pub signer: Signer,
    /// The numbers that Alice's provider knows to be its customers'.
    pub inventory: Arc<Inventory>,
    /// What Alice's provider staples, if anything.
    pub staples: Option<Arc<dyn Staples>>,
    /// How Bob's provider verifies.
    pub policy: VerificationPolicy,
    /// Whom Bob's provider trusts.
    pub trust: Arc<Trust>,
    /// What Bob's provider fetches from.
    pub repository: Repository,
    paths: Arc<PathCache>,
    replay: Arc<MemoryReplay>,
}

#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its scene has nothing to test"
)]
impl Scene {
    /// Everything as it should be.
    pub fn new() -> Self {
        let lab = Lab::new();
        let signer = lab.numbers(ALICE, 50);
        let repository = Repository::default();
        repository.publish(X5U, &signer.chain);
        let inventory = Inventory::parse("12025550100+10,assigned").expect("inventory");
        Self {
            trust: Arc::new(lab.trust(1)),
            lab,
            signer,
            inventory: Arc::new(inventory),
            staples: None,
            policy: VerificationPolicy::default(),
            repository,
            paths: Arc::default(),
            replay: Arc::default(),
        }
    }

    /// The same with another verification policy.
    pub fn with_policy(self, change: impl FnOnce(&mut VerificationPolicy)) -> Self {
        let mut scene = self;
        change(&mut scene.policy);
        scene
    }

    /// The authentication service of Alice's provider.
    pub fn authentication(&self) -> AuthenticationService {
        let key = Arc::clone(&self.signer.key);
        let signer = countersign::authentication::Signer::new(X5U, key, self.signer.chain.clone());
        let service = AuthenticationService::new(
            Arc::new(signer.expect("signer")),
            Arc::clone(&self.inventory),
        );
        match &self.staples {
            Some(staples) => service.with_staples(Arc::clone(staples)),
            None => service,
        }
    }

    /// Signs a call at [`NOW`].
    pub fn sign(&self, call: &Call) -> Authenticated {
        let signed = self
            .authentication()
            .authenticate(call, &origination(), NOW);
        signed.expect("signed")
    }

    /// Signs a call at [`NOW`] and reads the Identity header as the other side does.
    pub fn present(&self, call: &Call) -> Presented {
        identity_header::parse(self.sign(call).identity.as_bytes()).expect("Identity header")
    }

    /// A token with this header and payload, signed with the key of Alice's provider.
    pub fn forge(&self, forgery: &Forgery) -> Presented {
        forgery.sign(&*self.signer.key)
    }

    /// The verification service of Bob's provider. All that a scene makes share their memories.
    pub fn verification(&self) -> VerificationService {
        VerificationService::new(
            self.policy.clone(),
            Arc::new(AwsLc),
            Arc::clone(&self.paths),
            self.replay.clone(),
        )
    }

    /// Verifies a call with one Identity header at [`NOW`].
    pub fn verify(&self, call: &Call, presented: Presented) -> Report {
        self.verify_at(0, call, vec![Ok(presented)])
    }

    /// Verifies a call `seconds` after [`NOW`].
    pub fn verify_at(
        &self,
        seconds: i64,
        call: &Call,
        presented: Vec<Result<Presented, Malformed>>,
    ) -> Report {
        let now = now(seconds);
        let verification = self.verification().begin(call, presented, &self.trust, now);
        self.drive(verification, now)
    }

    /// The call as Alice's provider sends it at [`NOW`].
    pub fn dialled(&self) -> Dialled {
        let sent = SignedPassport::parse(&self.present(&call()).token).expect("signed");
        Dialled::of(vec![sent], number(BOB), NOW).expect("it speaks for Alice")
    }

    /// Verifies an answer `seconds` after [`NOW`], as the side does that sent the call.
    pub fn verify_answer(
        &self,
        seconds: i64,
        dialled: &Dialled,
        presented: Vec<Result<Presented, Malformed>>,
        media_keys: Option<&MediaKeys>,
    ) -> Report {
        let (now, dialled) = (now(seconds), Arc::new(dialled.clone()));
        let service = self.verification();
        let verification = service.begin_answer(&dialled, presented, media_keys, &self.trust, now);
        self.drive(verification, now)
    }

    /// Answers whatever it needs until it is over.
    pub fn drive(&self, mut verification: Verification, now: Now) -> Report {
        loop {
            let needs = match verification.poll(now) {
                Poll::Done(report) => return report,
                Poll::Needs(needs) => needs.to_vec(),
            };
            for need in needs {
                verification.answer(need.id, self.repository.answer_to(&need.kind));
            }
        }
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

/// What is published where, as a fetcher with a cache would tell it.
#[derive(Default)]
pub struct Repository {
    shelf: Mutex<Shelf>,
}

/// What a responder answers to a request.
type RespondingTo = dyn Fn(&[u8]) -> Vec<u8> + Send;

#[derive(Default)]
struct Shelf {
    published: HashMap<Box<str>, Arc<CertificateChain>>,
    cached: HashMap<Box<str>, Arc<CertificateChain>>,
    lists: HashMap<Box<str>, Arc<TnAuthList>>,
    cached_lists: HashMap<Box<str>, Arc<TnAuthList>>,
    words: HashMap<ServiceProviderCode, NumberAuthority>,
    resources: HashMap<Box<str>, Arc<Resource>>,
    responders: HashMap<Box<str>, Box<RespondingTo>>,
    failure: Option<Unavailable>,
    requests: Vec<(Box<str>, Refresh)>,
}

impl Repository {
    /// Publishes a chain; what was there before stays in the cache of those who had fetched it.
    pub fn publish(&self, url: &str, chain: &CertificateChain) {
        self.with(|shelf| shelf.published.insert(url.into(), Arc::new(chain.clone())));
    }

    /// Publishes a TN Authorization List; what was there before stays in the cache of those who had fetched it.
    pub fn publish_list(&self, url: &str, list: TnAuthList) {
        self.with(|shelf| shelf.lists.insert(url.into(), Arc::new(list)));
    }

    /// Forgets every cached list: its freshness is over.
    pub fn expire_lists(&self) {
        self.with(|shelf| shelf.cached_lists.clear());
    }

    /// Publishes what rich call data refers to; what was there before is gone.
    pub fn publish_resource(&self, url: &str, media_type: &str, bytes: &[u8]) {
        let resource = Resource::new(media_type, bytes);
        self.with(|shelf| shelf.resources.insert(url.into(), Arc::new(resource)));
    }

    /// From now on this is what the number authority says of a provider, whatever the number.
    pub fn say(&self, provider: ServiceProviderCode, word: NumberAuthority) {
        self.with(|shelf| shelf.words.insert(provider, word));
    }

    /// From now on a responder of OCSP answers at `url`.
    pub fn respond(&self, url: &str, answering: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
        self.with(|shelf| shelf.responders.insert(url.into(), Box::new(answering)));
    }

    /// From now on nothing can be fetched any more; what is cached still is.
    pub fn fail(&self, cause: Unavailable) {
        self.with(|shelf| shelf.failure = Some(cause));
    }

    /// What was asked for so far, in order.
    pub fn requests(&self) -> Vec<(Box<str>, Refresh)> {
        self.with(|shelf| shelf.requests.clone())
    }

    /// Answers any need.
    pub fn answer_to(&self, kind: &NeedKind) -> Answer {
        match kind {
            NeedKind::Certificate { url, refresh } => self.answer(url, *refresh),
            NeedKind::NumberAuthority { provider, .. } => self.with(|shelf| {
                let word = shelf.words.get(provider);
                word.map_or(Answer::Unavailable(Unavailable::Offline), |word| {
                    Answer::NumberAuthority(*word)
                })
            }),
            NeedKind::Resource { url, .. } => self.resource(url),
            NeedKind::Status { url, request } => self.status(url, request),
            NeedKind::TnAuthList { url, refresh } => self.list(url, *refresh),
        }
    }

    fn status(&self, url: &str, request: &[u8]) -> Answer {
        self.with(|shelf| {
            shelf.requests.push((url.into(), Refresh::No));
            match (shelf.failure, shelf.responders.get(url)) {
                (Some(cause), _) => Answer::Unavailable(cause),
                (None, None) => Answer::Unavailable(Unavailable::Connect),
                (None, Some(answering)) => Answer::Status(answering(request).into()),
            }
        })
    }

    fn resource(&self, url: &str) -> Answer {
        self.with(|shelf| {
            shelf.requests.push((url.into(), Refresh::No));
            match (shelf.failure, shelf.resources.get(url)) {
                (Some(cause), _) => Answer::Unavailable(cause),
                (None, None) => Answer::Unavailable(Unavailable::BadStatus(404)),
                (None, Some(resource)) => Answer::Resource(Arc::clone(resource)),
            }
        })
    }

    fn list(&self, url: &str, refresh: Refresh) -> Answer {
        self.with(|shelf| {
            shelf.requests.push((url.into(), refresh));
            let cached = shelf.cached_lists.get(url);
            if let Some(list) = cached.filter(|_| refresh == Refresh::No) {
                return Answer::TnAuthList(Arc::clone(list), Source::Cache);
            }
            match (shelf.failure, shelf.lists.get(url).cloned()) {
                (Some(cause), _) => Answer::Unavailable(cause),
                (None, None) => Answer::Unavailable(Unavailable::BadStatus(404)),
                (None, Some(list)) => {
                    shelf.cached_lists.insert(url.into(), Arc::clone(&list));
                    Answer::TnAuthList(list, Source::Fetched)
                }
            }
        })
    }

    /// Answers a need of a certificate: from the cache if that will do, else from the origin.
    pub fn answer(&self, url: &str, refresh: Refresh) -> Answer {
        self.with(|shelf| {
            shelf.requests.push((url.into(), refresh));
            let cached = shelf.cached.get(url).filter(|_| refresh == Refresh::No);
            if let Some(chain) = cached {
                return Answer::Certificate(Arc::clone(chain), Source::Cache);
            }
            match (shelf.failure, shelf.published.get(url)) {
                (Some(cause), _) => Answer::Unavailable(cause),
                (None, None) => Answer::Unavailable(Unavailable::BadStatus(404)),
                (None, Some(chain)) => {
                    let chain = Arc::clone(chain);
                    shelf.cached.insert(url.into(), Arc::clone(&chain));
                    Answer::Certificate(chain, Source::Fetched)
                }
            }
        })
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Shelf) -> T) -> T {
        use_it(&mut self.shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A token as somebody would make it who keeps no rule: header and payload are text.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// The JSON of the header.
    pub header: String,
    /// The JSON of the payload.
    pub payload: String,
}

impl Forgery {
    /// What Alice's provider would sign for a call from Alice to Bob at [`NOW`].
    pub fn new() -> Self {
        let iat = NOW.as_secs();
        Self {
            header: format!(r#"{{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"{X5U}"}}"#),
            payload: format!(
                r#"{{"attest":"A","dest":{{"tn":["{BOB}"]}},"iat":{iat},"orig":{{"tn":"{ALICE}"}},"origid":"{ORIGID}"}}"#
            ),
        }
    }

    /// The same with one piece of the header replaced.
    ///
    /// # Panics
    /// If the header has no such piece: the test would prove nothing.
    pub fn header(mut self, from: &str, to: &str) -> Self {
        assert!(self.header.contains(from), "{from} is not in the header");
        self.header = self.header.replacen(from, to, 1);
        self
    }

    /// The same with one piece of the payload replaced.
    ///
    /// # Panics
    /// If the payload has no such piece: the test would prove nothing.
    pub fn payload(mut self, from: &str, to: &str) -> Self {
        assert!(self.payload.contains(from), "{from} is not in the payload");
        self.payload = self.payload.replacen(from, to, 1);
        self
    }

    /// Signs it with ES256, whatever the header says, and puts it between the parameters that belong to [`X5U`].
    #[allow(
        clippy::expect_used,
        reason = "a test that cannot sign has nothing to test"
    )]
    pub fn sign(&self, key: &dyn SigningKey) -> Presented {
        let mut token = base64url::encode(self.header.as_bytes());
        token.push('.');
        token.push_str(&base64url::encode(self.payload.as_bytes()));
        let signature = key.sign(token.as_bytes()).expect("signature");
        token.push('.');
        token.push_str(&base64url::encode(&signature));
        Presented {
            token: token.into(),
            info: Some(X5U.into()),
            alg: Some("ES256".into()),
            ppt: Some("shaken".into()),
        }
    }
}

impl Default for Forgery {
    fn default() -> Self {
        Self::new()
    }
}

/// A telephone number.
#[allow(
    clippy::expect_used,
    reason = "a test that cannot write its numbers has nothing to test"
)]
pub fn number(text: &str) -> Identity {
    Identity::Number(text.parse().expect("telephone number"))
}

/// A call from Alice to Bob, as From and To tell it, without a Date.
pub fn call() -> Call {
    Call {
        orig: Some(number(ALICE)),
        orig_from: OrigSource::From,
        dest: vec![(number(BOB), DestSource::To)],
        date: DateHeader::Absent,
        presentation: Default::default(),
        priority: Default::default(),
        media_keys: None,
        reference: Some(reference("call-1@alice.example", "tag-1")),
    }
}

/// What tells this call attempt from another.
pub fn reference(call_id: &str, from_tag: &str) -> CallReference {
    CallReference {
        call_id: call_id.as_bytes().into(),
        from_tag: from_tag.as_bytes().into(),
        within: None,
    }
}

/// A call from a trunk that proved who it is and asks for nothing.
#[allow(
    clippy::expect_used,
    reason = "a test that cannot write its origid has nothing to test"
)]
pub fn origination() -> Origination {
    Origination {
        asked: None,
        credential: Credential::Strong,
        unlisted: Unlisted::C,
        origid: ORIGID.parse::<OrigId>().expect("UUID"),
        rich: None,
    }
}

/// `seconds` after [`NOW`], on both clocks.
pub fn now(seconds: i64) -> Now {
    let start = Ticks::from_millis(1_000_000_000);
    let micros = start
        .as_micros()
        .saturating_add_signed(seconds.saturating_mul(1_000_000));
    Now {
        unix: NOW.saturating_add(seconds),
        ticks: Ticks::from_micros(micros),
    }
}
