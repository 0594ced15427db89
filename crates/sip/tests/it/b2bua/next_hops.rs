//! Several next hops: what is inside the dialog goes to who took the call, whatever rests or comes first.
//!
//! ```text
//!   caller            b2bua     first     second
//!     │ INVITE ────────▶│ INVITE ─▶│         │
//!     │                 │◀──── 503 │         │
//!     │                 │ INVITE ──────────▶│
//!     │◀──────────── 200│◀────────────── 200│
//!     │ BYE ───────────▶│ BYE ─────────────▶│
//! ```

use super::{Line, answer, inside};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{NextHop, SentBy, Trunk};
use std::sync::Arc;

const SECOND: &str = "192.0.2.21:5070";

fn two_hops() -> Line {
    let mut line = Line::new();
    let mut trunk = Trunk::clone(&line.trunk);
    let mut second = NextHop::new(Transport::Udp, SECOND.parse().unwrap());
    second.sent_by = Some(SentBy::new("second.example", Some(5080)).unwrap());
    trunk.next_hops.push(second);
    line.trunk = Arc::new(trunk);
    line
}

/// This test verifies that the second hop gets the whole INVITE in the same names, though the first had said that it rings.
#[test]
fn a_call_stays_with_who_took_it() {
    let mut line = two_hops();
    let first = line.invited();
    line.called(&answer(&first, "180 Ringing", "one"));
    line.called(&answer(&first, "503 Service Unavailable", "one"));
    let second = line.sent().pop().unwrap();
    assert_eq!(second.to(), SECOND);
    assert_eq!(second.value("Call-ID"), first.value("Call-ID"));
    assert_eq!(second.body(), first.body());
    line.called(&answer(&second, "200 OK", "two"));
    let answered = line.one();
    line.caller(&inside("ACK", 1, &answered));
    line.caller(&inside("BYE", 2, &answered));
    let sent = line.sent();
    assert!(sent.iter().all(|sent| sent.to() == SECOND), "{sent:#?}");
    let bye = &sent[1];
    assert!(
        bye.value("Via")
            .starts_with("SIP/2.0/UDP second.example:5080;")
    );
    assert_eq!(bye.value("Contact"), "<sip:caller@second.example:5080>");
    line.called(&answer(bye, "200 OK", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean();
}

/// This test verifies that a hop that is silent leads to the next, and a late answer of it to nobody.
#[test]
fn a_silent_hop_leads_to_the_next() {
    let mut line = two_hops();
    let first = line.invited();
    line.wait(32_100);
    let second = line.sent().pop().unwrap();
    assert_eq!(second.to(), SECOND);
    line.called(&answer(&first, "200 OK", "one"));
    assert_eq!(line.lines(), [""; 0]);
    line.called(&answer(&second, "486 Busy Here", "two"));
    assert_eq!(line.sent()[1].first_line(), "SIP/2.0 486 Busy Here");
    line.ends_clean();
}
