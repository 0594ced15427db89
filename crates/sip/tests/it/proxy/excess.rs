//! What does not begin when there is too much to do, and what goes on all the same.
//!
//! ```text
//!   caller ── INVITE ──▶ proxy        503, Retry-After: 1 to 4
//!   caller ── ACK ─────▶ proxy        nothing
//! ```

use super::{Table, ack, answer_to, invite, request, trunk, udp};
use bytes::Bytes;
use countersign_sip::element::{Input, Rank};
use countersign_sip::message::{Framing, Message};
use std::collections::BTreeSet;

fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), Framing::Datagram).unwrap()
}

fn excess(table: &mut Table, text: &str) {
    table.handle(Input::Excess {
        flow: udp("192.0.2.10:5060"),
        message: message(text),
    });
}

/// This test verifies that what is turned away hears so, is not remembered, and that its ACK goes nowhere.
#[test]
fn who_is_turned_away_hears_when_to_come_back() {
    let mut table = Table::new(trunk());
    excess(&mut table, &invite(""));
    let refusal = table.one();
    assert_eq!(refusal.first_line(), "SIP/2.0 503 Service Unavailable");
    assert_eq!(table.element.contexts(), 0);
    assert_eq!(table.timers(), 0);
    excess(&mut table, &invite(""));
    assert_eq!(table.one().text, refusal.text, "the same again");
    table.caller(&ack(&refusal));
    assert_eq!(table.lines(), [""; 0]);
    excess(&mut table, &request("ACK", "z9hG4bKtwo", ""));
    assert_eq!(
        table.lines(),
        [""; 0],
        "RFC 3261 §17.1.1.3: no answer to an ACK"
    );
    table.ends_clean();
}

/// This test verifies that callers who were turned away together do not come back together.
#[test]
fn times_to_come_back_are_spread() {
    let mut table = Table::new(trunk());
    let mut seconds = BTreeSet::new();
    for call in 0..64 {
        excess(
            &mut table,
            &invite("").replace("call-1", &format!("call-{call}")),
        );
        seconds.insert(table.one().values("Retry-After").concat());
    }
    let all = ["1", "2", "3", "4"].map(String::from);
    assert_eq!(seconds, BTreeSet::from(all));
}

/// This test verifies what is new, what is somebody's emergency, and what has begun.
#[test]
fn what_has_begun_is_told_from_what_begins() {
    let mut table = Table::new(trunk());
    let rank = |table: &Table, text: &str| table.element.rank(&message(text), Some(&table.trunk));
    let tagged = |text: String| text.replace("b.example>\r\nCall", "b.example>;tag=x\r\nCall");
    assert_eq!(rank(&table, &invite("")), Rank::Begins);
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    assert_eq!(rank(&table, &invite("")), Rank::GoesOn, "a retransmission");
    let other = invite("").replace("z9hG4bKone", "z9hG4bKtwo");
    assert_eq!(rank(&table, &other), Rank::Begins);
    let sos = other.replace(
        "INVITE sip:+12025550101@b.example",
        "INVITE urn:service:sos",
    );
    assert_eq!(rank(&table, &sos), Rank::Emergency);
    for method in ["INVITE", "BYE", "UPDATE", "OPTIONS"] {
        let new = request(method, "z9hG4bKthree", "");
        assert_eq!(rank(&table, &new), Rank::Begins, "{method}");
        assert_eq!(
            rank(&table, &tagged(new)),
            Rank::GoesOn,
            "{method} in a dialog"
        );
    }
    for text in [
        request("ACK", "z9hG4bKfour", ""),
        request("CANCEL", "z9hG4bKfour", ""),
    ] {
        assert_eq!(rank(&table, &text), Rank::GoesOn, "{text}");
    }
    assert_eq!(
        rank(&table, &answer_to(&outgoing, "180 Ringing")),
        Rank::GoesOn
    );
    table.ends_clean();
}

/// This test verifies which messages only this element can do anything with: another process beside it may have the others.
#[test]
fn a_transaction_is_known_by_its_messages() {
    let mut table = Table::new(trunk());
    let knows = |table: &Table, text: &str| table.element.knows(&message(text));
    let cancel = request("CANCEL", "z9hG4bKone", "");
    for text in [&invite(""), &cancel] {
        assert!(!knows(&table, text), "{text}");
    }
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    for text in [invite(""), cancel, answer_to(&outgoing, "200 OK")] {
        assert!(knows(&table, &text), "{text}");
    }
    let others = outgoing.text.replace("z9hG4bK", "z9hG4bKx");
    assert!(!knows(&table, &super::answer_to_text(&others, "200 OK")));
    let unanswered: Vec<_> = table.element.unanswered().collect();
    assert_eq!(unanswered.len(), 1);
    assert_eq!(&*unanswered[0].call_id, b"call-1@a.example");
    assert_eq!(&*unanswered[0].method, b"INVITE");
    table.answer(&outgoing, "486 Busy Here");
    assert_eq!(table.element.unanswered().count(), 0);
    let refusal = table.sent().pop().unwrap();
    assert!(knows(&table, &ack(&refusal)));
    table.ends_clean();
    assert!(!knows(&table, &invite("")));
}
