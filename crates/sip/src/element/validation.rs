//! Whether a request may be forwarded: RFC 3261 §16.3, in its order.

use super::tokens::{Shape, Tokens};
use crate::defect::Defect;
use crate::inspect::inspect;
use crate::message::{Message, Name};

/// Why a request is not forwarded, and what its sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// §16.3 step 1 and 2.
    Defect(Defect),
    /// §16.3 step 4.
    Loop,
    /// §8.2.1: we redirect calls and nothing else.
    MethodNotAllowed,
    /// §12.2.2: whoever redirects has no dialogs.
    NoSuchDialog,
    /// §16.3 step 5: the options we do not know.
    ProxyRequire(Vec<u8>),
    /// §16.3 step 3.
    TooManyHops,
}

impl Refusal {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Defect(defect) => defect.status(),
            Self::Loop => 482,
            Self::MethodNotAllowed => 405,
            Self::NoSuchDialog => 481,
            Self::ProxyRequire(_) => 420,
            Self::TooManyHops => 483,
        }
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Defect(defect) => defect.reason(),
            Self::Loop => "Loop Detected",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::NoSuchDialog => "Call/Transaction Does Not Exist",
            Self::ProxyRequire(_) => "Bad Extension",
            Self::TooManyHops => "Too Many Hops",
        }
    }

    /// Header lines that the answer must have.
    // RFC 3261 §16.3: "The response MUST include an Unsupported (Section 20.40) header field listing those option-tags the element
    // did not understand."
    pub(super) fn extra(&self) -> Vec<(&'static str, &[u8])> {
        match self {
            Self::MethodNotAllowed => vec![("Allow", b"INVITE, ACK, CANCEL, OPTIONS")],
            Self::ProxyRequire(options) => vec![("Unsupported", options)],
            _ => Vec::new(),
        }
    }
}

/// RFC 3261 §16.3. An OPTIONS that is for us must not come here.
pub(super) fn validate(request: &Message, tokens: &Tokens, shape: Shape) -> Result<(), Refusal> {
    // RFC 3261 §16.3: "The request MUST be well-formed enough to be handled with a server transaction."; "If the Request-URI has a URI
    // whose scheme is not understood by the proxy, the proxy SHOULD reject the request with a 416 (Unsupported URI Scheme) response."
    inspect(request).map_err(Refusal::Defect)?;
    // RFC 3261 §16.3: "If the request contains a Max-Forwards header field with a field value of zero (0), the element MUST NOT forward
    // the request."; "Otherwise, the element MUST return a 483 (Too many hops) response."
    if request.max_forwards() == Ok(Some(0)) {
        return Err(Refusal::TooManyHops);
    }
    if tokens.has_looped(request, shape) {
        return Err(Refusal::Loop);
    }
    // RFC 3261 §16.3: "If the request contains a Proxy-Require header field (Section 20.29) with one or more option-tags this element
    // does not understand, the element MUST return a 420 (Bad Extension) response." We understand none.
    let options: Vec<&[u8]> = request
        .elements(Name::ProxyRequire)
        .filter(|option| !option.is_empty())
        .collect();
    if options.is_empty() {
        Ok(())
    } else {
        Err(Refusal::ProxyRequire(options.join(&b", "[..])))
    }
}

/// Whether an OPTIONS is ours to answer: every one outside a dialog, whose sender wants to know whether this hop lives, and every one
/// that can go no further.
// RFC 3261 §16.3: "If the request was for OPTIONS, the element MAY act as the final recipient and respond per Section 11."
pub(super) fn is_for_us(options_request: &Message) -> bool {
    let in_dialog = options_request.to().is_ok_and(|to| to.tag().is_some());
    !in_dialog || options_request.max_forwards() == Ok(Some(0))
}
