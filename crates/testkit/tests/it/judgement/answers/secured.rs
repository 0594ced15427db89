//! Calls that ask for media security: `msec`, RFC 8862, with certificates that somebody answers for, and with those that nobody does.
//!
//! ```text
//!    Alice's phone ── INVITE, a=fingerprint, msec with mky, signed with a key of its own ──► Bob's provider
//! ```
//!
//! This test verifies that a signature that nobody answers for binds the media and proves nobody's identity, and that nothing else does.

use super::*;
use countersign::call::Call;
use countersign::certificate::CertificateChain;
use countersign::passport::{HeaderCache, Passport};
use countersign::time::Validity;
use countersign_ca::{Authority, Practice};
use countersign_testkit::lab::{HALF_VALIDITY, Lab, Signer, chain, new_key, subject, validity};
use countersign_testkit::scene::call;

const OWN: &str = "https://phone.example.org/own.pem";

/// A key and a certificate that it has signed itself.
fn own(lab: &Lab, validity: Validity) -> Signer {
    let (name, key) = (subject("Alice"), new_key());
    let (practice, serial) = (Practice::default(), lab.next_serial());
    let authority = Authority::root(&name, Arc::clone(&key) as _, practice, serial, validity);
    let chain = chain(&[authority.unwrap().certificate()]);
    Signer { key, chain }
}

fn secured(signer: &Signer, extension: Extension, digest: Option<&str>) -> Presented {
    let claims = Claims {
        extension,
        media_keys: digest.map(|digest| Box::new(keys(&[digest]))),
        ..answer(BOB, NOW)
    };
    let ppt = claims.extension.ppt().map(Box::from);
    let header = HeaderCache::new(OWN).unwrap();
    let passport = Passport::new(claims).unwrap();
    Presented {
        token: passport.sign(&header, &*signer.key).unwrap().token().into(),
        info: Some(OWN.into()),
        alg: None,
        ppt,
    }
}

fn calling() -> Call {
    Call {
        media_keys: Some(Box::new(keys(&["ABCD"]))),
        ..call()
    }
}

fn judge(chain: &CertificateChain, presented: Presented) -> (Report, Vec<String>) {
    let exchange = Exchange::new();
    exchange.way.scene.repository.publish(OWN, chain);
    let report = exchange.way.verify(&calling(), vec![presented]);
    let requests = exchange.way.scene.repository.requests();
    (
        report,
        requests.into_iter().map(|(url, _)| url.into()).collect(),
    )
}

#[test]
fn digest11_case07_a_one_time_certificate_binds_the_media_and_nobody() {
    let own = own(&Lab::new(), validity());
    let msec = secured(&own, Extension::Msec, Some("ABCD"));
    let (report, requests) = judge(&own.chain, msec);
    let unknown = Verdict::NotValidated(Fault::SignerUnknown);
    assert_eq!(report.verdict, unknown);
    assert_eq!(report.msec(), Some(unknown));
    assert_eq!(report.media(), Some(MediaStanding::Bound));
    assert_eq!(requests, [OWN], "the certificate, and nothing else");
    let [passport] = &*report.passports else {
        panic!("{report:#?}")
    };
    assert!(passport.token.proven().is_none() && passport.signer.is_none());
    assert_eq!(passport.check(Check::Signature).outcome, Outcome::Passed);
    for check in [Check::Revocation, Check::Authority] {
        assert_eq!(passport.check(check).outcome, Outcome::Skipped);
    }
    assert!(report.complaints().is_empty());
}

#[test]
fn digest11_case20_of_an_authority_that_nobody_knows_it_is_the_same() {
    let stranger = Lab::new().numbers(ALICE, 1);
    let msec = secured(&stranger, Extension::Msec, Some("ABCD"));
    let (report, _) = judge(&stranger.chain, msec);
    let unknown = Verdict::NotValidated(Fault::SignerUnknown);
    assert_eq!(report.verdict, unknown, "the call is passed on");
    assert_eq!(report.media(), Some(MediaStanding::Bound));
}

#[test]
fn only_msec_is_heard_of_whom_nobody_vouches_for() {
    let own = own(&Lab::new(), validity());
    let base = secured(&own, Extension::Base, Some("ABCD"));
    let (report, _) = judge(&own.chain, base);
    assert_eq!(report.verdict, Verdict::Failed(Fault::PathInvalid));
    assert_eq!(report.media(), Some(MediaStanding::NotSigned));
    assert_eq!(report.msec(), None);
}

#[test]
fn a_certificate_of_ones_own_must_fit_and_be_valid() {
    let lab = Lab::new();
    let (signer, other) = (own(&lab, validity()), own(&lab, validity()));
    let msec = secured(&signer, Extension::Msec, Some("ABCD"));
    let (report, _) = judge(&other.chain, msec);
    let forged = Verdict::Failed(Fault::SignatureInvalid);
    assert_eq!(report.verdict, forged);
    assert_eq!(report.media(), Some(MediaStanding::NotSigned));
    let over = Validity {
        not_before: NOW.saturating_add(-2 * HALF_VALIDITY),
        not_after: NOW.saturating_add(-1),
    };
    let old = own(&lab, over);
    let msec = secured(&old, Extension::Msec, Some("ABCD"));
    let (report, _) = judge(&old.chain, msec);
    assert!(matches!(report.verdict, Verdict::Failed(_)), "{report:?}");
    assert_eq!(report.media(), Some(MediaStanding::NotSigned));
}

#[test]
fn digest11_case02_msec_without_keys_is_438() {
    let mut way = Way::new();
    way.meet(ALICE);
    let msec = |keys: Option<MediaKeys>| {
        let claims = Claims {
            extension: Extension::Msec,
            media_keys: keys.map(Box::new),
            ..answer(BOB, NOW)
        };
        way.diverted(ALICE, claims)
    };
    let silent = way.verify(&calling(), vec![msec(None)]);
    assert_eq!(silent.verdict, Verdict::Failed(Fault::MediaKeysMissing));
    assert_eq!(silent.code.unwrap().number(), 438);
    assert_eq!(silent.msec(), Some(silent.verdict));
    let good = way.verify(&calling(), vec![msec(Some(keys(&["ABCD"])))]);
    assert_eq!(good.verdict, Verdict::Passed);
    assert_eq!(good.msec(), Some(Verdict::Passed));
    assert_eq!(good.media(), Some(MediaStanding::Bound));
    let altered = way.verify(&calling(), vec![msec(Some(keys(&["ABCE"])))]);
    assert_eq!(
        altered.msec(),
        Some(Verdict::Failed(Fault::MediaKeysMismatch))
    );
    // Where there is no description there are no keys.
    let late = way.verify(&call(), vec![msec(None)]);
    assert_eq!(late.verdict, Verdict::Passed);
}
