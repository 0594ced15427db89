//! Whether a request may be forwarded: RFC 3261 §16.3, in its order.

use super::tokens::{Shape, Tokens};
use crate::defect::Defect;
use crate::inspect::inspect;
use crate::message::{Message, Name};

/// Why a request is not forwarded, and what its sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// §16.3 step 5, §8.2.2.3: the options we do not know.
    BadExtension(Vec<u8>),
    /// §16.3 step 1 and 2.
    Defect(Defect),
    /// §16.3 step 4.
    Loop,
    /// §8.2.1: we redirect calls and nothing else.
    MethodNotAllowed,
    /// §12.2.2: whoever redirects has no dialogs.
    NoSuchDialog,
    /// §16.3 step 3.
    TooManyHops,
    /// Who sends it is to be proven first: `answering`.
    Unproven,
}

impl Refusal {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::BadExtension(_) => 420,
            Self::Defect(defect) => defect.status(),
            Self::Loop => 482,
            Self::MethodNotAllowed => 405,
            Self::NoSuchDialog => 481,
            Self::TooManyHops => 483,
            Self::Unproven => 403,
        }
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::BadExtension(_) => "Bad Extension",
            Self::Defect(defect) => defect.reason(),
            Self::Loop => "Loop Detected",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::NoSuchDialog => "Call/Transaction Does Not Exist",
            Self::TooManyHops => "Too Many Hops",
            Self::Unproven => "Forbidden",
        }
    }

    /// Header lines that the answer must have.
    // RFC 3261 §16.3: "The response MUST include an Unsupported (Section 20.40) header field listing those option-tags the element
    // did not understand."
    pub(super) fn extra(&self) -> Vec<(&'static str, &[u8])> {
        match self {
            Self::MethodNotAllowed => vec![("Allow", b"INVITE, ACK, CANCEL, OPTIONS")],
            Self::BadExtension(options) => vec![("Unsupported", options)],
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
    understood(request, &[Name::ProxyRequire])
}

/// Whether an OPTIONS that is for us is answered as it wishes.
// RFC 3261 §11.2: "The response to an OPTIONS is constructed using the standard rules for a SIP response as discussed in Section
// 8.2.6."
// RFC 3261 §8.2.2.3: "If a UAS does not understand an option-tag listed in a Require header field, it MUST respond by generating a
// response with status code 420 (Bad Extension)." What is asked of proxies is asked of us, too.
pub(super) fn validate_ours(options_request: &Message) -> Result<(), Refusal> {
    inspect(options_request).map_err(Refusal::Defect)?;
    understood(options_request, &[Name::Require, Name::ProxyRequire])
}

/// Whether no option is named there: we understand none.
fn understood(request: &Message, names: &[Name]) -> Result<(), Refusal> {
    let named = names.iter().flat_map(|name| request.elements(*name));
    let options: Vec<&[u8]> = named.filter(|option| !option.is_empty()).collect();
    match options.is_empty() {
        true => Ok(()),
        false => Err(Refusal::BadExtension(options.join(&b", "[..]))),
    }
}

/// Whether an OPTIONS is ours to answer: every one outside a dialog, whose sender wants to know whether this hop lives, and every one
/// that can go no further.
// RFC 3261 §16.3: "If the request was for OPTIONS, the element MAY act as the final recipient and respond per Section 11."
pub(super) fn is_for_us(options_request: &Message) -> bool {
    let in_dialog = options_request.to().is_ok_and(|to| to.tag().is_some());
    !in_dialog || options_request.max_forwards() == Ok(Some(0))
}
