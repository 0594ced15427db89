//! The same signature again: a retransmission, a fork, a spiral, or a replay.
//!
//! ```text
//!    Alice's provider ── Identity ──► Bob's provider
//!    Mallory, who heard it ── the same Identity, a call of his own ──► Bob's provider
//! ```
//!
//! This test verifies that the same Call-ID and From tag are never a replay, that another one inside the window is, and that
//! nobody can plant a signature for somebody else's call.

use super::told;
use countersign::call::{Call, CallReference};
use countersign::verification::policy::{Replay, Thoroughness};
use countersign::verification::{Check, Fault, Sighting, Verdict};
use countersign_testkit::scene::{Forgery, MALLORY, Scene, call, number, reference};

fn from(call_id: &str, tag: &str) -> Call {
    Call {
        reference: Some(reference(call_id, tag)),
        ..call()
    }
}

#[test]
fn observed_by_default_and_refused_if_enforced() {
    for (replay, verdict, code) in [
        (Replay::Observe, Verdict::Passed, None),
        (Replay::Enforce, Verdict::Failed(Fault::Replayed), Some(438)),
    ] {
        let scene = Scene::new().with_policy(|policy| policy.replay = replay);
        let presented = scene.present(&call());
        let first = scene.verify(&from("a@h", "1"), presented.clone());
        assert_eq!(first.passports[0].sighting, Some(Sighting::First));
        // The same request again: retransmitted, forked, or come round once more.
        let again = scene.verify(&from("a@h", "1"), presented.clone());
        assert_eq!(again.verdict, Verdict::Passed);
        assert_eq!(again.passports[0].sighting, Some(Sighting::Again));
        for other in [from("b@h", "1"), from("a@h", "2")] {
            let report = scene.verify(&other, presented.clone());
            assert_eq!(told(&report), (verdict, code));
            let passport = &report.passports[0];
            assert_eq!(passport.sighting, Some(Sighting::OtherCall));
            let detail = passport.check(Check::Replay).detail().unwrap();
            assert!(
                detail.ends_with("replayed: seen with another call"),
                "{detail}"
            );
            assert_eq!(passport.token.proven().is_some(), replay == Replay::Observe);
        }
    }
}

/// What was signed for the INVITE, or for another call, is no proof of the BYE: whatever the policy has for calls, unless it is off.
#[test]
fn a_request_inside_a_dialog_is_signed_for_itself() {
    let within = |cseq: &str| Call {
        reference: Some(CallReference {
            within: Some(cseq.as_bytes().into()),
            ..reference("a@h", "1")
        }),
        ..call()
    };
    let replayed = Verdict::Failed(Fault::Replayed);
    for (replay, expected) in [
        (Replay::Off, Verdict::Passed),
        (Replay::Observe, replayed),
        (Replay::Enforce, replayed),
    ] {
        let scene = Scene::new().with_policy(|policy| policy.replay = replay);
        let of_invite = scene.present(&call());
        let first = scene.verify(&from("a@h", "1"), of_invite.clone());
        assert_eq!(first.verdict, Verdict::Passed);
        let bye = scene.verify(&within("2 BYE"), of_invite);
        assert_eq!(bye.verdict, expected, "{replay:?}");
        let of_update = scene.present(&call());
        for _ in 0..2 {
            let update = scene.verify(&within("3 UPDATE"), of_update.clone());
            assert_eq!(update.verdict, Verdict::Passed, "repeated is no replay");
        }
        let bye = scene.verify(&within("4 BYE"), of_update);
        assert_eq!(bye.verdict, expected, "{replay:?}");
    }
}

#[test]
fn off_where_the_call_has_no_reference_or_policy_says_so() {
    let scene = Scene::new().with_policy(|policy| policy.replay = Replay::Enforce);
    let presented = scene.present(&call());
    let by_http = Call {
        reference: None,
        ..call()
    };
    for _ in 0..2 {
        let report = scene.verify(&by_http, presented.clone());
        assert_eq!(
            (report.verdict, report.passports[0].sighting),
            (Verdict::Passed, None)
        );
    }
    let scene = scene.with_policy(|policy| policy.replay = Replay::Off);
    for call_id in ["a@h", "b@h"] {
        assert_eq!(
            scene.verify(&from(call_id, "1"), presented.clone()).verdict,
            Verdict::Passed
        );
    }
}

/// What did not prove itself leaves no trace: neither a forged signature, nor a good one with the wrong call.
#[test]
fn nobody_plants_a_signature_for_a_call_to_come() {
    let scene = Scene::new().with_policy(|policy| {
        policy.replay = Replay::Enforce;
        policy.thoroughness = Thoroughness::EveryCheck;
    });
    let presented = scene.present(&call());
    let mut other_caller = from("mallory@h", "1");
    other_caller.orig = Some(number(MALLORY));
    assert_eq!(
        scene.verify(&other_caller, presented.clone()).verdict,
        Verdict::Failed(Fault::OrigMismatch)
    );
    let mut nobody = from("mallory@h", "2");
    nobody.orig = None;
    assert_eq!(
        scene.verify(&nobody, presented.clone()).verdict,
        Verdict::NotValidated(Fault::CallerUnknown)
    );
    let forged = Forgery::new().sign(&*countersign_testkit::lab::new_key());
    assert_eq!(
        scene.verify(&from("mallory@h", "3"), forged).verdict,
        Verdict::Failed(Fault::SignatureInvalid)
    );
    let real = scene.verify(&from("a@h", "1"), presented);
    assert_eq!(
        (real.verdict, real.passports[0].sighting),
        (Verdict::Passed, Some(Sighting::First))
    );
}
