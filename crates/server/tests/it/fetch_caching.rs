//! How long a chain is kept, and what happens when its repository changes it.
//!
//! ```text
//!   day 1   GET /c.pem                        ──► 200, ETag "1"
//!   day 2   GET /c.pem, If-None-Match: "1"    ──► 304: another day      or 200 with another chain
//! ```
//!
//! This test verifies that a repository is asked once a day or less, once in ten seconds when a signature does not fit, and
//! never about a certificate that has ended.

use crate::repository::{Bench, Pki, Reaction, Repository, answer};
use countersign::verification::{Refresh, Source, Unavailable};
use countersign_server::clock::Clock;
use countersign_server::fetch::Cached;
use std::sync::Arc;

const DAY: u64 = 86_400;

fn is_chain(cached: Option<Cached>) -> bool {
    matches!(cached, Some(Cached::Fresh(_)))
}

#[tokio::test]
async fn a_chain_is_kept_for_a_day_and_then_asked_about() {
    let chain = Pki::get().read("first.pem");
    let repository = Repository::start(move |request| {
        let conditional = request
            .to_ascii_lowercase()
            .contains("if-none-match: \"1\"");
        Reaction::Bytes(match conditional {
            true => b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=200000\r\n\r\n".to_vec(),
            false => answer(&chain, &["ETag: \"1\"", "Cache-Control: no-store"]),
        })
    })
    .await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/c.pem");
    let first = bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!(first.source, Source::Fetched);
    bench.clock.advance(DAY - 1);
    assert!(is_chain(bench.fetcher.peek(&url, bench.clock.now())));
    bench.clock.advance(1);
    assert!(
        bench.fetcher.peek(&url, bench.clock.now()).is_none(),
        "stale after a day"
    );
    let second = bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    assert!(
        Arc::ptr_eq(&first.item, &second.item),
        "unchanged: parsed once"
    );
    assert_eq!(bench.metrics.fetches.count(["unchanged"]), 1);
    bench.clock.advance(199_999);
    assert!(
        is_chain(bench.fetcher.peek(&url, bench.clock.now())),
        "the 304 brought more time"
    );
    assert_eq!(repository.requests(), 2);
}

#[tokio::test]
async fn a_chain_is_not_kept_past_its_certificate() {
    let chain = answer(
        &Pki::get().read("short.pem"),
        &["Cache-Control: max-age=9000000"],
    );
    let repository = Repository::saying(chain).await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/c.pem");
    bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    // An hour on both sides: its certificate is as old as this process.
    bench.clock.advance(2 * DAY - 3_600);
    assert!(is_chain(bench.fetcher.peek(&url, bench.clock.now())));
    bench.clock.advance(7_200);
    assert!(bench.fetcher.peek(&url, bench.clock.now()).is_none());
    // It is over now: every call would fetch it again if it were not kept for seconds.
    for _ in 0..50 {
        bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    }
    assert_eq!(repository.requests(), 2);
}

#[tokio::test]
async fn a_changed_chain_is_found_by_asking_once_in_ten_seconds() {
    let pki = Pki::get();
    let repository = Repository::saying(answer(&pki.read("first.pem"), &["ETag: \"1\""])).await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/c.pem");
    let first = bench.fetcher.fetch(&url, Refresh::No).await.unwrap().item;
    let second = answer(&pki.read("second.pem"), &["ETag: \"2\""]);
    repository.change(move |_| Reaction::Bytes(second.clone()));
    // A signature does not fit, and the origin is asked, however short ago it said what no longer holds.
    let fetcher = &bench.fetcher;
    let changed = fetcher.fetch(&url, Refresh::Conditional).await.unwrap();
    assert_eq!(changed.source, Source::Fetched);
    assert!(!Arc::ptr_eq(&changed.item, &first));
    for seconds in [0, 9] {
        bench.clock.advance(seconds);
        for _ in 0..100 {
            let again = fetcher.fetch(&url, Refresh::Conditional).await.unwrap();
            assert!(Arc::ptr_eq(&again.item, &changed.item));
        }
    }
    assert_eq!(repository.requests(), 2);
    bench.clock.advance(1);
    let changed = fetcher.fetch(&url, Refresh::Conditional).await.unwrap();
    assert_eq!(repository.requests(), 3);
    let now = bench.clock.now();
    let Some(Cached::Fresh(kept)) = bench.fetcher.peek(&url, now) else {
        panic!("gone");
    };
    assert!(
        Arc::ptr_eq(&kept, &changed.item),
        "the next call gets the new one"
    );
}

#[tokio::test]
async fn a_refresh_that_fails_is_told_and_leaves_the_chain() {
    let repository = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    let bench = Bench::reaching(&[&repository]);
    let url = repository.url("/c.pem");
    bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    repository
        .change(|_| Reaction::Bytes(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec()));
    bench.clock.advance(11);
    for _ in 0..10 {
        let outcome = bench.fetcher.fetch(&url, Refresh::Conditional).await;
        assert_eq!(outcome.unwrap_err(), Unavailable::BadStatus(503));
    }
    assert_eq!(repository.requests(), 2, "asked once");
    assert!(is_chain(bench.fetcher.peek(&url, bench.clock.now())));
    let outcome = bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!(outcome.source, Source::Cache);
}
