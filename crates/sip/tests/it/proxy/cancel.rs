//! CANCEL: it is answered at once, and goes on when there is something to cancel.
//!
//! ```text
//!   caller            proxy             callee
//!     │ INVITE ────────▶│ INVITE ────────▶│
//!     │ CANCEL ────────▶│                 │
//!     │◀──────────── 200│     (waits)     │
//!     │◀──────────── 180│◀──────────── 180│
//!     │                 │ CANCEL ────────▶│
//!     │                 │◀──────────── 200│
//!     │◀──────────── 487│◀──────────── 487│
//! ```

use super::{Table, invite, request, trunk};
use countersign::verification::Verdict;
use countersign_sip::trunk::Role;
use std::sync::Arc;

const REASON: &str = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

fn cancel() -> String {
    request("CANCEL", "z9hG4bKone", REASON)
}

/// This test verifies that a call that rings is cancelled at the callee, with the reason of the caller.
#[test]
fn a_ringing_call_is_cancelled() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "180 Ringing");
    table.sent();
    table.caller(&cancel());
    let sent = table.sent();
    assert_eq!(sent[0].first_line(), "SIP/2.0 200 OK");
    assert_eq!(sent[0].values("CSeq"), ["1 CANCEL"]);
    let onward = &sent[1];
    assert_eq!(
        onward.first_line(),
        "CANCEL sip:+12025550101@b.example SIP/2.0"
    );
    assert_eq!(onward.branch(), outgoing.branch());
    assert_eq!(onward.values("Via").len(), 1);
    assert_eq!(
        onward.values("Reason"),
        ["SIP;cause=200;text=\"Call completed elsewhere\""]
    );

    table.caller(&cancel());
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 200 OK"],
        "a CANCEL repeated is cancelled once"
    );
    table.answer(onward, "200 OK");
    assert_eq!(table.lines(), [""; 0], "the answer to our CANCEL is for us");
    table.answer(&outgoing, "487 Request Terminated");
    assert_eq!(
        table.lines().last().unwrap(),
        "caller/udp SIP/2.0 487 Request Terminated"
    );
    table.ends_clean();
}

/// This test verifies that without a provisional response the CANCEL waits for one: RFC 3261 §9.1.
#[test]
fn a_cancel_waits_for_the_first_response() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.caller(&cancel());
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.answer(&outgoing, "100 Trying");
    assert_eq!(
        table.lines(),
        ["callee/udp CANCEL sip:+12025550101@b.example SIP/2.0"]
    );
    table.answer(&outgoing, "180 Ringing");
    table.answer(&outgoing, "487 Request Terminated");
    let to_callee = table
        .lines()
        .into_iter()
        .filter(|line| line.contains("CANCEL"))
        .count();
    assert_eq!(to_callee, 0, "it is not sent twice");
    table.ends_clean();
}

/// This test verifies that a call that is answered all the same is answered.
#[test]
fn an_answer_that_crosses_the_cancel_wins() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "180 Ringing");
    table.caller(&cancel());
    table.sent();
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    assert_eq!(table.finished().status, Some(200));
    table.ends_clean();
}

/// This test verifies that a callee that ignores CANCEL does not hold the call for ever: RFC 3261 §9.1, 64*T1.
#[test]
fn a_cancel_that_is_ignored_ends_after_32_seconds() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "180 Ringing");
    table.caller(&cancel());
    table.sent();
    table.wait(31_900);
    assert!(table.lines().iter().all(|line| line.contains("CANCEL")));
    table.wait(200);
    assert!(
        table
            .lines()
            .contains(&"caller/udp SIP/2.0 487 Request Terminated".to_owned())
    );
    table.ends_clean();
}

/// This test verifies that a caller who gives up while the call is judged is answered at once, and nobody is called (case 83).
#[test]
fn case83_cancel_during_a_fetch() {
    for role in [Role::Verify, Role::Sign] {
        let mut table = Table::new(trunk());
        let mut trunk = trunk();
        trunk.role = role;
        table.trunk = Arc::new(trunk);
        table.caller(&invite(""));
        assert_eq!(table.lines(), ["caller/udp SIP/2.0 100 Trying"]);
        table.caller(&cancel());
        assert_eq!(
            table.lines(),
            [
                "caller/udp SIP/2.0 200 OK",
                "caller/udp SIP/2.0 487 Request Terminated"
            ]
        );
        assert_eq!(table.forgotten.len(), 1);
        assert_eq!(table.finished().status, Some(487));
        match role {
            Role::Verify => table.judged(Verdict::Passed),
            _ => table.signed(Some("too.late.now")),
        }
        assert_eq!(table.lines(), [""; 0], "too late");
        table.ends_clean();
    }
}

/// This test verifies that a CANCEL for nothing, or for a call of another trunk, is told so.
#[test]
fn a_cancel_finds_only_calls_of_its_own_trunk() {
    let mut table = Table::new(trunk());
    table.caller(&cancel());
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 481 Call Leg/Transaction Does Not Exist"]
    );
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "180 Ringing");
    table.sent();
    let mut other = trunk();
    other.name = "somebody else".into();
    table.receive(&cancel(), "192.0.2.10:5060", Some(Arc::new(other)));
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 481 Call Leg/Transaction Does Not Exist"]
    );
}

/// This test verifies that a CANCEL, which has no Contact, finds a call whose trunk is told by the trunk group in its Contact, from where
/// that call came from and from nowhere else.
#[test]
fn a_cancel_finds_the_call_of_a_trunk_group() {
    let mut table = Table::new(trunk());
    table.caller(&invite(
        "Contact: <sip:12025550100;tgrp=west@a.example>\r\n",
    ));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "180 Ringing");
    table.sent();
    let mut other = trunk();
    other.name = "east".into();
    let other = Arc::new(other);
    table.receive(&cancel(), "192.0.2.11:5060", Some(other.clone()));
    assert_eq!(
        table.lines(),
        ["192.0.2.11/udp SIP/2.0 481 Call Leg/Transaction Does Not Exist"]
    );
    table.receive(&cancel(), "192.0.2.10:5060", Some(other));
    assert_eq!(table.lines()[0], "caller/udp SIP/2.0 200 OK");
}

/// This test verifies that a 100 is enough for a CANCEL, that a second CANCEL is answered and goes nowhere, and so is one after the end.
#[test]
fn a_call_is_cancelled_once() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "100 Trying");
    assert!(table.sent().is_empty(), "a 100 goes no further");
    table.caller(&cancel());
    let sent = table.lines();
    assert_eq!(sent[0], "caller/udp SIP/2.0 200 OK");
    assert!(sent[1].starts_with("callee/udp CANCEL "), "{sent:?}");
    assert_eq!(sent.len(), 2);
    table.caller(&cancel());
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"], "the second");
    table.answer(&outgoing, "487 Request Terminated");
    let sent = table.lines();
    assert!(sent[0].starts_with("callee/udp ACK "), "{sent:?}");
    assert_eq!(sent[1], "caller/udp SIP/2.0 487 Request Terminated");
    table.caller(&cancel());
    let lines = table.lines();
    assert_eq!(
        lines,
        ["caller/udp SIP/2.0 200 OK"],
        "it has no effect any more"
    );
    table.ends_clean();
}

/// This test verifies that a CANCEL after a 2xx is answered and changes nothing: RFC 3261 §9.2.
#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "200 OK");
    table.sent();
    table.caller(&cancel());
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}
