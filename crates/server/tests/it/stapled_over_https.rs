//! The word of a responder over https: asked for during a call, and fetched beforehand to be sent along.
//!
//! ```text
//!   live:    GET  https://ocsp.example/ocsp/BASE64 ──► kept for seconds, one question for all who ask the same
//!   staples: POST https://ocsp.example/ocsp ──► the shelf, for whatever is signed next
//! ```

use crate::fetch_resources::served;
use crate::repository::{Bench, Reaction, Repository};
use countersign::authentication::{Signer, Staples};
use countersign::certificate::ocsp::request::question_url;
use countersign::certificate::ocsp::{Asked, CertId, HashForm, OcspRequest};
use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::number::TelephoneNumber;
use countersign::verification::{Refresh, Source, Unavailable};
use countersign_ca::ocsp::{Responder, Status, Statuses};
use countersign_ca::{Practice, Profile};
use countersign_server::clock::Clock;
use countersign_server::staples::{self, Ground, Shelf};
use countersign_testkit::lab::{Lab, chain, numbers};
use countersign_testkit::scene::{ALICE, X5U};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

const TYPE: &str = "application/ocsp-response";

struct Good;

impl Statuses for Good {
    fn status(&self, _: &[u8]) -> Status {
        Status::Good
    }

    fn speaks_for(&self, _: &[u8], _: TelephoneNumber) -> bool {
        true
    }
}

/// A certificate that names the responder at `url`, its key, and who answers there.
struct Asking {
    signer: Signer,
    responder: Responder,
}

impl Asking {
    fn at(url: &str) -> Self {
        let lab = Lab::new();
        let issuing = lab.intermediate().clone().with_practice(Practice {
            ocsp: Some(url.into()),
            ..Practice::default()
        });
        let list = TnAuthList::new(vec![numbers(ALICE, 50)]).unwrap();
        let issued = lab.issue(&issuing, Profile::EndEntity, "SHAKEN asked", Some(list));
        let (key, certificate) = issued.unwrap();
        let chain: CertificateChain = chain(&[&certificate, issuing.certificate()]);
        let issuer = issuing.certificate().clone();
        Self {
            signer: Signer::new(X5U, key, chain).unwrap(),
            responder: Responder::of_issuer(issuer, issuing.shared_key(), 3_600).unwrap(),
        }
    }

    fn asked(&self) -> Asked {
        let [certificate, issuer] = self.signer.chain().certificates() else {
            panic!("a certificate and its issuer");
        };
        Asked {
            certificate: CertId::of(HashForm::Sha256Cut, certificate, issuer).unwrap(),
            number: Some(ALICE.parse().unwrap()),
        }
    }

    fn answer(&self, bench: &Bench) -> Vec<u8> {
        let now = bench.clock.now().unix;
        self.responder.staple(self.asked(), &Good, now).unwrap()
    }
}

#[tokio::test]
async fn a_question_is_asked_once_for_all_who_ask_the_same_and_kept_for_minutes_at_most() {
    let repository = Repository::saying(Vec::new()).await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/ocsp");
    let asking = Asking::at(&url);
    let answer = asking.answer(&bench);
    let said = served(TYPE, &answer, "Cache-Control: max-age=900000\r\n");
    let heads = Arc::new(Mutex::new(Vec::new()));
    let heard = heads.clone();
    repository.change(move |head| {
        heard.lock().unwrap().push(head.to_owned());
        Reaction::Bytes(said.clone())
    });
    let request = OcspRequest {
        asked: vec![asking.asked()],
        nonce: None,
    };
    let question = question_url(&url, &request.to_der());
    let statuses = bench.fetcher.for_statuses();
    let (first, second) = tokio::join!(
        statuses.fetch(&question, Refresh::No),
        statuses.fetch(&question, Refresh::No)
    );
    assert_eq!(*first.unwrap().item.0, *answer);
    assert_eq!(*second.unwrap().item.0, *answer);
    let head = heads.lock().unwrap().remove(0);
    assert!(head.starts_with("GET /ocsp/"), "{head}");
    assert_eq!(repository.requests(), 1, "one flight for both");
    // Whatever the responder says, and never longer.
    bench.clock.advance(599);
    let kept = statuses.fetch(&question, Refresh::No).await.unwrap();
    assert_eq!(kept.source, Source::Cache);
    bench.clock.advance(1);
    let new = statuses.fetch(&question, Refresh::No).await.unwrap();
    assert_eq!(new.source, Source::Fetched);
    assert_eq!(bench.metrics.status_fetches.count(["ok"]), 2);
}

/// This test verifies that an answer of which nothing is said, or that nobody is to keep, serves all the same for some seconds: a busy
/// caller's calls do not become as many questions.
#[tokio::test]
async fn an_answer_serves_for_seconds_at_least() {
    for lines in [
        "",
        "Cache-Control: no-store\r\n",
        "Cache-Control: max-age=0\r\n",
    ] {
        let repository = Repository::saying(Vec::new()).await;
        let bench = Bench::reaching(&[&repository]);
        let asking = Asking::at(&repository.url("/ocsp"));
        let said = served(TYPE, &asking.answer(&bench), lines);
        repository.change(move |_| Reaction::Bytes(said.clone()));
        let (statuses, url) = (bench.fetcher.for_statuses(), repository.url("/ocsp/MA"));
        for (passed, source) in [
            (0, Source::Fetched),
            (9, Source::Cache),
            (1, Source::Fetched),
        ] {
            bench.clock.advance(passed);
            let found = statuses.fetch(&url, Refresh::No).await.unwrap();
            assert_eq!(found.source, source, "{lines:?} {passed}");
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_none() {
    for (answer, why) in [
        (served("text/html", b"<html>", ""), Unavailable::MediaType),
        (served(TYPE, b"<html>", ""), Unavailable::BadResponse),
        (served(TYPE, &[0; 20_000], ""), Unavailable::TooLarge),
    ] {
        let repository = Repository::saying(answer).await;
        let bench = Bench::reaching(&[&repository]);
        let statuses = bench.fetcher.for_statuses();
        let outcome = statuses.fetch(&repository.url("/ocsp/MA"), Refresh::No);
        assert_eq!(outcome.await.unwrap_err(), why);
    }
    let bench = Bench::reaching(&[]);
    let statuses = bench.fetcher.for_statuses();
    let plain = statuses.fetch("http://ocsp.example.org/ocsp/MA", Refresh::No);
    assert_eq!(plain.await.unwrap_err(), Unavailable::BadUrl);
}

/// This test verifies that the number of a first call is fetched for, and that the second call brings the answer along.
#[tokio::test]
async fn a_tenants_second_call_brings_the_answer_along() {
    let repository = Repository::saying(Vec::new()).await;
    let bench = Bench::reaching(&[&repository]);
    let asking = Asking::at(&repository.url("/ocsp"));
    let answer = asking.answer(&bench);
    let said = served(TYPE, &answer, "");
    repository.change(move |head| match head.starts_with("POST /ocsp ") {
        true => Reaction::Bytes(said.clone()),
        false => panic!("{head}"),
    });
    let shelf = Arc::new(Shelf::of("acme", &asking.signer).unwrap());
    let now = bench.clock.now().unix;
    let shelves: Arc<[Arc<Shelf>]> = [shelf.clone()].into();
    let (stop, stopped) = watch::channel(false);
    let ground = Ground {
        fetcher: bench.fetcher.clone(),
        clock: bench.clock.clone(),
        metrics: bench.metrics.clone(),
        shelves: Box::new(move || shelves.clone()),
    };
    let keeping = tokio::spawn(staples::keep(ground, stopped));
    let number = Some(ALICE.parse().unwrap());
    assert_eq!(shelf.at_hand(number, now), None, "the first call has none");
    let mut stapled = None;
    for _ in 0..300 {
        stapled = shelf.at_hand(number, now);
        if stapled.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stapled.as_deref(), Some(&*answer));
    assert_eq!(bench.metrics.staple_fetches.count(["ok"]), 1);
    stop.send(true).unwrap();
    keeping.await.unwrap();
}

/// Shelves that are filled until this is dropped.
struct Keeping {
    shelves: Arc<Mutex<Arc<[Arc<Shelf>]>>>,
    _stop: watch::Sender<bool>,
}

impl Keeping {
    fn start(bench: &Bench, shelf: &Arc<Shelf>) -> Self {
        let shelves: Arc<[Arc<Shelf>]> = [shelf.clone()].into();
        let shelves = Arc::new(Mutex::new(shelves));
        let now = shelves.clone();
        let (stop, stopped) = watch::channel(false);
        let ground = Ground {
            fetcher: bench.fetcher.clone(),
            clock: bench.clock.clone(),
            metrics: bench.metrics.clone(),
            shelves: Box::new(move || now.lock().unwrap().clone()),
        };
        tokio::spawn(staples::keep(ground, stopped));
        Self {
            shelves,
            _stop: stop,
        }
    }
}

/// Waits until there is something.
async fn until<T>(mut there: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = there() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come");
}

/// This test verifies that what a responder sends with another status than 200, or without end, is no answer, whatever it says.
#[tokio::test]
async fn an_error_is_no_staple() {
    let repository = Repository::saying(Vec::new()).await;
    let bench = Bench::reaching(&[&repository]);
    let asking = Asking::at(&repository.url("/ocsp"));
    let good = served(TYPE, &asking.answer(&bench), "");
    let failed = good.strip_prefix(b"HTTP/1.1 200 OK").unwrap();
    let failed = [b"HTTP/1.1 500 No".as_slice(), failed].concat();
    let long = served(TYPE, &[0; 20_000], "");
    for (said, why) in [(failed, "bad-status"), (long, "too-large")] {
        repository.change(move |_| Reaction::Bytes(said.clone()));
        let shelf = Arc::new(Shelf::of("acme", &asking.signer).unwrap());
        let now = bench.clock.now().unix;
        assert_eq!(shelf.at_hand(Some(ALICE.parse().unwrap()), now), None);
        let _keeping = Keeping::start(&bench, &shelf);
        let metrics = &bench.metrics.staple_fetches;
        until(|| (metrics.count([why]) + metrics.count(["ok"]) > 0).then_some(())).await;
        assert_eq!((metrics.count([why]), metrics.count(["ok"])), (1, 0));
        let staple = shelf.at_hand(Some(ALICE.parse().unwrap()), now);
        assert_eq!(staple, None);
    }
}

/// This test verifies that a responder that does not answer is asked so many questions at a time and no more, and that a reload in the
/// meantime neither loses a number nor asks beside what is under way.
#[tokio::test]
async fn a_reload_while_everything_is_under_way() {
    let repository = Repository::start(|_| Reaction::Hang(Vec::new())).await;
    let bench = Bench::reaching(&[&repository]);
    let asking = Asking::at(&repository.url("/ocsp"));
    let answer = served(TYPE, &asking.answer(&bench), "");
    let shelf = Arc::new(Shelf::of("acme", &asking.signer).unwrap());
    let (now, alice) = (bench.clock.now().unix, Some(ALICE.parse().unwrap()));
    for last in 0..20 {
        let caller = format!("12025550{}", 100 + last);
        shelf.at_hand(Some(caller.parse().unwrap()), now);
    }
    let keeping = Keeping::start(&bench, &shelf);
    until(|| (repository.requests() >= staples::MAX_ASKING).then_some(())).await;
    // Two more looks at what is due.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(repository.requests(), staples::MAX_ASKING);
    let next = Arc::new(Shelf::of("acme", &asking.signer).unwrap());
    repository.change(move |_| Reaction::Bytes(answer.clone()));
    *keeping.shelves.lock().unwrap() = [next.clone()].into();
    let all = staples::MAX_ASKING + 20;
    until(|| (repository.requests() >= all).then_some(())).await;
    until(|| next.at_hand(alice, now)).await;
}
