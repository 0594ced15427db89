//! The compact form: RFC 8225 §7, RFC 8224 §6.2, RFC 9795 §9.
//!
//! ```text
//!    INVITE, From, To, Date, Identity: ..signature;info=<x5u> ──► header and claims rebuilt from them, and verified
//! ```
//!
//! This test verifies that what is left out is rebuilt from the signalling, that anything changed on the way is 438, and that kinds
//! which may not be compact are refused.

use super::told;
use countersign::authentication::Form;
use countersign::call::{Call, DateHeader, DestSource, Presentation};
use countersign::passport::{Presented, RichCallData, RichClaims};
use countersign::verification::policy::BasePassport;
use countersign::verification::{Check, Evidence, Fault, Purpose, Verdict};
use countersign_sip::identity_header;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{MALLORY, Scene, call, now, number};

fn dated() -> Call {
    Call {
        date: DateHeader::At(NOW),
        ..call()
    }
}

fn base(scene: &Scene, call: &Call) -> Presented {
    let signed = scene
        .authentication()
        .authenticate_base(call, Form::Compact, now(0).unix)
        .unwrap();
    assert_eq!(signed.form, Form::Compact);
    identity_header::parse(signed.identity.as_bytes()).unwrap()
}

fn failed(fault: Fault) -> (Verdict, Option<u16>) {
    (Verdict::of(fault), Some(fault.code().number()))
}

#[test]
fn a_compact_passport_is_rebuilt_from_the_signalling() {
    let scene = Scene::new();
    let presented = base(&scene, &dated());
    assert!(presented.token.len() < 100);
    let report = scene.verify(&dated(), presented.clone());
    assert_eq!(told(&report), (Verdict::Passed, None));
    let passport = &report.passports[0];
    assert_eq!(passport.check(Check::Token).evidence, &Evidence::Rebuilt);
    assert_eq!(passport.compact().as_deref(), Some(&*presented.token));
}

#[test]
fn whatever_was_changed_on_the_way_is_438() {
    let scene = Scene::new();
    let presented = base(&scene, &dated());
    let another_caller = Call {
        orig: Some(number("12025550102")),
        ..dated()
    };
    let another_called = Call {
        dest: vec![(number(MALLORY), DestSource::To)],
        ..dated()
    };
    let another_time = Call {
        date: DateHeader::At(NOW.saturating_add(1)),
        ..dated()
    };
    for changed in [another_caller, another_called, another_time] {
        let report = scene.verify(&changed, presented.clone());
        assert_eq!(
            told(&report),
            failed(Fault::SignatureInvalid),
            "{changed:?}"
        );
        assert_eq!(report.code.map(|code| code.number()), Some(438));
    }
}

#[test]
fn without_what_it_takes_it_is_not_validated_and_438_asks_for_the_full_form() {
    let scene = Scene::new();
    let presented = base(&scene, &dated());
    let nobody = Call {
        orig: None,
        ..dated()
    };
    for lacking in [call(), nobody] {
        let report = scene.verify(&lacking, presented.clone());
        assert_eq!(told(&report), failed(Fault::CompactNotRebuilt));
        assert!(scene.repository.requests().is_empty());
    }
    let no_info = Presented {
        info: None,
        ..presented
    };
    assert_eq!(
        told(&scene.verify(&dated(), no_info)),
        failed(Fault::InfoMissing)
    );
}

/// RFC 8588 §3, RFC 8946 §3, RFC 8443 §3: these are in full form. An unsupported type is as if it were not there.
#[test]
fn kinds_that_may_not_be_compact_are_438() {
    let scene = Scene::new();
    for (ppt, expected) in [
        ("shaken", failed(Fault::CompactForm)),
        ("div", failed(Fault::CompactForm)),
        ("div-o", failed(Fault::CompactForm)),
        ("rph", (Verdict::Unsigned, None)),
        ("foo", (Verdict::Unsigned, None)),
    ] {
        let presented = Presented {
            ppt: Some(ppt.into()),
            ..base(&scene, &dated())
        };
        assert_eq!(told(&scene.verify(&dated(), presented)), expected, "{ppt}");
    }
    let strict = Scene::new().with_policy(|policy| policy.base_passport = BasePassport::Refuse);
    let report = strict.verify(&dated(), base(&strict, &dated()));
    assert_eq!(told(&report), failed(Fault::CompactForm));
    let short = Presented {
        token: "..c2ln".into(),
        ..base(&scene, &dated())
    };
    let report = scene.verify(&dated(), short);
    assert_eq!(told(&report), failed(Fault::SignatureMalformed));
}

/// Digest 10 case 7: compact, with From "Q Branch Spy Gadgets": verifies; another display name: 438.
#[test]
fn digest10_case07_rich_call_data_in_compact_form() {
    let scene = Scene::new();
    let shown = |name: &str, reason: Option<&str>| Call {
        presentation: Presentation {
            name: Some(name.into()),
            reason: reason.map(Box::from),
        },
        ..dated()
    };
    let name = "Q Branch Spy Gadgets";
    for reason in [None, Some("For your ears only")] {
        let rich = RichClaims {
            data: Some(RichCallData::new(name, None, None, None).unwrap()),
            reason: reason.map(Box::from),
            ..RichClaims::default()
        };
        let call = shown(name, reason);
        let signed = scene
            .authentication()
            .enrich_in(&call, &rich, Form::Compact, NOW)
            .unwrap();
        assert_eq!(signed.form, Form::Compact);
        let presented = identity_header::parse(signed.identity.as_bytes()).unwrap();
        let report = scene.verify(&call, presented.clone());
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert_eq!(report.passports[0].purpose, Purpose::Caller);
        let caller = report.consequences().unwrap().caller.unwrap();
        assert_eq!(caller.name.as_deref(), Some(name));
        assert_eq!(caller.reason.as_deref(), reason);
        for changed in [
            shown("Q Branch", reason),
            shown(name, Some("To sell you something")),
        ] {
            let report = scene.verify(&changed, presented.clone());
            assert_eq!(told(&report), failed(Fault::SignatureInvalid));
            assert!(report.consequences().unwrap().caller.is_none());
        }
    }
}
