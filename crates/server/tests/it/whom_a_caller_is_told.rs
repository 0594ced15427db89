//! Whom a caller is told to have reached, beside the number: nobody, unless those who answer want that.
//!
//! ```text
//!     SIPp ──► serve, signs ── INVITE ──► serve, verifies; [[brands]] of its numbers ──► SIPp
//!        ◄──────────────────── 200, Identity: rsp, with a name or without ◄──
//! ```
//!
//! This test verifies that a number's name goes back only where the trunk and, if it asks them, those whose number it is have said so; that
//! a conference bridge answers like anybody else; and that what we cannot vouch for is not signed at all.

use crate::peers::{Called, Caller, Sipp, Trace};
use crate::provider::{Provider, Server, udp};
use countersign::jose::base64url;
use serde_json::{Value, json};

/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";

/// A brand of these numbers.
fn brand(numbers: &str, name: &str, more: &str) -> String {
    format!(
        "[[brands]]\nname = \"{name}\"\ntenant = \"provider\"\nnumbers = [\"{numbers}\"]\ncaller_name = \"{name}\"\n{more}\n"
    )
}

/// A call to this number, whose trunk on the called side has these settings: what the caller saw, and the called side's server.
fn call(number: &str, connected: &str, brands: &str) -> (Trace, Server) {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let answers = setup.trunk(WHOLE).trunk(connected).settings(brands).start();
    let signs = calling.signs(&udp(answers.sip())).trunk(WHOLE).start();
    let seen = Sipp::call(Caller::Answered, signs.sip()).to(number).place();
    called.finish();
    (seen, answers)
}

/// The claims of the only PASSporT of the answer; nothing if it has none.
#[track_caller]
fn claims(seen: &Trace) -> Option<Value> {
    let identities = seen.response(200).headers("Identity");
    let [identity] = identities[..] else {
        assert!(identities.is_empty(), "{identities:?}");
        return None;
    };
    assert!(identity.ends_with(";ppt=rsp"), "{identity}");
    let payload = identity.split('.').nth(1).unwrap();
    let bytes = base64url::decode(payload).unwrap();
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// The name that goes back with the answer to a call to 12025550101.
#[track_caller]
fn name(connected: &str, brand_says: &str) -> Value {
    let brands = brand("12025550101", "Universal Exports", brand_says);
    let (seen, _) = call("12025550101", connected, &brands);
    let mut claims = claims(&seen).expect("a signed answer");
    assert_eq!(claims["dest"], json!({"tn": ["12025550101"]}));
    claims["rcd"]["nam"].take()
}

/// The default of the switch is the one that tells nothing.
#[test]
fn digest01_case18_nobody_is_told_anything_unless_it_is_turned_on() {
    assert_eq!(name("", "backwards = true"), Value::Null);
}

#[test]
fn opting_in_is_asked_of_those_whose_number_it_is() {
    let opt_in = "[trunks.connected]\nrich_data = \"opt-in\"";
    assert_eq!(name(opt_in, ""), Value::Null);
    assert_eq!(name(opt_in, "backwards = true"), "Universal Exports");
}

/// RFC 9970 §1 leaves conferences out; whoever dials a bridge has reached the bridge, and that can be said.
#[test]
fn a_conference_bridge_is_called_like_anybody_else() {
    let institutions = "[trunks.connected]\nrich_data = \"institutions\"";
    let bridge = brand("12025550140", "Board Meeting Bridge", "");
    let (seen, mut answers) = call("12025550140", institutions, &bridge);
    let claims = claims(&seen).expect("a signed answer");
    assert_eq!(claims["rcd"]["nam"], "Board Meeting Bridge");
    assert_eq!(claims["orig"], json!({"tn": "12025550100"}));
    assert_eq!(claims["dest"], json!({"tn": ["12025550140"]}));
    answers.until_metric(
        "countersign_signed_answers_total{trunk=\"answers\",outcome=\"signed\"}",
        1,
    );
}

/// The certificate covers every number of its provider by code; the inventory says which of them are ours.
#[test]
fn only_our_own_numbers_are_signed_for() {
    let own = "[trunks.connected]\nsign = \"own-numbers\"";
    for settings in [own, ""] {
        let (seen, mut answers) = call("12025550170", settings, "");
        assert_eq!(claims(&seen), None);
        answers.until_metric(
            "countersign_signed_answers_total{trunk=\"answers\",outcome=\"unlisted\"}",
            1,
        );
    }
}

/// RFC 9970 §13: whoever calls without a proof is answered without one.
#[test]
fn digest01_case10_a_call_without_a_proof_is_answered_without_one() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let answers = setup.trunk(WHOLE).start();
    let seen = Sipp::call(Caller::Answered, answers.sip()).place();
    called.finish();
    assert_eq!(claims(&seen), None);
    assert_eq!(answers.metric("countersign_signed_answers_total"), 0);
}

/// RFC 9970 §4: who is busy has nothing to prove.
#[test]
fn digest01_case09_a_refusal_has_no_identity() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Busy);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let answers = setup.trunk(WHOLE).start();
    let signs = calling.signs(&udp(answers.sip())).trunk(WHOLE).start();
    let seen = Sipp::call(Caller::Refused(486), signs.sip()).place();
    assert!(seen.response(486).headers("Identity").is_empty());
}

/// A forged call is not answered with a signature of ours.
#[test]
fn a_call_whose_proof_is_bad_is_answered_without_one() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let mut answers = setup.trunk(WHOLE).start();
    let stale = calling.identity(crate::provider::now().saturating_add(-600));
    let seen = Sipp::call(Caller::Answered, answers.sip())
        .header("Identity", &stale)
        .place();
    called.finish();
    assert_eq!(claims(&seen), None);
    answers.until_metric(
        "countersign_signed_answers_total{trunk=\"answers\",outcome=\"call-failed\"}",
        1,
    );
}
