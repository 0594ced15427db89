//! What a revocation list does to a call.
//!
//! ```text
//!    Lab SHAKEN ROOT ─► Issuing CA ─► SHAKEN listed: Alice's numbers ─── signs ──► Bob's provider
//!           └─────────► STI-PA CRL ─► the list ──────────────────────── fetched before ──┘
//! ```
//!
//! This test verifies that a revoked certificate fails the call with 437, that a missing list makes it not validated or passes it by
//! rule, and that no list covers up a forgery.

use super::told;
use countersign::trust::RevocationRule;
use countersign::verification::{
    Check, Fault, Outcome, Refresh, Report, Verdict, Verstat, VerstatProfile,
};
use countersign_ca::crl::{CrlDraft, Reason, Revoked};
use countersign_testkit::administrator::{LIST_PERIOD, PolicyAdministrator, revoked};
use countersign_testkit::lab;
use countersign_testkit::scene::{ALICE, Forgery, Scene, X5U, call};
use std::sync::Arc;

const HARD: RevocationRule = RevocationRule::Hard { grace: 0 };
const SOFT: RevocationRule = RevocationRule::Soft { grace: 0 };

/// A scene in which Alice's certificate names the administrator's list, which says what `say` makes of it.
fn scene(rule: RevocationRule, say: impl FnOnce(&Scene) -> Option<Vec<Revoked>>) -> Scene {
    let mut scene = Scene::new();
    let pa = PolicyAdministrator::of(&scene.lab);
    scene.signer = pa.signer(&scene.lab, lab::numbers(ALICE, 50));
    scene.repository.publish(X5U, &scene.signer.chain);
    let trust = scene.lab.trust(2);
    let verified = |draft: CrlDraft| pa.verified(&draft, pa.pinned(), &trust).unwrap();
    let lists = say(&scene).map(|entries| verified(pa.draft(entries)));
    scene.trust = Arc::new(trust.with_crls(rule, lists.into_iter().collect()));
    scene
}

fn nobody(_: &Scene) -> Option<Vec<Revoked>> {
    Some(Vec::new())
}

fn alice(scene: &Scene) -> Option<Vec<Revoked>> {
    let certificate = scene.signer.chain.end_entity();
    Some(vec![revoked(certificate, Reason::KeyCompromise)])
}

fn nothing(_: &Scene) -> Option<Vec<Revoked>> {
    None
}

/// What became of the check, and what is said of it.
fn revocation(report: &Report) -> (Outcome, Option<String>) {
    let result = report.passports[0].checks.get(Check::Revocation);
    (result.outcome, result.detail())
}

#[test]
fn a_certificate_that_is_on_no_list_passes() {
    let scene = scene(HARD, nobody);
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(told(&report), (Verdict::Passed, None));
    let (outcome, detail) = revocation(&report);
    assert_eq!(outcome, Outcome::Passed);
    assert!(detail.unwrap().contains("2026-11-06T00:00:00Z"));
}

#[test]
fn digest12_case08_a_revoked_certificate_is_437_and_failed() {
    for rule in [HARD, SOFT] {
        let scene = scene(rule, alice);
        let report = scene.verify(&call(), scene.present(&call()));
        assert_eq!(told(&report), (Verdict::Failed(Fault::Revoked), Some(437)));
        for profile in [VerstatProfile::Atis1000082, VerstatProfile::Field] {
            assert_eq!(report.verdict.verstat(profile), Verstat::Failed);
        }
        let checks = &report.passports[0].checks;
        assert_eq!(checks.get(Check::Path).outcome, Outcome::Passed);
        let (outcome, detail) = revocation(&report);
        assert_eq!(outcome, Outcome::Failed(Fault::Revoked));
        assert!(detail.unwrap().contains("keyCompromise"));
    }
}

#[test]
fn where_nobody_asks_nothing_is_told() {
    let scene = scene(RevocationRule::Off, alice);
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(revocation(&report), (Outcome::Skipped, None));
}

#[test]
fn a_missing_list_is_not_validated_or_passes_by_rule() {
    let hard = scene(HARD, nothing);
    let report = hard.verify(&call(), hard.present(&call()));
    let unknown = Fault::RevocationUnknown;
    assert_eq!(told(&report), (Verdict::NotValidated(unknown), Some(437)));
    let atis = report.verdict.verstat(VerstatProfile::Atis1000082);
    assert_eq!(atis, Verstat::NoValidation);
    assert_eq!(revocation(&report).0, Outcome::Unavailable(unknown));
    assert!(report.complaints().is_empty(), "it is no error of theirs");

    let soft = scene(SOFT, nothing);
    let report = soft.verify(&call(), soft.present(&call()));
    assert_eq!(report.verdict, Verdict::Passed);
    let (outcome, detail) = revocation(&report);
    assert_eq!(outcome, Outcome::Skipped);
    assert!(detail.unwrap().contains("is not here"));
}

/// A forgery is a forgery, whether or not anybody knows about the certificate it abuses.
#[test]
fn a_bad_signature_outweighs_a_missing_list() {
    let scene = scene(HARD, nothing);
    let forged = Forgery::new().sign(&*lab::new_key());
    let report = scene.verify(&call(), forged);
    assert_eq!(told(&report).0, Verdict::Failed(Fault::SignatureInvalid));
}

/// The list is out of date a day later, and the verdict that rested on it is not remembered beyond.
#[test]
fn a_verdict_does_not_outlive_its_list() {
    let scene = scene(HARD, nobody);
    let in_time = scene.verify(&call(), scene.present(&call()));
    assert_eq!(in_time.verdict, Verdict::Passed);
    let late = LIST_PERIOD + 1;
    let (then, now) = (lab::NOW.as_secs(), lab::NOW.as_secs() + late);
    let forged = scene.forge(&Forgery::new().payload(&then.to_string(), &now.to_string()));
    let report = scene.verify_at(late, &call(), vec![Ok(forged)]);
    assert_eq!(
        told(&report).0,
        Verdict::NotValidated(Fault::RevocationUnknown)
    );
}

/// The provider was revoked and has a new certificate under the same URL; the cache holds the old one.
#[test]
fn a_cached_chain_that_is_revoked_is_asked_for_again() {
    let mut scene = scene(HARD, alice);
    let refused = (Verdict::Failed(Fault::Revoked), Some(437));
    for _ in 0..2 {
        let report = scene.verify(&call(), scene.present(&call()));
        assert_eq!(told(&report), refused);
    }
    let asked = |scene: &Scene| -> Vec<Refresh> {
        let requests = scene.repository.requests().into_iter();
        requests.map(|(_, refresh)| refresh).collect()
    };
    let confirmed = [Refresh::No, Refresh::No, Refresh::Conditional];
    assert_eq!(asked(&scene), confirmed, "the origin has no other");
    let pa = PolicyAdministrator::of(&scene.lab);
    let old = revoked(scene.signer.chain.end_entity(), Reason::KeyCompromise);
    let draft = pa.draft(vec![old]);
    scene.signer = pa.signer(&scene.lab, lab::numbers(ALICE, 50));
    scene.repository.publish(X5U, &scene.signer.chain);
    let trust = scene.lab.trust(3);
    let list = pa.verified(&draft, pa.pinned(), &trust).unwrap();
    scene.trust = Arc::new(trust.with_crls(HARD, vec![list]));
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(asked(&scene)[3..], confirmed[1..]);
}
