//! Kamailio signs, we verify.
//!
//! ```text
//!     SIPp ──► Kamailio, secsipid ──► Kamailio changes ──► serve, verifies ──► SIPp
//!              (with our key)         (one bit, or not       │
//!                                      there at all)         │
//!              serve, publishes ◄── https: our chain ────────┘
//! ```
//!
//! This test verifies that a proof made by a foreign implementation, under a certificate issued by our own authority and
//! published by our own repository, is believed, and that one flipped bit of it is not.

use crate::peers::{Called, Caller, Change, Kamailio, Sipp};
use crate::provider::{Provider, udp};

#[test]
fn what_kamailio_signs_passes() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    // Kamailio sends the provider's calls; its countersign only publishes the chain.
    let _publishes = provider.signs(&udp(verifies.sip())).start();
    let signs = Kamailio::signs(verifies.sip(), &provider.key_pem(), &provider.x5u());

    Sipp::call(Caller::Answered, signs.address()).place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Passed");
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "passed");
    assert_eq!(verified["attest"], "A");
    assert_eq!(verified["signer"], "CN=SHAKEN LAB1,O=Countersign Lab,C=US");
}

#[test]
fn one_flipped_bit_of_it_fails() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    let _publishes = provider.signs(&udp(verifies.sip())).start();
    let changes = Kamailio::changes(verifies.sip(), Change::Signature);
    let signs = Kamailio::signs(changes.address(), &provider.key_pem(), &provider.x5u());

    Sipp::call(Caller::Answered, signs.address()).place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Failed");
    assert_eq!(verifies.call()["fault"], "signature-invalid");
}

#[test]
fn a_provider_of_another_anchor_fails() {
    let (provider, stranger) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider
        .is_verified(&udp(called.address()))
        .fetches_from(&stranger)
        .start();
    let _publishes = stranger.signs(&udp(verifies.sip())).start();
    let signs = Kamailio::signs(verifies.sip(), &stranger.key_pem(), &stranger.x5u());

    Sipp::call(Caller::Answered, signs.address()).place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Failed");
    assert_eq!(verifies.call()["fault"], "path-untrusted");
}
