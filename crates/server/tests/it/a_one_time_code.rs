//! A one-time code is said to nobody but the number that it is for.
//!
//! ```text
//!     SIPp: the bank's machine ══► serve, signs, checks: b2bua, check = "require" ──┬──► serve of the right party ──► SIPp
//!       is silent until 200,                                                        │
//!       then says the code in an INFO                                               └──► SIPp, the wrong party: 183 and 200 with media
//! ```
//!
//! This test verifies that a machine that speaks to whoever answers is protected by its provider alone: nothing that the wrong party would
//! have it hear or send to gets through, neither before the answer nor with it; the code stays unsaid; and the right party gets it, also
//! where the wrong one was heard first.

use crate::peers::{Called, Caller, Kamailio, Sipp, Trace};
use crate::provider::{Provider, Server, udp};
use crate::who_picked_up::{B2BUA, REQUIRED, WHOLE, answers, of_status};

const CODE: &str = "Your code is 271828";
/// Where the wrong party would be heard.
const WRONG_MEDIA: &str = "m=audio 16666 ";

/// The bank's provider.
fn bank(bank: &Provider, answering: &[&Provider], next_hop: &str, connected: &str) -> Server {
    let setup = bank.asks(answering, next_hop).trunk(WHOLE).trunk(B2BUA);
    setup.trunk(connected).start()
}

/// Whether anything that was received leads to the media of the wrong party.
fn heard_the_wrong_one(seen: &Trace) -> bool {
    seen.0
        .iter()
        .any(|message| message.text.contains(WRONG_MEDIA))
}

#[test]
fn whom_it_is_for_gets_the_code() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::TakesACode);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let signs = setup.trunk(WHOLE).start();
    let mut asks = bank(&calling, &[&answering], &udp(signs.sip()), REQUIRED);

    let seen = Sipp::call(Caller::TellsACode, asks.sip()).place();

    let called = called.finish();
    let code = called.received("INFO");
    assert!(code[0].text.contains(CODE), "{}", code[0].text);
    let answer = seen.response(200);
    assert!(
        answer.text.contains("m=audio 16386 "),
        "its media are heard"
    );
    let lines = answers(&mut asks, 1);
    let line = of_status(&lines, 200)[0];
    assert_eq!(line["standing"], "matching", "{line}");
    assert_eq!(line["fate"], "passed");
}

#[test]
fn digest01_case03_the_wrong_party_is_neither_heard_nor_told_the_code() {
    let calling = Provider::new();
    let wrong = Sipp::called(Called::Plays);
    let mut asks = bank(&calling, &[&calling], &udp(wrong.address()), REQUIRED);

    let seen = Sipp::call(Caller::Refused(403), asks.sip()).place();

    let wrong = wrong.finish();
    assert!(!heard_the_wrong_one(&seen), "{seen:#?}");
    assert!(!seen.statuses().contains(&200), "{:?}", seen.statuses());
    assert_eq!(wrong.received("INFO").len(), 0);
    assert_eq!(wrong.received("BYE").len(), 1);
    let lines = answers(&mut asks, 1);
    let line = of_status(&lines, 200)[0];
    assert_eq!(
        (&line["standing"], &line["fate"]),
        (&"absent".into(), &"refused".into())
    );
}

/// What is said reliably has to be proven where it is said: a PRACK would be the caller's own word in a conversation with nobody knows whom.
#[test]
fn the_wrong_party_is_not_heard_by_saying_it_reliably() {
    let calling = Provider::new();
    let reliable = ["Require: 100rel", "RSeq: 271"].map(str::to_owned);
    let wrong = Sipp::called_saying(Called::PlaysOn, 183, &reliable);
    let mut asks = bank(&calling, &[&calling], &udp(wrong.address()), REQUIRED);

    let seen = Sipp::call(Caller::Refused(403), asks.sip())
        .header("Supported", "100rel")
        .place();

    let wrong = wrong.finish();
    assert!(!heard_the_wrong_one(&seen), "{seen:#?}");
    assert_eq!(wrong.received("PRACK").len(), 0);
    assert_eq!(wrong.received("CANCEL").len(), 1);
    let lines = answers(&mut asks, 1);
    let line = of_status(&lines, 183)[0];
    assert_eq!(line["standing"], "absent", "{line}");
}

/// The control: where nothing is required the same wrong party is heard, answers, and is told the code.
#[test]
fn without_the_requirement_the_wrong_party_gets_the_code() {
    let calling = Provider::new();
    let wrong = Sipp::called(Called::TakesACode);
    let mut asks = bank(&calling, &[&calling], &udp(wrong.address()), "");

    Sipp::call(Caller::TellsACode, asks.sip()).place();

    let wrong = wrong.finish();
    assert!(wrong.received("INFO")[0].text.contains(CODE));
    let lines = answers(&mut asks, 1);
    let line = of_status(&lines, 200)[0];
    assert_eq!(
        (&line["standing"], &line["fate"]),
        (&"absent".into(), &"passed".into())
    );
}

/// ```text
///     SIPp ══► serve ──► Kamailio ──┬──► SIPp, the wrong party: is heard at once, never answers
///                        forks      └──► serve of the right party ──► SIPp
/// ```
#[test]
fn whoever_is_heard_first_does_not_stand_in_the_way_of_the_right_one() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let (called, wrong) = (
        Sipp::called(Called::TakesACode),
        Sipp::called(Called::PlaysOn),
    );
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let signs = setup.trunk(WHOLE).start();
    let forks = Kamailio::forks(signs.sip(), wrong.address());
    let mut asks = bank(&calling, &[&answering], &udp(forks.address()), REQUIRED);

    let seen = Sipp::call(Caller::TellsACode, asks.sip()).place();

    assert!(!heard_the_wrong_one(&seen), "{seen:#?}");
    assert!(called.finish().received("INFO")[0].text.contains(CODE));
    assert_eq!(wrong.finish().received("CANCEL").len(), 1);
    let lines = answers(&mut asks, 1);
    assert_eq!(of_status(&lines, 200)[0]["standing"], "matching");
}
