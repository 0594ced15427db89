//! The provider of the called signs who answers.
//!
//! ```text
//!   caller's provider ── INVITE, Identity ──▶ we ──▶ called
//!                     ◀── 200, rsp ────────── we ◀── 200
//!                                             │▲
//!                                        host: sign for whom the INVITE named
//! ```

use super::{Line, OURS, RSP, SDP, THEIRS, answer, b2bua, identity, invite, number, values};
use countersign_sip::element::{AnswerFate, Input, Unsigned};
use countersign_sip::trunk::{Connected, Forwards, Mode, Role, Trunk};
use std::sync::Arc;

const RELIABLE: &str = "Require: 100rel\r\nRSeq: 1\r\n";

fn modes() -> [Mode; 2] {
    [Mode::Proxy, b2bua()]
}

/// This test verifies that the host is asked to sign a 200 for whom the INVITE named, with the Identity that it had, and that the
/// signature goes back with an otherwise untouched answer.
#[test]
fn a_200_goes_back_signed() {
    for mode in modes() {
        let mut line = Line::terminating(mode);
        let sent = line.invited(&identity(THEIRS));
        let ok = answer(&sent, "200 OK", "callee", "", SDP);
        line.called(&ok);
        assert_eq!(line.lines(), [""; 0], "it waits");
        assert_eq!(&*line.sign[0].asked, [Box::from(THEIRS)]);
        assert_eq!(line.sign[0].reached, Some(number("12025550101")));
        assert_eq!(line.sign[0].status, 200);
        let div = "aGVhZA.ZGl2.c2ln;info=<https://cert.example.org/d.pem>;ppt=div";
        line.signed(&[RSP, div]);
        let back = line.one();
        assert_eq!(values(&back, "Identity"), [RSP, div]);
        assert!(back.ends_with(SDP));
        assert_eq!(line.fates(), [AnswerFate::Signed]);
        line.called(&ok);
        assert_eq!(line.one(), back, "repeated, it is the same");
        assert_eq!(line.sign.len(), 1, "and nobody is asked");
        line.ends_clean_after_hangup();
    }
}

/// Digest case 1.10: this test verifies that the answer to an INVITE without Identity is nobody's to sign.
// RFC 9970 §13: "PASSporTs can only be present in responses to requests carrying a PASSporT".
#[test]
fn digest01_case10_an_invite_without_identity_gets_no_rsp() {
    // RFC 9970 §9: "Any "rsp" PASSporTs received in requests MUST be ignored."
    let answer_of_somebody = identity(RSP);
    for nothing in ["", &answer_of_somebody] {
        let mut line = Line::terminating(Mode::Proxy);
        let sent = line.invited(nothing);
        line.called(&answer(&sent, "200 OK", "callee", "", SDP));
        assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
        assert!(line.sign.is_empty() && line.told.is_empty());
        line.ends_clean();
    }
}

/// Digest case 1.9: this test verifies that neither 100 nor a failure is signed.
#[test]
fn digest01_case09_failures_and_100_are_not_signed() {
    for mode in modes() {
        for status in ["302 Moved", "486 Busy Here", "603 Decline"] {
            let mut line = Line::terminating(mode);
            let sent = line.invited(&identity(THEIRS));
            line.called(&answer(&sent, "100 Trying", "callee", "", ""));
            line.called(&answer(&sent, status, "callee", "", ""));
            let back = line.lines();
            assert!(
                back.contains(&format!("caller SIP/2.0 {status}")),
                "{back:?}"
            );
            assert!(line.sign.is_empty());
            line.ends_clean();
        }
    }
}

/// This test verifies that a trunk without connected identity asks nobody anything, and that its answers are not touched.
#[test]
fn a_trunk_without_it_asks_nobody() {
    for connected in [None, Some(Connected::default())] {
        let mut line = Line::new(Mode::Proxy, Role::None, connected);
        let sent = line.invited(&identity(THEIRS));
        let ok = answer(&sent, "200 OK", "callee", &identity(RSP), SDP);
        line.called(&ok);
        let via = sent.lines().find(|line| line.starts_with("Via:")).unwrap();
        assert_eq!(line.one(), ok.replacen(&format!("{via}\r\n"), "", 1));
        assert!(line.sign.is_empty() && line.judge.is_empty() && line.told.is_empty());
        line.ends_clean();
    }
}

/// This test verifies that an answer that somebody behind us has signed stays as it is, however that is written.
#[test]
fn an_rsp_that_is_there_stays_alone() {
    for there in [RSP, &RSP.replace("ppt=rsp", "PPT=Rsp")] {
        let mut line = Line::terminating(Mode::Proxy);
        let sent = line.invited(&identity(THEIRS));
        line.called(&answer(&sent, "200 OK", "callee", &identity(there), ""));
        assert_eq!(values(&line.one(), "Identity"), [there]);
        assert!(line.sign.is_empty());
        line.ends_clean();
    }
}

/// This test verifies that nonsense in the place of an Identity keeps no signature away.
#[test]
fn nonsense_keeps_no_signature_away() {
    let mut line = Line::terminating(Mode::Proxy);
    let sent = line.invited(&identity(THEIRS));
    line.called(&answer(&sent, "200 OK", "callee", &identity(";;"), ""));
    assert_eq!(line.sign.len(), 1);
    line.signed(&[RSP]);
    assert_eq!(values(&line.one(), "Identity"), [";;", RSP]);
    line.ends_clean();
}

/// This test verifies that a provisional response that need not arrive is not signed, and one that has to arrive each time, but not
/// when it is repeated.
// RFC 9970 §13: "The use of PASSporTs within responses creates a novel potential vector for amplification attacks".
#[test]
fn provisional_responses_are_signed_sparingly() {
    let mut line = Line::terminating(Mode::Proxy);
    let sent = line.invited(&identity(THEIRS));
    for (extra, tag, asked) in [
        ("", "one", 0),
        ("", "two", 0),
        (RELIABLE, "one", 1),
        (RELIABLE, "one", 1),
        ("Require: 100rel\r\nRSeq: 2\r\n", "one", 2),
        ("RSeq: 3\r\n", "one", 2),
    ] {
        line.called(&answer(&sent, "183 Session Progress", tag, extra, SDP));
        let is_new = line.sign.len() == asked && line.sent.is_empty();
        if is_new {
            line.signed(&[RSP]);
        }
        assert_eq!(line.sign.len(), asked);
        let back = line.one();
        let is_signed = is_new || extra == RELIABLE;
        assert_eq!(values(&back, "Identity").len(), usize::from(is_signed));
    }
    line.called(&answer(&sent, "486 Busy Here", "one", "", ""));
    line.ends_clean();
}

/// This test verifies that answers go back in the order they came, also where the first waits and the second need not.
#[test]
fn answers_keep_their_order() {
    let mut line = Line::terminating(Mode::Proxy);
    let sent = line.invited(&identity(THEIRS));
    line.called(&answer(
        &sent,
        "183 Session Progress",
        "callee",
        RELIABLE,
        "",
    ));
    line.called(&answer(&sent, "180 Ringing", "callee", &identity(RSP), ""));
    line.called(&answer(&sent, "200 OK", "callee", "", ""));
    assert_eq!(line.lines(), [""; 0]);
    line.signed(&[RSP]);
    assert_eq!(line.lines(), [""; 0], "the last was signed first");
    let (id, first) = (line.sign[0].id, line.sign[0].answer);
    line.handle(Input::AnswerSigned {
        id,
        answer: first,
        identities: vec![RSP.into()],
    });
    assert_eq!(
        line.lines(),
        [
            "caller SIP/2.0 183 Session Progress",
            "caller SIP/2.0 180 Ringing",
            "caller SIP/2.0 200 OK"
        ]
    );
    line.ends_clean();
}

/// Digest case 1.7: this test verifies that an answer for which the host has no certificate goes back as it came.
#[test]
fn digest01_case07_what_the_host_does_not_sign_goes_back_unsigned() {
    let mut line = Line::terminating(Mode::Proxy);
    let sent = line.invited(&identity(THEIRS));
    line.called(&answer(&sent, "200 OK", "callee", "", SDP));
    line.signed(&[]);
    assert_eq!(values(&line.one(), "Identity"), [""; 0]);
    assert_eq!(line.fates(), [AnswerFate::Unsigned(Unsigned::Refused)]);
    line.ends_clean();
}

/// This test verifies that nobody waits longer for a signature than the deadline of the trunk, and that one that comes later is not
/// taken.
#[test]
fn a_signature_that_is_late_is_not_waited_for() {
    let mut line = Line::terminating(Mode::Proxy);
    let sent = line.invited(&identity(THEIRS));
    line.called(&answer(&sent, "200 OK", "callee", "", ""));
    let patience = line.trunk.deadline.as_millis() as u64;
    line.wait(patience - 1);
    assert_eq!(line.lines(), [""; 0]);
    line.wait(1);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    assert_eq!(line.forgotten, [line.sign[0].answer]);
    assert_eq!(line.fates(), [AnswerFate::Unsigned(Unsigned::Late)]);
    line.signed(&[RSP]);
    assert!(line.sent.is_empty() && line.told.is_empty());
    line.ends_clean();
}

/// Digest case 1.6: this test verifies that nobody was reached whom we could name, if the called side says that somebody else answered.
// RFC 9970 §5: "If no "div" PASSporTs were received in a dialog-forming request with a different "dest" value than the original PASSporT
// claimed, then "rsp" PASSporTs MUST NOT be used in responses."
#[test]
fn digest01_case06_who_was_reached_without_div_is_not_named() {
    for (asserted, reached) in [
        ("<sip:+12025550101@b.example;user=phone>", true),
        ("<tel:+12025550109>", false),
        ("<sip:+12025550101@b.example>, <tel:+12025550109>", true),
        ("<sip:someone@b.example>", false),
    ] {
        let mut line = Line::terminating(Mode::Proxy);
        let sent = line.invited(&identity(THEIRS));
        let pai = format!("P-Asserted-Identity: {asserted}\r\n");
        line.called(&answer(&sent, "200 OK", "callee", &pai, ""));
        let expected = reached.then(|| number("12025550101"));
        assert_eq!(line.sign[0].reached, expected, "{asserted}");
        line.signed(&[]);
        line.ends_clean();
    }
}

/// This test verifies that of a call that we have sent somewhere else, whom it went to was reached, and our own div is among what is
/// answered.
#[test]
fn whom_we_forward_to_is_who_is_reached() {
    const DIV: &str = "aGVhZA.ZGl2.c2ln;info=<https://cert.example.org/d.pem>;ppt=div";
    let mut line = Line::terminating(Mode::Proxy);
    let mut trunk = Trunk::clone(&line.trunk);
    let forwards = Forwards::parse("12025550101,12025550110").unwrap();
    trunk.diversions = Some(Arc::new(countersign_sip::trunk::Diversions { forwards }));
    line.trunk = Arc::new(trunk);
    line.diversion = DIV;
    let sent = line.invited(&identity(THEIRS));
    assert!(sent.starts_with("INVITE sip:+12025550110@b.example"));
    line.called(&answer(&sent, "200 OK", "callee", "", ""));
    assert_eq!(line.sign[0].reached, Some(number("12025550110")));
    assert_eq!(&*line.sign[0].asked, [Box::from(THEIRS), Box::from(DIV)]);
    line.signed(&[RSP, DIV]);
    line.ends_clean();
}

/// This test verifies that where our Identity takes the place of others, an answer still refers to those that its caller knows.
#[test]
fn what_is_answered_is_what_came() {
    let mut line = Line::terminating(Mode::Proxy);
    let mut trunk = Trunk::clone(&line.trunk);
    trunk.role = Role::Sign;
    trunk.existing_identity = countersign_sip::trunk::ExistingIdentity::Replace;
    line.trunk = Arc::new(trunk);
    let sent = line.invited(&identity(THEIRS));
    assert_eq!(values(&sent, "Identity"), [OURS]);
    line.called(&answer(&sent, "200 OK", "callee", "", ""));
    assert_eq!(&*line.sign[0].asked, [Box::from(THEIRS), Box::from(OURS)]);
    line.signed(&[RSP]);
    line.ends_clean();
}

/// This test verifies that a callee who answers and answers, each time as somebody else, has few answers signed.
#[test]
fn nobody_has_us_sign_without_end() {
    let mut line = Line::terminating(Mode::Proxy);
    let sent = line.invited(&identity(THEIRS));
    for number in 0..500 {
        let extra = format!("Require: 100rel\r\nRSeq: {number}\r\n");
        let before = line.sign.len();
        line.called(&answer(&sent, "183 Session Progress", "callee", &extra, ""));
        if line.sign.len() > before {
            line.signed(&[RSP]);
        }
    }
    assert_eq!(line.lines().len(), 500, "all of them go back");
    let most = countersign_sip::element::MAX_ANSWERS_ASKED as usize;
    assert_eq!(line.sign.len(), most / 2);
    line.called(&answer(&sent, "200 OK", "callee", "", ""));
    assert_eq!(line.sign.len(), most / 2 + 1, "who answers still is signed");
    line.signed(&[RSP]);
    line.ends_clean();
}

/// This test verifies that the emergency call waits for nobody.
#[test]
fn an_emergency_call_waits_for_no_signature() {
    let mut line = Line::terminating(Mode::Proxy);
    line.caller(&invite(&identity(THEIRS)).replacen(
        "sip:+12025550101@b.example",
        "urn:service:sos",
        1,
    ));
    let sent = line.sent.pop().unwrap().1;
    line.sent.clear();
    line.called(&answer(&sent, "200 OK", "callee", "", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    assert!(line.sign.is_empty());
    line.ends_clean();
}
