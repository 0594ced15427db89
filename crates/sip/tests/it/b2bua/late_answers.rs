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

use super::{Line, answer, inside};
use countersign_sip::element::{Ending, Input};

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

/// This test verifies RFC 3261 §15.1.2: "It is RECOMMENDED that a 487 (Request Terminated) response be generated to those pending
/// requests."
#[test]
fn a_request_that_was_under_way_when_its_call_ended_gets_487() {
    let mut line = Line::new();
    let (_, answered) = line.talking();
    let id = line.finished()[0].id;
    line.wait(40_000);
    line.caller(&inside("INFO", 2, &answered));
    let info = line.one();
    line.handle(Input::End {
        id,
        ending: Ending {
            status: 603,
            phrase: "Decline".into(),
            reason: None,
        },
    });
    assert_eq!(line.sent().len(), 2, "a BYE for each side");

    line.called(&answer(&info, "200 OK", "callee"));

    assert_eq!(line.lines(), ["caller SIP/2.0 487 Request Terminated"]);
    line.ends_clean();
}
