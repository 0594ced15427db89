//! Requests inside a dialog that was established with connected identity: RFC 9970 §6.
//!
//! ```text
//!   caller ══ near dialog ══ O ══ far dialog ══ called         O is the caller's provider: the far side is foreign
//!     │                      │ 200 + rsp (B) ◀────│            B is proven to have answered
//!     │ BYE ────────▶ signed as A ───────────────▶│
//!     │◀──────── judged as B ◀─────────────── BYE │            forged: told, or answered 438 and the call goes on
//!
//!   caller ══ near dialog ══ T ══ far dialog ══ called         T is the called's provider: the near side is foreign
//!     │◀───────── signed as B ◀────────────── BYE │
//!     │ BYE ────────▶ judged as A ───────────────▶│
//! ```
//!
//! The host is the test: it signs and judges what it is asked, as it likes.

use super::{BODY, CALLED, CALLER, Line, Sent, answer, from_called, inside, invite};
use crate::connected_identity::judgement;
use countersign::call::{Call, OrigSource};
use countersign::certificate::ServiceProviderCode;
use countersign::identity::Identity;
use countersign::verification::answer::{AnswerStanding, Pin};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{
    AnswerJudgement, ContextId, Ending, Event, Input, Judgement, MidDialogFate, MidDialogRequest,
    Output, Subject, Unproven, Unsigned,
};
use countersign_sip::trunk::{Connected, MidDialog, Pinning, Role, Trunk};
use std::sync::Arc;

const A: &str = "12025550100";
const B: &str = "12025550101";
const KEY: [u8; 32] = [7; 32];
const OTHER_KEY: [u8; 32] = [8; 32];
pub(super) const TOKEN: &str =
    "eyJh.eyJi.c2ln;info=<https://cert.example/c.pem>;alg=ES256;ppt=shaken";
pub(super) const RSP: &str = "eyJh.eyJi.cnNw;info=<https://cert.example/c.pem>;alg=ES256;ppt=rsp";

/// Whose code the certificate of who was reached has.
const PROVIDER: &str = "1234";

fn provider(code: &str) -> ServiceProviderCode {
    code.parse().unwrap()
}

fn number(digits: &str) -> Identity {
    Identity::Number(digits.parse().unwrap())
}

/// Everything on, and this done with requests inside dialogs.
fn connected(mid_dialog: MidDialog) -> Connected {
    Connected {
        mid_dialog,
        ..Connected::on()
    }
}

pub(super) fn line(role: Role, connected: Connected) -> Line {
    let mut line = Line::new();
    let mut trunk = Trunk::clone(&line.trunk);
    trunk.role = role;
    trunk.connected = Some(Arc::new(connected));
    line.trunk = Arc::new(trunk);
    line
}

/// A call that goes on: who it is to the called side, and to the caller.
struct Talk {
    line: Line,
    invite: Sent,
    answered: Sent,
}

impl Talk {
    /// At O: its INVITE was signed, its answer judged so.
    fn of_caller(connected: Connected, standing: AnswerStanding) -> Self {
        let mut line = line(Role::Sign, connected);
        line.caller(&invite());
        let sign = line.signature();
        assert_eq!(sign.subject, Subject::Caller);
        line.signed(sign.id);
        let invite = line.sent().pop().unwrap();
        assert_eq!(invite.value("Identity"), TOKEN);
        line.called(&signed(&answer(&invite, "200 OK", "callee"), RSP));
        line.answer_is(standing);
        let answered = line.one();
        assert_eq!(answered.first_line(), "SIP/2.0 200 OK");
        Self::acknowledged(line, invite, answered)
    }

    /// At T: its INVITE was judged, its answer signed.
    fn of_called(connected: Connected) -> Self {
        Self::from(connected, &invite(), Verdict::Passed)
    }

    /// The same with this INVITE, and with what it is worth.
    fn from(connected: Connected, invite: &str, verdict: Verdict) -> Self {
        let mut line = line(Role::Verify, connected);
        line.caller(&signed(invite, TOKEN));
        let (id, _) = line.judged();
        line.is(id, verdict, Some(KEY));
        let invite = line.sent().pop().unwrap();
        line.called(&answer(&invite, "200 OK", "callee"));
        line.answer_signed(verdict);
        let answered = line.one();
        assert_eq!(answered.value("Identity"), RSP);
        Self::acknowledged(line, invite, answered)
    }

    fn acknowledged(mut line: Line, invite: Sent, answered: Sent) -> Self {
        line.caller(&inside("ACK", 1, &answered));
        assert!(line.one().first_line().starts_with("ACK "));
        line.events.clear();
        assert!(line.questions.is_empty(), "{:?}", line.questions);
        Self {
            line,
            invite,
            answered,
        }
    }

    fn called(&mut self, method: &str, number: u32) {
        let text = from_called(method, number, &self.invite, "callee");
        self.line.called(&text);
    }

    fn caller(&mut self, method: &str, number: u32) {
        self.line.caller(&inside(method, number, &self.answered));
    }

    /// A BYE of the called that is all right, to its end.
    fn hangs_up(&mut self, number: u32) {
        self.called("BYE", number);
        let (id, _) = self.line.judged();
        self.line.is(id, Verdict::Passed, Some(KEY));
        let bye = self.line.sent().pop().unwrap();
        assert_eq!((bye.to().as_str(), &bye.text[..4]), ("caller", "BYE "));
        self.line.caller(&answer(&bye, "200 OK", ""));
        self.line.ends_clean();
    }
}

impl Line {
    /// The one question since last asked.
    pub(super) fn question(&mut self) -> Output {
        let mut questions = std::mem::take(&mut self.questions);
        assert_eq!(questions.len(), 1, "{questions:?}");
        questions.remove(0)
    }

    pub(super) fn signature(&mut self) -> countersign_sip::element::Sign {
        match self.question() {
            Output::Sign(sign) => sign,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn signed(&mut self, id: ContextId) {
        self.handle(Input::Signed {
            id,
            identities: vec![TOKEN.into()],
        });
    }

    pub(super) fn judged(&mut self) -> (ContextId, Call) {
        match self.question() {
            Output::Judge(judge) => (judge.id, judge.call),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn is(&mut self, id: ContextId, verdict: Verdict, key: Option<[u8; 32]>) {
        self.is_by(id, verdict, key, None);
    }

    fn is_by(
        &mut self,
        id: ContextId,
        verdict: Verdict,
        key: Option<[u8; 32]>,
        provider: Option<ServiceProviderCode>,
    ) {
        self.handle(Input::Judged {
            id,
            judgement: Judgement {
                verdict,
                code: None,
                attestation: None,
                consequences: None,
                key,
                provider,
                msec: None,
            },
        });
    }

    fn answer_is(&mut self, standing: AnswerStanding) {
        let Output::JudgeAnswer(judge) = self.question() else {
            panic!("nobody judges");
        };
        let proven = judgement(standing);
        let pin = proven.reached.clone().map(|identity| Pin {
            identity,
            key: KEY,
            provider: Some(provider(PROVIDER)),
        });
        self.handle(Input::AnswerJudged {
            id: judge.id,
            answer: judge.answer,
            judgement: AnswerJudgement { pin, ..proven },
        });
    }

    /// The host signs an answer to a call that is worth this.
    fn answer_signed(&mut self, verdict: Verdict) {
        let Output::SignAnswer(sign) = self.question() else {
            panic!("nobody signs");
        };
        assert_eq!(sign.verdict, Some(verdict), "of the call");
        self.handle(Input::AnswerSigned {
            id: sign.id,
            answer: sign.answer,
            identities: vec![RSP.into()],
        });
    }

    /// What was told of requests inside the dialog, since events were last taken.
    fn spoken(&mut self) -> Vec<MidDialogRequest> {
        let events = std::mem::take(&mut self.events);
        let told = events.into_iter().filter_map(|event| match event {
            Event::MidDialog(told) => Some(*told),
            _ => None,
        });
        told.collect()
    }

    fn fates(&mut self) -> Vec<MidDialogFate> {
        self.spoken().into_iter().map(|told| told.fate).collect()
    }
}

/// The message with an Identity.
pub(super) fn signed(text: &str, identity: &str) -> String {
    text.replacen("CSeq:", &format!("Identity: {identity}\r\nCSeq:"), 1)
}

/// Why a request is not of who it should be.
const OTHER: Verdict = Verdict::Failed(Fault::OrigMismatch);

/// This test verifies that a request from the foreign side is judged against who has answered, whatever its From says, and that nothing else
/// is judged there.
#[test]
fn who_speaks_is_who_has_answered() {
    let mut talk = Talk::of_caller(connected(MidDialog::Reported), AnswerStanding::Matching);
    for (number, method) in (10..).zip(["INFO", "PRACK", "OPTIONS", "MESSAGE", "REFER"]) {
        talk.called(method, number);
        let sent = talk.line.one();
        assert!(sent.first_line().starts_with(method), "{}", sent.text);
    }
    let keys = "a=fingerprint:sha-256 0A:0B\r\n";
    for (sequence, method) in (20..).zip(["INVITE", "UPDATE"]) {
        let text = from_called(method, sequence, &talk.invite, "callee");
        let length = format!("Content-Length: {}", BODY.len());
        let longer = format!("Content-Length: {}", BODY.len() + keys.len());
        let text = text.replace(&length, &longer) + keys;
        talk.line
            .called(&text.replace("From: <sip:+12025550101", "From: <sip:+12025550199"));
        let (id, call) = talk.line.judged();
        assert_eq!(
            (call.orig, call.orig_from),
            (Some(number(B)), OrigSource::Given)
        );
        assert_eq!(call.dest.len(), 1);
        assert_eq!(call.dest[0].0, number(A));
        assert_eq!(call.media_keys.unwrap().iter().count(), 1);
        // The PASSporT of one of them is no proof of the next.
        let within = call.reference.unwrap().within.unwrap();
        assert_eq!(&*within, format!("{sequence} {method}").as_bytes());
        talk.line.sent.clear();
        talk.line.is(id, Verdict::Passed, Some(KEY));
        let request = talk.line.one();
        assert_eq!(request.to(), "caller");
        assert_eq!(talk.line.fates(), [MidDialogFate::Proven]);
        talk.line.caller(&answer(&request, "200 OK", ""));
        talk.line.sent.clear();
    }
    talk.hangs_up(30);
}

/// This test verifies that a BYE that the wrong one has signed is told and passes where that is only reported; and where it is enforced is
/// answered 438, goes no further, and ends nothing: call stretching. The true one ends the call.
#[test]
fn digest01_case13_a_forged_bye_is_found() {
    let mut talk = Talk::of_caller(connected(MidDialog::Reported), AnswerStanding::Matching);
    talk.called("BYE", 10);
    let (id, _) = talk.line.judged();
    talk.line.is(id, OTHER, None);
    assert!(talk.line.one().first_line().starts_with("BYE "));
    let told = talk.line.spoken().remove(0);
    assert_eq!(
        told.fate,
        MidDialogFate::Passed(Unproven::Mismatch(Fault::OrigMismatch))
    );
    assert!(told.fate.unproven().unwrap().is_mismatch());
    assert_eq!((told.speaker, told.method), (number(B), "BYE"));
    assert_eq!(&*told.call_id, b"call-1@a.example");

    let mut talk = Talk::of_caller(connected(MidDialog::Enforced), AnswerStanding::Diverted);
    let forged = [
        (
            OTHER,
            "SIP/2.0 438 Invalid Identity Header",
            Unproven::Mismatch(Fault::OrigMismatch),
        ),
        (
            Verdict::Unsigned,
            "SIP/2.0 428 Use Identity Header",
            Unproven::Absent,
        ),
    ];
    for (number, (verdict, status, why)) in (10..).zip(forged) {
        talk.called("BYE", number);
        let (id, _) = talk.line.judged();
        talk.line.is(id, verdict, None);
        let refused = talk.line.one();
        assert_eq!(
            (refused.to().as_str(), refused.first_line()),
            ("called", status)
        );
        assert_eq!(talk.line.fates(), [MidDialogFate::Rejected(why)]);
        assert_eq!(talk.line.element.calls(), 1, "the call goes on");
    }
    talk.line.wait(100_000);
    talk.line.sent.clear();
    talk.hangs_up(20);
}

/// A provider code covers every number. This test verifies that another provider than the one that has answered speaks for nobody there,
/// although its signature covers the number; that a certificate without code does; and that nobody asks where nothing is pinned.
#[test]
fn another_provider_speaks_for_nobody_who_has_answered() {
    for (pin, by, is_refused) in [
        (Pinning::Identity, Some("5678"), true),
        (Pinning::Key, Some("5678"), true),
        (Pinning::Identity, Some(PROVIDER), false),
        (Pinning::Identity, None, false),
        (Pinning::Off, Some("5678"), false),
    ] {
        let enforced = connected(MidDialog::Enforced);
        let pinned = Connected { pin, ..enforced };
        let mut talk = Talk::of_caller(pinned, AnswerStanding::Matching);
        talk.called("BYE", 10);
        let (id, _) = talk.line.judged();
        talk.line.sent.clear();
        let by = by.map(provider);
        talk.line.is_by(id, Verdict::Passed, Some(KEY), by);
        let sent = talk.line.sent().pop().unwrap();
        assert_eq!(sent.to() == "called", is_refused, "{}", sent.text);
        let fate = match is_refused {
            true => MidDialogFate::Rejected(Unproven::Provider),
            false => MidDialogFate::Proven,
        };
        assert_eq!(talk.line.fates(), [fate]);
    }
}

/// This test verifies that the right identity with another key than before is not the right one where keys are pinned, and is one where
/// only identities are.
#[test]
fn digest01_case13_another_key_is_another_signer_where_keys_are_pinned() {
    for (pin, status) in [
        (Pinning::Identity, None),
        (Pinning::Key, Some("SIP/2.0 438 Invalid Identity Header")),
    ] {
        let enforced = connected(MidDialog::Enforced);
        let pinned = Connected { pin, ..enforced };
        let mut talk = Talk::of_caller(pinned, AnswerStanding::Matching);
        talk.called("INVITE", 10);
        let (id, _) = talk.line.judged();
        talk.line.sent.clear();
        talk.line.is(id, Verdict::Passed, Some(OTHER_KEY));
        let sent = talk.line.one();
        match status {
            None => assert_eq!(sent.to(), "caller"),
            Some(status) => {
                assert_eq!((sent.to().as_str(), sent.first_line()), ("called", status));
                let why = MidDialogFate::Rejected(Unproven::Key);
                assert_eq!(talk.line.fates(), [why]);
            }
        }
    }
}

/// This test verifies that a re-INVITE or an UPDATE of somebody else changes nothing where that is enforced.
#[test]
fn digest01_case14_media_goes_nowhere_else() {
    for method in ["INVITE", "UPDATE"] {
        let mut talk = Talk::of_caller(connected(MidDialog::Enforced), AnswerStanding::Matching);
        let text = from_called(method, 10, &talk.invite, "callee");
        talk.line.called(&text.replace(
            "Contact: <sip:called@192.0.2.20:5060>",
            "Contact: <sip:evil@192.0.2.66>",
        ));
        let (id, _) = talk.line.judged();
        talk.line.sent.clear();
        talk.line.is(id, OTHER, None);
        let refused = talk.line.one();
        assert_eq!(refused.first_line(), "SIP/2.0 438 Invalid Identity Header");
        assert_eq!(refused.to(), "called");
        // Nor does what comes after go where it said.
        talk.caller("INFO", 11);
        let info = talk.line.one();
        assert_eq!(info.first_line(), "INFO sip:called@192.0.2.20:5060 SIP/2.0");
    }
}

/// This test verifies that CANCEL and ACK need no PASSporT, however strict the trunk is.
#[test]
fn digest01_case15_a_cancel_needs_no_passport() {
    let mut line = line(Role::Verify, connected(MidDialog::Enforced));
    line.caller(&signed(&invite(), TOKEN));
    let (id, _) = line.judged();
    line.is(id, Verdict::Passed, Some(KEY));
    let there = line.sent().pop().unwrap();
    let ringing = answer(&there, "180 Ringing", "callee");
    line.called(&ringing.replacen("CSeq:", "Require: 100rel\r\nRSeq: 1\r\nCSeq:", 1));
    line.answer_signed(Verdict::Passed);
    line.sent.clear();
    line.caller(
        &invite()
            .replace("INVITE sip", "CANCEL sip")
            .replace("1 INVITE", "1 CANCEL"),
    );
    let lines = line.lines();
    assert_eq!(lines[0], "caller SIP/2.0 200 OK");
    assert!(lines[1].starts_with("called CANCEL "), "{lines:?}");
    assert!(line.questions.is_empty());
    line.called(&answer(&there, "487 Request Terminated", "callee"));
    line.ends_clean();
}

/// This test verifies that what goes to the foreign side is signed in the name of who speaks, from either end, with a Date; and that of
/// other methods nothing is.
#[test]
fn what_we_say_is_signed() {
    let mut talk = Talk::of_caller(connected(MidDialog::Signed), AnswerStanding::Matching);
    for (sequence, method) in (10..).zip(["INVITE", "UPDATE", "BYE"]) {
        talk.caller(method, sequence);
        let sign = talk.line.signature();
        assert_eq!(sign.subject, Subject::Speaker);
        assert_eq!(sign.call.orig, Some(number(A)));
        assert_eq!(sign.call.dest[0].0, number(B));
        talk.line.sent.clear();
        talk.line.signed(sign.id);
        let sent = talk.line.one();
        assert_eq!(
            (sent.to().as_str(), sent.value("Identity")),
            ("called", TOKEN)
        );
        assert_eq!(sent.value("Date"), "Fri, 25 Sep 2015 19:12:25 GMT");
        assert_eq!(talk.line.fates(), [MidDialogFate::Signed]);
        talk.line.called(&answer(&sent, "200 OK", ""));
        talk.line.sent.clear();
    }
    talk.line.ends_clean();

    let mut talk = Talk::of_caller(connected(MidDialog::Signed), AnswerStanding::Matching);
    talk.caller("INFO", 10);
    assert!(talk.line.one().values("Identity").is_empty());
    // Nothing is judged where that is not said.
    talk.called("BYE", 10);
    assert_eq!(talk.line.one().to(), "caller");
    assert!(talk.line.questions.is_empty());
}

/// This test verifies that the called's provider does the same the other way round, the caller's key included.
#[test]
fn the_called_side_speaks_and_listens_too() {
    let pinned = Connected {
        pin: Pinning::Key,
        ..connected(MidDialog::Enforced)
    };
    let mut talk = Talk::of_called(pinned);
    talk.called("INVITE", 10);
    let sign = talk.line.signature();
    assert_eq!(sign.call.orig, Some(number(B)));
    assert_eq!(sign.call.dest[0].0, number(A));
    talk.line.sent.clear();
    talk.line.signed(sign.id);
    let sent = talk.line.one();
    assert_eq!(
        (sent.to().as_str(), sent.value("Identity")),
        ("caller", TOKEN)
    );
    talk.line.caller(&answer(&sent, "200 OK", ""));
    talk.line.sent.clear();
    for (sequence, key) in [(20, OTHER_KEY), (21, KEY)] {
        talk.caller("BYE", sequence);
        let (id, call) = talk.line.judged();
        assert_eq!(call.orig, Some(number(A)));
        assert_eq!(call.dest[0].0, number(B));
        talk.line.is(id, Verdict::Passed, Some(key));
        let sent = talk.line.one();
        match key == KEY {
            true => assert_eq!(sent.to(), "called"),
            false => assert_eq!(sent.first_line(), "SIP/2.0 438 Invalid Identity Header"),
        }
    }
}

/// This test verifies that who calls has to prove each request inside the dialog where that is enforced, a BYE as well, and that where it
/// is only reported a caller whose provider signs nothing there can hang up.
#[test]
fn who_calls_has_to_sign_where_that_is_enforced() {
    let mut talk = Talk::of_called(connected(MidDialog::Enforced));
    for (method, verdict, line, why) in [
        (
            "UPDATE",
            OTHER,
            "SIP/2.0 438 Invalid Identity Header",
            Unproven::Mismatch(Fault::OrigMismatch),
        ),
        (
            "BYE",
            Verdict::Unsigned,
            "SIP/2.0 428 Use Identity Header",
            Unproven::Absent,
        ),
    ] {
        talk.caller(method, 10);
        let (id, _) = talk.line.judged();
        talk.line.events.clear();
        talk.line.is(id, verdict, None);
        assert_eq!(talk.line.one().first_line(), line);
        assert_eq!(talk.line.fates(), [MidDialogFate::Rejected(why)]);
    }
    assert_eq!(talk.line.element.calls(), 1);

    let mut talk = Talk::of_called(connected(MidDialog::Reported));
    talk.caller("BYE", 10);
    let (id, _) = talk.line.judged();
    talk.line.events.clear();
    talk.line.is(id, Verdict::Unsigned, None);
    let bye = talk.line.one();
    assert_eq!((bye.to().as_str(), &bye.text[..4]), ("called", "BYE "));
    assert_eq!(talk.line.fates(), [MidDialogFate::Passed(Unproven::Absent)]);
    talk.line.called(&answer(&bye, "200 OK", ""));
    talk.line.ends_clean();
}

/// This test verifies that a caller who does not say who it is is held to what was proven of it when the call began: that it is a user of its
/// domain, or nothing at all, and that it can hang up then.
#[test]
fn whoever_is_anonymous_is_held_to_what_was_proven() {
    const NOBODY: &str = "sip:anonymous@a.example";
    let anonymous = invite().replace("sip:+12025550100@a.example", NOBODY);
    let enforced = || connected(MidDialog::Enforced);

    let mut talk = Talk::from(enforced(), &anonymous, Verdict::Passed);
    talk.caller("BYE", 10);
    let (id, call) = talk.line.judged();
    assert_eq!(call.orig.as_ref().unwrap().to_string(), NOBODY);
    talk.line.is(id, Verdict::Unsigned, None);
    let refused = talk.line.one();
    assert_eq!(refused.first_line(), "SIP/2.0 428 Use Identity Header");

    let unknown = Verdict::of(Fault::CallerUnknown);
    let mut talk = Talk::from(enforced(), &anonymous, unknown);
    talk.caller("BYE", 10);
    assert!(talk.line.questions.is_empty());
    assert_eq!(talk.line.sent().pop().unwrap().to(), "called");
}

/// This test verifies that a BYE of our own is signed to the foreign side and to no other, and goes without when the signature is late.
#[test]
fn our_own_bye_is_signed() {
    let ending = Ending {
        status: 603,
        phrase: "Decline".into(),
        reason: None,
    };
    for is_late in [false, true] {
        let mut talk = Talk::of_caller(connected(MidDialog::Signed), AnswerStanding::Matching);
        let id = talk.line.asked[0];
        talk.line.handle(Input::End {
            id,
            ending: ending.clone(),
        });
        let bye = talk.line.one();
        assert_eq!((bye.to().as_str(), &bye.text[..4]), ("caller", "BYE "));
        assert!(bye.values("Identity").is_empty());
        let sign = talk.line.signature();
        assert_eq!(sign.call.orig, Some(number(A)));
        match is_late {
            true => talk.line.wait(60_000),
            false => talk.line.signed(sign.id),
        }
        let sent = talk.line.sent();
        let byes = sent.iter().filter(|sent| sent.to() == "called");
        let byes: Vec<_> = byes.collect();
        let (fate, identities) = match is_late {
            true => (MidDialogFate::Unsigned(Unsigned::Late), vec![]),
            false => (MidDialogFate::Signed, vec![TOKEN]),
        };
        assert!(byes[0].text.starts_with("BYE "));
        assert_eq!(byes[0].values("Identity"), identities);
        assert_eq!(talk.line.fates(), [fate]);
        talk.line.called(&answer(byes[0], "200 OK", ""));
        talk.line.ends_clean();
    }
}

/// This test verifies that nobody waits forever: without a judgement a request passes as not validated, or is refused where that is enforced.
#[test]
fn the_deadline_ends_the_wait() {
    for (mid_dialog, first_line) in [
        (MidDialog::Reported, "BYE "),
        (MidDialog::Enforced, "SIP/2.0 4"),
    ] {
        let mut talk = Talk::of_caller(connected(mid_dialog), AnswerStanding::Matching);
        talk.called("BYE", 10);
        talk.line.judged();
        let deadline = talk.line.trunk.deadline.as_millis() as u64;
        talk.line.wait(deadline + 100);
        let sent = talk.line.sent();
        let of_bye = sent.iter().find(|sent| !sent.first_line().contains("100"));
        assert!(
            of_bye.unwrap().first_line().starts_with(first_line),
            "{sent:?}"
        );
        let why = Unproven::NotValidated(Fault::DeadlineExpired);
        let fate = match mid_dialog {
            MidDialog::Enforced => MidDialogFate::Rejected(why),
            _ => MidDialogFate::Passed(why),
        };
        assert_eq!(talk.line.fates(), [fate]);
    }
}

/// This test verifies that nothing is asked of a call whose answerer nobody has proven, and of a trunk that does not want it.
#[test]
fn without_a_proven_answer_requests_pass() {
    for (mid_dialog, standing) in [
        (MidDialog::Enforced, AnswerStanding::Absent),
        (
            MidDialog::Enforced,
            AnswerStanding::Unexpected(Fault::OrigMismatch),
        ),
        (MidDialog::Off, AnswerStanding::Matching),
    ] {
        let mut talk = Talk::of_caller(connected(mid_dialog), standing);
        talk.caller("INVITE", 10);
        assert_eq!(talk.line.sent().pop().unwrap().to(), "called");
        talk.line.receive(
            &from_called("BYE", 11, &talk.invite, "callee"),
            CALLED,
            None,
        );
        assert_eq!(talk.line.sent().pop().unwrap().to(), "caller");
        assert!(talk.line.questions.is_empty());
        assert!(talk.line.fates().is_empty());
    }
    assert_ne!(CALLER, CALLED);
}
