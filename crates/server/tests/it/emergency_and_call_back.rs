//! A call for help, and the call back.
//!
//! ```text
//!   SIPp ── 911, Resource-Priority: esnet.1 ──► its provider signs (shaken, rph) ──► emergency services ──► SIPp
//!           + wps.0, which nobody gave it       at once                              at once, esnet.1 stays
//!
//!   SIPp ── psap-callback, esnet.0 ──► emergency services sign (shaken, rph, sph) ──► verifies ──► SIPp: marked, esnet.0
//!   SIPp ── psap-callback, esnet.0 ──► a provider that signs nothing of it ─────────► verifies ──► SIPp: an ordinary call
//! ```
//!
//! This test verifies that a call for help is signed for its priority on its way and held up by nobody, that the call back is
//! proven and keeps its priority and its mark, and that anybody else's call with the same words is delivered as an ordinary one.

use crate::peers::{Called, Caller, Message, Sipp};
use crate::provider::{Provider, Setup, udp};
use countersign::jose::base64url;
use serde_json::{Value, json};

const EMERGENCY: &str = "emergency_numbers = [\"911\", \"1122\"]";
/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";
/// LAB1, the code of every provider here, may sign for emergency services.
const AUTHORITY: &str = "[[priority.authorities]]\nnamespace = \"esnet\"\nproviders = [\"LAB1\"]\n";

/// The claims of the PASSporTs with this `ppt`.
fn claims(invite: &Message, ppt: &str) -> Vec<Value> {
    let identities = invite.headers("Identity");
    let ours = identities
        .iter()
        .filter(|one| one.ends_with(&format!(";ppt={ppt}")));
    let payload = |one: &&str| {
        let payload = one.split('.').nth(1).unwrap();
        serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
    };
    ours.map(payload).collect()
}

fn verifies(provider: &Provider, called: &Sipp) -> Setup {
    provider
        .is_verified(&udp(called.address()))
        .trunk(WHOLE)
        .trunk(EMERGENCY)
        .settings(AUTHORITY)
}

#[test]
fn digest11_case15_a_call_for_help_is_signed_for_its_priority_and_goes_straight_through() {
    // The second is longer than what anybody would take for one who does not route it.
    for number in ["911", "1122"] {
        calls_for_help(number);
    }
}

fn calls_for_help(number: &str) {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut services = verifies(&provider, &called).start();
    let signs = provider.signs(&udp(services.sip()));
    let signs = signs.trunk(WHOLE).trunk(EMERGENCY);
    let mut signs = signs.trunk("sign_priority = [\"esnet.1\"]").start();

    let call = Sipp::call(Caller::Answered, signs.sip()).to(number);
    call.header("Resource-Priority", "esnet.1, wps.0").place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.header("Resource-Priority"), "esnet.1");
    let [rph] = &claims(invite, "rph")[..] else {
        panic!("{}", invite.text)
    };
    assert_eq!(rph["rph"], json!({"auth": ["esnet.1"]}));
    assert_eq!(rph["dest"], json!({"tn": [number]}));
    assert_eq!(rph["orig"], json!({"tn": "12025550100"}));
    assert_eq!(claims(invite, "shaken").len(), 1);
    assert_eq!(signs.call()["priority"], "kept,stripped");
    let line = services.call();
    assert_eq!(
        (&line["verdict"], &line["priority"]),
        (&"emergency".into(), &"kept".into())
    );
}

/// The calls with this outcome, as those who verify count them.
fn counted(outcome: &str) -> String {
    format!("countersign_priority_total{{trunk=\"verifies\",outcome=\"{outcome}\"}}")
}

/// What an answering point sends that calls 12025550101 back.
fn calls_back(signs: &crate::provider::Server) {
    Sipp::call(Caller::Answered, signs.sip())
        .header("Resource-Priority", "esnet.0")
        .header("Priority", "psap-callback")
        .place();
}

#[test]
fn digest11_case13_a_call_back_that_is_proven_keeps_its_priority_and_its_mark() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = verifies(&provider, &called).start();
    let signs = provider.signs(&udp(verifies.sip())).trunk(WHOLE);
    let signs = signs.trunk("sign_priority = [\"esnet.0\"]");
    let signs = signs.trunk("psap_numbers = [\"+12025550100\"]").start();

    calls_back(&signs);

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    assert_eq!(invite.header("Resource-Priority"), "esnet.0");
    assert_eq!(invite.header("Priority"), "psap-callback");
    assert_eq!(claims(invite, "rph")[0]["sph"], "psap-callback");
    let line = verifies.call();
    assert_eq!(line["verdict"], "passed");
    assert_eq!(line["priority"], "callback-proven,honoured");
    for outcome in ["callback-proven", "honoured"] {
        assert_eq!(verifies.metric(&counted(outcome)), 1, "{outcome}");
    }
}

#[test]
fn digest11_case12_a_call_back_of_nobody_who_may_is_delivered_as_an_ordinary_call() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = verifies(&provider, &called).start();
    // Its provider signs the number, and knows nothing of the rest.
    let signs = provider.signs(&udp(verifies.sip())).trunk(WHOLE).start();

    calls_back(&signs);

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    assert!(invite.headers("Resource-Priority").is_empty());
    assert!(invite.headers("Priority").is_empty());
    let line = verifies.call();
    assert_eq!(line["verdict"], "passed");
    assert_eq!(line["priority"], "callback-stripped,stripped");
    assert_eq!(verifies.metric(&counted("callback-stripped")), 1);
}

/// The same words from a number that is on the list of those who verify: RFC 7090 §5.3.
#[test]
fn digest11_case12_a_number_on_the_list_may_mark_its_calls_if_it_is_proven() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let listed = verifies(&provider, &called).trunk("psap_numbers = [\"+12025550100\"]");
    let mut verifies = listed.start();
    let signs = provider.signs(&udp(verifies.sip())).trunk(WHOLE);
    let signs = signs.trunk("unsigned_priority = \"trust-peer\"").start();

    calls_back(&signs);

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.header("Priority"), "psap-callback");
    assert!(invite.headers("Resource-Priority").is_empty());
    assert_eq!(verifies.call()["priority"], "callback-listed,stripped");
}
