//! What the certificate decides: whether it is trusted, valid, for this number, and still the right one.
//!
//! ```text
//!    Lab SHAKEN ROOT ─► Issuing CA ─► SHAKEN numbers 12025550100..149
//!                                         │ published at x5u, renewed under the same URL
//! ```
//!
//! This test verifies that faults of the path are 437, that authority is the path's and not the token's, and that a renewed
//! certificate costs one conditional request and no call.

use super::told;
use countersign::call::Call;
use countersign::certificate::Certificate;
use countersign::crypto::SigningKey;
use countersign::time::Validity;
use countersign::verification::policy::{Order, Thoroughness};
use countersign::verification::{Fault, Refresh, Unavailable, Verdict, Verstat, VerstatProfile};
use countersign_ca::{Profile, Request};
use countersign_testkit::lab::{self, Lab, NOW, Signer};
use countersign_testkit::scene::{ALICE, Forgery, MALLORY, Scene, X5U, call, number};

const DAY: i64 = 86_400;

/// A signer of Alice's numbers whose certificate is valid from `from` to `to`, in seconds from now.
fn signer(lab: &Lab, from: i64, to: i64) -> Signer {
    let key = lab::new_key();
    let list = countersign::certificate::TnAuthList::new(vec![lab::numbers(ALICE, 50)]).unwrap();
    let request = Request::new(
        Profile::EndEntity,
        lab::subject("SHAKEN numbers"),
        key.public_key(),
    )
    .with_scope(list);
    let validity = Validity {
        not_before: NOW.saturating_add(from),
        not_after: NOW.saturating_add(to),
    };
    let certificate = lab
        .intermediate()
        .issue(&request, lab.next_serial(), validity)
        .unwrap();
    chain_of(key, &certificate, lab)
}

fn chain_of(
    key: std::sync::Arc<countersign::crypto::EcdsaP256Key>,
    certificate: &Certificate,
    lab: &Lab,
) -> Signer {
    Signer {
        key,
        chain: lab::chain(&[certificate, lab.intermediate().certificate()]),
    }
}

/// A scene in which Alice's provider has this signer.
fn with(signer: impl FnOnce(&Lab) -> Signer) -> Scene {
    let mut scene = Scene::new();
    scene.signer = signer(&scene.lab);
    scene.repository.publish(X5U, &scene.signer.chain);
    scene
}

#[test]
fn users_cases_018_to_020_expired_not_yet_valid_untrusted() {
    for (case, fault, scene) in [
        (
            "200 expired",
            Fault::CertificateExpired,
            with(|lab| signer(lab, -DAY, -1)),
        ),
        (
            "201 future",
            Fault::CertificateNotYetValid,
            with(|lab| signer(lab, 1, DAY)),
        ),
        (
            "204 untrusted",
            Fault::PathUntrusted,
            with(|_| Lab::new().numbers(ALICE, 50)),
        ),
    ] {
        let report = scene.verify(&call(), scene.forge(&Forgery::new()));
        assert_eq!(told(&report), (Verdict::Failed(fault), Some(437)), "{case}");
        assert_eq!(
            report.verdict.verstat(VerstatProfile::Atis1000082),
            Verstat::Failed,
            "E17"
        );
        assert!(
            report.passports[0].signer.is_none(),
            "{case}: nobody vouches for the signer's name"
        );
    }
}

#[test]
fn digest02_case12_and_case13_untrusted_root_and_orig_out_of_scope() {
    let scene = Scene::new();
    let mut outside = call();
    outside.orig = Some(number(MALLORY));
    let report = scene.verify(
        &outside,
        scene.forge(&Forgery::new().payload(ALICE, MALLORY)),
    );
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::NotCovered), Some(437))
    );
    let signer = report.passports[0].signer.as_ref().unwrap();
    assert_eq!(
        signer.coverage,
        Some(countersign::certificate::Coverage::NotCovered)
    );
}

#[test]
fn digest02_case19_untrusted_ca_and_stale_together() {
    for (order, fault, code) in [
        (Order::Rfc8224, Fault::PathUntrusted, 437),
        (Order::Atis, Fault::IatStale, 403),
    ] {
        let scene = with(|_| Lab::new().numbers(ALICE, 50)).with_policy(|policy| {
            policy.order = order;
            policy.thoroughness = Thoroughness::EveryCheck;
        });
        let report = scene.verify_at(61, &call(), vec![Ok(scene.forge(&Forgery::new()))]);
        assert_eq!(told(&report), (Verdict::Failed(fault), Some(code)));
    }
}

/// The certificate is valid now, but was not at the time that the token claims.
#[test]
fn iat_must_lie_in_the_validity_of_the_certificate() {
    let scene = with(|lab| signer(lab, 5, DAY));
    let presented = scene.forge(&Forgery::new());
    let report = scene.verify_at(10, &call(), vec![Ok(presented)]);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::IatOutsideValidity), Some(437))
    );
}

#[test]
fn another_certificate_of_the_same_provider_does_not_fit_the_signature() {
    let scene = Scene::new();
    scene
        .repository
        .publish(X5U, &scene.lab.numbers(ALICE, 50).chain);
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SignatureInvalid), Some(438))
    );
    assert_eq!(
        scene.repository.requests().len(),
        1,
        "it was fetched a moment ago: no second request"
    );
}

/// The cache holds the certificate that was there yesterday; the signer has a new key since.
fn renewed() -> Scene {
    let mut scene = Scene::new();
    assert_eq!(
        scene.verify(&call(), scene.present(&call())).verdict,
        Verdict::Passed
    );
    scene.signer = scene.lab.numbers(ALICE, 50);
    scene.repository.publish(X5U, &scene.signer.chain);
    scene
}

fn asked(scene: &Scene) -> Vec<Refresh> {
    scene
        .repository
        .requests()
        .into_iter()
        .map(|(_, refresh)| refresh)
        .collect()
}

#[test]
fn a_renewed_certificate_costs_one_conditional_request() {
    let scene = renewed();
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(
        asked(&scene),
        [Refresh::No, Refresh::No, Refresh::Conditional]
    );
    scene.verify(&call(), scene.present(&call()));
    assert_eq!(asked(&scene).len(), 4, "and the next call none");
}

#[test]
fn a_bad_signature_under_a_cached_certificate_fails_only_after_the_origin_was_asked() {
    let scene = Scene::new();
    scene.verify(&call(), scene.present(&call()));
    let forged = Forgery::new().sign(&*lab::new_key());
    let report = scene.verify(&call(), forged);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SignatureInvalid), Some(438))
    );
    assert_eq!(
        asked(&scene),
        [Refresh::No, Refresh::No, Refresh::Conditional]
    );
}

/// The provider forgot the intermediate certificate, saw its calls fail, and mended the list under the same URL.
#[test]
fn a_list_that_led_nowhere_yesterday_is_asked_for_again() {
    let scene = Scene::new();
    let mended = scene.signer.chain.clone();
    scene
        .repository
        .publish(X5U, &lab::chain(&[mended.end_entity()]));
    let untrusted = (Verdict::Failed(Fault::PathUntrusted), Some(437));
    assert_eq!(
        told(&scene.verify(&call(), scene.present(&call()))),
        untrusted
    );
    assert_eq!(
        told(&scene.verify(&call(), scene.present(&call()))),
        untrusted
    );
    let conditional = [Refresh::No, Refresh::No, Refresh::Conditional];
    assert_eq!(asked(&scene), conditional, "the origin confirmed it");
    scene.repository.publish(X5U, &mended);
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(told(&report), (Verdict::Passed, None));
    scene.verify(&call(), scene.present(&call()));
    assert_eq!(asked(&scene).len(), 6, "and from then on the cache will do");
}

#[test]
fn if_the_origin_cannot_be_asked_nobody_knows() {
    let scene = renewed();
    scene.repository.fail(Unavailable::TimedOut);
    let report = scene.verify(&call(), scene.present(&call()));
    let verdict = Verdict::NotValidated(Fault::CertificateUnavailable);
    assert_eq!(told(&report), (verdict, Some(436)));
}

/// RFC 8226 §4 allows RSA, and SHAKEN P-384 for authorities: we cannot check them yet, which is no fault of the call's.
#[test]
fn users_case_66_an_algorithm_that_we_do_not_know_is_not_validated() {
    let scene = Scene::new();
    // ecdsa-with-SHA384 instead of SHA256, in both places; the signature would have to be another, but nobody can tell.
    let (sha256, sha384) = (
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
    );
    let mut der = scene.signer.chain.end_entity().as_der().to_vec();
    for at in 0..der.len() - sha256.len() {
        if der[at..].starts_with(&sha256) {
            der[at..at + sha256.len()].copy_from_slice(&sha384);
        }
    }
    let certificate = Certificate::parse(&der).unwrap();
    let signer = chain_of(scene.signer.key.clone(), &certificate, &scene.lab);
    scene.repository.publish(X5U, &signer.chain);
    let report = scene.verify(&call(), scene.present(&call()));
    let verdict = Verdict::NotValidated(Fault::CertificateUnsupported);
    assert_eq!(told(&report), (verdict, Some(437)));
}

#[test]
fn what_one_domain_trusts_another_does_not() {
    let scene = Scene::new();
    let presented = scene.present(&call());
    assert_eq!(
        scene.verify(&call(), presented.clone()).verdict,
        Verdict::Passed
    );
    let mut elsewhere = scene;
    elsewhere.trust = std::sync::Arc::new(Lab::new().trust(1));
    let report = elsewhere.verify(
        &Call {
            reference: None,
            ..call()
        },
        presented,
    );
    assert_eq!(report.verdict, Verdict::Failed(Fault::PathUntrusted));
}
