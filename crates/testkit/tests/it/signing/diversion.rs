//! Diversion, signed: RFC 8946 §3 to §5.
//!
//! ```text
//!    ALICE ──► BOB ─ ─ forwards ─ ─► CAROL ─ ─ forwards ─ ─► DAVE
//!      shaken       div: from BOB        div: from CAROL
//! ```

use countersign::authentication::divert::RETARGET_WINDOW_SECONDS;
use countersign::authentication::{DATE_TOLERANCE_SECONDS, Diverted, Refusal};
use countersign::identity::{Dest, Identity};
use countersign::passport::{
    Claims, Div, DivO, Extension, HeaderCache, MAX_TOKEN, Passport, SignedPassport,
};
use countersign::time::UnixTime;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, Scene, X5U, call, number};

/// Whom Bob's calls go to; like his, her number is of the provider.
const CAROL: &str = "12025550102";
/// Whom hers go to.
const DAVE: &str = "12025550103";

/// A token that somebody signed; who, is not asked when a call is sent on.
fn token(orig: &str, dest: &[&str], extension: Extension, iat: UnixTime) -> SignedPassport {
    let scene = Scene::new();
    let mut called = Dest::default();
    dest.iter().for_each(|one| called.push(number(one)));
    let claims = Claims {
        orig: number(orig),
        dest: called,
        iat,
        extension,
        rich: None,
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new(X5U).unwrap();
    let passport = Passport::new(claims).unwrap();
    passport.sign(&headers, &*scene.signer.key).unwrap()
}

fn base(orig: &str, dest: &[&str]) -> SignedPassport {
    token(orig, dest, Extension::Base, NOW)
}

fn divert(existing: &[SignedPassport], target: &str) -> Result<Vec<Diverted>, Refusal> {
    let service = Scene::new().authentication();
    service.divert(existing, &number(target), None, NOW)
}

/// What is signed, as (payload, …) without the signature.
fn payloads(diverted: &[Diverted]) -> Vec<&str> {
    diverted.iter().map(|one| one.passport.payload()).collect()
}

fn payload(dest: &str, from: &str, orig: &str) -> String {
    let iat = NOW.as_secs();
    format!(
        r#"{{"dest":{{"tn":["{dest}"]}},"div":{{"tn":"{from}"}},"iat":{iat},"orig":{{"tn":"{orig}"}}}}"#
    )
}

/// This test verifies that a diversion has caller and time of the original, the new destination and the old one, and nothing else
/// of it: no attestation, no origination identifier.
#[test]
fn rfc8946_section_3_a_diversion_draws_on_the_original() {
    let original = Scene::new().sign(&call()).passport;
    let diverted = divert(&[original], CAROL).unwrap();
    assert_eq!(payloads(&diverted), [payload(CAROL, BOB, ALICE)]);
    let Diverted { passport, identity } = &diverted[0];
    assert_eq!(passport.header().ppt.as_deref(), Some("div"));
    let parameters = format!("{};info=<{X5U}>;alg=ES256;ppt=div", passport.token());
    assert_eq!(*identity, parameters);
}

#[test]
fn digest12_case25_an_unchanged_destination_makes_no_div() {
    let (one, both) = (base(ALICE, &[BOB]), base(ALICE, &[BOB, CAROL]));
    assert!(divert(&[one], BOB).unwrap().is_empty());
    assert!(divert(&[both], CAROL).unwrap().is_empty());
}

#[test]
fn rfc8946_section_4_1_without_an_identity_header_there_is_no_div() {
    assert_eq!(divert(&[], CAROL).unwrap_err(), Refusal::NothingToDivert);
}

/// This test verifies that the second diversion refers to the first alone, in whichever order the headers stand.
#[test]
fn rfc8946_section_4_1_a_second_diversion_is_from_the_current_target() {
    let original = base(ALICE, &[BOB]);
    let first = divert(std::slice::from_ref(&original), CAROL).unwrap();
    let first = first[0].passport.clone();
    for existing in [[original.clone(), first.clone()], [first, original]] {
        let second = divert(&existing, DAVE).unwrap();
        assert_eq!(payloads(&second), [payload(DAVE, CAROL, ALICE)]);
    }
}

/// This test verifies that PASSporTs of the same call get one diversion together, those of different calls one each.
#[test]
fn rfc8946_section_4_1_one_div_for_each_pair_of_orig_and_dest() {
    let same = [base(ALICE, &[BOB]), Scene::new().sign(&call()).passport];
    assert_eq!(
        payloads(&divert(&same, CAROL).unwrap()),
        [payload(CAROL, BOB, ALICE)]
    );
    let [first, _] = same;
    let different = [first, base(MALLORY, &[BOB])];
    let expected = [payload(CAROL, BOB, ALICE), payload(CAROL, BOB, MALLORY)];
    assert_eq!(payloads(&divert(&different, CAROL).unwrap()), expected);
}

/// This test verifies that of several destinations the one is named that our certificate covers, and of those the one that the
/// inventory lists; with none, nothing is signed.
#[test]
fn rfc8946_section_3_the_signer_covers_the_one_destination_it_names() {
    let covered_but_not_listed = "12025550149";
    for (dest, from) in [
        (vec![BOB, MALLORY], BOB),
        (
            vec![MALLORY, covered_but_not_listed],
            covered_but_not_listed,
        ),
        (vec![covered_but_not_listed, CAROL], CAROL),
    ] {
        let diverted = divert(&[base(MALLORY, &dest)], DAVE).unwrap();
        assert_eq!(payloads(&diverted), [payload(DAVE, from, MALLORY)]);
    }
    let refusal = divert(&[base(ALICE, &[MALLORY])], CAROL).unwrap_err();
    assert_eq!(refusal, Refusal::NotCovered);
    let partly = [base(MALLORY, &[MALLORY]), base(ALICE, &[BOB])];
    assert_eq!(
        divert(&partly, CAROL).unwrap().len(),
        1,
        "what can be is signed"
    );
}

/// This test verifies that nobody is sent to where the call has been before: the chain would prove nothing.
#[test]
fn a_call_that_would_run_in_a_circle_is_not_signed() {
    let original = base(ALICE, &[BOB]);
    let to_carol = divert(std::slice::from_ref(&original), CAROL).unwrap();
    let to_carol = to_carol[0].passport.clone();
    let refusal = divert(&[original.clone(), to_carol.clone()], BOB).unwrap_err();
    assert_eq!(refusal, Refusal::DiversionLoops);
    // Somebody else has made the circle already.
    let div = to_carol.claims().extension.clone();
    let Extension::Div(mut div) = div else {
        panic!("a div");
    };
    div.from = number(CAROL);
    let back = token(ALICE, &[BOB], Extension::Div(div), NOW);
    let refusal = divert(&[original, to_carol, back], DAVE).unwrap_err();
    assert_eq!(refusal, Refusal::DiversionLoops);
}

/// This test verifies that the time of origination is retained while it is fresh, is ours where a telephone has rung for long
/// before, and that an old PASSporT is given no new life.
#[test]
fn rfc8946_section_3_the_time_is_retained_while_it_is_fresh() {
    let iat_after = |seconds: u64| {
        let now = NOW.saturating_add(seconds.cast_signed());
        let service = Scene::new().authentication();
        let diverted = service.divert(&[base(ALICE, &[BOB])], &number(CAROL), None, now);
        diverted.map(|diverted| diverted[0].passport.claims().iat.as_secs() - NOW.as_secs())
    };
    let (fresh, window) = (DATE_TOLERANCE_SECONDS, RETARGET_WINDOW_SECONDS);
    assert_eq!(iat_after(fresh), Ok(0));
    assert_eq!(iat_after(fresh + 1), Ok(fresh.cast_signed() + 1));
    assert_eq!(iat_after(window), Ok(window.cast_signed()));
    assert_eq!(iat_after(window + 1), Err(Refusal::StaleDate));
    let from_the_future = token(ALICE, &[BOB], Extension::Base, NOW.saturating_add(61));
    let refusal = divert(&[from_the_future], CAROL).unwrap_err();
    assert_eq!(refusal, Refusal::StaleDate);
}

#[test]
fn rfc8946_section_8_the_index_of_history_info_is_signed_if_it_is_one() {
    let service = Scene::new().authentication();
    let history = |index| {
        let existing = [base(ALICE, &[BOB])];
        let diverted = service.divert(&existing, &number(CAROL), Some(index), NOW);
        diverted.unwrap()[0].passport.payload().to_owned()
    };
    assert!(history("1.2.1").contains(r#""div":{"hi":"1.2.1","tn":"12025550101"}"#));
    assert!(!history("1..2").contains("hi"), "no index");
}

/// This test verifies that an address is diverted to as a number is.
#[test]
fn a_call_is_diverted_to_an_address() {
    let service = Scene::new().authentication();
    let target = Identity::Uri("sip:carol@example.com".into());
    let diverted = service.divert(&[base(ALICE, &[BOB])], &target, None, NOW);
    let payload = diverted.unwrap()[0].passport.payload().to_owned();
    assert!(payload.starts_with(r#"{"dest":{"uri":["sip:carol@example.com"]},"div""#));
}

/// This test verifies that a `div-o` has the whole PASSporT before it inside, and the next one the whole `div-o`, and that there is
/// one for each PASSporT, even of the same call.
#[test]
fn rfc8946_section_5_1_nested_diversions_hold_what_was_before() {
    let service = Scene::new().authentication();
    let original = base(ALICE, &[BOB]);
    let nest = |existing: &[SignedPassport], target| {
        let nested = service.divert_nested(existing, &number(target), None, NOW);
        nested.map(|nested| {
            nested
                .into_iter()
                .map(|one| one.passport)
                .collect::<Vec<_>>()
        })
    };
    let inside = |passport: &SignedPassport| match &passport.claims().extension {
        Extension::DivO(div) => div.opt.to_string(),
        _ => panic!("no div-o"),
    };
    let first = nest(std::slice::from_ref(&original), CAROL).unwrap();
    assert_eq!(inside(&first[0]), original.token());
    assert_eq!(first[0].header().ppt.as_deref(), Some("div-o"));
    let second = nest(&first, DAVE).unwrap();
    assert_eq!(inside(&second[0]), first[0].token());
    let twice = [original.clone(), original];
    assert_eq!(nest(&twice, CAROL).unwrap().len(), 2);
    // Each is a third longer than the one inside: there is an end to it.
    let long = Extension::DivO(Box::new(DivO {
        div: Div::new(number(MALLORY), None),
        opt: "x".repeat(MAX_TOKEN / 2).into(),
    }));
    let long = token(ALICE, &[BOB], long, NOW);
    assert_eq!(nest(&[long], CAROL), Err(Refusal::TooLarge));
}
