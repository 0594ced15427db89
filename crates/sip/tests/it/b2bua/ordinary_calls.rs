//! A call from its INVITE to its BYE, between two dialogs.
//!
//! ```text
//!   caller            b2bua             called
//!     │ INVITE ────────▶│ INVITE ────────▶│   another Call-ID, another tag
//!     │◀──────────── 180│◀──────────── 180│
//!     │◀──────────── 200│◀──────────── 200│
//!     │ ACK ───────────▶│ ACK ───────────▶│
//!     │ BYE ───────────▶│ BYE ───────────▶│   (or the other way round)
//!     │◀──────────── 200│◀──────────── 200│
//! ```

use super::{BODY, Line, answer, from_called, inside, invite};
use countersign_sip::trunk::{B2buaMode, Names};

/// This test verifies that the INVITE crosses with names, Via and Contact of ours and everything else as it came.
#[test]
fn an_invite_goes_on_in_a_dialog_of_ours() {
    let mut line = Line::new();
    let invite = line.invited();
    let (call_id, tag) = (invite.value("Call-ID"), invite.tag("From").unwrap());
    let via = invite.value("Via");
    assert!(
        via.starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK"),
        "{via}"
    );
    assert!(!invite.text.contains("call-1") && !invite.text.contains("tag=caller"));
    assert_eq!(
        invite.text,
        format!(
            "INVITE sip:+12025550101@b.example SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 69\r\n\
             From: \"A\" <sip:+12025550100@a.example>;tag={tag}\r\nTo: <sip:+12025550101@b.example>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:caller@192.0.2.1:5060>;+sip.instance=\"<urn:uuid:1>\"\r\n\
             Supported: 100rel, timer\r\nSession-Expires: 1800;refresher=uac\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        )
    );
}

/// This test verifies that answers come back in the names of the caller, with its Via and Record-Route and a tag of ours.
#[test]
fn answers_come_back_in_the_dialog_of_the_caller() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "100 Trying", ""));
    assert!(line.sent().is_empty(), "100 is for one hop");
    line.called(&answer(&sent, "180 Ringing", "callee"));
    let ringing = line.one();
    line.called(&answer(&sent, "200 OK", "callee"));
    let answered = line.one();
    assert_eq!(ringing.tag("To"), answered.tag("To"));
    let tag = answered.tag("To").unwrap();
    assert_ne!(tag, "callee");
    assert_eq!(
        answered.text,
        format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKone\r\n\
             Record-Route: <sip:192.0.2.11;lr>\r\nFrom: \"A\" <sip:+12025550100@a.example>;tag=caller\r\n\
             Call-ID: call-1@a.example\r\nCSeq: 1 INVITE\r\nTo: <sip:+12025550101@b.example>;tag={tag}\r\n\
             Contact: <sip:called@192.0.2.1:5060>\r\nSession-Expires: 1800;refresher=uac\r\n\
             Content-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        )
    );
}

/// This test verifies that the caller may end the call, and that nothing is left.
#[test]
fn the_caller_hangs_up() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    line.caller(&inside("BYE", 2, &answered));
    let bye = line.one();
    assert_eq!(bye.first_line(), "BYE sip:called@192.0.2.20:5060 SIP/2.0");
    assert_eq!(bye.value("Call-ID"), invite.value("Call-ID"));
    assert_eq!(bye.value("From"), invite.value("From"));
    assert_eq!(bye.tag("To"), Some("callee"));
    assert_eq!(bye.value("CSeq"), "2 BYE");
    assert_eq!(bye.values("Via").len(), 1);
    assert_eq!(bye.body(), BODY);
    line.called(&answer(&bye, "200 OK", ""));
    let done = line.one();
    assert_eq!(
        (done.to().as_str(), done.first_line()),
        ("caller", "SIP/2.0 200 OK")
    );
    assert_eq!(done.value("CSeq"), "2 BYE");
    assert_eq!(done.value("To"), answered.value("To"));
    line.wait(40_000);
    assert_eq!(line.element.calls(), 0);
    line.ends_clean();
}

/// This test verifies that the called, who comes by no trunk, may end the call.
#[test]
fn the_called_hangs_up() {
    let mut line = Line::new();
    let (invite, answered) = line.talking();
    let bye = from_called("BYE", 1, &invite, "callee");
    line.called(&bye);
    let onward = line.one();
    assert_eq!(
        onward.first_line(),
        "BYE sip:caller@192.0.2.10:5060;x=y SIP/2.0"
    );
    assert_eq!(onward.to(), "caller");
    assert_eq!(onward.value("Route"), "<sip:192.0.2.11;lr>");
    assert_eq!(onward.value("Call-ID"), "call-1@a.example");
    assert_eq!(onward.tag("From"), answered.tag("To"));
    assert_eq!(onward.tag("To"), Some("caller"));
    line.caller(&answer(&onward, "200 OK", ""));
    assert_eq!(line.lines(), ["called SIP/2.0 200 OK"]);
    line.called(&bye);
    assert_eq!(
        line.lines(),
        ["called SIP/2.0 200 OK"],
        "and once more if it asks once more"
    );
    line.ends_clean();
}

/// This test verifies that names are kept where that is wanted.
#[test]
fn names_may_be_kept() {
    let mut line = Line::with(B2buaMode {
        names: Names::Kept,
        ..B2buaMode::default()
    });
    let (sent, answered) = line.talking();
    assert_eq!(sent.value("Call-ID"), "call-1@a.example");
    assert_eq!(sent.tag("From"), Some("caller"));
    assert_eq!(sent.values("Via").len(), 1);
    assert_eq!(answered.tag("To"), Some("callee"));
    line.called(&from_called("BYE", 1, &sent, "callee"));
    let bye = line.one();
    assert_eq!(
        (bye.tag("From"), bye.tag("To")),
        (Some("callee"), Some("caller"))
    );
    line.caller(&answer(&bye, "200 OK", ""));
    assert_eq!(line.lines(), ["called SIP/2.0 200 OK"]);
    line.ends_clean();
}

/// This test verifies that a retransmitted INVITE is absorbed, and counted once.
#[test]
fn a_retransmitted_invite_begins_nothing() {
    let mut line = Line::new();
    line.invited();
    line.caller(&invite());
    assert_eq!(line.lines(), ["caller SIP/2.0 100 Trying"]);
    assert_eq!(line.element.calls(), 1);
}
