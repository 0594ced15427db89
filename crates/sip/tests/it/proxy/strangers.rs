//! Messages from nobody we know, responses to nothing, and requests that are none.
//!
//! ```text
//!   203.0.113.66 ──▶ proxy      no trunk: dropped, or 403
//! ```

use super::{Table, ack, invite, request, tcp, trunk, udp};
use countersign_sip::element::{DropCause, Event, Input, UnknownSource};
use countersign_sip::message::{Framing, Message};
use std::sync::Arc;

const STRANGER: &str = "203.0.113.66:5060";

fn dropped(table: &mut Table) -> Vec<DropCause> {
    let events = table.events();
    let cause = |event| match event {
        Event::Dropped(cause) => Some(cause),
        _ => None,
    };
    events.into_iter().filter_map(cause).collect()
}

/// This test verifies that an unknown source hears nothing, or 403, and never costs memory.
#[test]
fn an_unknown_source_is_dropped_or_forbidden() {
    let mut table = Table::new(trunk());
    table.receive(&invite(""), STRANGER, None);
    assert_eq!(table.lines(), [""; 0]);
    assert_eq!(dropped(&mut table), [DropCause::UnknownSource]);

    let mut options = super::options();
    options.unknown_source = UnknownSource::Forbid;
    let mut table = Table::with(trunk(), options);
    table.receive(&invite(""), STRANGER, None);
    let forbidden = table.one();
    assert_eq!(forbidden.first_line(), "SIP/2.0 403 Forbidden");
    assert_eq!(
        forbidden.target.remote.to_string(),
        STRANGER,
        "not where its Via points to"
    );
    table.receive(&ack(&forbidden), STRANGER, None);
    assert_eq!(table.lines(), [""; 0]);
    assert!(table.element.is_idle());
}

/// This test verifies that responses to nothing go nowhere, whatever their Via says: RFC 6026 §7.3.
#[test]
fn stray_responses_go_nowhere() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    for (from, to) in [
        (outgoing.branch().to_owned(), "z9hG4bKinvented".to_owned()),
        ("1 INVITE".to_owned(), "1 BYE".to_owned()),
        (format!(";branch={}", outgoing.branch()), String::new()),
    ] {
        table.callee(&super::answer_to(&outgoing, "200 OK").replace(&from, &to));
        assert_eq!(table.lines(), [""; 0], "{from}");
        assert_eq!(dropped(&mut table), [DropCause::StrayResponse]);
    }
}

/// This test verifies that malformed requests are answered with what is wrong, and malformed ACKs with nothing.
#[test]
fn malformed_requests_are_told_so() {
    let mut table = Table::new(trunk());
    table.caller(&invite("").replace("CSeq: 1 INVITE", "CSeq: 1 BYE"));
    assert_eq!(
        table.lines()[1],
        "caller/udp SIP/2.0 400 CSeq Method Mismatch"
    );
    table.caller(&request("MESSAGE", "z9hG4bKtwo", "").replace("tag=caller", "tag="));
    table.sent();
    table.caller(&request("ACK", "z9hG4bKthree", "").replace("CSeq: 1 ACK", "CSeq: x ACK"));
    assert_eq!(table.lines(), [""; 0]);
    table.ends_clean();
}

/// This test verifies that bytes that are no message are answered as far as that is possible, to those we know.
#[test]
fn unreadable_bytes_are_answered_to_those_we_know() {
    let text =
        request("INVITE", "z9hG4bKone", "").replace("Content-Length: 0", "Content-Length: 99");
    let error = Message::parse(text.into(), Framing::Datagram).unwrap_err();
    let mut table = Table::new(trunk());
    let unreadable = |trunk| Input::Unreadable {
        flow: udp("192.0.2.10:5060"),
        error: Box::new(error.clone()),
        trunk,
    };
    table.handle(unreadable(None));
    assert_eq!(table.lines(), [""; 0]);
    table.handle(unreadable(Some(Arc::new(trunk()))));
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 400 Body Shorter Than Content-Length"]
    );
}

/// This test verifies that a `received` that the sender wrote is not believed.
#[test]
fn responses_go_back_to_where_the_request_came_from() {
    let mut table = Table::new(trunk());
    let forged = invite("").replace(
        ";rport;",
        ";received=203.0.113.1;maddr=203.0.113.2;rport=9;",
    );
    table.caller(&forged);
    let sent = table.sent();
    assert_eq!(sent[0].target.remote.to_string(), "192.0.2.10:5060");
    assert!(
        sent[1].values("Via")[1].contains("received=192.0.2.10"),
        "{}",
        sent[1].text
    );
    let message = Message::parse(
        invite("").replace("z9hG4bKone", "z9hG4bKtwo").into(),
        Framing::Stream,
    )
    .unwrap();
    table.handle(Input::Received {
        flow: tcp("192.0.2.10:41000", 3),
        message,
        trunk: Some(Arc::new(trunk())),
    });
    assert_eq!(table.sent()[0].target.remote.to_string(), "192.0.2.10:5060");
}
