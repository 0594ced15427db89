//! The 12 messages of RFC 5118 with IPv6 in them, each with the verdict of its section.
//!
//! This test verifies that brackets, ports and addresses are read as §4 says, and that the corrected grammar of RFC 5954 is used.
//! The RFC prints its messages; what is on the wire differs from it in [`on_the_wire`]'s three points.

use crate::torture::{Verdict, all_are_judged, read, verdict};
use Verdict::{Accepted, Answered};
use bytes::Bytes;
use countersign_sip::defect::Defect;
use countersign_sip::message::{Framing, Message};
use countersign_sip::uri::{SipUri, Uri};

const EXPECTED: &[(&str, Verdict)] = &[
    ("ipv6-good", Accepted),
    ("ipv6-bad", Answered(400, Defect::RequestUri)),
    ("port-ambiguous", Accepted),
    ("port-unambiguous", Accepted),
    ("via-received-param-with-delim", Accepted),
    ("via-received-param-no-delim", Accepted),
    ("ipv6-in-sdp", Accepted),
    ("mult-ip-in-header", Accepted),
    ("mult-ip-in-sdp", Accepted),
    ("ipv4-mapped-ipv6", Accepted),
    // Valid only by the mistake in RFC 3261 that RFC 5954 §4.1 corrects.
    ("ipv6-bug-abnf-3-colons", Answered(400, Defect::RequestUri)),
    ("ipv6-correct-abnf-2-colons", Accepted),
];

/// A printed message as it is sent: lines end with CRLF; the empty line is there where the page leaves it out (§4.10); and
/// Content-Length tells the body as it is printed (§4.6 has 268 over 251 octets).
fn on_the_wire(printed: Bytes) -> Bytes {
    let mut text = crlf(&printed);
    if !text.contains("\r\n\r\n") {
        text.push_str("\r\n");
    }
    text.replace("Content-Length: 268\r\n", "Content-Length: 251\r\n")
        .into()
}

fn crlf(printed: &Bytes) -> String {
    let text = std::str::from_utf8(printed).unwrap();
    assert!(!text.contains('\r'));
    text.replace('\n', "\r\n")
}

#[test]
fn as_printed_some_are_refused() {
    for (file, expected) in [
        ("ipv6-in-sdp", Answered(400, Defect::BodyTooShort)),
        (
            "ipv6-correct-abnf-2-colons",
            Answered(400, Defect::Truncated),
        ),
    ] {
        assert_eq!(
            verdict(crlf(&read("rfc5118", file)).into()),
            expected,
            "{file}"
        );
    }
}

#[test]
fn every_message_has_the_verdict_of_its_section() {
    all_are_judged("rfc5118", EXPECTED, on_the_wire);
}

fn message(file: &str) -> Message {
    Message::parse(on_the_wire(read("rfc5118", file)), Framing::Datagram).unwrap()
}

fn request_uri(message: &Message) -> SipUri<'_> {
    match Uri::parse(message.request_uri().unwrap()) {
        Ok(Uri::Sip(uri)) => uri,
        other => panic!("a SIP URI, not {other:?}"),
    }
}

#[test]
fn sections_4_3_and_4_4_what_stands_in_brackets_is_no_port() {
    let ambiguous = message("port-ambiguous");
    let uri = request_uri(&ambiguous);
    assert_eq!(
        (uri.host, uri.port),
        (b"[2001:db8::10:5070]".as_slice(), None)
    );
    let unambiguous = message("port-unambiguous");
    let uri = request_uri(&unambiguous);
    assert_eq!(
        (uri.host, uri.port),
        (b"[2001:db8::10]".as_slice(), Some(5070))
    );
}

#[test]
fn section_4_5_received_has_brackets_or_not() {
    for file in [
        "via-received-param-with-delim",
        "via-received-param-no-delim",
    ] {
        let message = message(file);
        let received = message.top_via().unwrap().received();
        assert_eq!(received, Some("2001:db8::9:255".parse().unwrap()), "{file}");
    }
}

#[test]
fn sections_4_7_and_4_9_old_and_new_addresses_side_by_side() {
    let hosts = |file| {
        let message = message(file);
        let hosts = message
            .vias()
            .map(|via| via.unwrap().host_address().unwrap().to_string());
        hosts.collect::<Vec<_>>()
    };
    assert_eq!(
        hosts("mult-ip-in-header"),
        ["2001:db8::9:1", "192.0.2.1", "2001:db8::9:255"]
    );
    assert_eq!(
        hosts("ipv4-mapped-ipv6"),
        ["::ffff:192.0.2.10", "::ffff:192.0.2.2"]
    );
}
