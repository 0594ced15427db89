//! A far side that forks: several dialogs of one INVITE, each two.
//!
//! ```text
//!   caller            b2bua             called, on two phones
//!     │◀── 180 tag x ───│◀── 180 tag one ─│
//!     │◀── 180 tag y ───│◀── 180 tag two ─│
//!     │◀── 200 tag y ───│◀── 200 tag two ─│
//! ```

use super::{Line, answer, from_called, inside};

/// This test verifies that each phone is a dialog of its own to the caller, and each is reached by its own tag.
#[test]
fn each_phone_has_a_dialog() {
    let mut line = Line::new();
    let sent = line.invited();
    let at = |text: String, phone: &str| text.replace("sip:called@", &format!("sip:{phone}@"));
    line.called(&at(answer(&sent, "180 Ringing", "one"), "one"));
    line.called(&at(answer(&sent, "183 Session Progress", "two"), "two"));
    let early = line.sent();
    assert_ne!(early[0].tag("To"), early[1].tag("To"));
    for (phone, early) in ["one", "two"].iter().zip(&early) {
        line.caller(&inside("UPDATE", 2, early).replace("UPDATE2", &format!("U{phone}")));
        let update = line.one();
        assert_eq!(update.tag("To"), Some(*phone));
        assert_eq!(
            update.first_line(),
            format!("UPDATE sip:{phone}@192.0.2.20:5060 SIP/2.0")
        );
    }
    line.called(&answer(&sent, "200 OK", "two"));
    let answered = line.one();
    assert_eq!(answered.tag("To"), early[1].tag("To"));
    line.caller(&inside("ACK", 1, &answered));
    assert_eq!(line.one().tag("To"), Some("two"));
    line.wait(40_000);
    line.sent();
    line.called(&from_called("BYE", 1, &sent, "one"));
    assert_eq!(
        line.lines(),
        [""; 0],
        "a phone that was not answered has no dialog left"
    );
    line.called(&from_called("BYE", 1, &sent, "two"));
    assert_eq!(line.one().to(), "caller");
    line.wait(40_000);
    line.ends_clean();
}

/// This test verifies that two phones that both answer are two calls to the caller, who hangs one up.
#[test]
fn two_phones_answer() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "one"));
    line.called(&answer(&sent, "200 OK", "two"));
    let answers = line.sent();
    assert_eq!(answers.len(), 2);
    for answered in &answers {
        line.caller(&inside("ACK", 1, answered));
    }
    line.sent();
    line.caller(&inside("BYE", 2, &answers[0]));
    let bye = line.one();
    assert_eq!(bye.tag("To"), Some("one"));
    line.called(&answer(&bye, "200 OK", ""));
    line.sent();
    assert_eq!((line.element.calls(), line.ended().len()), (1, 0));
    line.called(&from_called("INFO", 1, &sent, "two"));
    assert_eq!(line.one().tag("From"), answers[1].tag("To"));
}

/// This test verifies that a swarm of phones is bounded.
#[test]
fn a_swarm_of_phones_is_bounded() {
    let mut line = Line::new();
    let sent = line.invited();
    for phone in 0..100 {
        line.called(&answer(&sent, "180 Ringing", &format!("phone{phone}")));
    }
    assert_eq!(line.sent().len(), 16);
    line.called(&answer(&sent, "603 Decline", "phone1"));
    line.ends_clean();
}

/// This test verifies that of a swarm of phones the last one may accept, though no more may ring.
#[test]
fn the_last_of_a_swarm_accepts() {
    let mut line = Line::new();
    let sent = line.invited();
    for phone in 0..16 {
        line.called(&answer(&sent, "180 Ringing", &format!("phone{phone}")));
    }
    let early = line.sent();
    line.called(&answer(&sent, "200 OK", "last"));
    let answered = line.one();
    assert_eq!(answered.first_line(), "SIP/2.0 200 OK");
    line.caller(&inside("ACK", 1, &answered));
    assert_eq!(line.one().tag("To"), Some("last"));
    line.caller(&inside("UPDATE", 2, &early[0]));
    assert!(line.one().first_line().starts_with("SIP/2.0 481"));
    line.caller(&inside("UPDATE", 3, &early[1]));
    assert_eq!(line.one().tag("To"), Some("phone1"));
    line.caller(&inside("BYE", 4, &answered));
    let bye = line.one();
    line.called(&answer(&bye, "200 OK", ""));
    line.ends_clean();
}
