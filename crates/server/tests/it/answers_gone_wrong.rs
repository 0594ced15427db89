//! Answers that are not as they should be, on the wire.
//!
//! ```text
//!     SIPp ── INVITE, Identity: rsp ──────────► serve, verifies           an answer in a request
//!     SIPp ══► serve, checks ══► SIPp ── 200, Identity: rsp, rsp          the same twice, or two that contradict each other
//!     SIPp ══► serve, checks ══► SIPp ── 486, Identity: rsp               a proof of nothing
//!     SIPp ══► serve, checks ══► serve, signs ──► SIPp ── 183, 183, 183   a reliable response that nobody acknowledges
//!     SIPp ══► serve, checks ══► SIPp ── 200, Identity: rsp               whose certificate never comes
//!                  └── GET ──► nothing
//! ```
//!
//! This test verifies that none of it is taken for what it is not, that nobody pays for a repetition, and that no call is left behind.

use crate::peers::{Called, Caller, Direction, Sipp, Trace, free_address};
use crate::provider::{Provider, Server, udp};
use crate::who_picked_up::{B2BUA, REQUIRED, WHOLE, answers, of_status};
use std::net::TcpListener;

const CALL: (&str, &str) = ("12025550100", "12025550101");

/// A line of an answer with a proof of this number, as its provider would sign it now.
fn identity(provider: &Provider, reached: &str) -> String {
    format!("Identity: {}", provider.answer((CALL.0, reached), reached))
}

/// A call whose provider wants a proof, to a called side that says these lines in its responses of this status: what the caller saw, and its
/// provider.
fn call(
    called: (Called, u16),
    lines: impl FnOnce(&Provider) -> Vec<String>,
    caller: Caller,
) -> (Trace, Trace, Server) {
    let (calling, answering) = (Provider::new(), Provider::new());
    // Its repository, and nothing else.
    let _publishes = answering.signs(&udp(free_address())).start();
    let called = Sipp::called_saying(called.0, called.1, &lines(&answering));
    let setup = calling.asks(&[&answering], &udp(called.address()));
    let asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();
    let seen = Sipp::call(caller, asks.sip()).place();
    (seen, called.finish(), asks)
}

/// RFC 9970 §9: an `rsp` in a request must be ignored; with nothing else the call is unsigned.
#[test]
fn digest01_case08_an_answer_in_a_request_is_none() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling, &answering], &udp(called.address()));
    let mut verifies = setup.trunk(WHOLE).start();

    let seen = Sipp::call(Caller::Answered, verifies.sip())
        .header("Identity", &answering.answer(CALL, CALL.1))
        .place();

    assert_eq!(called.finish().invite().verstat(), "No-TN-Validation");
    assert_eq!(verifies.call()["verdict"], "unsigned");
    let answer = seen.response(200);
    assert!(answer.headers("Identity").is_empty(), "{}", answer.text);
    let signed = "countersign_signed_answers_total{trunk=\"answers\",outcome=\"signed\"}";
    assert_eq!(verifies.metric(signed), 0);
}

/// The control of the two below: signed by hand, said once.
#[test]
fn an_answer_that_is_said_once_is_good() {
    let once = |answering: &Provider| vec![identity(answering, CALL.1)];
    let (_, called, mut asks) = call((Called::Answers, 200), once, Caller::Answered);
    assert_eq!(called.received("BYE").len(), 1);
    let lines = answers(&mut asks, 1);
    assert_eq!(of_status(&lines, 200)[0]["standing"], "matching");
}

#[test]
fn an_answer_that_is_said_twice_is_one() {
    let twice = |answering: &Provider| vec![identity(answering, CALL.1); 2];
    let (_, called, mut asks) = call((Called::Answers, 200), twice, Caller::Answered);
    assert_eq!(called.received("BYE").len(), 1);
    let lines = answers(&mut asks, 1);
    assert_eq!(
        of_status(&lines, 200)[0]["standing"],
        "matching",
        "{lines:#?}"
    );
}

/// Another number, without a diversion to it, beside nothing or beside the same again.
#[test]
fn digest01_case03_an_answer_of_another_number_is_none_however_often_it_is_said() {
    for times in [1, 2] {
        let other = |answering: &Provider| vec![identity(answering, "12025550120"); times];
        let (seen, called, mut asks) = call((Called::Answers, 200), other, Caller::Refused(403));
        assert!(!seen.statuses().contains(&200), "{:?}", seen.statuses());
        assert_eq!(called.received("BYE").len(), 1);
        let lines = answers(&mut asks, 1);
        let line = of_status(&lines, 200)[0];
        assert_eq!(line["standing"], "unexpected", "{line}");
        assert_eq!(line["fate"], "refused");
    }
}

/// RFC 9970 §4: who refuses proves nothing by it; the refusal is as good as without.
#[test]
fn digest01_case09_a_proof_beside_a_refusal_is_not_looked_at() {
    let beside = |answering: &Provider| vec![identity(answering, CALL.1)];
    let (seen, _, asks) = call((Called::Busy, 486), beside, Caller::Refused(486));
    assert_eq!(seen.response(486).header("CSeq"), "1 INVITE");
    assert_eq!(asks.metric("countersign_answers_total"), 0);
}

/// RFC 3262 §3: a reliable response is repeated until its PRACK, and then the called side gives up. Its proof is computed once.
#[test]
fn nobody_acknowledges_and_nobody_pays_for_that() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::IsNotAcknowledged);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let mut signs = setup.trunk(WHOLE).start();
    let setup = calling.asks(&[&answering], &udp(signs.sip()));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();

    let seen = Sipp::call(Caller::Refused(504), asks.sip())
        .header("Supported", "100rel")
        .place();

    assert_eq!(called.finish().received("PRACK").len(), 0);
    let said = seen.0.iter().filter(|message| {
        message.direction == Direction::Received && message.status() == Some(183)
    });
    let said: Vec<_> = said.map(|message| message.headers("Identity")).collect();
    assert!(said.len() > 1, "it was repeated: {seen:#?}");
    for one in &said {
        assert_eq!((one.len(), one), (1, &said[0]), "the same proof each time");
    }
    signs.until_metric(
        "countersign_signed_answers_total{trunk=\"answers\",outcome=\"signed\"}",
        1,
    );
    let lines = answers(&mut asks, 1);
    assert_eq!(of_status(&lines, 183)[0]["standing"], "matching");
    assert_eq!(of_status(&lines, 200).len(), 0);
}

/// A held answer whose certificate does not come is decided by the deadline: it passes, not validated, where that is only reported, and
/// where a proof is required the called side is hung up on and the caller told.
#[test]
fn an_answer_is_held_no_longer_than_the_deadline() {
    const DEADLINE_MILLIS: u32 = 2_000;
    for (check, caller, fate) in [
        ("report", Caller::Answered, "passed"),
        ("require", Caller::Refused(403), "refused"),
    ] {
        let (calling, answering) = (Provider::new(), Provider::new());
        // Connections come about, and nobody says anything.
        let _silent = TcpListener::bind(answering.repository()).unwrap();
        let proof = [identity(&answering, CALL.1)];
        let called = Sipp::called_saying(Called::Answers, 200, &proof);
        let setup = calling.asks(&[&answering], &udp(called.address()));
        let connected = format!("[trunks.connected]\ncheck = \"{check}\"");
        let setup = setup.trunk(WHOLE).trunk(B2BUA).trunk(&connected);
        let mut asks = setup.decides_within(DEADLINE_MILLIS).start();

        let seen = Sipp::call(caller, asks.sip()).place();

        let is_connected = seen.statuses().contains(&200);
        assert_eq!(is_connected, check == "report", "{:?}", seen.statuses());
        assert_eq!(called.finish().received("BYE").len(), 1);
        let lines = answers(&mut asks, 1);
        let line = of_status(&lines, 200)[0];
        assert_eq!(line["standing"], "not-validated", "{line}");
        assert_eq!(line["fate"], fate, "{line}");
    }
}
