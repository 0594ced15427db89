//! What rings before it is proven who that is: it may ring, and nobody hears it.
//!
//! ```text
//!   caller            we, a b2bua              called
//!     │◀──── 183, no SDP│◀──────────── 183, SDP │   unsigned, and may get lost
//!     │                 │◀─ 183, SDP, 100rel ───│   unsigned, and has to be acknowledged: proven here or never
//!     │◀──────────── 403│── CANCEL ────────────▶│
//! ```

use super::{Line, RSP, SDP, WRONG, answer, b2bua, from_called, identity, judgement, values};
use countersign::verification::Fault;
use countersign::verification::answer::AnswerStanding;
use countersign_sip::element::AnswerFate;
use countersign_sip::trunk::AnswerChecking;

const RELIABLE: &str = "Require: 100rel\r\nRSeq: 1\r\n";
const PROGRESS: &str = "183 Session Progress";
const CANCEL: &str = "called CANCEL sip:+12025550101@b.example SIP/2.0";

fn requiring() -> Line {
    Line::originating(b2bua(), AnswerChecking::Require)
}

/// This test verifies that a session description that nobody has signed is taken out, and all else goes on.
#[test]
fn unproven_early_media_is_taken_out() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&answer(&sent, PROGRESS, "callee", "X-Other: kept\r\n", SDP));
    let back = line.one();
    assert!(back.starts_with("SIP/2.0 183 ") && back.ends_with("\r\n\r\n"));
    assert_eq!(values(&back, "Content-Length"), ["0"]);
    assert_eq!(values(&back, "Content-Type"), [""; 0]);
    assert_eq!(values(&back, "X-Other"), ["kept"]);
    assert_eq!(line.fates(), [AnswerFate::Stripped]);
    line.called(&answer(&sent, PROGRESS, "callee", "", SDP));
    assert!(!line.one().ends_with(SDP));
    assert_eq!(line.fates(), [], "told once");
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that nobody chooses what the caller hears who has not proven who rings, with a session description or without.
// RFC 3261 §20.4: "When present in a 180 (Ringing) response, the Alert-Info header field specifies an alternative ringback tone to the
// UAC."
#[test]
fn unproven_ringing_has_no_tone_of_its_own() {
    let tone = "Alert-Info: <http://www.example.com/sounds/moo.wav>\r\n";
    for reliable in ["", RELIABLE] {
        for body in ["", SDP] {
            let mut line = requiring();
            let sent = line.invited("");
            let extra = [tone, reliable].concat();
            line.called(&answer(&sent, "180 Ringing", "callee", &extra, body));
            let back = std::mem::take(&mut line.sent);
            let is_heard = back.iter().any(|(_, text)| text.contains("Alert-Info"));
            assert!(!is_heard, "{back:#?}");
            assert_eq!(back.is_empty(), !reliable.is_empty() && !body.is_empty());
            line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
            line.ends_clean();
        }
    }
    let mut line = requiring();
    let sent = line.invited("");
    let proven = [tone, &identity(RSP)].concat();
    line.called(&answer(&sent, "180 Ringing", "callee", &proven, ""));
    line.judged(AnswerStanding::Matching);
    assert!(line.one().contains("Alert-Info"));
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that where no proof is required early media goes on at once, and that who has signed it is found out beside.
#[test]
fn early_media_goes_on_where_it_is_only_reported() {
    let mut line = Line::originating(b2bua(), AnswerChecking::Report);
    let sent = line.invited("");
    line.called(&answer(&sent, PROGRESS, "callee", "", SDP));
    assert!(line.one().ends_with(SDP));
    assert!(line.judge.is_empty());
    line.called(&answer(&sent, PROGRESS, "callee", &identity(RSP), SDP));
    assert!(line.one().ends_with(SDP));
    line.judged(WRONG);
    assert_eq!(line.fates(), [AnswerFate::Passed(judgement(WRONG))]);
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}

/// This test verifies that proven early media goes on, whichever way it is sent.
#[test]
fn proven_early_media_goes_on() {
    for extra in ["", RELIABLE] {
        let mut line = requiring();
        let sent = line.invited("");
        let signed = [extra, &identity(RSP)].concat();
        line.called(&answer(&sent, PROGRESS, "callee", &signed, SDP));
        assert_eq!(line.lines(), [""; 0], "it waits");
        line.judged(AnswerStanding::Matching);
        assert!(line.one().ends_with(SDP));
        line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
        line.ends_clean();
    }
}

/// Digest cases 1.3 and 11.6, early: this test verifies that a call is cancelled whose early media has to be acknowledged and is not
/// proven, if nobody else rings.
#[test]
fn digest01_case03_unproven_early_media_is_cancelled() {
    for (extra, standing) in [
        (RELIABLE.to_owned(), AnswerStanding::Absent),
        ([RELIABLE, &identity(RSP)].concat(), WRONG),
    ] {
        let mut line = requiring();
        let sent = line.invited("");
        let progress = answer(&sent, PROGRESS, "callee", &extra, SDP);
        line.called(&progress);
        line.judged(standing);
        assert_eq!(line.lines(), [""; 0]);
        line.called(&progress);
        assert_eq!(line.judge.len(), 1, "it is the same");
        line.wait(4_999);
        assert_eq!(line.lines(), [""; 0], "somebody else may ring");
        line.wait(1);
        assert_eq!(line.lines(), [CANCEL, "caller SIP/2.0 403 Forbidden"]);
        line.called(&answer(&sent, "487 Request Terminated", "callee", "", ""));
        line.ends_clean();
        assert_eq!(line.finished, [Some(403)]);
    }
}

/// This test verifies that what only rings and has a bad proof, or one that cannot be checked, is not heard, and ends nothing: the 200 may
/// prove what it did not.
#[test]
fn what_only_rings_ends_no_call() {
    let undecidable = AnswerStanding::NotValidated(Fault::CertificateUnavailable);
    for standing in [WRONG, undecidable, AnswerStanding::Absent] {
        for body in [SDP, ""] {
            let mut line = requiring();
            let sent = line.invited("");
            line.called(&answer(&sent, PROGRESS, "callee", &identity(RSP), body));
            line.judged(standing);
            let back = line.one();
            assert!(back.starts_with("SIP/2.0 183 ") && back.ends_with("\r\n\r\n"));
            assert_eq!(line.fates(), [AnswerFate::Refused(judgement(standing))]);
            line.wait(60_000);
            assert_eq!(line.lines(), [""; 0], "it may ring as long as it likes");
            line.called(&answer(&sent, "200 OK", "callee", &identity(RSP), SDP));
            line.judged(AnswerStanding::Matching);
            assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
            line.ends_clean_after_hangup();
        }
    }
}

/// This test verifies that who rings without proof is not heard by UPDATE either, until the proof has come.
#[test]
fn nobody_is_heard_by_update_before_the_proof() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", "", ""));
    line.sent.clear();
    let update = from_called("UPDATE", &sent, "callee", SDP);
    line.called(&update);
    assert_eq!(line.lines(), ["called SIP/2.0 403 Forbidden"]);
    line.called(&answer(&sent, PROGRESS, "callee", &identity(RSP), SDP));
    line.judged(AnswerStanding::Matching);
    line.sent.clear();
    line.called(&update.replace("branch=z9hG4bKcalled", "branch=z9hG4bKagain"));
    assert_eq!(
        line.lines(),
        ["caller UPDATE sip:caller@192.0.2.10:5060 SIP/2.0"]
    );
    line.called(&answer(&sent, "486 Busy Here", "callee", "", ""));
    line.ends_clean();
}
