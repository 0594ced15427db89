//! Priority, signed: RFC 8443, and emergency calls and their call-backs, RFC 9027.
//!
//! ```text
//!    ALICE ── Resource-Priority: esnet.1 ──► urn:service:sos
//!    ALICE ◄── esnet.0, Priority: psap-callback ── PSAP
//! ```

use countersign::authentication::{Form, Refusal, Signed};
use countersign::call::{Call, DestSource};
use countersign::identity::Identity;
use countersign::passport::Sph;
use countersign::priority::{Dialled, PriorityMark, ResourceValue};
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, Scene, X5U, call, number};

fn values(list: &[&str]) -> Vec<ResourceValue> {
    list.iter().map(|one| one.parse().unwrap()).collect()
}

/// A call that asks for these values.
fn asking(list: &[&str]) -> Call {
    let mut call = call();
    call.priority.values = values(list);
    call
}

/// The answering point at Alice's provider calls Bob back.
fn call_back() -> Call {
    let mut call = asking(&["esnet.0"]);
    call.priority.mark = PriorityMark::PsapCallback;
    call
}

fn to(mut call: Call, dest: &Identity) -> Call {
    call.dest = vec![(dest.clone(), DestSource::To)];
    call
}

fn sign(call: &Call, auth: &[&str], sph: Option<Sph>) -> Result<Signed, Refusal> {
    let service = Scene::new().authentication();
    service.prioritize(call, &values(auth), sph, NOW)
}

fn refused(call: &Call, auth: &[&str], sph: Option<Sph>) -> Refusal {
    sign(call, auth, sph)
        .map(|signed| signed.identity)
        .unwrap_err()
}

#[test]
fn rfc8443_section_3_the_values_are_signed_in_full_form() {
    let signed = sign(&asking(&["ets.0", "wps.0"]), &["ets.0", "wps.0"], None).unwrap();
    let iat = NOW.as_secs();
    let payload = format!(
        r#"{{"dest":{{"tn":["{BOB}"]}},"iat":{iat},"orig":{{"tn":"{ALICE}"}},"rph":{{"auth":["ets.0","wps.0"]}}}}"#
    );
    assert_eq!(signed.passport.payload(), payload);
    assert_eq!(signed.passport.header().ppt.as_deref(), Some("rph"));
    assert_eq!(signed.form, Form::Full);
    let token = signed.passport.token();
    assert_eq!(
        signed.identity,
        format!("{token};info=<{X5U}>;alg=ES256;ppt=rph")
    );
    assert_eq!(signed.add_date, Some(NOW));
}

/// This test verifies that nothing is signed that the request does not ask for: the other side would have to strip it.
#[test]
fn rfc8443_section_7_1_only_what_the_request_asks_for_is_signed() {
    let asked = asking(&["ets.0", "wps.0"]);
    assert!(
        sign(&asked, &["WPS.0"], None).is_ok(),
        "one authority of two"
    );
    for more in [&["ets.1"][..], &["ets.0", "ets.1"]] {
        let refusal = refused(&asked, more, None);
        assert_eq!(refusal, Refusal::PriorityNotRequested, "{more:?}");
    }
    assert_eq!(refused(&asked, &[], None), Refusal::PriorityNotRequested);
    assert_eq!(
        refused(&call(), &["ets.0"], None),
        Refusal::PriorityNotRequested
    );
}

/// This test verifies that whoever has authority over a namespace need have none over the number: the certificate of this provider
/// does not cover it.
#[test]
fn rfc8443_section_3_the_number_is_not_attested() {
    let mut call = asking(&["ets.0"]);
    call.orig = Some(number(MALLORY));
    assert!(sign(&call, &["ets.0"], None).is_ok());
}

#[test]
fn digest11_case15_emergency_values_are_signed_for_calls_to_emergency_services() {
    let esnet = ["esnet.1"];
    let service = |uri: &str| Identity::Uri(uri.into());
    for dest in [
        number("911"),
        number("112"),
        service("urn:service:sos"),
        service("urn:service:sos.fire"),
    ] {
        let signed = sign(&to(asking(&esnet), &dest), &esnet, None).unwrap();
        assert!(
            signed
                .passport
                .payload()
                .ends_with(r#""rph":{"auth":["esnet.1"]}}"#)
        );
    }
    for dest in [
        number(BOB),
        service("urn:service:sosfire"),
        service("urn:service:counseling"),
        service("sip:sos@example.com"),
    ] {
        let call = to(asking(&esnet), &dest);
        assert_eq!(
            refused(&call, &esnet, None),
            Refusal::PriorityMisused,
            "{dest}"
        );
    }
    // Longer ones only those know who route them.
    let mut call = to(asking(&esnet), &number("1122"));
    assert_eq!(refused(&call, &esnet, None), Refusal::PriorityMisused);
    call.priority.dialled = Dialled::Emergency;
    assert!(sign(&call, &esnet, None).is_ok());
}

/// This test verifies that an emergency call has the caller's number, by which it can be called back, or is not signed.
#[test]
fn rfc9027_section_3_the_caller_is_a_real_number() {
    let mut call = to(asking(&["esnet.1"]), &number("911"));
    for orig in [number("911"), Identity::Uri("sip:alice@example.com".into())] {
        call.orig = Some(orig);
        assert_eq!(
            refused(&call, &["esnet.1"], None),
            Refusal::CallerNotANumber
        );
    }
}

#[test]
fn rfc9027_section_4_a_call_back_is_signed_with_its_mark() {
    let sph = Some(Sph::PsapCallback);
    let signed = sign(&call_back(), &["esnet.0"], sph).unwrap();
    let end = r#""rph":{"auth":["esnet.0"]},"sph":"psap-callback"}"#;
    assert!(signed.passport.payload().ends_with(end));
    let unmarked = sign(&call_back(), &["esnet.0"], None).unwrap();
    assert!(
        unmarked
            .passport
            .payload()
            .ends_with(r#""rph":{"auth":["esnet.0"]}}"#)
    );
}

/// This test verifies that the mark is signed only where the request has it, with a value of emergency services, from the number of
/// an answering point of ours to the number that called: 911 is a label and no number.
#[test]
fn rfc9027_section_4_the_mark_is_for_call_backs_only() {
    let sph = Some(Sph::PsapCallback);
    let mut other_namespace = call_back();
    other_namespace.priority.values = values(&["ets.0"]);
    assert_eq!(
        refused(&other_namespace, &["ets.0"], sph),
        Refusal::PriorityMisused
    );
    let not_marked = asking(&["esnet.0"]);
    assert_eq!(
        refused(&not_marked, &["esnet.0"], sph),
        Refusal::PriorityMisused
    );
    let to_nobody = to(call_back(), &number("911"));
    assert_eq!(
        refused(&to_nobody, &["esnet.0"], sph),
        Refusal::PriorityMisused
    );
    let mut label = call_back();
    label.orig = Some(number("911"));
    assert_eq!(
        refused(&label, &["esnet.0"], sph),
        Refusal::CallerNotANumber
    );
    let mut not_ours = call_back();
    not_ours.orig = Some(number(MALLORY));
    assert_eq!(refused(&not_ours, &["esnet.0"], sph), Refusal::NotCovered);
}
