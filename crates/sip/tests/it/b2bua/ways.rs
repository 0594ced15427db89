//! The ways of the two dialogs: connections, route sets, strict routers, and a call that comes back to us.
//!
//! ```text
//!   caller ═ TCP ═ b2bua ═ UDP ═ proxy ══ called         each leg has its own way
//!                    ▲             │
//!                    └── INVITE ◀──┘                     and a call may come by twice
//! ```

use super::{CALLED, Line, Sent, answer, from_called, inside, invite, options, udp, uri};
use bytes::Bytes;
use countersign_sip::element::Input;
use countersign_sip::flow::{ConnectionId, Flow, Transport};
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{B2buaMode, Listener, Names, Role, SentBy, Trunk};
use std::sync::Arc;

/// The caller's request over its connection.
fn over_tcp(line: &mut Line, text: &str) {
    let text = text.replace("SIP/2.0/UDP 192.0.2.10", "SIP/2.0/TCP 192.0.2.10");
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let message = Message::parse(bytes, Framing::Stream).unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        connection: Some(ConnectionId(3)),
        ..udp("192.0.2.10:41000")
    };
    line.handle(Input::Received {
        flow,
        message,
        trunk: Some(Arc::clone(&line.trunk)),
    });
}

/// This test verifies that each leg keeps its transport: requests to the caller go on its connection, and our Contact says so.
#[test]
fn each_leg_has_its_transport() {
    let mut line = Line::new();
    over_tcp(&mut line, &invite());
    let sent = line.sent().remove(1);
    assert_eq!(sent.target.transport, Transport::Udp);
    assert!(
        sent.value("Contact")
            .starts_with("<sip:caller@192.0.2.1:5060>")
    );
    line.called(&answer(&sent, "200 OK", "callee"));
    let answered = line.one();
    assert_eq!(
        answered.value("Contact"),
        "<sip:called@192.0.2.1:5060;transport=tcp>"
    );
    over_tcp(&mut line, &inside("ACK", 1, &answered));
    assert_eq!(line.one().target.transport, Transport::Udp);
    line.called(&from_called("BYE", 1, &sent, "callee"));
    let bye = line.one();
    assert_eq!(bye.target.transport, Transport::Tcp);
    assert_eq!(bye.target.connection, Some(ConnectionId(3)));
    assert_eq!(
        bye.target.remote.to_string(),
        "192.0.2.10:5060",
        "if it is closed by then"
    );
    assert!(bye.value("Via").starts_with("SIP/2.0/TCP "), "{}", bye.text);
}

/// This test verifies that the far route set is kept from the answer, reversed, and hidden from the caller.
#[test]
fn the_far_route_set_is_used() {
    for (first, uri, routes) in [
        (
            "<sip:p1.example;lr>",
            "sip:called@192.0.2.20:5060",
            "<sip:p1.example;lr>, <sip:p2.example;lr>",
        ),
        (
            "<sip:p1.example>",
            "sip:p1.example",
            "<sip:p2.example;lr>, <sip:called@192.0.2.20:5060>",
        ),
    ] {
        let mut line = Line::new();
        let sent = line.invited();
        let recorded = format!("Record-Route: <sip:p2.example;lr>, {first}\r\nContact:");
        line.called(&answer(&sent, "200 OK", "callee").replace("Contact:", &recorded));
        let answered = line.one();
        assert_eq!(answered.value("Record-Route"), "<sip:192.0.2.11;lr>");
        line.caller(
            &inside("BYE", 2, &answered).replace("Max", "Route: <sip:192.0.2.1;lr>\r\nMax"),
        );
        let bye = line.one();
        assert_eq!(bye.first_line(), format!("BYE {uri} SIP/2.0"));
        assert_eq!(bye.value("Route"), routes);
        assert_eq!(
            bye.to(),
            "called",
            "where the call went, whatever the route says"
        );
    }
}

/// What somebody in the middle makes of a request: it goes back to us, with a Via on top.
fn turned_round(sent: &Sent, branch: &str) -> String {
    let via = format!("Via: SIP/2.0/UDP 192.0.2.20:5060;branch={branch}\r\nVia:");
    sent.text.replacen("Via:", &via, 1)
}

/// This test verifies that a call that comes by twice is two calls, with names that do not meet, and that both end with it.
#[test]
fn a_call_that_comes_back_is_another() {
    for names in [Names::Kept, Names::Mapped] {
        let mut line = Line::with(B2buaMode {
            names,
            ..B2buaMode::default()
        });
        let there = line.invited();
        let trunk = Some(Arc::clone(&line.trunk));
        let forwarded = turned_round(&there, "z9hG4bKmiddle");
        let forwarded = forwarded.replacen("+12025550101", "+12025550102", 1);
        line.receive(&forwarded, CALLED, trunk);
        let again = line.sent().remove(1);
        assert_eq!(line.element.calls(), 2);
        assert_ne!(again.value("Call-ID"), there.value("Call-ID"), "{names:?}");
        assert_eq!(again.value("Max-Forwards"), "68");
        line.called(&answer(&again, "200 OK", "callee"));
        let middle = line.one();
        assert_eq!(middle.values("Via").len(), 2);
        // The one in the middle takes its Via off.
        let (own, rest) = middle
            .text
            .split_once("Via: SIP/2.0/UDP 192.0.2.20")
            .unwrap();
        let rest = rest.split_once("\r\n").unwrap().1;
        line.called(&format!("{own}{rest}"));
        let answered = line.one();
        assert_eq!(answered.to(), "caller");
        assert_ne!(answered.value("Call-ID"), again.value("Call-ID"));
        line.caller(&inside("BYE", 2, &answered));
        let bye = line.one();
        let trunk = Some(Arc::clone(&line.trunk));
        line.receive(&turned_round(&bye, "z9hG4bKbye"), CALLED, trunk);
        let last = line.one();
        assert_eq!(last.value("Call-ID"), again.value("Call-ID"));
        assert_eq!(last.tag("To"), Some("callee"));
        line.called(&answer(&last, "200 OK", ""));
        line.ends_clean();
    }
}

/// What the caller is told who sent to `local`, in Contact, when these listeners are known.
fn told_at(transport: Transport, local: &str, listeners: &[Listener]) -> String {
    let mut options = options();
    options.names.listeners = listeners.to_vec();
    let mut line = Line::with_options(B2buaMode::default(), options);
    let flow = Flow {
        transport,
        local: local.parse().unwrap(),
        connection: (transport != Transport::Udp).then_some(ConnectionId(3)),
        ..udp("192.0.2.10:5060")
    };
    let message = Message::parse(invite().into(), Framing::Datagram).unwrap();
    line.handle(Input::Received {
        flow,
        message,
        trunk: Some(Arc::clone(&line.trunk)),
    });
    let sent = line.sent().remove(1);
    line.called(&answer(&sent, "200 OK", "callee"));
    let answered = line.one();
    line.called(&from_called("BYE", 1, &sent, "callee"));
    let bye = line.one();
    let contact = uri(answered.value("Contact"));
    let host = contact.split(['@', ';']).nth(1).unwrap();
    assert!(
        bye.value("Via").contains(&format!(" {host};")),
        "{}",
        bye.text
    );
    contact.to_owned()
}

/// This test verifies that the caller is told the address that it has sent to, or the name of it, and not that of the first listener.
#[test]
fn the_caller_is_told_where_it_came_to() {
    let listener = |transport, address: &str, name: Option<&str>| Listener {
        transport,
        address: address.parse().unwrap(),
        name: name.map(|name| SentBy::new(name, Some(5090)).unwrap()),
    };
    let listeners = [
        listener(Transport::Udp, "192.0.2.1:5060", None),
        listener(Transport::Udp, "198.51.100.1:5070", None),
        listener(Transport::Udp, "203.0.113.1:5060", Some("edge.example")),
        listener(Transport::Tls, "0.0.0.0:5061", None),
        listener(Transport::Udp, "0.0.0.0:5080", None),
    ];
    for (transport, local, expected) in [
        (Transport::Udp, "192.0.2.1:5060", "192.0.2.1:5060"),
        (Transport::Udp, "198.51.100.1:5070", "198.51.100.1:5070"),
        (Transport::Udp, "203.0.113.1:5060", "edge.example:5090"),
        (
            Transport::Tls,
            "198.51.100.1:5061",
            "198.51.100.1:5061;transport=tls",
        ),
        // Its connection is one that we have opened, from a port where nobody listens.
        (
            Transport::Tls,
            "198.51.100.1:41000",
            "198.51.100.1:5061;transport=tls",
        ),
        (Transport::Udp, "0.0.0.0:5080", "192.0.2.1:5080"),
    ] {
        let told = told_at(transport, local, &listeners);
        assert_eq!(told, format!("sip:called@{expected}"), "{local}");
    }
}

/// This test verifies that a `sips` Contact of the called, on a way without TLS, does not shut the caller out of its own call.
#[test]
fn a_secure_contact_makes_no_way_secure() {
    let mut line = Line::new();
    let sent = line.invited();
    line.called(&answer(&sent, "200 OK", "callee").replace("<sip:called@", "<sips:called@"));
    let answered = line.one();
    assert_eq!(answered.value("Contact"), "<sip:called@192.0.2.1:5060>");
    line.caller(&inside("BYE", 2, &answered));
    let bye = line.one();
    assert_eq!(bye.first_line(), "BYE sips:called@192.0.2.20:5060 SIP/2.0");
    line.called(&answer(&bye, "200 OK", ""));
    assert_eq!(line.lines(), ["caller SIP/2.0 200 OK"]);
    line.ends_clean();
}

/// This test verifies that a verdict in the caller's Contact goes no further, wherever it stands, on a trunk that verifies.
#[test]
fn a_verdict_in_contact_does_not_cross() {
    let contact = "<sip:caller@192.0.2.10:5060;x=y>;+sip.instance=\"<urn:uuid:1>\"";
    for (theirs, ours) in [
        (
            "<sip:+12025550100;verstat=TN-Validation-Passed@192.0.2.10>",
            "<sip:+12025550100@192.0.2.1:5060>",
        ),
        (
            "<sip:a@192.0.2.10;verstat=TN-Validation-Passed>;q=1;Verstat=x",
            "<sip:a@192.0.2.1:5060>;q=1",
        ),
        (
            "<sip:a@192.0.2.10>\r\nContact: <sip:b@192.0.2.10>;verstat=x",
            "<sip:a@192.0.2.1:5060>",
        ),
    ] {
        let mut line = Line::new();
        let mut trunk = Trunk::clone(&line.trunk);
        trunk.role = Role::Verify;
        line.trunk = Arc::new(trunk);
        // An emergency call is not judged.
        let text = invite().replace(contact, theirs);
        line.caller(&text.replacen("sip:+12025550101@b.example", "urn:service:sos", 1));
        let sent = line.sent().remove(1);
        assert_eq!(sent.value("Contact"), ours, "{}", sent.text);
    }
}
