//! A certificate of our own that nobody renews: tried again and again, cried about, and in the end no call is signed with it.
//!
//! ```text
//!     0 h ─────────────── 16 h ── 18 h ── 21 h ──── 24 h
//!                          │      │       │          └ expired: error, no call is signed
//!                          │      │       └ critical: error, /ready says certificate-ending
//!                          │      └ late: warning
//!                          └ the authority is down: tried, and again after longer and longer pauses
//! ```

use super::served::folder;
use crate::passports::number;
use countersign::authentication::{
    AuthenticationService, Credential, Inventory, Origination, Refusal, Signer, Unlisted,
};
use countersign::certificate::chain::pem;
use countersign::certificate::repository_url::Origin;
use countersign::certificate::{CertificateChain, TnAuthList, TnEntry};
use countersign::passport::OrigId;
use countersign::time::{Now, Ticks, UnixTime, Validity};
use countersign_ca::{Authority, Practice, Profile, Request, Serial, Subject};
use countersign_server::clock::Clock;
use countersign_server::enrolling::{Source, Words};
use countersign_server::fetch::{Exception, FetchPolicy, Fetcher, SystemResolver};
use countersign_server::files;
use countersign_server::http::operations::Concern;
use countersign_server::keys::KeyPlace;
use countersign_server::metrics::Metrics;
use countersign_server::reload::Reloads;
use countersign_server::upkeep::{Own, Upkeep};
use countersign_testkit::scene;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tracing_subscriber::layer::SubscriberExt;

const HOUR: i64 = 3_600;
const LIFE: i64 = 24 * HOUR;

/// Time passes when somebody sleeps, at once; what there was to see is noted each time. An hour after the end all of it stops.
struct Hurried {
    begin: UnixTime,
    passed: AtomicI64,
    metrics: Arc<Metrics>,
    /// Seconds since the beginning, and tries that had failed by then.
    seen: Mutex<Vec<(i64, u64)>>,
    stop: watch::Sender<bool>,
}

impl Clock for Hurried {
    fn now(&self) -> Now {
        let passed = self.passed.load(Ordering::SeqCst);
        Now {
            unix: self.begin.saturating_add(passed),
            ticks: Ticks::from_millis(3_600_000 + passed.unsigned_abs() * 1_000),
        }
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let seconds = time.as_secs().max(1).cast_signed();
        let passed = self.passed.fetch_add(seconds, Ordering::SeqCst) + seconds;
        let failed = self.metrics.renewals.count(["failed"]);
        self.seen.lock().unwrap().push((passed, failed));
        if passed > LIFE + HOUR {
            self.stop.send(true).unwrap();
        }
        Box::pin(tokio::task::yield_now())
    }
}

/// A certificate that begins now, and an authority for the next one at a port where nobody listens.
fn own(folder: &Path, begin: UnixTime) -> (Own, Signer) {
    let path = |name: &str| folder.join(name);
    let ca_key = files::read_signing_key(&path("ca.key")).unwrap();
    let ca = CertificateChain::parse(&std::fs::read(path("ca.pem")).unwrap()).unwrap();
    let ca = ca.end_entity().clone();
    let authority = Authority::new(ca.clone(), Arc::new(ca_key), Practice::default()).unwrap();
    let account_key = KeyPlace::File(path("account.key"));
    account_key.generate().unwrap();
    let key = KeyPlace::File(path("own.key")).generate().unwrap();
    let subject = Subject::new("US", "Acme", "SHAKEN 1234").unwrap();
    let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let request = Request::new(Profile::EndEntity, subject, key.public_key()).with_scope(list);
    let life = Validity {
        not_before: begin,
        not_after: begin.saturating_add(LIFE),
    };
    let issued = authority.issue(&request, Serial::from_random([9; 16]), life);
    let chain = pem(issued.unwrap().as_der()) + &pem(ca.as_der());
    std::fs::write(path("own.pem"), &chain).unwrap();
    let chain = CertificateChain::parse(chain.as_bytes()).unwrap();
    let own = Own {
        tenant: "acme".into(),
        certificate_file: path("own.pem"),
        key_file: path("own.key"),
        source: Source {
            directory: "https://127.0.0.1:1/acme/directory".into(),
            account_key,
            token_authority: "https://127.0.0.1:1/at/account/acme/token".into(),
            secret_file: None,
            words: Words::Rfc,
            life: None,
        },
    };
    let x5u = "https://cert.example.org/acme.pem";
    let key = files::read_signing_key(&path("own.key")).unwrap();
    (own, Signer::new(x5u, Arc::new(key), chain).unwrap())
}

/// What comes of a call of that time.
fn call(service: &AuthenticationService, at: UnixTime) -> Result<(), Refusal> {
    let origination = Origination {
        asked: None,
        credential: Credential::Strong,
        unlisted: Unlisted::B,
        origid: OrigId::from_random([7; 16]),
        rich: None,
    };
    let mut call = scene::call();
    call.orig = Some(number("12025550100"));
    service.authenticate(&call, &origination, at).map(drop)
}

/// Keeps what is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// How often each level has this message.
    fn count(&self, level: &str, message: &str) -> usize {
        let lines = self.0.lock().unwrap();
        let lines = String::from_utf8(lines.clone()).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let told = lines.filter(|line: &Value| {
            let said = line["fields"]["message"].as_str().unwrap_or_default();
            line["level"] == level && said.contains(message)
        });
        told.count()
    }
}

/// This test verifies that an authority that is down when the next certificate is due is asked again after longer and longer pauses, that it is
/// told in the log, in the metrics and by /ready long before the end, each once, and that no call is signed after it.
#[tokio::test]
async fn digest05_case16_an_authority_that_is_down_until_the_end() {
    let folder = folder();
    let begin = countersign_server::clock::SystemClock::start().now().unix;
    let (own, signer) = own(folder.path(), begin);
    let life = signer.validity();
    let (stop, stopped) = watch::channel(false);
    let metrics = Arc::new(Metrics::default());
    let clock = Arc::new(Hurried {
        begin,
        passed: AtomicI64::new(0),
        metrics: metrics.clone(),
        seen: Mutex::default(),
        stop,
    });
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(move || writer.clone());
    let kept = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
    let mut policy = FetchPolicy::with_web_roots(Arc::new(rustls::RootCertStore::empty()));
    policy.exceptions = vec![Exception {
        origin: Origin::parse("https://127.0.0.1:1").unwrap(),
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        web_roots: None,
    }];
    let runtime = tokio::runtime::Handle::current();
    let resolver = Arc::new(SystemResolver::default());
    let fetcher = Fetcher::new(policy, resolver, clock.clone(), metrics.clone(), runtime);
    let (reloads, _questions) = Reloads::new();
    let upkeep = Upkeep {
        fetcher: fetcher.unwrap(),
        clock: clock.clone(),
        reloads,
        metrics: metrics.clone(),
    };
    upkeep.keep(own, stopped).await;
    drop(kept);

    let seen = clock.seen.lock().unwrap().clone();
    let tries = tries(&seen);
    // Due at two thirds, up to a twelfth earlier; one try lasts for half an hour at most.
    let first = *tries.first().unwrap();
    assert!(
        (14 * HOUR..=16 * HOUR + HOUR / 2 + 60).contains(&first),
        "{first}"
    );
    let gaps: Vec<_> = tries.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(gaps.len() >= 6, "{tries:?}");
    let (early, late) = (gaps[0], gaps[gaps.len() - 1]);
    assert!(
        early + 15 * 60 < late && late <= HOUR + 120,
        "backs off: {gaps:?}"
    );
    assert_eq!(metrics.renewals.count(["renewed"]), 0);

    assert_eq!(log.count("WARN", "should have been renewed"), 1);
    assert_eq!(log.count("ERROR", "ends soon and is not renewed"), 1);
    assert_eq!(log.count("ERROR", "has ended: calls are not signed"), 1);
    let failed = usize::try_from(metrics.renewals.count(["failed"])).unwrap();
    assert_eq!(log.count("WARN", "was not renewed"), failed);

    let at = |seconds| begin.saturating_add(seconds);
    let concern = |seconds| Concern::of_certificate(life, at(seconds));
    assert_eq!(concern(21 * HOUR - 1), None);
    assert_eq!(concern(21 * HOUR + 1), Some(Concern::CertificateEnding));
    let service = AuthenticationService::new(Arc::new(signer), Arc::new(Inventory::default()));
    assert_eq!(call(&service, at(LIFE)), Ok(()));
    assert_eq!(
        call(&service, at(LIFE + 1)),
        Err(Refusal::CertificateExpired)
    );
}

/// When each try was seen to have failed.
fn tries(seen: &[(i64, u64)]) -> Vec<i64> {
    let mut tries = Vec::new();
    for (at, failed) in seen {
        if *failed > u64::try_from(tries.len()).unwrap() {
            tries.push(*at);
        }
    }
    tries
}
