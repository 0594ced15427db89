//! `ca enroll`: a certificate ordered over ACME on the command line, from an authority that serves over TLS.
//!
//! ```text
//!     countersign ca enroll ──https──► /acme: account, order, challenge, finalize, chain ──► Service
//!          │        └────────https──► /at/account/acme/token, with its secret
//!          └──► provider.key, made where it lives     provider.pem, which openssl follows to the root
//! ```

use super::served::{configuration, folder, serve_on};
use super::{openssl, run_in};
use crate::peers::Workspace;
use countersign::certificate::chain::pem;
use countersign::certificate::repository_url::Origin;
use countersign::certificate::{Certificate, CertificateChain, TnAuthList, TnEntry};
use countersign::crypto::SigningKey;
use countersign::time::Validity;
use countersign_ca::{Authority, Practice, Profile, Request, Serial, Subject};
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::enrolling::{Source, Words};
use countersign_server::fetch::{Exception, FetchPolicy, Fetcher, SystemResolver};
use countersign_server::files;
use countersign_server::http::Tls;
use countersign_server::keys::KeyPlace;
use countersign_server::lab::directory::Directory;
use countersign_server::reload::{Outcome, Question, Reloads};
use countersign_server::tls::server::{Clients, Protocol};
use countersign_server::tls::{self, Credential};
use countersign_server::upkeep::{NotRenewed, Own, Upkeep};
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// An authority that serves over TLS, and a customer of its token authority.
pub(super) struct Served {
    pub(super) folder: Workspace,
    pub(super) origin: String,
    pub(super) web_ca: String,
    _stop: watch::Sender<bool>,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(configuration).await
    }

    /// The same with what `configuration` makes of the origin.
    pub(super) async fn start_with(configuration: impl FnOnce(&str) -> String) -> Self {
        let folder = folder();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let origin = format!("https://localhost:{port}");
        folder.write("countersign.toml", configuration(&origin));
        let lab = Directory::new(folder.path().join("web"));
        lab.ensure(SystemClock::start().now().unix).unwrap();
        let Ok(credential) = Credential::read(&lab.web_certificate(), &lab.web_key()) else {
            panic!("no TLS identity");
        };
        let config = tls::server::config(&credential, &Clients::NotAsked, Protocol::Http).unwrap();
        let stop = serve_on(&folder, socket, Arc::new(Tls::from(Some(config)))).await;
        let served = Self {
            web_ca: lab.web_anchor().display().to_string(),
            folder,
            origin,
            _stop: stop,
        };
        let config = ["--config", "countersign.toml"];
        let open = [
            "ca", "account", "open", "acme", "--holder", "Acme", "--spc", "1234", "--json",
        ];
        let (code, out, err) = served.run(&[&open[..], &config[..]].concat());
        assert_eq!(code, 0, "{err}");
        let opened: Value = serde_json::from_str(&out).unwrap();
        let secret = opened["secret"].as_str().unwrap();
        let path = served.folder.write("secret.txt", secret);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        // The server notices within a second what the command line has put into the journal.
        tokio::time::sleep(Duration::from_secs(2)).await;
        served
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        tokio::task::block_in_place(|| run_in(self.folder.path(), &[], arguments))
    }

    /// `ca enroll` of provider 1234 into `NAME.key` and `NAME.pem`, with more flags.
    fn enroll(&self, name: &str, more: &[&str]) -> (i32, String, String) {
        let directory = format!("{}/acme/directory", self.origin);
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let usual = [
            "ca",
            "enroll",
            &directory,
            "--account-key",
            "account.key",
            "--key",
            &key,
            "--certificate",
            &certificate,
            "--organization",
            "Acme",
            "--name",
            "SHAKEN 1234",
            "--web-ca",
            &self.web_ca,
            "--allow-origin",
            &self.origin,
        ];
        self.run(&[&usual[..], more].concat())
    }

    fn tokens(&self, account: &str) -> String {
        format!("{}/at/account/{account}/token", self.origin)
    }
}

/// This test verifies the whole way over TLS: both keys are made, the token is fetched with the secret, the chain that comes leads to the
/// root and is where everybody finds it; the second time the account is the same, and the key is never written over.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_gets_its_certificate() {
    let served = Served::start().await;
    let tokens = served.tokens("acme");
    let token = [
        "--token-authority",
        &tokens,
        "--secret-file",
        "secret.txt",
        "--spc",
        "1234",
    ];
    let (code, out, err) = served.enroll("provider", &[&token[..], &["--json"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let path = |name: &str| served.folder.path().join(name);
    let chain = CertificateChain::parse(&std::fs::read(path("provider.pem")).unwrap()).unwrap();
    let key = files::read_signing_key(&path("provider.key")).unwrap();
    let own = chain.end_entity().public_key().p256();
    assert_eq!(own, Some(&key.public_key()));
    assert_eq!(told["tnauthlist"].as_array().unwrap().len(), 1, "{told}");
    let x5u = told["x5u"].as_str().unwrap();
    assert!(
        x5u.starts_with(&format!("{}/certificates/", served.origin)),
        "{x5u}"
    );
    let verify = [
        "verify",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "provider.pem",
        "provider.pem",
    ];
    openssl(served.folder.path(), &verify);

    let (code, _, err) = served.enroll("provider", &token);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("there is a key already"), "{err}");
    let again = served.enroll(
        "provider",
        &[&token[..], &["--existing-key", "--json"]].concat(),
    );
    assert_eq!(again.0, 0, "{}", again.2);
    let again: Value = serde_json::from_str(&again.1).unwrap();
    assert_eq!(again["account"], told["account"]);
    assert_ne!(again["serial"], told["serial"]);
    // Gone on with, the order has its certificate already: there is no other.
    let order = again["order"].as_str().unwrap();
    let more = ["--existing-key", "--json", "--order", order];
    let same = served.enroll("provider", &[&token[..], &more].concat());
    assert_eq!(same.0, 0, "{}", same.2);
    let same: Value = serde_json::from_str(&same.1).unwrap();
    assert_eq!(same["serial"], again["serial"]);
}

/// This test verifies that a token at hand will do, and that every no is told in the words of whoever says it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_at_hand_and_a_no() {
    let served = Served::start().await;
    let tokens = served.tokens("acme");
    let secret = ["--token-authority", &tokens, "--secret-file", "secret.txt"];
    // Numbers that the account does not hold: the token authority says no, and an account key is there now.
    let foreign = served.enroll("foreign", &[&secret[..], &["--spc", "5678"]].concat());
    assert_eq!(foreign.0, 1, "{}", foreign.2);
    assert!(foreign.2.contains("the token was refused"), "{}", foreign.2);
    assert!(!served.folder.path().join("foreign.pem").exists());
    let request = [
        "token",
        "request",
        &tokens,
        "--spc",
        "1234",
        "--account-key",
        "account.key",
        "--secret-file",
        "secret.txt",
        "--web-ca",
        &served.web_ca,
        "--allow-origin",
        &served.origin,
    ];
    let (code, token, err) = served.run(&request);
    assert_eq!(code, 0, "{err}");
    served.folder.write("token.txt", &token);
    let open = served
        .folder
        .write("open.key", served.folder.read("account.key"));
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o644)).unwrap();
    let of_all = request.map(|word| {
        if word == "account.key" {
            "open.key"
        } else {
            word
        }
    });
    let (code, _, err) = served.run(&of_all);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("others may read it (permissions 0644); chmod 600"),
        "{err}"
    );
    let file = ["--token-file", "token.txt", "--spc", "1234"];
    let (code, out, err) = served.enroll("provider", &file);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("SPC 1234") || out.contains("1234"), "{out}");
    let other = ["--token-file", "token.txt", "--spc", "9999"];
    let (code, _, err) = served.enroll("other", &other);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("the token is for other numbers"), "{err}");
}

/// This test verifies that what is in the way is said while it is waited for, that what will never be allowed is not waited for, and that
/// an order that there is not is not replaced by another.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_told() {
    let served = Served::start().await;
    served.folder.write("token.txt", "token");
    let file = ["--token-file", "token.txt", "--spc", "1234"];
    // Nobody is there.
    let gone = "ca enroll https://localhost:1/acme/directory --account-key account.key --key gone.key --certificate gone.pem \
                --organization Acme --name SHAKEN_1234 --spc 1234 --token-file token.txt --timeout 2 --allow-origin https://localhost:1";
    let gone: Vec<_> = gone.split_whitespace().collect();
    let (code, _, err) = served.run(&gone);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("not done in time"), "{err}");
    assert!(
        err.contains("/acme/directory: no connection; it is tried again"),
        "{err}"
    );
    // What will never be allowed is not tried at all, and what will is said.
    let mut forbidden = gone.clone();
    forbidden.truncate(gone.len() - 2);
    forbidden.push("--existing-key");
    let (code, _, err) = served.run(&forbidden);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("--allow-origin https://localhost:1 allows its port"),
        "{err}"
    );
    // An order that there is not is not replaced by another.
    let unknown = format!("{}/acme/order/nonexist", served.origin);
    for (order, why) in [
        (&*unknown, "the order was refused"),
        ("blah", "not an https URL"),
    ] {
        let more = [&file[..], &["--existing-key", "--order", order]].concat();
        let (code, _, err) = served.enroll("gone", &more);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(why) && err.contains("no --order"), "{err}");
    }
    let spc = ["--spc", "1234", "--existing-key"];
    let (code, _, err) = served.enroll("gone", &spc);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("--token-file <FILE>|--token-authority <URL>"),
        "{err}"
    );
}

impl Served {
    /// A fetcher that finds this authority.
    fn fetcher(&self, clock: &Arc<dyn Clock>) -> Arc<Fetcher> {
        fetcher(Path::new(&self.web_ca), &self.origin, clock)
    }

    /// Who renews, and where reloads are asked for.
    fn upkeep(&self, clock: &Arc<dyn Clock>) -> (Upkeep, mpsc::Receiver<Question>) {
        let (reloads, questions) = Reloads::new();
        let upkeep = Upkeep {
            fetcher: self.fetcher(clock),
            clock: clock.clone(),
            reloads,
            metrics: Arc::default(),
        };
        (upkeep, questions)
    }

    /// A provider whose certificate is over by more than two thirds, and where the next one comes from.
    fn provider(&self, clock: &dyn Clock, tokens: &str) -> (Own, Certificate) {
        let path = |name: &str| self.folder.path().join(name);
        let read = |name: &str| CertificateChain::parse(&std::fs::read(path(name)).unwrap());
        let ca_key = files::read_signing_key(&path("ca.key")).unwrap();
        let ca = read("ca.pem").unwrap().end_entity().clone();
        let authority = Authority::new(ca.clone(), Arc::new(ca_key), Practice::default()).unwrap();
        let account_key = KeyPlace::File(path("account.key"));
        let key = KeyPlace::File(path("own.key")).generate().unwrap();
        account_key.generate().unwrap();
        let subject = Subject::new("US", "Acme", "SHAKEN 1234").unwrap();
        let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
        let request = Request::new(Profile::EndEntity, subject, key.public_key());
        let now = clock.now().unix;
        let life = Validity {
            not_before: now.saturating_add(-3_500),
            not_after: now.saturating_add(900),
        };
        let serial = Serial::from_random([9; 16]);
        let request = request.with_scope(list);
        let old = authority.issue(&request, serial, life).unwrap();
        self.folder
            .write("own.pem", pem(old.as_der()) + &pem(ca.as_der()));
        let own = Own {
            tenant: "acme".into(),
            certificate_file: path("own.pem"),
            key_file: path("own.key"),
            source: Source {
                directory: format!("{}/acme/directory", self.origin).into(),
                account_key,
                token_authority: self.tokens(tokens).into(),
                secret_file: Some(path("secret.txt")),
                words: Words::Rfc,
                life: None,
            },
        };
        (own, old)
    }
}

/// This test verifies that a certificate of our own that is due is renewed at once, with the same key, put in the place of the old one and
/// taken over by a reload, and that it is left alone then.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_our_own_is_kept_alive() {
    let served = Served::start().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (own, old) = served.provider(&*clock, "acme");
    let (upkeep, mut questions) = served.upkeep(&clock);
    let (stop, stopped) = watch::channel(false);
    let keeping = tokio::spawn(upkeep.keep(own.clone(), stopped));
    let asked = tokio::time::timeout(Duration::from_secs(60), questions.recv());
    let asked = asked.await.expect("a reload").unwrap();
    let bytes = std::fs::read(&own.certificate_file).unwrap();
    let new = CertificateChain::parse(&bytes)
        .unwrap()
        .end_entity()
        .clone();
    assert_eq!(new.subject(), old.subject());
    assert_eq!(new.public_key().p256(), old.public_key().p256());
    assert!(new.validity().not_after > old.validity().not_after.saturating_add(43_200));
    let _ = asked.send(Arc::new(Outcome::Refused(Vec::new())));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(std::fs::read(&own.certificate_file).unwrap(), bytes);
    stop.send(true).unwrap();
    keeping.await.unwrap();
}

/// This test verifies that where nothing comes the old certificate stays as it is, and that it is said who has to do something.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_renewed_stays() {
    let served = Served::start().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (own, old) = served.provider(&*clock, "nobody");
    let before = std::fs::read(&own.certificate_file).unwrap();
    let (upkeep, _questions) = served.upkeep(&clock);
    let deadline = clock.now().unix.saturating_add(60);
    let refused = upkeep.order(&own, &old, deadline).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.starts_with("the token was refused"), "{said}");
    assert_eq!(std::fs::read(&own.certificate_file).unwrap(), before);
}

/// This test verifies that what ends no later than what is there does not take its place, and is no success: an authority near its own end
/// would be asked each second.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_outlast_the_old_certificate_is_not_taken() {
    let served = Served::start().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (own, old) = served.provider(&*clock, "acme");
    let path = |name: &str| served.folder.path().join(name);
    let ca = CertificateChain::parse(&std::fs::read(path("ca.pem")).unwrap()).unwrap();
    let key = Arc::new(files::read_signing_key(&path("ca.key")).unwrap());
    let ca = Authority::new(ca.end_entity().clone(), key, Practice::default()).unwrap();
    let subject = Subject::new("US", "Acme", "SHAKEN 1234").unwrap();
    let request = Request::new(
        Profile::EndEntity,
        subject,
        *old.public_key().p256().unwrap(),
    );
    let request = request.with_scope(old.tn_auth_list().unwrap().clone());
    let life = Validity {
        not_after: old.validity().not_after.saturating_add(300 * 86_400),
        ..old.validity()
    };
    let old = ca.issue(&request, Serial::from_random([8; 16]), life);
    let before = std::fs::read(&own.certificate_file).unwrap();
    let (upkeep, _questions) = served.upkeep(&clock);
    let deadline = clock.now().unix.saturating_add(60);
    let refused = upkeep.order(&own, &old.unwrap(), deadline).await;
    assert!(matches!(refused, Err(NotRenewed::NoGain(_))), "{refused:?}");
    assert_eq!(std::fs::read(&own.certificate_file).unwrap(), before);
}

/// A fetcher that trusts this web anchor and finds this origin at home.
pub(super) fn fetcher(web_ca: &Path, origin: &str, clock: &Arc<dyn Clock>) -> Arc<Fetcher> {
    let mut policy = FetchPolicy::with_web_roots(files::read_web_roots(web_ca).unwrap());
    policy.exceptions = vec![Exception {
        origin: Origin::parse(origin).unwrap(),
        addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        web_roots: None,
    }];
    let resolver = Arc::new(SystemResolver::default());
    let runtime = tokio::runtime::Handle::current();
    Fetcher::new(policy, resolver, clock.clone(), Arc::default(), runtime).unwrap()
}
