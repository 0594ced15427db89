//! Requests too large for UDP: by TCP first, and by UDP when TCP has no answer.
//!
//! ```text
//!   caller            proxy                        callee
//!     │ INVITE ────────▶│ INVITE by TCP ────────────X│
//!     │                 │  (refused, or 200 ms of silence)
//!     │                 │ INVITE by UDP ────────────▶│   the same branch, another transport in Via
//! ```

use super::{Table, hop, invite, trunk};
use countersign_sip::element::Event;
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{Oversize, Trunk};

fn large() -> String {
    invite(&format!("X-Filler: {}\r\n", "x".repeat(1_100)))
}

fn table(oversize: Oversize) -> Table {
    let mut trunk = trunk();
    trunk.next_hops[0].oversize = oversize;
    Table::new(trunk)
}

fn fell_back(table: &mut Table) -> usize {
    let events = table.events();
    events
        .iter()
        .filter(|event| matches!(event, Event::OversizeFellBack { .. }))
        .count()
}

/// This test verifies that the size after our edits counts, to the byte.
#[test]
fn case81_more_than_1300_bytes_go_by_tcp() {
    for (length, transport) in [(1300, "callee/udp"), (1301, "callee/tcp")] {
        let sent_length = |filler: usize| {
            let mut table = table(Oversize::Fragment);
            table.caller(&invite(&format!("X-Filler: {}\r\n", "x".repeat(filler))));
            table.sent()[1].text.len()
        };
        let filler = length - (sent_length(100) - 100);
        let mut table = table(Oversize::Tcp);
        table.caller(&invite(&format!("X-Filler: {}\r\n", "x".repeat(filler))));
        let outgoing = table.sent().remove(1);
        assert_eq!(outgoing.to(), transport);
        assert_eq!(
            outgoing.values("Via")[0].starts_with("SIP/2.0/TCP 192.0.2.1:5060;branch="),
            length == 1301
        );
    }
}

/// This test verifies that what TCP answers is not sent again.
#[test]
fn tcp_that_answers_is_used() {
    let mut table = table(Oversize::Tcp);
    table.caller(&large());
    let outgoing = table.sent().remove(1);
    table.answer(&outgoing, "100 Trying");
    table.wait(5_000);
    assert_eq!(table.lines(), [""; 0]);
    table.answer(&outgoing, "486 Busy Here");
    assert_eq!(
        table.sent()[0].to(),
        "callee/tcp",
        "the ACK goes where the INVITE went"
    );
    assert_eq!(fell_back(&mut table), 0);
}

/// This test verifies that a refused connection leads to UDP at once, and is counted.
#[test]
fn refused_tcp_leads_to_udp() {
    let mut table = table(Oversize::Tcp);
    table.caller(&large());
    let by_tcp = table.sent().remove(1);
    table.transport_failed(&by_tcp);
    let by_udp = table.one();
    assert_eq!(by_udp.to(), "callee/udp");
    assert_eq!(by_udp.branch(), by_tcp.branch());
    assert!(by_udp.values("Via")[0].starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch="));
    assert_eq!(fell_back(&mut table), 1);

    table.transport_failed(&by_tcp);
    assert_eq!(
        table.lines(),
        [""; 0],
        "the old connection concerns nobody any more"
    );
    table.wait(500);
    assert_eq!(
        table.lines(),
        ["callee/udp INVITE sip:+12025550101@b.example SIP/2.0"],
        "UDP is repeated"
    );
    table.answer(&by_udp, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}

/// This test verifies that 200 ms of silence lead to UDP, and that an answer by TCP that comes later is still good.
#[test]
fn silent_tcp_leads_to_udp() {
    let mut table = table(Oversize::Tcp);
    table.caller(&large());
    let by_tcp = table.sent().remove(1);
    table.wait(199);
    assert_eq!(table.lines(), [""; 0]);
    table.wait(1);
    assert_eq!(table.one().to(), "callee/udp");
    assert_eq!(fell_back(&mut table), 1);
    table.answer(&by_tcp, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}

/// This test verifies that the other two ways of a trunk are kept.
#[test]
fn a_trunk_may_have_it_fragmented_or_refused() {
    let mut fragmenting = table(Oversize::Fragment);
    fragmenting.caller(&large());
    assert_eq!(fragmenting.sent()[1].to(), "callee/udp");
    let mut refusing = table(Oversize::Refuse);
    refusing.caller(&large());
    assert_eq!(
        refusing.lines()[1],
        "caller/udp SIP/2.0 513 Message Too Large"
    );
}

/// This test verifies that a next hop that is reached by TCP anyway is none of this.
#[test]
fn a_tcp_trunk_has_no_limit() {
    let mut table = Table::new(Trunk::new(
        "t",
        vec![hop(Transport::Tcp, "192.0.2.20:5060")],
    ));
    table.caller(&large());
    let outgoing = table.sent().remove(1);
    table.wait(1_000);
    assert_eq!(outgoing.to(), "callee/tcp");
    assert_eq!(table.lines(), [""; 0]);
}

/// This test verifies that only the first call in a minute pays for finding out that a next hop speaks UDP alone.
#[test]
fn a_hop_without_tcp_is_remembered_for_a_while() {
    let mut table = table(Oversize::Tcp);
    let another = |call: usize| {
        let call_id = format!("Call-ID: another-{call}");
        let text = large().replace("z9hG4bK", &format!("z9hG4bKn{call}"));
        let old = text
            .lines()
            .find(|line| line.starts_with("Call-ID"))
            .unwrap()
            .to_owned();
        text.replace(&old, &call_id)
    };
    table.caller(&another(1));
    let by_tcp = table.sent().remove(1);
    table.transport_failed(&by_tcp);
    assert_eq!(table.one().to(), "callee/udp");
    table.caller(&another(2));
    assert_eq!(
        table.sent()[1].to(),
        "callee/udp",
        "nobody tries again at once"
    );
    assert_eq!(fell_back(&mut table), 1);
    table.wait(61_000);
    table.sent();
    table.caller(&another(3));
    assert_eq!(
        table.sent()[1].to(),
        "callee/tcp",
        "and it may have learned it meanwhile"
    );
}
