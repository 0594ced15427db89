//! A call that is forwarded twice on its way, and is believed at its end.
//!
//! ```text
//!   SIPp ──► first provider ──► second provider ──► third provider ──► verifies ──► SIPp
//!            signs 100→101      its table: 101→110  its table: 110→120  (a fourth)
//!            Identity           + Identity div 101  + Identity div 110
//!
//!   SIPp ──► first provider ──► Kamailio ─────────► second provider ──► verifies ──► SIPp
//!            signs 100→101      Request-URI 102,    + Identity div 101
//!                               nobody signs that
//! ```
//!
//! This test verifies that whoever retargets a call can prove it, that the proof of the caller stays whole on the way, and that the
//! verifying side believes a chain only if it is whole. All sockets, servers and callers are real.

use crate::peers::{Called, Caller, Change, Kamailio, Sipp, Trace, Workspace};
use crate::provider::{Provider, Setup, udp};
use countersign::jose::base64url;
use serde_json::{Value, json};

/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";

/// A provider's server that forwards by this table, and signs that it does.
fn forwards(setup: Setup, folder: &Workspace, table: &str) -> Setup {
    let file = folder.write("forwards.csv", table);
    setup
        .trunk(WHOLE)
        .trunk("sign_diversions = true")
        .trunk(&format!("forwards_file = {file:?}"))
}

fn claims(identity: &str) -> Value {
    let payload = identity.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

/// Who is named by the PASSporTs of the INVITE that arrived: where each leads, and from where it diverts.
fn chain(called: &Trace) -> Vec<(Value, Value)> {
    let identities = called.invite().headers("Identity");
    let all = identities.iter().map(|one| claims(one));
    all.map(|one| (one["div"]["tn"].clone(), one["dest"]["tn"][0].clone()))
        .collect()
}

#[test]
fn a_call_forwarded_twice_is_believed_at_its_last_number() {
    let (first, second, third) = (Provider::new(), Provider::new(), Provider::new());
    let folders = (Workspace::new("table-2"), Workspace::new("table-3"));
    let called = Sipp::called(Called::Answers);
    let mut verifies = first
        .are_verified(&[&second, &third], &udp(called.address()))
        .trunk(WHOLE)
        .start();
    let setup = third.signs(&udp(verifies.sip()));
    let mut last = forwards(setup, &folders.1, "12025550110,12025550120\n").start();
    let setup = second.signs(&udp(last.sip()));
    let mut middle = forwards(setup, &folders.0, "12025550101,12025550110\n").start();
    let mut signs = first.signs(&udp(middle.sip())).trunk(WHOLE).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    assert!(
        invite.start_line().starts_with("INVITE sip:+12025550120@"),
        "{}",
        invite.text
    );
    assert!(invite.header("To").contains("12025550101"));
    let expected = [
        (Value::Null, json!("12025550101")),
        (json!("12025550101"), json!("12025550110")),
        (json!("12025550110"), json!("12025550120")),
    ];
    assert_eq!(chain(&called), expected);
    assert_eq!(signs.call()["verdict"], "signed");
    assert_eq!(middle.call()["diversion"], "signed");
    assert_eq!(last.call()["diversion"], "signed");
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "passed", "{verified}");
    assert_eq!(verified["x5u"], first.x5u());
    let signed = "countersign_diversions_total{trunk=\"signs\",outcome=\"signed\"}";
    assert_eq!(middle.metric(signed), 1);
}

#[test]
fn a_call_that_a_switch_forwarded_is_believed_if_its_provider_signs_that() {
    let (first, second) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let mut verifies = first
        .are_verified(&[&second], &udp(called.address()))
        .trunk(WHOLE)
        .start();
    let setup = second.signs(&udp(verifies.sip())).trunk(WHOLE);
    let mut diverts = setup.trunk("sign_diversions = true").start();
    let switch = Kamailio::changes(diverts.sip(), Change::RequestUri);
    let mut signs = first.signs(&udp(switch.address())).trunk(WHOLE).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    let called = called.finish();
    assert_eq!(called.invite().verstat(), "TN-Validation-Passed");
    let expected = [
        (Value::Null, json!("12025550101")),
        (json!("12025550101"), json!("12025550102")),
    ];
    assert_eq!(chain(&called), expected);
    assert_eq!(signs.call()["verdict"], "signed");
    assert_eq!(diverts.call()["diversion"], "signed");
    assert_eq!(verifies.call()["verdict"], "passed");
}

#[test]
fn a_call_that_somebody_forwarded_whom_nobody_knows_is_not_believed() {
    let (first, stranger) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = first.is_verified(&udp(called.address())).trunk(WHOLE);
    let mut verifies = setup.fetches_from(&stranger).start();
    let folder = Workspace::new("table-of-a-stranger");
    let setup = stranger.signs(&udp(verifies.sip()));
    let mut diverts = forwards(setup, &folder, "12025550101,12025550110\n").start();
    let mut signs = first.signs(&udp(diverts.sip())).trunk(WHOLE).start();

    Sipp::call(Caller::Answered, signs.sip()).place();

    assert_ne!(called.finish().invite().verstat(), "TN-Validation-Passed");
    assert_eq!(signs.call()["verdict"], "signed");
    assert_eq!(diverts.call()["diversion"], "signed");
    let verified = verifies.call();
    assert_ne!(verified["verdict"], "passed", "{verified}");
}
