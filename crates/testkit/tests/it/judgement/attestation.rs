//! The authentication service: for whom it speaks, how firmly, and when it does not.
//!
//! ```text
//!    trunk (strong or weak, asks for A, B, C or nothing) ──► AuthenticationService { certificate, inventory } ──► Identity
//!                                                                                              └──► refusal, with the reason
//! ```
//!
//! This test verifies that nothing is signed that the certificate, the clock or the inventory does not carry.

use countersign::authentication::{
    AuthenticationService, Basis, Credential, Inventory, Origination, Reason, Refusal, Signer,
    SignerError, Unlisted,
};
use countersign::call::{Call, DateHeader, DestSource};
use countersign::certificate::repository_url::UrlFault;
use countersign::crypto::{Point, Signature, SigningFailed, SigningKey};
use countersign::identity::{Identity, IdentityPolicy, NotAnIdentity, Role};
use countersign::passport::Attestation;
use countersign::path::{PathFault, Step};
use countersign::verification::Verdict;
use countersign_testkit::lab::{self, HALF_VALIDITY, NOW};
use countersign_testkit::scene::{BOB, MALLORY, Scene, X5U, call, number, origination};
use std::sync::Arc;

fn refused(scene: &Scene, call: &Call) -> Refusal {
    scene
        .authentication()
        .authenticate(call, &origination(), NOW)
        .unwrap_err()
}

fn with_orig(orig: &str) -> Call {
    Call {
        orig: Some(number(orig)),
        ..call()
    }
}

fn with_date(date: DateHeader) -> Call {
    Call { date, ..call() }
}

#[test]
fn the_evidence_tells_asked_deserved_basis_and_reason() {
    let scene = Scene::new();
    let signed = scene.sign(&call()).attestation;
    assert_eq!(
        (signed.signed, signed.basis, signed.reason),
        (Attestation::A, Some(Basis::Assigned), Reason::Listed)
    );
    // Covered by the certificate, but not in the inventory.
    let signed = scene.sign(&with_orig("12025550149")).attestation;
    assert_eq!(
        (signed.signed, signed.basis, signed.reason),
        (Attestation::C, None, Reason::Unlisted)
    );
    let asks_too_much = Origination {
        asked: Some(Attestation::A),
        credential: Credential::Weak,
        ..origination()
    };
    let service = scene.authentication();
    let signed = service.authenticate(&call(), &asks_too_much, NOW).unwrap();
    assert_eq!(signed.attestation.asked, Some(Attestation::A));
    assert_eq!(signed.attestation.deserved, Attestation::C);
    assert_eq!(signed.attestation.reason, Reason::WeakCredential);
    assert!(signed.passport.payload().starts_with("{\"attest\":\"C\""));
}

#[test]
fn an_unlisted_number_is_not_signed_where_the_trunk_says_so() {
    let scene = Scene::new();
    let strict = Origination {
        unlisted: Unlisted::Unsigned,
        ..origination()
    };
    let service = scene.authentication();
    let refusal = service
        .authenticate(&with_orig("12025550149"), &strict, NOW)
        .unwrap_err();
    assert_eq!(refusal, Refusal::Unlisted);
    assert!(service.authenticate(&call(), &strict, NOW).is_ok());
}

#[test]
fn rfc8224_step1_no_authority_no_identity() {
    let scene = Scene::new();
    assert_eq!(refused(&scene, &with_orig(MALLORY)), Refusal::NotCovered);
    assert_eq!(
        refused(
            &scene,
            &Call {
                orig: None,
                ..call()
            }
        ),
        Refusal::CallerUnknown
    );
    let anonymous = Identity::from_uri(
        "sip:anonymous@example.com",
        Role::Orig,
        IdentityPolicy::default(),
    );
    assert_eq!(
        refused(
            &scene,
            &Call {
                orig: anonymous.ok(),
                ..call()
            }
        ),
        Refusal::CallerUnknown
    );
    let uri = Identity::from_uri(
        "sip:alice@example.com",
        Role::Orig,
        IdentityPolicy::default(),
    );
    assert_eq!(
        refused(
            &scene,
            &Call {
                orig: uri.ok(),
                ..call()
            }
        ),
        Refusal::CallerNotANumber
    );
    assert_eq!(
        refused(&scene, &with_orig("911")),
        Refusal::CallerNotANumber
    );
    assert_eq!(
        refused(
            &scene,
            &Call {
                dest: vec![],
                ..call()
            }
        ),
        Refusal::CalledPartyUnknown
    );
}

#[test]
fn rfc8224_step3_the_date() {
    let scene = Scene::new();
    for seconds in [-60, -1, 0, 60] {
        let date = NOW.saturating_add(seconds);
        let signed = scene.sign(&with_date(DateHeader::At(date)));
        assert_eq!(signed.passport.claims().iat, date, "iat is the Date");
        assert_eq!(signed.add_date, None);
    }
    for seconds in [-61, 61] {
        let date = DateHeader::At(NOW.saturating_add(seconds));
        assert_eq!(refused(&scene, &with_date(date)), Refusal::StaleDate);
    }
    assert_eq!(
        refused(&scene, &with_date(DateHeader::Unusable)),
        Refusal::UnusableDate
    );
}

#[test]
fn rfc8224_step3_now_and_date_within_the_validity() {
    let scene = Scene::new();
    let service = scene.authentication();
    let authenticate = |date, seconds| {
        let now = NOW.saturating_add(seconds);
        let date = DateHeader::At(now.saturating_add(date));
        service
            .authenticate(&with_date(date), &origination(), now)
            .map(|_| ())
    };
    assert_eq!(authenticate(0, HALF_VALIDITY), Ok(()));
    assert_eq!(
        authenticate(0, HALF_VALIDITY + 1),
        Err(Refusal::CertificateExpired)
    );
    assert_eq!(
        authenticate(1, HALF_VALIDITY),
        Err(Refusal::CertificateExpired)
    );
    assert_eq!(
        authenticate(-1, HALF_VALIDITY + 1),
        Err(Refusal::CertificateExpired)
    );
    assert_eq!(authenticate(0, -HALF_VALIDITY), Ok(()));
    assert_eq!(
        authenticate(-1, -HALF_VALIDITY),
        Err(Refusal::CertificateNotYetValid)
    );
    assert_eq!(
        authenticate(1, -HALF_VALIDITY - 1),
        Err(Refusal::CertificateNotYetValid)
    );
}

#[test]
fn digest12_case23_destinations_are_sorted_when_signed() {
    let scene = Scene::new();
    let uri = |text| Identity::from_uri(text, Role::Dest, IdentityPolicy::default()).unwrap();
    let several = Call {
        dest: [
            uri("sip:zoe@example.com"),
            number("12025550103"),
            uri("sip:bob@example.com"),
            number(BOB),
        ]
        .map(|one| (one, DestSource::Given))
        .into(),
        ..call()
    };
    let payload = scene.sign(&several).passport.payload().to_owned();
    let dest = r#""dest":{"tn":["12025550101","12025550103"],"uri":["sip:bob@example.com","sip:zoe@example.com"]}"#;
    assert!(payload.contains(dest), "{payload}");
}

#[test]
fn digest12_case22_uris_are_normalized_before_they_are_signed() {
    let policy = IdentityPolicy::default();
    let alice = Identity::from_uri("sip:Alice:pw@Example.COM:5060;x=y", Role::Dest, policy);
    assert_eq!(
        alice.map(|one| one.to_string()),
        Ok::<_, NotAnIdentity>("sip:alice@example.com".into())
    );
}

#[test]
fn the_request_uri_is_not_signed_beside_to() {
    let scene = Scene::new();
    let mut both = call();
    both.dest.push((number(MALLORY), DestSource::RequestUri));
    let signed = scene.sign(&both);
    assert_eq!(
        signed.passport.claims().dest.numbers,
        [BOB.parse().unwrap()]
    );
    assert_eq!(
        scene.verify(&both, scene.present(&both)).verdict,
        Verdict::Passed
    );
}

#[test]
fn signing_by_hand_has_the_basis_operator() {
    let mut scene = Scene::new();
    scene.inventory = Arc::new(Inventory::operator());
    let signed = scene.sign(&with_orig("12025550149")).attestation;
    assert_eq!(
        (signed.signed, signed.basis),
        (Attestation::A, Some(Basis::Operator))
    );
}

#[test]
fn a_key_that_does_not_match_its_certificate_is_refused_at_load() {
    let scene = Scene::new();
    let chain = || scene.signer.chain.clone();
    let error = |x5u: &str, key, chain| Signer::new(x5u, key, chain).map(|_| ()).unwrap_err();
    let key = || Arc::clone(&scene.signer.key);
    assert_eq!(
        error(X5U, lab::new_key(), chain()),
        SignerError::KeyMismatch
    );
    let http = "http://cert.example.org/a.pem";
    assert_eq!(
        error(http, key(), chain()),
        SignerError::Url(UrlFault::Scheme)
    );
    // An odd port is the operator's business; quotes and brackets would break the header.
    assert!(Signer::new("https://localhost:5443/a.pem", key(), chain()).is_ok());
    assert_eq!(
        error("https://h/a>.pem", key(), chain()),
        SignerError::Url(UrlFault::Character)
    );
}

#[test]
fn a_chain_that_nobody_would_accept_is_refused_at_load() {
    let scene = Scene::new();
    let intermediate = scene.lab.intermediate().certificate();
    let signer = &scene.signer;
    let end_entity = signer.chain.end_entity();
    let load = |chain| {
        let signer = Signer::new(X5U, Arc::clone(&signer.key) as Arc<dyn SigningKey>, chain);
        signer.map(|_| ()).unwrap_err()
    };
    let missing = lab::chain(&[end_entity, scene.lab.root().certificate()]);
    let stranger = lab::Lab::new();
    let forged = lab::chain(&[end_entity, stranger.intermediate().certificate()]);
    let step = Step::EndEntity;
    for (chain, expected) in [
        (
            missing,
            PathFault::IssuerMissing {
                step,
                issuer: intermediate.subject().to_string().into(),
            },
        ),
        (forged, PathFault::KeyIdentifierMismatch { step }),
    ] {
        assert_eq!(load(chain), SignerError::Path(expected));
    }
    // The key of an authority, with the certificate of that authority.
    let root = scene.lab.root();
    let key = Arc::new(Broken(root.key().public_key()));
    let authority = Signer::new(X5U, key, lab::chain(&[root.certificate()]));
    assert_eq!(
        authority.map(|_| ()).unwrap_err(),
        SignerError::Path(PathFault::EndEntityIsAuthority)
    );
}

/// A device that has lost its key.
struct Broken(Point);

impl SigningKey for Broken {
    fn sign(&self, _: &[u8]) -> Result<Signature, SigningFailed> {
        Err(SigningFailed)
    }

    fn public_key(&self) -> Point {
        self.0
    }
}

#[test]
fn a_key_that_does_not_sign_is_our_fault_and_said_so() {
    let scene = Scene::new();
    let key = Arc::new(Broken(scene.signer.key.public_key()));
    let signer = Signer::new(X5U, key, scene.signer.chain.clone()).unwrap();
    let service = AuthenticationService::new(Arc::new(signer), Arc::clone(&scene.inventory));
    let refusal = service
        .authenticate(&call(), &origination(), NOW)
        .unwrap_err();
    assert_eq!(refusal, Refusal::SigningFailed);
}
