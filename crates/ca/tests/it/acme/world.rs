//! Our own client against our own server: two parties, and a net between them that may be as bad as it likes.
//!
//! ```text
//!     Enrolment, Errand ── HttpRequest ──▶ World ─┬─▶ Site (ca.example)
//!            ▲                               │    └─▶ token authority (authority.example)
//!            └──── HttpResponse, or Lost ◀───┘  loses, doubles, kills the server, tampers
//! ```

use super::site::{BASE, Site, X5U, draw, shaken};
use countersign::certificate::{CertificateChain, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::json;
use countersign::time::{UnixTime, Validity};
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::enrolment::{
    Enrolled, Enrolment, Errand, Failure, HttpRequest, HttpResponse, Lost, Method, Opening, Proof,
    ResponseField, Step, TokenAuthority, TokenSource, Wish, Wrapping,
};
use countersign_ca::extension::PathLength;
use countersign_ca::token::{Atc, Claims, FingerprintRule};
use countersign_ca::{Authority, Practice, Profile, Request, Serial, Subject, extension};
use countersign_testkit::lab::{Signer, subject};
use serde_json::json;
use std::sync::Arc;

/// Our account at the token authority.
pub(super) const TOKENS: &str = "https://authority.example/at/account/acme/token";
pub(super) const SECRET: &str = "Bearer secret";
/// Nobody in these stories asks as often as that.
const PATIENCE: usize = 50_000;

/// How bad the net is: chances in 256.
#[derive(Clone, Copy, Default)]
pub(super) struct Weather {
    pub(super) lost: u8,
    pub(super) doubled: u8,
    pub(super) killed: u8,
}

/// What changes an answer on its way; `None` leaves it.
pub(super) type Tamper = Box<dyn FnMut(&HttpRequest, &HttpResponse) -> Option<HttpResponse>>;

pub(super) struct World {
    pub(super) site: Site,
    pub(super) seed: u64,
    pub(super) weather: Weather,
    pub(super) tamper: Tamper,
    /// Every request that was made.
    pub(super) asked: Vec<HttpRequest>,
    pub(super) waits: Vec<i64>,
    /// When the server is there, if not always: since when, until when.
    pub(super) there: Option<Vec<(UnixTime, UnixTime)>>,
}

impl World {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let site = Site::new();
        Self {
            site,
            seed,
            weather,
            tamper: Box::new(|_, _| None),
            asked: Vec::new(),
            waits: Vec::new(),
            there: None,
        }
    }

    /// A world whose authorities live for two years.
    pub(super) fn long_lived(seed: u64) -> Self {
        let mut world = Self::new(seed, Weather::default());
        let site = &mut world.site;
        let validity = Validity {
            not_before: site.now.saturating_add(-3_600),
            not_after: site.now.saturating_add(730 * 86_400),
        };
        let serial = |number: u8| Serial::from_random([number; 16]);
        let root = Authority::root(
            &subject("Example SHAKEN ROOT"),
            key(),
            Practice::default(),
            serial(1),
            validity,
        )
        .unwrap()
        .with_practice(shaken());
        let issue = |profile, name: &str, number: u8, list: Option<TnAuthList>| {
            let key = key();
            let request = Request::new(profile, subject(name), key.public_key());
            let request = Request {
                scope: list,
                ..request
            };
            (root.issue(&request, serial(number), validity).unwrap(), key)
        };
        let length = Profile::Intermediate(PathLength::AtMost(1));
        let (authority, authority_key) = issue(length, "Example SHAKEN CA", 2, None);
        let list = TnAuthList::new(vec![TnEntry::Spc("TA01".parse().unwrap())]).unwrap();
        let (tokens, tokens_key) = issue(Profile::EndEntity, "SHAKEN TA01", 3, Some(list));
        let issuer = Authority::new(authority.clone(), authority_key, shaken()).unwrap();
        site.practice.authority = issuer;
        site.practice.chain = [authority].into();
        site.authority = Signer {
            key: tokens_key,
            chain: CertificateChain::from_der([tokens.as_der()]).unwrap(),
        };
        site.practice.token_issuers = [Site::trusted(&site.authority).with_x5u(X5U)].into();
        world
    }

    fn chance(&mut self, of: u8) -> bool {
        draw(&mut self.seed) < of
    }

    pub(super) fn deliver(&mut self, request: &HttpRequest) -> Result<HttpResponse, Lost> {
        self.asked.push(request.clone());
        let (weather, now) = (self.weather, self.site.now);
        let within = |(back, gone): &(UnixTime, UnixTime)| *back <= now && now < *gone;
        let there = self.there.as_ref();
        if there.is_some_and(|windows| !windows.iter().any(within)) {
            return Err(Lost);
        }
        if self.chance(weather.lost) {
            return Err(Lost);
        }
        let answer = self.answer(request)?;
        if self.chance(weather.doubled) {
            let _ = self.answer(request);
        }
        if self.chance(weather.lost) {
            return Err(Lost);
        }
        Ok((self.tamper)(request, &answer).unwrap_or(answer))
    }

    fn answer(&mut self, request: &HttpRequest) -> Result<HttpResponse, Lost> {
        if &*request.url == TOKENS {
            return Ok(self.token(request));
        }
        let path = request.url.strip_prefix(BASE).expect("a URL of the site");
        let method = request.method.name();
        let handled = self
            .site
            .decide(method, path, request.content_type, &request.body);
        let killed = self.weather.killed;
        if self.chance(killed) {
            self.site.keep(handled.events);
            self.restart();
            return Err(Lost);
        }
        let reply = self.site.act(handled);
        // What a token's certificate says comes a moment later.
        while !self.site.fetches.is_empty() {
            let chain = self.site.authority.chain.to_pem();
            self.site.fetched(Ok(chain.as_bytes()));
        }
        let headers = reply
            .headers
            .iter()
            .map(|(name, value)| ((*name).into(), value.as_str().into()));
        Ok(HttpResponse {
            status: reply.status,
            headers: headers.collect(),
            body: if request.method == Method::Head {
                Vec::new()
            } else {
                reply.body
            },
        })
    }

    /// The server dies, and starts again.
    fn restart(&mut self) {
        self.site.restart([draw(&mut self.seed); 32]);
    }

    /// The token authority: it reflects what it is asked for.
    pub(super) fn token(&mut self, request: &HttpRequest) -> HttpResponse {
        if request.authorization.as_deref() != Some(SECRET) {
            return HttpResponse {
                status: 403,
                ..HttpResponse::default()
            };
        }
        let body = json::parse(&request.body).unwrap();
        let members = body.as_object().unwrap();
        let atc = members
            .get("atc")
            .map_or(members, |atc| atc.as_object().unwrap());
        let claims = Claims {
            aud: Box::default(),
            atc: Atc::read(atc).unwrap(),
            exp: self.site.now.saturating_add(30 * 86_400),
            iss: None,
            jti: format!("jti-{}", self.asked.len()).into(),
            nbf: None,
        };
        let token = self.site.token(&claims);
        HttpResponse {
            status: 200,
            headers: vec![("Replay-Nonce".into(), "not-of-the-server".into())],
            body: json!({ "token": token, "status": "success" })
                .to_string()
                .into(),
        }
    }

    pub(super) fn enrol(&mut self, enrolment: &mut Enrolment) -> Result<Enrolled, Failure> {
        for _ in 0..PATIENCE {
            match enrolment.next(self.site.now) {
                Step::Ask(request) => {
                    let answer = self.deliver(&request);
                    enrolment.heard(answer.as_ref().map_err(|lost| *lost), self.site.now);
                }
                Step::Done(enrolled) => return Ok(enrolled),
                Step::Failed(failure) => return Err(failure),
                Step::Wait(until) => self.wait(until),
            }
        }
        panic!("no end: {enrolment:?}");
    }

    pub(super) fn run(&mut self, errand: &mut Errand) -> Result<(), Failure> {
        for _ in 0..PATIENCE {
            match errand.next(self.site.now) {
                Step::Ask(request) => {
                    let answer = self.deliver(&request);
                    errand.heard(answer.as_ref().map_err(|lost| *lost), self.site.now);
                }
                Step::Done(()) => return Ok(()),
                Step::Failed(failure) => return Err(failure),
                Step::Wait(until) => self.wait(until),
            }
        }
        panic!("no end: {errand:?}");
    }

    pub(super) fn wait(&mut self, until: UnixTime) {
        assert!(self.site.now < until, "a wait that is none");
        self.waits.push(until.as_secs() - self.site.now.as_secs());
        self.site.now = until;
    }

    pub(super) fn wish(&self, key: &EcdsaP256Key) -> Wish {
        Wish {
            directory: format!("{BASE}/directory").into(),
            opening: Opening::default(),
            request: request(key),
            proof: Proof::Token {
                source: TokenSource::Authority(authority()),
                field: ResponseField::Tkauth,
            },
            not_after: None,
            order: None,
            deadline: self.site.now.saturating_add(86_400),
        }
    }

    pub(super) fn certificates(&self) -> usize {
        self.site.ledger.register.certificates().count()
    }
}

pub(super) fn authority() -> TokenAuthority {
    TokenAuthority {
        url: TOKENS.into(),
        authorization: Some(SECRET.into()),
        wrapping: Wrapping::Wrapped,
        fingerprint: FingerprintRule::JwkThumbprint,
    }
}

pub(super) fn request(key: &EcdsaP256Key) -> CertificationRequest {
    let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let subject = Subject::new("US", "Example Telco", "SHAKEN 1234").unwrap();
    let extensions = [
        extension::end_entity_constraints(),
        extension::tn_auth_list(&list),
    ];
    CertificationRequest::parse(&csr::write(subject.name(), &extensions, key).unwrap()).unwrap()
}

pub(super) fn key() -> Arc<EcdsaP256Key> {
    Arc::new(EcdsaP256Key::generate().unwrap())
}
