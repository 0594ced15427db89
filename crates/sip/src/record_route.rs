//! Record-Route: staying on the path of a dialog, RFC 3261 §16.6 step 4, with two values where the two sides of us differ (RFC 5658).

use crate::flow::Transport;
use crate::message::{Message, Method};
use crate::trunk::SentBy;
use crate::uri::{Security, Uri};

/// One side of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// How one gets there.
    pub(crate) transport: Transport,
    /// What we are called there.
    pub(crate) name: SentBy,
}

/// Whether a request may begin a dialog: NOTIFY begins one, too, although it has a To tag (RFC 6665 §4.1.2).
fn may_begin_a_dialog(request: &Message) -> bool {
    let inside = request.to().is_ok_and(|to| to.tag().is_some());
    match request.method() {
        Some(Method::Invite) => !inside,
        Some(method) => match method.as_bytes() {
            b"SUBSCRIBE" | b"REFER" => !inside,
            b"NOTIFY" => true,
            _ => false,
        },
        None => false,
    }
}

/// The header lines that keep us on the path of the dialog that a request may begin; none if it begins none.
// RFC 3261 §16.6: "If this proxy wishes to remain on the path of future requests in a dialog created by this request (assuming the request
// creates a dialog), it MUST insert a Record-Route header field value into the copy before any existing Record-Route header field
// values, even if a Route header field is already present."
// RFC 5658 §6.2: "if the transport protocol changed between its incoming and outgoing sides, the proxy SHOULD use the double Record-Route
// technique and SHOULD add a transport parameter to each of the Record-Route URIs it inserts."
pub(crate) fn lines(request: &Message, incoming: &Side, outgoing: &Side) -> String {
    if !may_begin_a_dialog(request) {
        return String::new();
    }
    let is_sips = matches!(
        request.request_uri().map(Uri::parse),
        Some(Ok(Uri::Sip(uri))) if uri.security == Security::Sips
    );
    let [towards_called, towards_caller] = [outgoing, incoming].map(|side| line(side, is_sips));
    match towards_called == towards_caller {
        true => towards_called,
        false => towards_called + &towards_caller,
    }
}

// RFC 3261 §16.6: "This URI MUST contain an lr parameter"; "If the Request-URI contains a SIPS URI, [...] the URI placed into the Record-Route
// header field MUST be a SIPS URI."
// RFC 5658 §6.2: "Proxies compliant with this specification MUST NOT use a "transport=tls" parameter on the URI placed in the
// Record-Route because the "transport=tls" usage was deprecated by [RFC3261]."
fn line(side: &Side, is_sips: bool) -> String {
    let (scheme, parameter) = match side.transport {
        Transport::Tls => ("sips", ""),
        _ if is_sips => ("sips", ""),
        Transport::Tcp => ("sip", ";transport=tcp"),
        Transport::Udp => ("sip", ""),
    };
    format!("Record-Route: <{scheme}:{}{parameter};lr>\r\n", side.name)
}
