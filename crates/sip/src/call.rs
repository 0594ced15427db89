//! What a request claims about its call: the [`Call`] that both services judge, and whether it is an emergency.
//!
//! Which header speaks for the caller is decided here; what its URI is worth as an identity is decided in
//! `countersign::identity`.

use crate::call_info;
use crate::header::NameAddr;
use crate::message::{Message, Name};
use crate::resource_priority;
use crate::sdp;
use crate::uri::Uri;
use countersign::call::{Call, CallReference, DestSource, OrigSource, Presentation};
use countersign::identity::{Identity, IdentityPolicy, Role};
use countersign::number::TelephoneNumber;
use countersign::priority::Dialled;

/// What the trunk's configuration says about reading calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallPolicy {
    /// How URIs become identities.
    pub identity: IdentityPolicy,
    /// Whether the sender's P-Asserted-Identity speaks for the caller.
    pub trust_pai: TrustPai,
}

/// Whether the other side of a trunk is in the trust domain of RFC 3325.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustPai {
    /// Its P-Asserted-Identity is not looked at.
    #[default]
    Ignored,
    /// Its P-Asserted-Identity comes before From.
    Trusted,
}

/// Most P-Asserted-Identity values that are looked at. RFC 3325 §9.1 allows two.
pub const MAX_ASSERTED: usize = 8;

/// Reads the call out of a request.
///
/// orig: the first number among the P-Asserted-Identity values of a trusted side, else their first URI, else From; an
/// anonymous or unusable assertion is skipped. dest: To, then the Request-URI, as far as they name somebody.
pub fn from_request(message: &Message, policy: &CallPolicy) -> Call {
    let from = message.from().ok();
    let (orig, orig_from) = speaker_beside(message, from.as_ref(), policy);
    let presentation = Presentation {
        name: shown_name(message, from.as_ref(), (orig.as_ref(), orig_from), policy),
        reason: call_info::reason(message),
        card: call_info::card(message),
    };
    Call {
        orig,
        orig_from,
        dest: destinations(message, policy.identity),
        date: message.date(),
        presentation,
        priority: resource_priority::requested(message),
        media_keys: sdp::fingerprints(message).map(Box::new),
        reference: message.call_id().ok().map(|call_id| CallReference {
            call_id: call_id.into(),
            from_tag: from.and_then(|from| from.tag()).unwrap_or_default().into(),
            within: None,
        }),
    }
}

/// Who calls, and who says so.
pub(crate) fn speaker(message: &Message, policy: &CallPolicy) -> (Option<Identity>, OrigSource) {
    speaker_beside(message, message.from().ok().as_ref(), policy)
}

fn speaker_beside(
    message: &Message,
    from: Option<&NameAddr<'_>>,
    policy: &CallPolicy,
) -> (Option<Identity>, OrigSource) {
    let asserted = match policy.trust_pai {
        TrustPai::Trusted => asserted(message, policy.identity),
        TrustPai::Ignored => None,
    };
    match asserted {
        Some(identity) => (Some(identity), OrigSource::PAssertedIdentity),
        None => {
            let orig = from.and_then(|from| caller(from.uri, policy.identity));
            (orig, OrigSource::From)
        }
    }
}

/// The display name beside the URI that spoke for the caller.
fn shown_name(
    message: &Message,
    from: Option<&NameAddr<'_>>,
    (orig, source): (Option<&Identity>, OrigSource),
    policy: &CallPolicy,
) -> Option<Box<str>> {
    let text = match source {
        OrigSource::PAssertedIdentity => {
            let values = message
                .addresses(Name::PAssertedIdentity)
                .take(MAX_ASSERTED);
            let mut spoke = values
                .flatten()
                .filter(|value| caller(value.uri, policy.identity).as_ref() == orig);
            spoke.find_map(|value| value.display_text())
        }
        OrigSource::From | OrigSource::Given => from?.display_text(),
    };
    text.map(Box::from)
}

/// Whom the P-Asserted-Identity of a request names. What it asserts of somebody who does not say who it is says nothing more than From.
// RFC 3325 §9.1: "If there are two values, one value MUST be a sip or sips URI and the other MUST be a tel URI."
pub(crate) fn asserted(message: &Message, policy: IdentityPolicy) -> Option<Identity> {
    let mut first_uri = None;
    let values = message
        .addresses(Name::PAssertedIdentity)
        .take(MAX_ASSERTED);
    for identity in values.filter_map(|value| caller(value?.uri, policy)) {
        match identity {
            Identity::Number(_) => return Some(identity),
            Identity::Uri(_) if identity.is_anonymous() => {}
            Identity::Uri(_) => first_uri = first_uri.or(Some(identity)),
        }
    }
    first_uri
}

/// Whom the URI of a caller names; nobody if it is the address of nobody. `anonymous` at a host that exists is one of its users, for whom
/// its provider may sign: whether it has is judged like the word of every other caller.
// RFC 8224 §7.1: "if the AoR asserted in the From header field uses a form like "sip:anonymous@example.com" (see [RFC3323]), then the
// "example.com" proxy might authenticate only that the user is a valid user in the domain and insert the signature over the From header
// field as usual."
pub(crate) fn caller(uri: &[u8], policy: IdentityPolicy) -> Option<Identity> {
    // Before it is read as a number, which a user at nobody's host may look like.
    match is_of_nobody(uri) {
        true => None,
        false => identity(uri, Role::Orig, policy),
    }
}

/// Whether the host of a URI is one that nobody has.
// RFC 3323 §4.1.1.3: "the hostname value 'anonymous.invalid' SHOULD be used for anonymous URIs"; nobody has an address under
// the reserved top level `invalid`.
fn is_of_nobody(uri: &[u8]) -> bool {
    let Ok(Uri::Sip(uri)) = Uri::parse(uri) else {
        return false;
    };
    let top = uri.host.rsplit(|byte| *byte == b'.').next();
    top.is_some_and(|top| top.eq_ignore_ascii_case(b"invalid"))
}

fn destinations(message: &Message, policy: IdentityPolicy) -> Vec<(Identity, DestSource)> {
    let mut dest = Vec::with_capacity(2);
    for (source, uri) in called(message) {
        if let Some(identity) = identity(uri, Role::Dest, policy) {
            dest.push((identity, source));
        }
    }
    dest
}

/// The URIs of the called side: To, then the Request-URI.
fn called(message: &Message) -> impl Iterator<Item = (DestSource, &[u8])> {
    let to = message
        .to()
        .ok()
        .map(|to: NameAddr<'_>| (DestSource::To, to.uri));
    let request = message
        .request_uri()
        .map(|uri| (DestSource::RequestUri, uri));
    to.into_iter().chain(request)
}

fn identity(uri: &[u8], role: Role, policy: IdentityPolicy) -> Option<Identity> {
    Identity::from_uri(std::str::from_utf8(uri).ok()?, role, policy).ok()
}

/// Whether a request goes to an emergency service: `urn:service:sos` and what is below it
/// ([RFC 5031 §4.2](https://www.rfc-editor.org/rfc/rfc5031#section-4.2)), or one of `numbers`, which are compared digit by
/// digit without completing them to E.164 (`911`, `112`).
///
/// Only the Request-URI says so: To can be written into any call to anybody.
pub fn is_emergency_call(message: &Message, numbers: &[TelephoneNumber]) -> bool {
    message
        .request_uri()
        .is_some_and(|uri| is_emergency(uri, numbers))
}

/// What is known of the numbers that a call is to, if all of them are among `numbers`.
pub fn dialled(call: &Call, numbers: &[TelephoneNumber]) -> Dialled {
    let is_listed = |called: &Identity| called.number().is_some_and(|one| numbers.contains(&one));
    match call.dest.iter().all(|(called, _)| is_listed(called)) && !call.dest.is_empty() {
        true => Dialled::Emergency,
        false => Dialled::Unlisted,
    }
}

fn is_emergency(uri: &[u8], numbers: &[TelephoneNumber]) -> bool {
    match Uri::parse(uri) {
        Ok(Uri::Other { scheme, rest }) => scheme.eq_ignore_ascii_case(b"urn") && is_sos(rest),
        Ok(Uri::Sip(uri)) => uri.user.is_some_and(|user| is_one_of(user, numbers)),
        Ok(Uri::Tel(uri)) => is_one_of(uri.subscriber, numbers),
        Err(_) => false,
    }
}

// RFC 5031 §3: "'service' identifiers are compared according to case-insensitive string equality."; sub-services follow
// their service after a period.
fn is_sos(rest: &[u8]) -> bool {
    const SOS: &[u8] = b"service:sos";
    rest.split_at_checked(SOS.len())
        .is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(SOS) && matches!(rest.first(), None | Some(b'.'))
        })
}

/// Whether the digits of a user part or subscriber, without its parameters and visual separators, are one of `numbers`.
fn is_one_of(user: &[u8], numbers: &[TelephoneNumber]) -> bool {
    if numbers.is_empty() {
        return false;
    }
    let digits = user.split(|byte| *byte == b';').next().unwrap_or_default();
    let separator = |byte: &u8| matches!(byte, b'-' | b'.' | b'(' | b')');
    numbers.iter().any(|number| {
        let bare = digits.iter().filter(|byte| !separator(byte));
        bare.eq(number.as_bytes())
    })
}

#[cfg(test)]
mod tests;
