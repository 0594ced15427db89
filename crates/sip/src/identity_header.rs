//! The Identity header, [RFC 8224 §4](https://www.rfc-editor.org/rfc/rfc8224#section-4), and as the field writes it.
//!
//! [`presented`] takes every PASSporT out of a request, [`parse`] one out of a value. Read generously: `ppt` and `alg` with
//! quotes or without, parameters in any order, names in any case, white space around `;` and `=`, several values in one
//! header, parameters that nobody knows, an empty `Identity:`. Refused: what has two readings, and the form of RFC 4474.
//!
//! The token itself is not taken apart here; that is `countersign::passport`.

use crate::grammar::{
    Class, List, Parameter, Parameters, is_token, quoted_content, split_outside, trim,
};
use crate::message::{Message, Name};
use countersign::passport::Presented;
use countersign::verification::Malformed;

/// Longest Identity value we read, in bytes. RFC 8224 has no limit. A `shaken` PASSporT is half a kilobyte, a rich-call-data
/// one with everything inline a few; what is longer is an attack on whoever decodes it.
pub const MAX_IDENTITY_VALUE: usize = 16_384;

/// Most PASSporTs that are taken out of one request: more than any policy judges, fewer than a header full of commas has.
pub const MAX_PRESENTED: usize = 128;

/// The PASSporTs that a request presents, in order, well-formed or not; empty headers present none.
///
/// How many of them are judged is the verification policy's, which refuses all where there are too many. No more than
/// [`MAX_PRESENTED`] are read.
pub fn presented(message: &Message) -> Vec<Result<Presented, Malformed>> {
    let lines = message.headers(Name::Identity);
    let all = lines.flat_map(|line| values(line.value));
    all.take(MAX_PRESENTED).map(parse).collect()
}

/// The values of one header line; none if it is empty.
// The ABNF of RFC 8224 §4 has no comma list and lets the header stand several times, which RFC 3261 §7.3.1 makes the same
// thing; intermediaries join lines with commas. Some switches ask for a signature with an empty `Identity:`.
pub fn values(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    List::of(header).filter(|value| !value.is_empty())
}

/// Reads one value.
///
/// # Errors
/// [`Malformed`]; a missing `info` is none of them, its absence is for the verification service to judge.
///
/// # Example
/// ```
/// use countersign_sip::identity_header::parse;
/// let presented = parse(b"eyJh.eyJi.c2ln ; PPT = \"shaken\";x=1; info=<https://cert.example/c.pem>;alg=ES256").unwrap();
/// assert_eq!(&*presented.token, "eyJh.eyJi.c2ln");
/// assert_eq!(presented.info.as_deref(), Some("https://cert.example/c.pem"));
/// assert_eq!(presented.ppt.as_deref(), Some("shaken"));
/// ```
pub fn parse(value: &[u8]) -> Result<Presented, Malformed> {
    let value = trim(value);
    if value.len() > MAX_IDENTITY_VALUE {
        return Err(Malformed::TooLong);
    }
    // RFC 4474 §9: signed-identity-digest = LDQUOT 32LHEX RDQUOT
    if value.first() == Some(&b'"') {
        return Err(Malformed::Obsolete);
    }
    let token_end = split_outside(value, b';').map_or(value.len(), |(token, _)| token.len());
    let (token, parameters) = value.split_at_checked(token_end).ok_or(Malformed::Token)?;
    let mut presented = Presented {
        token: token_text(trim(token))?,
        info: None,
        alg: None,
        ppt: None,
    };
    for parameter in Parameters::of(parameters) {
        read_parameter(&mut presented, parameter)?;
    }
    Ok(presented)
}

fn read_parameter(presented: &mut Presented, parameter: Parameter<'_>) -> Result<(), Malformed> {
    if !is_token(parameter.name) {
        return Err(Malformed::Parameter);
    }
    let (slot, text) = match parameter {
        one if one.is("info") => (&mut presented.info, info_uri(one.value)?),
        one if one.is("alg") => (&mut presented.alg, word(one.value)?),
        one if one.is("ppt") => (&mut presented.ppt, word(one.value)?),
        other => return extension(other.value),
    };
    // RFC 3261 §7.3.1: "Even though an arbitrary number of parameter pairs may be attached to a header field value, any given
    // parameter-name MUST NOT appear more than once." Of two `info` nobody knows which one the next element fetches.
    match slot.replace(text) {
        None => Ok(()),
        Some(_) => Err(Malformed::Parameter),
    }
}

// RFC 8224 §4: signed-identity-digest = 1*(base64-char / "."), base64-char = ALPHA / DIGIT / "/" / "+"
// The alphabet of RFC 8225 is base64url, which has "-" and "_" instead; both pass here, and padding too: whether the token
// decodes is not the header's question.
fn token_text(token: &[u8]) -> Result<Box<str>, Malformed> {
    let foreign = token.iter().fold(0, |foreign, byte| {
        foreign | u8::from(!is_digest_char(*byte))
    });
    if token.is_empty() || foreign != 0 {
        return Err(Malformed::Token);
    }
    text(token).ok_or(Malformed::Token)
}

/// No branches: the compiler makes vector code of it, and a token is most of a header.
const fn is_digest_char(byte: u8) -> bool {
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        // "-" "." "/" and the digits follow each other in ASCII
        | (byte.wrapping_sub(b'-') <= b'9' - b'-')
        | (byte == b'+')
        | (byte == b'_')
        | (byte == b'=')
}

// RFC 8224 §4: ident-info-uri = LAQUOT absoluteURI RAQUOT
fn info_uri(value: Option<&[u8]>) -> Result<Box<str>, Malformed> {
    let uri = value
        .and_then(|value| value.strip_prefix(b"<")?.strip_suffix(b">"))
        .filter(|uri| !uri.is_empty())
        .filter(|uri| Class::URI.has_all(uri));
    uri.and_then(text).ok_or(Malformed::Info)
}

// RFC 8224 §4: ident-type = "ppt" EQUAL token; its own examples, and half of the field, write a quoted string.
fn word(value: Option<&[u8]>) -> Result<Box<str>, Malformed> {
    let value = value.ok_or(Malformed::Parameter)?;
    let bare = quoted_content(value).unwrap_or(value);
    if !is_token(bare) {
        return Err(Malformed::Parameter);
    }
    text(bare).ok_or(Malformed::Parameter)
}

// RFC 3261 §25.1: generic-param = token [ EQUAL gen-value ], gen-value = token / host / quoted-string
fn extension(value: Option<&[u8]>) -> Result<(), Malformed> {
    let fits = value.is_none_or(|value| {
        let visible = |byte: &u8| byte.is_ascii_graphic() && *byte != b'"';
        quoted_content(value).is_some() || (!value.is_empty() && value.iter().all(visible))
    });
    if fits {
        Ok(())
    } else {
        Err(Malformed::Parameter)
    }
}

fn text(bytes: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}

#[cfg(test)]
mod tests;
