//! A response that crosses back.

use super::edit::{self, OurContact};
use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::patch::{Patch, PatchError};
use bytes::Bytes;

/// The request that a response answers, on the side it goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    /// As it came.
    pub(crate) request: &'a Message,
    /// The tag that the response has there, if the request has none.
    pub(crate) tag: &'a [u8],
    pub(crate) contact: OurContact<'a>,
}

/// The response as it goes on.
///
/// # Errors
/// [`PatchError`]: a mistake of ours.
// RFC 3261 §8.2.6.2: "The From field of the response MUST equal the From header field of the request.  The Call-ID header field of the
// response MUST equal the Call-ID header field of the request.  The CSeq header field of the response MUST equal the CSeq field of the
// request.  The Via header field values in the response MUST equal the Via header field values in the request and MUST maintain the
// same ordering."
pub(crate) fn crossed(response: &Message, answered: &Answered<'_>) -> Result<Bytes, PatchError> {
    let mut patch = Patch::default();
    let Answered { request, .. } = *answered;
    patch.remove_headers(response, Name::Via);
    for via in request.headers(Name::Via) {
        patch.prepend_header(response, Name::Via.as_str(), via.value);
    }
    for name in [Name::From, Name::CallId, Name::CSeq] {
        edit::value(
            response,
            name,
            request.header(name).unwrap_or_default(),
            &mut patch,
        );
    }
    to(response, answered, &mut patch);
    patch.remove_headers(response, Name::RecordRoute);
    if matches!(response.status(), Some(101..300)) {
        // RFC 3261 §12.1.1: "When a UAS responds to a request with a response that establishes a dialog (such as a 2xx to INVITE), the
        // UAS MUST copy all Record-Route header field values from the request into the response"
        for route in request.headers(Name::RecordRoute) {
            patch.prepend_header(response, Name::RecordRoute.as_str(), route.value);
        }
        edit::contact(response, &answered.contact, &mut patch);
    }
    patch.apply(response)
}

fn to(response: &Message, answered: &Answered<'_>, patch: &mut Patch) {
    let to = answered.request.header(Name::To).unwrap_or_default();
    let has_tag = NameAddr::parse(to).is_some_and(|to| to.tag().is_some());
    let value = match has_tag || answered.tag.is_empty() {
        true => to.to_vec(),
        false => [to, b";tag=", answered.tag].concat(),
    };
    edit::value(response, Name::To, &value, patch);
}
