//! Whether a call goes somewhere else than to whom its PASSporTs name, and where: [RFC 8946 §4.1](https://www.rfc-editor.org/rfc/rfc8946#section-4.1).
//!
//! Pure: a request and what its trunk wants in; the new target, the new Request-URI, and what a `div` is made of out. Somebody may
//! have retargeted the call before us, who wrote another Request-URI and had nothing to sign with; or our own table of forwards does
//! it now. Nothing about it is invented: neither Diversion nor History-Info is written here.

use crate::call::{self, CallPolicy};
use crate::grammar::List;
use crate::header::NameAddr;
use crate::identity_header;
use crate::message::{Message, Name};
use crate::trunk::{Diversions, Trunk};
use crate::uri::{Security, Uri};
use countersign::identity::{Identity, IdentityPolicy, Role};
use countersign::number::TelephoneNumber;
use countersign::passport::SignedPassport;
use countersign::verification::policy::MAX_IDENTITY_HEADERS;

/// Most entries of History-Info that are looked at; what comes after is no entry. A call that was retargeted so often has more steps
/// than any chain of PASSporTs may have.
pub const MAX_HISTORY: usize = 64;

/// A call that goes somewhere else.
#[derive(Clone, Debug)]
pub(crate) struct Retargeting {
    /// The Request-URI that it gets from us; `None` if it has it already.
    pub(crate) request_uri: Option<Box<[u8]>>,
    /// What a signature is made of.
    pub(crate) diversion: Diversion,
}

/// What the signature of a diversion is made of: what `AuthenticationService::divert` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The PASSporTs that the request has about its caller. Whether they are worth anything is not said.
    pub existing: Vec<SignedPassport>,
    /// Where the call goes now.
    pub target: Identity,
    /// The index of History-Info that tells of this diversion.
    pub history: Option<Box<str>>,
}

/// Whether this request, which begins a call, is retargeted, by us or by whoever sent it.
pub(crate) fn retargeting(
    request: &Message,
    trunk: &Trunk,
    diversions: &Diversions,
) -> Option<Retargeting> {
    let policy = trunk.call.identity;
    let called = called(request, policy)?;
    if let Some(target) = called
        .number()
        .and_then(|number| diversions.forwards.target(number))
    {
        let request_uri = forwarded(request.request_uri()?, target)?;
        return Some(Retargeting {
            request_uri: Some(request_uri.into()),
            diversion: diversion(request, Identity::Number(target), &trunk.call),
        });
    }
    // RFC 8946 §4.1: "A SIP authentication service typically will derive the "dest" element value of a "div" PASSporT from a new
    // Request-URI that is set for the SIP request before it is forwarded."
    request.header(Name::Identity)?;
    let diversion = diversion(request, called, &trunk.call);
    let is_named = |passport: &SignedPassport| passport.claims().dest.contains(&diversion.target);
    // RFC 8946 §4.1: "it MUST NOT add a "div" PASSporT to an INVITE that contains no Identity header field."
    let goes_elsewhere = !diversion.existing.is_empty() && !diversion.existing.iter().any(is_named);
    goes_elsewhere.then_some(Retargeting {
        request_uri: None,
        diversion,
    })
}

/// Whom the Request-URI names.
fn called(request: &Message, policy: IdentityPolicy) -> Option<Identity> {
    let uri = request.request_uri()?;
    Identity::from_uri(std::str::from_utf8(uri).ok()?, Role::Dest, policy).ok()
}

fn diversion(request: &Message, target: Identity, policy: &CallPolicy) -> Diversion {
    let history = history(request, &target, policy.identity).map(Box::from);
    Diversion {
        existing: existing(request, policy),
        target,
        history,
    }
}

/// The PASSporTs of a request that can be read and are about its caller: nobody vouches here for the way of another call. None if there are more than anybody judges.
fn existing(request: &Message, policy: &CallPolicy) -> Vec<SignedPassport> {
    let presented = identity_header::presented(request);
    if presented.len() > MAX_IDENTITY_HEADERS {
        return Vec::new();
    }
    let orig = call::from_request(request, policy).orig;
    let whole = presented.iter().flatten();
    let whole = whole.filter_map(|presented| SignedPassport::parse(&presented.token).ok());
    let own = whole.filter(|passport| orig.as_ref() == Some(&passport.claims().orig));
    own.collect()
}

/// The index of the last entry of History-Info that names the target.
// RFC 8946 §8: "an "hi" element as defined here may appear in "div" corresponding to the History-Info header field index parameter
// value."
fn history<'a>(request: &'a Message, target: &Identity, policy: IdentityPolicy) -> Option<&'a str> {
    let lines = request.headers(Name::HistoryInfo);
    let entries = lines
        .flat_map(|line| List::of(line.value))
        .take(MAX_HISTORY);
    let named = entries.filter_map(|entry| {
        let entry = NameAddr::parse(entry)?;
        let uri = std::str::from_utf8(entry.uri).ok()?;
        // Its headers, such as Reason, are about the diversion and not about who is called.
        let uri = uri.split('?').next().unwrap_or_default();
        let names = Identity::from_uri(uri, Role::Dest, policy).ok()?;
        let index = entry.parameters().value("index")?;
        (names == *target).then_some(index)
    });
    std::str::from_utf8(named.last()?).ok()
}

/// The Request-URI with another number in it: who routes to the one routes to the other. What was said of the old number (`rn`, `npdi`,
/// `isub`) is not true of the new one; what stands after `@` is not about either.
// RFC 3261 §16.5: "the element is responsible for the domain in the Request-URI, and the element MAY use whatever mechanism it desires
// to determine where to send the request."
fn forwarded(uri: &[u8], target: TelephoneNumber) -> Option<Vec<u8>> {
    let number = [b"+", target.as_bytes()].concat();
    match Uri::parse(uri).ok()? {
        Uri::Sip(parts) => {
            let scheme: &[u8] = match parts.security {
                Security::Sip => b"sip:",
                Security::Sips => b"sips:",
            };
            let host = uri.get(memchr::memchr(b'@', uri)?..)?;
            Some([scheme, &number, host].concat())
        }
        Uri::Tel(_) => Some([b"tel:", &number[..]].concat()),
        Uri::Other { .. } => None,
    }
}

#[cfg(test)]
mod tests;
