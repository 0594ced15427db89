//! Answers that come when the call is over. Found by `bad_dialogs`.
//!
//! ```text
//!   caller            b2bua             called
//!     │◀──────────── 200│◀──────────── 200│
//!     │ ACK ───────────▶│ ACK ───────────▶│
//!     │ BYE ───────────▶│ BYE ───────────▶│
//!     │◀──────────── 200│◀──────────── 200│
//!     │                 │◀──────────── 200│   the first once more, late or doubled
//! ```

use super::{Line, answer, from_called, inside};

/// This test verifies that a 2xx of a dialog that is over begins it no more: the called gets its ACK, and no call is left.
#[test]
fn a_2xx_that_comes_once_more_begins_no_call_anew() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.caller(&inside("BYE", 2, &answered));
    let bye = line.one();
    line.called(&answer(&bye, "200 OK", "callee"));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    assert_eq!(line.ended().len(), 1);

    line.called(&answer(&invite, "200 OK", "callee"));

    assert_eq!(
        line.lines(),
        [
            "caller SIP/2.0 200 OK",
            "called ACK sip:called@192.0.2.20:5060 SIP/2.0"
        ]
    );
    line.caller(&inside("INFO", 3, &answered));
    let lines = line.lines();
    assert_eq!(
        lines,
        ["caller SIP/2.0 481 Call/Transaction Does Not Exist"]
    );
    line.ends_clean();
    assert!(line.ended().is_empty(), "it ended once");
}

/// This test verifies that the answer to a request that was under way when its call ended goes back all the same, and so does that to a
/// BYE that crossed another, long after the INVITE was forgotten.
#[test]
fn a_request_that_was_under_way_when_its_call_ended_gets_its_answer() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.wait(3_600_000 / 4);
    line.caller(&inside("INFO", 2, &answered));
    let info = line.one();
    line.caller(&inside("BYE", 3, &answered));
    let there = line.one();
    line.called(&from_called("BYE", 1, &invite, "callee"));
    let back = line.one();
    line.called(&answer(&there, "200 OK", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    assert_eq!((line.element.calls(), line.ended().len()), (0, 1));

    line.called(&answer(&info, "200 OK", "callee"));
    line.caller(&answer(&back, "200 OK", ""));

    let answers = line.sent();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].value("CSeq"), "2 INFO");
    assert_eq!(answers[0].first_line(), "SIP/2.0 200 OK");
    assert_eq!(answers[1].to(), "called");
    assert_eq!(answers[1].first_line(), "SIP/2.0 200 OK");
    line.called(&from_called("BYE", 1, &invite, "callee"));
    assert_eq!(line.lines(), ["called SIP/2.0 200 OK"], "and once more");
    line.ends_clean();
}
