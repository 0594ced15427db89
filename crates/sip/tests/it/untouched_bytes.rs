//! What is not edited leaves byte for byte as it came.
//!
//! ```text
//!     received   INVITE … │ Via │ From │ To │ … │ body
//!                    │        │edit│    │         │
//!     sent       INVITE … │ Via │ ████ │ To │ … │ body
//! ```
//!
//! This test verifies that a patch changes the spans it names and nothing else, whatever the message, and that mistakes of
//! its caller are errors.

use crate::torture::read;
use bytes::Bytes;
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::patch::{Patch, PatchError};
use proptest::prelude::*;

fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), Framing::Datagram).unwrap()
}

fn torture(file: &str) -> Message {
    Message::parse(read("rfc4475", file), Framing::Datagram).unwrap()
}

fn applied(message: &Message, edit: impl FnOnce(&mut Patch)) -> String {
    let mut patch = Patch::default();
    edit(&mut patch);
    String::from_utf8(patch.apply(message).unwrap().to_vec()).unwrap()
}

const REQUEST: &str = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP one;branch=z9hG4bK1 ,\r\n SIP/2.0/UDP two\r\nroute:<sip:r1;lr>\r\n\
                       X:  odd\t \r\n spacing\r\nRoute: <sip:r2>, <sip:r3>\r\n\r\nbody\r\n\r\n";

#[test]
fn no_edit_is_no_copy() {
    let message = message(REQUEST);
    let sent = Patch::default().apply(&message).unwrap();
    assert_eq!(sent.as_ptr(), message.bytes().as_ptr());
    assert_eq!(&sent[..], REQUEST.as_bytes());
}

#[test]
fn headers_come_and_go_around_the_others() {
    let message = message(REQUEST);
    let sent = applied(&message, |patch| {
        patch.prepend_header(&message, "Via", b"SIP/2.0/UDP p;branch=z9hG4bK2");
        patch.insert_before(&message, Name::Route, "Record-Route", b"<sip:p;lr>");
        patch.insert_before(&message, Name::MaxForwards, "Max-Forwards", b"70");
        patch.append_header(&message, "Identity", b"a.b.c;info=<x>");
        patch.append_header(&message, "Identity", b"d.e.f;info=<x>");
        patch.remove_header(&message, 2);
        patch.replace_request_uri(&message, b"sip:c@h");
    });
    let expected = REQUEST
        .replace("sip:b@h", "sip:c@h")
        .replace(
            "\r\nVia",
            "\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK2\r\nMax-Forwards: 70\r\nVia",
        )
        .replace("route:", "Record-Route: <sip:p;lr>\r\nroute:")
        .replace("X:  odd\t \r\n spacing\r\n", "")
        .replace(
            "\r\n\r\nbody",
            "\r\nIdentity: a.b.c;info=<x>\r\nIdentity: d.e.f;info=<x>\r\n\r\nbody",
        );
    assert_eq!(sent, expected);
}

#[test]
fn the_first_element_of_a_list_goes_with_its_comma_or_its_line() {
    let message = message(REQUEST);
    let via = applied(&message, |patch| {
        patch.remove_first_element(&message, Name::Via)
    });
    assert_eq!(
        via,
        REQUEST.replace("SIP/2.0/UDP one;branch=z9hG4bK1 ,\r\n ", "")
    );
    let route = applied(&message, |patch| {
        patch.remove_first_element(&message, Name::Route)
    });
    assert_eq!(route, REQUEST.replace("route:<sip:r1;lr>\r\n", ""));
}

#[test]
fn rfc3261_section_18_2_1_and_rfc3581_section_4_the_top_via_says_where_it_came_from() {
    let stamped = |via: &str, source: &str| {
        let message = message(&format!(
            "OPTIONS sip:h SIP/2.0\r\nv: {via}, SIP/2.0/UDP second;rport\r\n\r\n"
        ));
        let sent = applied(&message, |patch| {
            patch.stamp_received(&message, source.parse().unwrap())
        });
        let value = sent
            .strip_prefix("OPTIONS sip:h SIP/2.0\r\nv: ")
            .unwrap()
            .to_owned();
        value
            .strip_suffix(", SIP/2.0/UDP second;rport\r\n\r\n")
            .unwrap()
            .to_owned()
    };
    for (via, source, expected) in [
        (
            "SIP/2.0/UDP 192.0.2.1;branch=x",
            "192.0.2.1:5060",
            "SIP/2.0/UDP 192.0.2.1;branch=x",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;branch=x",
            "[::ffff:192.0.2.1]:5060",
            "SIP/2.0/UDP 192.0.2.1;branch=x",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1;branch=x",
            "192.0.2.1:5060",
            "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP name.example",
            "192.0.2.1:5060",
            "SIP/2.0/UDP name.example;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;RPort;branch=x",
            "192.0.2.1:1024",
            "SIP/2.0/UDP 192.0.2.1;RPort=1024;branch=x;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP [2001:db8::1]",
            "[2001:db8::2]:9",
            "SIP/2.0/UDP [2001:db8::1];received=2001:db8::2",
        ),
        (
            "SIP/2.0/UDP h;received=10.6.6.6;rport=66",
            "192.0.2.1:5060",
            "SIP/2.0/UDP h;received=192.0.2.1;rport=5060",
        ),
        (
            "SIP/2.0/UDP h;received",
            "192.0.2.1:5060",
            "SIP/2.0/UDP h;received=192.0.2.1",
        ),
    ] {
        assert_eq!(stamped(via, source), expected);
    }
}

#[test]
fn mistakes_of_the_caller_are_errors() {
    let message = message(REQUEST);
    let error = |edit: &dyn Fn(&mut Patch)| {
        let mut patch = Patch::default();
        edit(&mut patch);
        patch.apply(&message).unwrap_err()
    };
    let injected = b"x\r\nP-Asserted-Identity: <sip:boss@h>";
    assert_eq!(
        error(&|patch| patch.append_header(&message, "X", injected)),
        PatchError::LineBreak
    );
    assert_eq!(
        error(&|patch| patch.replace_value(&message, 0, b"x\n y")),
        PatchError::LineBreak
    );
    assert_eq!(
        error(&|patch| patch.replace_request_uri(&message, b"sip:a SIP/2.0")),
        PatchError::LineBreak
    );
    assert_eq!(
        error(&|patch| patch.remove_header(&message, 9)),
        PatchError::NotThere
    );
    assert_eq!(
        error(&|patch| patch.replace_part(&message, b"elsewhere", b"")),
        PatchError::NotThere
    );
    assert_eq!(
        error(&|patch| patch.remove_first_element(&message, Name::To)),
        PatchError::NotThere
    );
    let twice = |patch: &mut Patch| {
        patch.remove_header(&message, 1);
        patch.replace_value(&message, 1, b"x");
    };
    assert_eq!(error(&twice), PatchError::Overlap);
}

proptest! {
    #[test]
    fn edits_change_their_spans_and_nothing_else(
        file in prop::sample::select(vec!["wsinv.dat", "longreq.dat", "mpart01.dat", "intmeth.dat", "dblreq.dat"]),
        edits in proptest::collection::btree_map(0_usize..12, "[a-z]{0,20}", 0..6),
    ) {
        let message = torture(file);
        let mut patch = Patch::default();
        let mut expected = message.bytes().to_vec();
        for (index, text) in edits.iter().rev() {
            if let Some(line) = message.header_at(*index) {
                patch.replace_value(&message, *index, text.as_bytes());
                let span = line.value_span.start()..line.value_span.end();
                expected.splice(span, text.bytes());
            }
        }
        let sent = patch.apply(&message).unwrap();
        prop_assert_eq!(&sent[..], &expected[..]);
    }

    #[test]
    fn what_is_inserted_can_be_removed_again(at in 0_usize..8, value in "[!-~]([ -~]{0,30}[!-~])?") {
        let message = torture("wsinv.dat");
        let before = message.header_at(at).unwrap().name;
        let mut patch = Patch::default();
        patch.insert_before(&message, before, "X-Inserted", value.as_bytes());
        let inserted = Message::parse(patch.apply(&message).unwrap(), Framing::Datagram).unwrap();
        let line = inserted.headers_named("X-Inserted").next().unwrap();
        prop_assert_eq!(line.value, value.as_bytes());
        let mut patch = Patch::default();
        patch.remove_header(&inserted, line.index);
        prop_assert_eq!(patch.apply(&inserted).unwrap(), message.bytes());
    }
}
