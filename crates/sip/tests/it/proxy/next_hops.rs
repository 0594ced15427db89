//! Next hops that do not answer, cannot be reached, or say 503: the next one is tried, and somebody has to be told in the end.
//!
//! ```text
//!   caller ──▶ proxy ──X callee
//!                    ──▶ second
//! ```

use super::{Table, hop, invite, request, trunk};
use countersign_sip::element::{Event, HopFailure, Input, MAX_ASKED_REST};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::Trunk;
use std::sync::Arc;

fn two_hops() -> Trunk {
    let mut trunk = trunk();
    trunk.next_hops.push(hop(Transport::Udp, "192.0.2.21:5060"));
    trunk
}

/// This test verifies that a silent callee is 408 after 32 seconds, and that the INVITE was repeated all the while.
#[test]
fn silence_is_408() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    table.sent();
    table.wait(32_000);
    let lines = table.lines();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("callee/udp INVITE"))
            .count(),
        6
    );
    assert_eq!(
        lines.last().unwrap(),
        "caller/udp SIP/2.0 408 Request Timeout"
    );
    table.ends_clean();
}

/// This test verifies that another method gets no 408: RFC 4320 §4.2.
#[test]
fn silence_towards_another_method_is_silence() {
    let mut table = Table::new(trunk());
    table.caller(&request("MESSAGE", "z9hG4bKone", ""));
    table.sent();
    table.wait(40_000);
    let to_caller: Vec<_> = table
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("caller"))
        .collect();
    assert_eq!(
        to_caller,
        ["caller/udp SIP/2.0 100 Trying"],
        "after 3.5 s, and nothing more"
    );
    assert_eq!(table.finished().status, None);
    table.ends_clean();
}

/// This test verifies that a transport that fails is 503 if nobody else could be reached, and a received 503 is not passed on.
#[test]
fn unreachable_is_503_and_a_received_503_is_500() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.transport_failed(&outgoing);
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 503 Service Unavailable"]
    );
    table.ends_clean();

    table.caller(&invite(""));
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "503 Service Unavailable");
    assert_eq!(
        table.lines().last().unwrap(),
        "caller/udp SIP/2.0 500 Server Internal Error"
    );
    table.ends_clean();
}

/// This test verifies that the second hop is tried with another branch and the same request.
#[test]
fn the_second_hop_is_tried() {
    for failure in ["transport", "503 Service Unavailable", "silence"] {
        let mut table = Table::new(two_hops());
        table.caller(&invite(""));
        let first = table.sent().remove(1);
        match failure {
            "transport" => table.transport_failed(&first),
            "silence" => table.wait(32_000),
            status => table.answer(&first, status),
        }
        let sent = table.sent();
        let second = sent.last().unwrap();
        assert_eq!(second.to(), "second/udp", "{failure}");
        assert_ne!(second.branch(), first.branch());
        assert_eq!(
            second.text.replace(second.branch(), first.branch()),
            first.text
        );
        table.answer(second, "200 OK");
        assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
        table.ends_clean();
    }
}

/// This test verifies that the ACK for a 2xx and what comes later in the call go to whoever took it, even when the first hop is back.
#[test]
fn a_call_stays_with_the_hop_that_took_it() {
    let mut table = Table::new(two_hops());
    table.caller(&invite(""));
    let first = table.sent().remove(1);
    table.transport_failed(&first);
    let second = table.one();
    table.answer(&second, "200 OK");
    table.ends_clean();
    let in_dialog = |method: &str| {
        let text = request(method, &format!("z9hG4bK{method}"), "");
        let to = "To: <sip:+12025550101@b.example>";
        text.replace(to, &format!("{to};tag=callee"))
    };
    for method in ["ACK", "BYE"] {
        table.caller(&in_dialog(method));
        let line = format!("second/udp {method} sip:+12025550101@b.example SIP/2.0");
        assert_eq!(table.lines(), [line]);
        let other = in_dialog(method).replace("call-1@", "call-2@");
        table.caller(&other.replace("branch=z9hG4bK", "branch=z9hG4bKother"));
        let line = format!("callee/udp {method} sip:+12025550101@b.example SIP/2.0");
        assert_eq!(table.lines(), [line], "of a call that we know nothing of");
    }
}

/// This test verifies that only one call waits for a silent hop: those after it try the other first, until the silent one has rested,
/// or is heard.
#[test]
fn a_silent_hop_holds_up_one_call() {
    let mut table = Table::new(two_hops());
    let call = |number: u32| invite("").replace("z9hG4bKone", &format!("z9hG4bK{number}"));
    let first_try = |table: &mut Table, number| {
        table.caller(&call(number));
        let sent = table.sent().remove(1);
        (sent.to(), sent)
    };
    let (to, silent) = first_try(&mut table, 1);
    assert_eq!(to, "callee/udp");
    table.wait(32_000);
    let second = table.sent().pop().unwrap();
    table.answer(&second, "486 Busy Here");
    table.sent();
    let (to, second) = first_try(&mut table, 2);
    assert_eq!(to, "second/udp");
    table.transport_failed(&second);
    let callee = table.one();
    assert_eq!(callee.to(), "callee/udp", "better than none");
    table.answer(&callee, "486 Busy Here");
    table.sent();
    assert_eq!(first_try(&mut table, 3).0, "callee/udp", "it was heard");
    table.transport_failed(&silent);
    table.ends_clean();
}

/// This test verifies that a silent hop is tried first again when it has rested.
#[test]
fn a_silent_hop_gets_its_calls_back() {
    let mut table = Table::new(two_hops());
    table.caller(&invite(""));
    let callee = table.sent().remove(1);
    table.transport_failed(&callee);
    let second = table.one();
    table.answer(&second, "486 Busy Here");
    for (wait, to) in [(59_000, "second/udp"), (2_000, "callee/udp")] {
        table.wait(wait);
        table.sent();
        table.caller(&invite("").replace("z9hG4bKone", &format!("z9hG4bK{wait}")));
        let sent = table.sent().remove(1);
        assert_eq!(sent.to(), to);
        table.answer(&sent, "486 Busy Here");
    }
}

/// This test verifies that an answer is an answer: nobody else is tried.
#[test]
fn a_rejection_is_final() {
    let mut table = Table::new(two_hops());
    table.caller(&invite(""));
    let first = table.sent().remove(1);
    table.answer(&first, "404 Not Found");
    assert_eq!(
        table.lines().last().unwrap(),
        "caller/udp SIP/2.0 404 Not Found"
    );
}

/// This test verifies that what a hop said is told before what none said.
#[test]
fn the_best_of_several_failures_is_told() {
    let mut table = Table::new(two_hops());
    table.caller(&invite(""));
    let first = table.sent().remove(1);
    table.answer(&first, "503 Service Unavailable");
    let second = table.sent().pop().unwrap();
    table.transport_failed(&second);
    assert_eq!(
        table.lines(),
        ["caller/udp SIP/2.0 500 Server Internal Error"]
    );
}

/// This test verifies that a caller who has given up is not carried to the next hop.
#[test]
fn a_cancelled_call_is_not_tried_elsewhere() {
    let mut table = Table::new(two_hops());
    table.caller(&invite(""));
    table.sent();
    table.caller(&request("CANCEL", "z9hG4bKone", ""));
    table.wait(32_000);
    let lines = table.lines();
    assert_eq!(
        lines.last().unwrap(),
        "caller/udp SIP/2.0 487 Request Terminated"
    );
    assert!(lines.iter().all(|line| !line.starts_with("second")));
    table.ends_clean();
}

/// This test verifies that nowhere to go is 503, so that the caller tries another of us, and that SIPS is not carried without TLS.
#[test]
fn nowhere_to_go() {
    let mut nowhere = Table::new(Trunk::new("t", Vec::new()));
    nowhere.caller(&invite(""));
    assert_eq!(
        nowhere.lines()[1],
        "caller/udp SIP/2.0 503 Service Unavailable"
    );
    let secure = invite("").replacen("sip:", "sips:", 1);
    let mut table = Table::new(trunk());
    table.caller(&secure);
    let refusal = table.sent().remove(1);
    assert_eq!(refusal.first_line(), "SIP/2.0 480 Temporarily Unavailable");
    assert_eq!(
        refusal.values("Warning"),
        ["380 countersign \"SIPS Not Allowed\""]
    );
    let mut table = Table::new(Trunk::new(
        "t",
        vec![hop(Transport::Tls, "192.0.2.20:5061")],
    ));
    table.caller(&secure);
    assert_eq!(
        table.lines()[1],
        "callee/tls INVITE sips:+12025550101@b.example SIP/2.0"
    );
}

/// This test verifies that an answer that cannot be carried back is no reason to wait for ever.
#[test]
fn an_answer_without_a_way_back_is_502() {
    for status in ["200 OK", "486 Busy Here"] {
        let mut table = Table::new(trunk());
        table.caller(&invite(""));
        let outgoing = table.sent().remove(1);
        let answer = super::answer_to(&outgoing, status);
        let mine = format!("Via: {}\r\n", outgoing.values("Via")[1]);
        table.callee(&answer.replace(&mine, ""));
        assert_eq!(
            table.lines().last().unwrap(),
            "caller/udp SIP/2.0 502 Bad Gateway"
        );
        table.ends_clean();
    }
}

/// Whom the first INVITE of a call goes to; it is rejected, which settles it.
fn taken_by(table: &mut Table, number: u32, headers: &str) -> String {
    let call = invite(headers).replace("z9hG4bKone", &format!("z9hG4bK{number}"));
    table.caller(&call);
    let sent = table.sent().remove(1);
    table.answer(&sent, "486 Busy Here");
    table.sent();
    sent.to()
}

/// This test verifies that a hop that probes found down is tried last, by emergency calls, too, and not left out.
#[test]
fn a_hop_that_is_down_is_tried_last() {
    let mut table = Table::new(two_hops());
    let [first, second] = [0, 1].map(|place| two_hops().next_hops[place].id());
    let stand = |table: &mut Table, down: &[_]| {
        let standing = down.iter().copied().collect();
        table.handle(Input::Standing(Arc::new(standing)));
    };
    stand(&mut table, &[first]);
    assert_eq!(taken_by(&mut table, 1, ""), "second/udp");
    let emergency = invite("").replace("sip:+12025550101@b.example SIP", "urn:service:sos SIP");
    table.caller(&emergency);
    let sent = table.sent().remove(1);
    assert_eq!(sent.to(), "second/udp", "nobody in need waits for it");
    table.answer(&sent, "503 Service Unavailable");
    assert_eq!(
        table.sent().pop().unwrap().to(),
        "callee/udp",
        "better than none"
    );
    stand(&mut table, &[first, second]);
    assert_eq!(taken_by(&mut table, 2, ""), "callee/udp");
    stand(&mut table, &[]);
    assert_eq!(taken_by(&mut table, 3, ""), "callee/udp");
}

/// This test verifies RFC 3261 §21.5.4: a hop that says Retry-After is left alone for so long, but not by emergency calls, and not for
/// ever.
#[test]
fn a_hop_that_asks_for_rest_gets_it() {
    let mut table = Table::new(two_hops());
    let busy = |table: &mut Table, number: u32, retry: &str| {
        let call = invite("").replace("z9hG4bKone", &format!("z9hG4bK{number}"));
        table.caller(&call);
        let first = table.sent().remove(1);
        assert_eq!(first.to(), "callee/udp", "{retry}");
        let answer = super::answer_to(&first, "503 Service Unavailable");
        let retry = format!("Retry-After: {retry}\r\nContent-Length");
        table.callee(&answer.replace("Content-Length", &retry));
        let second = table.sent().pop().unwrap();
        table.answer(&second, "486 Busy Here");
        table.sent();
    };
    busy(&mut table, 1, "100 (lunch);duration=3600");
    assert_eq!(taken_by(&mut table, 2, ""), "second/udp");
    let emergency = invite("").replace("sip:+12025550101@b.example SIP", "urn:service:sos SIP");
    table.caller(&emergency);
    let sent = table.sent().remove(1);
    assert_eq!(sent.to(), "callee/udp", "its 503 would come at once");
    table.answer(&sent, "486 Busy Here");
    table.wait(99_000);
    table.sent();
    assert_eq!(
        taken_by(&mut table, 3, ""),
        "second/udp",
        "whatever else it said"
    );
    table.wait(2_000);
    table.sent();
    busy(&mut table, 4, "99999999999");
    assert_eq!(taken_by(&mut table, 5, ""), "second/udp");
    table.wait(u64::try_from(MAX_ASKED_REST.as_millis()).unwrap());
    table.sent();
    busy(&mut table, 6, "soon");
    assert_eq!(taken_by(&mut table, 7, ""), "callee/udp", "that is no time");
}

/// This test verifies that what a hop could not take is told, with who was tried instead.
#[test]
fn failures_of_hops_are_told() {
    let mut table = Table::new(two_hops());
    let [first, second] = [0, 1].map(|place| two_hops().next_hops[place].id());
    table.caller(&invite(""));
    let sent = table.sent().remove(1);
    table.answer(&sent, "503 Service Unavailable");
    table.wait(32_000);
    let told: Vec<_> = table
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::HopFailed { hop, failure, next } => Some((hop, failure, next)),
            _ => None,
        })
        .collect();
    let expected = [
        (first, HopFailure::Busy, Some(second)),
        (second, HopFailure::Silent, None),
    ];
    assert_eq!(told, expected);
}
