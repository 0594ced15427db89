//! The provider of the caller as a proxy: it sees answers go by, and can only cancel what rings.
//!
//! ```text
//!   caller            we, a proxy              called
//!     │◀──── 183, rsp ──│◀──────── 183, rsp ────│
//!     │       host: that is somebody else       │
//!     │                 │── CANCEL ────────────▶│
//!     │◀──────────── 403│◀────────────────── 487│
//! ```

use super::{Line, RSP, SDP, WRONG, answer, identity, judgement};
use countersign::verification::Fault;
use countersign::verification::answer::AnswerStanding;
use countersign_sip::element::AnswerFate;
use countersign_sip::trunk::{AnswerChecking, Mode};

const ACK: &str = "called ACK sip:+12025550101@b.example SIP/2.0";
const CANCEL: &str = "called CANCEL sip:+12025550101@b.example SIP/2.0";
const REFUSED: &str = "caller SIP/2.0 403 Forbidden";

fn proxy(check: AnswerChecking) -> Line {
    Line::originating(Mode::Proxy, check)
}

/// This test verifies that an answer goes by at once, that the host is asked first, and that what it finds is told.
#[test]
fn an_answer_goes_by_and_is_told() {
    for check in [AnswerChecking::Report, AnswerChecking::Require] {
        let mut line = proxy(check);
        let sent = line.invited("");
        line.called(&answer(&sent, "200 OK", "callee", &identity(RSP), SDP));
        assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
        line.judged(WRONG);
        assert_eq!(line.fates(), [AnswerFate::Passed(judgement(WRONG))]);
        assert_eq!(line.lines(), [""; 0], "too late");
        assert_eq!(line.finished, [Some(200)]);
        line.ends_clean();
    }
}

/// This test verifies that what rings is cancelled if it is not proven and that is required, and not where it is only to be reported.
#[test]
fn what_rings_unproven_is_cancelled() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing"]);
    line.judged(WRONG);
    assert_eq!(line.lines(), [CANCEL]);
    assert_eq!(line.fates(), [AnswerFate::Passed(judgement(WRONG))]);
    line.called(&answer(&sent, "487 Request Terminated", "callee", "", ""));
    assert_eq!(line.lines(), [ACK, REFUSED]);
    assert_eq!(line.fates(), [AnswerFate::GivenUp]);
    line.ends_clean();

    let mut line = proxy(AnswerChecking::Report);
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    line.judged(WRONG);
    assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing"]);
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that what rings and could not be checked goes on ringing: the 200 may be proven.
#[test]
fn what_rings_undecided_is_not_cancelled() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    let undecidable = AnswerStanding::NotValidated(Fault::CertificateUnavailable);
    line.judged(undecidable);
    assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing"]);
    assert_eq!(line.fates(), [AnswerFate::Passed(judgement(undecidable))]);
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// Somebody rings with somebody else's proof, and is cancelled: the INVITE as they have it.
fn cancelled(line: &mut Line) -> String {
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    line.judged(WRONG);
    assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing", CANCEL]);
    line.fates();
    sent
}

/// This test verifies that who accepts while the CANCEL is on its way is passed, and told of: somebody has to acknowledge it and can hang
/// up, and a proxy can do neither. The caller gets nothing that contradicts it, before or after.
#[test]
fn an_answer_that_crosses_the_cancel_is_nobodys_ghost() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = cancelled(&mut line);
    line.called(&answer(&sent, "200 OK", "callee", &identity(RSP), SDP));
    line.called(&answer(&sent, "200 OK", "callee", &identity(RSP), SDP));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"; 2]);
    line.judged(WRONG);
    assert_eq!(line.fates(), [AnswerFate::Passed(judgement(WRONG))]);
    line.wait(40_000);
    let told = line.lines();
    assert!(!told.iter().any(|line| line.starts_with("caller")));
    assert_eq!(line.finished, [Some(200)]);
    line.ends_clean();
}

/// This test verifies that the caller is refused also if nobody says anything to the CANCEL, and once only, however many are wrong.
#[test]
fn silence_after_the_cancel_is_a_refusal() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = cancelled(&mut line);
    line.called(&answer(&sent, "180 Ringing", "other", &identity(RSP), ""));
    line.judged(WRONG);
    line.wait(40_000);
    let told = line.lines();
    let to_caller = told.into_iter().filter(|line| line.starts_with("caller"));
    let mut to_caller: Vec<_> = to_caller.collect();
    to_caller.dedup();
    assert_eq!(to_caller, ["caller SIP/2.0 180 Ringing", REFUSED]);
    assert_eq!(line.finished, [Some(403)]);
    line.ends_clean();
}

/// This test verifies that what the far side says for itself is what the caller hears, as if nobody had been cancelled.
#[test]
fn a_refusal_of_the_called_is_theirs() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = cancelled(&mut line);
    line.called(&answer(&sent, "603 Decline", "callee", "", ""));
    assert_eq!(line.lines(), [ACK, "caller SIP/2.0 603 Decline"]);
    line.ends_clean();
}

/// This test verifies that an unsigned provisional response is no question: it may have lost its PASSporT on the way.
#[test]
fn what_rings_unsigned_is_no_question() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = line.invited("");
    line.called(&answer(&sent, "183 Session Progress", "callee", "", SDP));
    assert_eq!(line.lines(), ["caller SIP/2.0 183 Session Progress"]);
    assert!(line.judge.is_empty());
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that a judgement ends with its deadline, and that then nothing is proven.
#[test]
fn nobody_waits_for_a_judgement_forever() {
    let mut line = proxy(AnswerChecking::Report);
    let sent = line.invited("");
    line.called(&answer(&sent, "200 OK", "callee", &identity(RSP), ""));
    line.wait(line.trunk.deadline.as_millis() as u64);
    assert_eq!(line.expired, [line.judge[0].answer]);
    line.wait(20);
    assert_eq!(line.forgotten, [line.judge[0].answer]);
    let AnswerFate::Passed(told) = line.fates().remove(0) else {
        panic!("refused")
    };
    assert!(matches!(told.standing, AnswerStanding::NotValidated(_)));
    line.ends_clean();
}
