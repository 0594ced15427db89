//! More calls at once than a server can carry.
//!
//! ```text
//!     caller ── thousands of INVITEs at once ──► serve, one thread ──► called
//!            ◄── 200, or 503 and once more later ──┘
//! ```
//!
//! This test verifies that overload turns calls away and loses none: every call gets its answer, what was turned away when it comes
//! back, and nothing that was begun ends otherwise.

use crate::peers::free_address;
use crate::provider::{Provider, udp};
use countersign_testkit::load::caller::{self, Plan};
use countersign_testkit::load::{Tally, called};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// More at once than one thread begins in a tenth of a second.
const CALLS: u64 = 1_500;
/// All at once, as far as one socket can.
const CALLS_A_SECOND: u32 = 50_000;

#[test]
fn overload_turns_calls_away_and_loses_none() {
    let provider = Provider::new();
    let socket = UdpSocket::bind(free_address()).unwrap();
    let server = provider
        .signs(&udp(socket.local_addr().unwrap()))
        .sip("shards = 1")
        .start();
    let (tally, stop) = (Arc::<Tally>::default(), Arc::<AtomicBool>::default());
    let answering = called::start(socket, tally.clone(), stop.clone()).unwrap();
    let plan = Plan {
        calls: CALLS,
        rate: CALLS_A_SECOND,
        signs: server.sip(),
        verifies: server.sip(),
    };
    let socket = UdpSocket::bind(free_address()).unwrap();

    caller::start(socket, plan, tally.clone())
        .unwrap()
        .join()
        .unwrap();

    stop.store(true, Ordering::Relaxed);
    answering.join().unwrap();
    let read = Tally::read;
    assert_eq!(read(&tally.answered), CALLS, "{tally:?}");
    assert_eq!(read(&tally.lost) + read(&tally.refused), 0, "{tally:?}");
    assert_eq!(read(&tally.contradicted), 0, "{tally:?}");
    assert!(read(&tally.turned_away) > 0, "it was no overload");
    let shed = server.metric("countersign_sip_refused_total{reason=\"overload\"}");
    assert!(
        shed >= read(&tally.turned_away),
        "{shed}: each was told at once"
    );
}
