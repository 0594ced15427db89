//! Requests that have gone round: Max-Forwards, loops and spirals.
//!
//! ```text
//!   caller ──▶ proxy ──▶ elsewhere ──▶ proxy    the same request: a loop, 482
//!                                               another Request-URI or trunk: a spiral, it passes
//! ```

use super::{Table, ack, invite, request, trunk};
use countersign_sip::element::Handling;
use std::sync::Arc;

/// What the next element makes of a request that the proxy sent: its own Via on top.
fn sent_back(text: &str) -> String {
    text.replacen(
        "Via:",
        "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKelsewhere\r\nVia:",
        1,
    )
}

/// This test verifies that a request that comes back as it left is refused, and that the refusal is acknowledged here.
#[test]
fn a_loop_is_detected() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    let trunk = Arc::clone(&table.trunk);
    table.receive(&sent_back(&outgoing.text), "192.0.2.20:5060", Some(trunk));
    let sent = table.sent();
    assert_eq!(sent[0].first_line(), "SIP/2.0 100 Trying");
    assert_eq!(sent[1].first_line(), "SIP/2.0 482 Loop Detected");
    assert_eq!(sent[1].to(), "callee/udp");
    let finished = table.finished();
    assert_eq!(
        (finished.handling, finished.status),
        (Handling::Refused, Some(482))
    );
}

/// This test verifies that what comes back for somebody else, or by another trunk, is no loop.
#[test]
fn a_spiral_passes() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    let elsewhere = sent_back(&outgoing.text).replacen(
        "sip:+12025550101@b.example",
        "sip:+12025550102@b.example",
        1,
    );
    let same_trunk = Arc::clone(&table.trunk);
    table.receive(&elsewhere, "192.0.2.20:5060", Some(same_trunk));
    assert_eq!(
        table.lines().last().unwrap(),
        "callee/udp INVITE sip:+12025550102@b.example SIP/2.0"
    );

    let mut inbound = trunk();
    inbound.name = "inbound".into();
    let again = sent_back(&outgoing.text).replace("z9hG4bKelsewhere", "z9hG4bKagain");
    table.receive(&again, "192.0.2.20:5060", Some(Arc::new(inbound)));
    let sent = table.sent();
    assert_eq!(
        sent[1].first_line(),
        "INVITE sip:+12025550101@b.example SIP/2.0"
    );
    assert_eq!(sent[1].values("Max-Forwards"), ["68"]);
}

/// This test verifies that a request without hops left goes nowhere, and that its refusal is repeated until acknowledged.
#[test]
fn no_hop_left() {
    let mut table = Table::new(trunk());
    table.caller(&invite("").replace("Max-Forwards: 70", "Max-Forwards: 0"));
    let refusal = table.sent().remove(1);
    assert_eq!(refusal.first_line(), "SIP/2.0 483 Too Many Hops");
    table.wait(500);
    assert_eq!(table.one().text, refusal.text);
    table.caller(&ack(&refusal));
    table.wait(31_000);
    assert_eq!(table.lines(), [""; 0], "acknowledged here, not forwarded");
    table.ends_clean();
}

/// This test verifies that the last hop is used.
#[test]
fn one_hop_left() {
    let mut table = Table::new(trunk());
    table.caller(&invite("").replace("Max-Forwards: 70", "Max-Forwards: 1"));
    assert_eq!(table.sent()[1].values("Max-Forwards"), ["0"]);
}

/// This test verifies that features we do not have are refused by name, and other requests than INVITE without a context.
#[test]
fn proxy_require_is_refused_by_name() {
    let mut table = Table::new(trunk());
    table.caller(&invite("Proxy-Require: foo, sec-agree\r\n"));
    let refusal = table.sent().remove(1);
    assert_eq!(refusal.first_line(), "SIP/2.0 420 Bad Extension");
    assert_eq!(refusal.values("Unsupported"), ["foo, sec-agree"]);
    table.ends_clean();
    table.caller(&request("MESSAGE", "z9hG4bKtwo", "Proxy-Require: foo\r\n"));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 420 Bad Extension"]);
    assert!(table.element.is_idle());
}

/// This test verifies that a scheme we do not route is refused: RFC 3261 §16.3 step 2.
#[test]
fn unknown_schemes_are_refused() {
    let mut table = Table::new(trunk());
    table.caller(&invite("").replacen("sip:+12025550101@b.example", "im:bob@b.example", 1));
    assert_eq!(
        table.lines()[1],
        "caller/udp SIP/2.0 416 Unsupported URI Scheme"
    );
}
