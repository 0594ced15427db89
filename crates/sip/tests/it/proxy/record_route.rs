//! Staying on the path: RFC 3261 §16.6 step 4, with both sides of us where they differ (RFC 5658).
//!
//! ```text
//!   caller ── INVITE ──▶ proxy ── INVITE, Record-Route: us ──▶ callee
//!          ── BYE, Route: us ──▶        ── BYE ──▶
//! ```

use super::{Table, hop, invite, request, tcp, trunk};
use countersign_sip::element::Input;
use countersign_sip::flow::Transport;
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{RecordRoute, SentBy, Trunk};
use std::sync::Arc;

const CALLER: &str = "192.0.2.10:5060";

fn staying() -> Trunk {
    Trunk {
        record_route: RecordRoute::Added,
        ..trunk()
    }
}

fn in_dialog(text: &str) -> String {
    let to = "To: <sip:+12025550101@b.example>";
    text.replace(to, &format!("{to};tag=callee"))
}

/// This test verifies that nothing is written where nobody asked for it.
#[test]
fn nobody_stays_unasked() {
    let mut table = Table::new(trunk());
    table.caller(&invite(""));
    assert!(table.sent().remove(1).values("Record-Route").is_empty());
}

/// This test verifies that our value stands before others', has lr, and stands only in what may begin a dialog.
#[test]
fn what_may_begin_a_dialog_gets_our_value_on_top() {
    let others = "Record-Route: <sip:p1.example;lr>\r\n";
    for (method, to_tag, added) in [
        ("INVITE", "", true),
        ("SUBSCRIBE", "", true),
        ("REFER", "", true),
        ("NOTIFY", ";tag=callee", true),
        ("INVITE", ";tag=callee", false),
        ("BYE", ";tag=callee", false),
        ("MESSAGE", "", false),
        ("REGISTER", "", false),
        ("X-NEW", "", false),
    ] {
        let mut table = Table::new(staying());
        let text = request(method, "z9hG4bKone", others);
        let to = "To: <sip:+12025550101@b.example>";
        table.caller(&text.replace(to, &format!("{to}{to_tag}")));
        let sent = table.sent();
        let sent = sent.iter().find(|sent| sent.to() == "callee/udp").unwrap();
        let mut expected = vec!["<sip:p1.example;lr>"];
        if added {
            expected.insert(0, "<sip:192.0.2.1:5060;lr>");
        }
        assert_eq!(sent.values("Record-Route"), expected, "{method} {to_tag}");
    }
}

/// This test verifies that both sides are written where they differ, the one towards the callee on top, and that TLS is written as sips.
#[test]
fn both_sides_are_written_where_they_differ() {
    let us = "<sip:192.0.2.1:5060";
    let named = |transport, name: &str| {
        let mut trunk = staying();
        trunk.next_hops = vec![hop(transport, "192.0.2.20:5060")];
        trunk.next_hops[0].sent_by = Some(SentBy::new(name, Some(5060)).unwrap());
        trunk
    };
    for (trunk, expected) in [
        (
            named(Transport::Tcp, "192.0.2.1"),
            vec![format!("{us};transport=tcp;lr>"), format!("{us};lr>")],
        ),
        (
            named(Transport::Udp, "198.51.100.1"),
            vec!["<sip:198.51.100.1:5060;lr>".into(), format!("{us};lr>")],
        ),
        (
            named(Transport::Tls, "192.0.2.1"),
            vec!["<sips:192.0.2.1:5060;lr>".into(), format!("{us};lr>")],
        ),
        (
            named(Transport::Udp, "192.0.2.1"),
            vec![format!("{us};lr>")],
        ),
    ] {
        let mut table = Table::new(trunk);
        table.caller(&invite(""));
        assert_eq!(table.sent().remove(1).values("Record-Route"), expected);
    }
    let mut table = Table::new(staying());
    let text = invite("").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    table.handle(Input::Received {
        flow: tcp(CALLER, 7),
        message: Message::parse(text.into(), Framing::Datagram).unwrap(),
        trunk: Some(Arc::new(staying())),
    });
    let expected = [
        "<sip:192.0.2.1:5060;lr>",
        "<sip:192.0.2.1:5060;transport=tcp;lr>",
    ];
    assert_eq!(table.sent().remove(1).values("Record-Route"), expected);
}

/// This test verifies that what comes later in the call passes here, and that our values go from its Route, one or both of them.
#[test]
fn our_values_go_from_the_route_of_what_comes_later() {
    for (route, left) in [
        ("Route: <sip:192.0.2.1:5060;lr>\r\n", vec![]),
        (
            "Route: <sip:192.0.2.1:5060;lr>, <sip:p2.example;lr>\r\n",
            vec!["<sip:p2.example;lr>"],
        ),
        (
            "Route: <sip:192.0.2.1:5060;lr>\r\nRoute: <sip:192.0.2.1;transport=tcp;lr>\r\n",
            vec![],
        ),
        (
            "Route: <sip:192.0.2.1:5060;lr>, <sip:proxy.example;lr>\r\nRoute: <sip:p2.example;lr>, <sip:p3.example;lr>\r\n",
            vec!["<sip:p2.example;lr>, <sip:p3.example;lr>"],
        ),
    ] {
        for method in ["BYE", "ACK", "INFO"] {
            let mut table = Table::new(staying());
            table.caller(&in_dialog(&request(method, "z9hG4bKtwo", route)));
            let sent = table.sent();
            let sent = sent.iter().find(|sent| sent.to() == "callee/udp").unwrap();
            assert_eq!(sent.values("Route"), left, "{method} {route}");
            assert!(sent.first_line().starts_with(method));
        }
    }
}
