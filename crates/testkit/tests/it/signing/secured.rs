//! Media keys and calls that ask for media security, signed: RFC 8224 §4.1, RFC 8862.
//!
//! ```text
//!    ALICE ── INVITE, SDP with a=fingerprint ──► her provider ── "mky" in whatever it signs, ppt msec if it is to be so ──►
//! ```

use countersign::authentication::{Form, Refusal};
use countersign::call::Call;
use countersign::identity::Identity;
use countersign::media_keys::MediaKeys;
use countersign::passport::{Extension, RichCallData, RichClaims};
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, Scene, X5U, call, number, origination};
use std::sync::Arc;

const MKY: &str = r#""mky":[{"alg":"sha-256","dig":"4AADB9"}]"#;

fn media_keys() -> Box<MediaKeys> {
    let fingerprint = "sha-256 4A:AD:B9".parse().unwrap();
    Box::new(MediaKeys::new([fingerprint]).unwrap())
}

fn call_with_keys() -> Call {
    Call {
        media_keys: Some(media_keys()),
        ..call()
    }
}

fn rich(issuer: Option<&str>) -> RichClaims {
    RichClaims {
        data: Some(RichCallData::new("Alice", None, None, None).unwrap()),
        integrity: None,
        reason: None,
        issuer: issuer.map(Box::from),
    }
}

/// RFC 8224 §4.1, fourth: this test verifies that the keys are signed whatever is signed, and that without any there is no claim.
#[test]
fn digest11_k1_media_keys_are_signed_under_any_ppt() {
    let scene = Scene::new();
    let service = scene.authentication();
    let payloads = |call: &Call| {
        let rich = rich(None);
        let with_rich = countersign::authentication::Origination {
            rich: Some(Arc::new(rich.clone())),
            ..origination()
        };
        let base = service.authenticate_base(call, Form::Full, NOW).unwrap();
        let compact = service.authenticate_base(call, Form::Compact, NOW).unwrap();
        let rcd = service.enrich(call, &rich, NOW).unwrap();
        let shaken = service.authenticate(call, &with_rich, NOW).unwrap();
        let all = [
            scene.sign(call).passport,
            shaken.passport,
            base.passport,
            compact.passport,
            rcd.passport,
        ];
        all.map(|passport| passport.payload().to_owned())
    };
    // Who sees no SDP could not rebuild the compact form.
    let compact = service.authenticate_base(&call_with_keys(), Form::Compact, NOW);
    assert_eq!(compact.unwrap().form, Form::Full);
    for payload in payloads(&call_with_keys()) {
        assert!(payload.contains(MKY), "{payload}");
    }
    for payload in payloads(&call()) {
        assert!(!payload.contains("mky"), "{payload}");
    }
}

/// RFC 8946 §3 gives a diversion its claims, and they are no others: this test verifies that the keys stay in the original.
#[test]
fn a_diversion_has_no_media_keys() {
    let scene = Scene::new();
    let original = scene.sign(&call_with_keys()).passport;
    let diverted = scene
        .authentication()
        .divert(&[original], &number(MALLORY), None, NOW)
        .unwrap();
    assert!(!diverted[0].passport.payload().contains("mky"));
}

/// This test verifies that a call is signed with ppt msec, its keys and nothing else, in full form.
#[test]
fn rfc8862_section_4_a_secured_call() {
    let signed = Scene::new()
        .authentication()
        .authenticate_secured(&call_with_keys(), NOW)
        .unwrap();
    assert_eq!(signed.passport.claims().extension, Extension::Msec);
    let iat = NOW.as_secs();
    assert_eq!(
        signed.passport.payload(),
        format!(r#"{{"dest":{{"tn":["{BOB}"]}},"iat":{iat},{MKY},"orig":{{"tn":"{ALICE}"}}}}"#)
    );
    let parameters = format!(";info=<{X5U}>;alg=ES256;ppt=msec");
    assert_eq!(
        signed.identity,
        format!("{}{parameters}", signed.passport.token())
    );
    assert_eq!((signed.form, signed.add_date), (Form::Full, Some(NOW)));
}

/// This test verifies that there is no msec without keys, and none for callers that we do not answer for.
#[test]
fn rfc8862_what_is_not_secured() {
    let service = Scene::new().authentication();
    let refusal = |call: &Call| service.authenticate_secured(call, NOW).unwrap_err();
    assert_eq!(refusal(&call()), Refusal::NoMediaKeys);
    let from = |orig: Option<Identity>| Call {
        orig,
        ..call_with_keys()
    };
    assert_eq!(refusal(&from(None)), Refusal::CallerUnknown);
    assert_eq!(refusal(&from(Some(number(MALLORY)))), Refusal::NotCovered);
    let not_listed = number("12025550149");
    assert_eq!(refusal(&from(Some(not_listed))), Refusal::Unlisted);
}
