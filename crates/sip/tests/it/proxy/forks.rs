//! A far side that forks, answers late, twice, or something else: what comes back through one branch of ours.
//!
//! ```text
//!   caller ──▶ proxy ──▶ callee ──▶ phone 1   (tag=one)
//!                               ──▶ phone 2   (tag=two)
//! ```

use super::{Sent, Table, answer_to, hop, invite, request, trunk};
use countersign_sip::element::{DropCause, Event};
use countersign_sip::flow::Transport;

/// The answer of one of the phones.
fn of_phone(invite: &Sent, status: &str, tag: &str) -> String {
    answer_to(invite, status).replace(";tag=callee", &format!(";tag={tag}"))
}

fn tags(sent: &[Sent]) -> Vec<String> {
    let tag = |sent: &Sent| {
        let to = sent.values("To")[0].to_owned();
        let (_, tag) = to.split_once(";tag=").unwrap();
        format!("{} {tag}", &sent.first_line()[8..11])
    };
    sent.iter().map(tag).collect()
}

/// This test verifies that early dialogs with any number of tags all reach the caller, in their order.
#[test]
fn every_phone_that_rings_is_heard() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    for (status, tag) in [
        ("180 Ringing", "one"),
        ("183 Progress", "two"),
        ("180 Ringing", "three"),
    ] {
        table.callee(&of_phone(&outgoing, status, tag));
    }
    assert_eq!(tags(&table.sent()), ["180 one", "183 two", "180 three"]);
    table.callee(&of_phone(&outgoing, "200 OK", "two"));
    assert_eq!(tags(&table.sent()), ["200 two"]);
    table.callee(&of_phone(&outgoing, "180 Ringing", "one"));
    assert!(
        table.sent().is_empty(),
        "a phone that rings on is nobody's business any more"
    );
    table.ends_clean();
}

/// This test verifies that each phone that picks up is heard, also seconds later, and that each gets the caller's ACK: RFC 6026 §7.2.
#[test]
fn every_phone_that_picks_up_is_heard_and_acknowledged() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    for (tag, wait) in [("one", 0), ("two", 100), ("three", 20_000)] {
        table.wait(wait);
        table.callee(&of_phone(&outgoing, "200 OK", tag));
        assert_eq!(tags(&table.sent()), [format!("200 {tag}")]);
        let to = "To: <sip:+12025550101@b.example>";
        let ack = request("ACK", &format!("z9hG4bKack{tag}"), "");
        table.caller(&ack.replace(to, &format!("{to};tag={tag}")));
        let ack = table.one();
        assert_eq!(
            (ack.to().as_str(), ack.values("To")[0].ends_with(tag)),
            ("callee/udp", true)
        );
    }
    table.callee(&of_phone(&outgoing, "486 Busy Here", "four"));
    assert!(
        table.sent().iter().all(|sent| sent.to() != "caller/udp"),
        "one answer only"
    );
    assert_eq!(table.finished().status, Some(200), "told once");
    table.wait(33_000);
    table.sent();
    table.callee(&of_phone(&outgoing, "200 OK", "five"));
    assert!(table.sent().is_empty(), "too late: RFC 6026 §7.3");
    table.ends_clean();
}

/// This test verifies that whoever answers after another hop was tried changes nothing: neither a 200 that is too late, nor one after a
/// 503.
#[test]
fn a_hop_that_answers_too_late_is_not_heard() {
    for failure in ["silence", "503 Service Unavailable"] {
        let mut two = trunk();
        two.next_hops.push(hop(Transport::Udp, "192.0.2.21:5060"));
        let mut table = Table::new(two);
        table.caller(&invite(""));
        let first = table.sent().remove(1);
        match failure {
            "silence" => table.wait(32_000),
            status => table.answer(&first, status),
        }
        let second = table.sent().pop().unwrap();
        assert_eq!(second.to(), "second/udp");
        table.callee(&of_phone(&first, "200 OK", "late"));
        let to_caller = |table: &mut Table| {
            let lines = table.lines();
            lines
                .into_iter()
                .filter(|line| line.starts_with("caller"))
                .collect::<Vec<_>>()
        };
        assert!(to_caller(&mut table).is_empty(), "{failure}");
        table.answer(&second, "200 OK");
        assert_eq!(to_caller(&mut table), ["caller/udp SIP/2.0 200 OK"]);
        table.ends_clean();
    }
}

/// This test verifies RFC 4320 §4.2 and §4.3: what comes after its transaction has ended is dropped, and no 408 is made of silence.
#[test]
fn a_late_answer_to_another_method_is_dropped() {
    let mut table = Table::new(trunk());
    table.caller(&request("MESSAGE", "z9hG4bKone", ""));
    let outgoing = table.sent().remove(0);
    table.wait(32_000);
    assert_eq!(table.finished().status, None);
    table.sent();
    table.answer(&outgoing, "200 OK");
    assert!(table.sent().is_empty());
    let dropped = |event: &Event| matches!(event, Event::Dropped(DropCause::StrayResponse));
    assert_eq!(
        table.events().iter().filter(|event| dropped(event)).count(),
        1
    );
    table.ends_clean();
}

/// This test verifies that answers that are for another request, or for another of our branches, are nobody's.
#[test]
fn an_answer_to_something_else_is_nobodys() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    let right = answer_to(&outgoing, "200 OK");
    let branch = outgoing.branch();
    for wrong in [
        right.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        right.replace(branch, "z9hG4bKsomething"),
        right.replace(branch, &format!("{branch}0")),
        right.replace("SIP/2.0 200 OK", "SIP/2.0 099 Early"),
        right.replace("SIP/2.0 200 OK", "SIP/2.0 700 Late"),
    ] {
        if let Ok(message) = super::Message::parse(wrong.clone().into(), super::Framing::Datagram) {
            assert!(message.status().is_some());
            table.callee(&wrong);
        }
        assert!(table.sent().is_empty(), "{wrong}");
    }
    table.callee(&right);
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}
