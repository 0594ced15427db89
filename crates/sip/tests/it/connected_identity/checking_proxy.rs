//! The provider of the caller as a proxy: it sees answers go by, and can only cancel what rings.
//!
//! ```text
//!   caller            we, a proxy              called
//!     │◀──── 183, rsp ──│◀──────── 183, rsp ────│
//!     │       host: that is somebody else       │
//!     │◀──────────── 403│── CANCEL ────────────▶│
//! ```

use super::{Line, RSP, SDP, WRONG, answer, identity, judgement};
use countersign::verification::Fault;
use countersign::verification::answer::AnswerStanding;
use countersign_sip::element::AnswerFate;
use countersign_sip::trunk::{AnswerChecking, Mode};

const CANCEL: &str = "called CANCEL sip:+12025550101@b.example SIP/2.0";

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
    assert_eq!(line.lines(), [CANCEL, "caller SIP/2.0 403 Forbidden"]);
    assert_eq!(
        line.fates(),
        [AnswerFate::Passed(judgement(WRONG)), AnswerFate::GivenUp]
    );
    line.called(&answer(&sent, "487 Request Terminated", "callee", "", ""));
    line.ends_clean();

    let mut line = proxy(AnswerChecking::Report);
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    line.judged(WRONG);
    assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing"]);
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that an answer that crosses the end of its call reaches nobody: the caller has its refusal, and the machine of
/// RFC 3261 §17.2.1 sends no second final response.
#[test]
fn an_answer_that_crosses_the_refusal_reaches_nobody() {
    let mut line = proxy(AnswerChecking::Require);
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    line.judged(WRONG);
    line.sent.clear();
    line.called(&answer(&sent, "200 OK", "callee", &identity(RSP), SDP));
    assert_eq!((line.lines(), line.judge.len()), (Vec::new(), 1));
    line.ends_clean();
    assert_eq!(line.finished, [Some(403)]);
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
