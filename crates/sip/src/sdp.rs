//! Media keys in a session description: every `a=fingerprint` of a body
//! ([RFC 8122 §5](https://www.rfc-editor.org/rfc/rfc8122#section-5)), as `mky` of a PASSporT has them.
//!
//! [`fingerprints`] is all that is asked of SDP here; sessions, media and ports are nobody's business. Read so that nobody can be
//! shown a key that is not counted: wherever a body may be a session description it is read as one, and what names a key that
//! cannot be told makes the whole untold, which no signature matches.

use crate::grammar::{Parameters, is_token, quoted_content, split_outside, trim, trim_end};
use crate::message::{Message, Name};
use countersign::media_keys::{Fingerprint, MediaKeys};
use memchr::{memchr, memchr2, memchr2_iter};

/// The attribute. Its name counts without regard to case: there are endpoints that read it so.
const ATTRIBUTE: &[u8] = b"fingerprint";

/// How far into [`ATTRIBUTE`] its `g` stands, which is rare in a description without keys.
const RARE_AT: usize = 3;

/// The media keys that the body of a message offers or answers; `None` if it has none.
///
/// Those of the session and of each medium are one set, over all descriptions of a multipart body: of two descriptions it is the
/// recipient who chooses. [`MediaKeys::untold`] if one of them is no fingerprint, or if there are more than [`MAX_FINGERPRINTS`](countersign::media_keys::MAX_FINGERPRINTS).
///
/// # Example
/// ```
/// use countersign_sip::message::{Framing, Message};
/// use countersign_sip::sdp::fingerprints;
/// let text = "INVITE sip:b@h SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\na=fingerprint:SHA-256 0a:1B\r\n";
/// let invite = Message::parse(text.into(), Framing::Datagram)?;
/// let keys = fingerprints(&invite).unwrap();
/// assert_eq!(keys.iter().next().unwrap().to_string(), "sha-256:0A1B");
/// # Ok::<(), countersign_sip::message::ParseError>(())
/// ```
pub fn fingerprints(message: &Message) -> Option<MediaKeys> {
    let body = message.body();
    // Nearly all calls have none, and pay for this search alone.
    if !names_any(body) {
        return None;
    }
    let boundary = match Content::of_message(message) {
        Content::Foreign => return None,
        Content::Parts(boundary) => Some(boundary),
        Content::Session => None,
    };
    let mut attributes = Lines::of(body, boundary).filter_map(attribute).peekable();
    attributes.peek()?;
    let mut is_told = true;
    let keys = attributes.map_while(|value| {
        let key = fingerprint(value);
        is_told &= key.is_some();
        key
    });
    // More lines than keys are nothing unusual: one certificate, and a line of it for each medium.
    let keys = MediaKeys::new(keys).ok().filter(|_| is_told);
    Some(keys.unwrap_or_else(MediaKeys::untold))
}

/// Whether the name of the attribute stands anywhere in the body.
fn names_any(body: &[u8]) -> bool {
    memchr2_iter(b'g', b'G', body).any(|at| {
        let start = at.checked_sub(RARE_AT);
        let name = start.and_then(|start| body.get(start..start + ATTRIBUTE.len()));
        name.is_some_and(|name| name.eq_ignore_ascii_case(ATTRIBUTE))
    })
}

/// What a body or a part of one is, by its Content-Type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content<'a> {
    /// Something else, and well said.
    Foreign,
    /// Parts between lines with this boundary.
    Parts(&'a [u8]),
    /// A session description, or what somebody could take for one.
    Session,
}

impl<'a> Content<'a> {
    // RFC 3261 §20.15: "The Content-Type header field MUST be present if the body is not empty." Who leaves it out, or says two things,
    // leaves it to the recipient what it is.
    fn of_message(message: &'a Message) -> Self {
        let mut lines = message.headers(Name::ContentType);
        match (lines.next(), lines.next()) {
            (Some(line), None) => Self::of(line.value),
            _ => Self::Session,
        }
    }

    fn of(value: &'a [u8]) -> Self {
        let (media_type, parameters) = match split_outside(value, b';') {
            Some((media_type, rest)) => {
                let at = value.len() - rest.len() - 1;
                (media_type, value.get(at..).unwrap_or_default())
            }
            None => (value, &[][..]),
        };
        let mut names = trim(media_type).splitn(2, |byte| *byte == b'/');
        let (Some(kind), Some(form)) = (names.next(), names.next()) else {
            return Self::Session;
        };
        let is = |kind_wanted: &str| kind.eq_ignore_ascii_case(kind_wanted.as_bytes());
        if is("multipart") {
            let boundary = Parameters::of(parameters).value("boundary");
            let boundary = boundary.map(|value| quoted_content(value).unwrap_or(value));
            // An escape in it is nobody's habit: its parts are read as if they were one.
            let plain = boundary.filter(|value| !value.is_empty() && !value.contains(&b'\\'));
            return plain.map_or(Self::Session, Self::Parts);
        }
        let is_session = is("application") && form.eq_ignore_ascii_case(b"sdp");
        match is_session || !is_token(kind) || !is_token(form) {
            true => Self::Session,
            false => Self::Foreign,
        }
    }
}

/// The lines of a body, without those of parts that are something else.
struct Lines<'a> {
    rest: Option<&'a [u8]>,
    boundary: Option<&'a [u8]>,
    place: Place,
}

/// Where in a body of several parts a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the headers of a part, and how many Content-Types say that it is something else, and how many do not.
    Headers { foreign: usize, other: usize },
    /// Where something else is.
    Foreign,
    /// Where a description may be: in a part that is one, and before the first part and after the last, which nobody should read.
    Session,
}

impl<'a> Lines<'a> {
    fn of(body: &'a [u8], boundary: Option<&'a [u8]>) -> Self {
        Self {
            rest: Some(body),
            boundary,
            place: Place::Session,
        }
    }

    // RFC 2046 §5.1.1: "The boundary delimiter line is then defined as a line consisting entirely of two hyphen characters ("-", decimal
    // value 45) followed by the boundary parameter value from the Content-Type header field, optional linear whitespace, and a
    // terminating CRLF."
    fn is_delimiter(&self, line: &[u8]) -> bool {
        let after = |boundary| line.strip_prefix(b"--")?.strip_prefix(boundary);
        let after = self.boundary.and_then(after);
        after.is_some_and(|after| matches!(trim_end(after), b"" | b"--"))
    }

    fn moved(&self, line: &[u8]) -> Place {
        if self.is_delimiter(line) {
            return Place::Headers {
                foreign: 0,
                other: 0,
            };
        }
        match self.place {
            Place::Headers { foreign, other } if line.is_empty() => match (foreign, other) {
                (1, 0) => Place::Foreign,
                _ => Place::Session,
            },
            Place::Headers { foreign, other } => match content_type(line).map(Content::of) {
                None => self.place,
                Some(Content::Foreign) => Place::Headers {
                    foreign: foreign + 1,
                    other,
                },
                Some(Content::Parts(_) | Content::Session) => Place::Headers {
                    foreign,
                    other: other + 1,
                },
            },
            place => place,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.rest?;
            // Generous readers end a line where either stands.
            let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at_checked(end)?;
            let end_of_line = [b"\r\n".as_slice(), b"\r", b"\n"];
            let mut ends = end_of_line.iter();
            self.rest = ends.find_map(|end| after.strip_prefix(*end));
            self.place = self.moved(line);
            if self.place != Place::Foreign {
                return Some(line);
            }
        }
    }
}

/// The value of a header line of a part, if it is a Content-Type.
fn content_type(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let is_it = trim_end(name).eq_ignore_ascii_case(Name::ContentType.as_str().as_bytes());
    Some(trim(value.get(1..)?)).filter(|_| is_it)
}

/// What an attribute of that name says.
// RFC 8866 §5: "Whitespace separators are not used on either side of the "=" sign, however, the value can contain a leading whitespace as
// part of its syntax, i.e., that whitespace is part of the value."
fn attribute(line: &[u8]) -> Option<&[u8]> {
    let line = trim(line).strip_prefix(b"a=")?;
    let colon = memchr(b':', line).unwrap_or(line.len());
    let (name, value) = line.split_at_checked(colon)?;
    let is_it = trim(name).eq_ignore_ascii_case(ATTRIBUTE);
    Some(value.get(1..).unwrap_or_default()).filter(|_| is_it)
}

fn fingerprint(value: &[u8]) -> Option<Fingerprint> {
    Fingerprint::from_sdp(std::str::from_utf8(value).ok()?).ok()
}

#[cfg(test)]
mod tests;
