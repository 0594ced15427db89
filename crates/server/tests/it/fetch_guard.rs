//! Where a stranger's URL may not lead.
//!
//! ```text
//!   x5u ──► https://evil.example/ ──► resolver: 127.0.0.1, 169.254.169.254, ::1 …   ✗ never connected
//! ```
//!
//! This test verifies that literal addresses in every form, names that resolve to forbidden addresses, odd ports and
//! untrusted hosts are refused before a byte is sent, and that an exception opens exactly what it names.

use crate::repository::{Bench, HOST, ManualClock, Pki, Repository, answer, web_roots};
use countersign::certificate::repository_url::Origin;
use countersign::verification::{Refresh, Unavailable};
use countersign_server::fetch::connect::Resolution;
use countersign_server::fetch::{Exception, FetchPolicy, Fetcher, Resolve};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn refusal(bench: &Bench, url: &str) -> Unavailable {
    bench.fetcher.fetch(url, Refresh::No).await.unwrap_err()
}

#[tokio::test]
async fn literal_addresses_are_judged_however_they_are_written() {
    let bench = Bench::with(&[], |_| {});
    for url in [
        "https://127.0.0.1/c.pem",
        "https://2130706433/c.pem",
        "https://0x7f.1/c.pem",
        "https://0177.1/c.pem",
        "https://127.1:8443/c.pem",
        "https://[::1]/c.pem",
        "https://[::ffff:127.0.0.1]/c.pem",
        "https://[::ffff:7f00:1]/c.pem",
        "https://[64:ff9b::127.0.0.1]/c.pem",
        "https://[2002:7f00:1::]/c.pem",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/c.pem",
        "https://[fd00::1]/c.pem",
        "https://0.0.0.0/c.pem",
    ] {
        assert_eq!(
            refusal(&bench, url).await,
            Unavailable::ForbiddenAddress,
            "{url}"
        );
    }
}

#[tokio::test]
async fn names_are_judged_by_every_address_they_have() {
    let repository = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    let bench = Bench::with(
        &[
            ("loopback.example", &["127.0.0.1"]),
            ("mapped.example", &["::ffff:127.0.0.1"]),
            ("metadata.example", &["169.254.169.254"]),
            ("mixed.example", &["8.8.8.8", "127.0.0.1"]),
            ("nowhere.example", &[]),
        ],
        |_| {},
    );
    for name in ["loopback", "mapped", "metadata", "mixed"] {
        let url = format!("https://{name}.example/c.pem");
        assert_eq!(
            refusal(&bench, &url).await,
            Unavailable::ForbiddenAddress,
            "{name}"
        );
    }
    assert_eq!(
        refusal(&bench, "https://nowhere.example/c.pem").await,
        Unavailable::Resolve
    );
    assert_eq!(
        refusal(&bench, "https://unknown.example/c.pem").await,
        Unavailable::Resolve
    );
    assert_eq!(repository.requests(), 0);
}

/// Keeps the names it is asked for, and knows none.
#[derive(Default)]
struct Listening(std::sync::Mutex<Vec<String>>);

impl Resolve for Listening {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolution<'a> {
        self.0.lock().unwrap().push(name.to_owned());
        Box::pin(async { Err(std::io::ErrorKind::ResourceBusy.into()) })
    }
}

#[tokio::test]
async fn names_of_strangers_are_complete() {
    let names = Arc::new(Listening::default());
    let clock = Arc::new(ManualClock::default());
    let mut policy = FetchPolicy::with_web_roots(web_roots());
    policy.exceptions = vec![Exception {
        origin: Origin::parse("https://lab").unwrap(),
        addresses: Vec::new(),
        web_roots: None,
    }];
    let runtime = tokio::runtime::Handle::current();
    let fetcher = Fetcher::new(policy, names.clone(), clock, Arc::default(), runtime).unwrap();
    for (url, expected) in [
        ("https://intranet/c.pem", Unavailable::ForbiddenAddress),
        ("https://cert.example/c.pem", Unavailable::Overloaded),
        ("https://cert.example./c.pem", Unavailable::Overloaded),
        ("https://lab/c.pem", Unavailable::Overloaded),
    ] {
        let refused = fetcher.fetch(url, Refresh::No).await;
        assert_eq!(refused.unwrap_err(), expected, "{url}");
    }
    let asked = names.0.lock().unwrap().clone();
    assert_eq!(asked, ["cert.example.", "cert.example.", "lab"]);
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_judged_is_connected_to() {
    let repository = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    let names = Arc::new(Rebinding::default());
    let mut policy = FetchPolicy::with_web_roots(web_roots());
    policy.exceptions = vec![repository.exception()];
    let fetcher = Fetcher::new(
        policy,
        names.clone(),
        Arc::new(ManualClock::default()),
        Arc::default(),
        tokio::runtime::Handle::current(),
    )
    .unwrap();
    let fetched = fetcher.fetch(&repository.url("/c.pem"), Refresh::No).await;
    assert!(fetched.is_ok(), "{fetched:?}");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    // The second answer is another one, and is judged for itself.
    let fetched = fetcher.fetch(&repository.url("/d.pem"), Refresh::No).await;
    assert_eq!(fetched.unwrap_err(), Unavailable::ForbiddenAddress);
    assert_eq!(repository.requests(), 1);
}

/// Gives the right address first and an inner one from then on.
#[derive(Default)]
struct Rebinding {
    asked: AtomicUsize,
}

impl Resolve for Rebinding {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolution<'a> {
        let address = match self.asked.fetch_add(1, Ordering::SeqCst) {
            0 => "127.0.0.1",
            _ => "10.0.0.1",
        };
        Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
    }
}

#[tokio::test]
async fn digest12_case13_what_breaks_the_url_rules_is_not_fetched() {
    let repository = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    let bench = Bench::with(&[(HOST, &["127.0.0.1"])], |_| {});
    for url in [
        "https://user@repository.example/c.pem",
        "https://repository.example/c.pem?a=b",
        "https://repository.example/c.pem#f",
        "https://repository.example/c.pem;p",
        "https://repository.example:8080/c.pem",
        "http://repository.example/c.pem",
        &repository.url("/an/odd/port.pem"),
    ] {
        assert_eq!(refusal(&bench, url).await, Unavailable::BadUrl, "{url}");
    }
    assert_eq!(repository.requests(), 0);
}

#[tokio::test]
async fn an_exception_opens_what_it_names_and_nothing_else() {
    let repository = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    let other = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    let bench = Bench::reaching(&[&repository]);
    let opened = bench
        .fetcher
        .fetch(&repository.url("/c.pem"), Refresh::No)
        .await;
    assert_eq!(opened.unwrap().item.certificates().len(), 1);
    assert_eq!(
        refusal(&bench, &other.url("/c.pem")).await,
        Unavailable::BadUrl
    );
    // Another address of the excepted name is still judged.
    let exception = Exception {
        addresses: vec!["127.0.0.2".parse().unwrap()],
        ..repository.exception()
    };
    let bench = Bench::with(&[(HOST, &["127.0.0.1"])], |p| {
        p.exceptions = vec![exception]
    });
    assert_eq!(
        refusal(&bench, &repository.url("/c.pem")).await,
        Unavailable::ForbiddenAddress
    );
}

#[tokio::test]
async fn a_host_that_the_web_does_not_trust_is_not_read() {
    let repository = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    // The certificate is for other names than this one.
    let mut exception = repository.exception();
    exception.origin =
        Origin::parse(&format!("https://third.example:{}", repository.port)).unwrap();
    let url = format!("https://third.example:{}/c.pem", repository.port);
    let bench = Bench::with(&[("third.example", &["127.0.0.1"])], |p| {
        p.exceptions = vec![exception];
    });
    assert_eq!(refusal(&bench, &url).await, Unavailable::Tls);
    // The anchor of this origin is another one.
    let mut exception = repository.exception();
    exception.web_roots = Some(Arc::new(rustls::RootCertStore::empty()));
    let bench = Bench::with(&[(HOST, &["127.0.0.1"])], |p| {
        p.exceptions = vec![exception]
    });
    assert_eq!(
        refusal(&bench, &repository.url("/c.pem")).await,
        Unavailable::Tls
    );
    assert_eq!(repository.requests(), 0);
}
