//! Whoever tells more about a caller that is not their own.

use super::super::told;
use super::*;
use countersign::verification::{Check, Fault, Purpose, Verdict};
use countersign_testkit::lab::{self, Signer};
use countersign_testkit::scene::{MALLORY, X5U};

const ZORIN_X5U: &str = "https://cert.example.org/zorin.pem";
const ZORIN: &str = "Zorin Industries";

/// A scene with a third party whose numbers are others, trusted or not.
fn scene(trusted: &[&str]) -> (Scene, Signer) {
    let scene = Scene::new().with_policy(|policy| {
        policy.rich.signers = trusted.iter().map(|name| Box::from(*name)).collect();
    });
    let zorin = scene.lab.end_entity(ZORIN, vec![lab::numbers(MALLORY, 1)]);
    scene.repository.publish(ZORIN_X5U, &zorin.chain);
    (scene, zorin)
}

/// What the third party says of Alice, in this name.
fn smythe(zorin: &Signer, issuer: &str) -> Presented {
    let claims = format!(r#""iss":"{issuer}","rcd":{{"nam":"James St. John Smythe"}}"#);
    let forgery = rcd(&claims).header(X5U, ZORIN_X5U);
    Presented {
        info: Some(ZORIN_X5U.into()),
        ppt: Some("rcd".into()),
        ..forgery.sign(&*zorin.key)
    }
}

#[test]
fn digest10_case12_a_trusted_third_party_is_heard_beside_the_callers_own() {
    let (scene, zorin) = scene(&[ZORIN]);
    let third = smythe(&zorin, ZORIN);
    for headers in [
        vec![Ok(scene.present(&call())), Ok(third.clone())],
        vec![Ok(third.clone()), Ok(scene.present(&call()))],
    ] {
        let report = scene.verify_at(0, &call(), headers);
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert!(
            report
                .passports
                .iter()
                .all(|one| one.verdict == Verdict::Passed)
        );
        let name = shown(&report).unwrap().name;
        assert_eq!(name.as_deref(), Some("James St. John Smythe"));
    }
}

#[test]
fn digest10_case12_a_third_party_alone_proves_no_call_and_shows_nothing() {
    let (scene, zorin) = scene(&[ZORIN]);
    let report = scene.verify(&call(), smythe(&zorin, ZORIN));
    assert_eq!(report.passports[0].verdict, Verdict::Passed);
    assert_eq!(report.passports[0].purpose, Purpose::RichData);
    assert_eq!(report.verdict, Verdict::Unsigned);
    assert_eq!(shown(&report), None);
    // Nor beside one that is forged.
    let forged = Forgery::new().sign(&*lab::new_key());
    let report = scene.verify_at(0, &call(), vec![Ok(forged), Ok(smythe(&zorin, ZORIN))]);
    assert_eq!(report.verdict, Verdict::Failed(Fault::SignatureInvalid));
    assert_eq!(shown(&report), None);
}

#[test]
fn digest10_case12_who_is_not_on_the_list_is_ignored() {
    let (scene, zorin) = scene(&["Somebody Else"]);
    let both = vec![Ok(scene.present(&call())), Ok(smythe(&zorin, ZORIN))];
    let report = scene.verify_at(0, &call(), both);
    assert_eq!(report.verdict, Verdict::Passed);
    let ignored = Verdict::NotValidated(Fault::RichSignerUntrusted);
    assert_eq!(report.passports[1].verdict, ignored);
    assert_eq!(shown(&report), None);
}

/// RFC 9795 §10.1: "the value of "iss" MUST reflect the Subject of the certificate used to sign a third-party PASSporT."
#[test]
fn nobody_signs_in_the_name_of_one_who_is_trusted() {
    let (scene, zorin) = scene(&["Honest Data", "Countersign Lab"]);
    let verdict = |issuer: &str| {
        let both = vec![Ok(scene.present(&call())), Ok(smythe(&zorin, issuer))];
        scene.verify_at(0, &call(), both).passports[1].verdict
    };
    assert_eq!(
        verdict("Honest Data"),
        Verdict::Failed(Fault::RichIssuerMismatch)
    );
    assert_eq!(
        verdict("zorin industries"),
        Verdict::Failed(Fault::RichIssuerMismatch)
    );
    assert_eq!(
        verdict("Countersign Lab"),
        Verdict::Passed,
        "the organization is a name, too"
    );
}

/// The caller's own word comes first; what it does not say, a third party may.
#[test]
fn the_callers_own_name_goes_before_that_of_a_third_party() {
    let (scene, zorin) = scene(&[ZORIN]);
    let shown_with = |claims: &str| {
        let own = presented(&scene, &shaken_and(claims));
        let report = scene.verify_at(0, &call(), vec![Ok(smythe(&zorin, ZORIN)), Ok(own)]);
        assert_eq!(
            report.passports[0].check(Check::Authority).outcome.name(),
            "passed"
        );
        shown(&report).unwrap()
    };
    let own = shown_with(r#""crn":"Rendezvous","rcd":{"nam":"Alice"}"#);
    assert_eq!(
        (own.name.as_deref(), own.reason.as_deref()),
        (Some("Alice"), Some("Rendezvous"))
    );
    let both = shown_with(r#""crn":"Rendezvous""#);
    let expected = (Some("James St. John Smythe"), Some("Rendezvous"));
    assert_eq!((both.name.as_deref(), both.reason.as_deref()), expected);
}
