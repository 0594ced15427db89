//! The `verstat` parameter: taking out what others wrote, putting in what we found.
//!
//! 3GPP TS 24.229 has it as a parameter of the `tel` URI, and so of the user part of a `sip` URI that carries a number.
//! Products put it elsewhere, too: behind the host, or behind the angle bracket. Taken out is it wherever it stands; put in
//! only where the standard has it, or, on an identity that is no number, behind the host.
//!
//! Both work on a [`Patch`]: every other byte leaves as it came. Call one of them for a message, not both: [`tag`] takes
//! out first, too.

use crate::grammar::{after_quoted, is_lws};
use crate::header::NameAddr;
use crate::message::{HeaderLine, Message, Name, Span};
use crate::patch::Patch;
use crate::uri::{SipUri, Uri};
use bytes::Bytes;
use countersign::identity::{Identity, IdentityPolicy, Role};
use memchr::memchr;

/// The headers that `verstat` is taken out of: those that called sides read a caller from.
pub const CALLER_HEADERS: [Name; 4] = [
    Name::From,
    Name::PAssertedIdentity,
    Name::PPreferredIdentity,
    Name::RemotePartyId,
];

const PARAMETER: &[u8] = b"verstat";

/// What becomes of the sender's P-Asserted-Identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asserted {
    /// It stays, without its `verstat`.
    Kept,
    /// It is removed: the sender is outside the trust domain of RFC 3325 §5.
    Removed,
}

/// Takes out every `verstat` of [`CALLER_HEADERS`].
///
/// Only what the sender wrote inside a quoted string stays: it is text there.
pub fn strip(message: &Message, patch: &mut Patch, asserted: Asserted) {
    for name in CALLER_HEADERS {
        for line in message.headers(name) {
            if name == Name::PAssertedIdentity && asserted == Asserted::Removed {
                patch.replace(line.span, Bytes::new());
            } else {
                strip_line(patch, line);
            }
        }
    }
}

/// Takes out every `verstat` and puts `text` (such as `TN-Validation-Passed`) on P-Asserted-Identity.
///
/// On each value that bears a number; if none does, on the first. If there is no value, one is added after From with the URI of
/// From: From itself is never written to, because the called side sends its URI back (RFC 3261 §12.1.1).
pub fn tag(
    message: &Message,
    patch: &mut Patch,
    text: &str,
    asserted: Asserted,
    policy: IdentityPolicy,
) {
    strip(message, patch, asserted);
    let places: Vec<Place> = match asserted {
        Asserted::Kept => asserted_places(message, policy),
        Asserted::Removed => Vec::new(),
    };
    let numbers = places.iter().filter(|place| place.bearer == Bearer::Number);
    let mut chosen: Vec<&Place> = numbers.collect();
    if chosen.is_empty() {
        chosen.extend(places.first());
    }
    for place in &chosen {
        patch.replace(Span::at(place.at), parameter(text));
    }
    if chosen.is_empty() {
        add_from(message, patch, text, policy);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Number,
    Other,
}

/// Where in the message, or in a URI, the parameter is put.
struct Place {
    bearer: Bearer,
    at: usize,
}

fn asserted_places(message: &Message, policy: IdentityPolicy) -> Vec<Place> {
    let values = message.addresses(Name::PAssertedIdentity).flatten();
    values
        .filter_map(|value| {
            let start = message.span_of(value.uri)?.start();
            let place = place_in(value.uri, policy)?;
            Some(Place {
                at: start + place.at,
                ..place
            })
        })
        .collect()
}

/// Where in `uri` the parameter goes; `None` if it is no URI that can have one.
fn place_in(uri: &[u8], policy: IdentityPolicy) -> Option<Place> {
    let at = match Uri::parse(uri).ok()? {
        Uri::Tel(_) => uri.len(),
        Uri::Sip(parts) => {
            if let Some(user) = parts.user
                && bears_number(uri, policy)
            {
                let colon = memchr(b':', uri)?;
                let at = colon + 1 + user.len();
                return Some(Place {
                    bearer: Bearer::Number,
                    at,
                });
            }
            return Some(Place {
                bearer: Bearer::Other,
                at: before_headers(uri, &parts),
            });
        }
        Uri::Other { .. } => return None,
    };
    Some(Place {
        bearer: Bearer::Number,
        at,
    })
}

/// The end of a SIP URI without its headers. A `?` may stand in the user part, too.
fn before_headers(uri: &[u8], parts: &SipUri<'_>) -> usize {
    let headers = parts.headers.map_or(0, |headers| headers.len() + 1);
    uri.len().saturating_sub(headers)
}

fn bears_number(uri: &[u8], policy: IdentityPolicy) -> bool {
    let text = std::str::from_utf8(uri).unwrap_or_default();
    Identity::from_uri(text, Role::Orig, policy).is_ok_and(|identity| identity.number().is_some())
}

/// Adds a P-Asserted-Identity with the URI of From.
fn add_from(message: &Message, patch: &mut Patch, text: &str, policy: IdentityPolicy) {
    let Some(line) = message.headers(Name::From).next() else {
        return;
    };
    let Some(from) = NameAddr::parse(line.value) else {
        return;
    };
    let mut uri = without_verstat(from.uri);
    // Headers of a URI make a request, they do not name anybody.
    if let Ok(Uri::Sip(parts)) = Uri::parse(&uri) {
        let end = before_headers(&uri, &parts);
        uri.truncate(end);
    }
    let Some(place) = place_in(&uri, policy) else {
        return;
    };
    let mut value = Vec::with_capacity(uri.len() + text.len() + 16);
    value.push(b'<');
    value.extend_from_slice(uri.get(..place.at).unwrap_or_default());
    value.extend_from_slice(&parameter(text));
    value.extend_from_slice(uri.get(place.at..).unwrap_or_default());
    value.push(b'>');
    patch.insert_after_line(
        message,
        line.index,
        Name::PAssertedIdentity.as_str(),
        &value,
    );
}

fn parameter(text: &str) -> Bytes {
    Bytes::from(format!(";verstat={text}"))
}

fn strip_line(patch: &mut Patch, line: HeaderLine<'_>) {
    let start = line.value_span.start();
    for span in (Parameters {
        text: line.value,
        at: 0,
    }) {
        patch.replace(
            Span::new(start + span.start(), start + span.end()),
            Bytes::new(),
        );
    }
}

fn without_verstat(uri: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(uri.len());
    let mut at = 0;
    for span in (Parameters { text: uri, at: 0 }) {
        kept.extend_from_slice(uri.get(at..span.start()).unwrap_or_default());
        at = span.end();
    }
    kept.extend_from_slice(uri.get(at..).unwrap_or_default());
    kept
}

/// Every `verstat` parameter in a header value, from its `;` to the end of its value, whatever it is a parameter of.
///
/// Structure is deliberately not looked at: a parser that disagrees with ours about what belongs to what must not find one
/// that we left. So its name is compared decoded, too: `;v%65rstat=` is the same parameter to whoever decodes
/// (RFC 3261 §19.1.4).
struct Parameters<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Parameters<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += memchr::memchr2(b';', b'"', rest)?;
            if self.text.get(self.at) == Some(&b'"') {
                // An open quote hides nothing: what follows it is looked at all the same.
                self.at = after_quoted(self.text, self.at).unwrap_or(self.at + 1);
                continue;
            }
            let start = self.at;
            let name_start = skip_lws(self.text, start + 1);
            let name_end = end_of_word(self.text, name_start);
            self.at = name_end;
            if is_verstat(self.text.get(name_start..name_end)?) {
                self.at = end_of_value(self.text, name_end);
                return Some(Span::new(start, self.at));
            }
        }
    }
}

fn is_verstat(name: &[u8]) -> bool {
    let mut bytes = name.iter().copied();
    let mut decoded = std::iter::from_fn(|| match bytes.next()? {
        b'%' => {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            u8::try_from(value).ok()
        }
        byte => Some(byte),
    });
    let same = PARAMETER.iter().all(|letter| {
        decoded
            .next()
            .is_some_and(|byte| byte.eq_ignore_ascii_case(letter))
    });
    same && decoded.next().is_none()
}

fn skip_lws(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| is_lws(*byte)) {
        at += 1;
    }
    at
}

/// The end of what cannot hold a delimiter: of a name, or of a value without quotes.
fn end_of_word(text: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| {
        is_lws(*byte)
            || matches!(
                byte,
                b';' | b'=' | b'@' | b'>' | b'<' | b'?' | b',' | b':' | b'"'
            )
    };
    let rest = text.get(start..).unwrap_or_default();
    rest.iter()
        .position(ends)
        .map_or(text.len(), |at| start + at)
}

/// The end of `= value`, if there is one after a name that ends at `name_end`.
///
/// A value goes on as long as nothing separates: if `;verst;verstat="x"at` lost only the quoted part of its second value, it
/// would become what it lost.
fn end_of_value(text: &[u8], name_end: usize) -> usize {
    let equal = skip_lws(text, name_end);
    if text.get(equal) != Some(&b'=') {
        return name_end;
    }
    let mut at = skip_lws(text, equal + 1);
    loop {
        at = end_of_word(text, at);
        if text.get(at) != Some(&b'"') {
            return at;
        }
        at = after_quoted(text, at).unwrap_or(text.len());
    }
}

#[cfg(test)]
mod tests;
