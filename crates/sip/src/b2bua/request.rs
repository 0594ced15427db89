//! A request that crosses from one side to the other.

use super::call::Side;
use super::edit::{self, OurContact};
use super::way::Way;
use crate::message::{Message, Method, Name};
use crate::patch::{Patch, PatchError};
use crate::proxy::{self, Additions, Copy};
use crate::trunk::{OurNames, Trunk};

/// How a request is named on the side it goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg<'a> {
    pub(crate) call_id: &'a [u8],
    pub(crate) from_tag: &'a [u8],
    pub(crate) to_tag: &'a [u8],
    pub(crate) contact: OurContact<'a>,
}

/// The INVITE that begins the far dialog.
///
/// # Errors
/// [`PatchError`]: a mistake of ours.
pub(crate) fn first(
    request: &Message,
    trunk: &Trunk,
    additions: &Additions,
    names: &OurNames,
    leg: &Leg<'_>,
) -> Result<Copy, PatchError> {
    let mut patch = Patch::default();
    named(request, leg, &mut patch);
    proxy::route(request, names, &mut patch);
    proxy::target(request, additions, &mut patch);
    proxy::added(request, trunk, additions, &mut patch);
    Copy::written(patch.apply(request)?)
}

/// A request inside a dialog of a call that came by `trunk`. The verdicts of neither side are to be believed; of `additions` there are
/// signatures at most.
///
/// # Errors
/// [`PatchError`]: a mistake of ours.
pub(crate) fn inside(
    request: &Message,
    (trunk, from): (&Trunk, Side),
    additions: &Additions,
    leg: &Leg<'_>,
    way: &Way,
) -> Result<Copy, PatchError> {
    let mut patch = Patch::default();
    let way = way.written();
    patch.replace_request_uri(request, &way.uri);
    patch.remove_headers(request, Name::Route);
    if !way.routes.is_empty() {
        patch.prepend_header(request, Name::Route.as_str(), &way.routes);
    }
    named(request, leg, &mut patch);
    match from {
        Side::Far => {
            proxy::returned(request, trunk, &mut patch);
            proxy::signature(request, trunk, additions, &mut patch);
        }
        Side::Near => proxy::added(request, trunk, additions, &mut patch),
    }
    Copy::written(patch.apply(request)?)
}

fn named(request: &Message, leg: &Leg<'_>, patch: &mut Patch) {
    for name in [Name::Via, Name::RecordRoute] {
        patch.remove_headers(request, name);
    }
    edit::value(request, Name::CallId, leg.call_id, patch);
    edit::tag(request, Name::From, leg.from_tag, patch);
    edit::tag(request, Name::To, leg.to_tag, patch);
    edit::contact(request, &leg.contact, patch);
    // RFC 3261 §8.1.1.8: "The Contact header field MUST be present and contain exactly one SIP or SIPS URI in any request that can
    // result in the establishment of a dialog."
    if request.method() == Some(Method::Invite) && request.header(Name::Contact).is_none() {
        let ours = leg.contact.in_place_of(None);
        patch.append_header(request, Name::Contact.as_str(), &ours);
    }
}
