//! Bad lines: what is repeated is one call all the same, and what is taken back goes no further.
//!
//! ```text
//!     SIPp repeats ──► serve, signs ──► serve, verifies ──► SIPp is in no hurry
//!     SIPp cancels ──►              ──►     (waits for      SIPp rings, or is never called
//!                                         a certificate)
//! ```
//!
//! This test verifies that our servers are transaction-stateful proxies as RFC 3261 §16 and §17 have them: a repeated INVITE is
//! neither signed nor sent anew, our own repetitions are the same bytes, and a CANCEL ends a call in every state.

use crate::peers::{Called, Caller, Sipp};
use crate::provider::{Provider, now, tcp, udp};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

/// How long a hanging repository waits for somebody to ask.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is repeated and known is counted here.
const REPEATED: &str = "countersign_sip_events_total{event=\"retransmission\"}";

#[test]
fn a_repeated_invite_is_one_call() {
    let provider = Provider::new();
    // Over TCP nobody between the two ends has a reason to repeat anything.
    let called = Sipp::called_over_tcp(Called::Slow);
    let mut verifies = provider.is_verified(&tcp(called.address())).start();
    let mut signs = provider
        .signs(&tcp(verifies.sip()))
        .trunk("origid = \"call\"")
        .start();

    let seen = Sipp::call(Caller::Repeats, signs.sip()).place();

    let repetitions = seen.sent("INVITE").len() - 1;
    assert!(repetitions > 0, "{seen:#?}");
    let called = called.finish();
    assert_eq!(called.received("INVITE").len(), 1, "{called:#?}");
    assert_eq!(called.invite().verstat(), "TN-Validation-Passed");
    assert_eq!(signs.metric(REPEATED), repetitions as u64);
    assert_eq!(verifies.metric(REPEATED), 0);
    // Signed once, judged once: one line each, and one origid although it is another for each call.
    assert_eq!(signs.call()["origid"], verifies.call()["origid"]);
}

#[test]
fn our_own_repetition_is_the_same_bytes() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Slow);
    let mut signs = provider
        .signs(&udp(called.address()))
        .trunk("origid = \"call\"")
        .start();

    let seen = Sipp::call(Caller::Repeats, signs.sip()).place();

    assert!(seen.sent("INVITE").len() > 1, "{seen:#?}");
    let called = called.finish();
    assert!(called.received("INVITE").len() > 1, "{called:#?}");
    assert_eq!(called.invite().headers("Identity").len(), 1);
    assert_eq!(signs.call()["verdict"], "signed");
}

#[test]
fn a_call_cancelled_while_it_rings_ends_everywhere() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Rings);
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    let mut signs = provider.signs(&udp(verifies.sip())).start();

    let seen = Sipp::call(Caller::Cancels, signs.sip()).place();

    assert_eq!(seen.statuses(), [100, 180, 200, 487]);
    let called = called.finish();
    assert_eq!(called.received("CANCEL").len(), 1);
    assert_eq!(called.invite().verstat(), "TN-Validation-Passed");
    assert_eq!(signs.call()["status"], 487);
    assert_eq!(verifies.call()["status"], 487);
}

/// Takes one connection on `listener`, says so, and keeps it until it is told to let go.
fn hang(listener: TcpListener) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((asked, is_asked), (let_go, must_let_go)) = (mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        let connection: Option<(TcpStream, _)> = listener.accept().ok();
        let _ = asked.send(());
        let _ = must_let_go.recv_timeout(PATIENCE);
        drop(connection);
    });
    (is_asked, let_go)
}

#[test]
fn a_call_cancelled_while_it_is_judged_goes_no_further() {
    let provider = Provider::new();
    let repository = TcpListener::bind(provider.repository()).unwrap();
    let (is_asked, let_go) = hang(repository);
    let called = Sipp::called(Called::Answers);
    // Nothing but the CANCEL ends the wait: the server's own limits are far away.
    let mut verifies = provider.is_verified(&udp(called.address())).start();

    let seen = Sipp::call(Caller::CancelsEarly, verifies.sip())
        .header("Identity", &provider.identity(now()))
        .place();

    is_asked.recv_timeout(PATIENCE).expect("a fetch");
    assert_eq!(seen.statuses(), [100, 200, 487]);
    let judged = verifies.call();
    assert_eq!(judged["status"], 487);
    assert_eq!(judged["verdict"], "undecided");
    // The certificate's late end finds no call any more.
    let_go.send(()).unwrap();
    verifies.until_metric("countersign_certificate_fetches_total{outcome=\"tls\"}", 1);
    called.was_not_called();
}
