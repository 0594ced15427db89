//! Rich call data, signed: in a PASSporT of its own, beside the claims of SHAKEN, by a third party. RFC 9795.
//!
//! ```text
//!    Brand ──► rcd, rcdi, crn ──┬──► ppt=shaken  with authority over the number
//!                               ├──► ppt=rcd     with authority over the number
//!                               └──► ppt=rcd, iss  a third party
//! ```

use countersign::authentication::{Brand, Form, Origination, Refusal, Signed};
use countersign::call::Call;
use countersign::certificate::constraints::{ConstraintList, PermittedValues};
use countersign::jose::json::Value;
use countersign::passport::rcd::digest::{Algorithm, Digest};
use countersign::passport::{Card, RcdIntegrity, RichClaims};
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, Scene, call, number, origination};
use std::sync::Arc;

const NAME: &str = "Q Branch Spy Gadgets";
const REASON: &str = "Rendezvous for Little Nellie";

fn claims(change: impl FnOnce(&mut Brand)) -> RichClaims {
    let mut brand = Brand {
        name: NAME.into(),
        ..Brand::default()
    };
    change(&mut brand);
    let reason = brand.reasons.first().cloned();
    brand.claims(reason.as_deref(), |_| Some(b"PNG")).unwrap()
}

fn enrich(call: &Call, rich: &RichClaims, form: Form) -> Result<Signed, Refusal> {
    Scene::new()
        .authentication()
        .enrich_in(call, rich, form, NOW)
}

/// A call that shows name and reason without a PASSporT.
fn showing(name: Option<&str>, reason: Option<&str>) -> Call {
    let mut call = call();
    call.presentation.name = name.map(Box::from);
    call.presentation.reason = reason.map(Box::from);
    call
}

#[test]
fn rfc9795_section_8_rich_call_data_alone() {
    let signed = enrich(&call(), &claims(|_| {}), Form::Full).unwrap();
    let iat = NOW.as_secs();
    let payload = format!(
        r#"{{"dest":{{"tn":["{BOB}"]}},"iat":{iat},"orig":{{"tn":"{ALICE}"}},"rcd":{{"nam":"{NAME}"}}}}"#
    );
    assert_eq!(signed.passport.payload(), payload);
    assert_eq!(signed.passport.header().ppt.as_deref(), Some("rcd"));
    assert!(signed.identity.ends_with(";alg=ES256;ppt=rcd"));
}

/// This test verifies that the data stand in their places among the claims of SHAKEN.
#[test]
fn digest10_case14_beside_the_claims_of_shaken() {
    let rich = claims(|brand| {
        brand.icon = Some("https://example.com/q.png".into());
        brand.reasons = [REASON.into()].into();
    });
    let origination = Origination {
        rich: Some(Arc::new(rich)),
        ..origination()
    };
    let service = Scene::new().authentication();
    let signed = service.authenticate(&call(), &origination, NOW).unwrap();
    let payload = signed.passport.payload();
    let start = format!(r#"{{"attest":"A","crn":"{REASON}","dest":{{"#);
    assert!(payload.starts_with(&start), "{payload}");
    let names = [
        "\"origid\":",
        "\"rcd\":{\"icn\":",
        "\"rcdi\":{\"/icn\":\"sha256-",
    ];
    let places = names.map(|name| payload.find(name).unwrap());
    assert!(places.is_sorted(), "{payload}");
    assert!(signed.identity.ends_with(";ppt=shaken"));
}

#[test]
fn digest10_case06_without_rcd_and_crn_nothing_is_signed() {
    let nothing = enrich(&call(), &RichClaims::default(), Form::Full);
    assert_eq!(
        nothing.map(|signed| signed.identity),
        Err(Refusal::RichDataIncomplete)
    );
    let reason_alone = RichClaims {
        reason: Some(REASON.into()),
        ..RichClaims::default()
    };
    assert!(enrich(&call(), &reason_alone, Form::Full).is_ok());
}

/// This test verifies that claims are not signed that no verifier may believe: `rcdi` without `rcd`, a card elsewhere without its
/// digest, a digest that is none.
#[test]
fn digest10_case22_incomplete_data_are_not_signed() {
    let name_alone = claims(|_| {});
    let integrity = claims(|brand| brand.icon = Some("https://example.com/q.png".into()));
    let orphan = RichClaims {
        data: None,
        ..integrity.clone()
    };
    let mut broken = integrity;
    for (_, digest) in &mut broken.integrity.as_mut().unwrap().digests {
        *digest = "md5-AAAA".into();
    }
    let elsewhere = Some(Card::At("https://example.com/q.json".into()));
    let data = countersign::passport::RichCallData::new(NAME, None, None, elsewhere);
    let no_digest = RichClaims {
        data: Some(data.unwrap()),
        ..name_alone
    };
    for rich in [orphan, broken, no_digest] {
        let refusal = enrich(&call(), &rich, Form::Full).map(|signed| signed.identity);
        assert_eq!(refusal, Err(Refusal::RichDataIncomplete));
    }
}

/// This test verifies that a third party signs for numbers that are not its own, in the name that its certificate has and no other.
#[test]
fn rfc9795_section_10_1_a_third_party_signs_in_its_own_name() {
    let scene = Scene::new();
    let subject = scene.signer.chain.end_entity().subject();
    let names = [
        subject.common_name().unwrap(),
        "Zorin Industries".to_owned(),
    ];
    let mut call = call();
    call.orig = Some(number(MALLORY));
    let [own, other] = names.map(|issuer| {
        let third_party = RichClaims {
            issuer: Some(issuer.into()),
            ..claims(|_| {})
        };
        enrich(&call, &third_party, Form::Full).map(|signed| signed.identity)
    });
    assert!(own.is_ok());
    assert_eq!(other, Err(Refusal::IssuerNotOurs));
    let first_party = enrich(&call, &claims(|_| {}), Form::Full);
    assert_eq!(
        first_party.map(|signed| signed.identity),
        Err(Refusal::NotCovered)
    );
}

/// This test verifies that the compact form is used where the request shows the same: name in From, reason in Call-Info.
#[test]
fn rfc9795_section_9_the_compact_form_of_what_is_shown_anyway() {
    let form = |call: &Call, rich: &RichClaims| enrich(call, rich, Form::Compact).unwrap().form;
    let named = claims(|_| {});
    assert_eq!(form(&showing(Some(NAME), None), &named), Form::Compact);
    assert_eq!(
        form(&showing(Some("Spy Gadgets"), None), &named),
        Form::Full
    );
    assert_eq!(form(&showing(None, None), &named), Form::Full);
    let nameless = claims(|brand| brand.name = "".into());
    assert_eq!(form(&showing(None, None), &nameless), Form::Compact);
    let reasoned = claims(|brand| brand.reasons = [REASON.into()].into());
    assert_eq!(
        form(&showing(Some(NAME), Some(REASON)), &reasoned),
        Form::Compact
    );
    assert_eq!(
        form(&showing(Some(NAME), Some("Tea")), &reasoned),
        Form::Full
    );
    assert_eq!(form(&showing(Some(NAME), Some(REASON)), &named), Form::Full);
}

#[test]
fn digest10_case21_compact_is_not_used_with_rcdi_jcd_or_jcl() {
    const CARD: &str = r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q"]]]"#;
    let call = showing(Some(NAME), None);
    let changes: [fn(&mut Brand); 4] = [
        |brand| brand.icon = Some("https://example.com/q.png".into()),
        |brand| brand.icon = Some("data:image/png;base64,iVBORw0KGgo=".into()),
        |brand| brand.card = Some(Card::Inline(CARD.into())),
        |brand| brand.alternate = Some("12025550111".parse().unwrap()),
    ];
    let mut all = changes.map(claims).to_vec();
    let brand = Brand {
        name: NAME.into(),
        card: Some(Card::At("https://example.com/q.json".into())),
        ..Brand::default()
    };
    all.push(brand.claims(None, |_| Some(CARD.as_bytes())).unwrap());
    // A digest of what the call shows anyway.
    let digest = Digest::of_json(Algorithm::Sha256, &Value::String(NAME.into()));
    all.push(RichClaims {
        integrity: Some(RcdIntegrity {
            digests: [("/nam".into(), digest.to_string().into())].into(),
        }),
        ..claims(|_| {})
    });
    for rich in all {
        let signed = enrich(&call, &rich, Form::Compact).unwrap();
        assert_eq!(signed.form, Form::Full, "{}", signed.passport.payload());
    }
}

/// This test verifies that the own certificate decides which rich call data may be signed: RFC 9795 §6.3, §7.1.
#[test]
fn digest10_case04_the_own_certificate_permits_one_rcdi() {
    let integrity = |rich: &RichClaims| {
        let mut text = String::new();
        rich.integrity.as_ref().unwrap().write(&mut text);
        text
    };
    let rich = claims(|brand| brand.icon = Some("https://example.com/q.png".into()));
    let list = ConstraintList {
        must_include: ["rcd".into(), "rcdi".into()].into(),
        permitted_values: [PermittedValues {
            claim: "rcdi".into(),
            values: [integrity(&rich).into()].into(),
        }]
        .into(),
        ..ConstraintList::default()
    };
    let scene = crate::judgement::constrained(&list);
    let sign = |rich: &RichClaims| {
        let signed = scene.authentication().enrich(&call(), rich, NOW);
        signed.map(|_| ())
    };
    assert_eq!(sign(&rich), Ok(()));
    let mut other = rich;
    for (_, digest) in &mut other.integrity.as_mut().unwrap().digests {
        *digest = "sha256-uDtvpG1xNw+MK0XEOh+2UNQ94MQJ5d2ftgmHxsjKeMw".into();
    }
    assert_eq!(sign(&other), Err(Refusal::ConstraintsViolated));
    assert_eq!(sign(&claims(|_| {})), Err(Refusal::ConstraintsViolated));
    let plain = scene
        .authentication()
        .authenticate(&call(), &origination(), NOW);
    assert!(matches!(plain, Err(Refusal::ConstraintsViolated)));
}
