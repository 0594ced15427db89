//! What only one with two dialogs can do: hold an answer until the host has seen it, refuse it, end a call.
//!
//! ```text
//!   caller            b2bua             called
//!     │                 │◀──────────── 200│
//!     │     host: may it pass?            │
//!     │◀──────────── 603│ ACK, BYE ──────▶│   no
//! ```

use super::{Line, Sent, answer, from_called, inside, invite};
use countersign_sip::element::{ContextId, EndedBy, Ending, Input};
use countersign_sip::trunk::{Answers, B2buaMode, Names};
use std::time::Duration;

const REASON: &str = "STIR;cause=603;text=\"spoofed\"";

fn holding() -> Line {
    Line::with(B2buaMode {
        answers: Answers::Held,
        ..B2buaMode::default()
    })
}

fn ending() -> Ending {
    Ending {
        status: 603,
        phrase: "Decline".into(),
        reason: Some(REASON.into()),
    }
}

fn end(line: &mut Line, id: ContextId) -> Vec<Sent> {
    let ending = ending();
    line.handle(Input::End { id, ending });
    line.sent()
}

fn lines(sent: &[Sent]) -> Vec<String> {
    let line = |sent: &Sent| format!("{} {}", sent.to(), sent.first_line());
    sent.iter().map(line).collect()
}

const ACK: &str = "called ACK sip:called@192.0.2.20:5060 SIP/2.0";
const BYE: &str = "called BYE sip:called@192.0.2.20:5060 SIP/2.0";
const NEAR_BYE: &str = "caller BYE sip:caller@192.0.2.10:5060;x=y SIP/2.0";

/// This test verifies that the host is asked about an answer with the whole of it, and that it passes when the host says so.
#[test]
fn an_answer_waits_for_the_host() {
    let mut line = holding();
    let sent = line.invited();
    line.called(&answer(&sent, "180 Ringing", "callee"));
    assert_eq!(
        line.lines(),
        ["caller SIP/2.0 180 Ringing"],
        "only answers are held"
    );
    let text = answer(&sent, "200 OK", "callee");
    line.called(&text);
    line.called(&text);
    assert_eq!(line.lines(), [""; 0]);
    assert_eq!(line.answered.len(), 1, "asked once");
    assert_eq!(line.answered[0].response.bytes(), text.as_bytes());
    line.handle(Input::Release(line.answered[0].id));
    let answered = line.one();
    assert_eq!(answered.first_line(), "SIP/2.0 200 OK");
    line.handle(Input::Release(line.answered[0].id));
    line.wait(1_000);
    assert_eq!(line.lines(), [""; 0], "passed once");
    line.called(&text);
    assert_eq!(
        line.one().text,
        answered.text,
        "what comes later is no question any more"
    );
    line.caller(&inside("ACK", 1, &answered));
    assert_eq!(line.lines(), [ACK]);
}

/// This test verifies that an answer about which nobody says anything passes at the deadline of the trunk.
#[test]
fn an_answer_waits_no_longer_than_the_deadline() {
    let mut line = holding();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee"));
    line.wait(499);
    assert_eq!(line.lines(), [""; 0]);
    line.wait(1);
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    let id = line.answered[0].id;
    assert_eq!(
        lines(&end(&mut line, id)),
        [ACK, BYE],
        "too late to refuse, not to end"
    );
}

/// This test verifies that a refused answer is acknowledged and ended at the far side, once, and that the caller gets the refusal.
#[test]
fn a_refused_answer_is_ended() {
    let mut line = holding();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee"));
    let id = line.answered[0].id;
    let refused = end(&mut line, id);
    assert_eq!(lines(&refused), [ACK, BYE, "caller SIP/2.0 603 Decline"]);
    let (ack, bye) = (&refused[0], &refused[1]);
    assert_eq!((ack.value("CSeq"), bye.value("CSeq")), ("1 ACK", "2 BYE"));
    for request in [ack, bye] {
        assert_eq!(request.value("Call-ID"), sent.value("Call-ID"));
        assert_eq!(request.value("From"), sent.value("From"));
        assert_eq!(request.tag("To"), Some("callee"));
    }
    assert_eq!(bye.value("Reason"), REASON);
    assert_eq!(refused[2].value("Reason"), REASON);
    line.called(&answer(&sent, "200 OK", "callee"));
    assert_eq!(
        line.lines(),
        [ACK],
        "the ACK was lost; the BYE repeats itself"
    );
    line.called(&from_called("BYE", 1, &sent, "callee"));
    assert_eq!(
        line.lines(),
        ["called SIP/2.0 481 Call/Transaction Does Not Exist"],
        "there is no such dialog any more"
    );
    line.called(&answer(bye, "200 OK", ""));
    assert_eq!(line.lines(), [""; 0], "it is for us");
    assert_eq!(line.ended().len(), 0, "to the caller it never was a call");
    line.ends_clean();
}

/// This test verifies that a caller who gives up while its answer is held gets 487, and the called a BYE.
#[test]
fn a_caller_gives_up_while_its_answer_is_held() {
    let mut line = holding();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee"));
    let text = invite();
    let head = text.split("Contact:").next().unwrap();
    let cancel = format!(
        "{}Content-Length: 0\r\n\r\n",
        head.replace("INVITE", "CANCEL")
    );
    line.caller(&cancel);
    assert_eq!(
        line.lines(),
        [
            "caller SIP/2.0 200 OK",
            ACK,
            BYE,
            "caller SIP/2.0 487 Request Terminated"
        ]
    );
    line.handle(Input::Release(line.answered[0].id));
    assert_eq!(line.lines(), [""; 0]);
    line.ends_clean();
}

/// This test verifies that a call that rings is cancelled and answered, and that an answer that crosses the CANCEL is ended.
#[test]
fn a_ringing_call_is_ended() {
    let mut line = holding();
    let sent = line.asked();
    line.called(&answer(&sent, "180 Ringing", "callee"));
    line.sent();
    let id = line.asked[0];
    let ended = end(&mut line, id);
    assert_eq!(
        lines(&ended),
        [
            "called CANCEL sip:+12025550101@b.example SIP/2.0",
            "caller SIP/2.0 603 Decline"
        ]
    );
    assert_eq!(ended[0].value("Reason"), REASON);
    line.called(&answer(&sent, "200 OK", "callee"));
    assert_eq!(line.lines(), [ACK, BYE]);
    assert!(line.answered.is_empty(), "nobody is asked");
    line.ends_clean();
}

/// This test verifies that a call that nobody has heard of is cancelled as soon as it is heard of.
#[test]
fn a_call_is_ended_before_anybody_answers() {
    let mut line = Line::new();
    let sent = line.asked();
    let id = line.asked[0];
    assert_eq!(lines(&end(&mut line, id)), ["caller SIP/2.0 603 Decline"]);
    line.called(&answer(&sent, "180 Ringing", "callee"));
    assert_eq!(
        line.lines(),
        ["called CANCEL sip:+12025550101@b.example SIP/2.0"],
        "and it rings nowhere"
    );
    line.called(&answer(&sent, "487 Request Terminated", "callee"));
    line.ends_clean();
}

/// This test verifies that a call that was answered gets a BYE on both sides, each in its own names and numbers.
#[test]
fn a_call_is_ended_on_both_sides() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    let id = line.finished()[0].id;
    line.caller(&inside("INFO", 41, &answered));
    line.called(&from_called("INFO", 71, &invite, "callee"));
    let infos = line.sent();
    line.called(&answer(&infos[0], "200 OK", ""));
    line.caller(&answer(&infos[1], "200 OK", ""));
    line.sent();
    let byes = end(&mut line, id);
    assert_eq!(lines(&byes), [BYE, NEAR_BYE]);
    assert_eq!(
        (byes[0].value("CSeq"), byes[1].value("CSeq")),
        ("42 BYE", "72 BYE")
    );
    assert_eq!(byes[0].value("Call-ID"), invite.value("Call-ID"));
    assert_eq!(byes[1].value("Call-ID"), "call-1@a.example");
    assert_eq!(byes[1].value("Route"), "<sip:192.0.2.11;lr>");
    assert_eq!(byes[1].tag("From"), answered.tag("To"));
    assert_eq!(byes[1].value("To"), answered.value("From"));
    assert_eq!(byes[1].value("Reason"), REASON);
    line.wait(600);
    assert_eq!(line.lines(), [BYE, NEAR_BYE], "until they are answered");
    line.called(&answer(&byes[0], "200 OK", ""));
    line.caller(&answer(&byes[1], "481 Call/Transaction Does Not Exist", ""));
    line.wait(2_000);
    assert_eq!(line.lines(), [""; 0]);
    let ended = line.ended();
    assert_eq!(
        (ended.len(), ended[0].by, ended[0].id),
        (1, EndedBy::Host, id)
    );
    assert_eq!(&*ended[0].call_id, b"call-1@a.example");
    assert_eq!(lines(&end(&mut line, id)), [""; 0], "once");
    line.ends_clean();
}

/// This test verifies that a caller that has not acknowledged is told to hang up only when it has: RFC 3261 §15.
#[test]
fn a_caller_acknowledges_before_it_is_told() {
    for acknowledges in [true, false] {
        let mut line = Line::new();
        let sent = line.invited();
        let text = answer(&sent, "200 OK", "callee");
        line.called(&text);
        let answered = line.one();
        let id = line.finished()[0].id;
        assert_eq!(lines(&end(&mut line, id)), [ACK, BYE]);
        line.called(&text);
        assert_eq!(line.lines(), ["caller SIP/2.0 200 OK", ACK]);
        if acknowledges {
            line.caller(&inside("ACK", 1, &answered));
            assert_eq!(line.lines(), [NEAR_BYE]);
        } else {
            line.wait(31_000);
            assert!(!line.lines().contains(&NEAR_BYE.to_owned()));
            line.wait(1_100);
            assert!(line.lines().contains(&NEAR_BYE.to_owned()));
        }
        line.ends_clean();
    }
}

/// This test verifies that a call is ended that lasts longer than any may, though both ends are silent.
#[test]
fn the_longest_call_is_ended() {
    let mut line = Line::with(B2buaMode {
        longest_call: Duration::from_secs(7_200),
        ..B2buaMode::default()
    });
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee").replace("Session-Expires", "X-Session"));
    let answered = line.one();
    line.caller(&inside("ACK", 1, &answered));
    line.sent();
    line.wait(7_199_000);
    assert_eq!(line.lines(), [""; 0]);
    line.wait(1_100);
    assert_eq!(line.lines()[..2], [BYE, NEAR_BYE]);
    let ended = line.ended();
    assert_eq!(
        (ended[0].by, ended[0].lasted.as_secs()),
        (EndedBy::Time, 7_200)
    );
    line.ends_clean();
}

/// This test verifies that a call whose session timer is not refreshed is ended, and one that is refreshed goes on: RFC 4028.
#[test]
fn a_session_that_is_not_refreshed_is_ended() {
    let mut line = Line::new();
    let (_, answered) = line.talking();
    for number in 2..5 {
        line.wait(900_000);
        line.caller(&inside("UPDATE", number, &answered));
        let update = line.one();
        line.called(&answer(&update, "200 OK", ""));
        line.sent();
    }
    line.wait(1_800_000 + 31_000);
    let mut all = line.lines();
    all.retain(|line| line.contains("BYE"));
    assert_eq!(all, [""; 0], "the ends have time to find out themselves");
    line.wait(2_000);
    assert_eq!(line.lines()[..2], [BYE, &NEAR_BYE.replace(";x=y", "")]);
    assert_eq!(line.ended()[0].by, EndedBy::Time);
    line.ends_clean();
}

/// This test verifies that a session is refreshed by the called as well, whatever the names of the call are on the other side.
#[test]
fn a_session_that_the_called_refreshes_goes_on() {
    for names in [Names::Kept, Names::Mapped] {
        for method in ["UPDATE", "INVITE"] {
            let mut line = Line::with(B2buaMode {
                names,
                ..B2buaMode::default()
            });
            let (invite, _) = line.talking();
            for number in 2..5 {
                line.wait(900_000);
                line.called(&from_called(method, number, &invite, "callee"));
                let refresh = line.sent().pop().unwrap();
                assert!(refresh.first_line().starts_with(method), "{refresh:?}");
                line.caller(&answer(&refresh, "200 OK", ""));
                line.called(&from_called("ACK", number, &invite, "callee"));
            }
            line.wait(1_800_000 + 31_000);
            let mut all = line.lines();
            all.retain(|line| line.contains("BYE"));
            assert_eq!(all, [""; 0], "{names:?} {method}");
            line.wait(2_000);
            assert_eq!(line.ended()[0].by, EndedBy::Time);
            line.ends_clean();
        }
    }
}

/// This test verifies that a call that was updated while it rang and never answered leaves nothing: RFC 3311.
#[test]
fn an_update_answers_no_call() {
    for refusal in ["486 Busy Here", "487 Request Terminated"] {
        let mut line = Line::new();
        let sent = line.invited();
        line.called(&answer(&sent, "183 Session Progress", "callee"));
        let early = line.one();
        for (number, method) in [(2, "PRACK"), (3, "UPDATE")] {
            line.caller(&inside(method, number, &early));
            let there = line.one();
            line.called(&answer(&there, "200 OK", ""));
            line.sent();
        }
        line.called(&from_called("UPDATE", 1, &sent, "callee"));
        let there = line.one();
        line.caller(&answer(&there, "200 OK", ""));
        line.called(&answer(&sent, refusal, "callee"));
        line.wait(40_000);
        assert_eq!(line.element.calls(), 0, "{refusal}");
        assert_eq!(line.ended().len(), 0, "there was no call that could end");
        line.ends_clean();
    }
}

/// This test verifies that an answer whose way is too long to be remembered is hung up, and the caller is told, held or not.
#[test]
fn an_answer_without_room_is_refused() {
    for mut line in [Line::new(), holding()] {
        let sent = line.invited();
        let long = format!(
            "Record-Route: <sip:{}.example;lr>\r\nContact:",
            "x".repeat(17_000)
        );
        let text = answer(&sent, "200 OK", "callee").replace("Contact:", &long);
        line.called(&text);
        if let Some(held) = line.answered.first() {
            line.handle(Input::Release(held.id));
        }
        assert_eq!(line.lines(), [ACK, BYE, "caller SIP/2.0 502 Bad Gateway"]);
        line.called(&text);
        assert_eq!(line.lines(), [ACK], "the ACK was lost");
        line.called(&text.replace("callee", "other"));
        assert_eq!(line.lines(), [""; 0], "no more than one is remembered");
        line.ends_clean();
    }
}

/// This test verifies that an answer of a dialog that the caller has ended while it rang is hung up: RFC 3261 §15.
#[test]
fn an_answer_after_the_caller_hung_up_is_refused() {
    for mut line in [Line::new(), holding()] {
        let sent = line.invited();
        line.called(&answer(&sent, "180 Ringing", "callee"));
        let early = line.one();
        line.caller(&inside("BYE", 2, &early));
        let bye = line.one();
        line.called(&answer(&bye, "200 OK", ""));
        line.sent();
        let text = answer(&sent, "200 OK", "callee");
        line.called(&text);
        let refused = line.sent();
        assert_eq!(
            lines(&refused),
            [ACK, BYE, "caller SIP/2.0 487 Request Terminated"]
        );
        assert_eq!(refused[1].value("CSeq"), "3 BYE");
        line.called(&text);
        assert_eq!(line.lines(), [ACK]);
        assert_eq!(line.ended().len(), 0, "it was never answered");
        line.ends_clean();
    }
}
