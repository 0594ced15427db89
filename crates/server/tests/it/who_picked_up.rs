//! Who picked up: the called side's provider signs it, the caller's provider checks it.
//!
//! ```text
//!     SIPp ──► serve, signs ───────── INVITE, shaken ─────────► serve, verifies ──► SIPp
//!        ◄──── checks answers ◄─────── 200, Identity: rsp ───── signs answers ◄────
//!                   │                                                │
//!                   └──────────────── x5u, https ───────────────────►┘
//! ```
//!
//! This test verifies that two providers that share nothing but trust prove both ends of a call to each other over real sockets, whether
//! the caller's provider is a proxy or a back-to-back user agent; that who diverts a call honestly is believed; that where nobody
//! proves anything, and a proof is required, the caller is not left with the wrong party; and that who answered by proof before and
//! does so no more is told.

use crate::peers::{
    Called, Caller, Change, Kamailio, Process, Sipp, Trace, Workspace, free_address,
};
use crate::provider::{Provider, Server, Setup, udp};
use countersign::jose::base64url;
use serde_json::{Value, json};

/// What passes without being cut.
pub(crate) const WHOLE: &str = "oversize = \"fragment\"";
pub(crate) const B2BUA: &str = "mode = \"b2bua\"";
pub(crate) const REQUIRED: &str = "[trunks.connected]\ncheck = \"require\"";

/// The header and the claims of the PASSporTs in a message.
pub(crate) fn passports(identities: &[&str]) -> Vec<(Value, Value)> {
    let part = |identity: &str, number| {
        let part = identity.split('.').nth(number).unwrap();
        serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap()
    };
    let all = identities.iter();
    all.map(|one| (part(one, 0), part(one, 1))).collect()
}

/// The lines about answers in the log of a server, as soon as there are so many.
#[track_caller]
pub(crate) fn answers(server: &mut Server, count: usize) -> Vec<Value> {
    answers_that(server, count, |_| true)
}

/// Those of them that are wanted, as soon as there are so many.
#[track_caller]
pub(crate) fn answers_that(
    server: &mut Server,
    count: usize,
    is_wanted: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let lines = |process: &Process| -> Vec<Value> {
        let output = process.output();
        let lines = output
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines
            .filter(|line: &Value| line["target"] == "countersign::answer" && is_wanted(line))
            .collect()
    };
    let process = server.process();
    process.until("done with its answers", |process| {
        lines(process).len() >= count
    });
    lines(process)
}

/// Those of these lines that are about this status.
pub(crate) fn of_status(lines: &[Value], status: u16) -> Vec<&Value> {
    let lines = lines.iter();
    lines.filter(|line| line["status"] == status).collect()
}

/// A call from one provider to the other: what the caller saw.
fn verified(asks: impl FnOnce(Setup) -> Setup) -> (Trace, Trace, Server, Server, Provider) {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let answers = setup.trunk(WHOLE).start();
    let setup = calling.asks(&[&answering], &udp(answers.sip()));
    let asks = asks(setup.trunk(WHOLE)).start();

    let seen = Sipp::call(Caller::Answered, asks.sip()).place();

    (seen, called.finish(), asks, answers, answering)
}

/// What must be true of a call that was answered by whom it was for.
#[track_caller]
fn is_proven(seen: &Trace, asks: &mut Server, signs: &mut Server, answering: &Provider) {
    let answer = seen.response(200);
    let [(header, claims)] = &passports(&answer.headers("Identity"))[..] else {
        panic!("{}", answer.text)
    };
    assert_eq!(header["ppt"], "rsp");
    assert_eq!(header["x5u"], answering.x5u());
    assert_eq!(claims["orig"], json!({"tn": "12025550100"}));
    assert_eq!(claims["dest"], json!({"tn": ["12025550101"]}));
    let told = answers(asks, 1);
    let [line] = of_status(&told, 200)[..] else {
        panic!("{told:#?}")
    };
    assert_eq!(line["standing"], "matching", "{line}");
    assert_eq!(line["reached"], "12025550101");
    assert_eq!(line["fate"], "passed");
    assert_eq!(line["x5u"], answering.x5u());
    assert_eq!(line["spc"], "LAB1");
    let signed = answers(signs, 1);
    assert_eq!(of_status(&signed, 200)[0]["fate"], "signed");
    let counted = "countersign_signed_answers_total{trunk=\"answers\",outcome=\"signed\"}";
    assert!(signs.metric(counted) >= 1);
    assert!(asks.metric("countersign_answers_total{trunk=\"asks\",standing=\"matching\"") >= 1);
}

#[test]
fn an_answer_is_signed_carried_and_verified() {
    let (seen, called, mut asks, mut signs, answering) = verified(|setup| setup);
    is_proven(&seen, &mut asks, &mut signs, &answering);
    assert_eq!(called.invite().verstat(), "TN-Validation-Passed");
    let line = asks.call();
    assert_eq!(line["verdict"], "signed");
    assert_eq!(signs.call()["verdict"], "passed");
}

#[test]
fn an_answer_is_held_until_it_is_verified_where_that_is_required() {
    let (seen, called, mut asks, mut signs, answering) =
        verified(|setup| setup.trunk(B2BUA).trunk(REQUIRED));
    is_proven(&seen, &mut asks, &mut signs, &answering);
    assert_eq!(called.received("BYE").len(), 1);
    let line = asks.call();
    assert_eq!(line["answer"], "matching", "{line}");
    assert_eq!(line["reached"], "12025550101");
    assert_eq!(line["answer_signer"], "LAB1");
}

/// This test verifies that whoever stands where the called should be, and proves nothing, gets a BYE, and the caller a refusal.
#[test]
fn the_wrong_party_is_not_spoken_to() {
    let calling = Provider::new();
    let wrong = Sipp::called(Called::Answers);
    let setup = calling.asks(&[&calling], &udp(wrong.address()));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();

    Sipp::call(Caller::Refused(403), asks.sip()).place();

    let wrong = wrong.finish();
    assert_eq!(wrong.received("ACK").len(), 1);
    assert_eq!(wrong.received("BYE").len(), 1);
    let told = answers(&mut asks, 1);
    let [refused] = of_status(&told, 200)[..] else {
        panic!("{told:#?}")
    };
    assert_eq!(refused["fate"], "refused", "{refused}");
    assert_eq!(refused["standing"], "absent");
    assert_eq!(asks.call()["status"], 403);
}

/// The same where the answer is signed, by somebody who may not speak for the called number.
#[test]
fn a_proof_by_somebody_whom_nobody_trusts_is_none() {
    let (calling, stranger) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = stranger.answers(&[&calling], &udp(called.address()));
    let strange = setup.trunk(WHOLE).start();
    let setup = calling.asks(&[&calling], &udp(strange.sip()));
    let setup = setup.fetches_from(&stranger);
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();

    Sipp::call(Caller::Refused(403), asks.sip()).place();

    assert_eq!(called.finish().received("BYE").len(), 1);
    let told = answers(&mut asks, 1);
    let refused = of_status(&told, 200)[0];
    assert_eq!(refused["fate"], "refused", "{refused}");
    assert_ne!(refused["standing"], "matching");
    assert_eq!(refused["reached"], Value::Null);
}

/// A call that the called provider forwards, and signs that it does: what the caller saw, and what the caller's provider, which has these
/// settings, has told of it.
fn forwarded(caller: Caller, asks: &str) -> (Trace, Vec<Value>) {
    let (calling, answering) = (Provider::new(), Provider::new());
    let folder = Workspace::new("forwards");
    let table = folder.write("forwards.csv", "12025550101,12025550110\n");
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let setup = setup
        .trunk("sign_diversions = true")
        .trunk(&format!("forwards_file = {table:?}"));
    let signs = setup.trunk(WHOLE).start();
    let setup = calling.asks(&[&answering], &udp(signs.sip()));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(asks).start();

    let seen = Sipp::call(caller, asks.sip()).place();

    called.finish();
    (seen, answers(&mut asks, 1))
}

/// This test verifies that a call which the called provider forwards, and signs that it does, is answered by proof.
#[test]
fn an_honest_diversion_is_proven() {
    let (seen, lines) = forwarded(Caller::Answered, REQUIRED);

    let answer = seen.response(200);
    let told = passports(&answer.headers("Identity"));
    let kinds: Vec<_> = told.iter().map(|(header, _)| &header["ppt"]).collect();
    assert_eq!(kinds, ["rsp", "div"], "{}", answer.text);
    assert_eq!(told[0].1["dest"], json!({"tn": ["12025550110"]}));
    assert_eq!(told[1].1["div"], json!({"tn": "12025550101"}));
    let line = of_status(&lines, 200)[0];
    assert_eq!(line["standing"], "diverted", "{line}");
    assert_eq!(line["reached"], "12025550110");
}

/// Whoever wants the called party and nobody else does not get somebody else, however honest.
#[test]
fn a_diversion_is_refused_where_nobody_else_is_wanted() {
    let strictly = format!("{REQUIRED}\naccept_diverted = false");
    let (_, told) = forwarded(Caller::Refused(403), &strictly);

    let line = &told[0];
    assert_eq!(line["fate"], "refused", "{line}");
    assert_eq!(line["standing"], "unexpected", "{line}");
}

/// Both providers, with a foreign proxy between them that makes this change; the caller's requires a proof.
fn around(change: Change) -> (Server, Server, Provider, Provider, Sipp, Kamailio) {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let signs = setup.trunk(WHOLE).start();
    let between = Kamailio::changes(signs.sip(), change);
    let setup = calling.asks(&[&answering], &udp(between.address()));
    let asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();
    (asks, signs, calling, answering, called, between)
}

/// One that strips nothing is no harm.
#[test]
fn a_foreign_proxy_between_them_is_no_harm() {
    let (mut asks, mut signs, _calling, answering, called, _between) = around(Change::Nothing);
    let seen = Sipp::call(Caller::Answered, asks.sip()).place();
    called.finish();
    is_proven(&seen, &mut asks, &mut signs, &answering);
}

/// RFC 9970 §4: provisional responses may be consumed on their way; the proof of the 200 is enough.
#[test]
fn digest01_case16_what_rings_is_swallowed_and_the_answer_is_proven() {
    let (mut asks, mut signs, _calling, answering, called, _between) = around(Change::Ringing);
    let seen = Sipp::call(Caller::Answered, asks.sip()).place();
    called.finish();
    assert!(!seen.statuses().contains(&180), "{:?}", seen.statuses());
    is_proven(&seen, &mut asks, &mut signs, &answering);
}

/// Whoever strips the proof off answers does not get a caller to speak.
#[test]
fn an_answer_whose_proof_was_stripped_is_none() {
    let (mut asks, mut signs, _calling, _answering, called, _between) = around(Change::Answers);
    Sipp::call(Caller::Refused(403), asks.sip()).place();
    assert_eq!(called.finish().received("BYE").len(), 1);
    assert_eq!(of_status(&answers(&mut signs, 1), 200)[0]["fate"], "signed");
    let told = answers(&mut asks, 1);
    assert_eq!(of_status(&told, 200)[0]["standing"], "absent", "{told:#?}");
}

/// This test verifies that who proved that they answer, and does so no more, is told as such, and that a restart forgets nobody.
#[test]
fn who_answered_by_proof_before_and_does_no_more_is_told() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let folder = Workspace::new("memory");
    let memory = folder.path().join("supporters");
    let at = free_address();
    let remembers = format!("[connected]\nmemory_file = {memory:?}\n");
    let (first, second) = (Sipp::called_at(Called::Answers, at), free_address());
    let setup = answering.answers(&[&calling], &udp(at));
    let signs = setup.trunk(WHOLE).start();
    let asks = |next: &str| {
        let setup = calling.asks(&[&answering], next).trunk(WHOLE);
        setup.settings(&remembers).start()
    };
    let mut asks_first = asks(&udp(signs.sip()));
    Sipp::call(Caller::Answered, asks_first.sip()).place();
    first.finish();
    assert_eq!(
        answers(&mut asks_first, 1).last().unwrap()["standing"],
        "matching"
    );
    asks_first.process().terminate();
    let ended = asks_first.process().end(std::time::Duration::from_secs(20));
    assert!(ended.success(), "{ended}");
    let written = std::fs::read_to_string(&memory).unwrap();
    assert!(written.contains(" 12025550101\n"), "{written}");
    drop(asks_first);

    // Now calls take another way, where nobody signs.
    let wrong = Sipp::called_at(Called::Answers, second);
    let mut asks_again = asks(&udp(second));
    assert_eq!(asks_again.metric("countersign_supporters"), 1);
    Sipp::call(Caller::Answered, asks_again.sip()).place();
    wrong.finish();
    asks_again.until_metric(
        "countersign_sip_events_total{event=\"answer-regression\"}",
        1,
    );
    let output = asks_again.process().output();
    assert!(
        output.contains("countersign::answer_regression"),
        "{output}"
    );
}
