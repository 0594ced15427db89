//! A caller who stays anonymous, and whose provider knows the number.
//!
//! ```text
//!     SIPp ──────────────► serve, signs ─────────► serve, verifies ──► SIPp
//!     From: anonymous      (believes the PBX,      (believes the signer, or not)
//!     P-Asserted-Identity   next hop trusted,
//!     Privacy: id           or not)
//! ```
//!
//! This test verifies that the asserted number is signed for an anonymous From, that it is verified where it may be seen, and that where
//! it may not nobody takes the call for a forgery.

use crate::peers::{Called, Caller, Message, Sipp};
use crate::provider::{Provider, udp};
use serde_json::Value;

const ASSERTED: &str = "<sip:+12025550100@pbx.example>, <tel:+12025550100>";

/// What the called side hears, and what signer and verifier say of the call.
fn anonymous_call(border: &str, believes: &str) -> (Message, Value, Value) {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let verifies = provider.is_verified(&udp(called.address()));
    let mut verifies = verifies.trunk(believes).start();
    let signs = provider.signs(&udp(verifies.sip()));
    let mut signs = signs.trunk("trust_pai = true").trunk(border).start();

    let call = Sipp::call(Caller::Answered, signs.sip()).from("anonymous");
    let call = call.header("P-Asserted-Identity", ASSERTED);
    call.header("Privacy", "id").place();

    let invite = called.finish().invite().clone();
    (invite, signs.call(), verifies.call())
}

#[test]
fn case47_inside_the_trust_domain_the_number_is_verified() {
    let (invite, signed, verified) = anonymous_call("", "trust_pai = true");
    assert_eq!(
        (&signed["verdict"], &signed["attest"]),
        (&"signed".into(), &"A".into())
    );
    assert_eq!(verified["verdict"], "passed");
    assert_eq!(verified["orig"], "12025550100");
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    assert_eq!(invite.header("Privacy"), "id");
    assert!(invite.header("From").contains("sip:anonymous@"));
}

#[test]
fn outside_it_the_caller_is_unknown_and_not_a_liar() {
    let (invite, signed, verified) = anonymous_call("next_hop_trusted = false", "trust_pai = true");
    assert_eq!(signed["verdict"], "signed");
    assert_eq!(verified["verdict"], "not-validated");
    assert_eq!(verified["fault"], "caller-unknown");
    // The proof itself is passed on; the number stands nowhere else.
    assert_eq!(invite.headers("Identity").len(), 1);
    assert_eq!(invite.verstat(), "No-TN-Validation");
    let asserted = invite.header("P-Asserted-Identity");
    assert!(asserted.contains("anonymous@"), "{asserted}");
    assert!(!invite.text.contains("12025550100@"), "{}", invite.text);
}

#[test]
fn whoever_is_not_believed_names_nobody() {
    let (invite, _, verified) = anonymous_call("", "trust_pai = false");
    assert_eq!(verified["fault"], "caller-unknown");
    assert_eq!(invite.verstat(), "No-TN-Validation");
}
