//! Somebody on the way answers first, and then whoever was called.
//!
//! ```text
//!   caller            we, a b2bua        forger        called
//!     │                 │◀── 200 ─────────│             │
//!     │                 │── ACK, BYE ────▶│             │
//!     │◀── 200 ─────────│◀── 200, rsp ────────────────-─│
//! ```

use super::{Line, RSP, SDP, WRONG, answer, b2bua, identity, judgement};
use countersign::verification::Fault;
use countersign::verification::answer::AnswerStanding;
use countersign_sip::element::{AnswerFate, MAX_ANSWERS_ASKED};
use countersign_sip::trunk::{AnswerChecking, Mode};

const ACK: &str = "called ACK sip:called@192.0.2.20:5060 SIP/2.0";
const BYE: &str = "called BYE sip:called@192.0.2.20:5060 SIP/2.0";

fn requiring() -> Line {
    Line::originating(b2bua(), AnswerChecking::Require)
}

fn forged(sent: &str) -> String {
    answer(sent, "200 OK", "forger", "", SDP)
}

fn honest(sent: &str) -> String {
    answer(sent, "200 OK", "callee", &identity(RSP), SDP)
}

/// This test verifies that whoever was called gets through after a forger, who is hung up.
#[test]
fn the_true_answer_gets_through_after_a_forged_one() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&forged(&sent));
    line.judged(AnswerStanding::Absent);
    assert_eq!(line.lines(), [ACK, BYE]);
    line.wait(4_000);
    line.sent.clear();
    line.called(&honest(&sent));
    line.judged(AnswerStanding::Matching);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.wait(10_000);
    assert!(!line.lines().iter().any(|line| line.starts_with("caller")));
    assert_eq!(line.finished[0], Some(200));
    line.ends_clean_after_hangup();
}

/// This test verifies that who was heard ringing is waited for as long as it can answer at all, and no longer.
#[test]
fn who_rings_is_waited_for() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", "", ""));
    line.called(&forged(&sent));
    line.judged(WRONG);
    line.sent.clear();
    line.wait(31_000);
    let to_caller = |line: &mut Line| {
        let lines = line.lines();
        lines
            .into_iter()
            .filter(|line| line.starts_with("caller"))
            .collect::<Vec<_>>()
    };
    assert_eq!(to_caller(&mut line), [""; 0]);
    line.wait(1_000);
    assert_eq!(to_caller(&mut line), ["caller SIP/2.0 403 Forbidden"]);
    line.ends_clean();
}

/// This test verifies that it is waited for whoever rings also when the forger only rings, and that its proven answer counts.
#[test]
fn a_forged_183_keeps_nobody_away() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", "", ""));
    line.called(&answer(
        &sent,
        "183 Session Progress",
        "forger",
        &identity(RSP),
        SDP,
    ));
    line.judged(WRONG);
    line.sent.clear();
    line.wait(60_000);
    assert_eq!(line.lines(), [""; 0]);
    line.called(&honest(&sent));
    line.judged(AnswerStanding::Matching);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean_after_hangup();
}

/// This test verifies that an answer that is being judged is waited for, whoever was refused before.
#[test]
fn a_judgement_is_waited_for() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&forged(&sent));
    line.judged(WRONG);
    line.wait(4_900);
    line.sent.clear();
    line.called(&honest(&sent));
    line.wait(200);
    assert_eq!(line.lines(), [""; 0], "the time of others is over");
    line.judged(AnswerStanding::Matching);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean_after_hangup();
}

/// This test verifies that a forger with many names has nothing of it: few are judged, more are hung up unasked, and the others cost nothing.
#[test]
fn a_forger_of_many_names_is_hung_up() {
    let mut line = requiring();
    let sent = line.invited("");
    for number in 0..80 {
        let tag = format!("forger{number}");
        line.called(&answer(&sent, "200 OK", &tag, "", SDP));
        if line.judge.len() > number {
            line.judged(WRONG);
        }
        let lines = line.lines();
        let expected = [&[ACK, BYE][..], &[]][usize::from(number >= MAX_ANSWERS_ASKED as usize)];
        assert_eq!(lines, expected, "{number}");
        if !expected.is_empty() {
            line.called(&answer(&sent, "200 OK", &tag, "", SDP));
            assert_eq!(line.lines(), [ACK], "its ACK was lost");
        }
        assert!(
            !lines.iter().any(|line| line.starts_with("caller")),
            "{lines:?}"
        );
    }
    assert_eq!(line.judge.len(), 16);
    assert_eq!(line.told.len(), MAX_ANSWERS_ASKED as usize);
    line.ends_clean();
    assert_eq!(line.finished, [Some(403)]);
}

/// What rings under this many names, so that whoever answers is one more.
fn many_ring(line: &mut Line, sent: &str) {
    for number in 0..20 {
        let tag = format!("forger{number}");
        line.called(&answer(sent, "180 Ringing", &tag, "", ""));
    }
    line.sent.clear();
}

/// This test verifies that nobody hides an answer, or keeps it away, behind many who ring.
#[test]
fn whoever_rings_under_many_names_hides_no_answer() {
    for (standing, expected) in [
        (AnswerStanding::Matching, &["caller SIP/2.0 200 OK"][..]),
        (WRONG, &[ACK, BYE]),
    ] {
        let mut line = requiring();
        let sent = line.invited("");
        many_ring(&mut line, &sent);
        line.called(&honest(&sent));
        assert_eq!(line.judge.len(), 1);
        line.judged(standing);
        assert_eq!(line.lines(), expected);
        line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
        line.ends_clean_after_hangup();
    }
    for mode in [Mode::Proxy, b2bua()] {
        let mut line = Line::originating(mode, AnswerChecking::Report);
        let sent = line.invited("");
        many_ring(&mut line, &sent);
        line.called(&forged(&sent));
        assert_eq!(line.judge.len(), 1);
        line.judged(WRONG);
        assert_eq!(line.fates(), [AnswerFate::Passed(judgement(WRONG))]);
        assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
        line.ends_clean_after_hangup();
    }
}

/// This test verifies that an answer nobody has room to judge is told of as that where proofs are only reported.
#[test]
fn an_answer_too_many_is_told() {
    let mut line = Line::originating(Mode::Proxy, AnswerChecking::Report);
    let sent = line.invited("");
    for number in 0..17 {
        let tag = format!("forger{number}");
        line.called(&answer(&sent, "200 OK", &tag, "", SDP));
    }
    assert_eq!((line.lines().len(), line.judge.len()), (17, 16));
    let [AnswerFate::Passed(told)] = &line.fates()[..] else {
        panic!("told otherwise");
    };
    let unexamined = AnswerStanding::NotValidated(Fault::NotExamined);
    assert_eq!(told.standing, unexamined);
    line.ends_clean();
}
