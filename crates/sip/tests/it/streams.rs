//! A stream gives the same messages however it is cut.
//!
//! ```text
//!     sender ══ message │ message │ CRLF CRLF │ message ══▶ reader
//!               ▲   ▲▲        ▲  cut anywhere
//! ```
//!
//! This test verifies that where the segments of a TCP connection end does not matter, that keep-alives are seen, and that a
//! stream that cannot be followed is given up.

use crate::torture::read;
use countersign_sip::defect::Defect;
use countersign_sip::message::MAX_MESSAGE;
use countersign_sip::stream::{Framer, Piece};
use proptest::prelude::*;

/// What came out, in words that compare.
fn pieces(framer: &mut Framer) -> Vec<String> {
    std::iter::from_fn(|| framer.next())
        .map(|piece| match piece {
            Piece::Message(message) => format!("{:?}", message.bytes()),
            Piece::Bad(error) => format!("{} {}", error.defect(), error.answerable().is_some()),
            Piece::Ping => "ping".to_owned(),
        })
        .collect()
}

fn whole(bytes: &[u8]) -> Vec<String> {
    let mut framer = Framer::default();
    framer.push(bytes);
    pieces(&mut framer)
}

fn request(extra: &str) -> String {
    format!(
        "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\n{extra}\r\n"
    )
}

#[test]
fn messages_follow_each_other() {
    let one = request("l: 4\r\n") + "\r\n\r\n";
    let two = request("Content-Length: 0\r\n");
    let stream = format!("\r\n{one}{two}\r\n\r\n\r\n{one}\r\n");
    let quoted = |text: &str| format!("{:?}", bytes::Bytes::copy_from_slice(text.as_bytes()));
    assert_eq!(
        whole(stream.as_bytes()),
        [quoted(&one), quoted(&two), "ping".into(), quoted(&one)]
    );
}

#[test]
fn a_bad_message_whose_end_is_known_does_not_end_the_stream() {
    let bad = request("l: 2\r\n").replace("SIP/2.0\r\nVia", "SIP/9.0\r\nVia") + "ab";
    let mut framer = Framer::default();
    framer.push((bad + &request("l: 0\r\n")).as_bytes());
    let Some(Piece::Bad(error)) = framer.next() else {
        panic!("a bad message");
    };
    assert_eq!(
        (error.defect(), error.answerable().is_some()),
        (Defect::Version, true)
    );
    assert!(matches!(framer.next(), Some(Piece::Message(_))));
    assert!(!framer.is_lost());
}

#[test]
fn a_message_whose_end_is_unknown_ends_the_stream() {
    for (stream, expected) in [
        (request(""), "Missing Content-Length true"),
        (
            request("l: 1\r\nl: 2\r\n"),
            "Conflicting Content-Length true",
        ),
        (request("l: x\r\n"), "Malformed Content-Length true"),
        (
            request(&format!("l: {MAX_MESSAGE}\r\n")),
            "Message Too Large true",
        ),
        (request("l: 0\r\nX: a\nb\r\n"), "Bare Line Break false"),
        ("garbage\r\n\r\n".into(), "Malformed Request Line false"),
        ("x".repeat(MAX_MESSAGE + 1), "Message Too Large false"),
    ] {
        let mut framer = Framer::default();
        framer.push(stream.as_bytes());
        framer.push(request("l: 0\r\n").as_bytes());
        assert_eq!(pieces(&mut framer), [expected]);
        assert!(framer.is_lost());
        framer.push(request("l: 0\r\n").as_bytes());
        assert!(framer.next().is_none());
    }
}

#[test]
fn rfc4475_section_3_1_2_2_a_body_that_does_not_come_is_waited_for() {
    let mut framer = Framer::default();
    framer.push(&read("rfc4475", "clerr.dat"));
    assert!(framer.next().is_none());
    assert!(framer.is_inside() && !framer.is_lost());
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "\r\n".to_owned(), "\r\n\r\n".to_owned(), request("l: 0\r\n"), request("l: 5\r\n") + "\r\n\r\nx", request("l: 3\r\n")
                + "abc", request("l: 1\r\nbad line\r\n") + "x", request(""), "\r".to_owned(), "x".to_owned(),
        ]), 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let stream = parts.concat().into_bytes();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for cut in cuts.windows(2) {
            framer.push(&stream[cut[0]..cut[1]]);
            found.extend(pieces(&mut framer));
        }
        prop_assert_eq!(found, whole(&stream));
    }

    #[test]
    fn any_stream_is_followed_or_lost(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let (one, two) = bytes.split_at(cut.min(bytes.len()));
        let mut framer = Framer::default();
        framer.push(one);
        let mut found = pieces(&mut framer);
        framer.push(two);
        found.extend(pieces(&mut framer));
        prop_assert_eq!(found, whole(&bytes));
    }
}
