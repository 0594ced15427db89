//! The `verstat` parameter: taking out what others wrote, putting in what we found.
//!
//! 3GPP TS 24.229 has it as a parameter of the `tel` URI, and so of the user part of a `sip` URI that carries a number.
//! Products put it elsewhere, too: behind the host, or behind the angle bracket. Taken out is it wherever it stands; put in
//! only where the standard has it, or, on an identity that is no number, behind the host.
//!
//! Both work on a [`Patch`]: every other byte leaves as it came. Call one of them for a message, not both: [`tag`] takes
//! out first, too.

use crate::call;
use crate::grammar::{after_quoted, is_lws};
use crate::header::NameAddr;
use crate::message::{HeaderLine, Message, Name, Span};
use crate::patch::Patch;
use crate::uri::{SipUri, Uri};
use bytes::Bytes;
use countersign::identity::{Identity, IdentityPolicy, Role};
use memchr::memchr;

/// The headers that `verstat` is taken out of: everything that says who calls, or for whom.
pub const CALLER_HEADERS: [Name; 8] = [
    Name::From,
    Name::PAssertedIdentity,
    Name::PPreferredIdentity,
    Name::RemotePartyId,
    Name::Contact,
    Name::Diversion,
    Name::HistoryInfo,
    Name::ReferredBy,
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

/// Takes out every `verstat` of [`CALLER_HEADERS`], that in a quoted string included: whoever looks for it as text finds none. Of a
/// Contact that the patch writes anew already whoever wrote it has taken it.
pub fn strip(message: &Message, patch: &mut Patch, asserted: Asserted) {
    let mut contacts = message.headers(Name::Contact);
    let is_ours = contacts
        .next()
        .is_some_and(|line| patch.rewrites(line.value_span));
    for line in message.all_headers() {
        if line.name == Name::Contact && is_ours {
            continue;
        }
        if line.name == Name::PAssertedIdentity && asserted == Asserted::Removed {
            patch.replace(line.span, Bytes::new());
        } else if CALLER_HEADERS.contains(&line.name) {
            strip_line(patch, line);
        }
    }
}

/// Takes out every `verstat` and puts `text` (such as `TN-Validation-Passed`) on P-Asserted-Identity.
///
/// On each value that names whom [`call::from_request`] takes for the caller, and on no other: nobody has judged those. If From
/// speaks for the caller, on the first value that bears no number. If that leaves none, one is added after From with the URI of
/// From: From itself is never written to, because the called side sends its URI back (RFC 3261 §12.1.1).
pub fn tag(
    message: &Message,
    patch: &mut Patch,
    text: &str,
    asserted: Asserted,
    policy: IdentityPolicy,
) {
    strip(message, patch, asserted);
    let places = match asserted {
        Asserted::Kept => asserted_places(message, policy),
        Asserted::Removed => Vec::new(),
    };
    for at in &places {
        patch.replace(Span::at(*at), parameter(text));
    }
    if places.is_empty() {
        add_from(message, patch, text, policy);
    }
}

/// Offsets at which the values of P-Asserted-Identity take the verdict.
fn asserted_places(message: &Message, policy: IdentityPolicy) -> Vec<usize> {
    let judged = call::asserted(message, policy);
    let going = removed(message);
    let values = message.addresses(Name::PAssertedIdentity).flatten();
    let mut places = values.filter_map(|value| {
        let fits = match &judged {
            Some(judged) => call::caller(value.uri, policy).as_ref() == Some(judged),
            None => !bears_number(value.uri, policy),
        };
        let start = message.span_of(value.uri).filter(|_| fits)?.start();
        let place = start + place_in(value.uri, policy)?;
        Some(beside_what_goes(place, &going)).filter(|place| *place >= start)
    });
    match judged {
        Some(_) => places.collect(),
        None => places.next().into_iter().collect(),
    }
}

/// What [`strip`] takes out of P-Asserted-Identity.
fn removed(message: &Message) -> Vec<Span> {
    let lines = message.headers(Name::PAssertedIdentity);
    let of_line = |line: HeaderLine<'_>| {
        let start = line.value_span.start();
        let moved = move |span: Span| Span::new(start + span.start(), start + span.end());
        Verstats::of_header(line.value)
            .map(moved)
            .collect::<Vec<_>>()
    };
    lines.flat_map(of_line).collect()
}

/// `place`, or the beginning of what is taken out around it: the two readings of a value with unpaired quotes may cross.
fn beside_what_goes(place: usize, going: &[Span]) -> usize {
    let around = |span: &&Span| span.start() < place && place < span.end();
    going.iter().find(around).map_or(place, |span| span.start())
}

/// Where in `uri` the parameter goes; `None` if it is no URI that can have one.
fn place_in(uri: &[u8], policy: IdentityPolicy) -> Option<usize> {
    match Uri::parse(uri).ok()? {
        Uri::Tel(_) => Some(uri.len()),
        Uri::Sip(parts) => match parts.user {
            Some(user) if bears_number(uri, policy) => Some(memchr(b':', uri)? + 1 + user.len()),
            _ => Some(before_headers(uri, &parts)),
        },
        Uri::Other { .. } => None,
    }
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
    let Some(at) = place_in(&uri, policy) else {
        return;
    };
    let mut value = Vec::with_capacity(uri.len() + text.len() + 16);
    value.push(b'<');
    value.extend_from_slice(uri.get(..at).unwrap_or_default());
    value.extend_from_slice(&parameter(text));
    value.extend_from_slice(uri.get(at..).unwrap_or_default());
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
    for span in Verstats::of_header(line.value) {
        let span = Span::new(start + span.start(), start + span.end());
        // In a display name that is written anew there is none any more.
        if !patch.rewrites(span) {
            patch.replace(span, Bytes::new());
        }
    }
}

/// A header value without `verstat`.
pub(crate) fn taken_out(value: &[u8]) -> Vec<u8> {
    without(value, Verstats::of_header(value))
}

fn without_verstat(uri: &[u8]) -> Vec<u8> {
    without(uri, Verstats::of_uri(uri))
}

fn without(text: &[u8], spans: Verstats<'_>) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut at = 0;
    for span in spans {
        kept.extend_from_slice(text.get(at..span.start()).unwrap_or_default());
        at = span.end();
    }
    kept.extend_from_slice(text.get(at..).unwrap_or_default());
    kept
}

/// Every `verstat` parameter in a header value, from its `;` to the end of its value, whatever it is a parameter of.
///
/// Structure is deliberately looked at as little as possible: a parser that disagrees with ours about what belongs to what must
/// not find one that we left. So it is found in quoted strings, too, and its name is compared decoded: `;v%65rstat=` is the same
/// parameter to whoever decodes (RFC 3261 §19.1.4).
struct Verstats<'a> {
    text: &'a [u8],
    at: usize,
    /// The offset after the quoted string that was entered last.
    quoted_until: usize,
    /// Whether quotes still pair up. After one that does not, all that follow are escaped ones of what it opened.
    quotes: Quotes,
    comma: Comma,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Open,
    Paired,
}

/// What a comma is here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comma {
    /// Inside angle brackets it is a character like others.
    Letter,
    /// Elsewhere it separates values.
    Separator,
}

impl<'a> Verstats<'a> {
    fn of_header(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            quoted_until: 0,
            quotes: Quotes::Paired,
            comma: Comma::Separator,
        }
    }

    fn of_uri(text: &'a [u8]) -> Self {
        Self {
            comma: Comma::Letter,
            ..Self::of_header(text)
        }
    }

    fn is_quoted(&self) -> bool {
        self.at < self.quoted_until
    }

    /// A quote: the first of a string, its last, or one inside.
    fn quote(&mut self) {
        if !self.is_quoted() && self.quotes == Quotes::Paired {
            match after_quoted(self.text, self.at) {
                Some(end) => self.quoted_until = end,
                None => self.quotes = Quotes::Open,
            }
        }
        self.at += 1;
    }

    fn bracket(&mut self, comma: Comma) {
        if !self.is_quoted() {
            self.comma = comma;
        }
        self.at += 1;
    }

    /// The parameter that begins here, if it is one of ours. Parameters without a name before it go with it: if of
    /// `; ;verstat=x verstat=y` only the second were cut out, the third would become one.
    fn parameter(&mut self) -> Option<Span> {
        let start = self.at;
        let mut name_start = start;
        while self.text.get(name_start) == Some(&b';') {
            name_start = skip_lws(self.text, name_start + 1);
        }
        let name_end = self.end_of(name_start, |byte| ends_word(byte) || byte == b'=');
        let is_one = is_verstat(self.text.get(name_start..name_end)?);
        self.at = if is_one {
            self.end_of_value(name_end)
        } else {
            name_end
        };
        is_one.then(|| Span::new(start, self.at))
    }

    /// The end of `= value`, if there is one after a name that ends at `name_end`.
    ///
    /// A value goes on as long as nothing separates: if `;verst;verstat="x"at` lost only the quoted part of its second value, it
    /// would become what it lost; and `;verstat==5550100` would add to the number before it.
    fn end_of_value(&self, name_end: usize) -> usize {
        let equal = skip_lws(self.text, name_end);
        if self.text.get(equal) != Some(&b'=') {
            return name_end;
        }
        let mut at = skip_lws(self.text, equal + 1);
        let comma_ends = self.comma == Comma::Separator && !self.is_quoted();
        loop {
            at = self.end_of(at, |byte| ends_word(byte) && (byte != b',' || comma_ends));
            if self.is_quoted() || self.text.get(at) != Some(&b'"') {
                return at;
            }
            at = after_quoted(self.text, at).unwrap_or(self.text.len());
        }
    }

    fn end_of(&self, start: usize, ends: impl Fn(u8) -> bool) -> usize {
        // A quoted pair stays whole: without its backslash a quote would end the string.
        let quoted = self.is_quoted();
        let rest = self.text.get(start..).unwrap_or_default();
        rest.iter()
            .position(|byte| ends(*byte) || (quoted && *byte == b'\\'))
            .map_or(self.text.len(), |at| start + at)
    }
}

impl Iterator for Verstats<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let mark = |byte: &u8| matches!(byte, b';' | b'"' | b'<' | b'>');
        loop {
            self.at += self.text.get(self.at..)?.iter().position(mark)?;
            match self.text.get(self.at)? {
                b'"' => self.quote(),
                b'<' => self.bracket(Comma::Letter),
                b'>' => self.bracket(Comma::Separator),
                _ => {
                    if let Some(span) = self.parameter() {
                        return Some(span);
                    }
                }
            }
        }
    }
}

/// What cannot be part of a name, nor of a value without quotes.
fn ends_word(byte: u8) -> bool {
    is_lws(byte) || matches!(byte, b';' | b'@' | b'>' | b'<' | b'?' | b',' | b':' | b'"')
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

#[cfg(test)]
mod tests;
