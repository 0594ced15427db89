//! Everything that is no new call: OPTIONS, requests inside a dialog, methods nobody has heard of.
//!
//! ```text
//!   caller ── OPTIONS ────────────▶ proxy           answered here, remembered nowhere
//!   caller ── re-INVITE, BYE, FOO ─▶ proxy ──▶ callee   neither signed nor judged
//! ```

use super::{Table, invite, request, trunk};
use countersign_sip::element::{Event, Handling};
use countersign_sip::trunk::Role;
use std::sync::Arc;

/// This test verifies that an OPTIONS flood leaves nothing behind (case 84).
#[test]
fn case84_options_flood() {
    let mut table = Table::new(trunk());
    for number in 0..1000 {
        table.caller(&request("OPTIONS", &format!("z9hG4bK{number}"), ""));
    }
    let sent = table.sent();
    assert_eq!(sent.len(), 1000);
    assert_eq!(sent[0].first_line(), "SIP/2.0 200 OK");
    assert_eq!(
        sent[0].values("Allow"),
        ["INVITE, ACK, CANCEL, BYE, OPTIONS"]
    );
    assert!(table.element.is_idle());
    assert!(
        table
            .events()
            .iter()
            .all(|event| matches!(event, Event::OptionsAnswered))
    );
}

/// This test verifies that a peer learns that we live whatever it calls us, and that OPTIONS inside a dialog passes as far as it can.
#[test]
fn options_is_answered_outside_dialogs() {
    let mut table = Table::new(trunk());
    for uri in [
        "sip:proxy.example",
        "sip:sbc.unheard-of.example",
        "sip:ping@192.0.2.1",
    ] {
        let text = request("OPTIONS", "z9hG4bKone", "");
        table.caller(&text.replacen("sip:+12025550101@b.example", uri, 1));
        assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"], "{uri}");
    }
    let in_dialog = request("OPTIONS", "z9hG4bKtwo", "").replace(
        "To: <sip:+12025550101@b.example>",
        "To: <sip:+12025550101@b.example>;tag=callee",
    );
    table.caller(&in_dialog);
    assert_eq!(
        table.lines(),
        ["callee/udp OPTIONS sip:+12025550101@b.example SIP/2.0"]
    );
    table.caller(
        &in_dialog
            .replace("Max-Forwards: 70", "Max-Forwards: 0")
            .replace("two", "three"),
    );
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
}

/// This test verifies that requests inside a dialog are neither signed nor judged (case 82).
#[test]
fn case82_in_dialog_requests_pass_untouched() {
    for role in [Role::Sign, Role::Verify, Role::Both] {
        let mut trunk = trunk();
        trunk.role = role;
        let mut table = Table::new(trunk);
        let in_dialog = |method: &str, branch: &str| {
            let text = request(
                method,
                branch,
                "Identity: a.b.c;info=<https://x.example/c.pem>\r\n",
            );
            text.replace(
                "To: <sip:+12025550101@b.example>",
                "To: <sip:+12025550101@b.example>;tag=callee",
            )
        };
        table.caller(&in_dialog("INVITE", "z9hG4bKone"));
        let outgoing = table.sent().remove(1);
        assert_eq!(
            outgoing.first_line(),
            "INVITE sip:+12025550101@b.example SIP/2.0"
        );
        assert_eq!(
            outgoing.values("Identity"),
            ["a.b.c;info=<https://x.example/c.pem>"]
        );
        table.answer(&outgoing, "200 OK");
        assert_eq!(table.finished().handling, Handling::Passed);
        table.caller(&in_dialog("BYE", "z9hG4bKtwo"));
        table.caller(&request("MESSAGE", "z9hG4bKthree", ""));
        assert_eq!(table.sign.len() + table.judge.len(), 0, "{role:?}");
    }
}

/// This test verifies that a method that we have never heard of is carried, and its answer, once.
#[test]
fn unknown_methods_pass() {
    let mut table = Table::new(trunk());
    table.caller(&request("FOO", "z9hG4bKone", ""));
    let outgoing = table.one();
    table.caller(&request("FOO", "z9hG4bKone", ""));
    assert_eq!(
        table.lines(),
        [""; 0],
        "a retransmission while trying is discarded"
    );
    table.answer(&outgoing, "183 Session Progress");
    assert_eq!(
        table.lines(),
        [""; 0],
        "RFC 4320 §4.1: only 100, and only late"
    );
    table.answer(&outgoing, "200 OK");
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.caller(&request("FOO", "z9hG4bKone", ""));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"], "from memory");
    table.ends_clean();
}

/// This test verifies that there is an end of room, that it is told, and that the ACK for it goes nowhere.
#[test]
fn no_room_is_503() {
    let mut options = super::options();
    options.max_contexts = 1;
    let mut table = Table::with(trunk(), options);
    table.caller(&invite(""));
    table.sent();
    let second = invite("").replace("z9hG4bKone", "z9hG4bKtwo");
    table.caller(&second);
    let refusal = table.one();
    assert_eq!(refusal.first_line(), "SIP/2.0 503 Service Unavailable");
    assert_eq!(refusal.values("Retry-After"), ["16"]);
    table.caller(&super::ack(&refusal).replace("z9hG4bKone", "z9hG4bKtwo"));
    assert_eq!(table.lines(), [""; 0]);
    table.caller(&invite(""));
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 100 Trying"],
        "who is in is in"
    );
    let trunk = Arc::clone(&table.trunk);
    table.receive(&second, "192.0.2.10:5060", Some(trunk));
    assert_eq!(
        table.one().text,
        refusal.text,
        "the same request, the same answer"
    );
}

/// This test verifies that long messages find an end of room, too, and get it back.
#[test]
fn no_room_for_long_messages_is_503() {
    let mut options = super::options();
    options.max_context_bytes = 300_000;
    let mut table = Table::with(trunk(), options);
    let long = |number: usize| {
        let padding = format!("X-Padding: {}\r\n", "x".repeat(60_000));
        invite(&padding).replace("z9hG4bKone", &format!("z9hG4bK{number}"))
    };
    table.caller(&long(1));
    let outgoing = table.sent().remove(1);
    table.caller(&long(2));
    assert_eq!(table.one().first_line(), "SIP/2.0 503 Service Unavailable");
    table.answer(&outgoing, "200 OK");
    table.ends_clean();
    table.caller(&long(3));
    assert_eq!(table.sent()[0].first_line(), "SIP/2.0 100 Trying");
}

/// This test verifies that a call for help finds room where no other does.
#[test]
fn an_emergency_call_has_room_of_its_own() {
    let mut options = super::options();
    options.max_contexts = 1;
    let mut table = Table::with(trunk(), options);
    table.caller(&invite(""));
    table.sent();
    let help = |branch: &str| {
        let text = invite("").replace("z9hG4bKone", branch);
        text.replacen("sip:+12025550101@b.example", "urn:service:sos", 1)
    };
    table.caller(&help("z9hG4bKtwo"));
    assert_eq!(
        table.lines(),
        [
            "caller/udp SIP/2.0 100 Trying",
            "callee/udp INVITE urn:service:sos SIP/2.0"
        ]
    );
    table.caller(&help("z9hG4bKthree"));
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 503 Service Unavailable"],
        "that has an end, too"
    );
}
