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
use countersign::verification::{Check, Evidence, Fault, ProvenCard, Purpose, Report, Verdict};
use countersign_sip::identity_header;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{Forgery, MALLORY, ORIGID, Scene, call, now, number};

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

/// Only the Request-URI was changed: the called party that was signed is still To's.
#[test]
fn the_called_party_is_that_of_to() {
    let scene = Scene::new();
    let presented = base(&scene, &dated());
    let mut retargeted = dated();
    let mallory = (number(MALLORY), DestSource::RequestUri);
    retargeted.dest.push(mallory);
    let report = scene.verify(&retargeted, presented);
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(report.passports[0].dest_from, Some(DestSource::To));
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
            card: None,
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

const NAME: &str = "Q Branch";

const CARD: &str = r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"]]]"#;

/// The call, as it shows its caller: with this card, if any.
fn carded(card: Option<&str>) -> Call {
    Call {
        presentation: Presentation {
            name: Some(NAME.into()),
            reason: None,
            card: card.map(Box::from),
        },
        ..dated()
    }
}

/// The compact form of rich call data with this card, which we would never sign so: only its signature.
fn with_card(scene: &Scene, card: &str) -> Presented {
    let rcd = format!(r#","rcd":{{"jcd":{card},"nam":"{NAME}"}}}}"#);
    let forgery = Forgery::new()
        .header(r#""shaken""#, r#""rcd""#)
        .payload(r#""attest":"A","#, "")
        .payload(&format!(r#","origid":"{ORIGID}"}}"#), &rcd);
    let full = scene.forge(&forgery);
    let (_, signature) = full.token.rsplit_once('.').unwrap();
    Presented {
        token: format!("..{signature}").into(),
        ppt: Some("rcd".into()),
        ..full
    }
}

fn shown_card(report: &Report) -> Option<ProvenCard> {
    report.consequences()?.caller?.card
}

/// RFC 9795 §12.2: the jCard of Call-Info is the `jcd` of what is rebuilt. What it shows is proven then, and nothing but that.
#[test]
fn a_card_is_rebuilt_from_the_one_that_the_call_shows() {
    let scene = Scene::new();
    let presented = with_card(&scene, CARD);
    // Written in another way, it is the same card.
    let spaced = CARD.replace(',', " ,\n ");
    for shown in [CARD, &*spaced] {
        let report = scene.verify(&carded(Some(shown)), presented.clone());
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert_eq!(shown_card(&report), Some(ProvenCard::Inline(CARD.into())));
    }
    let changed = CARD.replace("Q Branch", "R Branch");
    let no_card = format!("{CARD}]");
    for shown in [None, Some(&*changed), Some(&*no_card), Some("{}"), Some("")] {
        let report = scene.verify(&carded(shown), presented.clone());
        assert_eq!(told(&report), failed(Fault::SignatureInvalid), "{shown:?}");
        assert_eq!(report.code.map(|code| code.number()), Some(438));
    }
}

/// RFC 9795 §9.1: who keeps to it has signed no card, whatever the call shows. The call passes, and the card is nobody's.
#[test]
fn a_card_that_was_not_signed_does_no_harm_and_is_not_shown() {
    let scene = Scene::new();
    let rich = RichClaims {
        data: Some(RichCallData::new(NAME, None, None, None).unwrap()),
        ..RichClaims::default()
    };
    let sign = |call: &Call| {
        let service = scene.authentication();
        service.enrich_in(call, &rich, Form::Compact, NOW).unwrap()
    };
    let signed = sign(&carded(None));
    assert_eq!(signed.form, Form::Compact);
    let presented = identity_header::parse(signed.identity.as_bytes()).unwrap();
    let report = scene.verify(&carded(Some(CARD)), presented);
    assert_eq!(told(&report), (Verdict::Passed, None));
    let caller = report.consequences().unwrap().caller.unwrap();
    assert_eq!((caller.name.as_deref(), caller.card), (Some(NAME), None));
    // Others rebuild it with the card, so what we sign beside one is whole.
    assert_eq!(sign(&carded(Some(CARD))).form, Form::Full);
}

/// RFC 9795 §6.1.3 wants a digest of what a card refers to, and §9.2 has none in the compact form.
#[test]
fn a_card_that_refers_to_something_is_invalid_in_compact_form() {
    let scene = Scene::new();
    let logo = r#"["logo",{},"uri","https://example.com/q.png"]"#;
    let card = CARD.replace("]]]", &format!("],{logo}]]"));
    let presented = with_card(&scene, &card);
    let report = scene.verify(&carded(Some(&card)), presented);
    assert_eq!(told(&report), failed(Fault::RichDataInvalid));
    assert!(
        report.passports[0]
            .check(Check::Signature)
            .outcome
            .fault()
            .is_none()
    );
}
