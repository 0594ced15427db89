//! Requests inside the dialogs, in both directions.
//!
//! ```text
//!   caller            b2bua             called
//!     │ PRACK, UPDATE, INVITE, INFO, REFER, NOTIFY ... ─▶│   and the same back
//!     │◀─────────────────────────────────────────── 200 │
//! ```

use super::{BODY, CALLED, CALLER, Line, answer, from_called, inside, invite, udp};
use countersign_sip::element::Input;
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{Bypass, DEFAULT_BYPASS_HEADER, NextHopTrust, Trunk};
use std::sync::Arc;

/// Whatever may come inside a dialog; the last is nothing that anybody knows.
const METHODS: [&str; 9] = [
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "REFER",
    "SUBSCRIBE",
    "SHRUG",
];

/// This test verifies that every method crosses in both directions with its number, its body and its own lines, and its answer back.
#[test]
fn every_method_crosses_both_ways() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    for (number, method) in (10..).zip(METHODS) {
        let special = concat!(
            "X-Odd:  as it is\r\nRSeq: 7\r\nRAck: 7 1 INVITE\r\nRefer-To: <sip:c@c.example>\r\n",
            "Max-Forwards: 70\r\n"
        );
        let with = |text: String| text.replace("Max-Forwards: 70\r\n", special);
        line.caller(&with(inside(method, number, &answered)));
        let there = line.sent().pop().unwrap();
        line.called(&answer(&there, "202 Accepted", ""));
        let back = line.sent().pop().unwrap();
        line.called(&with(from_called(method, number, &invite, "callee")));
        let other_way = line.sent().pop().unwrap();
        line.caller(&answer(&other_way, "488 Not Acceptable Here", ""));
        let refused = line.sent().pop().unwrap();
        for (request, to, tags) in [
            (&there, "called", (invite.tag("From"), Some("callee"))),
            (&other_way, "caller", (answered.tag("To"), Some("caller"))),
        ] {
            assert_eq!(request.to(), to, "{}", request.text);
            assert_eq!((request.tag("From"), request.tag("To")), tags);
            assert_eq!(request.value("CSeq"), format!("{number} {method}"));
            assert_eq!(request.value("Max-Forwards"), "69");
            assert_eq!(request.values("Via").len(), 1);
            assert_eq!(request.body(), BODY);
            assert!(
                request
                    .text
                    .contains("\r\nX-Odd:  as it is\r\nRSeq: 7\r\nRAck: 7 1 INVITE\r\n")
            );
            assert!(request.value("Contact").ends_with("@192.0.2.1:5060>"));
        }
        assert_eq!(back.first_line(), "SIP/2.0 202 Accepted");
        assert_eq!(refused.first_line(), "SIP/2.0 488 Not Acceptable Here");
        assert_eq!(
            (back.to().as_str(), refused.to().as_str()),
            ("caller", "called")
        );
        assert_eq!(refused.value("Call-ID"), invite.value("Call-ID"));
    }
    assert_eq!(line.element.calls(), 1);
}

/// This test verifies that a reliable provisional response and its PRACK cross, in the early dialog: RFC 3262.
#[test]
fn a_provisional_response_is_made_reliable() {
    let mut line = Line::new();
    let sent = line.invited();
    let reliable = "Require: 100rel\r\nRSeq: 776656\r\nContact:";
    line.called(&answer(&sent, "183 Session Progress", "callee").replace("Contact:", reliable));
    let early = line.one();
    assert_eq!(
        (early.value("Require"), early.value("RSeq")),
        ("100rel", "776656")
    );
    let prack = inside("PRACK", 2, &early).replace("Contact:", "RAck: 776656 1 INVITE\r\nContact:");
    line.caller(&prack);
    let prack = line.one();
    assert_eq!(prack.value("RAck"), "776656 1 INVITE");
    assert_eq!(prack.tag("To"), Some("callee"));
    line.called(&answer(&prack, "200 OK", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.called(&answer(&sent, "200 OK", "callee"));
    let answered = line.one();
    assert_eq!(answered.tag("To"), early.tag("To"));
}

/// This test verifies that a re-INVITE moves the remote target, for the requests that come after it: RFC 3261 §12.2.2.
#[test]
fn who_moves_is_found_again() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.caller(&inside("INVITE", 2, &answered).replace("caller@192.0.2.10", "moved@192.0.2.99"));
    let sent = line.sent().remove(1);
    line.called(&answer(&sent, "200 OK", "").replace("called@192.0.2.20", "moved@192.0.2.98"));
    line.sent();
    line.caller(&inside("ACK", 2, &answered));
    assert_eq!(
        line.one().first_line(),
        "ACK sip:moved@192.0.2.98:5060 SIP/2.0"
    );
    line.called(&from_called("INFO", 1, &invite, "callee"));
    let info = line.one();
    assert_eq!(info.first_line(), "INFO sip:moved@192.0.2.99:5060 SIP/2.0");
    assert_eq!(
        info.to(),
        "caller",
        "where its requests come from, whatever it says of itself"
    );
}

/// This test verifies that two re-INVITEs that meet get the 491 of whoever they meet: RFC 3261 §14.
#[test]
fn glare_is_settled_by_the_ends() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.caller(&inside("INVITE", 2, &answered));
    let there = line.sent().remove(1);
    line.called(&from_called("INVITE", 7, &invite, "callee"));
    let back = line.sent().remove(1);
    line.called(&answer(&there, "491 Request Pending", ""));
    line.caller(&answer(&back, "491 Request Pending", ""));
    let lines = line.lines();
    assert!(
        lines.contains(&"caller SIP/2.0 491 Request Pending".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"called SIP/2.0 491 Request Pending".to_owned()),
        "{lines:?}"
    );
    let ack = from_called("ACK", 7, &invite, "callee").replace("calledACK7", "calledINVITE7");
    line.called(&ack);
    assert_eq!(line.lines(), [""; 0], "the ACK for a refusal goes one hop");
    line.wait(3_000);
    let repeated = line.lines();
    assert!(
        !repeated.iter().any(|line| line.starts_with("called")),
        "{repeated:?}"
    );
}

/// This test verifies that an ACK for no 2xx ends here, whatever its branch, and that those for one cross as often as they come.
#[test]
fn an_ack_for_nothing_ends_here() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.caller(&inside("INVITE", 2, &answered));
    let there = line.sent().remove(1);
    line.called(&answer(&there, "488 Not Acceptable Here", ""));
    line.sent();
    for number in [2, 7] {
        line.caller(&inside("ACK", number, &answered));
        line.called(&from_called("ACK", number, &invite, "callee"));
        assert_eq!(line.lines(), [""; 0], "{number}");
    }
    line.caller(&inside("INVITE", 3, &answered));
    let there = line.sent().remove(1);
    line.called(&answer(&there, "200 OK", ""));
    line.called(&from_called("INVITE", 7, &invite, "callee"));
    let back = line.sent().pop().unwrap();
    line.caller(&answer(&back, "200 OK", ""));
    line.sent();
    for number in [3, 1, 3] {
        line.caller(&inside("ACK", number, &answered));
        assert_eq!(line.one().value("CSeq"), format!("{number} ACK"));
    }
    line.called(&from_called("ACK", 7, &invite, "callee"));
    assert_eq!(line.one().to(), "caller");
}

/// This test verifies that a re-INVITE of the called, who has no trunk, can be cancelled by it.
#[test]
fn the_called_cancels_its_own_invite() {
    let mut line = Line::new();
    let (invite, _) = line.talking();
    line.called(&from_called("INVITE", 7, &invite, "callee"));
    let there = line.sent().remove(1);
    line.caller(&answer(&there, "180 Ringing", ""));
    line.sent();
    let cancel =
        from_called("CANCEL", 7, &invite, "callee").replace("calledCANCEL7", "calledINVITE7");
    line.called(&cancel);
    let lines = line.lines();
    assert_eq!(lines[0], "called SIP/2.0 200 OK");
    assert!(lines[1].starts_with("caller CANCEL "), "{lines:?}");
}

/// This test verifies that both sides may hang up at once, and each gets its answer.
#[test]
fn both_hang_up_at_once() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.caller(&inside("BYE", 2, &answered));
    let there = line.one();
    line.called(&from_called("BYE", 1, &invite, "callee"));
    let back = line.one();
    line.called(&answer(&there, "200 OK", ""));
    line.caller(&answer(&back, "200 OK", ""));
    assert_eq!(
        line.lines(),
        ["caller SIP/2.0 200 OK", "called SIP/2.0 200 OK"]
    );
    assert_eq!(line.ended().len(), 1, "one call has ended, once");
    line.ends_clean();
}

/// This test verifies that a BYE that is challenged ends nothing, and that one that is not answered does.
#[test]
fn a_bye_ends_the_dialog_unless_it_is_challenged() {
    for (status, calls) in [
        ("401 Unauthorized", 1),
        ("407 Proxy Authentication Required", 1),
        ("481 Call/Transaction Does Not Exist", 0),
        ("500 Server Internal Error", 0),
    ] {
        let mut line = Line::new();
        let (_, answered) = line.talking();
        line.caller(&inside("BYE", 2, &answered));
        let bye = line.one();
        line.called(&answer(&bye, status, ""));
        line.wait(40_000);
        assert_eq!(line.element.calls(), calls, "{status}");
    }
}

/// This test verifies that a request in a dialog that there is not gets 481 from the caller's side, and nothing from a stranger's.
#[test]
fn nobody_speaks_in_a_dialog_that_is_not() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    let other = answered.tag("To").unwrap().to_owned();
    for method in ["BYE", "INFO", "INVITE", "PRACK", "UPDATE"] {
        let wrong = inside(method, 9, &answered).replace(&other, "nobody");
        line.caller(&wrong);
        assert_eq!(
            line.lines(),
            ["caller SIP/2.0 481 Call/Transaction Does Not Exist"],
            "{method}"
        );
    }
    line.caller(&inside("ACK", 9, &answered).replace(&other, "nobody"));
    line.called(&from_called("BYE", 9, &invite, "nobody"));
    assert_eq!(line.lines(), [""; 0]);
    assert_eq!(line.element.calls(), 1);
}

/// This test verifies that another customer cannot end a call, though it knows its names, and that the called may come by any trunk.
#[test]
fn a_call_belongs_to_its_trunk() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    let mut other = Trunk::clone(&line.trunk);
    other.name = "other".into();
    let other = Some(Arc::new(other));
    line.receive(
        &inside("BYE", 2, &answered),
        "192.0.2.66:5060",
        other.clone(),
    );
    assert_eq!(
        line.lines(),
        ["192.0.2.66:5060 SIP/2.0 481 Call/Transaction Does Not Exist"]
    );
    line.receive(&from_called("BYE", 1, &invite, "callee"), CALLED, other);
    let bye = line.one();
    assert_eq!(bye.to(), "caller");
    line.caller(&answer(&bye, "200 OK", ""));
    assert_eq!(line.lines(), ["called SIP/2.0 200 OK"]);
    line.ends_clean();
}

/// This test verifies that the called cannot tell the caller what only we may say, nor who it is if nobody believes it.
#[test]
fn the_called_has_no_verdicts_for_the_caller() {
    let number = "sip:+12025550101";
    let lines = format!(
        "P-Asserted-Identity: <{number};verstat=TN-Validation-Passed@b.example>\r\n\
         {DEFAULT_BYPASS_HEADER}: guessed\r\nMax-Forwards: 70\r\n"
    );
    for (trust, asserted) in [
        (NextHopTrust::Inside, vec![format!("<{number}@b.example>")]),
        (NextHopTrust::Outside, vec![]),
    ] {
        let mut line = Line::new();
        let mut trunk = Trunk::clone(&line.trunk);
        trunk.next_hop_trust = trust;
        trunk.bypass = Some(Arc::new(Bypass {
            header: DEFAULT_BYPASS_HEADER.into(),
            token: "secret".into(),
            on: Vec::new(),
        }));
        line.trunk = Arc::new(trunk);
        let (invite, _) = line.talking();
        for (number, method) in [(1, "INFO"), (2, "INVITE"), (3, "BYE")] {
            let text = from_called(method, number, &invite, "callee");
            let text = text.replace("called@192", "called;verstat=x@192");
            line.called(&text.replace("Max-Forwards: 70\r\n", &lines));
            let there = line.sent().pop().unwrap();
            assert_eq!(there.to(), "caller");
            assert_eq!(there.values("P-Asserted-Identity"), asserted, "{method}");
            assert!(there.values(DEFAULT_BYPASS_HEADER).is_empty(), "{method}");
            assert!(!there.text.contains("verstat"), "{}", there.text);
        }
    }
}

/// This test verifies that the requests of a caller find their call where its trunk is told by the trunk group in Contact, which ACK,
/// BYE and CANCEL have not, or has another name since: from the address that its INVITE came from, on any port.
#[test]
fn a_caller_that_names_no_trunk_group_is_known_by_its_address() {
    const OTHER_PORT: &str = "192.0.2.10:40000";
    let named = |text: String| text.replace("sip:caller@", "sip:caller;tgrp=west@");
    let unnamed = |text: String| text.replace("Contact: <sip:caller@192.0.2.10:5060>\r\n", "");
    let mut line = Line::new();
    let mut other = Trunk::clone(&line.trunk);
    other.name = "east".into();
    let other = Some(Arc::new(other));
    line.caller(&named(invite()));
    let invite = line.sent().remove(1);
    line.called(&answer(&invite, "200 OK", "callee"));
    let answered = line.one();
    let ack = unnamed(inside("ACK", 1, &answered));
    line.receive(&ack, OTHER_PORT, other.clone());
    assert_eq!(
        line.lines(),
        ["called ACK sip:called@192.0.2.20:5060 SIP/2.0"]
    );
    let refused = "SIP/2.0 481 Call/Transaction Does Not Exist";
    line.receive(
        &named(inside("INFO", 2, &answered)),
        OTHER_PORT,
        other.clone(),
    );
    assert_eq!(line.one().first_line(), refused, "it names a group");
    let bye = unnamed(inside("BYE", 3, &answered));
    line.receive(&bye, "192.0.2.66:5060", other.clone());
    assert_eq!(line.one().first_line(), refused, "another address");
    line.handle(Input::Received {
        flow: Flow {
            transport: Transport::Tls,
            ..udp(OTHER_PORT)
        },
        message: Message::parse(bye.clone().into(), Framing::Datagram).unwrap(),
        trunk: other.clone(),
    });
    assert_eq!(line.one().first_line(), refused, "proven otherwise");
    line.receive(&bye, OTHER_PORT, other);
    let there = line.one();
    assert_eq!(there.to(), "called");
    line.called(&answer(&there, "200 OK", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean();
}

/// This test verifies that such a caller may give up, though it has rung and nothing is left of the Contact.
#[test]
fn a_caller_that_names_no_trunk_group_gives_up() {
    let mut line = Line::new();
    let mut other = Trunk::clone(&line.trunk);
    other.name = "east".into();
    let text = invite().replace("sip:caller@", "sip:caller;tgrp=west@");
    line.caller(&text);
    let sent = line.sent().remove(1);
    line.called(&answer(&sent, "180 Ringing", "callee"));
    line.sent();
    let head = text.split("Contact:").next().unwrap();
    let cancel = format!("{head}Content-Length: 0\r\n\r\n").replace("INVITE", "CANCEL");
    line.receive(&cancel, CALLER, Some(Arc::new(other)));
    let lines = line.lines();
    assert_eq!(lines[0], "caller SIP/2.0 200 OK");
    assert!(lines[1].starts_with("called CANCEL "), "{lines:?}");
}
