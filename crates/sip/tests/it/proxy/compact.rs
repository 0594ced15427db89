//! A call whose PASSporT leaves out what the other side can rebuild, and what happens if it cannot.
//!
//! ```text
//!   caller            proxy                            callee
//!     │ INVITE ────────▶│ Identity: ..signature ────────▶│
//!     │                 │◀─────────────────────────── 438│
//!     │                 │ ACK ──────────────────────────▶│
//!     │                 │ Identity: header.claims.sig ──▶│   once, and to the same next hop
//! ```

use super::{Sent, Table, hop, invite, trunk};
use countersign_sip::element::Input;
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{Role, Trunk};

const COMPACT: &str = "..c2ln;info=<https://cert.example/c.pem>;alg=ES256";
const FULL: &str = "aGVhZGVy.Y2xhaW1z.c2ln;info=<https://cert.example/c.pem>;alg=ES256";

fn signing() -> Trunk {
    let mut trunk = trunk();
    trunk.role = Role::Sign;
    trunk.next_hops.push(hop(Transport::Udp, "192.0.2.21:5060"));
    trunk
}

/// A call that was signed in compact form, and its INVITE as it left.
fn called() -> (Table, Sent) {
    let mut table = Table::new(signing());
    table.caller(&invite(""));
    table.sent();
    let id = table.sign[0].id;
    table.handle(Input::SignedCompact {
        id,
        compact: COMPACT.into(),
        full: FULL.into(),
    });
    let sent = table.one();
    assert_eq!(sent.values("Identity"), [COMPACT]);
    (table, sent)
}

/// This test verifies that 438 after the compact form is followed by one INVITE with the full form at the same next hop, on a branch of
/// its own, and that a second 438 goes back to the caller (digest 02, case 18).
#[test]
fn digest02_case18_438_after_compact_is_tried_once_in_full() {
    let (mut table, first) = called();
    table.answer(&first, "438 Invalid Identity Header");
    let sent = table.sent();
    let [ack, second] = &sent[..] else {
        panic!("{sent:#?}")
    };
    assert!(ack.first_line().starts_with("ACK "));
    assert_eq!(second.values("Identity"), [FULL]);
    assert_eq!(second.values("Date"), first.values("Date"));
    assert_eq!(second.to(), first.to());
    assert_ne!(second.branch(), first.branch());
    table.answer(second, "438 Invalid Identity Header");
    let lines = table.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("callee/udp ACK "), "{lines:?}");
    assert_eq!(lines[1], "caller/udp SIP/2.0 438 Invalid Identity Header");
    assert_eq!(table.finished().status, Some(438));
    table.ends_clean();
}

/// This test verifies that the call whose full form is believed is answered as any other (digest 02, case 18).
#[test]
fn digest02_case18_the_full_form_may_be_believed() {
    let (mut table, first) = called();
    table.answer(&first, "438 Invalid Identity Header");
    let second = table.sent().remove(1);
    table.answer(&second, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}

/// This test verifies that 438 after the full form goes back at once (digest 02, case 18).
#[test]
fn digest02_case18_438_after_full_is_not_tried_again() {
    let mut table = Table::new(signing());
    table.caller(&invite(""));
    table.sent();
    table.signed(Some(FULL));
    let sent = table.one();
    table.answer(&sent, "438 Invalid Identity Header");
    let lines = table.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[1], "caller/udp SIP/2.0 438 Invalid Identity Header");
    table.ends_clean();
}

/// This test verifies that other answers are no reason for the full form, and that a call that is cancelled is not tried again.
#[test]
fn nothing_else_asks_for_the_full_form() {
    let (mut table, first) = called();
    table.answer(&first, "437 Unsupported Credential");
    assert_eq!(
        table.lines()[1],
        "caller/udp SIP/2.0 437 Unsupported Credential"
    );
    table.ends_clean();
    let (mut table, first) = called();
    table.answer(&first, "180 Ringing");
    table.caller(&super::request("CANCEL", "z9hG4bKone", ""));
    table.sent();
    table.answer(&first, "438 Invalid Identity Header");
    let lines = table.lines();
    assert!(
        !lines.iter().any(|line| line.contains("INVITE")),
        "{lines:?}"
    );
    table.ends_clean();
}

/// This test verifies that the next hop after one that is busy gets the compact form, too, and that the one retry is still there.
#[test]
fn the_retry_is_for_the_hop_that_answers() {
    let (mut table, first) = called();
    table.answer(&first, "503 Service Unavailable");
    let second = table.sent().remove(1);
    assert_eq!(
        (second.to().as_str(), second.values("Identity")),
        ("second/udp", vec![COMPACT])
    );
    table.receive(
        &super::answer_to(&second, "438 Invalid Identity Header"),
        "192.0.2.21:5060",
        None,
    );
    let third = table.sent().remove(1);
    assert_eq!(
        (third.to().as_str(), third.values("Identity")),
        ("second/udp", vec![FULL])
    );
}
