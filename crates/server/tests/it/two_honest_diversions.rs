//! Two honest diversions: A calls B, B's provider sends the call on to C, C's provider to D, and D answers.
//!
//! ```text
//!     A: SIPp ──► serve, signs ──► [Kamailio] ──► serve of B ──────► serve of C ──────► SIPp: D
//!                 100 → 101                       101 → 110          110 → 120
//!                                                 + div 101          + div 110
//!        ◄─────── checks ◄──────── 200, Identity: rsp 120, div 101, div 110 ◄──── signs
//! ```
//!
//! This test verifies that the caller's provider, which dialled B, believes that D is who should answer if everybody who sent the call on
//! has proved that; that one proof less is none at all; and that a caller who wants nobody but B gets nobody else.

use crate::peers::{Called, Caller, Change, Kamailio, Sipp, Trace, Workspace};
use crate::provider::{Provider, Server, Setup, udp};
use crate::who_picked_up::{B2BUA, REQUIRED, WHOLE, answers, of_status, passports};
use serde_json::{Value, json};

/// A provider's server that forwards by this table, and signs that it does.
fn forwards(setup: Setup, folder: &Workspace, table: &str) -> Server {
    let file = folder.write("forwards.csv", table);
    let setup = setup.trunk(WHOLE).trunk("sign_diversions = true");
    setup.trunk(&format!("forwards_file = {file:?}")).start()
}

/// A call of A to B with this change on the way back to A, whose trunk says this: what A and D saw, and what A's provider told of the
/// answer.
fn call(change: Change, connected: &str, caller: Caller) -> (Trace, Trace, Value) {
    let (a, b, c) = (Provider::new(), Provider::new(), Provider::new());
    let (table_b, table_c) = (Workspace::new("table-b"), Workspace::new("table-c"));
    let d = Sipp::called(Called::Answers);
    let setup = c.answers(&[&a, &b], &udp(d.address()));
    let last = forwards(setup, &table_c, "12025550110,12025550120\n");
    let setup = b.answers(&[&a, &c], &udp(last.sip()));
    let first = forwards(setup, &table_b, "12025550101,12025550110\n");
    let between = Kamailio::changes(first.sip(), change);
    let setup = a.asks(&[&b, &c], &udp(between.address()));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(connected).start();

    let seen = Sipp::call(caller, asks.sip()).place();

    // Who answers by proof is nobody else's to sign for: whoever is in the middle adds nothing.
    assert_eq!(first.metric("countersign_signed_answers_total"), 0);
    let lines = answers(&mut asks, 1);
    let told = of_status(&lines, 200)[0].clone();
    (seen, d.finish(), told)
}

/// What the PASSporTs of a message are, from where they divert, and where they lead.
fn chain(identities: &[&str]) -> Vec<(Value, Value, Value)> {
    let all = passports(identities).into_iter();
    all.map(|(header, claims)| {
        let (from, to) = (&claims["div"]["tn"], &claims["dest"]["tn"][0]);
        (header["ppt"].clone(), from.clone(), to.clone())
    })
    .collect()
}

#[test]
fn digest01_case05_a_call_sent_on_twice_is_answered_by_proof() {
    let (seen, d, told) = call(Change::Nothing, REQUIRED, Caller::Answered);
    let line = d.invite().start_line();
    assert!(line.starts_with("INVITE sip:+12025550120@"), "{line}");
    let answer = seen.response(200);
    let mut chain = chain(&answer.headers("Identity"));
    let rsp = (json!("rsp"), Value::Null, json!("12025550120"));
    assert_eq!(chain.remove(0), rsp, "{}", answer.text);
    // In whatever order.
    chain.sort_by_key(|(_, from, _)| from.to_string());
    let div = |from: &str, to: &str| (json!("div"), json!(from), json!(to));
    let both = [
        div("12025550101", "12025550110"),
        div("12025550110", "12025550120"),
    ];
    assert_eq!(chain, both, "{}", answer.text);
    assert_eq!(told["standing"], "diverted", "{told}");
    assert_eq!(told["reached"], "12025550120");
    assert_eq!(told["fate"], "passed");
    assert_eq!(d.received("BYE").len(), 1);
}

/// RFC 8946 §4.2: a chain with a link missing proves nothing.
#[test]
fn digest01_case05_with_one_of_two_proofs_it_is_not() {
    let (seen, d, told) = call(Change::Diversion, REQUIRED, Caller::Refused(403));
    assert_eq!(told["fate"], "refused", "{told}");
    assert_eq!(told["standing"], "unexpected");
    assert_eq!(told["reached"], Value::Null);
    // Whoever answered was let go before the caller could speak.
    assert_eq!(d.received("BYE").len(), 1);
    assert!(!seen.statuses().contains(&200), "{:?}", seen.statuses());
}

/// The strict reading of RFC 9970 §5: only who was dialled will do, however well the way is proven.
#[test]
fn digest01_case04_who_wants_nobody_else_gets_nobody_else() {
    let strict = format!("{REQUIRED}\naccept_diverted = false");
    let (seen, d, told) = call(Change::Nothing, &strict, Caller::Refused(403));
    assert_eq!(told["fate"], "refused", "{told}");
    assert_eq!(told["standing"], "unexpected");
    assert_eq!(d.received("BYE").len(), 1);
    assert!(!seen.statuses().contains(&200), "{:?}", seen.statuses());
}
