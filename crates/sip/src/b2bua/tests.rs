//! Route sets and tags.

use super::edit::with_tag;
use super::way::Way;
use crate::message::{Framing, Message};

fn message(text: &str) -> Message {
    Message::parse(text.to_owned().into(), Framing::Datagram).unwrap()
}

/// RFC 3261 §12.1.1 and §12.1.2: in order to the caller, reversed to the called.
#[test]
fn route_sets_are_read_in_the_order_of_their_side() {
    let routes = "Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\n";
    let invite = message(&format!(
        "INVITE sip:b@h SIP/2.0\r\n{routes}Contact: \"A\" <sip:a@c:5070;transport=tcp?x=y>;q=1\r\n\r\n"
    ));
    let back = Way::back_to(&invite).written();
    assert_eq!(back.uri, b"sip:a@c:5070;transport=tcp");
    assert_eq!(back.routes, b"<sip:p2;lr>, <sip:p1;lr>, <sip:p0;lr>");
    let answer = message(&format!(
        "SIP/2.0 200 OK\r\n{routes}Contact: <sip:b@d>\r\n\r\n"
    ));
    let on = Way::on_to(&answer).written();
    assert_eq!(on.uri, b"sip:b@d");
    assert_eq!(on.routes, b"<sip:p0;lr>, <sip:p1;lr>, <sip:p2;lr>");
}

/// RFC 3261 §12.2.1.1, the example of a strict router.
#[test]
fn a_strict_router_takes_the_request_uri() {
    let invite = message(
        "INVITE sip:b@h SIP/2.0\r\nRecord-Route: <sip:proxy1>, <sip:proxy2>, <sip:proxy3;lr>, <sip:proxy4>\r\n\
         Contact: <sip:user@remoteua>\r\n\r\n",
    );
    let way = Way::back_to(&invite).written();
    assert_eq!(way.uri, b"sip:proxy1");
    assert_eq!(
        way.routes,
        b"<sip:proxy2>, <sip:proxy3;lr>, <sip:proxy4>, <sip:user@remoteua>"
    );
}

#[test]
fn a_contact_that_is_no_address_leads_to_who_wrote_it() {
    let invite = message("INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nContact: *\r\n\r\n");
    assert_eq!(Way::back_to(&invite).written().uri, b"sip:a@h");
}

#[test]
fn a_tag_takes_the_place_of_another() {
    for (value, tag, expected) in [
        ("<sip:a@h>;tag=1;x=y", "2", "<sip:a@h>;x=y;tag=2"),
        ("sip:a@h", "2", "sip:a@h;tag=2"),
        ("\"A\" <sip:a@h;tag=no>;tag=1", "", "\"A\" <sip:a@h;tag=no>"),
    ] {
        assert_eq!(
            with_tag(value.as_bytes(), tag.as_bytes()),
            expected.as_bytes()
        );
    }
}
