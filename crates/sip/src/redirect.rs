//! The answer of redirect mode: the call goes back to whoever asked, with what signing and judging add.
//!
//! Pure: a request, the additions and the trunk's [`RedirectDialect`] in, status and header lines out. The server transaction that
//! repeats the answer, and everything before it, is `crate::element`'s.
//!
//! RFC 3261 §8.3 knows no such server: it redirects to other URIs, this one to the same. `docs/divergences.md` says why.

use crate::call_info::{self, DisplayName};
use crate::caller_name;
use crate::grammar::push_quoted;
use crate::header::{NameAddr, sip_date_text};
use crate::message::{Framing, Message, Name};
use crate::patch::{Patch, PatchError};
use crate::proxy::Additions;
use crate::trunk::{NothingAdded, RedirectDialect, RedirectForm, Trunk};
use crate::uri::{Uri, push_escaped};
use crate::verstat::{self, Asserted};

/// A header line: its name and its value.
pub(crate) type Field = (Box<str>, Vec<u8>);

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirection {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    /// Header lines besides those of every response.
    pub(crate) headers: Vec<Field>,
}

/// The answer to a call that may go on.
///
/// # Errors
/// [`PatchError`]: a mistake of ours.
pub(crate) fn redirect(
    request: &Message,
    trunk: &Trunk,
    dialect: RedirectDialect,
    additions: &Additions,
) -> Result<Redirection, PatchError> {
    let added = added(request, trunk, additions)?;
    let came_to = request.request_uri().unwrap_or_default();
    let uri = additions.request_uri.as_deref().unwrap_or(came_to);
    if added.is_empty() {
        // The switch may take its next route with a call to whom it asked for; only we know that it goes elsewhere.
        let nothing_added = match additions.request_uri {
            Some(_) => NothingAdded::MovedTemporarily,
            None => dialect.nothing_added,
        };
        let (status, reason) = nothing_added.status();
        let headers = match status {
            302 => vec![contact(uri)],
            _ => Vec::new(),
        };
        return Ok(Redirection {
            status,
            reason,
            headers,
        });
    }
    let headers = match dialect.form {
        RedirectForm::Contact if can_have_headers(uri) => vec![contact(&with_headers(uri, &added))],
        RedirectForm::Contact | RedirectForm::Header => with_contact(uri, added),
        RedirectForm::XHeaders => with_contact(uri, renamed(request, added)),
    };
    Ok(Redirection {
        status: 302,
        reason: "Moved Temporarily",
        headers,
    })
}

/// The headers that the call should go on with besides those it has.
fn added(
    request: &Message,
    trunk: &Trunk,
    additions: &Additions,
) -> Result<Vec<Field>, PatchError> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &[u8]| headers.push((name.into(), value.to_vec()));
    if !additions.identities.is_empty() {
        // RFC 8224 §6.1: "An authentication service MUST add a Date header field to SIP requests that do not have one."
        if let Some(date) = additions.date {
            add(Name::Date.as_str(), sip_date_text(date).as_bytes());
        }
    }
    for identity in &additions.identities {
        add(Name::Identity.as_str(), identity.as_bytes());
    }
    let proven = additions.proven_caller();
    let mut name = DisplayName::Other;
    if let Some(text) = &additions.verstat {
        let proven_name = proven.and_then(|proven| proven.name.as_deref());
        let judged = judged_callers(request, trunk, text, proven_name)?;
        name = judged.name;
        for value in judged.values {
            add(Name::PAssertedIdentity.as_str(), &value);
        }
    }
    for value in proven.map_or_else(Vec::new, |proven| call_info::proven(proven, name)) {
        add(Name::CallInfo.as_str(), &value);
    }
    if let Some((header, token)) = additions.bypass(trunk) {
        add(header, token.as_bytes());
    }
    Ok(headers)
}

/// P-Asserted-Identity as a proxy would send it on.
struct Judged {
    values: Vec<Vec<u8>>,
    /// Whether it bears the name that was proven.
    name: DisplayName,
}

/// P-Asserted-Identity as a proxy would send it on, with the verdict and the name that was proven. From cannot be changed by an answer;
/// where a proxy would change it, and nothing is asserted, the name is asserted with the verdict.
fn judged_callers(
    request: &Message,
    trunk: &Trunk,
    verdict: &str,
    name: Option<&str>,
) -> Result<Judged, PatchError> {
    let mut patch = Patch::default();
    let (asserted, policy) = (trunk.asserted(), trunk.call.identity);
    let shown = name.map_or(DisplayName::Other, |name| {
        caller_name::write(
            request,
            &mut patch,
            name,
            trunk.caller_name,
            (asserted, policy),
        )
    });
    verstat::tag(request, &mut patch, verdict, asserted, policy);
    let tagged = Message::parse(patch.apply(request)?, Framing::Datagram);
    let tagged = tagged.map_err(|_| PatchError::LineBreak)?;
    let lines = tagged.headers(Name::PAssertedIdentity);
    let mut values: Vec<_> = lines.map(|line| line.value.to_vec()).collect();
    let is_of_from =
        asserted == Asserted::Removed || request.header(Name::PAssertedIdentity).is_none();
    if let (DisplayName::Proven, Some(name), true) = (shown, name, is_of_from) {
        for value in &mut values {
            let mut named = Vec::with_capacity(value.len() + name.len() + 3);
            push_quoted(&mut named, name);
            named.push(b' ');
            named.append(value);
            *value = named;
        }
    }
    let bears = |value: &Vec<u8>| {
        let address = NameAddr::parse(value);
        address
            .and_then(|address| address.display_text())
            .as_deref()
            == name
    };
    let is_proven = shown == DisplayName::Proven && values.iter().any(bears);
    Ok(Judged {
        name: match is_proven {
            true => DisplayName::Proven,
            false => DisplayName::Other,
        },
        values,
    })
}

fn contact(uri: &[u8]) -> Field {
    (Name::Contact.as_str().into(), [b"<", uri, b">"].concat())
}

fn with_contact(uri: &[u8], added: Vec<Field>) -> Vec<Field> {
    let mut headers = vec![contact(uri)];
    headers.extend(added);
    headers
}

/// Identity under a name that switches copy, and always with the date that the signature speaks of.
fn renamed(request: &Message, added: Vec<Field>) -> Vec<Field> {
    let is_signed = added
        .iter()
        .any(|(name, _)| **name == *Name::Identity.as_str());
    let theirs = request.header(Name::Date).filter(|_| is_signed);
    let theirs = theirs.map(|date| (Name::Date.as_str().into(), date.to_vec()));
    let rename = |(name, value): Field| match Name::of(name.as_bytes()) {
        Name::Date => ("X-Date".into(), value),
        Name::Identity => ("X-Identity".into(), value),
        _ => (name, value),
    };
    theirs.into_iter().chain(added).map(rename).collect()
}

// RFC 3261 §19.1.1: "Headers fields in the SIP request can be specified with the "?" mechanism within a URI." Other schemes have none.
fn can_have_headers(uri: &[u8]) -> bool {
    matches!(Uri::parse(uri), Ok(Uri::Sip(_)))
}

/// A URI with these headers, after those it may have.
fn with_headers(uri: &[u8], headers: &[Field]) -> Vec<u8> {
    let mut text = uri.to_vec();
    let has_some = matches!(Uri::parse(uri), Ok(Uri::Sip(parts)) if parts.headers.is_some());
    let mut separator = if has_some { b'&' } else { b'?' };
    for (name, value) in headers {
        text.push(separator);
        push_escaped(&mut text, name.as_bytes());
        text.push(b'=');
        push_escaped(&mut text, value);
        separator = b'&';
    }
    text
}

#[cfg(test)]
mod tests;
