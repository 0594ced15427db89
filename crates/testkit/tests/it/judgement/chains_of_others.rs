//! Diversions that were taken from other calls, and more headers than anybody needs.
//!
//! ```text
//!    Alice ──► Bob ┄┄► Carol         what was signed for other calls, put beside hers:
//!    Mallory ──► Bob ──► Carol       another caller
//!    Alice ──► Erin ──► Carol        another called party
//!    Alice ──► Bob ──► Erin          another target
//!    Alice ──► Bob ──► Carol         the same, an hour ago
//! ```
//!
//! This test verifies that no call gets anywhere by the diversion of another, that a chain may be as long as headers are judged and in any
//! order, and that a hundred headers cost nothing.

use super::chains::{CAROL, DAVE, ERIN, Way, call_for, claims};
use super::told;
use countersign::passport::{Claims, Presented};
use countersign::time::UnixTime;
use countersign::verification::policy::MAX_IDENTITY_HEADERS;
use countersign::verification::{Fault, Verdict};
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{BOB, MALLORY, number};
use proptest::prelude::*;

#[test]
fn the_diversion_of_another_call_is_no_link() {
    let way = Way::new();
    let other_caller = Claims {
        orig: number(MALLORY),
        ..claims(BOB, CAROL)
    };
    let an_hour_ago = Claims {
        iat: UnixTime::from_secs(NOW.as_secs() - 3_600),
        ..claims(BOB, CAROL)
    };
    for (other, div) in [
        ("caller", way.diverted(BOB, other_caller)),
        ("called party", way.div(ERIN, CAROL)),
        ("target", way.div(BOB, ERIN)),
        ("time", way.diverted(BOB, an_hour_ago)),
    ] {
        for headers in [
            vec![way.original(), div.clone()],
            vec![div.clone(), way.original()],
            vec![div],
        ] {
            let report = way.verify(&call_for(CAROL), headers);
            assert_ne!(report.verdict, Verdict::Passed, "{other}");
            let consequences = report.consequences();
            assert!(consequences.is_none_or(|so| so.caller.is_none()), "{other}");
        }
    }
    // The one that was made for it is.
    let headers = vec![way.original(), way.div(BOB, CAROL)];
    assert_eq!(
        way.verify(&call_for(CAROL), headers).verdict,
        Verdict::Passed
    );
}

/// A number for each place in a long chain, each with a provider of its own.
fn place(at: usize) -> String {
    format!("120255501{:02}", 20 + at)
}

/// Alice's call to Bob, diverted as often as headers are judged, and once more.
fn long_chain() -> (Way, Vec<Presented>, Vec<String>) {
    let mut called = vec![BOB.to_owned()];
    called.extend((1..=MAX_IDENTITY_HEADERS).map(place));
    let mut way = Way::new();
    for who in &called[1..] {
        way.meet(who);
    }
    let mut headers = vec![way.original()];
    headers.extend(called.windows(2).map(|step| way.div(&step[0], &step[1])));
    (way, headers, called)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn digest12_case25_a_chain_as_long_as_headers_are_judged_passes_in_any_order(
        order in Just((0..MAX_IDENTITY_HEADERS).collect::<Vec<_>>()).prop_shuffle()
    ) {
        thread_local! {
            static LONG: (Way, Vec<Presented>, Vec<String>) = long_chain();
        }
        LONG.with(|(way, headers, called)| {
            let shuffled = order.iter().map(|at| headers[*at].clone()).collect();
            let last = &called[MAX_IDENTITY_HEADERS - 1];
            let report = way.verify(&call_for(last), shuffled);
            assert_eq!(told(&report), (Verdict::Passed, None));
            assert_eq!(report.passports.len(), MAX_IDENTITY_HEADERS);
        });
    }
}

#[test]
fn one_header_more_is_not_judged_and_neither_are_a_hundred() {
    let (way, headers, called) = long_chain();
    let refused = (
        Verdict::NotValidated(Fault::TooManyIdentityHeaders),
        Some(438),
    );
    let last = called.last().unwrap();
    let report = way.verify(&call_for(last), headers);
    assert_eq!(told(&report), refused);
    let hundred = vec![way.original(); 100];
    let report = way.verify(&call_for(BOB), hundred);
    assert_eq!(told(&report), refused);
    assert!(report.passports.is_empty() && report.consequences().is_none());
    assert!(
        way.scene.repository.requests().is_empty(),
        "it buys no fetch"
    );
    // Another who was called on the way is not reached by a part of it.
    let short = vec![way.original(), way.div(BOB, CAROL)];
    let report = way.verify(&call_for(DAVE), short);
    assert_ne!(report.verdict, Verdict::Passed);
}
