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
    // That we do not trust them is no error of theirs.
    assert!(report.consequences().is_none());
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

/// RFC 9795 §10: nothing is shown "when a call lacks a first-party PASSporT that assures verification services that the calling party
/// number is not spoofed". Who attests less than A does not say that.
#[test]
fn only_full_attestation_assures_that_the_number_is_not_spoofed() {
    let (scene, zorin) = scene(&[ZORIN]);
    for (attest, beside, own) in [
        ("A", Some("James St. John Smythe"), Some("Alice")),
        ("B", None, None),
        ("C", None, None),
    ] {
        let level = |forgery: Forgery| {
            let attest = format!(r#""attest":"{attest}""#);
            presented(&scene, &forgery.payload(r#""attest":"A""#, &attest))
        };
        let name = |headers| {
            let report = scene.verify_at(0, &call(), headers);
            assert_eq!(told(&report), (Verdict::Passed, None), "{attest}");
            shown(&report).and_then(|caller| caller.name)
        };
        let shaken = || Ok(level(Forgery::new()));
        let third = name(vec![shaken(), Ok(smythe(&zorin, ZORIN))]);
        assert_eq!(third.as_deref(), beside, "{attest}");
        let alice = level(shaken_and(r#""rcd":{"nam":"Alice"}"#));
        assert_eq!(name(vec![Ok(alice)]).as_deref(), own, "{attest}");
        // The caller's own `rcd` is signed by who may speak for the number.
        let first_party = presented(&scene, &rcd(r#""rcd":{"nam":"Q"}"#));
        let first = name(vec![shaken(), Ok(first_party)]);
        assert_eq!(first.as_deref(), Some("Q"), "{attest}");
    }
}

/// Whoever has a delegate's certificate chose the name on it.
#[test]
fn the_name_of_a_delegate_is_not_trusted() {
    use super::super::scopes::{by_value, code, scene as delegated};
    let codes = [code("709W")];
    let name = "SHAKEN delegate";
    let scene = delegated(by_value(&codes), by_value(&codes))
        .with_policy(|policy| policy.rich.signers = [name.into()].into());
    let forgery = rcd(&format!(r#""iss":"{name}","rcd":{{"nam":"Alice"}}"#));
    let report = verify(&scene, &forgery);
    let untrusted = Verdict::NotValidated(Fault::RichSignerUntrusted);
    assert_eq!(report.passports[0].verdict, untrusted);
}

/// The name of a third party is nowhere in the signalling: in compact form nobody can tell what they have signed.
#[test]
fn the_compact_form_of_a_third_party_is_not_the_callers_own() {
    let (scene, zorin) = scene(&[ZORIN]);
    let shown_as_smythe = countersign::call::Call {
        presentation: countersign::call::Presentation {
            name: Some("James St. John Smythe".into()),
            ..Default::default()
        },
        date: countersign::call::DateHeader::At(lab::NOW),
        ..call()
    };
    let compact = |signed: Presented| {
        let signature = signed.token.rsplit('.').next().unwrap().to_owned();
        let token = format!("..{signature}").into();
        Ok(Presented { token, ..signed })
    };
    let third = || compact(smythe(&zorin, ZORIN));
    let alone = scene.verify_at(0, &shown_as_smythe, vec![third()]);
    assert_eq!(told(&alone), (Verdict::Unsigned, None));
    let passport = &alone.passports[0];
    assert_eq!(passport.purpose, Purpose::RichData);
    let unread = Verdict::NotValidated(Fault::CompactNotRebuilt);
    assert_eq!(passport.verdict, unread);
    let complaint = &alone.consequences().unwrap().complaints[0];
    assert_eq!(complaint.code.number(), 438, "the full form, please");
    let own = Ok(scene.present(&shown_as_smythe));
    let both = scene.verify_at(0, &shown_as_smythe, vec![own, third()]);
    assert_eq!(told(&both), (Verdict::Passed, None));
    assert_eq!(shown(&both), None);

    // Who signs without saying who they are says that they are the caller's own.
    let nameless = rcd(r#""rcd":{"nam":"James St. John Smythe"}"#).header(X5U, ZORIN_X5U);
    let nameless = Presented {
        info: Some(ZORIN_X5U.into()),
        ppt: Some("rcd".into()),
        ..nameless.sign(&*zorin.key)
    };
    let liar = scene.verify_at(0, &shown_as_smythe, vec![compact(nameless)]);
    let refused = (Verdict::Failed(Fault::NotCovered), Some(437));
    assert_eq!(told(&liar), refused);
}
