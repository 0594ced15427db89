//! PASSporTs between us and Kamailio's secsipid, the server left out: what the library signs and reads.
//!
//! ```text
//!     SIPp ──► Kamailio signs ──► SIPp          the Identity header that arrived ──► we read it, its chain and its signature
//!     we sign ──► SIPp ──► Kamailio verifies ──► SIPp
//!                               └─ https ─► repository
//! ```
//!
//! These tests verify that a foreign implementation and ours mean the same by the bytes of a PASSporT.

use crate::passports::{flipped, identity, number};
use crate::peers::{Called, Caller, Kamailio, Lab, Repository, Sipp};
use crate::provider::now;
use countersign::certificate::CertificateChain;
use countersign::crypto::AwsLc;
use countersign::identity::Dest;
use countersign::passport::{Attestation, Extension, SignedPassport};
use countersign::path;
use countersign::trust::{Anchor, Standing, Trust};
use countersign_sip::identity_header;

#[test]
fn what_kamailio_signs_is_read_and_proved() {
    let lab = Lab::new();
    let x5u = "https://127.0.0.1:8443/chain.pem";
    let called = Sipp::called(Called::Answers);
    let signs = Kamailio::signs(called.address(), &lab.calls.key, x5u);
    Sipp::call(Caller::Answered, signs.address()).place();

    let called = called.finish();
    let invite = called.invite();
    let presented = identity_header::parse(invite.header("Identity").as_bytes()).unwrap();
    assert_eq!(presented.info.as_deref(), Some(x5u));
    assert_eq!(presented.alg.as_deref(), Some("ES256"));
    assert_eq!(presented.ppt.as_deref(), Some("shaken"));
    let passport = SignedPassport::parse(&presented.token).unwrap();
    assert!(passport.is_canonical(), "{}", passport.payload());
    let claims = passport.claims();
    assert_eq!(claims.orig, number("12025550100"));
    assert_eq!(claims.dest, Dest::one(number("12025550101")));
    assert!(now().abs_diff(claims.iat) < 60);
    let Extension::Shaken(shaken) = &claims.extension else {
        panic!("{claims:?}")
    };
    assert_eq!(shaken.attest, Attestation::A);

    let anchors = Anchor::from_pem(lab.calls.anchor.as_bytes(), Standing::Lab).unwrap();
    let trust = Trust::new("lab", 1, anchors);
    let chain = CertificateChain::parse(lab.calls.chain.as_bytes()).unwrap();
    let path = path::verify(&chain, &trust, now(), &AwsLc).unwrap();
    let signed = passport.signing_input().as_bytes();
    path.key().verify(signed, passport.signature()).unwrap();
    let mut flipped = *passport.signature();
    flipped[5] ^= 1;
    assert!(path.key().verify(signed, &flipped).is_err());
}

/// Kamailio's word on a call with this Identity header: the status the caller got, which must be this one, and the reason.
#[track_caller]
fn kamailio_says(lab: &Lab, repository: &Repository, identity: &str, status: u16) -> String {
    let called = Sipp::called(Called::Answers);
    let verifies = Kamailio::verifies(called.address(), &lab.calls.anchor, &lab.web.anchor);
    let caller = if status == 200 {
        Caller::Answered
    } else {
        Caller::Refused(status)
    };
    let seen = Sipp::call(caller, verifies.address())
        .header("Identity", identity)
        .place();
    assert_eq!(repository.fetches("chain.pem"), 1);
    if status != 200 {
        called.was_not_called();
        return seen.response(status).header("X-Identity-Check").to_owned();
    }
    let called = called.finish();
    let invites = called.received("INVITE");
    invites
        .first()
        .unwrap()
        .header("X-Identity-Check")
        .to_owned()
}

fn we_sign(lab: &Lab, repository: &Repository) -> String {
    identity(
        &lab.calls.signing_key(),
        &repository.url("chain.pem"),
        now(),
    )
}

#[test]
fn what_we_sign_is_proved_by_kamailio() {
    let lab = Lab::new();
    let repository = Repository::serve(
        &[("chain.pem", &lab.calls.chain)],
        &lab.web.chain,
        &lab.web.key,
    );
    let identity = we_sign(&lab, &repository);
    assert_eq!(kamailio_says(&lab, &repository, &identity, 200), "passed");
}

#[test]
fn a_flipped_bit_in_our_signature_is_noticed_by_kamailio() {
    let lab = Lab::new();
    let repository = Repository::serve(
        &[("chain.pem", &lab.calls.chain)],
        &lab.web.chain,
        &lab.web.key,
    );
    let identity = we_sign(&lab, &repository);
    assert_eq!(
        kamailio_says(&lab, &repository, &flipped(&identity), 438),
        "-251"
    );
}
