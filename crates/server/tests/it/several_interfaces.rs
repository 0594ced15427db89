//! Several interfaces, IPv4 and IPv6.
//!
//! ```text
//!   caller 127.0.0.2 ──► 127.0.0.3 ┐          ┌ 127.0.0.1 ──► called     (nearest)
//!   caller ::1       ──► ::1       ┤  Switch  ├ 127.0.0.3 ──► called     (local = "127.0.0.3")
//!                                  ┘          └ ::1       ──► called
//! ```
//!
//! This test verifies that a response leaves from the socket that its request came to (RFC 3581 §4), that a request leaves from the
//! listener that is wanted or nearest, that its Via says where that is or what it is called, and that received and rport are noted.

use crate::switch::{House, Invite, Party, Switch};
use countersign_sip::flow::Transport;
use std::net::SocketAddr;

const LISTENERS: &str = "udp = [\"127.0.0.1:0\", \"127.0.0.3:0\", \"[::1]:0\"]";

fn trunk(called: &Party, settings: &str) -> String {
    format!(
        "[[trunks]]\nname = \"t\"\naddresses = [\"127.0.0.2\", \"::1\"]\nnext_hops = [\"udp:{}\"]\n{settings}\n",
        called.address
    )
}

/// Our UDP listener at this address.
fn ours(switch: &Switch, ip: &str) -> SocketAddr {
    let mut listeners = switch.listeners().iter();
    let is_it =
        |(by, at): &&(Transport, SocketAddr)| *by == Transport::Udp && at.ip().to_string() == ip;
    listeners.find(is_it).unwrap().1
}

/// A call from a caller to one of our addresses: where it left from, and what its Via says.
async fn left_from(
    switch: &Switch,
    call_id: &str,
    caller: &Party,
    to: &str,
    called: &Party,
) -> (SocketAddr, String) {
    let to = ours(switch, to);
    caller.says(Invite::new(call_id).text(caller), to).await;
    let heard = called.hears().await;
    called.answers(&heard, "486 Busy Here").await;
    assert!(called.hears().await.text.starts_with("ACK "));
    for _ in ["100", "486"] {
        let response = caller.hears().await;
        assert_eq!(response.from(), to, "{}", response.text);
        let via = response.values("Via")[0].to_owned();
        let received = format!("received={}", caller.address.ip());
        assert!(
            via.contains(&received) && via.contains(&format!("rport={}", caller.address.port())),
            "{via}"
        );
    }
    let via = heard.values("Via")[0].to_owned();
    let sent_by = via.split([' ', ';']).nth(1).unwrap();
    (heard.from(), sent_by.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_responses_leave_from_where_they_should() {
    let house = House::new();
    let (caller, called) = (Party::at(2).await, Party::at(1).await);
    let switch = house.start(LISTENERS, &trunk(&called, "")).await;
    let (first, third) = (ours(&switch, "127.0.0.1"), ours(&switch, "127.0.0.3"));
    let from = left_from(&switch, "interface-1", &caller, "127.0.0.3", &called).await;
    assert_eq!(from, (first, first.to_string()), "the nearest");

    house.configure(LISTENERS, &trunk(&called, "local = \"127.0.0.3\""));
    switch.reload().await;
    let from = left_from(&switch, "interface-2", &caller, "127.0.0.1", &called).await;
    assert_eq!(from, (third, third.to_string()), "the one that is wanted");

    let settings = "local = \"127.0.0.3\"\nadvertise = \"edge.example:5070\"";
    house.configure(LISTENERS, &trunk(&called, settings));
    switch.reload().await;
    let from = left_from(&switch, "interface-3", &caller, "127.0.0.1", &called).await;
    assert_eq!(from, (third, "edge.example:5070".into()));
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_all_the_way_and_to_ipv4() {
    let house = House::new();
    let (caller, six, four) = (
        Party::on_six().await,
        Party::on_six().await,
        Party::at(1).await,
    );
    let switch = house.start(LISTENERS, &trunk(&six, "")).await;
    let at_six = ours(&switch, "::1");
    let from = left_from(&switch, "interface-6", &caller, "::1", &six).await;
    assert_eq!(from, (at_six, at_six.to_string()));
    house.configure(LISTENERS, &trunk(&four, ""));
    switch.reload().await;
    let from = left_from(&switch, "interface-64", &caller, "::1", &four).await;
    let at_four = ours(&switch, "127.0.0.1");
    assert_eq!(from, (at_four, at_four.to_string()));
    switch.stop().await;
}
