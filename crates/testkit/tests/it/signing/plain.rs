//! PASSporTs without an extension, in full and in compact form: RFC 8224 §4.1 and §6.1, RFC 8225 §7.
//!
//! ```text
//!    From, To, Date ──► claims ──► signature ──► ..signature
//!         └───────── rebuilt by the other side ────────┘
//! ```

use countersign::authentication::{Form, Refusal, Signed};
use countersign::call::{Call, DateHeader, DestSource, OrigSource};
use countersign::identity::Identity;
use countersign::passport::Extension;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, Scene, X5U, call, number};

fn sign(call: &Call, form: Form) -> Result<Signed, Refusal> {
    Scene::new()
        .authentication()
        .authenticate_base(call, form, NOW)
}

#[test]
fn rfc8224_section_4_1_a_plain_passport_in_full_form() {
    let signed = sign(&call(), Form::Full).unwrap();
    let iat = NOW.as_secs();
    let payload = format!(r#"{{"dest":{{"tn":["{BOB}"]}},"iat":{iat},"orig":{{"tn":"{ALICE}"}}}}"#);
    assert_eq!(signed.passport.payload(), payload);
    assert_eq!(signed.passport.claims().extension, Extension::Base);
    let token = signed.passport.token();
    assert_eq!(signed.identity, format!("{token};info=<{X5U}>;alg=ES256"));
}

#[test]
fn rfc8225_section_7_the_compact_form_is_two_dots_and_the_signature() {
    let signed = sign(&call(), Form::Compact).unwrap();
    assert_eq!(signed.form, Form::Compact);
    let (_, signature) = signed.passport.token().rsplit_once('.').unwrap();
    assert_eq!(
        signed.identity,
        format!("..{signature};info=<{X5U}>;alg=ES256")
    );
    assert_eq!(
        signed.add_date,
        Some(NOW),
        "the other side needs one to rebuild iat"
    );
}

/// This test verifies that what others could not rebuild is sent in full form, though compact is asked for.
#[test]
fn rfc8224_section_8_what_cannot_be_rebuilt_is_sent_in_full() {
    let mut asserted = call();
    asserted.orig_from = OrigSource::PAssertedIdentity;
    let mut several = call();
    several.dest.push((number(MALLORY), DestSource::To));
    for call in [asserted, several] {
        let signed = sign(&call, Form::Compact).unwrap();
        assert_eq!(signed.form, Form::Full);
        assert!(!signed.identity.starts_with(".."));
    }
}

/// This test verifies that a caller is answered for whose number is in the inventory, and nobody else: there is no lower level than
/// to vouch.
#[test]
fn rfc8224_section_6_1_step_1_only_our_callers_are_signed() {
    let refused = |orig| {
        let mut call = call();
        call.orig = orig;
        sign(&call, Form::Full)
            .map(|signed| signed.identity)
            .unwrap_err()
    };
    assert_eq!(refused(None), Refusal::CallerUnknown);
    assert_eq!(refused(Some(number(MALLORY))), Refusal::NotCovered);
    assert_eq!(refused(Some(number("12025550149"))), Refusal::Unlisted);
    let address = Identity::Uri("sip:alice@example.com".into());
    assert_eq!(refused(Some(address)), Refusal::NotCovered);
}

#[test]
fn rfc8224_section_6_1_step_3_a_stale_date_is_not_signed() {
    let mut call = call();
    call.date = DateHeader::At(NOW.saturating_add(-61));
    assert_eq!(
        sign(&call, Form::Full).map(|signed| signed.identity),
        Err(Refusal::StaleDate)
    );
}
