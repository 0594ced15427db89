//! Call-Info as far as it shows a caller, [RFC 9796](https://www.rfc-editor.org/rfc/rfc9796): a picture, a card, why they call, and
//! whether that was verified.
//!
//! [`values`] reads, [`strip`] takes out what nobody answers for, [`proven`] writes what verification proved. Other Call-Info (a
//! conference, an appearance, data for an emergency service) is none of our business and stays byte for byte.
//!
//! Not here: the name itself, which is a display name ([`crate::caller_name`]); whether anything is true, which is
//! `countersign::verification`.

use crate::grammar::{List, Parameters, push_quoted, quoted_content, quoted_text, trim_start};
use crate::message::{Message, Name};
use crate::patch::Patch;
use crate::uri::{push_escaped, unescaped};
use countersign::passport::rcd::data_url;
use countersign::passport::rcd::references::is_data;
use countersign::verification::{ProvenCaller, ProvenCard, Reference};
use memchr::memchr;

/// The URL of a value that is about no URL.
// RFC 9796 §6: "the Call-Info header field URI should be set to the null data URI, "data:"."
const NULL: &[u8] = b"data:";

/// How every purpose of data for an emergency service begins, RFC 7852 §11.2: "'EmergencyCallData' is immediately followed by a dot
/// ('.') and a value from the "Emergency Call Data Types" registry".
const EMERGENCY_DATA: &[u8] = b"EmergencyCallData.";

/// Longest URL that is written, in bytes: a card in a `data:` URL grows threefold at worst. What is longer is left out: it would push
/// any request beyond what is read back ([`crate::message::MAX_MESSAGE`]).
pub const MAX_WRITTEN_URL: usize = 16_384;

/// One value of Call-Info.
#[derive(Clone, Debug)]
pub struct CallInfo<'a> {
    /// What stands between the angle brackets.
    pub uri: &'a [u8],
    /// The parameters, from their first `;`; empty if there are none.
    parameters: &'a [u8],
}

/// What a value of Call-Info is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A business card: RFC 3261 §20.9.
    Card,
    /// A picture of the caller: RFC 3261 §20.9.
    Icon,
    /// A jCard, or nothing but parameters: RFC 9796 §5.
    JCard,
    /// Something that is not about how the caller is shown.
    Other(&'a [u8]),
}

impl<'a> CallInfo<'a> {
    /// Reads one value; `None` if it is malformed.
    // RFC 3261 §25.1: info = LAQUOT absoluteURI RAQUOT *( SEMI info-param)
    // RFC 9796 §5 prints a URI with quotes and spaces in it; nothing but the closing bracket ends one here.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let rest = raw.strip_prefix(b"<")?;
        let close = memchr(b'>', rest)?;
        let (uri, parameters) = (rest.get(..close)?, rest.get(close + 1..)?);
        let starts_well = matches!(trim_start(parameters).first(), None | Some(b';'));
        let fits = starts_well && Parameters::of(parameters).are_well_formed();
        fits.then_some(Self { uri, parameters })
    }

    /// What it is for; of several the first that is about how the caller is shown.
    pub fn purpose(&self) -> Purpose<'a> {
        let all = Parameters::of(self.parameters).filter(|one| one.is("purpose"));
        let mut purposes = all.map(|one| Purpose::of(word(one.value.unwrap_or_default())));
        let first = purposes.next().unwrap_or(Purpose::Other(b""));
        let shows = |one: &Purpose<'_>| !matches!(one, Purpose::Other(_));
        match shows(&first) {
            true => first,
            false => purposes.find(shows).unwrap_or(first),
        }
    }

    /// Why they call.
    // RFC 9796 §12.2: "it takes the value of a quoted string." A bare word is read, too.
    pub fn reason(&self) -> Option<Box<str>> {
        let value = Parameters::of(self.parameters).value("call-reason")?;
        let text = quoted_text(quoted_content(value).unwrap_or(value));
        (!text.is_empty()).then(|| text.into())
    }

    /// Whether its sender says that it has verified it. RFC 9796 §9 writes the value without quotes, §12.3 with them.
    // RFC 9796 §7: "There is a single valid value associated with the 'verified' parameter of 'true'."
    pub fn is_verified(&self) -> bool {
        let value = Parameters::of(self.parameters).value("verified");
        value.is_some_and(|value| word(value).eq_ignore_ascii_case(b"true"))
    }

    /// The digest of what is at its URL, as written.
    pub fn integrity(&self) -> Option<&'a [u8]> {
        Parameters::of(self.parameters).value("integrity").map(word)
    }

    /// Whether it leads to data for an emergency service, such as `EmergencyCallData.ProviderInfo`.
    fn is_for_emergency_services(&self) -> bool {
        let Purpose::Other(purpose) = self.purpose() else {
            return false;
        };
        let start = purpose.split_at_checked(EMERGENCY_DATA.len());
        start.is_some_and(|(start, _)| start.eq_ignore_ascii_case(EMERGENCY_DATA))
    }

    /// Whether it is a card, and not parameters alone.
    fn is_card(&self) -> bool {
        self.purpose() == Purpose::JCard && !self.uri.eq_ignore_ascii_case(NULL)
    }

    /// Whether it says something about how the caller is shown. Looked for as text, and in quoted strings, too: a reader that takes
    /// values apart in another way must not find there what was not found here.
    fn shows_caller(&self) -> bool {
        contains_any(self.parameters, &[b"card", b"icon", b"call-reason"])
            || contains_any(self.uri, &[b"purpose=", b"call-reason="])
            || self.says_verified()
    }

    fn says_verified(&self) -> bool {
        contains_any(self.parameters, &[b"verified", b"integrity"])
    }
}

impl<'a> Purpose<'a> {
    fn of(text: &'a [u8]) -> Self {
        match text {
            card if card.eq_ignore_ascii_case(b"card") => Self::Card,
            icon if icon.eq_ignore_ascii_case(b"icon") => Self::Icon,
            card if card.eq_ignore_ascii_case(b"jcard") => Self::JCard,
            other => Self::Other(other),
        }
    }
}

/// The values of the Call-Info headers of a message, in order; `None` for each that is malformed.
pub fn values(message: &Message) -> impl Iterator<Item = Option<CallInfo<'_>>> {
    let elements = message.elements(Name::CallInfo);
    elements.filter(|one| !one.is_empty()).map(CallInfo::parse)
}

/// Why they call, as a message says it; `None` if it does not, or says different things.
pub fn reason(message: &Message) -> Option<Box<str>> {
    let mut reasons = values(message).flatten().filter_map(|value| value.reason());
    let first = reasons.next()?;
    reasons.all(|other| other == first).then_some(first)
}

/// The jCard that a message itself has, in a `data:` URL; `None` if it has none, or refers to several. One at another URL is not looked for.
// RFC 9796 §5: "The media type for the JSON text MUST be set as application/json with an encoding of UTF-8 [RFC8259]. This MAY be
// carried directly in the Call-Info header field URI using the "data" URI scheme."
pub fn card(message: &Message) -> Option<Box<str>> {
    let mut cards = values(message).flatten().filter(CallInfo::is_card);
    let (card, other) = (cards.next()?, cards.next());
    if other.is_some() {
        return None;
    }
    let url = std::str::from_utf8(card.uri).ok()?;
    if let Some((media_type, bytes)) = data_url::content(url) {
        let json = is_json(media_type).then_some(bytes)?;
        return String::from_utf8(json).ok().map(Box::from);
    }
    let rest = url.get(NULL.len()..).filter(|_| is_data(url))?;
    let (media_type, escaped) = rest.split_once(',')?;
    let json = is_json(media_type).then(|| unescaped(escaped.as_bytes()))?;
    String::from_utf8(json).ok().map(Box::from)
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// What becomes of a sender's Call-Info about how the caller is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It stays, if there is no more than one card.
    Kept,
    /// It goes.
    Removed,
    /// What says that it was verified goes: whoever said so was not us. The rest stays, if there is no more than one card.
    Unverified,
}

/// Takes out of the Call-Info headers what may not pass. Of a line in which something is malformed only data for emergency services
/// stays, unless all may: nobody knows where its values end.
pub fn strip(message: &Message, patch: &mut Patch, passage: Passage) {
    if message.header(Name::CallInfo).is_none() {
        return;
    }
    // RFC 9796 §5: "a call and its corresponding single RCD-related Call-Info header field MUST only contain a single jCard object
    // represented by an array with two elements." Of several nobody knows which one is meant.
    let cards = values(message).flatten().filter(CallInfo::is_card).count();
    let goes = |value: &CallInfo<'_>| match passage {
        Passage::Removed => value.shows_caller(),
        Passage::Unverified => value.says_verified() || (cards > 1 && value.is_card()),
        Passage::Kept => cards > 1 && value.is_card(),
    };
    for line in message.headers(Name::CallInfo) {
        let elements: Vec<&[u8]> = List::of(line.value).collect();
        let elements: Vec<&[u8]> = elements.into_iter().filter(|one| !one.is_empty()).collect();
        let read = elements
            .iter()
            .copied()
            .map(|raw| (raw, CallInfo::parse(raw)));
        let is_malformed = read.clone().any(|(_, value)| value.is_none());
        if is_malformed && passage == Passage::Kept {
            continue;
        }
        let stays = |value: &CallInfo<'_>| {
            !goes(value) && (!is_malformed || value.is_for_emergency_services())
        };
        let staying = read.filter(|(_, value)| value.as_ref().is_some_and(stays));
        let staying: Vec<&[u8]> = staying.map(|(raw, _)| raw).collect();
        match staying.len() {
            all if all == elements.len() => {}
            0 => patch.remove_header(message, line.index),
            _ => patch.replace_value(message, line.index, &staying.join(&b", "[..])),
        }
    }
}

/// Whether the display name of the caller is the one that was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayName {
    /// It is another one, or there is none.
    Other,
    /// It is.
    Proven,
}

/// The values of Call-Info that say what was proven of a caller, in the order of RFC 9796 §8: picture, card, reason, name.
// RFC 9796 §8: "When the 'rcdi' claim is part of the successfully verified RCD PASSporT, the Call-Info Header Field should include
// both the 'verified' and 'integrity' parameters."
pub fn proven(caller: &ProvenCaller, name: DisplayName) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    if let Some(icon) = &caller.icon {
        values.extend(referred(icon, "icon"));
    }
    match &caller.card {
        Some(ProvenCard::At(card)) => values.extend(referred(card, "jcard")),
        Some(ProvenCard::Inline(json)) => values.extend(inline(json)),
        None => {}
    }
    // RFC 9796 §6: "For 'call-reason' or 'verified' parameters defined in this document that do not require an associated URI or for
    // future parameters that do not require an associated URI, the Call-Info header field URI should be set to the null data URI".
    if let Some(reason) = &caller.reason {
        let mut value = b"<data:>;purpose=jcard;call-reason=".to_vec();
        push_quoted(&mut value, reason);
        value.extend_from_slice(b";verified=\"true\"");
        values.push(value);
    }
    if name == DisplayName::Proven {
        values.push(b"<data:>;purpose=jcard;verified=\"true\"".to_vec());
    }
    values
}

/// A value about what is at a URL; `None` if that is too long.
fn referred(reference: &Reference, purpose: &str) -> Option<Vec<u8>> {
    let mut value = b"<".to_vec();
    push_uri(&mut value, reference.url.as_bytes());
    if value.len() > MAX_WRITTEN_URL {
        return None;
    }
    value.extend_from_slice(format!(">;purpose={purpose};verified=\"true\"").as_bytes());
    if let Some(digest) = &reference.integrity {
        value.extend_from_slice(b";integrity=");
        push_quoted(&mut value, digest);
    }
    Some(value)
}

/// A value with the card itself.
// RFC 9796 §5: "The media type for the JSON text MUST be set as application/json with an encoding of UTF-8 [RFC8259]. This MAY be
// carried directly in the Call-Info header field URI using the "data" URI scheme."
fn inline(json: &str) -> Option<Vec<u8>> {
    let mut value = b"<data:application/json,".to_vec();
    push_escaped(&mut value, json.as_bytes());
    if value.len() > MAX_WRITTEN_URL {
        return None;
    }
    value.extend_from_slice(b">;purpose=jcard;verified=\"true\"");
    Some(value)
}

/// A URI; what cannot stand in one is escaped, what is escaped already stays.
fn push_uri(text: &mut Vec<u8>, uri: &[u8]) {
    for byte in uri {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => percent(text, *byte),
            byte if byte.is_ascii_graphic() => text.push(*byte),
            byte => percent(text, *byte),
        }
    }
}

fn percent(text: &mut Vec<u8>, byte: u8) {
    text.extend_from_slice(format!("%{byte:02X}").as_bytes());
}

/// A token, or what a quoted string holds.
fn word(value: &[u8]) -> &[u8] {
    quoted_content(value).unwrap_or(value)
}

/// Whether one of these words stands in `text`, in any case, and however its letters are escaped in quoted strings.
fn contains_any(text: &[u8], words: &[&[u8]]) -> bool {
    let plain: Vec<u8> = text
        .iter()
        .filter(|byte| **byte != b'\\')
        .map(u8::to_ascii_lowercase)
        .collect();
    words
        .iter()
        .any(|word| memchr::memmem::find(&plain, word).is_some())
}

#[cfg(test)]
mod tests;
