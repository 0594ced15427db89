//! Foreign bytes end in a message or a defect, never in a panic, and never in anything unbounded.
//!
//! ```text
//!     anything ──▶ parse ──▶ every view, call, verstat, Identity, response, patch
//! ```
//!
//! This test verifies that every reader of this crate is total: over plain noise, and over torture messages with a few bytes
//! changed, which get further in.

use crate::torture::read;
use bytes::Bytes;
use countersign_sip::call::{CallPolicy, TrustPai, from_request, is_emergency_call};
use countersign_sip::identity_header;
use countersign_sip::inspect::inspect;
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::patch::Patch;
use countersign_sip::response::{ToTag, build};
use countersign_sip::uri::Uri;
use countersign_sip::verstat::{self, Asserted};
use proptest::prelude::*;

const SEEDS: [&str; 8] = [
    "wsinv.dat",
    "intmeth.dat",
    "esc01.dat",
    "longreq.dat",
    "badinv01.dat",
    "mpart01.dat",
    "unreason.dat",
    "cparam02.dat",
];

/// Calls everything that reads, and checks what must hold of any message.
fn read_everything(bytes: Bytes, framing: Framing) {
    let message = match Message::parse(bytes, framing) {
        Ok(message) => message,
        Err(error) => {
            let Some(request) = error.answerable() else {
                return;
            };
            answer_parses(request);
            return;
        }
    };
    let inspected = inspect(&message);
    for line in message.all_headers() {
        assert_eq!(message.span_of(line.value), Some(line.value_span));
        let _ = Uri::parse(line.value);
        let _ = identity_header::parse(line.value);
    }
    for name in [
        Name::Contact,
        Name::Route,
        Name::RecordRoute,
        Name::PAssertedIdentity,
    ] {
        let uris = message
            .addresses(name)
            .flatten()
            .map(|address| address.uri().is_ok());
        let _ = uris.count();
    }
    for via in message.vias().flatten() {
        let _ = (
            via.branch(),
            via.received(),
            via.rport(),
            via.maddr(),
            via.host_address(),
        );
    }
    let _ = identity_header::presented(&message);
    let policy = CallPolicy {
        trust_pai: TrustPai::Trusted,
        ..CallPolicy::default()
    };
    let _ = from_request(&message, &policy);
    let _ = is_emergency_call(&message, &["911".parse().unwrap()]);
    for asserted in [Asserted::Kept, Asserted::Removed] {
        let mut patch = Patch::default();
        verstat::tag(
            &message,
            &mut patch,
            "No-TN-Validation",
            asserted,
            policy.identity,
        );
        patch
            .apply(&message)
            .expect("edits of one step do not overlap");
    }
    if message.top_via().is_ok() {
        let mut patch = Patch::default();
        patch.stamp_received(&message, "192.0.2.77:5077".parse().unwrap());
        let stamped = patch
            .apply(&message)
            .expect("edits of one step do not overlap");
        let stamped = Message::parse(stamped, Framing::Datagram).expect("stamping breaks nothing");
        let via = stamped.top_via().expect("stamping breaks no Via");
        assert!(via.received().is_some() || via.host == b"192.0.2.77");
    }
    if inspected.is_ok() && message.is_answerable() {
        answer_parses(&message);
    }
}

fn answer_parses(request: &Message) {
    let answer = build(
        request,
        400,
        "Bad\r\nRequest",
        ToTag::Ours(b"t"),
        &[("X", b"a\r\nb")],
    );
    let answer = Message::parse(answer, Framing::Stream).expect("what we write parses");
    assert_eq!(answer.header(Name::Via), request.header(Name::Via));
}

proptest! {
    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_everything(bytes.clone().into(), Framing::Datagram);
        read_everything(bytes.into(), Framing::Stream);
    }

    #[test]
    fn noise_in_a_header(name in "(Via|From|To|CSeq|Call-ID|Contact|Identity|P-Asserted-Identity|Date|Max-Forwards|l)",
                         value in "[ -~\t]{0,60}") {
        let text = format!(
            "INVITE sip:b@h SIP/2.0\r\n{name}: {value}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\n\
             From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
        );
        read_everything(text.into(), Framing::Datagram);
    }

    #[test]
    fn torture_with_a_few_bytes_changed(
        seed in 0..SEEDS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = read("rfc4475", SEEDS[seed]).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_everything(bytes.clone().into(), Framing::Datagram);
        bytes.truncate(cut.index(bytes.len()));
        read_everything(bytes.into(), Framing::Datagram);
    }
}
