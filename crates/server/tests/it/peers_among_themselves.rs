//! The control of every experiment with foreign peers: they understand each other, and refuse each other, without us.
//!
//! ```text
//!     SIPp ──► Kamailio signs ──► Kamailio changes ──► Kamailio verifies ──► SIPp
//!                                  (nothing, or one thing)     │
//!                                                              └─ https ─► repository
//! ```
//!
//! This test verifies that what the other tests rest on can fail: a Kamailio that believed everything would prove nothing about
//! the signatures we make.

use crate::peers::{Called, Caller, Change, Kamailio, Lab, Repository, Sipp, Trace};

/// Who the verifier believes.
enum Anchors {
    /// The authorities that the lab uses.
    TheLabs,
    /// Another authority for calls.
    AnotherForCalls,
    /// Another authority for https.
    AnotherForTheWeb,
}

/// Places one call through the three Kamailios: what the caller saw, and the called side if it was reached.
#[track_caller]
fn call(caller: Caller, change: Change, anchors: &Anchors) -> (Trace, Option<Trace>) {
    let (lab, other) = (Lab::new(), Lab::new());
    let (calls, web) = match anchors {
        Anchors::TheLabs => (&lab.calls, &lab.web),
        Anchors::AnotherForCalls => (&other.calls, &lab.web),
        Anchors::AnotherForTheWeb => (&lab.calls, &other.web),
    };
    let repository = Repository::serve(
        &[("chain.pem", &lab.calls.chain)],
        &lab.web.chain,
        &lab.web.key,
    );
    let called = Sipp::called(Called::Answers);
    let verifies = Kamailio::verifies(called.address(), &calls.anchor, &web.anchor);
    let changes = Kamailio::changes(verifies.address(), change);
    let signs = Kamailio::signs(
        changes.address(),
        &lab.calls.key,
        &repository.url("chain.pem"),
    );
    let seen = Sipp::call(caller, signs.address()).place();
    let fetches = usize::from(!matches!(anchors, Anchors::AnotherForTheWeb));
    assert_eq!(
        repository.fetches("chain.pem"),
        fetches,
        "{}",
        verifies.log()
    );
    if caller == Caller::Answered {
        return (seen, Some(called.finish()));
    }
    called.was_not_called();
    (seen, None)
}

#[track_caller]
fn refused_for(change: Change, anchors: &Anchors, reason: &str) {
    let (seen, _) = call(Caller::Refused(438), change, anchors);
    assert_eq!(seen.response(438).header("X-Identity-Check"), reason);
}

#[test]
fn a_call_that_nobody_changed_passes() {
    let (_, called) = call(Caller::Answered, Change::Nothing, &Anchors::TheLabs);
    let called = called.unwrap();
    let invite = called.invite();
    assert_eq!(invite.header("X-Identity-Check"), "passed");
    assert!(invite.header("Identity").ends_with(";alg=ES256;ppt=shaken"));
}

#[test]
fn one_bit_of_the_signature_is_noticed() {
    refused_for(Change::Signature, &Anchors::TheLabs, "-251");
}

#[test]
fn one_digit_of_the_caller_is_noticed() {
    refused_for(Change::From, &Anchors::TheLabs, "orig");
}

#[test]
fn one_digit_of_the_called_side_is_noticed() {
    refused_for(Change::To, &Anchors::TheLabs, "dest");
}

#[test]
fn a_chain_to_a_foreign_anchor_is_refused() {
    refused_for(Change::Nothing, &Anchors::AnotherForCalls, "-101");
}

#[test]
fn a_repository_that_the_web_does_not_know_is_refused() {
    refused_for(Change::Nothing, &Anchors::AnotherForTheWeb, "-402");
}

/// One call through one proxy that changes nothing: what both ends saw.
#[track_caller]
fn through_one_proxy(caller: Caller, called: Called) -> (Trace, Trace) {
    let called = Sipp::called(called);
    let proxy = Kamailio::changes(called.address(), Change::Nothing);
    let seen = Sipp::call(caller, proxy.address())
        .from("12025550110")
        .to("12025550111")
        .header("X-Mark", "one")
        .header("X-Mark", "two")
        .place();
    (seen, called.finish())
}

#[test]
fn a_cancelled_call_ends_with_487() {
    let (seen, called) = through_one_proxy(Caller::Cancels, Called::Rings);
    assert_eq!(seen.statuses(), [100, 180, 200, 487]);
    assert_eq!(called.received("CANCEL").len(), 1);
}

#[test]
fn a_busy_called_side_is_told_to_the_caller() {
    let (seen, called) = through_one_proxy(Caller::Refused(486), Called::Busy);
    assert_eq!(seen.statuses(), [100, 486]);
    let invite = called.invite();
    assert_eq!(invite.headers("X-Mark"), ["one", "two"]);
    assert!(invite.header("From").contains("sip:12025550110@"));
    assert!(invite.header("To").contains("sip:12025550111@"));
}

#[test]
fn lost_answers_make_both_the_caller_and_the_proxy_repeat() {
    let (seen, called) = through_one_proxy(Caller::Repeats, Called::Slow);
    let sent = seen.sent("INVITE");
    assert!(sent.len() > 1, "the caller repeats: {seen:#?}");
    // So does the proxy, since the called side was slow; it has one call of it all the same.
    assert!(called.received("INVITE").len() > 1, "{called:#?}");
    called.invite();
}

#[test]
fn a_call_may_begin_over_tcp() {
    let called = Sipp::called(Called::Answers);
    let proxy = Kamailio::changes(called.address(), Change::Nothing);
    let seen = Sipp::call(Caller::Answered, proxy.address())
        .over_tcp()
        .place();
    assert!(seen.response(200).header("Via").starts_with("SIP/2.0/TCP "));
    called.finish();
}

#[test]
#[should_panic(expected = "the scenario failed")]
fn another_answer_than_the_expected_one_fails_the_caller() {
    let called = Sipp::called(Called::Busy);
    Sipp::call(Caller::Refused(438), called.address()).place();
}
