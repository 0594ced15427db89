//! Calls that come to nothing: refused, cancelled, never answered, answered too late.
//!
//! ```text
//!   caller            b2bua             called
//!     │ INVITE ────────▶│ INVITE ────────▶│
//!     │ CANCEL ────────▶│ CANCEL ────────▶│
//!     │◀──────────── 487│◀──────────── 487│
//!     │ ACK ───────────▶│ ACK ───────────▶│   each for its own hop
//! ```

use super::{BODY, CALLED, Line, answer, from_called, inside, invite, options};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{B2buaMode, Names, NextHop, Oversize, Trunk};
use std::sync::Arc;

fn ack_of_failure(to: &str) -> String {
    hop("ACK").replace("To: <sip:+12025550101@b.example>", &format!("To: {to}"))
}

/// A CANCEL or ACK that goes with the INVITE of the caller.
fn hop(method: &str) -> String {
    let invite = invite();
    let head = invite.split("Contact:").next().unwrap();
    format!(
        "{}Content-Length: 0\r\n\r\n",
        head.replace("INVITE", method)
    )
}

/// This test verifies that a refusal comes back in the names of the caller, and that each side acknowledges on its own.
#[test]
fn a_refusal_comes_back() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "486 Busy Here", "callee"));
    let sent = line.sent();
    assert_eq!(sent[0].to(), "called");
    assert!(sent[0].first_line().starts_with("ACK "));
    assert_eq!(sent[1].first_line(), "SIP/2.0 486 Busy Here");
    assert_eq!(sent[1].value("Call-ID"), "call-1@a.example");
    assert_ne!(sent[1].tag("To"), Some("callee"));
    assert_eq!(
        sent[1].value("Contact"),
        "<sip:called@192.0.2.20:5060>",
        "it is no dialog"
    );
    line.caller(&ack_of_failure(sent[1].value("To")));
    assert_eq!(line.lines(), [""; 0]);
    line.wait(5_000);
    assert_eq!(line.lines(), [""; 0], "the ACK was understood");
    assert_eq!(line.finished()[0].status, Some(486));
    line.ends_clean();
}

/// This test verifies that a challenge comes back and the second INVITE is a call of its own, with kept names, too.
#[test]
fn a_challenged_invite_comes_again() {
    for names in [Names::Mapped, Names::Kept] {
        let mut line = Line::with(B2buaMode {
            names,
            ..B2buaMode::default()
        });
        let sent = line.invited();
        line.called(&answer(&sent, "407 Proxy Authentication Required", "p"));
        let challenge = line.sent().remove(1);
        line.caller(&ack_of_failure(challenge.value("To")));
        let again = invite()
            .replace("CSeq: 1", "CSeq: 2")
            .replace("z9hG4bKone", "z9hG4bKtwo");
        line.caller(&again);
        let second = line.sent().remove(1);
        assert_eq!(second.value("CSeq"), "2 INVITE");
        assert_eq!(
            second.value("Call-ID") == sent.value("Call-ID"),
            names == Names::Kept,
            "{names:?}"
        );
        line.called(&answer(&second, "486 Busy Here", "callee"));
        line.ends_clean();
    }
}

/// This test verifies that a CANCEL reaches the called, whose 487 comes back.
#[test]
fn a_ringing_call_is_cancelled() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "180 Ringing", "callee"));
    line.sent();
    line.caller(&hop("CANCEL"));
    let cancelled = line.sent();
    assert_eq!(cancelled[0].first_line(), "SIP/2.0 200 OK");
    let cancel = &cancelled[1];
    assert_eq!(
        cancel.first_line(),
        "CANCEL sip:+12025550101@b.example SIP/2.0"
    );
    for name in ["Via", "Call-ID", "From", "To"] {
        assert_eq!(cancel.value(name), sent.value(name), "RFC 3261 §9.1");
    }
    line.called(&answer(cancel, "200 OK", "callee"));
    line.called(&answer(&sent, "487 Request Terminated", "callee"));
    assert_eq!(
        line.lines().last().unwrap(),
        "caller SIP/2.0 487 Request Terminated"
    );
    line.ends_clean();
}

/// This test verifies that an answer that crosses the CANCEL reaches the caller, who ends the call as RFC 3261 has it.
#[test]
fn an_answer_that_crosses_the_cancel_is_an_answer() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "180 Ringing", "callee"));
    line.caller(&hop("CANCEL"));
    line.sent();
    line.called(&answer(&sent, "200 OK", "callee"));
    let answered = line.one();
    assert_eq!(answered.first_line(), "SIP/2.0 200 OK");
    line.caller(&inside("ACK", 1, &answered));
    line.caller(&inside("BYE", 2, &answered));
    let lines = line.lines();
    assert!(lines[0].starts_with("called ACK") && lines[1].starts_with("called BYE"));
}

/// This test verifies that a called that is silent is told to the caller, and an answer that comes after that is ended by us.
#[test]
fn an_answer_that_comes_too_late_is_acknowledged_and_ended() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "180 Ringing", "callee"));
    line.caller(&hop("CANCEL"));
    line.sent();
    line.wait(32_100);
    let lines = line.lines();
    assert!(lines.contains(&"caller SIP/2.0 487 Request Terminated".to_owned()));
    line.called(&answer(&sent, "200 OK", "callee"));
    assert_eq!(
        line.lines(),
        [""; 0],
        "its transaction is over: RFC 3261 §9.1"
    );
    line.ends_clean();
}

/// This test verifies that every repetition of a 2xx reaches the caller until it acknowledges, and every ACK the called.
#[test]
fn a_2xx_is_repeated_until_it_is_acknowledged() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee"));
    let answered = line.one();
    for _ in 0..3 {
        line.wait(500);
        line.called(&answer(&sent, "200 OK", "callee"));
        assert_eq!(line.one().text, answered.text);
    }
    let ack = inside("ACK", 1, &answered);
    line.caller(&ack);
    let first = line.one();
    line.caller(&ack);
    assert_eq!(line.one().text, first.text, "the same ACK is the same ACK");
    assert_eq!(first.value("CSeq"), "1 ACK");
    assert_eq!(first.body(), BODY);
    line.wait(40_000);
    assert_eq!(line.element.calls(), 1);
}

/// This test verifies that a caller who never acknowledges leaves the call to the called, whose BYE crosses.
#[test]
fn a_called_without_ack_gives_up() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee"));
    line.wait(32_000);
    line.sent();
    line.called(&from_called("BYE", 1, &sent, "callee"));
    let bye = line.one();
    assert_eq!(bye.to(), "caller");
    line.wait(33_000);
    assert_eq!(line.ended().len(), 1, "whether the caller answers or not");
    line.ends_clean();
}

/// This test verifies that there are never more calls than may be.
#[test]
fn there_is_room_for_so_many_calls() {
    let mut options = options();
    options.max_dialogs = 1;
    let mut line = Line::with_options(B2buaMode::default(), options);
    line.invited();
    let other = invite()
        .replace("call-1", "call-2")
        .replace("z9hG4bKone", "z9hG4bKtwo");
    line.caller(&other);
    let refused = line.one();
    assert_eq!(refused.first_line(), "SIP/2.0 503 Service Unavailable");
    assert_eq!(refused.values("Retry-After").len(), 1);
    assert_eq!(line.element.calls(), 1);
    let emergency = other.replacen("sip:+12025550101@b.example", "urn:service:sos", 1);
    line.caller(&emergency);
    assert_eq!(line.lines()[1], "called INVITE urn:service:sos SIP/2.0");
}

/// This test verifies that an INVITE with more routes than are remembered is refused.
#[test]
fn a_call_with_too_many_routes_is_refused() {
    let mut line = Line::new();
    let route = "Record-Route: <sip:192.0.2.11;lr>\r\n";
    line.caller(&invite().replace(route, &route.repeat(200)));
    assert_eq!(line.sent().len(), 2, "this is much, and fits");
    let long = format!(
        "Record-Route: <sip:{}@192.0.2.11;lr>\r\n",
        "x".repeat(9_000)
    );
    line.caller(
        &invite()
            .replace(route, &long)
            .replace("z9hG4bKone", "z9hG4bKtwo"),
    );
    assert_eq!(line.lines(), ["caller SIP/2.0 513 Message Too Large"]);
}

/// This test verifies that who talks can hang up, and whatever else, when there is no room for anybody new.
#[test]
fn a_full_house_can_be_left() {
    for method in ["BYE", "PRACK", "UPDATE"] {
        let mut options = options();
        options.max_contexts = 2;
        let mut line = Line::with_options(B2buaMode::default(), options);
        let (sent, answered) = line.talking();
        let other = |name: &str| {
            let text = invite().replace("call-1", name);
            text.replace("z9hG4bKone", &format!("z9hG4bK{name}"))
        };
        line.caller(&other("call-2"));
        line.caller(&other("call-3"));
        assert_eq!(
            line.lines().pop().unwrap(),
            "caller SIP/2.0 503 Service Unavailable"
        );
        line.caller(&inside(method, 2, &answered));
        let there = line.one();
        assert_eq!(
            (there.to().as_str(), &there.first_line()[..3]),
            ("called", &method[..3])
        );
        // The reserve has its end, too.
        line.called(&from_called("INFO", 1, &sent, "callee"));
        assert_eq!(line.lines(), ["called SIP/2.0 503 Service Unavailable"]);
    }
}

/// This test verifies that nobody moves to an address that would be too much to remember, and that the call goes on where it was.
#[test]
fn a_call_does_not_grow() {
    let mut line = Line::new();
    let (sent, answered) = line.talking();
    let long = format!("{}@192.0.2.", "x".repeat(20_000));
    line.caller(&inside("INVITE", 2, &answered).replace("caller@192.0.2.", &long));
    assert_eq!(line.lines(), ["caller SIP/2.0 513 Message Too Large"]);
    line.called(&from_called("UPDATE", 1, &sent, "callee").replace(
        "called@192.0.2.20:5060>\r\nCon",
        &format!("{long}20>\r\nCon"),
    ));
    assert_eq!(line.lines(), ["called SIP/2.0 513 Message Too Large"]);
    // What an answer says is not refused, and not remembered.
    line.caller(&inside("UPDATE", 3, &answered));
    let update = line.one();
    line.called(&answer(&update, "200 OK", "").replace("called@192.0.2.", &long));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.caller(&inside("BYE", 4, &answered));
    assert_eq!(
        line.one().first_line(),
        "BYE sip:called@192.0.2.20:5060 SIP/2.0"
    );
    line.called(&from_called("INFO", 2, &sent, "callee"));
    assert_eq!(
        line.one().first_line(),
        "INFO sip:caller@192.0.2.10:5060 SIP/2.0"
    );
}

/// This test verifies that a call that rings is reckoned with what is kept for another next hop.
#[test]
fn what_is_kept_for_another_next_hop_is_reckoned() {
    let reckoned = |hops: &[&str]| {
        let mut line = Line::new();
        let mut trunk = Trunk::clone(&line.trunk);
        let hops = hops
            .iter()
            .map(|at| NextHop::new(Transport::Udp, at.parse().unwrap()));
        trunk.next_hops = hops
            .map(|hop| NextHop {
                oversize: Oversize::Fragment,
                ..hop
            })
            .collect();
        line.trunk = Arc::new(trunk);
        let long = format!("X-Long: {}\r\nMax-Forwards", "x".repeat(9_000));
        line.caller(&invite().replace("Max-Forwards", &long));
        let sent = line.sent().remove(1);
        line.called(&answer(&sent, "180 Ringing", "callee"));
        line.element.load().context_bytes
    };
    let one = reckoned(&[CALLED]);
    let two = reckoned(&[CALLED, "192.0.2.21:5060"]);
    assert!(two > one + 9_000, "{two} and {one}");
}
