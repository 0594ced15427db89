//! We sign, Kamailio verifies.
//!
//! ```text
//!     SIPp ──► serve, signs ──► Kamailio changes ──► Kamailio, secsipid ──► SIPp
//!                   │           (one bit, or not        │
//!                   │            there at all)          │
//!                   └─ public listener, https ◄── x5u ──┘   chain checked to our anchor (CertVerify=4)
//! ```
//!
//! This test verifies that a foreign implementation believes what we sign: it fetches our chain from our own listener, builds
//! the path to our anchor and checks the signature. And that it can refuse: for one bit, and for an anchor that is not ours.

use crate::peers::{Called, Caller, Change, Kamailio, Sipp};
use crate::provider::{Provider, udp};

#[test]
fn what_we_sign_passes_at_kamailio() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let verifies = Kamailio::verifies(called.address(), &provider.anchor(), &provider.web_anchor());
    let mut signs = provider.signs(&udp(verifies.address())).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.header("X-Identity-Check"), "passed");
    assert!(invite.header("Identity").contains(&provider.x5u()));
    assert_eq!(signs.call()["verdict"], "signed");
}

/// Kamailio, which believes `anchor` about calls, refuses a call that `change` was made to; it says why.
#[track_caller]
fn is_refused(provider: &Provider, anchor: &Provider, change: Change) -> String {
    let called = Sipp::called(Called::Answers);
    let verifies = Kamailio::verifies(called.address(), &anchor.anchor(), &provider.web_anchor());
    let changes = Kamailio::changes(verifies.address(), change);
    let mut signs = provider.signs(&udp(changes.address())).start();

    let seen = Sipp::call(Caller::Refused(438), signs.sip()).place();

    called.was_not_called();
    assert_eq!(signs.call()["status"], 438);
    seen.response(438).header("X-Identity-Check").to_owned()
}

#[test]
fn one_flipped_bit_of_it_is_refused() {
    let provider = Provider::new();
    let why = is_refused(&provider, &provider, Change::Signature);
    assert_eq!(why, "-251", "the library's code for a bad signature");
}

#[test]
fn another_anchor_than_ours_is_refused() {
    let (provider, stranger) = (Provider::new(), Provider::new());
    let why = is_refused(&provider, &stranger, Change::Nothing);
    assert_eq!(why, "-101", "the library's code for a bad path");
}
