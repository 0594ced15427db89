//! The keys of the media: `mky`, RFC 8225 §5.2.2.
//!
//! ```text
//!    Bob's phone ── 200, SDP with a=fingerprint, rsp with mky ──► Alice's provider
//!                          ▲
//!                      somebody changes one of the two
//! ```
//!
//! This test verifies that the keys of an answer, and of a call, are those that were signed, or that it is told.

use super::super::chains::{CAROL, call_for};
use super::*;
use countersign::call::{Call, OrigSource};
use countersign::verification::Evidence;
use countersign::verification::policy::MissingMediaKeys;
use countersign_testkit::scene::{Forgery, call};

const ONE: &str = "4AADB9B13F82183B540212DF3E5D496B19E57CAB3E4B652E7D463F5442CD54F1";
const OTHER: &str = "021ACC5427ABEB9C533F3E4B652E7D463F5442CD54F17A03A27DF9B07F4619B2";

impl Exchange {
    fn rsp_with(&self, keys: Option<MediaKeys>) -> Presented {
        let claims = Claims {
            media_keys: keys.map(Box::new),
            ..answer(BOB, NOW)
        };
        self.rsp_by(BOB, claims)
    }
}

#[test]
fn digest01_case19_the_keys_of_an_answer_are_bound_to_it() {
    let mut exchange = Exchange::new();
    let mismatch = AnswerStanding::Unexpected(Fault::MediaKeysMismatch);
    for (signed, there, expected, media) in [
        (
            Some(keys(&[ONE])),
            Some(keys(&[ONE])),
            AnswerStanding::Matching,
            MediaStanding::Bound,
        ),
        (
            Some(keys(&[OTHER, ONE])),
            Some(keys(&[ONE, OTHER])),
            AnswerStanding::Matching,
            MediaStanding::Bound,
        ),
        (
            Some(keys(&[ONE])),
            Some(keys(&[OTHER])),
            mismatch,
            MediaStanding::Mismatch,
        ),
        (
            Some(keys(&[ONE, OTHER])),
            Some(keys(&[ONE])),
            mismatch,
            MediaStanding::Mismatch,
        ),
        (
            Some(keys(&[ONE])),
            Some(keys(&[ONE, OTHER])),
            mismatch,
            MediaStanding::Mismatch,
        ),
        (Some(keys(&[ONE])), None, mismatch, MediaStanding::Mismatch),
        (
            None,
            Some(keys(&[ONE])),
            AnswerStanding::Matching,
            MediaStanding::NotSigned,
        ),
        (None, None, AnswerStanding::Matching, MediaStanding::NoKeys),
    ] {
        let case = format!("{signed:?} {there:?}");
        exchange.keys = there;
        let report = exchange.judge(vec![exchange.rsp_with(signed)]);
        assert_eq!(standing(&report), expected, "{case}");
        assert_eq!(told(&report).media, media, "{case}");
        let is_some = media != MediaStanding::NoKeys;
        assert_eq!(report.media(), is_some.then_some(media));
    }
}

#[test]
fn keys_of_an_answer_that_is_not_good_are_not_bound() {
    let mut exchange = Exchange::new();
    exchange.keys = Some(keys(&[ONE]));
    let claims = || Claims {
        media_keys: exchange.keys.clone().map(Box::new),
        ..answer(BOB, NOW)
    };
    let forged = exchange.rsp_by(MALLORY, claims());
    let report = exchange.judge(vec![forged]);
    assert_eq!(told(&report).media, MediaStanding::NotSigned);
    let report = exchange.judge(Vec::new());
    assert_eq!(told(&report).media, MediaStanding::NotSigned);
    // Of two good ones that one counts that signs them.
    let (bound, silent) = (exchange.rsp_by(BOB, claims()), exchange.rsp(BOB));
    for presented in [vec![silent.clone(), bound.clone()], vec![bound, silent]] {
        let report = exchange.judge(presented);
        assert_eq!(standing(&report), AnswerStanding::Matching);
        assert_eq!(told(&report).media, MediaStanding::Bound);
    }
}

#[test]
fn policy_may_want_keys_signed() {
    let mut exchange = Exchange::new();
    exchange.way.scene.policy.media_keys_missing = MissingMediaKeys::Fail;
    exchange.keys = Some(keys(&[ONE]));
    let report = exchange.judge(vec![exchange.rsp(BOB)]);
    assert_eq!(
        standing(&report),
        AnswerStanding::Unexpected(Fault::MediaKeysMissing)
    );
    exchange.keys = None;
    let report = exchange.judge(vec![exchange.rsp(BOB)]);
    assert_eq!(standing(&report), AnswerStanding::Matching);
}

/// A PASSporT of Alice's provider for its call to Bob, with this `mky`.
fn with_mky(exchange: &Exchange, mky: &str) -> Presented {
    let forgery = Forgery::new().payload(r#""orig""#, &format!(r#""mky":{mky},"orig""#));
    exchange.way.scene.forge(&forgery)
}

fn fingerprint(digest: &str) -> String {
    format!(r#"[{{"alg":"sha-256","dig":"{digest}"}}]"#)
}

fn calling_with(digests: &[&str]) -> Call {
    Call {
        media_keys: match digests {
            [] => None,
            digests => Some(Box::new(keys(digests))),
        },
        ..call()
    }
}

#[test]
fn digest11_case03_an_altered_fingerprint_is_438() {
    let exchange = Exchange::new();
    let judge = |mky: &str, call: &Call| exchange.way.verify(call, vec![with_mky(&exchange, mky)]);
    let good = judge(&fingerprint(ONE), &calling_with(&[ONE]));
    assert_eq!(good.verdict, Verdict::Passed);
    assert_eq!(good.media(), Some(MediaStanding::Bound));
    for there in [&[OTHER][..], &[ONE, OTHER], &[]] {
        let report = judge(&fingerprint(ONE), &calling_with(there));
        let mismatch = Verdict::Failed(Fault::MediaKeysMismatch);
        assert_eq!(report.verdict, mismatch, "{there:?}");
        assert_eq!(report.code.unwrap().number(), 438);
        assert_eq!(report.media(), Some(MediaStanding::Mismatch));
    }
}

#[test]
fn digest11_case18_lower_case_is_read_and_colons_are_not() {
    let exchange = Exchange::new();
    let there = calling_with(&[ONE]);
    let judge = |mky: &str| exchange.way.verify(&there, vec![with_mky(&exchange, mky)]);
    let lower = judge(&fingerprint(&ONE.to_ascii_lowercase()));
    assert_eq!(lower.verdict, Verdict::Passed);
    let colons = fingerprint("4A:AD:B9:B1");
    for bad in [&*colons, "[]", "{}", r#"[{"alg":"sha-256"}]"#] {
        let report = judge(bad);
        let invalid = Verdict::Failed(Fault::MediaKeysInvalid);
        assert_eq!(report.verdict, invalid, "{bad}");
        assert_eq!(report.code.unwrap().number(), 438);
    }
}

#[test]
fn digest11_case21_a_plain_passport_signs_keys_as_well() {
    let claims = |digest: &str| Claims {
        extension: Extension::Base,
        media_keys: Some(Box::new(keys(&[digest]))),
        ..answer(BOB, NOW)
    };
    let mut way = Way::new();
    way.meet(ALICE);
    let judge = |digest: &str| {
        let plain = way.diverted(ALICE, claims(digest));
        way.verify(&calling_with(&[ONE]), vec![plain]).verdict
    };
    assert_eq!(judge(ONE), Verdict::Passed);
    assert_eq!(judge(OTHER), Verdict::Failed(Fault::MediaKeysMismatch));
}

#[test]
fn a_call_without_signed_keys_is_as_policy_says() {
    let mut exchange = Exchange::new();
    let call = calling_with(&[ONE]);
    let report = exchange.way.verify(&call, vec![exchange.way.original()]);
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(report.media(), Some(MediaStanding::NotSigned));
    let media = report.passports[0].check(Check::Media);
    assert_eq!(media.evidence, &Evidence::NotSigned);
    exchange.way.scene.policy.media_keys_missing = MissingMediaKeys::Fail;
    let report = exchange.way.verify(&call, vec![exchange.way.original()]);
    let missing = Verdict::Failed(Fault::MediaKeysMissing);
    assert_eq!(report.verdict, missing);
    let plain = exchange
        .way
        .verify(&calling_with(&[]), vec![exchange.way.original()]);
    assert_eq!(plain.verdict, Verdict::Passed);
    assert_eq!(plain.media(), None);
}

#[test]
fn doors_without_sdp_judge_no_keys() {
    let exchange = Exchange::new();
    let given = Call {
        orig_from: OrigSource::Given,
        ..calling_with(&[])
    };
    let signed = with_mky(&exchange, &fingerprint(ONE));
    let report = exchange.way.verify(&given, vec![signed]);
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(report.media(), None);
}

#[test]
fn a_diverted_call_has_the_keys_of_the_call() {
    let exchange = Exchange::new();
    let diverted = |digests: &[&str]| Call {
        media_keys: Some(Box::new(keys(digests))),
        ..call_for(CAROL)
    };
    let presented = || {
        let div = exchange.way.div(BOB, CAROL);
        vec![with_mky(&exchange, &fingerprint(ONE)), div]
    };
    let good = exchange.way.verify(&diverted(&[ONE]), presented());
    assert_eq!(good.verdict, Verdict::Passed);
    assert_eq!(good.media(), Some(MediaStanding::Bound));
    let bad = exchange.way.verify(&diverted(&[OTHER]), presented());
    assert_eq!(bad.verdict, Verdict::Failed(Fault::MediaKeysMismatch));
    // And its answer has those of the answer.
    let mut exchange = Exchange::new();
    let sent = vec![signed(&with_mky(&exchange, &fingerprint(ONE)))];
    exchange.dialled = Dialled::of(sent, number(BOB), NOW).unwrap();
    exchange.keys = Some(keys(&[OTHER]));
    let claims = Claims {
        media_keys: exchange.keys.clone().map(Box::new),
        ..answer(CAROL, NOW)
    };
    let presented = vec![exchange.rsp_by(CAROL, claims), exchange.way.div(BOB, CAROL)];
    let report = exchange.judge(presented);
    assert_eq!(standing(&report), AnswerStanding::Diverted);
    assert_eq!(told(&report).media, MediaStanding::Bound);
}
