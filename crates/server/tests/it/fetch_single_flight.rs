//! Ten thousand calls, one fetch.
//!
//! ```text
//!   call 1 ─┐
//!   call 2 ─┼─► Fetcher ── one request ──► repository
//!    ...   ─┤
//!   10,000 ─┘
//! ```
//!
//! This test verifies that however many ask for one URL at once, its repository is asked once; that the flight goes on when
//! nobody waits any more; and that one host cannot be flooded through us.

use crate::repository::{Bench, HOST, Pki, Reaction, Repository, answer};
use countersign::verification::{Refresh, Source, Unavailable};
use countersign_server::clock::Clock;
use countersign_server::fetch::Cached;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_of_one_cold_url_are_one_request() {
    let chain = answer(&Pki::get().read("first.pem"), &[]);
    let repository =
        Repository::start(move |_| Reaction::Late(Duration::from_millis(100), chain.clone())).await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/first.pem");
    let mut calls = JoinSet::new();
    for _ in 0..10_000 {
        let (fetcher, url) = (bench.fetcher.clone(), url.clone());
        calls.spawn(async move { fetcher.fetch(&url, Refresh::No).await });
    }
    while let Some(outcome) = calls.join_next().await {
        assert_eq!(outcome.unwrap().unwrap().item.certificates().len(), 1);
    }
    assert_eq!(repository.requests(), 1);
    assert_eq!(bench.metrics.fetches.count(["ok"]), 1);
}

#[tokio::test]
async fn a_failure_is_shared_and_remembered_too() {
    let repository =
        Repository::saying("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/none.pem");
    let flights: Vec<_> = (0..100)
        .map(|_| bench.fetcher.fetch(&url, Refresh::No))
        .collect();
    for flight in flights {
        assert_eq!(flight.await.unwrap_err(), Unavailable::BadStatus(404));
    }
    for _ in 0..100 {
        let outcome = bench.fetcher.fetch(&url, Refresh::No).await;
        assert_eq!(outcome.unwrap_err(), Unavailable::BadStatus(404));
    }
    assert_eq!(repository.requests(), 1);
    bench.clock.advance(11);
    assert!(bench.fetcher.peek(&url, bench.clock.now()).is_none());
    let _ = bench.fetcher.fetch(&url, Refresh::No).await;
    assert_eq!(repository.requests(), 2, "it was forgotten after seconds");
}

#[tokio::test]
async fn a_fetch_goes_on_when_its_call_is_gone() {
    let chain = answer(&Pki::get().read("first.pem"), &[]);
    let repository =
        Repository::start(move |_| Reaction::Late(Duration::from_millis(50), chain.clone())).await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/first.pem");
    // The call's deadline comes before the first byte: the future is dropped without one poll.
    drop(bench.fetcher.fetch(&url, Refresh::No));
    let mut tries = 0;
    let cached = loop {
        if let Some(cached) = bench.fetcher.peek(&url, bench.clock.now()) {
            break cached;
        }
        tries += 1;
        assert!(tries < 4_000, "the flight ended with its call");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(matches!(cached, Cached::Fresh(_)), "{cached:?}");
    let next = bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!(next.source, Source::Cache);
    assert_eq!(repository.requests(), 1);
    let lookups = |result| bench.metrics.cache_lookups.count([result]);
    assert_eq!((lookups("hit"), lookups("miss")), (1, tries));
}

#[tokio::test]
async fn one_host_is_not_flooded_through_us() {
    let repository = Repository::start(|_| Reaction::Hang(Vec::new())).await;
    let bench = Bench::with(&[(HOST, &["127.0.0.1"])], |policy| {
        policy.exceptions = vec![repository.exception()];
        policy.timeout = Duration::from_millis(600);
    });
    let flights: Vec<_> = (0..200)
        .map(|number| {
            bench
                .fetcher
                .fetch(&repository.url(&format!("/{number}")), Refresh::No)
        })
        .collect();
    let mut overloaded = 0;
    for flight in flights {
        match flight.await.unwrap_err() {
            Unavailable::Overloaded => overloaded += 1,
            other => assert_eq!(other, Unavailable::TimedOut),
        }
    }
    assert_eq!(overloaded, 200 - 56);
    assert!(repository.requests() <= 56);
}

#[tokio::test]
async fn invented_urls_do_not_keep_a_known_one_from_being_asked_again() {
    let chain = answer(&Pki::get().read("first.pem"), &[]);
    let known = move |request: &str| match request.contains("/known.pem ") {
        true => Reaction::Bytes(chain.clone()),
        false => Reaction::Hang(Vec::new()),
    };
    let repository = Repository::start(known).await;
    let bench = Bench::reaching(&[&repository]);
    let (url, new) = (repository.url("/known.pem"), repository.url("/new.pem"));
    bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    let flood: Vec<_> = (0..200)
        .map(|number| repository.url(&format!("/{number}")))
        .map(|invented| bench.fetcher.fetch(&invented, Refresh::No))
        .collect();
    let refused = bench.fetcher.fetch(&new, Refresh::No).await;
    assert_eq!(refused.unwrap_err(), Unavailable::Overloaded);
    bench.clock.advance(25 * 3600);
    let again = bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!(again.source, Source::Fetched);
    assert!(
        bench.fetcher.peek(&new, bench.clock.now()).is_none(),
        "that there was no room is not remembered against it"
    );
    drop(flood);
}
