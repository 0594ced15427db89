//! TN Authorization Lists by reference: fetched as certificates are, kept apart from them, and only as what they are.
//!
//! ```text
//!   certificate ── id-ad-stirTNList ──► https://repository.example/numbers   application/tnauthlist, DER
//! ```

use crate::repository::{Bench, Pki, Reaction, Repository, answer};
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::verification::{Refresh, Source, Unavailable};
use countersign_server::clock::Clock;
use countersign_server::fetch::Cached;
use countersign_testkit::lab::numbers;

fn list(spc: &str) -> TnAuthList {
    let entries = vec![
        TnEntry::Spc(spc.parse().unwrap()),
        numbers("12025550100", 50),
    ];
    TnAuthList::new(entries).unwrap()
}

fn served(media_type: &str, bytes: &[u8], lines: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{lines}\r\n",
        bytes.len()
    );
    [head.as_bytes(), bytes].concat()
}

const TYPE: &str = "application/tnauthlist";

#[tokio::test]
async fn a_list_is_fetched_once_and_kept_as_long_as_its_server_says() {
    let (one, other) = (list("1234"), list("1235"));
    let answer = served(TYPE, &one.to_der(), "Cache-Control: max-age=600\r\n");
    let repository = Repository::saying(answer).await;
    let bench = Bench::reaching(&[&repository]);
    let (lists, url) = (bench.fetcher.for_lists(), repository.url("/numbers"));
    let (first, second) = tokio::join!(
        lists.fetch(&url, Refresh::No),
        lists.fetch(&url, Refresh::No)
    );
    assert_eq!(*first.unwrap().item, one);
    assert_eq!(*second.unwrap().item, one);
    assert_eq!(repository.requests(), 1, "one flight for both");
    repository.change(move |_| {
        Reaction::Bytes(served(TYPE, &other.to_der(), "Cache-Control: no-store\r\n"))
    });
    bench.clock.advance(599);
    let kept = lists.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!((&*kept.item, kept.source), (&one, Source::Cache));
    bench.clock.advance(1);
    let new = lists.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!((&*new.item, new.source), (&list("1235"), Source::Fetched));
    // Whatever a server says of it, a busy provider's calls are not as many requests.
    bench.clock.advance(59);
    assert!(matches!(
        lists.peek(&url, bench.clock.now()),
        Some(Cached::Fresh(_))
    ));
    bench.clock.advance(1);
    assert!(lists.peek(&url, bench.clock.now()).is_none());
    assert_eq!(bench.metrics.list_fetches.count(["ok"]), 2);
    assert_eq!(
        bench.metrics.fetches.count(["ok"]),
        0,
        "counted apart from chains"
    );
    assert!(bench.fetcher.is_empty(), "kept apart from chains");
}

#[tokio::test]
async fn what_is_no_list_is_no_list() {
    let der = list("1234").to_der();
    let chain = Pki::get().read("first.pem");
    for (answer, why) in [
        (
            served("application/octet-stream", &der, ""),
            Unavailable::MediaType,
        ),
        (answer(&chain, &[]), Unavailable::MediaType),
        (served(TYPE, chain.as_bytes(), ""), Unavailable::BadList),
        (
            served(TYPE, &der[..der.len() - 1], ""),
            Unavailable::BadList,
        ),
        (served(TYPE, &[], ""), Unavailable::BadList),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Unavailable::Redirect,
        ),
    ] {
        let repository = Repository::saying(answer).await;
        let bench = Bench::reaching(&[&repository]);
        let lists = bench.fetcher.for_lists();
        let outcome = lists.fetch(&repository.url("/numbers"), Refresh::No).await;
        assert_eq!(outcome.unwrap_err(), why);
    }
    let bench = Bench::reaching(&[]);
    let forbidden = bench
        .fetcher
        .for_lists()
        .fetch("https://127.0.0.1/numbers", Refresh::No);
    assert_eq!(forbidden.await.unwrap_err(), Unavailable::ForbiddenAddress);
}
