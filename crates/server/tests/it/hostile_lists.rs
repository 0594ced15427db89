//! Revocation lists whose server does its worst.
//!
//! ```text
//!   caller ── INVITE, x5u ──► Switch ── INVITE ──► called
//!                               │
//!                               └── GET /list.crl, every minute ──► old, early, truncated, forged, endless, gone, silent
//! ```
//!
//! This test verifies that whatever comes instead of a list changes nothing: the last good one stays in use, calls go on, and what
//! happened is counted.

use crate::repository::{Reaction, Repository};
use crate::revocation::{Administration, body, refreshed, status};
use crate::switch::{Party, until};

const REFRESH: u64 = 61;
/// Another list of the same signer.
const OTHER: &str = "https://sti-pa.example/other";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_good_list_stays_in_use_whatever_comes() {
    let world = Administration::new();
    let (good, bad) = (world.provider("1234"), world.provider("1235"));
    let list = world.list(7, &[&bad]);
    let repository = Repository::start(world.serving(&[&good, &bad], body(&list))).await;
    let called = Party::at(1).await;
    let settings = world.settings(&repository, "revocation = \"hard\"\n");
    let switch = world
        .house
        .start("", &(world.trunk(&called) + &settings))
        .await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "crl", "ok", 1).await;
    calls.pass("lists-0", &good).await;
    calls.fail("lists-1", &bad, "revoked").await;

    let mut forged = world.list(9, &[]);
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    let somebody = Administration::new().list(9, &[]);
    let truncated = &list[..list.len() - 1];
    let moved = b"HTTP/1.1 302 Found\r\nLocation: /other.crl\r\nContent-Length: 0\r\n\r\n".to_vec();
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n".to_vec();
    let worst: [(&'static str, Vec<u8>); 10] = [
        ("backwards", body(&world.list(6, &[]))),
        ("other-series", body(&world.list_at(OTHER, 9))),
        ("not-proven", body(&forged)),
        ("not-yet", body(&world.list_of_tomorrow(8))),
        ("not-proven", body(&somebody)),
        ("unreadable", body(truncated)),
        ("unreadable", body(b"<html>we are sorry</html>")),
        ("bad-status", status("404 Not Found")),
        ("redirect", moved),
        ("too-large", announced),
    ];
    let mut counted = std::collections::HashMap::new();
    for (index, (outcome, answer)) in worst.into_iter().enumerate() {
        repository.change(world.serving(&[&good, &bad], answer));
        world.house.clock.advance(REFRESH * 2);
        let count = counted.entry(outcome).or_insert(0);
        *count += 1;
        refreshed(&switch, "crl", outcome, *count).await;
        let call = |what| format!("lists-{index}-{what}");
        calls.pass(&call("good"), &good).await;
        calls.fail(&call("bad"), &bad, "revoked").await;
    }
    let taken = switch.metrics.trust_refreshes.count(["crl", "ok"]);
    assert_eq!(taken, 1, "nothing else was taken");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_while_a_list_does_not_come() {
    let world = Administration::new();
    let (good, bad) = (world.provider("1234"), world.provider("1235"));
    let list = world.list(7, &[&bad]);
    let repository = Repository::start(world.serving(&[&good, &bad], body(&list))).await;
    let called = Party::at(1).await;
    let settings = world.settings(&repository, "");
    let switch = world
        .house
        .start("", &(world.trunk(&called) + &settings))
        .await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "crl", "ok", 1).await;
    calls.fail("hang-0", &bad, "revoked").await;
    // Bytes without end; then none.
    let instead = |reaction: fn() -> Reaction| {
        let chains = world.serving(&[&good, &bad], Vec::new());
        move |request: &str| match request.starts_with("GET /list.crl ") {
            true => reaction(),
            false => chains(request),
        }
    };
    repository.change(instead(|| {
        Reaction::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![0x30; 65_536])
    }));
    world.house.clock.advance(REFRESH);
    refreshed(&switch, "crl", "too-large", 1).await;
    let before = repository.requests();
    repository.change(instead(|| Reaction::Hang(Vec::new())));
    world.house.clock.advance(REFRESH);
    until("it is asked again", || repository.requests() > before).await;
    for index in 1..6 {
        let call = |what| format!("hang-{index}-{what}");
        calls.fail(&call("bad"), &bad, "revoked").await;
        calls.pass(&call("good"), &good).await;
    }
    switch.stop().await;
}
