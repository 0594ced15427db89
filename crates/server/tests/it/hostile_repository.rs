//! Calls whose certificate lies with somebody who hangs, drips, floods, lies or hangs up.
//!
//! ```text
//!   caller ── INVITE, x5u ──► Switch ── INVITE ──► called
//!     ◄── 100 at once           │      after 500 ms at most
//!                               └── GET ──► a repository that does its worst
//! ```
//!
//! This test verifies that no repository delays a call beyond its deadline or makes *failed* of *not validated*, and that what
//! comes too late for one call is there for the next.

use crate::repository::{Reaction, Repository};
use crate::switch::{House, Invite, Party, fetching_from, line_of, trunk, until};
use std::time::{Duration, Instant};

/// Far above the deadline of half a second, for busy machines; far below any fetch that is waited for to its end ([`PATIENT`]).
const IN_TIME: Duration = Duration::from_secs(6);
/// How long a fetch may take.
const PATIENT: &str = "[fetch]\ntimeout_ms = 10000\n";
/// With this profile every failure would be told as one.
const FIELD: &str = "verstat_profile = \"field\"";

fn head(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\n{lines}\r\n")
        .into_bytes()
}

/// What the repository does, by the path it is asked for.
fn worst(request: &str, chain: &[u8]) -> Reaction {
    let path = request.split(' ').nth(1).unwrap();
    let pause = Duration::from_millis(20);
    let chunked = [
        head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        format!("{:x}\r\n", chain.len()).into_bytes(),
        chain.to_vec(),
        b"\r\n0\r\n\r\n".to_vec(),
    ];
    match path {
        "/hangs.pem" => Reaction::Hang(Vec::new()),
        "/hangs-in-body.pem" => Reaction::Hang(head("Content-Length: 100\r\n")),
        "/drips.pem" => Reaction::Drip(head(""), vec![b'-'; 10_000], pause),
        "/floods.pem" => Reaction::Flood(head("Content-Length: 104857600\r\n"), vec![b'-'; 65_536]),
        "/floods-unannounced.pem" => Reaction::Flood(head(""), vec![b'-'; 65_536]),
        "/two-encodings.pem" => Reaction::Bytes(chunked.concat()),
        "/not-there.pem" => {
            Reaction::Bytes(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
        "/hangs-up.pem" => Reaction::Bytes(Vec::new()),
        "/page.pem" => Reaction::Bytes(head("Content-Length: 6\r\n\r\n<html>")),
        other => panic!("{other} was asked for"),
    }
}

const PATHS: [&str; 9] = [
    "hangs",
    "hangs-in-body",
    "drips",
    "floods",
    "floods-unannounced",
    "two-encodings",
    "not-there",
    "hangs-up",
    "page",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_repository_delays_a_call_or_makes_it_fail() {
    let house = House::new();
    let chain = house.signer.chain.to_pem().into_bytes();
    let repository = Repository::start(move |request| worst(request, &chain)).await;
    let called = Party::at(1).await;
    let trunk = trunk(2, "verify", &called, FIELD);
    let fetching = fetching_from(&repository).replacen("[fetch]\n", PATIENT, 1);
    let switch = house.start("", &(trunk + &fetching)).await;
    for path in PATHS {
        let caller = Party::at(2).await;
        let x5u = format!("{}/{path}.pem", repository.origin());
        let call = Invite::new(format!("hostile-{path}")).header("Identity", &house.identity(&x5u));
        let begun = Instant::now();
        caller.says(call.text(&caller), switch.udp).await;
        let (trying, invite) = tokio::join!(caller.hears(), called.hears());
        assert_eq!(trying.status(), Some(100), "{path}");
        assert!(
            invite.at - begun < IN_TIME,
            "{path}: {:?}",
            invite.at - begun
        );
        if ["hangs", "hangs-in-body", "drips"].contains(&path) {
            assert!(
                trying.at < invite.at,
                "{path}: nobody rings for a call of which nothing was heard"
            );
        }
        assert_eq!(invite.verstat(), Some("No-TN-Validation"), "{path}");
        called.answers(&invite, "486 Busy Here").await;
        let line = line_of(&format!("hostile-{path}")).await;
        assert_eq!(line["verdict"], "not-validated", "{line:#}");
        assert_eq!(line["code"], 436, "{line:#}");
        let faults = ["deadline-expired", "certificate-unavailable"];
        assert!(
            faults.contains(&line["fault"].as_str().unwrap()),
            "{line:#}"
        );
        // Its ACK and whatever else belongs to this call.
        while called.hears().await.text.starts_with("INVITE") {}
    }
    assert_eq!(repository.requests(), PATHS.len(), "each was asked");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_late_for_one_call_is_there_for_the_next() {
    let house = House::new();
    let chain = house.chain();
    let repository =
        Repository::start(move |_| Reaction::Late(Duration::from_millis(900), chain.clone())).await;
    let (caller, called) = (Party::at(2).await, Party::at(1).await);
    let trunk = trunk(2, "verify", &called, FIELD);
    let switch = house
        .start("", &(trunk + &fetching_from(&repository)))
        .await;
    let x5u = format!("{}/late.pem", repository.origin());
    let call = |name: &str| Invite::new(name).header("Identity", &house.identity(&x5u));

    let first = caller.calls(&call("late-first"), &switch, &called).await;
    assert_eq!(first.verstat(), Some("No-TN-Validation"));
    assert_eq!(line_of("late-first").await["fault"], "deadline-expired");

    until("the fetch goes on and ends", || {
        switch.metrics.fetches.count(["ok"]) == 1
    })
    .await;
    let second = caller.calls(&call("late-second"), &switch, &called).await;
    assert_eq!(second.verstat(), Some("TN-Validation-Passed"));
    assert_eq!(repository.requests(), 1);
    switch.stop().await;
}
