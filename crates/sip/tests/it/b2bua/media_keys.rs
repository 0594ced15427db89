//! Media security (RFC 8862): an answer whose keys nobody has signed, or somebody has changed, brings no media.
//!
//! ```text
//!   caller ── INVITE, a=fingerprint ──▶ O ── shaken, msec (mky) ──▶ called
//!     │◀── answer, if its keys are bound ── │ ◀── 183, 200, a=fingerprint, rsp (mky) ──
//!     │◀── 403 ──────────── nobody's keys: ─┼── CANCEL, or ACK and BYE ──▶
//!
//!   T: an INVITE whose msec is bad goes no further, whatever else is done with calls that do not pass
//! ```
//!
//! The host is the test: it judges as it is told.

use super::speakers::{RSP, TOKEN, line, signed};
use super::{BODY, Line, Sent, answer, from_called, inside, invite};
use crate::connected_identity::judgement;
use countersign::verification::answer::{AnswerStanding, MediaStanding};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{AnswerJudgement, Input, JudgeAnswer, Judgement, Output};
use countersign_sip::trunk::{AnswerChecking, Connected, MediaSecurity, MidDialog, Role};

const KEYS: &str = "a=fingerprint:sha-256 0A:0B\r\n";

fn connected(media: MediaSecurity) -> Connected {
    Connected {
        media,
        check: AnswerChecking::Off,
        ..Connected::on()
    }
}

/// The message with a fingerprint in its description.
fn with_keys(text: &str) -> String {
    let length = format!("Content-Length: {}", BODY.len());
    let longer = format!("Content-Length: {}", BODY.len() + KEYS.len());
    text.replace(&length, &longer) + KEYS
}

fn without_body(text: &str) -> String {
    let length = format!("Content-Length: {}", BODY.len());
    text.replace(&length, "Content-Length: 0").replace(BODY, "")
}

fn reliable(text: &str) -> String {
    text.replacen("CSeq:", "Require: 100rel\r\nRSeq: 1\r\nCSeq:", 1)
}

/// O has signed the call and asks for this; what the called gets.
fn asking(media: MediaSecurity) -> (Line, Sent) {
    asking_as(connected(media))
}

fn asking_as(connected: Connected) -> (Line, Sent) {
    let mut line = line(Role::Sign, connected);
    line.caller(&with_keys(&invite()));
    let sign = line.signature();
    assert_eq!(sign.call.media_keys.as_ref().unwrap().iter().count(), 1);
    line.signed(sign.id);
    let there = line.sent().pop().unwrap();
    (line, there)
}

/// What the host is asked about the one answer.
fn judge(line: &mut Line) -> JudgeAnswer {
    match line.question() {
        Output::JudgeAnswer(judge) => *judge,
        other => panic!("{other:?}"),
    }
}

fn is(line: &mut Line, judge: &JudgeAnswer, standing: AnswerStanding, media: MediaStanding) {
    line.handle(Input::AnswerJudged {
        id: judge.id,
        answer: judge.answer,
        judgement: AnswerJudgement {
            media,
            ..judgement(standing)
        },
    });
}

/// The called sends this, and the host judges it so.
fn answered(line: &mut Line, text: &str, standing: AnswerStanding, media: MediaStanding) {
    line.called(text);
    let judge = judge(line);
    is(line, &judge, standing, media);
}

/// Whoever accepted has been acknowledged, and hung up.
fn is_hung_up(line: &mut Line) {
    let lines = line.lines();
    assert!(lines[0].starts_with("called ACK "), "{lines:?}");
    assert!(lines[1].starts_with("called BYE "), "{lines:?}");
}

/// What is sent until the caller is refused, and that it is.
fn refused(line: &mut Line) -> Vec<String> {
    line.wait(6_000);
    let told = line.lines();
    let forbidden = "caller SIP/2.0 403 Forbidden".to_owned();
    assert!(told.contains(&forbidden), "{told:?}");
    told
}

/// This test verifies that nobody who asked for keys is connected to somebody who does not sign any: the caller hears no media, and the
/// called hangs up. Where keys are only wished for, the call goes on.
#[test]
fn digest11_case04_whoever_signs_no_keys_is_not_connected() {
    let (mut line, there) = asking(MediaSecurity::Required);
    let accepted = with_keys(&answer(&there, "200 OK", "callee"));
    answered(
        &mut line,
        &accepted,
        AnswerStanding::Absent,
        MediaStanding::NotSigned,
    );
    is_hung_up(&mut line);
    refused(&mut line);

    let (mut line, there) = asking(MediaSecurity::Opportunistic);
    let accepted = with_keys(&answer(&there, "200 OK", "callee"));
    answered(
        &mut line,
        &accepted,
        AnswerStanding::Absent,
        MediaStanding::NotSigned,
    );
    assert_eq!(line.one().first_line(), "SIP/2.0 200 OK");
}

/// This test verifies that a reliable 183 whose keys are signed secures the call, and that the 200 after it need not show them again.
#[test]
fn digest11_case05_signed_keys_of_a_183_are_enough() {
    let (mut line, there) = asking(MediaSecurity::Required);
    let progress = with_keys(&reliable(&answer(&there, "183 Session Progress", "callee")));
    line.called(&signed(&progress, RSP));
    assert!(line.sent().is_empty(), "it waits");
    let judged = judge(&mut line);
    assert_eq!(judged.media_keys.as_ref().unwrap().iter().count(), 1);
    is(
        &mut line,
        &judged,
        AnswerStanding::Matching,
        MediaStanding::Bound,
    );
    assert_eq!(line.one().first_line(), "SIP/2.0 183 Session Progress");
    let accepted = without_body(&answer(&there, "200 OK", "callee"));
    answered(
        &mut line,
        &signed(&accepted, RSP),
        AnswerStanding::Matching,
        MediaStanding::NoKeys,
    );
    let answered = line.one();
    assert_eq!(answered.first_line(), "SIP/2.0 200 OK");
    line.caller(&inside("ACK", 1, &answered));
    assert_eq!(line.element.calls(), 1);
}

/// This test verifies that an answer whose keys are others than those that were signed is not passed, in early media or when it is accepted,
/// wherever keys were asked for.
#[test]
fn digest11_case06_other_keys_than_those_signed_bring_no_media() {
    for media in [MediaSecurity::Required, MediaSecurity::Opportunistic] {
        let (mut line, there) = asking(media);
        let accepted = signed(&with_keys(&answer(&there, "200 OK", "callee")), RSP);
        answered(
            &mut line,
            &accepted,
            AnswerStanding::Matching,
            MediaStanding::Mismatch,
        );
        is_hung_up(&mut line);

        let (mut line, there) = asking(media);
        let progress = with_keys(&reliable(&answer(&there, "183 Session Progress", "callee")));
        answered(
            &mut line,
            &signed(&progress, RSP),
            AnswerStanding::Matching,
            MediaStanding::Mismatch,
        );
        let told = refused(&mut line);
        let is_cancelled = told.iter().any(|line| line.starts_with("called CANCEL "));
        assert!(is_cancelled, "{media:?} {told:?}");
        assert!(!told.iter().any(|line| line.contains("183")), "{told:?}");
    }
}

/// This test verifies that media in the clear is not an answer where keys are required: not in a 183, nor in a 200 that shows nothing. Who
/// offers none cannot get any, and nobody is rung up for it.
#[test]
fn media_without_keys_is_not_what_was_asked_for() {
    let shapes: [fn(&Sent) -> String; 3] = [
        |there| reliable(&answer(there, "183 Session Progress", "callee")),
        |there| answer(there, "200 OK", "callee"),
        |there| without_body(&answer(there, "200 OK", "callee")),
    ];
    for shape in shapes {
        let (mut line, there) = asking(MediaSecurity::Required);
        let shown = signed(&shape(&there), RSP);
        answered(
            &mut line,
            &shown,
            AnswerStanding::Matching,
            MediaStanding::NoKeys,
        );
        let told = refused(&mut line);
        let is_passed = |line: &String| {
            line.starts_with("caller SIP/2.0 200") || line.starts_with("caller SIP/2.0 183")
        };
        assert!(!told.iter().any(is_passed), "{told:?}");
    }
    let mut line = line(Role::Sign, connected(MediaSecurity::Required));
    line.caller(&invite());
    let sign = line.signature();
    line.signed(sign.id);
    assert_eq!(
        line.lines(),
        ["caller SIP/2.0 100 Trying", "caller SIP/2.0 403 Forbidden"]
    );
}

/// This test verifies that a call that must ask for keys, and that we should have signed and have not, rings nobody: what asks for them is
/// the signature. Where keys are only wished for it goes on.
#[test]
fn a_call_that_nobody_signed_asks_for_nothing() {
    let forbidden = "caller SIP/2.0 403 Forbidden";
    for (media, expected) in [
        (MediaSecurity::Required, forbidden),
        (MediaSecurity::Opportunistic, "called INVITE"),
    ] {
        for is_late in [false, true] {
            let mut line = line(Role::Sign, connected(media));
            line.caller(&with_keys(&invite()));
            let id = line.signature().id;
            match is_late {
                true => line.wait(line.trunk.deadline.as_millis() as u64),
                false => line.handle(Input::Signed {
                    id,
                    identities: Vec::new(),
                }),
            }
            let lines = line.lines();
            assert!(lines[1].starts_with(expected), "{media:?} {lines:?}");
            assert_eq!(lines.len(), 2, "{lines:?}");
        }
    }
}

/// This test verifies that whoever rings without showing media is passed, and that keys signed by somebody whom nobody vouches for secure the
/// media, if not more is required.
#[test]
fn keys_of_a_stranger_are_keys() {
    let (mut line, there) = asking(MediaSecurity::Required);
    let ringing = without_body(&answer(&there, "180 Ringing", "callee"));
    answered(
        &mut line,
        &signed(&ringing, RSP),
        AnswerStanding::Matching,
        MediaStanding::NoKeys,
    );
    assert_eq!(line.one().first_line(), "SIP/2.0 180 Ringing");
    let accepted = with_keys(&answer(&there, "200 OK", "callee"));
    answered(
        &mut line,
        &signed(&accepted, RSP),
        AnswerStanding::NotValidated(Fault::SignerUnknown),
        MediaStanding::Bound,
    );
    assert_eq!(line.one().first_line(), "SIP/2.0 200 OK");
}

/// This test verifies that a call whose msec is bad is refused with its code where media security is given, although the trunk only writes
/// verdicts on its calls, and passes where it is not; one whose signer nobody vouches for passes.
#[test]
fn digest11_case02_and_case03_a_bad_msec_is_refused() {
    let bad = "SIP/2.0 438 Invalid Identity Header";
    let mismatch = Verdict::Failed(Fault::MediaKeysMismatch);
    for (media, msec, status) in [
        (MediaSecurity::Opportunistic, mismatch, Some(bad)),
        (
            MediaSecurity::Required,
            Verdict::Failed(Fault::MediaKeysMissing),
            Some(bad),
        ),
        (
            MediaSecurity::Required,
            Verdict::NotValidated(Fault::SignerUnknown),
            None,
        ),
        (MediaSecurity::Off, mismatch, None),
    ] {
        let mut line = line(Role::Verify, connected(media));
        line.caller(&signed(&with_keys(&invite()), TOKEN));
        let (id, call) = line.judged();
        assert!(call.media_keys.is_some());
        line.sent.clear();
        line.handle(Input::Judged {
            id,
            judgement: Judgement {
                verdict: Verdict::Passed,
                code: None,
                attestation: None,
                consequences: None,
                key: None,
                provider: None,
                msec: Some(msec),
            },
        });
        let sent = line.one();
        match status {
            Some(status) => assert_eq!((&*sent.to(), sent.first_line()), ("caller", status)),
            None => assert_eq!(sent.to(), "called"),
        }
    }
}

/// This test verifies that where keys are required nobody brings others later: a description inside the dialog that is not proven goes no
/// further, whatever is done with requests that have none.
#[test]
fn keys_that_are_required_stay_required_inside_the_dialog() {
    for mid_dialog in [MidDialog::Off, MidDialog::Reported] {
        let asks = Connected {
            mid_dialog,
            ..connected(MediaSecurity::Required)
        };
        let (mut line, there) = asking_as(asks);
        let text = with_keys(&signed(&answer(&there, "200 OK", "callee"), RSP));
        answered(
            &mut line,
            &text,
            AnswerStanding::Matching,
            MediaStanding::Bound,
        );
        let ok = line.one();
        line.caller(&inside("ACK", 1, &ok));
        line.sent.clear();
        for (number, method) in (10..).zip(["INVITE", "UPDATE"]) {
            line.called(&with_keys(&from_called(method, number, &there, "callee")));
            let (id, _) = line.judged();
            line.sent.clear();
            line.is(id, Verdict::Failed(Fault::MediaKeysMismatch), None);
            let refused = line.one();
            assert_eq!(refused.first_line(), "SIP/2.0 438 Invalid Identity Header");
            assert_eq!(refused.to(), "called");
        }
        line.called(&from_called("BYE", 20, &there, "callee"));
        if mid_dialog == MidDialog::Reported {
            let (id, _) = line.judged();
            line.is(id, Verdict::Unsigned, None);
        }
        assert_eq!(line.one().to(), "caller");
        // What our side says is signed as configured, and no more.
        assert!(line.questions.is_empty());
    }
}
