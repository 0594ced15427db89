//! A call that nobody signs or judges, from the first INVITE to the end of the last timer.
//!
//! ```text
//!   caller            proxy             callee
//!     │ INVITE ────────▶│                 │
//!     │◀──────────── 100│ INVITE ────────▶│
//!     │                 │◀──────────── 100│   not passed on
//!     │◀──────────── 180│◀──────────── 180│
//!     │◀──────────── 200│◀──────────── 200│
//!     │ ACK ───────────▶│ ACK ───────────▶│   without state
//! ```

use super::{Table, ack, answer_to, invite, request, tcp, trunk};
use countersign_sip::element::{Event, Handling, Input, SignatureFate};
use countersign_sip::message::{Framing, Message};
use std::sync::Arc;

/// This test verifies that 100 comes first, that only Via and Max-Forwards change on the way there and only the top Via on the way back.
#[test]
fn a_call_is_carried_there_and_back() {
    let mut table = Table::new(trunk());
    table.caller(&invite("X-Odd:  kept as it is\r\n"));
    let sent = table.sent();
    assert_eq!(sent[0].first_line(), "SIP/2.0 100 Trying");
    assert_eq!(sent[0].to(), "caller/udp");
    let outgoing = &sent[1];
    assert_eq!(
        outgoing.text,
        format!(
            "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch={}\r\n\
             Via: SIP/2.0/UDP 192.0.2.10:5060;rport=5060;branch=z9hG4bKone;received=192.0.2.10\r\n\
             Max-Forwards: 69\r\nFrom: <sip:+12025550100@a.example>;tag=caller\r\nTo: <sip:+12025550101@b.example>\r\n\
             Call-ID: call-1@a.example\r\nCSeq: 1 INVITE\r\nX-Odd:  kept as it is\r\nContent-Length: 0\r\n\r\n",
            outgoing.branch()
        )
    );

    table.answer(outgoing, "100 Trying");
    assert!(table.sent().is_empty(), "100 is for one hop");
    table.answer(outgoing, "180 Ringing");
    table.answer(outgoing, "200 OK");
    let back = table.sent();
    assert_eq!(back[0].first_line(), "SIP/2.0 180 Ringing");
    assert_eq!(
        back[1].text,
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport=5060;branch=z9hG4bKone;received=192.0.2.10\r\n\
         From: <sip:+12025550100@a.example>;tag=caller\r\nCall-ID: call-1@a.example\r\nCSeq: 1 INVITE\r\n\
         To: <sip:+12025550101@b.example>;tag=callee\r\nContent-Length: 0\r\n\r\n"
    );

    let finished = table.finished();
    assert_eq!(finished.status, Some(200));
    assert_eq!(finished.handling, Handling::Passed);
    assert_eq!(finished.signature, SignatureFate::NotAsked);
    assert_eq!(&*finished.call_id, b"call-1@a.example");

    table.caller(&request("ACK", "z9hG4bKack", "").replace(";tag=callee", ""));
    let ack = table.one();
    assert_eq!(ack.to(), "callee/udp");
    assert_eq!(ack.values("Via").len(), 2);
    table.ends_clean();
}

/// This test verifies that every retransmission of a 2xx goes back, and that the INVITE is absorbed meanwhile: RFC 6026.
#[test]
fn a_2xx_is_repeated_by_the_callee_alone() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "200 OK");
    table.sent();
    table.caller(&invite(""));
    assert_eq!(table.lines(), [""; 0]);
    table.wait(500);
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.wait(40_000);
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), [""; 0], "a stray response goes nowhere");
    table.ends_clean();
}

/// This test verifies that a retransmitted request gets the last response again and goes out once.
#[test]
fn a_retransmitted_invite_gets_the_same_answer() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.caller(&invite(""));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 100 Trying"]);
    table.answer(&outgoing, "183 Session Progress");
    table.sent();
    table.caller(&invite(""));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 183 Session Progress"]);
    table.answer(&outgoing, "486 Busy Here");
    table.sent();
    table.caller(&invite(""));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 486 Busy Here"]);
    let repeated = table
        .events()
        .iter()
        .filter(|event| matches!(event, Event::Retransmission(_)))
        .count();
    assert_eq!(repeated, 3);
}

/// This test verifies that a rejection is acknowledged on both hops, each by who is next to it.
#[test]
fn a_rejection_is_acknowledged_hop_by_hop() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "486 Busy Here");
    let sent = table.sent();
    assert_eq!(sent[0].to(), "callee/udp");
    assert_eq!(
        sent[0].first_line(),
        "ACK sip:+12025550101@b.example SIP/2.0"
    );
    assert_eq!(sent[0].branch(), outgoing.branch());
    assert_eq!(
        sent[0].values("To"),
        ["<sip:+12025550101@b.example>;tag=callee"]
    );
    assert_eq!(sent[1].first_line(), "SIP/2.0 486 Busy Here");

    table.wait(500);
    let repeated = table.one();
    assert_eq!(repeated.text, sent[1].text, "until the caller acknowledges");
    table.caller(&ack(&repeated));
    table.wait(10_000);
    assert_eq!(table.lines(), [""; 0], "the ACK goes no further");
    table.answer(&outgoing, "486 Busy Here");
    assert_eq!(
        table.one().text,
        sent[0].text,
        "the callee did not get our ACK"
    );
    table.ends_clean();
}

/// This test verifies that old clients, whose Via has no branch, are told apart by the rest of their headers.
#[test]
fn a_client_of_rfc_2543_is_served() {
    let old = |text: &str| text.replace(";branch=z9hG4bKone", "");
    let mut table = Table::new(trunk());
    table.caller(&old(&invite("")));
    let outgoing = table.sent().remove(1);
    table.caller(&old(&invite("")));
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 100 Trying"],
        "a retransmission"
    );
    table.caller(&old(&invite("").replace("call-1", "call-2")));
    assert_eq!(table.sent().len(), 2, "another call with the same Via");
    table.answer(&outgoing, "486 Busy Here");
    let rejection = table.sent().remove(1);
    table.caller(&old(&ack(&rejection)));
    table.wait(5_000);
    let to_caller = table
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("caller"))
        .count();
    assert_eq!(to_caller, 0, "the ACK was understood");
}

/// This test verifies that over TCP a response stays on its connection and is sent once.
#[test]
fn over_tcp_everything_is_sent_once() {
    let mut table = Table::new(trunk());
    let text = invite("").replace("/UDP", "/TCP");
    let message = Message::parse(text.into(), Framing::Stream).unwrap();
    table.handle(Input::Received {
        flow: tcp("192.0.2.10:41000", 3),
        message,
        trunk: Some(Arc::clone(&table.trunk)),
    });
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "404 Not Found");
    let rejection = table.sent().remove(1);
    assert_eq!(rejection.to(), "caller/tcp");
    assert_eq!(
        rejection.target.connection,
        Some(countersign_sip::flow::ConnectionId(3))
    );
    table.wait(20_000);
    assert_eq!(table.lines(), [""; 0]);
    table.ends_clean();
    assert!(
        table
            .events()
            .iter()
            .any(|event| matches!(event, Event::AckMissing(_)))
    );
}

/// This test verifies that a call that rings longer than Timer C is cancelled, and that a provisional response starts it anew.
#[test]
fn a_call_that_rings_for_ever_is_cancelled_after_three_minutes() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "180 Ringing");
    table.wait(170_000);
    for _ in 0..100 {
        table.answer(&outgoing, "180 Ringing");
    }
    table.sent();
    table.wait(180_000);
    assert_eq!(table.lines(), [""; 0]);
    assert!(
        table.timers() < 5,
        "however often it rings, Timer C is one timer"
    );
    table.wait(2_000);
    let cancel = table.sent().remove(0);
    assert_eq!(
        cancel.first_line(),
        "CANCEL sip:+12025550101@b.example SIP/2.0"
    );
    table.answer(&cancel, "200 OK");
    table.callee(&answer_to(&outgoing, "487 Request Terminated"));
    assert_eq!(
        table.lines(),
        [
            "callee/udp ACK sip:+12025550101@b.example SIP/2.0",
            "caller/udp SIP/2.0 487 Request Terminated"
        ]
    );
    table.ends_clean();
}
