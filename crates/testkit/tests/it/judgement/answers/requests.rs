//! An answer in a request: RFC 9970 §9, "Any "rsp" PASSporTs received in requests MUST be ignored."
//!
//! ```text
//!    somebody ── INVITE, rsp: Alice to Bob ──► Bob's provider
//! ```
//!
//! This test verifies that it is as if it were not there, whatever it is, and that it costs nothing.

use super::super::chains::{CAROL, call_for};
use super::*;
use countersign::verification::policy::{IdentityRequirement, UnsupportedPpt};
use countersign_testkit::scene::call;

#[test]
fn digest01_case08_an_answer_in_a_request_is_ignored() {
    let mut exchange = Exchange::new();
    let rsp = exchange.rsp(BOB);
    for policy in [UnsupportedPpt::Ignore, UnsupportedPpt::Refuse] {
        exchange.way.scene.policy.unsupported_ppt = policy;
        for ppt in [Some("rsp".into()), Some("RSP".into()), None] {
            let rsp = Presented { ppt, ..rsp.clone() };
            let alone = exchange.way.verify(&call(), vec![rsp.clone()]);
            assert_eq!(alone.verdict, Verdict::Unsigned);
            assert_eq!(alone.code, None);
            assert_eq!(exchange.fetches(), 0);
            assert!(alone.complaints().is_empty());
        }
    }
    exchange.way.scene.policy.identity = IdentityRequirement::Required;
    let alone = exchange.way.verify(&call(), vec![rsp.clone()]);
    assert_eq!(alone.verdict, Verdict::Unsigned);
    assert_eq!(alone.code.unwrap().number(), 428);
    let beside = vec![rsp, exchange.way.original()];
    let report = exchange.way.verify(&call(), beside);
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(report.answer, None);
}

#[test]
fn digest01_case08_not_even_a_hundred_of_them_keep_a_call_from_being_judged() {
    let exchange = Exchange::new();
    let mut presented = vec![exchange.rsp(BOB); 100];
    presented.push(exchange.way.original());
    let mut garbage = exchange.rsp(BOB);
    garbage.token = "garbage".into();
    presented.push(garbage);
    let report = exchange.way.verify(&call(), presented);
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(exchange.fetches(), 1);
}

#[test]
fn digest01_case08_an_answer_is_no_member_of_a_chain() {
    let exchange = Exchange::new();
    // As if Bob had diverted a call that the answer were the original of.
    let presented = vec![exchange.rsp(BOB), exchange.way.div(BOB, CAROL)];
    let report = exchange.way.verify(&call_for(CAROL), presented);
    assert_ne!(report.verdict, Verdict::Passed);
    assert!(
        report.passports[0]
            .chain
            .as_ref()
            .is_none_or(|chain| chain.referred_by.is_empty())
    );
}
