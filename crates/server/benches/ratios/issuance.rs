//! What a whole issuance costs beside the signatures in it, and what one costs Pebble.
//!
//! ```text
//!     Enrolment ◄──────► decide ─► Book (SQLite) ─► key signs ─► Book         issuance: client, server and token authority, one thread
//!     Enrolment ◄─TLS──► countersign serve                                    http-issuance: the process of the server
//!     Enrolment ◄─TLS──► pebble                                               pebble-issuance: its process, the same client
//! ```
//!
//! Every key is instrumented: those that sign count their signatures, those that check count their checks. What a bare signature and a bare
//! check take, so often, is what an issuance is told of; that public keys are read costs, too, and is only counted. Nobody sleeps: what
//! Pebble is told stands in its row ([`OF_PEBBLE`]); it keeps nothing on a disk, and knows no tokens.

use crate::machine::{CpuTimes, Ground, Machine, free_address};
use crate::raw::{Meter, Raw};
use crate::rows::{Promise, Row};
use countersign::certificate::chain::{armoured, pem};
use countersign::certificate::repository_url::Origin;
use countersign::certificate::{DistinguishedName, TnAuthList, TnEntry};
use countersign::crypto::{
    AuthorityKey, AuthoritySignature, AwsLc, BadSignature, EcdsaP256Key, Point, Signature,
    SigningFailed, SigningKey, UnusableKey, VerifyingKey, VerifyingKeys, Whereabouts,
};
use countersign::time::Validity;
use countersign_ca::acme::{self, Asked, Books, Nonces, Practice, Reply, Then, limits::Rates};
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::enrolment::{
    Enrolment, HttpRequest, HttpResponse, Opening, Proof, ResponseField, Step, Terms,
    TokenAuthority, TokenSource, Wish, Wrapping,
};
use countersign_ca::extension::{self, PathLength};
use countersign_ca::issuance::{self, SHAKEN_POLICY};
use countersign_ca::ledger;
use countersign_ca::token::{FingerprintRule, Permission};
use countersign_ca::token_authority::Secret;
use countersign_ca::token_authority::request::{self as tokens, Dialect};
use countersign_ca::{Authority, CrlPoint, Profile, Request, Serial, Subject};
use countersign_server::authority::book::{Book, Decision};
use countersign_server::authority::issuing;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::fetch::{Exception, FetchPolicy, Fetcher, SystemResolver};
use countersign_server::office::practice::{self, TokenDesk};
use countersign_server::office::{Office, Presence};
use countersign_server::{config, enrolling, files};
use countersign_testkit::stopwatch::cpu_nanos;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Blocks of issuances on one thread, and how many are in one.
const ROUNDS: usize = 40;
const IN_A_ROUND: usize = 10;
/// Issuances of a process, after those that warm it up: Pebble forgets nothing either.
const OF_A_PROCESS: usize = 200;
const WARMING: usize = 20;
/// How many are under way at a time.
const AT_A_TIME: usize = 10;
/// What nobody comes to in a run: one host asks for all of them, which nobody does elsewhere.
const MANY: usize = 10_000;
/// Longest start of Pebble.
const START: Duration = Duration::from_secs(20);
/// The authority, where nothing is served.
const BASE: &str = "https://ca.example";

/// What Pebble is told: not to sleep, to accept every challenge and every good nonce, and to have each order proven anew as we do.
const OF_PEBBLE: [(&str, &str); 4] = [
    ("PEBBLE_VA_NOSLEEP", "1"),
    ("PEBBLE_VA_ALWAYS_VALID", "1"),
    ("PEBBLE_WFE_NONCEREJECT", "0"),
    ("PEBBLE_AUTHZREUSE", "0"),
];

/// What was done with keys.
#[derive(Default)]
struct Counts {
    signed: AtomicUsize,
    checked: AtomicUsize,
    /// Public keys that were read.
    opened: AtomicUsize,
}

impl Counts {
    /// Signatures, checks, keys.
    fn now(&self) -> [usize; 3] {
        [&self.signed, &self.checked, &self.opened].map(|count| count.load(Ordering::Relaxed))
    }
}

/// A key that counts what it does.
struct Counting<K: ?Sized> {
    key: Arc<K>,
    counts: Arc<Counts>,
}

impl<K: SigningKey + ?Sized> SigningKey for Counting<K> {
    fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed> {
        self.counts.signed.fetch_add(1, Ordering::Relaxed);
        self.key.sign(message)
    }

    fn public_key(&self) -> Point {
        self.key.public_key()
    }

    fn whereabouts(&self) -> Whereabouts {
        self.key.whereabouts()
    }
}

impl VerifyingKey for Counting<dyn VerifyingKey> {
    fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.counts.checked.fetch_add(1, Ordering::Relaxed);
        self.key.verify(message, signature)
    }
}

/// Reads keys that count.
struct CountingKeys(Arc<Counts>);

impl VerifyingKeys for CountingKeys {
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        let counts = self.0.clone();
        counts.opened.fetch_add(1, Ordering::Relaxed);
        let key = AwsLc.p256(point)?;
        Ok(Arc::new(Counting { key, counts }))
    }

    fn authority(
        &self,
        algorithm: AuthoritySignature,
        _key: &[u8],
    ) -> Result<Arc<dyn AuthorityKey>, UnusableKey> {
        unreachable!("all keys here are P-256, not {algorithm:?}")
    }
}

fn new_key() -> Arc<EcdsaP256Key> {
    Arc::new(EcdsaP256Key::generate().expect("a key"))
}

fn code() -> TnAuthList {
    let code = "1234".parse().expect("a code");
    TnAuthList::new(vec![TnEntry::Spc(code)]).expect("a list")
}

/// A folder with an authority and a token authority, and the configuration that says so.
fn write_authority(folder: &Path, base: &str) -> PathBuf {
    let now = SystemClock::start().now().unix;
    let validity = Validity {
        not_before: now.saturating_add(-3_600),
        not_after: now.saturating_add(300 * 86_400),
    };
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a file");
    };
    let key = |name: &str| {
        let key = new_key();
        write(
            name,
            &armoured("PRIVATE KEY", &key.to_pkcs8().expect("a key")),
        );
        key
    };
    let name = |name| Subject::new("US", "Bench", name).expect("a name");
    let serial = |number| Serial::from_random([number; 16]);
    let (root_name, root_key) = (name("Bench SHAKEN ROOT"), new_key());
    let root = Authority::root(
        &root_name,
        root_key,
        issuance::Practice::default(),
        serial(1),
        validity,
    );
    let root = root.expect("a root").with_practice(issuance::Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: format!("{BASE}/crl/ca.crl").into(),
            issuer: root_name.name().clone(),
        }),
        ocsp: None,
    });
    let above = pem(root.certificate().as_der());
    let issue = |file: &str, request: &Request, number| {
        let issued = root.issue(request, serial(number), validity);
        let issued = issued.expect("a certificate");
        write(file, &(pem(issued.as_der()) + &above));
    };
    let profile = Profile::Intermediate(PathLength::AtMost(0));
    let ca = Request::new(profile, name("Bench SHAKEN CA"), key("ca.key").public_key());
    issue("ca.pem", &ca, 2);
    let point = key("tokens.key").public_key();
    let tokens = Request::new(Profile::EndEntity, name("SHAKEN 1234"), point).with_scope(code());
    issue("tokens.pem", &tokens, 3);
    let config = format!(
        "[ca]\ncertificate_file = \"ca.pem\"\nkey = \"ca.key\"\nbase_url = \"{base}\"\nstore_file = \"ca.sqlite\"\n\
        # It signs its list itself, which SHAKEN has somebody else do.\n\
        ignored_lints = [\"e_atis_ext_crl_distribution_struct\"]\n\
        [[ca.token_issuers]]\nname = \"ours\"\ncertificate_file = \"tokens.pem\"\n\
        [ca.token_authority]\ncertificate_file = \"tokens.pem\"\nkey = \"tokens.key\"\n\
        [ca.limits]\naccounts_per_hour = {MANY}\norders_per_hour = {MANY}\ntokens_per_hour = {MANY}\nrequests_per_minute = {MANY}\nlogins_per_minute = {MANY}\n"
    );
    write("ca.toml", &config);
    folder.join("ca.toml")
}

fn office(config: &Path) -> Office {
    let config = config::load(config, [], &[]).expect("a configuration");
    Office::open(&config.ca.expect("an authority")).expect("an authority")
}

/// Opens the account whose tokens are asked for.
fn open_account(book: &mut Book) -> Secret {
    let secret = Secret::from_random(&[5; 32]);
    let credential = secret.credential();
    let opened = book.command(|ledger, _, _| {
        let may = Permission::EndEntity;
        let opened = ledger
            .tokens
            .open("bench", "Bench", code(), may, credential);
        Decision {
            events: vec![opened.expect("an account").into()],
            reply: (),
        }
    });
    opened.expect("a journal");
    secret
}

/// Client, server and token authority on one thread.
struct OneThread {
    book: Book,
    practice: Practice,
    desk: TokenDesk,
    nonces: Nonces,
    secret: Secret,
    counts: Arc<Counts>,
    /// What the client checks with.
    keys: CountingKeys,
}

impl OneThread {
    fn new(folder: &Path) -> Self {
        let counts = Arc::new(Counts::default());
        let count = |key: Arc<dyn SigningKey>| -> Arc<dyn SigningKey> {
            let counts = counts.clone();
            Arc::new(Counting { key, counts })
        };
        let keys: Arc<dyn VerifyingKeys> = Arc::new(CountingKeys(counts.clone()));
        let office = office(&write_authority(folder, BASE));
        let plain = office.authority().expect("an authority");
        let (certificate, writes) = (plain.certificate().clone(), plain.practice().clone());
        let authority = Authority::new(certificate, count(plain.shared_key()), writes);
        let authority = authority.expect("an authority");
        let authority = authority.with_verifying_keys(keys.clone());
        let mut practice = practice::acme(&office, authority).expect("a practice");
        for issuer in &mut practice.token_issuers {
            let counted = issuer.clone().with_verifying_keys(keys.clone());
            *issuer = counted.expect("an issuer");
        }
        practice.rates = Rates {
            accounts_per_hour: usize::MAX,
            ..Rates::default()
        };
        let desk = practice::tokens(&office).expect("a token authority");
        let desk = desk.expect("a token authority");
        let desk = TokenDesk {
            key: count(desk.key.clone()),
            ..desk
        };
        let clock = Arc::new(SystemClock::start());
        let mut book = office.book(Presence::Made, clock).expect("a journal");
        Self {
            secret: open_account(&mut book),
            book,
            practice,
            desk,
            nonces: Nonces::new([7; 32]),
            keys: CountingKeys(counts.clone()),
            counts,
        }
    }

    fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        let path = request.url.strip_prefix(BASE).expect("a URL of ours");
        let Some(path) = path.strip_prefix("/acme") else {
            return self.token(request);
        };
        let asked = Asked {
            method: request.method.name(),
            path,
            content_type: request.content_type,
            body: &request.body,
        };
        let standing = acme::strike(&mut self.nonces, &asked);
        let practice = &self.practice;
        let decided = self.book.command(|ledger, now, random| {
            let handled = acme::decide(books(ledger), practice, &asked, standing, now, random);
            let events = handled.events.into_iter().map(ledger::Event::from);
            Decision {
                events: events.collect(),
                reply: handled.then,
            }
        });
        let reply = match decided.expect("a journal") {
            Then::Reply(reply) => acme::with_nonce(reply, &mut self.nonces),
            Then::Fetch { .. } => unreachable!("the token has its certificate"),
            Then::Sign { certificate, order } => {
                let authority = &self.practice.authority;
                issuing::complete(&mut self.book, authority, &certificate).expect("a certificate");
                let (ledger, now) = (self.book.ledger(), self.book.now());
                acme::finished(books(&ledger), &self.practice, &mut self.nonces, order, now)
            }
        };
        response(reply)
    }

    fn token(&mut self, request: &HttpRequest) -> HttpResponse {
        let authorization = request.authorization.as_deref().unwrap_or_default();
        let practice = &self.desk.practice;
        let granted = self.book.command(|ledger, now, random| {
            let mut jti = [0; 16];
            random(&mut jti);
            let asked = tokens::Asked {
                account: "bench",
                proof: tokens::Proof::Authorization(authorization),
                body: &request.body,
                dialect: Dialect::Rfc,
            };
            let decided = tokens::decide(&ledger.tokens, practice, asked, now, jti);
            let decided = decided.expect("a token");
            Decision {
                events: vec![decided.event.into()],
                reply: decided.grant,
            }
        });
        let reply = granted.expect("a journal").reply(self.desk.key.as_ref());
        let reply = reply.expect("a signature");
        HttpResponse {
            status: reply.status,
            headers: Vec::new(),
            body: reply.body.into_bytes(),
        }
    }

    /// One issuance, from the request of the client's key to the chain in its hands.
    fn issue(&mut self, account: Arc<EcdsaP256Key>, own: Arc<EcdsaP256Key>) {
        let counting = |key| Counting {
            key,
            counts: self.counts.clone(),
        };
        let account = Arc::new(counting(account));
        let token = token_authority(BASE, &self.secret);
        let now = self.book.now();
        let directory = format!("{BASE}/acme/directory");
        let list = extension::tn_auth_list(&code());
        let request = request(&counting(own), &[list], &self.keys);
        let deadline = now.saturating_add(60);
        let wish = wish(&directory, request, token, deadline);
        let mut enrolment = Enrolment::new(wish, account);
        loop {
            match enrolment.next(now) {
                Step::Ask(request) => {
                    let answer = self.answer(&request);
                    enrolment.heard(Ok(&answer), now);
                }
                Step::Done(_) => return,
                Step::Failed(why) => unreachable!("{why}"),
                Step::Wait(_) => unreachable!("nobody waits here"),
            }
        }
    }
}

fn books(ledger: &ledger::Ledger) -> Books<'_> {
    Books {
        desk: &ledger.acme,
        register: &ledger.register,
    }
}

fn response(reply: Reply) -> HttpResponse {
    let headers = reply.headers.into_iter();
    let headers = headers.map(|(name, value)| (name.into(), value.into()));
    HttpResponse {
        status: reply.status,
        headers: headers.collect(),
        body: reply.body,
    }
}

fn request(
    key: &dyn SigningKey,
    extensions: &[extension::Extension],
    keys: &dyn VerifyingKeys,
) -> CertificationRequest {
    let code = "1234".parse().expect("a code");
    let subject = Subject::shaken("US", "Bench", &code).expect("a name");
    let request = csr::write(subject.name(), extensions, key).expect("a request");
    CertificationRequest::parse_with(&request, keys).expect("a request")
}

fn token_authority(base: &str, secret: &Secret) -> Proof {
    Proof::Token {
        source: TokenSource::Authority(TokenAuthority {
            url: format!("{base}/at/account/bench/token").into(),
            authorization: Some(format!("Bearer {}", secret.as_str()).into()),
            wrapping: Wrapping::Wrapped,
            fingerprint: FingerprintRule::JwkThumbprint,
        }),
        field: ResponseField::Tkauth,
    }
}

fn wish(
    directory: &str,
    request: CertificationRequest,
    proof: Proof,
    deadline: countersign::time::UnixTime,
) -> Wish {
    Wish {
        directory: directory.into(),
        opening: Opening {
            contact: vec!["mailto:pki@example.com".into()],
            terms: Terms::Agreed,
            binding: None,
        },
        request,
        proof,
        not_after: None,
        order: None,
        deadline,
    }
}

/// The rows of issuance.
pub(crate) fn measure(raw: &Raw) -> Vec<Row> {
    let ground = Ground::new();
    let row = one_thread(&ground, raw);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ours = runtime.block_on(over_http(&ground));
    let pebble = runtime.block_on(over_pebble(&ground));
    let told = |name, nanos, of: String| Row {
        name,
        nanos,
        of: of.into(),
        of_nanos: row.nanos,
        promise: Promise::Told,
    };
    let switches = OF_PEBBLE.map(|(name, value)| format!("{name}={value}"));
    let of_pebble = format!(
        "issuance; Pebble neither sleeps nor refuses: {}",
        switches.join(" ")
    );
    let mut rows = vec![told("http-issuance", ours, "issuance".into())];
    rows.extend(pebble.map(|pebble| told("pebble-issuance", pebble, of_pebble)));
    rows.insert(0, row);
    rows
}

fn one_thread(ground: &Ground, raw: &Raw) -> Row {
    let folder = ground.folder("issuance");
    let mut all = OneThread::new(&folder);
    let mut block = || {
        // Keys are made where they live, before anything is ordered.
        let keys: Vec<_> = (0..IN_A_ROUND).map(|_| (new_key(), new_key())).collect();
        let (counted, before) = (all.counts.now(), cpu_nanos());
        for (account, own) in keys {
            all.issue(account, own);
        }
        let took = cpu_nanos() - before;
        let after = all.counts.now();
        (took, [0, 1, 2].map(|kind| after[kind] - counted[kind]))
    };
    let _warming = block();
    let mut meter = Meter::new(raw);
    let (mut nanos, mut sum) = (0.0, [0; 3]);
    for _ in 0..ROUNDS {
        meter.look();
        let (took, counted) = block();
        nanos += took;
        sum = [0, 1, 2].map(|kind| sum[kind] + counted[kind]);
    }
    let (anchor, issued) = (meter.anchor(), (ROUNDS * IN_A_ROUND) as f64);
    let [signed, checked, opened] = sum.map(|count| count as f64 / issued);
    Row {
        name: "issuance",
        nanos: nanos / issued,
        of: format!(
            "what its {signed} raw-sign and {checked} raw-verify take, counted; {opened} public keys were read besides"
        )
        .into(),
        of_nanos: anchor.sign * signed + anchor.verify * checked,
        promise: Promise::RateAtLeast(0.40),
    }
}

/// The request of a key, the nth of all, and how it is proven.
type Wanted = Box<dyn Fn(&EcdsaP256Key, usize) -> (CertificationRequest, Proof) + Send + Sync>;

/// What issues over HTTPS: where, and how it is proven there.
struct Place {
    directory: String,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    wanted: Wanted,
}

impl Place {
    /// So many issuances, some at a time, each by an account of its own.
    async fn issue(self: &Arc<Self>, count: usize, from: usize) {
        for start in (from..from + count).step_by(AT_A_TIME) {
            let under_way = (start..start + AT_A_TIME).map(|index| {
                let place = self.clone();
                tokio::spawn(async move { place.issue_one(index).await })
            });
            for one in under_way.collect::<Vec<_>>() {
                one.await.expect("a certificate");
            }
        }
    }

    async fn issue_one(&self, index: usize) {
        let (request, proof) = (self.wanted)(&new_key(), index);
        let deadline = self.clock.now().unix.saturating_add(60);
        let wish = wish(&self.directory, request, proof, deadline);
        let mut enrolment = Enrolment::new(wish, new_key());
        let issued = enrolling::run(&mut enrolment, &self.fetcher, &*self.clock, |_| {}).await;
        issued.expect("a certificate");
    }

    /// CPU nanoseconds of one issuance in a process.
    async fn cost(self: Arc<Self>, cpu: impl Fn() -> CpuTimes) -> f64 {
        self.issue(WARMING, 0).await;
        let before = cpu();
        self.issue(OF_A_PROCESS, WARMING).await;
        cpu().since(&before) as f64 / OF_A_PROCESS as f64
    }
}

fn fetcher(ground: &Ground, origin: &str, clock: &Arc<dyn Clock>) -> Arc<Fetcher> {
    let roots = files::read_web_roots(&ground.lab().web_anchor()).expect("a web authority");
    let mut policy = FetchPolicy::with_web_roots(roots);
    policy.exceptions = vec![Exception {
        origin: Origin::parse(origin).expect("an origin"),
        addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        web_roots: None,
    }];
    let resolver = Arc::new(SystemResolver::default());
    let runtime = tokio::runtime::Handle::current();
    let made = Fetcher::new(policy, resolver, clock.clone(), Arc::default(), runtime);
    made.expect("a fetcher")
}

/// Our server as a process, over TLS.
async fn over_http(ground: &Ground) -> f64 {
    let public = free_address();
    let base = format!("https://localhost:{}", public.port());
    let folder = ground.folder("http-issuance");
    let config = write_authority(&folder, &base);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut book = office(&config)
        .book(Presence::Made, clock.clone())
        .expect("a journal");
    let secret = open_account(&mut book);
    drop(book);
    let authority = fs::read_to_string(&config).expect("a configuration");
    // Files are named beside the configuration, and the server has another.
    let absolute = |file: &str| format!("\"{}\"", folder.join(file).display());
    let files = ["ca.pem", "ca.key", "ca.sqlite", "tokens.pem", "tokens.key"];
    let authority = files.iter().fold(authority, |text, file| {
        text.replace(&format!("\"{file}\""), &absolute(file))
    });
    let trunk = "mode = \"http\"\nnumbering = \"north-american\"\nrole = \"verify\"\n";
    let listens = format!(
        "[http.trunk]\nlisten = [\"{}\"]\n{}",
        free_address(),
        ground.listens(public)
    );
    let rest = format!("{}{listens}{authority}", ground.verifies());
    let server: Machine = ground.server("http-issuance", trunk, &rest);
    let place = Place {
        directory: format!("{base}/acme/directory"),
        fetcher: fetcher(ground, &base, &clock),
        clock,
        wanted: Box::new(move |key, _| {
            let list = [extension::tn_auth_list(&code())];
            let request = request(key, &list, &AwsLc);
            (request, token_authority(&base, &secret))
        }),
    };
    Arc::new(place).cost(|| server.cpu()).await
}

/// Pebble, which ends with this.
struct Pebble(Child);

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The same client at Pebble, if it is installed.
async fn over_pebble(ground: &Ground) -> Option<f64> {
    let (own, management) = (free_address(), free_address());
    let folder = ground.folder("pebble");
    let lab = ground.lab();
    let config = serde_json::json!({ "pebble": {
        "listenAddress": own, "managementListenAddress": management,
        "certificate": lab.web_certificate(), "privateKey": lab.web_key(),
        "httpPort": 1, "tlsPort": 1, "ocspResponderURL": "", "externalAccountBindingRequired": false,
    }});
    let file = folder.join("pebble.json");
    fs::write(&file, config.to_string()).expect("a file");
    let child = Command::new("pebble")
        .arg("-config")
        .arg(&file)
        .envs(OF_PEBBLE)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        eprintln!("pebble is not installed: no row pebble-issuance");
        return None;
    };
    let (id, _pebble) = (child.id(), Pebble(child));
    listening(own);
    let origin = format!("https://localhost:{}", own.port());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let place = Place {
        directory: format!("{origin}/dir"),
        fetcher: fetcher(ground, &origin, &clock),
        clock,
        wanted: Box::new(|key, index| {
            let name = format!("name-{index}.example.com");
            let subject = DistinguishedName::new(&[0x30, 0]).expect("a name");
            let names = [extension::web_names(&[&name], &[])];
            let request = csr::write(&subject, &names, key).expect("a request");
            let proof = Proof::Elsewhere {
                challenge: "http-01".into(),
                identifiers: [("dns".into(), name.into())].into(),
            };
            (
                CertificationRequest::parse(&request).expect("a request"),
                proof,
            )
        }),
    };
    Some(Arc::new(place).cost(|| CpuTimes::of([id])).await)
}

fn listening(address: SocketAddr) {
    let patience = Instant::now() + START;
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < patience, "pebble does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
}
