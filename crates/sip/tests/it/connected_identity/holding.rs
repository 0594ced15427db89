//! The provider of the caller, with two dialogs: an answer waits until it is judged.
//!
//! ```text
//!   caller            we, a b2bua              called
//!     │                 │◀──────── 200, rsp ────│
//!     │       host: who is that?                │
//!     │◀──────────── 200│   whom was called     │
//!     │                 │── ACK, BYE ──────────▶│   somebody else
//!     │◀──────────── 403│
//! ```

use super::{
    Line, OURS, RSP, SDP, START, THEIRS, WRONG, answer, b2bua, cancel, identity, invite, judgement,
    number, values,
};
use countersign::time::UnixTime;
use countersign::verification::Fault;
use countersign::verification::answer::{AnswerStanding, MediaStanding};
use countersign_sip::element::{AnswerFate, AnswerJudgement, Ending, Input};
use countersign_sip::trunk::{
    AnswerChecking, Connected, DivertedAnswers, ExistingIdentity, Mode, RejectionStatus, Role,
    Trunk,
};
use std::sync::Arc;

const ACK: &str = "called ACK sip:called@192.0.2.20:5060 SIP/2.0";
const BYE: &str = "called BYE sip:called@192.0.2.20:5060 SIP/2.0";
const REASON: &str = "SIP;cause=403;text=\"Answer not proven\"";

fn reporting() -> Line {
    Line::originating(b2bua(), AnswerChecking::Report)
}

fn requiring() -> Line {
    Line::originating(b2bua(), AnswerChecking::Require)
}

fn ok(sent: &str, tag: &str) -> String {
    answer(sent, "200 OK", tag, &identity(RSP), SDP)
}

/// Digest case 1.1, the holding half: this test verifies that an answer is judged against the call as it was sent, and that it goes on
/// unchanged when it is of whom was called.
#[test]
fn digest01_case01_a_matching_answer_goes_on() {
    for mut line in [reporting(), requiring()] {
        let sent = line.invited("");
        assert_eq!(values(&sent, "Identity"), [OURS]);
        line.called(&ok(&sent, "callee"));
        line.called(&ok(&sent, "callee"));
        assert_eq!(line.lines(), [""; 0], "it waits");
        assert_eq!(line.judge.len(), 1, "asked once");
        let judge = &line.judge[0];
        assert_eq!(&*judge.asked, [Box::from(OURS)]);
        assert_eq!(judge.called, number("12025550101"));
        assert_eq!(judge.sent, UnixTime::from_secs(START));
        assert_eq!(judge.presented.len(), 1);
        line.judged(AnswerStanding::Matching);
        let back = line.one();
        assert!(back.starts_with("SIP/2.0 200 OK") && back.ends_with(SDP));
        assert_eq!(values(&back, "Identity"), [RSP]);
        let passed = judgement(AnswerStanding::Matching);
        assert_eq!(line.fates(), [AnswerFate::Passed(passed)]);
        line.called(&ok(&sent, "callee"));
        assert_eq!(line.one(), back);
        assert_eq!(
            line.judge.len(),
            1,
            "what comes later is no question any more"
        );
        line.ends_clean_after_hangup();
    }
}

/// Digest cases 1.2, 1.3 and 1.17, the holding half: this test verifies that an answer that is not proven is hung up where that is
/// required, and that the caller is told once nobody else has answered; where it is not required the answer goes on.
#[test]
fn digest01_case03_an_unexpected_answer_is_hung_up() {
    let standings = [
        WRONG,
        AnswerStanding::Absent,
        AnswerStanding::NotValidated(Fault::CertificateUnavailable),
    ];
    for standing in standings {
        let mut line = reporting();
        let sent = line.invited("");
        line.called(&ok(&sent, "callee"));
        line.judged(standing);
        assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"], "{standing:?}");
        assert_eq!(line.fates(), [AnswerFate::Passed(judgement(standing))]);
        line.ends_clean_after_hangup();

        let mut line = requiring();
        let sent = line.invited("");
        line.called(&ok(&sent, "callee"));
        line.judged(standing);
        assert_eq!(values(&line.sent[1].1, "Reason"), [REASON]);
        assert_eq!(line.lines(), [ACK, BYE]);
        let refused = AnswerFate::Refused(judgement(standing));
        assert_eq!(line.fates(), [refused]);
        line.called(&ok(&sent, "callee"));
        assert_eq!(line.lines(), [ACK], "its ACK was lost");
        line.wait(5_000);
        let told = line.sent.iter().find(|(to, _)| to == "caller").unwrap();
        assert!(told.1.starts_with("SIP/2.0 403 Forbidden"));
        assert_eq!(values(&told.1, "Reason"), [REASON]);
        assert_eq!(line.fates(), [AnswerFate::GivenUp]);
        assert_eq!(line.finished, [Some(403)]);
        line.ends_clean();
    }
}

/// Digest case 1.4: this test verifies that an answer of somebody whom the call was diverted to is as good as another, but for who wants
/// none.
#[test]
fn digest01_case04_a_diverted_answer_is_policy() {
    for (diverted, passes) in [
        (DivertedAnswers::Accepted, true),
        (DivertedAnswers::Refused, false),
    ] {
        let mut line = requiring();
        line.connect(|connected| connected.diverted = diverted);
        let sent = line.invited("");
        line.called(&ok(&sent, "callee"));
        let diverted = AnswerJudgement {
            reached: Some(number("12025550109")),
            ..judgement(AnswerStanding::Diverted)
        };
        line.judged_as(0, diverted);
        let lines = line.lines();
        assert_eq!(lines.contains(&"caller SIP/2.0 200 OK".to_owned()), passes);
        assert_eq!(lines.contains(&BYE.to_owned()), !passes);
        line.ends_clean_after_hangup();
    }
}

/// Digest case 1.19: this test verifies that who was called gets no media through if its keys are others than it has signed.
#[test]
fn digest01_case19_other_keys_than_signed_are_no_proof() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    let mismatch = AnswerJudgement {
        media: MediaStanding::Mismatch,
        ..judgement(AnswerStanding::Matching)
    };
    line.judged_as(0, mismatch);
    assert_eq!(line.lines(), [ACK, BYE]);
    line.ends_clean();
}

/// This test verifies that the status a caller gets is the trunk's to choose.
#[test]
fn the_refusal_is_policy() {
    let mut line = requiring();
    line.connect(|connected| connected.refusal = RejectionStatus::ServiceUnavailable);
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    line.judged(WRONG);
    line.wait(5_000);
    assert_eq!(line.finished, [Some(503)]);
    line.ends_clean();
}

/// This test verifies that what is not judged by the deadline is nobody's proof: it is refused where one is required, and goes on
/// elsewhere.
#[test]
fn an_answer_waits_no_longer_than_the_deadline() {
    for (mut line, passes) in [(reporting(), true), (requiring(), false)] {
        let sent = line.invited("");
        line.called(&ok(&sent, "callee"));
        let patience = line.trunk.deadline.as_millis() as u64;
        line.wait(patience - 1);
        assert!(line.expired.is_empty());
        line.wait(1);
        assert_eq!(line.expired, [line.judge[0].answer], "judge now");
        assert_eq!(line.lines(), [""; 0]);
        line.wait(20);
        assert_eq!(line.forgotten, [line.judge[0].answer]);
        let undecided = AnswerStanding::NotValidated(Fault::DeadlineExpired);
        match passes {
            true => assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]),
            false => assert_eq!(line.lines(), [ACK, BYE]),
        }
        let (AnswerFate::Passed(told) | AnswerFate::Refused(told)) = line.fates().remove(0) else {
            panic!("not judged")
        };
        assert_eq!(told.standing, undecided);
        line.judged(AnswerStanding::Matching);
        assert_eq!(line.lines(), [""; 0], "too late");
        line.ends_clean_after_hangup();
    }
}

/// This test verifies that the host that judges at the deadline, with what is known, is heard.
#[test]
fn a_judgement_at_the_deadline_counts() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    line.wait(line.trunk.deadline.as_millis() as u64);
    line.judged(AnswerStanding::Matching);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.wait(20);
    assert!(line.forgotten.is_empty());
    line.ends_clean_after_hangup();
}

/// This test verifies that a caller who gives up while its answer waits gets 487, and whoever answered is hung up.
#[test]
fn a_caller_gives_up_while_its_answer_waits() {
    for mut line in [reporting(), requiring()] {
        let sent = line.invited("");
        line.called(&ok(&sent, "callee"));
        line.caller(&cancel());
        assert_eq!(
            line.lines(),
            [
                "caller SIP/2.0 200 OK",
                ACK,
                BYE,
                "caller SIP/2.0 487 Request Terminated"
            ]
        );
        assert_eq!(line.forgotten, [line.judge[0].answer]);
        line.judged(AnswerStanding::Matching);
        line.called(&ok(&sent, "callee"));
        assert_eq!(line.lines(), [ACK], "too late");
        line.ends_clean();
    }
}

/// This test verifies the same of a caller who gives up when its answer was refused, and others may still answer.
#[test]
fn a_caller_gives_up_after_a_refusal() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    line.judged(WRONG);
    line.sent.clear();
    line.caller(&cancel());
    assert_eq!(
        line.lines(),
        [
            "caller SIP/2.0 200 OK",
            "caller SIP/2.0 487 Request Terminated"
        ]
    );
    line.ends_clean();
    assert_eq!(line.finished, [Some(487)]);
}

/// This test verifies that the host may end a call whose answer waits.
#[test]
fn the_host_ends_a_call_while_its_answer_waits() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    let ending = Ending {
        status: 603,
        phrase: "Decline".into(),
        reason: None,
    };
    let id = line.judge[0].id;
    line.handle(Input::End { id, ending });
    assert_eq!(line.lines(), [ACK, BYE, "caller SIP/2.0 603 Decline"]);
    line.ends_clean();
}

/// This test verifies that an answer that is accepted after its call was given up is hung up.
#[test]
fn a_late_answer_is_hung_up() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    line.judged(WRONG);
    line.wait(5_000);
    line.sent.clear();
    line.called(&ok(&sent, "another"));
    assert_eq!(line.lines(), [ACK, BYE]);
    assert_eq!(line.judge.len(), 1, "nothing it proves helps any more");
    line.ends_clean();
}

/// This test verifies that a second party that answers is judged for itself, also when the first was whom was called.
#[test]
fn a_second_answer_is_judged_for_itself() {
    for (standing, expected) in [
        (AnswerStanding::Matching, vec!["caller SIP/2.0 200 OK"]),
        (WRONG, vec![ACK, BYE]),
    ] {
        let mut line = requiring();
        let sent = line.invited("");
        line.called(&ok(&sent, "callee"));
        line.judged(AnswerStanding::Matching);
        line.sent.clear();
        line.called(&ok(&sent, "another"));
        line.judged(standing);
        assert_eq!(line.lines(), expected);
        line.ends_clean_after_hangup();
        assert_eq!(line.finished[0], Some(200), "the call goes on");
    }
}

/// This test verifies that who repeats a proven answer in other words is not heard.
#[test]
fn a_proven_answer_stays_what_it_was() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&ok(&sent, "callee"));
    line.judged(AnswerStanding::Matching);
    let back = line.one();
    line.called(&ok(&sent, "callee").replace("192.0.2.20", "192.0.2.99"));
    assert_eq!(line.one(), back);
    line.ends_clean_after_hangup();
}

/// Digest case 1.14, the responses: this test verifies that who was proven first stays who was reached.
// RFC 9970 §6: "the "dest" element value in any requests or responses sent in the backwards direction during this dialog MUST be the
// same as the "dest" element value in the first response to the dialog-forming request that contains a PASSporT".
#[test]
fn digest01_case14_a_second_response_names_the_same() {
    let mut line = requiring();
    let sent = line.invited("");
    let ringing = answer(&sent, "180 Ringing", "callee", &identity(RSP), "");
    line.called(&ringing);
    line.judged(AnswerStanding::Matching);
    line.sent.clear();
    line.called(&ok(&sent, "callee"));
    let other = AnswerJudgement {
        reached: Some(number("12025550109")),
        ..judgement(AnswerStanding::Diverted)
    };
    line.told.clear();
    line.judged_as(1, other);
    let AnswerFate::Refused(told) = line.fates().remove(0) else {
        panic!("it passed")
    };
    assert_eq!(told.standing, WRONG);
    assert_eq!(line.lines(), [ACK, BYE]);
    line.ends_clean();
}

/// Digest case 1.16: this test verifies that a provisional response that got lost, or has no proof, costs nothing if the 200 has it.
#[test]
fn digest01_case16_the_200_has_what_the_183_lacks() {
    let mut line = requiring();
    let sent = line.invited("");
    line.called(&answer(&sent, "180 Ringing", "callee", "", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 180 Ringing"]);
    assert!(line.judge.is_empty());
    line.called(&ok(&sent, "callee"));
    line.judged(AnswerStanding::Matching);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean_after_hangup();
}

/// This test verifies that a call whose answer must be proven, and cannot be, rings nobody.
#[test]
fn a_call_that_cannot_be_proven_rings_nobody() {
    let mut line = requiring();
    let mut trunk = Trunk::clone(&line.trunk);
    trunk.role = Role::None;
    line.trunk = Arc::new(trunk);
    line.caller(&invite(""));
    assert_eq!(
        line.lines(),
        ["caller SIP/2.0 100 Trying", "caller SIP/2.0 403 Forbidden"]
    );
    assert_eq!(line.fates(), [AnswerFate::GivenUp]);
    line.ends_clean();
}

/// This test verifies the same of a call with the Identity of somebody else to which nobody could answer: in compact form, or for another
/// purpose.
#[test]
fn a_call_that_nobody_could_answer_rings_nobody() {
    let compact = THEIRS.replace("aGVhZA.dGhlaXJz.", "..");
    let diversion = THEIRS.replace("shaken", "div");
    for (there, rings) in [(&*compact, false), (&diversion, false), (THEIRS, true)] {
        let mut line = requiring();
        let mut trunk = Trunk::clone(&line.trunk);
        trunk.existing_identity = ExistingIdentity::Keep;
        line.trunk = Arc::new(trunk);
        line.caller(&invite(&identity(there)));
        let expected = match rings {
            true => "called INVITE sip:+12025550101@b.example SIP/2.0",
            false => "caller SIP/2.0 403 Forbidden",
        };
        assert_eq!(line.lines(), ["caller SIP/2.0 100 Trying", expected]);
    }
}

/// This test verifies that nobody in need waits for a proof.
#[test]
fn an_emergency_call_needs_no_proof() {
    let mut line = requiring();
    line.caller(&invite("").replacen("sip:+12025550101@b.example", "urn:service:sos", 1));
    let sent = line.sent.pop().unwrap().1;
    line.sent.clear();
    line.called(&answer(&sent, "200 OK", "callee", "", SDP));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    assert!(line.judge.is_empty());
    line.ends_clean_after_hangup();
}

/// This test verifies that nobody in need, called back by emergency services on the list, waits for a proof; and that whoever is not on it
/// does.
#[test]
fn a_listed_call_back_needs_no_proof() {
    let mark = "Priority: psap-callback\r\n";
    for (listed, waits) in [("12025550100", false), ("12025550199", true)] {
        let mut line = requiring();
        let mut trunk = Trunk::clone(&line.trunk);
        trunk.psap_numbers = vec![listed.parse().unwrap()];
        line.trunk = Arc::new(trunk);
        let sent = line.invited(mark);
        line.called(&answer(&sent, "200 OK", "callee", "", SDP));
        assert_eq!(line.judge.len(), usize::from(waits));
        assert_eq!(line.lines().is_empty(), waits);
        line.ends_clean_after_hangup();
    }
}

/// This test verifies that one trunk may sign and check: what its tenant does not sign is judged.
#[test]
fn what_we_do_not_sign_is_judged() {
    for mode in [Mode::Proxy, b2bua()] {
        let mut line = Line::new(mode, Role::None, Some(Connected::on()));
        let sent = line.invited(&identity(THEIRS));
        line.called(&answer(&sent, "200 OK", "callee", "", SDP));
        assert!(line.judge.is_empty());
        line.signed(&[]);
        assert_eq!(line.judge.len(), 1);
        line.judged(AnswerStanding::Absent);
        assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
        line.ends_clean_after_hangup();
    }
}
