//! The main road: a call is signed by one provider and verified by the other.
//!
//! ```text
//!    Alice's provider ── token;info=<x5u>;alg=ES256;ppt=shaken ──► Bob's provider: passed
//! ```
//!
//! This test verifies that what we sign is what we accept, that the evidence says why, and where the windows close.

use super::told;
use countersign::call::{DateHeader, DestSource, OrigSource};
use countersign::certificate::Coverage;
use countersign::identity::{Identity, IdentityPolicy, Role};
use countersign::passport::Attestation;
use countersign::verification::policy::StaleDate;
use countersign::verification::{
    Check, Fault, Outcome, Sighting, Token, Verdict, Verstat, VerstatProfile,
};
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, ORIGID, Scene, X5U, call, number};

#[test]
fn digest12_case01_the_form_of_what_we_sign() {
    let scene = Scene::new();
    let signed = scene.sign(&call());
    let header = format!(r#"{{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"{X5U}"}}"#);
    let encoded = signed.passport.token().split('.').next().unwrap();
    let decoded = countersign::jose::base64url::decode(encoded).unwrap();
    assert_eq!(String::from_utf8(decoded).unwrap(), header);
    let iat = NOW.as_secs();
    assert_eq!(
        signed.passport.payload(),
        format!(
            r#"{{"attest":"A","dest":{{"tn":["{BOB}"]}},"iat":{iat},"orig":{{"tn":"{ALICE}"}},"origid":"{ORIGID}"}}"#
        )
    );
    let token = signed.passport.token();
    assert_eq!(
        signed.identity,
        format!("{token};info=<{X5U}>;alg=ES256;ppt=shaken")
    );
    assert_eq!(
        signed.add_date,
        Some(NOW),
        "the request had no Date, and must get one"
    );
}

#[test]
fn what_is_signed_passes_and_every_check_says_so() {
    let scene = Scene::new();
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(
        report.verdict.verstat(VerstatProfile::Atis1000082),
        Verstat::Passed
    );
    let passport = &report.passports[0];
    assert!(matches!(&passport.token, Token::Proven(proven) if proven.claims().iat == NOW));
    assert_eq!(passport.orig_from, Some(OrigSource::From));
    assert_eq!(passport.dest_from, Some(DestSource::To));
    assert_eq!(passport.attest(), Some(Attestation::A));
    assert_eq!(passport.origid().unwrap().to_string(), ORIGID);
    assert_eq!(passport.sighting, Some(Sighting::First));
    let signer = passport.signer.as_ref().unwrap();
    assert_eq!(signer.coverage, Some(Coverage::Covered));
    assert_eq!(signer.subject(), "CN=SHAKEN numbers,O=Countersign Lab,C=US");
    for result in passport.checks.iter() {
        let expected = match result.check {
            Check::Date
            | Check::Media
            | Check::Constraints
            | Check::Chain
            | Check::Freshness
            | Check::Revocation => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        assert_eq!(result.outcome, expected, "{}", result.check.name());
    }
}

#[test]
fn by_provider_passes_for_now_and_the_evidence_says_so() {
    let mut scene = Scene::new();
    scene.signer = scene.lab.provider("1234");
    scene.repository.publish(X5U, &scene.signer.chain);
    let signed = scene.sign(&call());
    assert_eq!(
        signed.coverage,
        Coverage::ByProvider("1234".parse().unwrap())
    );
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(report.verdict, Verdict::Passed);
    let signer = report.passports[0].signer.as_ref().unwrap();
    assert_eq!(
        signer.coverage,
        Some(Coverage::ByProvider("1234".parse().unwrap()))
    );
    assert_eq!(signer.spc().unwrap().as_str(), "1234");
    let authority = report.passports[0].check(Check::Authority);
    assert_eq!(
        authority.detail().unwrap(),
        "by provider code; whose the number is was not asked"
    );
}

#[test]
fn digest12_case06_and_digest02_case11_the_window() {
    let scene = Scene::new();
    let presented = scene.present(&call());
    for (seconds, verdict, code) in [
        (30, Verdict::Passed, None),
        (59, Verdict::Passed, None),
        (60, Verdict::Passed, None),
        (61, Verdict::Failed(Fault::IatStale), Some(403)),
        (-60, Verdict::Passed, None),
        (-61, Verdict::Failed(Fault::IatInFuture), Some(403)),
    ] {
        let report = scene.verify_at(seconds, &call(), vec![Ok(presented.clone())]);
        assert_eq!(told(&report), (verdict, code), "{seconds} s later");
    }
    let stale = scene.verify_at(61, &call(), vec![Ok(presented)]).verdict;
    assert_eq!(
        stale.verstat(VerstatProfile::Atis1000082),
        Verstat::NoValidation
    );
    assert_eq!(stale.verstat(VerstatProfile::Field), Verstat::Failed);
}

#[test]
fn digest12_case07_another_called_party_and_a_flipped_bit() {
    let scene = Scene::new();
    let mut elsewhere = call();
    elsewhere.dest = vec![(number(MALLORY), DestSource::To)];
    let report = scene.verify(&elsewhere, scene.present(&call()));
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::DestMismatch), Some(438))
    );
    assert_eq!(
        report.verdict.verstat(VerstatProfile::Atis1000082),
        Verstat::NoValidation
    );
    assert!(
        scene.repository.requests().is_empty(),
        "a forgery buys no fetch"
    );

    let mut flipped = scene.present(&call());
    let signature = flipped.token.rfind('.').unwrap() + 1;
    let mut token = flipped.token.to_string().into_bytes();
    token[signature] = if token[signature] == b'A' { b'B' } else { b'A' };
    flipped.token = String::from_utf8(token).unwrap().into();
    let report = scene.verify(&call(), flipped);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SignatureInvalid), Some(438))
    );
    assert_eq!(
        report.verdict.verstat(VerstatProfile::Atis1000082),
        Verstat::Failed
    );
}

#[test]
fn digest02_case11_iat_is_the_truth_where_the_date_was_changed() {
    let scene = Scene::new();
    let presented = scene.present(&call());
    for date in [
        DateHeader::At(NOW.saturating_add(-3600)),
        DateHeader::At(NOW.saturating_add(3600)),
        DateHeader::Unusable,
        DateHeader::Absent,
        DateHeader::At(NOW.saturating_add(3)),
    ] {
        let changed = countersign::call::Call { date, ..call() };
        let report = scene.verify(&changed, presented.clone());
        assert_eq!(report.verdict, Verdict::Passed, "{date:?}");
    }
    let strict = scene.with_policy(|policy| policy.stale_date = StaleDate::Refuse);
    let changed = countersign::call::Call {
        date: DateHeader::At(NOW.saturating_add(-3600)),
        ..call()
    };
    let report = strict.verify(&changed, presented);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::DateStale), Some(403))
    );
}

#[test]
fn dest_is_looked_for_in_the_order_of_the_call() {
    let scene = Scene::new();
    let mut forwarded = call();
    forwarded.dest = vec![
        (number(MALLORY), DestSource::To),
        (number(BOB), DestSource::RequestUri),
    ];
    let report = scene.verify(&forwarded, scene.present(&call()));
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(report.passports[0].dest_from, Some(DestSource::RequestUri));
    let detail = report.passports[0].check(Check::Dest).detail();
    assert_eq!(detail.unwrap(), "Request-URI");
}

#[test]
fn digest12_case20_an_asserted_identity_speaks_for_an_anonymous_from() {
    let scene = Scene::new();
    let mut asserted = call();
    asserted.orig_from = OrigSource::PAssertedIdentity;
    let report = scene.verify(&asserted, scene.present(&asserted));
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(
        report.passports[0].orig_from,
        Some(OrigSource::PAssertedIdentity)
    );

    // Without one there is nobody to compare the token with: its own word is not taken.
    let mut anonymous = call();
    anonymous.orig = None;
    let report = scene.verify(&anonymous, scene.present(&call()));
    assert_eq!(
        told(&report),
        (Verdict::NotValidated(Fault::CallerUnknown), Some(438))
    );
    // Nor is it taken for a lie where the door tells that the caller does not say who it is.
    let from = |uri: &str| {
        let mut from = call();
        from.orig = Identity::from_uri(uri, Role::Orig, IdentityPolicy::default()).ok();
        let report = scene.verify(&from, scene.present(&call()));
        told(&report)
    };
    let unknown = (Verdict::NotValidated(Fault::CallerUnknown), Some(438));
    assert_eq!(from("sip:anonymous@anonymous.invalid"), unknown);
    assert_eq!(from("sip:Anonymous@sbc.example"), unknown);
    let another = (Verdict::Failed(Fault::OrigMismatch), Some(438));
    assert_eq!(from("sip:alice@a.example"), another);
}

#[test]
fn digest02_case20_ppt_quoted_or_not() {
    let scene = Scene::new();
    let identity = scene.sign(&call()).identity;
    for written in [
        identity.clone(),
        identity.replace("ppt=shaken", "ppt=\"shaken\""),
    ] {
        let presented = countersign_sip::identity_header::parse(written.as_bytes()).unwrap();
        assert_eq!(scene.verify(&call(), presented).verdict, Verdict::Passed);
    }
}
