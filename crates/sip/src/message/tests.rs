//! What parses, what does not, and what can be answered.

use super::*;
use crate::defect::Defect;

fn parse(text: &str) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), Framing::Datagram)
}

fn defect(text: &str) -> Defect {
    parse(text).unwrap_err().defect()
}

const HEAD: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n";

#[test]
fn a_request_is_told_apart() {
    let message =
        parse("INVITE sip:b@h SIP/2.0\r\nTo:\t<sip:b@h> \r\nY:\r\n X \r\nl: 2\r\n\r\nabcd")
            .unwrap();
    assert_eq!(message.method(), Some(Method::Invite));
    assert_eq!(message.request_uri(), Some(b"sip:b@h".as_slice()));
    assert_eq!(message.header(Name::To), Some(b"<sip:b@h>".as_slice()));
    assert_eq!(message.header(Name::Identity), Some(b"X".as_slice()));
    assert_eq!(message.body(), b"ab");
    assert!(
        message.bytes().ends_with(b"ab"),
        "what follows the body is dropped"
    );
    assert_eq!(message.header_count(), 3);
    let line = message.header_at(1).unwrap();
    assert_eq!(line.span.of(message.bytes()), b"Y:\r\n X \r\n");
}

#[test]
fn a_response_is_told_apart() {
    let message = parse("sip/2.0 183 Es l\u{e4}utet\r\nl:0\r\n\r\n").unwrap();
    let StartLine::Response { status, reason } = message.start_line() else {
        panic!("a response");
    };
    assert_eq!((status, reason), (183, "Es l\u{e4}utet".as_bytes()));
    for (text, expected) in [
        ("SIP/2.0 100 \r\n\r\n", b"".as_slice()),
        ("SIP/2.0 100\r\n\r\n", b""),
    ] {
        let message = parse(text).unwrap();
        assert_eq!(
            message.start_line(),
            StartLine::Response {
                status: 100,
                reason: expected
            }
        );
    }
    for code in ["99", "700", "4294967301", "1a0", "+10", ""] {
        assert_eq!(
            defect(&format!("SIP/2.0 {code} X\r\n\r\n")),
            Defect::StatusCode,
            "{code}"
        );
    }
}

#[test]
fn start_lines_are_read_strictly() {
    for line in [
        "INVITE  sip:b@h SIP/2.0",
        "INVITE sip:b@h  SIP/2.0",
        "INVITE sip:b@h SIP/2.0 ",
        "INVITE sip:b @h SIP/2.0",
        "INVITE sip:b@h",
        "INVITE SIP/2.0",
        "INVITE",
        "",
        " INVITE sip:b@h SIP/2.0",
        "INV\u{e4}TE sip:b@h SIP/2.0",
        "INVITE sip:b@h HTTP/1.1",
    ] {
        assert_eq!(
            defect(&format!("{line}\r\n{HEAD}\r\n")),
            Defect::StartLine,
            "{line}"
        );
    }
    assert_eq!(defect("INVITE sip:b@h SIP/7.0\r\n\r\n"), Defect::Version);
}

#[test]
fn line_breaks_are_crlf_and_nothing_else() {
    for text in [
        "INVITE sip:b@h SIP/2.0\nTo: x\n\n",
        "INVITE sip:b@h SIP/2.0\r\nTo: x\nP-Asserted-Identity: <sip:b@h>\r\n\r\n",
        "INVITE sip:b@h SIP/2.0\r\nTo: x\rFrom: y\r\n\r\n",
    ] {
        assert_eq!(defect(text), Defect::BareLineBreak);
    }
    for text in [
        "",
        "INVITE sip:b@h SIP/2.0\r\nTo: x\r\n",
        "INVITE sip:b@h SIP/2.0\r\nTo: x\r",
    ] {
        assert_eq!(defect(text), Defect::Truncated);
    }
}

#[test]
fn content_length_rules_the_body() {
    let with = |length: &str| parse(&format!("INVITE sip:b@h SIP/2.0\r\n{HEAD}{length}\r\nbody"));
    assert_eq!(with("").unwrap().body(), b"body");
    assert_eq!(with("Content-Length: 3\r\n").unwrap().body(), b"bod");
    assert_eq!(
        with("l: 3\r\nContent-Length: 3\r\n").unwrap().body(),
        b"bod"
    );
    for (header, expected) in [
        ("l: 5\r\n", Defect::BodyTooShort),
        ("l: 3\r\nl: 4\r\n", Defect::ContentLengthConflict),
        ("l: -3\r\n", Defect::ContentLengthMalformed),
        ("l: 99999999999\r\n", Defect::ContentLengthMalformed),
        ("l:\r\n", Defect::ContentLengthMalformed),
        ("l: 3, 3\r\n", Defect::ContentLengthMalformed),
    ] {
        let error = with(header).unwrap_err();
        assert_eq!(error.defect(), expected, "{header}");
        assert!(error.answerable().is_some(), "{header}");
    }
    let stream = format!("INVITE sip:b@h SIP/2.0\r\n{HEAD}\r\n");
    let error = Message::parse(stream.into(), Framing::Stream).unwrap_err();
    assert_eq!(error.defect(), Defect::ContentLengthMissing);
}

#[test]
fn an_answer_needs_what_it_copies() {
    let answerable = |text: String| parse(&text).unwrap_err().answerable().is_some();
    assert!(answerable(format!("INVITE sip:b@h SIP/7.0\r\n{HEAD}\r\n")));
    assert!(answerable(format!(
        "INVITE sip:b@h SIP/2.0\r\nbad line\r\n{HEAD}\r\n"
    )));
    assert!(!answerable(format!("ACK sip:b@h SIP/7.0\r\n{HEAD}\r\n")));
    assert!(!answerable(format!("SIP/7.0 200 OK\r\n{HEAD}\r\n")));
    for missing in ["Via", "CSeq"] {
        let head = HEAD.replace(&format!("{missing}:"), "X:");
        assert!(
            !answerable(format!("INVITE sip:b@h SIP/7.0\r\n{head}\r\n")),
            "{missing}"
        );
    }
}

#[test]
fn limits_hold() {
    let many = |count| format!("INVITE sip:b@h SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert_eq!(
        parse(&many(MAX_HEADERS)).unwrap().header_count(),
        MAX_HEADERS
    );
    assert_eq!(defect(&many(MAX_HEADERS + 1)), Defect::TooManyHeaders);
    let long = |length: usize| {
        let head = "INVITE sip:b@h SIP/2.0\r\n\r\n";
        format!("{head}{}", "x".repeat(length - head.len()))
    };
    assert_eq!(
        parse(&long(MAX_MESSAGE)).unwrap().bytes().len(),
        MAX_MESSAGE
    );
    assert_eq!(defect(&long(MAX_MESSAGE + 1)), Defect::TooLarge);
}

#[test]
fn a_fold_of_a_bad_line_is_not_a_fold_of_the_line_before() {
    let error = parse("INVITE sip:b@h SIP/2.0\r\nVia: a\r\nbad\r\n ;x=y\r\nFrom: f\r\nTo: t\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n").unwrap_err();
    assert_eq!(error.defect(), Defect::HeaderName);
    assert_eq!(
        error.answerable().unwrap().header(Name::Via),
        Some(b"a".as_slice())
    );
}

#[test]
fn spans_of_foreign_slices_are_not_given() {
    let message = parse("INVITE sip:b@h SIP/2.0\r\nTo: x\r\n\r\n").unwrap();
    let to = message.header(Name::To).unwrap();
    assert_eq!(message.span_of(to).unwrap().of(message.bytes()), b"x");
    assert_eq!(message.span_of(b"elsewhere"), None);
}
