//! What we answer ourselves, RFC 3261 §8.2.6.
//!
//! ```text
//!     caller ── request ──▶ us
//!     caller ◀─ response ── us      Via, From, Call-ID, CSeq as they came; To with our tag
//! ```
//!
//! This test verifies that a response is made of its request and nothing else.

use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::response::{ToTag, build};

fn request(to: &str) -> Message {
    let text = format!(
        "INVITE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP one;branch=z9hG4bK1,\r\n SIP/2.0/UDP two\r\nRecord-Route: <sip:r;lr>\r\n\
         Via: SIP/2.0/TCP three\r\nt: {to}\r\nFrom:   \"A\" <sip:a@h> ; tag=1\r\ni: c@h\r\nCSeq:  7  INVITE\r\n\
         Timestamp: 54\r\nSubject: not copied\r\n\r\nbody"
    );
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn answer(to: &str, status: u16, tag: ToTag<'_>, extra: &[(&str, &[u8])]) -> String {
    let bytes = build(&request(to), status, "Reason", tag, extra);
    String::from_utf8(bytes.to_vec()).unwrap()
}

const OURS: ToTag<'_> = ToTag::Ours(b"ours");

#[test]
fn section_8_2_6_2_what_is_copied_and_what_is_added() {
    let expected = "SIP/2.0 400 Reason\r\nVia: SIP/2.0/UDP one;branch=z9hG4bK1,\r\n SIP/2.0/UDP two\r\nVia: SIP/2.0/TCP three\r\n\
                    From: \"A\" <sip:a@h> ; tag=1\r\nCall-ID: c@h\r\nCSeq: 7  INVITE\r\nTo: <sip:b@h>;tag=ours\r\n\
                    Unsupported: x\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(
        answer("<sip:b@h>", 400, OURS, &[("Unsupported", b"x")]),
        expected
    );
}

#[test]
fn section_12_1_1_the_route_back_is_recorded_where_a_dialog_may_begin() {
    for (status, recorded) in [
        (100, false),
        (180, true),
        (200, true),
        (302, false),
        (438, false),
    ] {
        let answer = answer("<sip:b@h>", status, OURS, &[]);
        assert_eq!(
            answer.contains("\r\nRecord-Route: <sip:r;lr>\r\n"),
            recorded,
            "{status}"
        );
    }
}

#[test]
fn section_8_2_6_1_a_100_has_the_timestamp_and_needs_no_tag() {
    let trying = answer("<sip:b@h>", 100, ToTag::None, &[]);
    assert!(trying.contains("\r\nTo: <sip:b@h>\r\n") && trying.contains("\r\nTimestamp: 54\r\n"));
    assert!(!answer("<sip:b@h>", 180, OURS, &[]).contains("Timestamp"));
}

#[test]
fn a_tag_is_not_added_to_a_tag_nor_to_what_cannot_be_read() {
    for to in [
        "<sip:b@h>;tag=theirs",
        "sip:b@h;TAG=theirs",
        "\"open <sip:b@h>",
        "<sip:b@h",
    ] {
        assert!(
            answer(to, 400, OURS, &[]).contains(&format!("\r\nTo: {to}\r\n")),
            "{to}"
        );
    }
    for (to, expected) in [
        ("sip:b@h", "sip:b@h;tag=ours"),
        (
            "\"tag=\" <sip:b@h;tag=x>",
            "\"tag=\" <sip:b@h;tag=x>;tag=ours",
        ),
    ] {
        assert!(
            answer(to, 400, OURS, &[]).contains(&format!("\r\nTo: {expected}\r\n")),
            "{to}"
        );
    }
}

#[test]
fn nothing_of_the_caller_breaks_a_line() {
    let request = request("<sip:b@h>");
    let answer = build(
        &request,
        603,
        "No\r\nX: 1",
        OURS,
        &[("Reason", b"a\r\nContact: <sip:x>"), ("Server", b"a\r\n b")],
    );
    let answer = Message::parse(answer, Framing::Stream).unwrap();
    assert_eq!(answer.header(Name::Contact), None);
    assert_eq!(answer.header(Name::Reason), None);
    assert_eq!(answer.header(Name::Server), Some(b"a\r\n b".as_slice()));
    assert_eq!(answer.headers_named("X").count(), 0);
}
