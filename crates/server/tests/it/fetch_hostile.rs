//! Repositories that hang, drip, flood, lie and redirect.
//!
//! ```text
//!   Fetcher ── GET ──► repository: 100 MB, one byte a second, two lengths, a key, somebody else's address …
//! ```
//!
//! This test verifies that each of them ends in its own reason, within the time of a fetch, and that none leaves a chain.

use crate::repository::{Bench, HOST, Pki, Reaction, Repository, answer};
use countersign::verification::{Refresh, Unavailable};
use countersign_server::clock::Clock;
use countersign_server::fetch::{Cached, MediaTypes};
use std::time::{Duration, Instant};

/// What the fetcher says of a repository that reacts so, with all the time of the world.
async fn reason(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Unavailable {
    reason_within(Duration::from_secs(30), script).await
}

/// The same with little time. None of these repositories would end by itself for minutes.
async fn reason_in_time(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Unavailable {
    let begun = Instant::now();
    let why = reason_within(Duration::from_millis(300), script).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    why
}

async fn reason_within(
    timeout: Duration,
    script: impl Fn(&str) -> Reaction + Send + Sync + 'static,
) -> Unavailable {
    let repository = Repository::start(script).await;
    let bench = Bench::with(&[(HOST, &["127.0.0.1"])], |policy| {
        policy.exceptions = vec![repository.exception()];
        policy.timeout = timeout;
    });
    let url = repository.url("/c.pem");
    let why = bench.fetcher.fetch(&url, Refresh::No).await.unwrap_err();
    assert!(bench.fetcher.is_empty());
    let remembered = bench.fetcher.peek(&url, bench.clock.now());
    assert!(
        matches!(remembered, Some(Cached::Unavailable(_))),
        "{remembered:?}"
    );
    why
}

async fn reason_of_bytes(bytes: impl Into<Vec<u8>>) -> Unavailable {
    let bytes = bytes.into();
    reason(move |_| Reaction::Bytes(bytes.clone())).await
}

fn head(lines: &[&str]) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\n{lines}\r\n")
        .into_bytes()
}

#[tokio::test]
async fn silence_ends_with_the_time_of_a_fetch() {
    assert_eq!(
        reason_in_time(|_| Reaction::Hang(Vec::new())).await,
        Unavailable::TimedOut
    );
    let in_header = |_: &str| Reaction::Hang(b"HTTP/1.1 200 OK\r\n".to_vec());
    assert_eq!(reason_in_time(in_header).await, Unavailable::TimedOut);
    let in_body = |_: &str| Reaction::Hang(head(&["Content-Length: 100"]));
    assert_eq!(reason_in_time(in_body).await, Unavailable::TimedOut);
}

#[tokio::test]
async fn a_drip_does_not_prolong_it() {
    let drip = |_: &str| Reaction::Drip(head(&[]), vec![b'-'; 10_000], Duration::from_millis(20));
    assert_eq!(reason_in_time(drip).await, Unavailable::TimedOut);
    let header_drip = |_: &str| {
        Reaction::Drip(
            b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
            vec![b'x'; 10_000],
            Duration::from_millis(20),
        )
    };
    assert_eq!(reason_in_time(header_drip).await, Unavailable::TimedOut);
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_read() {
    let announced = head(&["Content-Length: 104857600"]);
    let flood = move |_: &str| Reaction::Flood(announced.clone(), vec![b'-'; 65_536]);
    assert_eq!(reason(flood).await, Unavailable::TooLarge);
    let unannounced = |_: &str| Reaction::Flood(head(&[]), vec![b'-'; 65_536]);
    assert_eq!(reason(unannounced).await, Unavailable::TooLarge);
    let chunk = [b"10000\r\n", vec![b'-'; 65_536].as_slice(), b"\r\n"].concat();
    let chunked =
        move |_: &str| Reaction::Flood(head(&["Transfer-Encoding: chunked"]), chunk.clone());
    assert_eq!(reason(chunked).await, Unavailable::TooLarge);
    let header = |_: &str| {
        Reaction::Flood(
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            b"X-Filler: aaaaaaaaaaaaaaaa\r\n".to_vec(),
        )
    };
    assert_eq!(reason(header).await, Unavailable::BadResponse);
    let extension = |_: &str| {
        let first = [head(&["Transfer-Encoding: chunked"]), b"5;".to_vec()].concat();
        Reaction::Flood(first, b"extension=aaaaaaaaaaaaaaaa;".to_vec())
    };
    assert_eq!(reason(extension).await, Unavailable::BadResponse);
}

#[tokio::test]
async fn answers_before_the_answer_do_not_go_on_for_ever() {
    let patience = |_: &str| {
        let answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
        Reaction::Flood(answer.to_vec(), answer.to_vec())
    };
    let why = reason_in_time(patience).await;
    assert!(
        matches!(why, Unavailable::TimedOut | Unavailable::BadResponse),
        "{why:?}"
    );
}

#[tokio::test]
async fn a_body_with_two_ends_is_refused() {
    let chain = Pki::get().read("first.pem");
    let chunked = format!("{:x}\r\n{chain}\r\n0\r\n\r\n", chain.len());
    let length = format!("Content-Length: {}", chain.len());
    for lines in [
        &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"][..],
        &["Transfer-Encoding: identity", "Transfer-Encoding: chunked"],
        &["Transfer-Encoding: gzip, chunked"],
        &["Transfer-Encoding: xchunked"],
        &["Transfer-Encoding: chunked", &length],
        &[&length, "Transfer-Encoding: chunked"],
        &[&length, "Content-Length: 7"],
        &["Content-Length: -5"],
        &["Content-Encoding: gzip"],
    ] {
        let bytes = [head(lines), chunked.clone().into_bytes()].concat();
        assert_eq!(
            reason_of_bytes(bytes).await,
            Unavailable::BadResponse,
            "{lines:?}"
        );
    }
    // One framing is fine, either way.
    let plain = [head(&["Transfer-Encoding: chunked"]), chunked.into_bytes()].concat();
    let repository = Repository::saying(plain).await;
    let bench = Bench::reaching(&[&repository]);
    let outcome = bench
        .fetcher
        .fetch(&repository.url("/c.pem"), Refresh::No)
        .await;
    assert_eq!(outcome.unwrap().item.certificates().len(), 1);
}

#[tokio::test]
async fn a_length_that_lies_leaves_no_chain() {
    let chain = Pki::get().read("first.pem");
    let longer = format!("Content-Length: {}", chain.len() + 10);
    let bytes = [head(&[&longer]), chain.clone().into_bytes()].concat();
    assert_eq!(reason_of_bytes(bytes).await, Unavailable::BadResponse);
    let shorter = format!("Content-Length: {}", chain.len() - 100);
    let bytes = [head(&[&shorter]), chain.into_bytes()].concat();
    assert_eq!(reason_of_bytes(bytes).await, Unavailable::BadChain);
}

#[tokio::test]
async fn digest12_case13_redirects_are_not_followed() {
    let target = Repository::saying(answer(&Pki::get().read("first.pem"), &[])).await;
    for status in [301, 302, 303, 307, 308] {
        let bytes = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            target.url("/c.pem")
        );
        assert_eq!(
            reason_of_bytes(bytes).await,
            Unavailable::Redirect,
            "{status}"
        );
    }
    assert_eq!(target.requests(), 0);
}

#[tokio::test]
async fn other_statuses_are_told() {
    for status in [201, 204, 206, 304, 400, 404, 410, 500, 503] {
        let bytes = format!("HTTP/1.1 {status} Words\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(reason_of_bytes(bytes).await, Unavailable::BadStatus(status));
    }
    assert_eq!(
        reason_of_bytes("SIP/2.0 200 OK\r\n\r\n").await,
        Unavailable::BadResponse
    );
    assert_eq!(reason_of_bytes("").await, Unavailable::BadResponse);
}

#[tokio::test]
async fn what_is_no_chain_is_no_chain() {
    let pki = Pki::get();
    let with_key = format!("{}{}", pki.read("first.pem"), pki.read("first.key"));
    let mut garbage = pki.read("first.pem").into_bytes();
    garbage[100] = b'!';
    for body in [
        Vec::new(),
        b"garbage".to_vec(),
        vec![0; 100_000],
        b"<html><body>It works!</body></html>".to_vec(),
        with_key.into_bytes(),
        pki.read("first.key").into_bytes(),
        garbage,
    ] {
        let length = format!("Content-Length: {}", body.len());
        let bytes = [head(&[&length]), body.clone()].concat();
        let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        assert_eq!(
            reason_of_bytes(bytes).await,
            Unavailable::BadChain,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn media_types_by_policy() {
    let chain = Pki::get().read("first.pem");
    for (media_type, lenient, strict) in [
        ("application/pem-certificate-chain", true, true),
        (
            "Application/PEM-Certificate-Chain; charset=us-ascii",
            true,
            true,
        ),
        ("application/pkix-cert", true, true),
        ("application/x-pem-file", true, false),
        ("text/plain; charset=utf-8", true, false),
        ("application/octet-stream", true, false),
        ("text/html", false, false),
        ("image/png", false, false),
    ] {
        let bytes = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{chain}",
            chain.len()
        );
        for (media_types, taken) in [(MediaTypes::Lenient, lenient), (MediaTypes::Strict, strict)] {
            let repository = Repository::saying(bytes.clone()).await;
            let exceptions = vec![repository.exception()];
            let bench = Bench::with(&[("repository.example", &["127.0.0.1"])], |policy| {
                policy.exceptions = exceptions;
                policy.media_types = media_types;
            });
            let outcome = bench
                .fetcher
                .fetch(&repository.url("/c.pem"), Refresh::No)
                .await;
            match taken {
                true => assert!(outcome.is_ok(), "{media_type} {media_types:?}"),
                false => assert_eq!(outcome.unwrap_err(), Unavailable::MediaType, "{media_type}"),
            }
        }
    }
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let repository = Repository::saying("").await;
    let (url, exception) = (repository.url("/c.pem"), repository.exception());
    let port = repository.port;
    drop(repository);
    // A port that nobody listens on: bound and closed at once.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = closed.local_addr().unwrap().port();
    drop(closed);
    let url = url.replace(&port.to_string(), &free.to_string());
    let exception = countersign_server::fetch::Exception {
        origin: countersign::certificate::repository_url::Origin::parse(&url.replace("/c.pem", ""))
            .unwrap(),
        ..exception
    };
    let bench = Bench::with(&[("repository.example", &["127.0.0.1"])], |policy| {
        policy.exceptions = vec![exception];
    });
    let outcome = bench.fetcher.fetch(&url, Refresh::No).await;
    assert_eq!(outcome.unwrap_err(), Unavailable::Connect);
}
