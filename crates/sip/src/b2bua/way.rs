//! The way to the other end of a dialog: its route set and remote target.

use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::proxy::is_strict;

/// Route set and remote target of one dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    target: Box<[u8]>,
    /// The values of Route with commas between; empty if there are none.
    routes: Box<[u8]>,
}

/// What a request has for its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) uri: Vec<u8>,
    /// The value of Route; empty if there is none.
    pub(crate) routes: Vec<u8>,
}

impl Way {
    /// Back to the sender of an INVITE that begins a dialog.
    // RFC 3261 §12.1.1: "The route set MUST be set to the list of URIs in the Record-Route header field from the request, taken in order
    // and preserving all URI parameters."; "The remote target MUST be set to the URI from the Contact header field of the request."
    pub(crate) fn back_to(invite: &Message) -> Self {
        let routes: Vec<_> = invite.elements(Name::RecordRoute).collect();
        let sender = invite.from().map(|from| from.uri);
        Self {
            target: contact(invite).or(sender.ok()).unwrap_or_default().into(),
            routes: routes.join(&b", "[..]).into(),
        }
    }

    /// On to the sender of a response that makes a dialog.
    // RFC 3261 §12.1.2: "The route set MUST be set to the list of URIs in the Record-Route header field from the response, taken in
    // reverse order and preserving all URI parameters."; "The remote target MUST be set to the URI from the Contact header field of the
    // response."
    pub(crate) fn on_to(response: &Message) -> Self {
        let mut routes: Vec<_> = response.elements(Name::RecordRoute).collect();
        routes.reverse();
        let called = response.to().map(|to| to.uri);
        Self {
            target: contact(response).or(called.ok()).unwrap_or_default().into(),
            routes: routes.join(&b", "[..]).into(),
        }
    }

    /// The sender of `message` has said where it is now.
    // RFC 3261 §12.2.2: "When a UAS receives a target refresh request, it MUST replace the dialog's remote target URI with the URI from
    // the Contact header field in that request, if present."
    pub(crate) fn refresh(&mut self, message: &Message) {
        if let Some(target) = contact(message)
            && *self.target != *target
        {
            self.target = target.into();
        }
    }

    /// As it is written into a request.
    // RFC 3261 §12.2.1.1: "If the route set is not empty, and the first URI in the route set contains the lr parameter (see Section
    // 19.1.1), the UAC MUST place the remote target URI into the Request-URI and MUST include a Route header field containing the route
    // set values in order, including all parameters."
    // "If the route set is not empty, and its first URI does not contain the lr parameter, the UAC MUST place the first URI from the
    // route set into the Request-URI, stripping any parameters that are not allowed in a Request-URI.  The UAC MUST add a Route header
    // field containing the remainder of the route set values in order, including all parameters.  The UAC MUST then place the remote
    // target URI into the Route header field as the last value."
    pub(crate) fn written(&self) -> Written {
        let mut routes = crate::grammar::List::of(&self.routes).filter(|route| !route.is_empty());
        let first = routes.next().and_then(NameAddr::parse);
        match first {
            Some(first) if is_strict(first.uri) => {
                let last = [b"<", &*self.target, b">"].concat();
                let mut rest: Vec<&[u8]> = routes.collect();
                rest.push(&last);
                let uri = first.uri.split(|byte| *byte == b'?').next();
                Written {
                    uri: uri.unwrap_or_default().to_vec(),
                    routes: rest.join(&b", "[..]),
                }
            }
            _ => Written {
                uri: self.target.to_vec(),
                routes: self.routes.to_vec(),
            },
        }
    }

    /// The bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.target.len() + self.routes.len()
    }
}

/// The URI of Contact, if a request can be sent to it.
fn contact(message: &Message) -> Option<&[u8]> {
    let first = message.addresses(Name::Contact).next().flatten()?;
    // RFC 3261 §19.1.1, table 1: headers may stand in a Contact and not in a Request-URI.
    let uri = first.uri.split(|byte| *byte == b'?').next()?;
    (!uri.is_empty() && crate::uri::Uri::parse(uri).is_ok()).then_some(uri)
}
