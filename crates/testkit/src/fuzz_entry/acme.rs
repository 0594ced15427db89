//! What clients of an ACME server send.

use crate::lab::{Lab, NOW};
use countersign_ca::acme::{self, Asked, Nonces, Practice, Then};
use countersign_ca::ledger::Ledger;
use std::sync::OnceLock;

/// Every request is answered, and one that nobody whom we know has signed changes nothing: it is refused, unless it only asks for the
/// directory or a nonce. The first line of the bytes is method, path and media type.
pub(super) fn request(bytes: &[u8]) {
    static PRACTICE: OnceLock<Practice> = OnceLock::new();
    let practice = PRACTICE.get_or_init(|| {
        Practice::new("https://ca.example/acme", Lab::new().intermediate().clone())
    });
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let Ok(line) = std::str::from_utf8(line) else {
        return;
    };
    let mut words = line.split(' ');
    let asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        content_type: words.next(),
        body: body.get(1..).unwrap_or_default(),
    };
    let ledger = Ledger::default();
    let mut nonces = Nonces::new([0; 32]);
    let mut random = |octets: &mut [u8]| octets.fill(1);
    let handled = acme::handle(
        ledger.books(),
        practice,
        &mut nonces,
        &asked,
        NOW,
        &mut random,
    );
    assert!(handled.events.is_empty(), "a nonce nobody was given");
    let Then::Reply(reply) = handled.then else {
        unreachable!("nothing was ordered");
    };
    assert!(reply.status < 500);
    assert!(reply.header("Replay-Nonce").is_some());
}
