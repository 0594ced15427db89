//! An authority from token to revoked certificate, over HTTP, with the command line beside it.
//!
//! ```text
//!     countersign ca account open ──► journal ◄── keeper ◄── Service ◄── /acme /at /crl /ocsp /certificates
//!     the customer: token, order, challenge, finalize, chain ─────────────┘
//!     countersign ca revoke ──► journal ──► the next list, openssl ocsp ──► revoked
//!     countersign ca audit: proven
//! ```

use super::{open_account, openssl, openssl_asks, run_in, workspace};
use crate::peers::Workspace;
use countersign::certificate::access::Access;
use countersign::certificate::chain::{armoured, pem};
use countersign::certificate::{CertificateChain, Crl, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey, system_random};
use countersign::jose::base64url;
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::jwk::Jwk;
use countersign::time::{Ticks, Validity};
use countersign_ca::extension::PathLength;
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::token::Fingerprint;
use countersign_ca::{
    Authority, CrlPoint, Practice, Profile, Request, Serial, Subject, csr, extension,
};
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::config;
use countersign_server::fetch::{FetchPolicy, Fetcher, SystemResolver};
use countersign_server::files;
use countersign_server::http::{self, Guests, Listener, Readiness, Site, Tls};
use countersign_server::office::Office;
use countersign_server::office::service::Service;
use countersign_server::reload::Reloads;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) const BASE: &str = "https://ca.example";

pub(super) fn random() -> Serial {
    let mut random = [0; 16];
    system_random(&mut random).unwrap();
    Serial::from_random(random)
}

/// A folder with an authority, who signs its lists, who signs its tokens, and the configuration that says so.
pub(super) fn folder() -> Workspace {
    let folder = workspace();
    let key = |name: &str| {
        let key = EcdsaP256Key::generate().unwrap();
        let path = folder.write(name, armoured("PRIVATE KEY", &key.to_pkcs8().unwrap()));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        Arc::new(key)
    };
    let now = SystemClock::start().now().unix;
    let validity = Validity {
        not_before: now.saturating_add(-3_600),
        not_after: now.saturating_add(400 * 86_400),
    };
    let name = |name| Subject::new("US", "Example", name).unwrap();
    let root = Authority::root(
        &name("Example SHAKEN ROOT"),
        key("root.key"),
        Practice::default(),
        random(),
        validity,
    );
    let root = root.unwrap();
    let pa = name("Example STI-PA CRL");
    let practice = Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: format!("{BASE}/crl/ca.crl").into(),
            issuer: pa.name().clone(),
        }),
        ocsp: None,
    };
    let root = root.with_practice(practice);
    let issue = |file: &str, profile, name: Subject, point| {
        let request = Request::new(profile, name, point);
        let request = match profile {
            Profile::EndEntity => request
                .with_scope(TnAuthList::new(vec![TnEntry::Spc("0001".parse().unwrap())]).unwrap()),
            _ => request,
        };
        let issued = root.issue(&request, random(), validity).unwrap();
        let chain = pem(issued.as_der()) + &pem(root.certificate().as_der());
        folder.write(file, chain);
    };
    let length = Profile::Intermediate(PathLength::AtMost(1));
    issue(
        "ca.pem",
        length,
        name("Example SHAKEN CA"),
        key("ca.key").public_key(),
    );
    issue(
        "crl.pem",
        Profile::CrlIssuer,
        pa,
        key("crl.key").public_key(),
    );
    let tokens = key("tokens.key").public_key();
    issue(
        "tokens.pem",
        Profile::EndEntity,
        name("SHAKEN 0001"),
        tokens,
    );
    folder.write("root.pem", pem(root.certificate().as_der()));
    folder.write("countersign.toml", configuration(BASE));
    folder
}

/// What says where all of it is.
pub(super) fn configuration(base: &str) -> String {
    format!(
        "[ca]\ncertificate_file = \"ca.pem\"\nkey = \"ca.key\"\nbase_url = \"{base}\"\nstore_file = \"ca.sqlite\"\n\
        checkpoint_file = \"checkpoints\"\n[ca.crl]\ncertificate_file = \"crl.pem\"\nkey = \"crl.key\"\n\
        [[ca.token_issuers]]\nname = \"ours\"\ncertificate_file = \"tokens.pem\"\n\
        [ca.token_authority]\ncertificate_file = \"tokens.pem\"\nkey = \"tokens.key\"\n"
    )
}

pub(super) async fn serve(folder: &Workspace) -> (SocketAddr, watch::Sender<bool>) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (address, serve_on(folder, socket, Arc::default()).await)
}

/// The authority of a folder, which answers nobody yet.
pub(super) async fn opened(folder: &Workspace) -> Arc<Service> {
    let path = folder.path().join("countersign.toml");
    let config = config::load(&path, [], &[]).unwrap();
    let office = Office::open(&config.ca.unwrap()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let fetcher = Fetcher::new(
        FetchPolicy::with_web_roots(Arc::new(rustls::RootCertStore::empty())),
        Arc::new(SystemResolver::default()),
        clock.clone(),
        Arc::default(),
        tokio::runtime::Handle::current(),
    );
    let fetcher = fetcher.unwrap();
    let service =
        tokio::task::spawn_blocking(move || Service::open(&office, fetcher, clock, Arc::default()));
    Arc::new(service.await.unwrap().unwrap())
}

/// The authority of a folder at a socket.
pub(super) async fn serve_on(
    folder: &Workspace,
    socket: TcpListener,
    tls: Arc<Tls>,
) -> watch::Sender<bool> {
    let service = opened(folder).await;
    serve_service(folder, service, socket, tls).await
}

/// An authority at a socket.
pub(super) async fn serve_service(
    folder: &Workspace,
    service: Arc<Service>,
    socket: TcpListener,
    tls: Arc<Tls>,
) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(service.clone().keep_lists(stopped.clone()));
    tokio::spawn(service.clone().keep_numbers(stopped.clone()));
    let (reloads, _) = Reloads::new();
    let site = Site {
        clock: Arc::new(SystemClock::start()),
        reloads,
        repository: Arc::default(),
        readiness: Arc::new(Readiness::default()),
        metrics: None,
        authority: Some(service),
        door: None,
    };
    // Where the token authority's certificate is found by whoever has a token that names it.
    let tokens = std::fs::read(folder.path().join("tokens.pem")).unwrap();
    let tokens = CertificateChain::parse(&tokens).unwrap();
    site.repository
        .publish([("tokens", &tokens)], Ticks::default());
    let router = http::router(Listener::Public, site);
    tokio::spawn(http::serve(socket, tls, Guests::All, router, stopped));
    stop
}

/// An answer over HTTP.
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.rfind(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

pub(super) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    more: &str,
    body: &str,
) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: ca.example\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("an answer");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    Answer {
        status: head[9..12].to_owned(),
        head,
        body: answer[end + 4..].to_vec(),
    }
}

/// A customer of the authority, with an account key.
pub(super) struct Customer {
    address: SocketAddr,
    pub(super) key: EcdsaP256Key,
    account: String,
    nonce: String,
}

impl Customer {
    pub(super) async fn post(&mut self, url: &str, payload: Option<Value>) -> Answer {
        let jws = self.signed(url, payload);
        let path = url.strip_prefix(BASE).unwrap();
        let kind = "Content-Type: application/jose+json\r\n";
        let answer = ask(self.address, "POST", path, kind, &jws).await;
        self.nonce = answer.header("replay-nonce");
        answer
    }

    /// The body of a request. It takes the nonce.
    pub(super) fn signed(&self, url: &str, payload: Option<Value>) -> String {
        let mut jwk = String::new();
        Jwk::of(&self.key.public_key()).write(&mut jwk);
        let who = match self.account.as_str() {
            "" => format!("\"jwk\":{jwk}"),
            account => format!("\"kid\":\"{account}\""),
        };
        let nonce = &self.nonce;
        let header = format!(r#"{{"alg":"ES256",{who},"nonce":"{nonce}","url":"{url}"}}"#);
        let payload = payload
            .map(|payload| payload.to_string())
            .unwrap_or_default();
        FlattenedJws::sign(&header, payload.as_bytes(), &self.key).unwrap()
    }

    /// Another nonce than the one that was taken.
    pub(super) async fn renonce(&mut self) {
        let nonce = ask(self.address, "HEAD", "/acme/new-nonce", "", "").await;
        self.nonce = nonce.header("replay-nonce");
    }
}

/// What the authority has for everybody who asks.
pub(super) fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

impl Customer {
    /// Somebody new opens an account.
    pub(super) async fn open(address: SocketAddr, directory: &Value) -> Self {
        let mut customer = Self::stranger(address).await;
        let url = directory["newAccount"].as_str().unwrap();
        let account = customer.post(url, Some(json!({"termsOfServiceAgreed": true})));
        let account = account.await;
        assert_eq!(account.status, "201", "{}", account.head);
        customer.account = account.header("location");
        customer
    }

    /// Somebody without an account.
    pub(super) async fn stranger(address: SocketAddr) -> Self {
        let nonce = ask(address, "HEAD", "/acme/new-nonce", "", "").await;
        Self {
            address,
            account: String::new(),
            nonce: nonce.header("replay-nonce"),
            key: EcdsaP256Key::generate().unwrap(),
        }
    }

    /// Gets a token with the `secret` of the token authority; without one, nothing.
    pub(super) async fn token(&self, secret: &str, value: &str) -> String {
        let fingerprint = Fingerprint::thumbprint_of(&self.key.public_key()).to_string();
        let wish = json!({"tktype": "TNAuthList", "tkvalue": value, "ca": false, "fingerprint": fingerprint});
        let wish = json!({"atc": wish}).to_string();
        let bearer =
            format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n");
        let path = "/at/account/acme/token";
        // The server notices within a second what the command line has put into the journal.
        let token = until(async || {
            let answer = ask(self.address, "POST", path, &bearer, &wish).await;
            (answer.status == "200").then(|| answer.json()["token"].as_str().unwrap().to_owned())
        });
        let token = token.await;
        let nobody = ask(self.address, "POST", path, "", &wish).await;
        assert_eq!(nobody.status, "401");
        token
    }

    /// Gets a certificate for provider 1234: the order, and the chain.
    pub(super) async fn issued(&mut self, directory: &Value, secret: &str) -> (Value, Answer) {
        let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
        let value = base64url::encode(&list.to_der());
        let token = self.token(secret, &value).await;
        let order = self.order(directory, &list, &token).await;
        let order = self.post(&order, None).await.json();
        let url = order["certificate"].as_str().unwrap();
        let chain = self.post(url, None).await;
        (order, chain)
    }

    /// Orders, answers the challenge with the token and finalizes: where the order is.
    pub(super) async fn order(
        &mut self,
        directory: &Value,
        list: &TnAuthList,
        token: &str,
    ) -> String {
        let ordered = self.try_order(directory, list, token).await;
        ordered.unwrap_or_else(|no| panic!("{}: {}", no.status, text(&no)))
    }

    /// The same, or the answer that it ended with.
    pub(super) async fn try_order(
        &mut self,
        directory: &Value,
        list: &TnAuthList,
        token: &str,
    ) -> Result<String, Answer> {
        let (place, order) = self.ready(directory, list, token).await?;
        is_valid(self.finalize(&order, list).await)?;
        Ok(place)
    }

    /// Orders.
    pub(super) async fn place(&mut self, directory: &Value, list: &TnAuthList) -> Answer {
        let value = base64url::encode(&list.to_der());
        let new_order = directory["newOrder"].as_str().unwrap();
        let identifiers = json!({"identifiers": [{"type": "TNAuthList", "value": value}]});
        self.post(new_order, Some(identifiers)).await
    }

    /// Orders, and answers the challenge with the token: where the order is, and what it is; or the answer that it ended with.
    pub(super) async fn ready(
        &mut self,
        directory: &Value,
        list: &TnAuthList,
        token: &str,
    ) -> Result<(String, Value), Answer> {
        let order = self.place(directory, list).await;
        if order.status != "201" {
            return Err(order);
        }
        let (place, order) = (order.header("location"), order.json());
        let authorization = order["authorizations"][0].as_str().unwrap();
        let authorization = self.post(authorization, None).await.json();
        let challenge = authorization["challenges"][0]["url"].as_str().unwrap();
        is_valid(self.post(challenge, Some(json!({"tkauth": token}))).await)?;
        Ok((place, order))
    }

    /// Finalizes an order.
    pub(super) async fn finalize(&mut self, order: &Value, list: &TnAuthList) -> Answer {
        let own = EcdsaP256Key::generate().unwrap();
        let subject = Subject::shaken("US", "Acme", &"1234".parse().unwrap()).unwrap();
        let request = csr::write(subject.name(), &[extension::tn_auth_list(list)], &own).unwrap();
        let csr = json!({"csr": base64url::encode(&request)});
        self.post(order["finalize"].as_str().unwrap(), Some(csr))
            .await
    }
}

/// An answer that says that something is valid.
fn is_valid(answer: Answer) -> Result<Answer, Answer> {
    match answer.status == "200" {
        true if answer.json()["status"] == "valid" => Ok(answer),
        _ => Err(answer),
    }
}

/// Until `done` says so, at most some seconds.
pub(super) async fn until<T>(mut done: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = done().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came");
}

/// This test verifies the whole way: an account opened on the command line beside the server gets a token, the token an order, the order a
/// certificate that openssl follows to the root; x5u is there for everybody; what the command line revokes, list and OCSP say; and the
/// journal is proven in the end.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_token_to_a_revoked_certificate() {
    the_whole_way(folder()).await;
}

/// The same where a delegate answers questions, and certificates name the place.
#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_answers_and_certificates_name_the_place() {
    let folder = folder();
    delegate(&folder);
    the_whole_way(folder).await;
}

/// Somebody whom the authority has certified for answering, and the configuration that says so.
fn delegate(folder: &Workspace) {
    let path = |name: &str| folder.path().join(name);
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let above = CertificateChain::parse(&read("ca.pem")).unwrap();
    let key = files::read_signing_key(&path("ca.key")).unwrap();
    let practice = Practice::default();
    let ca = Authority::new(above.end_entity().clone(), Arc::new(key), practice).unwrap();
    let key = EcdsaP256Key::generate().unwrap();
    let subject = Subject::new("US", "Example", "Example OCSP").unwrap();
    let request = Request::new(Profile::OcspResponder, subject, key.public_key());
    let now = SystemClock::start().now().unix;
    let validity = Validity {
        not_before: now.saturating_add(-60),
        not_after: now.saturating_add(86_400),
    };
    let issued = ca.issue(&request, random(), validity).unwrap();
    folder.write("ocsp.pem", pem(issued.as_der()));
    let file = folder.write(
        "ocsp.key",
        armoured("PRIVATE KEY", &key.to_pkcs8().unwrap()),
    );
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let more =
        "[ca.ocsp]\nin_certificates = true\ncertificate_file = \"ocsp.pem\"\nkey = \"ocsp.key\"\n";
    folder.write("countersign.toml", configuration(BASE) + more);
}

async fn the_whole_way(folder: Workspace) {
    let (address, _stop) = serve(&folder).await;
    let config = ["--config", "countersign.toml"];
    let run = |arguments: &[&str]| {
        let (code, out, err) = run_in(folder.path(), &[], &[arguments, &config[..]].concat());
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    };
    let secret = open_account(&folder, &["--spc", "1234"]);
    let directory = ask(address, "GET", "/acme/directory", "", "").await.json();
    let mut customer = Customer::open(address, &directory).await;
    let (order, chain) = customer.issued(&directory, &secret).await;
    folder.write("issued.pem", &chain.body);
    let verified = [
        "verify",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "issued.pem",
        "issued.pem",
    ];
    openssl(folder.path(), &verified);
    let names = std::fs::read_to_string(folder.path().join("countersign.toml"));
    let names = names.unwrap().contains("in_certificates = true");
    let issued = CertificateChain::parse(&chain.body).unwrap();
    let named = issued.end_entity().access().and_then(Access::ocsp_url);
    assert_eq!(named, names.then_some("https://ca.example/ocsp"));
    let x5u = order["x5u"].as_str().unwrap().strip_prefix(BASE).unwrap();
    assert_eq!(ask(address, "GET", x5u, "", "").await.body, chain.body);

    goes_from_good_to_revoked(&folder, address, &run).await;
    let audit = run(&["ca", "audit", "--json"]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!(
        (&audit["findings"], &audit["certificates"]),
        (&json!([]), &json!(1))
    );
    let status = run(&["ca", "status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["certificates"]["revoked"], 1);
}

/// What is issued is good, until the command line revokes it: by OCSP, and by the next list.
async fn goes_from_good_to_revoked(
    folder: &Workspace,
    address: SocketAddr,
    run: &impl Fn(&[&str]) -> String,
) {
    let ocsp = || openssl_asks(folder, address, "issued.pem");
    let good = ocsp();
    assert!(good.contains("issued.pem: good"), "{good}");
    let crl = async || ask(address, "GET", "/crl/ca.crl", "", "").await;
    let first = until(async || Some(crl().await).filter(|answer| answer.status == "200")).await;
    assert!(Crl::parse(&first.body).is_ok());
    let revoke = [
        "ca",
        "revoke",
        "--certificate",
        "issued.pem",
        "--reason",
        "key-compromise",
        "--by",
        "alice",
    ];
    run(&revoke);
    let said = until(async || {
        let list = crl().await.body;
        (list != first.body).then_some(list)
    })
    .await;
    folder.write("list.crl", said);
    let list = [
        "crl", "-inform", "DER", "-in", "list.crl", "-CAfile", "crl.pem", "-noout", "-text",
    ];
    let list = openssl(folder.path(), &list);
    assert!(list.contains("Key Compromise"), "{list}");
    let revoked = ocsp();
    assert!(revoked.contains("issued.pem: revoked"), "{revoked}");
}
