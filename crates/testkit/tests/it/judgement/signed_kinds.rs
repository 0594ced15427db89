//! Everything that an authentication service signs, believed by a verification service.
//!
//! ```text
//!    AuthenticationService ── base, compact, rcd, div, div-o ──► VerificationService
//! ```
//!
//! This test verifies that each kind is made in the way in which it is judged; what is made wrong is tested kind by kind, on either
//! side.

use super::told;
use countersign::authentication::{Brand, Diverted, Form, Origination};
use countersign::call::{Call, DateHeader, DestSource};
use countersign::passport::{Presented, RichClaims, SignedPassport};
use countersign::verification::{Purpose, Report, Verdict};
use countersign_sip::identity_header;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{BOB, Scene, call, number, origination};
use std::sync::Arc;

const CAROL: &str = "12025550102";
const DAVE: &str = "12025550103";
const PASSED: (Verdict, Option<u16>) = (Verdict::Passed, None);

fn read(identity: &str) -> Presented {
    identity_header::parse(identity.as_bytes()).unwrap()
}

fn judge(scene: &Scene, call: &Call, identities: &[&str]) -> Report {
    let presented = identities.iter().map(|identity| Ok(read(identity)));
    scene.verify_at(0, call, presented.collect())
}

/// A call to Bob that is for somebody else now.
fn call_for(target: &str) -> Call {
    let mut call = call();
    call.dest = vec![
        (number(BOB), DestSource::To),
        (number(target), DestSource::RequestUri),
    ];
    call
}

/// A call with everything from which a compact form is rebuilt.
fn call_at_now() -> Call {
    let mut call = call();
    call.date = DateHeader::At(NOW);
    call
}

fn brand(reason: Option<&str>) -> RichClaims {
    let brand = Brand {
        name: "Q Branch Spy Gadgets".into(),
        reasons: reason.into_iter().map(Box::from).collect(),
        ..Brand::default()
    };
    brand.claims(reason, |_| None).unwrap()
}

#[test]
fn a_call_forwarded_twice_passes_in_any_order_of_its_headers() {
    let scene = Scene::new();
    let service = scene.authentication();
    let first = scene.sign(&call());
    let mut passports = vec![first.passport];
    let mut identities = vec![first.identity];
    for target in [CAROL, DAVE] {
        let diverted = service.divert(&passports, &number(target), Some("1.1"), NOW);
        let [Diverted { passport, identity }] = <[_; 1]>::try_from(diverted.unwrap()).unwrap();
        passports.push(passport);
        identities.push(identity);
    }
    let [shaken, to_carol, to_dave] = [&*identities[0], &identities[1], &identities[2]];
    for order in [[shaken, to_carol, to_dave], [to_dave, shaken, to_carol]] {
        let report = judge(&scene, &call_for(DAVE), &order);
        assert_eq!(told(&report), PASSED);
        let diversions = report.passports.iter();
        let diversions = diversions.filter(|one| one.purpose == Purpose::Diversion);
        assert_eq!(diversions.count(), 2);
    }
    let elsewhere = judge(&scene, &call_for(CAROL), &[shaken, to_carol, to_dave]);
    assert_ne!(elsewhere.verdict, Verdict::Passed, "it went on from Carol");
}

#[test]
fn a_call_forwarded_twice_passes_with_one_passport_in_the_other() {
    let scene = Scene::new();
    let service = scene.authentication();
    let mut last: SignedPassport = scene.sign(&call()).passport;
    let mut identity = String::new();
    for target in [CAROL, DAVE] {
        let nested = service.divert_nested(&[last], &number(target), None, NOW);
        let [nested] = <[_; 1]>::try_from(nested.unwrap()).unwrap();
        (last, identity) = (nested.passport, nested.identity);
    }
    assert_eq!(told(&judge(&scene, &call_for(DAVE), &[&identity])), PASSED);
}

#[test]
fn a_plain_passport_passes_in_both_forms() {
    let scene = Scene::new();
    for form in [Form::Full, Form::Compact] {
        let call = call_at_now();
        let signed = scene.authentication().authenticate_base(&call, form, NOW);
        let signed = signed.unwrap();
        assert_eq!(signed.form, form);
        assert_eq!(told(&judge(&scene, &call, &[&signed.identity])), PASSED);
        // Cut and pasted to another call, it is worth nothing.
        let mut other = call;
        other.dest = vec![(number(CAROL), DestSource::To)];
        assert_eq!(
            judge(&scene, &other, &[&signed.identity])
                .code
                .map(|code| code.number()),
            Some(438)
        );
    }
}

/// This test verifies that name and reason are proven, beside the claims of SHAKEN, alone, and alone in compact form.
#[test]
fn a_name_and_a_reason_are_proven_wherever_they_stand() {
    let scene = Scene::new();
    let service = scene.authentication();
    let rich = brand(Some("Rendezvous"));
    let mut call = call_at_now();
    call.presentation.name = Some("Q Branch Spy Gadgets".into());
    call.presentation.reason = Some("Rendezvous".into());
    let with_rich = Origination {
        rich: Some(Arc::new(rich.clone())),
        ..origination()
    };
    let beside = service
        .authenticate(&call, &with_rich, NOW)
        .unwrap()
        .identity;
    let alone = service.enrich(&call, &rich, NOW).unwrap().identity;
    let compact = service.enrich_in(&call, &rich, Form::Compact, NOW).unwrap();
    assert_eq!(compact.form, Form::Compact);
    for identity in [beside, alone, compact.identity] {
        let report = judge(&scene, &call, &[&identity]);
        assert_eq!(told(&report), PASSED, "{identity}");
        let consequences = report.consequences().unwrap();
        let caller = consequences.caller.unwrap();
        assert_eq!(caller.name.as_deref(), Some("Q Branch Spy Gadgets"));
        assert_eq!(caller.reason.as_deref(), Some("Rendezvous"));
    }
}

/// This test verifies that in compact form nothing is sent of which the other side would rebuild more than was signed: a reason
/// without a name.
#[test]
fn a_reason_alone_goes_in_full_form() {
    let scene = Scene::new();
    let mut call = call_at_now();
    call.presentation.reason = Some("Rendezvous".into());
    let reason = RichClaims {
        data: None,
        ..brand(Some("Rendezvous"))
    };
    let service = scene.authentication();
    let signed = service
        .enrich_in(&call, &reason, Form::Compact, NOW)
        .unwrap();
    assert_eq!(signed.form, Form::Full);
    assert_eq!(told(&judge(&scene, &call, &[&signed.identity])), PASSED);
}
