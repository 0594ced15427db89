//! The first call: one provider signs it, another verifies it, and the called side hears the verdict.
//!
//! ```text
//!     SIPp ──► serve, signs ──► Kamailio changes ──► serve, verifies ──► SIPp
//!              (provider one)   (nothing, or one     (provider two)
//!                   │            digit, or one bit)        │
//!                   └─ public listener, https ◄── x5u ─────┘
//! ```
//!
//! This test verifies that two servers that share nothing but an anchor carry the proof of a call from end to end over real
//! sockets, and that whoever touches the call on its way is noticed: told to the called side, or to the caller, as the trunk
//! says.

use crate::peers::{Called, Caller, Change, Kamailio, Sipp};
use crate::provider::{Provider, now, udp};

const REJECT: &str = "treatment = \"reject\"";

#[test]
fn a_call_is_signed_carried_and_verified() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    let mut signs = provider.signs(&udp(verifies.sip())).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    // The called side hears that the number is proved, and has the proof itself.
    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    let info = format!(";info=<{}>;alg=ES256;ppt=shaken", provider.x5u());
    assert!(
        invite.header("Identity").ends_with(&info),
        "{}",
        invite.text
    );
    assert_eq!(invite.headers("Date").len(), 1, "the signer adds one");

    // Both providers know what they did.
    let (signed, verified) = (signs.call(), verifies.call());
    assert_eq!(signed["verdict"], "signed");
    assert_eq!(signed["attest"], "A");
    assert_eq!(signed["basis"], "assigned");
    assert_eq!(signed["status"], 200);
    assert_eq!(verified["verdict"], "passed");
    assert_eq!(verified["attest"], "A");
    assert_eq!(verified["origid"], signed["origid"]);
    assert_eq!(verified["x5u"], provider.x5u());
    assert_eq!(verified["signer"], "CN=SHAKEN LAB1,O=Countersign Lab,C=US");
    assert_eq!(verified["status"], 200);
    let fetches = "countersign_certificate_fetches_total{outcome=\"ok\"}";
    assert_eq!(verifies.metric(fetches), 1);
}

/// A call with one change on its way, to a trunk that tags: the called side hears of it.
#[track_caller]
fn is_tagged(change: Change, fault: &str) {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    let changes = Kamailio::changes(verifies.sip(), change);
    let mut signs = provider.signs(&udp(changes.address())).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Failed");
    assert_eq!(signs.call()["verdict"], "signed");
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "failed");
    assert_eq!(verified["fault"], fault);
    assert_eq!(verified["code"], 438);
}

#[test]
fn another_caller_is_told_to_the_called_side() {
    is_tagged(Change::From, "orig-mismatch");
}

#[test]
fn another_called_number_is_told_to_the_called_side() {
    is_tagged(Change::To, "dest-mismatch");
}

#[test]
fn a_flipped_bit_is_told_to_the_called_side() {
    is_tagged(Change::Signature, "signature-invalid");
}

/// The same to a trunk that rejects: the caller hears of it, through the signer, and the called side nothing.
#[track_caller]
fn is_rejected(change: Change, fault: &str) {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let setup = provider.is_verified(&udp(called.address()));
    let mut verifies = setup.trunk(REJECT).start();
    let changes = Kamailio::changes(verifies.sip(), change);
    let mut signs = provider.signs(&udp(changes.address())).start();

    let seen = Sipp::call(Caller::Refused(438), signs.sip()).place();

    // RFC 8224 §6.2.2 has the reason phrase.
    let refusal = seen.response(438).start_line();
    assert_eq!(refusal, "SIP/2.0 438 Invalid Identity Header");
    called.was_not_called();
    assert_eq!(signs.call()["status"], 438);
    let verified = verifies.call();
    assert_eq!(verified["fault"], fault);
    assert_eq!(verified["status"], 438);
}

#[test]
fn another_caller_is_rejected() {
    is_rejected(Change::From, "orig-mismatch");
}

#[test]
fn another_called_number_is_rejected() {
    is_rejected(Change::To, "dest-mismatch");
}

#[test]
fn a_flipped_bit_is_rejected() {
    is_rejected(Change::Signature, "signature-invalid");
}

#[test]
fn a_call_without_proof_is_told_as_such_whatever_it_says_of_itself() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider.is_verified(&udp(called.address())).start();

    let boast = "<sip:12025550100;verstat=TN-Validation-Passed@192.0.2.1>";
    Sipp::call(Caller::Answered, verifies.sip())
        .header("P-Asserted-Identity", boast)
        .place();

    assert_eq!(called.finish().invite().verstat(), "No-TN-Validation");
    assert_eq!(verifies.call()["verdict"], "unsigned");
}

#[test]
fn a_call_without_proof_is_rejected_where_one_is_required() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let setup = provider.is_verified(&udp(called.address()));
    let mut verifies = setup.trunk(REJECT).trunk("require_identity = true").start();

    let seen = Sipp::call(Caller::Refused(428), verifies.sip()).place();

    let refusal = seen.response(428).start_line();
    assert_eq!(refusal, "SIP/2.0 428 Use Identity Header");
    called.was_not_called();
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "unsigned");
    assert_eq!(verified["status"], 428);
}

#[test]
fn a_proof_of_ten_minutes_ago_is_rejected() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let setup = provider.is_verified(&udp(called.address()));
    let mut verifies = setup.trunk(REJECT).start();

    let stale = provider.identity(now().saturating_add(-600));
    let seen = Sipp::call(Caller::Refused(403), verifies.sip())
        .header("Identity", &stale)
        .place();

    let refusal = seen.response(403).start_line();
    assert_eq!(refusal, "SIP/2.0 403 Stale Date");
    called.was_not_called();
    let verified = verifies.call();
    assert_eq!(verified["fault"], "iat-stale");
    // A stale forgery buys no fetch: the repository does not even run.
    assert_eq!(verifies.metric("countersign_certificate_fetches_total{"), 0);
}
