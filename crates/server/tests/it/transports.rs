//! The transport of a call: TCP all the way, and TCP for the one message that signing made too long for UDP.
//!
//! ```text
//!     SIPp ══ TCP ══► serve, signs ══ TCP ══► serve, verifies ══ TCP ══► SIPp
//!
//!     SIPp ── UDP ──► serve, signs ══ TCP, INVITE only ══► next hop with TCP
//!                                  ── UDP, after all ────► next hop without
//! ```
//!
//! This test verifies that a call goes over streams as it goes over datagrams, and what RFC 3261 §18.1.1 wants of a request of
//! more than 1,300 bytes: "If the request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the path
//! MTU is unknown, the request MUST be sent using an RFC 2914 congestion controlled transport protocol, such as TCP."

use crate::peers::{Called, Caller, Change, Kamailio, Sipp, Trace, free_address};
use crate::provider::{Provider, Server, tcp, udp};
use std::net::{SocketAddr, TcpListener};

/// RFC 3261 §18.1.1.
const LARGEST_DATAGRAM: usize = 1_300;
/// What goes by UDP although it should not is counted here.
const FELL_BACK: &str = "countersign_sip_oversize_total{way=\"udp-after-tcp\"}";

#[test]
fn a_call_goes_over_tcp_all_the_way() {
    let provider = Provider::new();
    let called = Sipp::called_over_tcp(Called::Answers);
    let mut verifies = provider.is_verified(&tcp(called.address())).start();
    let signs = provider.signs(&tcp(verifies.sip())).start();

    let seen = Sipp::call(Caller::Answered, signs.sip()).over_tcp().place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    let vias = invite.headers("Via");
    assert_eq!(vias.len(), 3);
    assert!(
        vias.iter().all(|via| via.starts_with("SIP/2.0/TCP ")),
        "{vias:?}"
    );
    assert_eq!(seen.response(200).headers("Via").len(), 1);
    assert_eq!(verifies.call()["attest"], "A");
    for server in [&signs, &verifies] {
        let datagrams = "countersign_sip_messages_total{transport=\"udp\"";
        assert_eq!(server.metric(datagrams), 0);
    }
}

/// A call from a caller by UDP, short enough for it, and too long as soon as it is signed.
#[track_caller]
fn is_lengthened(next_hop: SocketAddr, called: Sipp) -> (Trace, Server) {
    let provider = Provider::new();
    let signs = provider.signs(&udp(next_hop)).start();
    let seen = Sipp::call(Caller::Answered, signs.sip())
        .header("X-Padding", &"x".repeat(300))
        .place();
    let called = called.finish();
    let length = called.invite().text.len();
    let sent = seen.sent("INVITE")[0].text.len();
    assert!(sent < LARGEST_DATAGRAM, "{sent}");
    assert!(length > LARGEST_DATAGRAM, "{length}");
    assert_eq!(called.invite().headers("Identity").len(), 1);
    (called, signs)
}

#[test]
fn what_became_too_long_goes_by_tcp_where_there_is_tcp() {
    let called = Sipp::called(Called::Answers);
    // Any next hop that takes both: Kamailio, which changes nothing, and goes on by UDP.
    let next_hop = Kamailio::changes(called.address(), Change::Nothing);

    let (called, signs) = is_lengthened(next_hop.address(), called);

    let [_, ours, callers] = called.invite().headers("Via")[..] else {
        panic!("{called:#?}")
    };
    assert!(ours.starts_with("SIP/2.0/TCP "), "{ours}");
    assert!(callers.starts_with("SIP/2.0/UDP "), "{callers}");
    assert_eq!(signs.metric(FELL_BACK), 0);
    // The rest of the dialog is short.
    let bye = called.received("BYE")[0];
    assert!(
        bye.headers("Via")[1].starts_with("SIP/2.0/UDP "),
        "{}",
        bye.text
    );
}

#[test]
fn it_goes_by_udp_after_all_where_nobody_takes_tcp() {
    let called = Sipp::called(Called::Answers);

    let (called, signs) = is_lengthened(called.address(), called);

    assert!(called.invite().headers("Via")[0].starts_with("SIP/2.0/UDP "));
    assert_eq!(signs.metric(FELL_BACK), 1);
}

#[test]
fn it_goes_by_udp_after_all_where_tcp_is_silent() {
    let address = free_address();
    // The system completes the handshake and takes the bytes; nobody ever reads them.
    let _silent = TcpListener::bind(address).unwrap();
    let called = Sipp::called_at(Called::Answers, address);

    let (called, signs) = is_lengthened(address, called);

    assert!(called.invite().headers("Via")[0].starts_with("SIP/2.0/UDP "));
    assert_eq!(signs.metric(FELL_BACK), 1);
}
