//! One signature, shown by two: whoever was heard with it first is who it is of.
//!
//! ```text
//!   caller            we                 called         forger, or another telephone
//!     │◀── 183, rsp ────│◀── 183, rsp ─────│                │
//!     │                 │◀── 200, the same rsp ─────────────│
//!     │                 │── ACK, BYE ──────────────────────▶│
//!     │◀── 200 ─────────│◀── 200, rsp ─────│
//! ```
//!
//! Honest telephones that ring in the same second may have one signature, too: a signer who draws no nonce (RFC 6979) signs the same words
//! in the same way.

use super::{Line, SDP, WRONG, answer, b2bua, identity, judgement};
use countersign::jose::base64url;
use countersign::verification::answer::AnswerStanding;
use countersign::verification::{Fault, Seal};
use countersign_sip::element::{AnswerFate, AnswerJudgement};
use countersign_sip::trunk::{AnswerChecking, Mode};

const ACK: &str = "called ACK sip:called@192.0.2.20:5060 SIP/2.0";
const BYE: &str = "called BYE sip:called@192.0.2.20:5060 SIP/2.0";
const PASSED: &str = "caller SIP/2.0 200 OK";
const RELIABLE: &str = "Require: 100rel\r\nRSeq: 1\r\n";

const BORROWED: AnswerStanding = AnswerStanding::Unexpected(Fault::Replayed);

fn requiring() -> Line {
    Line::originating(b2bua(), AnswerChecking::Require)
}

/// What was signed, told from other signatures by a number.
fn token(number: u8) -> String {
    format!("aGVhZA.cnNw.{}", base64url::encode(&[number; 64]))
}

/// The header line of it.
fn rsp(number: u8) -> String {
    let token = token(number);
    identity(&format!(
        "{token};info=<https://cert.example.org/t.pem>;alg=ES256;ppt=rsp"
    ))
}

fn seal(number: u8) -> Seal {
    Seal::of_token(&token(number)).unwrap()
}

/// Somebody rings in early media, with this signature.
fn rings(sent: &str, tag: &str, number: u8) -> String {
    let headers = format!("{RELIABLE}{}", rsp(number));
    answer(sent, "183 Session Progress", tag, &headers, SDP)
}

fn accepts(sent: &str, tag: &str, number: u8) -> String {
    answer(sent, "200 OK", tag, &rsp(number), SDP)
}

/// The host finds the answer that it was asked about in this place good, by these signatures.
fn good(line: &mut Line, index: usize, numbers: &[u8]) {
    let proven = judgement(AnswerStanding::Matching);
    let seals = numbers.iter().map(|number| seal(*number)).collect();
    line.judged_as(index, AnswerJudgement { seals, ..proven });
}

/// What the standing was of the answer told of last.
fn standing(line: &mut Line) -> AnswerStanding {
    match line.fates().pop().unwrap() {
        AnswerFate::Passed(told) | AnswerFate::Refused(told) => told.standing,
        other => panic!("{other:?}"),
    }
}

/// This test verifies that nobody answers with the signature of somebody who rings, and that the true answer gets through all the same.
#[test]
fn whoever_rings_lends_nobody_a_signature() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&rings(&sent, "callee", 1));
    good(&mut line, 0, &[1]);
    assert_eq!(line.lines(), ["caller SIP/2.0 183 Session Progress"]);
    line.called(&accepts(&sent, "forger", 1));
    good(&mut line, 1, &[1]);
    assert_eq!(line.lines(), [ACK, BYE]);
    let [_, AnswerFate::Refused(told)] = &line.fates()[..] else {
        panic!("it passed");
    };
    assert_eq!(
        (told.standing, &told.reached, &told.pin),
        (BORROWED, &None, &None)
    );
    line.called(&accepts(&sent, "callee", 2));
    good(&mut line, 2, &[2]);
    assert_eq!(line.lines(), [PASSED]);
    line.ends_clean_after_hangup();
}

/// This test verifies that one and the same party may show its signature as often as it likes, or another each time.
#[test]
fn who_has_signed_may_say_so_again() {
    for (ringing, accepting) in [(1, 1), (1, 2)] {
        let mut line = requiring();
        let sent = line.invited("");
        line.called(&rings(&sent, "callee", ringing));
        line.called(&rings(&sent, "callee", ringing));
        good(&mut line, 0, &[ringing]);
        line.called(&rings(&sent, "callee", ringing));
        line.sent.clear();
        line.called(&accepts(&sent, "callee", accepting));
        good(&mut line, 1, &[accepting]);
        line.called(&accepts(&sent, "callee", accepting));
        assert_eq!(line.lines(), [PASSED, PASSED]);
        line.ends_clean_after_hangup();
    }
}

/// This test verifies that two telephones that ring with one signature both ring; the second is heard when it has one of its own.
#[test]
fn two_may_ring_with_one_signature() {
    for headers in [RELIABLE, ""] {
        let mut line = requiring();
        let sent = line.invited("");
        let ringing = format!("{headers}{}", rsp(1));
        for (index, tag) in ["callee", "other"].into_iter().enumerate() {
            line.called(&answer(&sent, "180 Ringing", tag, &ringing, ""));
            good(&mut line, index, &[1]);
            assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing"], "{tag}");
        }
        assert_eq!(standing(&mut line), BORROWED);
        line.called(&accepts(&sent, "other", 2));
        good(&mut line, 2, &[2]);
        assert_eq!(line.lines(), [PASSED]);
        line.ends_clean_after_hangup();
    }
}

/// This test verifies that early media of the second is not heard, as it could be anybody's, and that its answer is, by a signature of its own.
#[test]
fn the_second_is_heard_by_its_own_signature() {
    let mut line = requiring();
    let sent = line.invited("");
    for (index, tag) in ["callee", "other"].into_iter().enumerate() {
        line.called(&rings(&sent, tag, 1));
        good(&mut line, index, &[1]);
    }
    assert_eq!(line.lines(), ["caller SIP/2.0 183 Session Progress"]);
    line.called(&accepts(&sent, "other", 2));
    good(&mut line, 2, &[2]);
    assert_eq!(line.lines(), [PASSED]);
    line.ends_clean_after_hangup();
}

/// This test verifies that the first is who came first, not who was judged first.
#[test]
fn a_signature_is_of_whoever_came_first_with_it() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&accepts(&sent, "callee", 1));
    line.called(&accepts(&sent, "forger", 1));
    good(&mut line, 1, &[1]);
    assert_eq!(line.lines(), [ACK, BYE]);
    good(&mut line, 0, &[1]);
    assert_eq!(line.lines(), [PASSED]);
    line.ends_clean_after_hangup();
}

/// This test verifies that a borrowed signature beside a good one spoils nothing: anybody on the way can add one.
#[test]
fn one_signature_of_its_own_is_enough() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&rings(&sent, "callee", 1));
    good(&mut line, 0, &[1]);
    line.sent.clear();
    let both = format!("{}{}", rsp(1), rsp(2));
    line.called(&answer(&sent, "200 OK", "other", &both, SDP));
    good(&mut line, 1, &[1, 2]);
    assert_eq!(line.lines(), [PASSED]);
    line.ends_clean_after_hangup();
}

/// This test verifies that a call is not given up because two ring with one signature, where nobody can refuse one of them; and that
/// something else that is wrong with what rings still ends it.
#[test]
fn a_proxy_tells_of_it_and_cancels_nothing() {
    let mut line = Line::originating(Mode::Proxy, AnswerChecking::Require);
    let sent = line.invited("");
    for (index, tag) in ["callee", "other"].into_iter().enumerate() {
        line.called(&rings(&sent, tag, 1));
        good(&mut line, index, &[1]);
        assert_eq!(line.lines(), ["caller SIP/2.0 183 Session Progress"]);
    }
    assert_eq!(standing(&mut line), BORROWED);
    line.called(&rings(&sent, "third", 3));
    line.sent.clear();
    line.judged(WRONG);
    assert!(line.lines()[0].starts_with("called CANCEL "));
    line.called(&answer(&sent, "487 Request Terminated", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that where proofs are only reported, or replays are no matter to the host, both answers pass.
#[test]
fn where_nothing_is_required_it_is_only_told() {
    for mode in [Mode::Proxy, b2bua()] {
        let mut line = Line::originating(mode, AnswerChecking::Report);
        let sent = line.invited("");
        for (index, tag) in ["callee", "other"].into_iter().enumerate() {
            line.called(&accepts(&sent, tag, 1));
            good(&mut line, index, &[1]);
            assert_eq!(line.lines(), [PASSED], "{tag}");
        }
        assert_eq!(standing(&mut line), BORROWED);
        line.ends_clean_after_hangup();
    }
    let mut line = requiring();
    let sent = line.invited("");
    for (index, tag) in ["callee", "other"].into_iter().enumerate() {
        line.called(&accepts(&sent, tag, 1));
        good(&mut line, index, &[]);
        assert_eq!(line.lines(), [PASSED], "{tag}");
    }
    line.ends_clean_after_hangup();
}
