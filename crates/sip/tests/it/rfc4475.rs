//! The 49 torture messages of RFC 4475, each with the verdict of its section.
//!
//! This test verifies that each is accepted, answered or dropped as the RFC says, and that what the RFC wants seen in it is seen.
//! What only a proxy, registrar or end point can judge is accepted here; the remark says whose it is.

use crate::torture::{Verdict, all_are_judged, read, verdict};
use Verdict::{Accepted, Answered, Dropped};
use countersign::call::DateHeader;
use countersign_sip::defect::Defect;
use countersign_sip::header::Branch;
use countersign_sip::message::{Framing, Message, Method, Name, StartLine};
use countersign_sip::uri::Uri;

const EXPECTED: &[(&str, Verdict)] = &[
    // §3.1.1: valid messages.
    ("dblreq.dat", Accepted),
    ("esc01.dat", Accepted),
    ("esc02.dat", Accepted),
    ("escnull.dat", Accepted),
    ("intmeth.dat", Accepted),
    ("longreq.dat", Accepted),
    ("lwsdisp.dat", Accepted),
    ("mpart01.dat", Accepted),
    ("noreason.dat", Accepted),
    ("semiuri.dat", Accepted),
    ("transports.dat", Accepted),
    ("unreason.dat", Accepted),
    ("wsinv.dat", Accepted),
    // §3.1.2: invalid messages. Of the four that an element may be liberal about (badaspec, baddn, lwsstart, trws) we
    // accept none: two elements that repair a message differently see two different calls.
    ("badaspec.dat", Answered(400, Defect::To)),
    // As the archive in the RFC has it, the empty line is missing, too.
    ("baddn.dat", Answered(400, Defect::Truncated)),
    ("lwsstart.dat", Answered(400, Defect::StartLine)),
    ("trws.dat", Answered(400, Defect::StartLine)),
    ("badinv01.dat", Answered(400, Defect::Via)),
    ("badvers.dat", Answered(505, Defect::Version)),
    ("bigcode.dat", Dropped(Defect::StatusCode)),
    ("clerr.dat", Answered(400, Defect::BodyTooShort)),
    ("escruri.dat", Answered(400, Defect::RequestUriHeaders)),
    ("ltgtruri.dat", Answered(400, Defect::RequestUri)),
    ("lwsruri.dat", Answered(400, Defect::StartLine)),
    ("mismatch01.dat", Answered(400, Defect::CSeqMethod)),
    ("mismatch02.dat", Answered(400, Defect::CSeqMethod)),
    ("ncl.dat", Answered(400, Defect::ContentLengthMalformed)),
    ("quotbal.dat", Answered(400, Defect::To)),
    ("regbadct.dat", Answered(400, Defect::Contact)),
    ("scalar02.dat", Answered(400, Defect::CSeq)),
    ("scalarlg.dat", Dropped(Defect::CSeq)),
    // A Date that is not in GMT is no reason to refuse a call; it only tells no time.
    ("baddate.dat", Accepted),
    // §3.2: matched as RFC 2543 requests are; the transaction layer's.
    ("badbranch.dat", Accepted),
    // §3.3: for the application layer, except where every element can tell.
    ("insuf.dat", Answered(400, Defect::Missing(Name::From))),
    ("mcl01.dat", Answered(400, Defect::ContentLengthConflict)),
    ("multi01.dat", Answered(400, Defect::Repeated(Name::From))),
    ("novelsc.dat", Answered(416, Defect::Scheme)),
    ("unkscm.dat", Answered(416, Defect::Scheme)),
    // A proxy's: 420 for Proxy-Require; 483 for Max-Forwards 0; a second Via on a response that has come home.
    ("bext01.dat", Accepted),
    ("zeromf.dat", Accepted),
    ("bcast.dat", Accepted),
    // A registrar's or an end point's: 401, 404, 406, 415, and parameters of Contact.
    ("cparam01.dat", Accepted),
    ("cparam02.dat", Accepted),
    ("invut.dat", Accepted),
    ("regaut01.dat", Accepted),
    ("regescrt.dat", Accepted),
    ("sdp01.dat", Accepted),
    ("unksm2.dat", Accepted),
    // §3.4: an INVITE of RFC 2543.
    ("inv2543.dat", Accepted),
];

#[test]
fn every_message_has_the_verdict_of_its_section() {
    all_are_judged("rfc4475", EXPECTED, |bytes| bytes);
}

#[test]
fn section_3_1_2_15_a_display_name_that_is_no_token_is_refused_with_its_empty_line_too() {
    let completed = [&read("rfc4475", "baddn.dat")[..], b"\r\n"].concat();
    assert_eq!(verdict(completed.into()), Answered(400, Defect::From));
}

fn message(file: &str) -> Message {
    Message::parse(read("rfc4475", file), Framing::Datagram).unwrap()
}

#[test]
fn section_3_1_1_1_white_space_everywhere() {
    let message = message("wsinv.dat");
    let vias: Vec<_> = message.vias().map(Result::unwrap).collect();
    let hosts: Vec<_> = vias.iter().map(|via| (via.transport, via.host)).collect();
    assert_eq!(
        hosts,
        [
            (b"UDP".as_slice(), b"192.0.2.2".as_slice()),
            (b"TCP", b"spindle.example.com"),
            (b"UDP", b"192.168.255.111"),
        ]
    );
    assert_eq!(vias[2].branch(), Branch::Unique(b"z9hG4bK30239"));
    assert_eq!(message.cseq().unwrap().sequence, 9);
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!(message.from().unwrap().display, br#""J Rosenberg \\\"""#);
    assert_eq!(message.to().unwrap().tag(), Some(b"1918181833n".as_slice()));
    assert_eq!(message.header(Name::Subject), Some(b"".as_slice()));
    let contact = message.addresses(Name::Contact).next().unwrap().unwrap();
    assert_eq!(
        contact.parameters().value("newparam"),
        Some(b"newvalue".as_slice())
    );
    assert_eq!(message.body().len(), 150);
}

#[test]
fn section_3_1_1_2_every_character_that_is_allowed() {
    let message = message("intmeth.dat");
    let Some(Method::Other(method)) = message.method() else {
        panic!("a method of its own");
    };
    assert_eq!(method, b"!interesting-Method0123456789_*+`.%indeed'~");
    let Ok(Uri::Sip(uri)) = Uri::parse(message.request_uri().unwrap()) else {
        panic!("a SIP URI");
    };
    assert_eq!(
        uri.user,
        Some(b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*".as_slice())
    );
    assert_eq!(
        uri.password,
        Some(b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)".as_slice())
    );
    assert_eq!(uri.host, b"example.com");
    assert_eq!(
        message.headers_named("extensionHeader-!.%*+_`'~").count(),
        1
    );
}

#[test]
fn sections_3_1_1_3_to_5_escapes_are_kept_and_never_make_a_method_or_a_header() {
    let esc01 = message("esc01.dat");
    assert_eq!(
        esc01.request_uri(),
        Some(b"sip:sips%3Auser%40example.com@example.net".as_slice())
    );
    assert_eq!(esc01.to().unwrap().uri, b"sip:%75se%72@example.com");
    let esc02 = message("esc02.dat");
    assert_eq!(esc02.method(), Some(Method::Other(b"RE%47IST%45R")));
    assert_eq!(esc02.headers(Name::Contact).count(), 2);
    assert_eq!(message("escnull.dat").headers(Name::Contact).count(), 2);
}

#[test]
fn section_3_1_1_7_long_values() {
    let message = message("longreq.dat");
    assert_eq!(message.vias().filter(Result::is_ok).count(), 34);
    assert_eq!(message.header_count(), 43);
    assert!(
        message
            .from()
            .unwrap()
            .tag()
            .is_some_and(|tag| tag.starts_with(b"1298298") && tag.len() == 155)
    );
}

#[test]
fn section_3_1_1_8_what_follows_the_body_is_dropped() {
    let message = message("dblreq.dat");
    assert_eq!(message.method(), Some(Method::Register));
    assert_eq!(
        message.call_id(),
        Ok(b"dblreq.0ha0isndaksdj99sdfafnl3lk233412".as_slice())
    );
    assert!(message.body().is_empty());
    assert!(message.bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
}

#[test]
fn section_3_1_1_9_and_10_semicolons_and_transports() {
    let semiuri = message("semiuri.dat");
    let Ok(Uri::Sip(uri)) = Uri::parse(semiuri.request_uri().unwrap()) else {
        panic!("a SIP URI");
    };
    assert_eq!(uri.user, Some(b"user;par=u%40example.net".as_slice()));
    let transports = message("transports.dat");
    let transports: Vec<_> = transports
        .vias()
        .map(|via| via.unwrap().transport.to_vec())
        .collect();
    assert_eq!(
        transports,
        [
            b"UDP".to_vec(),
            b"SCTP".to_vec(),
            b"TLS".to_vec(),
            b"UNKNOWN".to_vec(),
            b"TCP".to_vec()
        ]
    );
}

#[test]
fn section_3_1_1_11_bodies_are_octets() {
    let message = message("mpart01.dat");
    assert_eq!(message.body().len(), 553);
    assert!(message.body().contains(&0));
}

#[test]
fn section_3_1_1_12_and_13_reason_phrases() {
    let reason = |file| match message(file).start_line() {
        StartLine::Response { status, reason } => (status, reason.to_vec()),
        StartLine::Request { .. } => panic!("a response"),
    };
    let (status, text) = reason("unreason.dat");
    assert_eq!(status, 200);
    assert!(
        std::str::from_utf8(&text)
            .unwrap()
            .starts_with("= 2**3 * 5**2")
    );
    assert_eq!(reason("noreason.dat"), (100, Vec::new()));
}

#[test]
fn section_3_1_2_12_a_date_in_another_zone_tells_no_time() {
    assert_eq!(message("baddate.dat").date(), DateHeader::Unusable);
    assert!(matches!(message("mpart01.dat").date(), DateHeader::At(_)));
}

#[test]
fn section_3_2_1_a_branch_of_nothing_but_the_cookie_identifies_nothing() {
    assert_eq!(
        message("badbranch.dat").top_via().unwrap().branch(),
        Branch::Rfc2543
    );
}

#[test]
fn section_3_3_parameters_belong_to_whom_they_belong() {
    let outside = message("cparam01.dat");
    let contact = outside.addresses(Name::Contact).next().unwrap().unwrap();
    assert!(contact.parameters().get("unknownparam").is_some());
    let inside = message("cparam02.dat");
    let contact = inside.addresses(Name::Contact).next().unwrap().unwrap();
    assert!(contact.parameters().get("unknownparam").is_none());
    assert!(contact.uri.ends_with(b";unknownparam"));
    assert_eq!(message("zeromf.dat").max_forwards(), Ok(Some(0)));
    assert_eq!(message("bext01.dat").headers(Name::ProxyRequire).count(), 1);
    assert_eq!(message("bcast.dat").vias().count(), 2);
}
