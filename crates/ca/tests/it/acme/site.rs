//! A whole certification authority without a socket, and clients of it.
//!
//! ```text
//!     Client ── signed JSON ──▶ Site: handle ─▶ events, as JSON and back ─▶ ledger ─▶ key signs ─▶ reply
//!        ▲                                                                              │
//!        └── token ── Site::token (the token authority's key)       fetches are noted ◀─┘
//! ```

use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::jwk::Jwk;
use countersign::time::UnixTime;
use countersign_ca::acme::{self, Asked, Handled, Nonces, Practice, Reply, Then};
use countersign_ca::extension::{self, Extension};
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::ledger::{Event, Ledger};
use countersign_ca::register::CertificateName;
use countersign_ca::register::preparation::{Rules, SecondApproval};
use countersign_ca::token::validation::TokenIssuer;
use countersign_ca::token::{
    Atc, AuthorityToken, Claims, Fingerprint, Header, Permission, Spelling,
};
use countersign_ca::{CrlPoint, Subject, csr};
use countersign_testkit::lab::{Lab, NOW, Signer, subject};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where the site is.
pub(crate) const BASE: &str = "https://ca.example/acme";
/// Where the certificate of the token authority is.
pub(crate) const X5U: &str = "https://authority.example/cert.pem";
/// One SPC, "1234": case 1 of digest 06.
pub(crate) const SPC_1234: &str = "MAigBhYEMTIzNA";

/// A whole certification authority.
pub(crate) struct Site {
    pub(crate) ledger: Ledger,
    pub(crate) practice: Practice,
    pub(crate) nonces: Nonces,
    pub(crate) now: UnixTime,
    pub(crate) journal: Vec<String>,
    /// Certificates of tokens that were to be fetched.
    pub(crate) fetches: Vec<(Box<str>, acme::Name)>,
    pub(crate) lab: Lab,
    pub(crate) authority: Signer,
    seed: u64,
    tokens: u64,
}

impl Site {
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let authority = lab.provider("TA01");
        let issuer = lab.intermediate().clone().with_practice(shaken());
        let mut practice = Practice::new(BASE, issuer);
        practice.repository = Some("https://ca.example/certificates".into());
        practice.token_issuers = [Self::trusted(&authority).with_x5u(X5U)].into();
        practice.token_authority = Some("https://authority.example".into());
        practice.rules = Rules {
            second_approval: SecondApproval::NotNeeded,
            ..Rules::default()
        };
        Self {
            ledger: Ledger::default(),
            practice,
            nonces: Nonces::new([7; 32]),
            now: NOW,
            journal: Vec::new(),
            fetches: Vec::new(),
            lab,
            authority,
            seed: 1,
            tokens: 0,
        }
    }

    pub(crate) fn trusted(authority: &Signer) -> TokenIssuer {
        TokenIssuer::holder_of(authority.chain.end_entity().clone()).unwrap()
    }

    /// End entities right below it may have more than the one provider code that SHAKEN's profile knows.
    pub(crate) fn issues_beyond_shaken(&mut self) {
        let lints = [
            "e_atis_subject_cn_spc",
            "e_atis_tn_auth_list",
            "e_atis_tn_auth_list_spc_format",
        ];
        self.practice.rules.ignored_lints = lints.map(Box::from).into();
    }

    /// Seconds later.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now = self.now.saturating_add(seconds);
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, None, b"")
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Reply {
        let handled = self.decide(method, path, content_type, body);
        self.act(handled)
    }

    /// Decides, and keeps nothing.
    pub(crate) fn decide(
        &mut self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Handled {
        let asked = Asked {
            method,
            path,
            content_type,
            body,
        };
        let seed = &mut self.seed;
        let mut random =
            |octets: &mut [u8]| octets.iter_mut().for_each(|octet| *octet = draw(seed));
        acme::handle(
            self.ledger.books(),
            &self.practice,
            &mut self.nonces,
            &asked,
            self.now,
            &mut random,
        )
    }

    /// Keeps what was decided and does what follows.
    pub(crate) fn act(&mut self, handled: Handled) -> Reply {
        self.keep(handled.events);
        match handled.then {
            Then::Reply(reply) => reply,
            Then::Fetch {
                reply,
                url,
                challenge,
            } => {
                self.fetches.push((url, challenge));
                reply
            }
            Then::Sign { certificate, order } => {
                self.sign(&certificate);
                let books = self.ledger.books();
                acme::finished(books, &self.practice, &mut self.nonces, order, self.now)
            }
        }
    }

    pub(crate) fn sign(&mut self, name: &CertificateName) {
        let authority = self.practice.authority.clone();
        let register = &self.ledger.register;
        let tbs = register.find(name).unwrap().to_sign().unwrap();
        let signature = authority.key().sign(tbs).unwrap();
        let issued = register.finish(&authority, name, &signature).unwrap();
        self.keep([acme::Entry::Certificate(issued)]);
    }

    /// Every event is written, read back and applied, as a journal would have it.
    pub(crate) fn keep(&mut self, entries: impl IntoIterator<Item = acme::Entry>) {
        for entry in entries {
            let event = Event::from(entry);
            let line = event.to_json();
            let read = Event::from_json(&line).unwrap();
            assert_eq!(read, event, "{line}");
            self.ledger.apply(&read);
            self.journal.push(line);
        }
    }

    /// It was killed after it had kept what it decided, and starts again from its journal, with nonces of these octets.
    pub(crate) fn restart(&mut self, nonces: [u8; 32]) {
        let lines = self.journal.iter();
        let events: Vec<_> = lines.map(|line| Event::from_json(line).unwrap()).collect();
        self.ledger = Ledger::rebuild(&events);
        self.nonces = Nonces::new(nonces);
        let unfinished = self.ledger.register.unfinished();
        let unfinished: Vec<_> = unfinished.map(|(name, _)| name.clone()).collect();
        for name in unfinished {
            self.sign(&name);
        }
    }

    /// What was fetched for the last token.
    pub(crate) fn fetched(&mut self, bytes: Result<&[u8], acme::Unfetched>) {
        let (_, challenge) = self.fetches.pop().unwrap();
        let books = self.ledger.books();
        let entries = acme::fetched(books, &self.practice, challenge, bytes, self.now);
        self.keep(entries);
    }

    pub(crate) fn nonce(&mut self) -> String {
        let reply = self.ask("HEAD", "/new-nonce", None, b"");
        reply.header("Replay-Nonce").unwrap().to_owned()
    }

    /// What a good token for `client` says.
    pub(crate) fn claims(&mut self, client: &Client, identifier: &str) -> Claims {
        self.tokens += 1;
        Claims {
            aud: Box::default(),
            atc: Atc {
                tk_type: "TNAuthList".into(),
                tk_value: base64url::decode(identifier).unwrap().into(),
                spelling: Spelling::Exact,
                permission: Permission::EndEntity,
                fingerprint: Fingerprint::thumbprint_of(&client.key.public_key()),
            },
            exp: self.now.saturating_add(30 * 86_400),
            iss: None,
            jti: format!("token-{}", self.tokens).into(),
            nbf: None,
        }
    }

    /// The token with these claims, its certificate at [`X5U`].
    pub(crate) fn token(&self, claims: &Claims) -> String {
        let header = Header {
            x5c: None,
            x5u: Some(X5U.into()),
        };
        AuthorityToken::issue(&header, claims, &*self.authority.key).unwrap()
    }
}

/// What a certification authority of SHAKEN writes into its certificates.
pub(crate) fn shaken() -> countersign_ca::Practice {
    countersign_ca::Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: "https://ca.example/crl/all.crl".into(),
            issuer: subject("STI-PA CRL").name().clone(),
        }),
        ocsp: None,
    }
}

/// splitmix64.
pub(crate) fn draw(seed: &mut u64) -> u8 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *seed;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ (value >> 31)) as u8
}

/// A client, with its key and its account.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) key: Arc<EcdsaP256Key>,
    pub(crate) kid: Option<String>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            key: Arc::new(EcdsaP256Key::generate().unwrap()),
            kid: None,
        }
    }

    /// A client with an account.
    pub(crate) fn registered(site: &mut Site) -> Self {
        let mut client = Self::new();
        let reply = client.post(site, &url("/new-account"), &json!({}).to_string());
        assert_eq!(reply.status, 201, "{}", text(&reply));
        client.kid = Some(reply.header("Location").unwrap().to_owned());
        client
    }

    pub(crate) fn jwk(&self) -> Value {
        jwk(&*self.key)
    }

    /// The protected header that a good request has.
    pub(crate) fn header(&self, url: &str, nonce: &str) -> Value {
        let mut header = json!({ "alg": "ES256", "nonce": nonce, "url": url });
        match &self.kid {
            Some(kid) => header["kid"] = json!(kid),
            None => header["jwk"] = self.jwk(),
        }
        header
    }

    pub(crate) fn sign(&self, header: &Value, payload: &str) -> String {
        FlattenedJws::sign(&header.to_string(), payload.as_bytes(), &*self.key).unwrap()
    }

    /// Sends a good request.
    pub(crate) fn post(&self, site: &mut Site, url: &str, payload: &str) -> Reply {
        let nonce = site.nonce();
        let body = self.sign(&self.header(url, &nonce), payload);
        send(site, url, &body)
    }

    /// Sends a request without payload, its header signed alone.
    pub(crate) fn see_signed_alone(&self, site: &mut Site, url: &str) -> Reply {
        let nonce = site.nonce();
        let header = base64url::encode(self.header(url, &nonce).to_string().as_bytes());
        let signature = self.key.sign(header.as_bytes()).unwrap();
        let signature = base64url::encode(&signature);
        let body = json!({ "protected": header, "payload": "", "signature": signature });
        send(site, url, &body.to_string())
    }

    /// Asks to see.
    pub(crate) fn see(&self, site: &mut Site, url: &str) -> Reply {
        self.post(site, url, "")
    }

    /// Orders a certificate: its URL and the order.
    pub(crate) fn order(&self, site: &mut Site, identifier: &str) -> (String, Value) {
        let payload = json!({ "identifiers": [{ "type": "TNAuthList", "value": identifier }] });
        let reply = self.post(site, &url("/new-order"), &payload.to_string());
        assert_eq!(reply.status, 201, "{}", text(&reply));
        (reply.header("Location").unwrap().to_owned(), body(&reply))
    }

    /// The challenge of an order.
    pub(crate) fn challenge(&self, site: &mut Site, order: &Value) -> Value {
        let url = order["authorizations"][0].as_str().unwrap();
        let authorization = body(&self.see(site, url));
        authorization["challenges"][0].clone()
    }

    /// Answers the challenge of an order with a token: the challenge.
    pub(crate) fn answer(&self, site: &mut Site, order: &Value, token: &str) -> Reply {
        let challenge = self.challenge(site, order);
        let payload = json!({ "tkauth": token }).to_string();
        self.post(site, challenge["url"].as_str().unwrap(), &payload)
    }

    /// An order that is ready: its URL and itself.
    pub(crate) fn ready(&self, site: &mut Site, identifier: &str) -> (String, Value) {
        let claims = site.claims(self, identifier);
        self.ready_by(site, identifier, &claims)
    }

    /// The same by a token with these claims.
    pub(crate) fn ready_by(
        &self,
        site: &mut Site,
        identifier: &str,
        claims: &Claims,
    ) -> (String, Value) {
        let (url, order) = self.order(site, identifier);
        let token = site.token(claims);
        let reply = self.answer(site, &order, &token);
        assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
        let order = body(&self.see(site, &url));
        assert_eq!(order["status"], "ready");
        (url, order)
    }

    pub(crate) fn finalize(&self, site: &mut Site, order: &Value, request: &[u8]) -> Reply {
        let payload = json!({ "csr": base64url::encode(request) }).to_string();
        self.post(site, order["finalize"].as_str().unwrap(), &payload)
    }

    /// A certificate for SPC 1234, from order to download: it, and its key.
    pub(crate) fn enrolled(&self, site: &mut Site) -> (Certificate, Arc<EcdsaP256Key>) {
        let (_, order) = self.ready(site, SPC_1234);
        let key = Arc::new(EcdsaP256Key::generate().unwrap());
        let reply = self.finalize(site, &order, &request(SPC_1234, &key));
        assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
        let url = body(&reply)["certificate"].as_str().unwrap().to_owned();
        let chain = self.see(site, &url).body;
        let chain = countersign::certificate::CertificateChain::parse(&chain).unwrap();
        (chain.end_entity().clone(), key)
    }
}

pub(crate) fn send(site: &mut Site, url: &str, body: &str) -> Reply {
    let path = url.strip_prefix(BASE).unwrap();
    site.ask("POST", path, Some("application/jose+json"), body.as_bytes())
}

pub(crate) fn jwk(key: &dyn SigningKey) -> Value {
    let mut text = String::new();
    Jwk::of(&key.public_key()).write(&mut text);
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn url(path: &str) -> String {
    format!("{BASE}{path}")
}

pub(crate) fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

pub(crate) fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

/// The identifier of entries.
pub(crate) fn identifier(entries: Vec<TnEntry>) -> String {
    base64url::encode(&TnAuthList::new(entries).unwrap().to_der())
}

/// What an end entity asks for: its constraints and the list.
pub(crate) fn extensions(identifier: &str) -> Vec<Extension> {
    let der = base64url::decode(identifier).unwrap();
    let list = TnAuthList::from_der(&der).unwrap();
    vec![
        extension::end_entity_constraints(),
        extension::tn_auth_list(&list),
    ]
}

/// A good certification request.
pub(crate) fn request(identifier: &str, key: &EcdsaP256Key) -> Vec<u8> {
    request_with(&extensions(identifier), key)
}

pub(crate) fn request_with(extensions: &[Extension], key: &EcdsaP256Key) -> Vec<u8> {
    let subject = Subject::new("US", "Example Telco", "SHAKEN 1234").unwrap();
    csr::write(subject.name(), extensions, key).unwrap()
}

/// Whether a reply is the problem document of this kind, with this status.
#[track_caller]
pub(crate) fn is_problem(reply: &Reply, status: u16, kind: &str) {
    assert_eq!(reply.status, status, "{}", text(reply));
    assert_eq!(
        reply.header("Content-Type"),
        Some("application/problem+json")
    );
    is_document(&body(reply), kind);
}

#[track_caller]
pub(crate) fn is_document(document: &Value, kind: &str) {
    let expected = format!("urn:ietf:params:acme:error:{kind}");
    assert_eq!(document["type"], expected, "{document}");
}
