//! The letters of RFC 3261 §25.1: tokens, white space, quoted strings, comma lists, parameters.
//!
//! Everything works on raw header values. Folding needs no step of its own: the parser lets CR and LF into a value only as
//! part of a fold, so both count as white space here and nothing is ever copied to be read.

use memchr::{memchr, memchr2, memchr3};

/// What a byte may be part of. One table lookup answers for several questions; the parser asks it for nearly every byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    /// RFC 3261 §25.1: token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
    pub(crate) const TOKEN: Self = Self(1);
    /// What may stand in a URI at all: visible ASCII without the delimiters of RFC 2396 §2.4.3.
    pub(crate) const URI: Self = Self(2);
    /// A host name or IPv4 address. Underscores are tolerated: RFC 3261 §25.1 has none, switches do.
    pub(crate) const HOST: Self = Self(4);
    /// Visible ASCII.
    pub(crate) const VISIBLE: Self = Self(8);
    /// What ends the name or value of a parameter, or makes it more than a word: `;` `=` `"` `<`.
    const PARAMETER_MARK: Self = Self(16);
    /// What may stand in a SIP URI after its `@`: no second one.
    pub(crate) const URI_AFTER_AT: Self = Self(32);
    /// What may stand in a display name without quotes. Bytes above ASCII are tolerated: the field has them.
    pub(crate) const DISPLAY: Self = Self(64);

    /// Whether `byte` is of this class.
    pub(crate) const fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self.0 != 0
    }

    /// Whether all bytes are of this class. No early exit: nearly always they are.
    pub(crate) fn has_all(self, text: &[u8]) -> bool {
        let common = text
            .iter()
            .fold(self.0, |common, byte| common & CLASSES[usize::from(*byte)]);
        common != 0
    }

    /// How many bytes at the start are of this class.
    pub(crate) fn prefix(self, text: &[u8]) -> usize {
        text.iter()
            .position(|byte| !self.has(*byte))
            .unwrap_or(text.len())
    }

    const fn of(byte: u8) -> u8 {
        let mut classes = 0;
        let alphanumeric = byte.is_ascii_alphanumeric();
        if alphanumeric
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            )
        {
            classes |= Self::TOKEN.0;
        }
        if byte.is_ascii_graphic() {
            classes |= Self::VISIBLE.0;
            if !matches!(byte, b'"' | b'<' | b'>') {
                classes |= Self::URI.0;
            }
        }
        if alphanumeric || matches!(byte, b'.' | b'-' | b'_') {
            classes |= Self::HOST.0;
        }
        if matches!(byte, b';' | b'=' | b'"' | b'<') {
            classes |= Self::PARAMETER_MARK.0;
        }
        if classes & Self::URI.0 != 0 && byte != b'@' {
            classes |= Self::URI_AFTER_AT.0;
        }
        if classes & Self::TOKEN.0 != 0 || is_lws(byte) || !byte.is_ascii() {
            classes |= Self::DISPLAY.0;
        }
        classes
    }
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = Class::of(byte as u8);
        byte += 1;
    }
    classes
};

/// Whether `text` is a token.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && Class::TOKEN.has_all(text)
}

/// White space, folds included.
pub const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without white space at its ends.
pub fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// `text` without white space at its start.
pub fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_lws(*first)
    {
        text = rest;
    }
    text
}

/// `text` without white space at its end.
pub fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_lws(*last)
    {
        text = rest;
    }
    text
}

/// Where `text` splits at the first `separator` that stands outside quoted strings and angle brackets.
///
/// An open quote or bracket runs to the end: what is inside then belongs to the part before, which its reader will refuse.
pub fn split_outside(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        at += memchr3(separator, b'"', b'<', rest)?;
        match text.get(at) {
            Some(b'"') => at = after_quoted(text, at)?,
            Some(b'<') => at += memchr(b'>', text.get(at..)?)? + 1,
            _ => return Some((text.get(..at)?, text.get(at + 1..)?)),
        }
    }
}

/// The offset after the closing quote of the quoted string that opens at `open`; `None` if it does not close.
// RFC 3261 §25.1: quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)
pub fn after_quoted(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The content of a quoted string without its quotes, escapes kept; `None` if `text` is not exactly one quoted string.
pub fn quoted_content(text: &[u8]) -> Option<&[u8]> {
    let opens = text.first() == Some(&b'"');
    let closes = opens && after_quoted(text, 0) == Some(text.len());
    if closes {
        text.get(1..text.len() - 1)
    } else {
        None
    }
}

/// What the content of a quoted string, or a display name without quotes, says: without escapes, and with one space for each fold. Bytes
/// that are no UTF-8 become U+FFFD, which nobody signs.
pub fn quoted_text(content: &[u8]) -> String {
    let mut text = Vec::with_capacity(content.len());
    let mut rest = content;
    while let [first, others @ ..] = rest {
        rest = match (first, others) {
            (b'\\', [escaped, others @ ..]) => {
                text.push(*escaped);
                others
            }
            (b'\r' | b'\n', _) => {
                text.truncate(trim_end(&text).len());
                text.push(b' ');
                trim_start(others)
            }
            _ => {
                text.push(*first);
                others
            }
        };
    }
    match String::from_utf8(text) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Writes a quoted string that says `text`. Control characters become spaces: a header value has none.
pub fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            control if control.is_ascii_control() => out.push(b' '),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// The elements of a comma-separated header value, trimmed, empty ones included.
#[derive(Clone, Debug)]
pub struct List<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> List<'a> {
    /// The elements of `value`.
    pub fn of(value: &'a [u8]) -> Self {
        Self { rest: Some(value) }
    }
}

impl<'a> Iterator for List<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let (element, rest) = match split_outside(rest, b',') {
            Some((element, rest)) => (element, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        Some(trim(element))
    }
}

/// One parameter: `;name`, `;name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name as written; compare without regard to case.
    pub name: &'a [u8],
    /// The value as written, quotes included.
    pub value: Option<&'a [u8]>,
}

impl Parameter<'_> {
    /// Whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// See [`Parameters::are_well_formed`].
    pub(crate) fn is_well_formed(&self) -> bool {
        is_token(self.name) && self.value.is_none_or(is_parameter_value)
    }
}

/// The parameters of a header value: what follows the first `;` that belongs to the header.
///
/// Empty parameters (`;;`) come out with an empty name; whoever cares refuses them.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Parameters<'a> {
    /// The parameters in `text`, which is empty or begins with `;`.
    pub fn of(text: &'a [u8]) -> Self {
        let rest = match trim_start(text) {
            [b';', rest @ ..] => Some(rest),
            _ => None,
        };
        Self { rest }
    }

    /// The first parameter of this name.
    pub fn get(mut self, name: &str) -> Option<Parameter<'a>> {
        self.find(|parameter| parameter.is(name))
    }

    /// The value of the first parameter of this name.
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        self.get(name)?.value
    }

    /// Whether all are `token [ "=" ( token / host / quoted-string ) ]`, loosely: names are tokens and values, where there
    /// is a `=`, are not empty and hold neither white space nor angle brackets outside quotes. An open bracket would take in
    /// every parameter that comes after it, those that we write included.
    pub fn are_well_formed(mut self) -> bool {
        self.all(|parameter| parameter.is_well_formed())
    }
}

fn is_parameter_value(value: &[u8]) -> bool {
    if is_token(value) {
        return true;
    }
    let loose = |byte: &u8| !is_lws(*byte) && !matches!(byte, b'"' | b'<' | b'>');
    quoted_content(value).is_some() || (!value.is_empty() && value.iter().all(loose))
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let rest = self.rest?;
        let (equal, end) = parameter_marks(rest);
        self.rest = rest.get(end + 1..);
        let (name, value) = match equal {
            Some(at) => (rest.get(..at)?, Some(trim(rest.get(at + 1..end)?))),
            None => (rest.get(..end)?, None),
        };
        Some(Parameter {
            name: trim(name),
            value,
        })
    }
}

/// Where the first parameter in `text` has its first `=`, and where it ends.
fn parameter_marks(text: &[u8]) -> (Option<usize>, usize) {
    let mut equal = None;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(mark) = rest
            .iter()
            .position(|byte| Class::PARAMETER_MARK.has(*byte))
        else {
            break;
        };
        at += mark;
        // An open quote or bracket runs to the end, as in `split_outside`.
        at = match text.get(at) {
            Some(b';') => return (equal, at),
            Some(b'=') => {
                equal = equal.or(Some(at));
                at + 1
            }
            Some(b'"') => after_quoted(text, at).unwrap_or(text.len()),
            _ => text
                .get(at..)
                .and_then(|rest| memchr(b'>', rest))
                .map_or(text.len(), |close| at + close + 1),
        };
    }
    (equal, text.len())
}

/// An unsigned decimal number without sign or space; `None` if it is not one or exceeds `u32`.
pub fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |value, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let value = br#" "Bell, A. \"," <sip:a,b@h;x=1,2> ;q=1 , <sip:c@h>,"#;
        let elements: Vec<_> = List::of(value).collect();
        assert_eq!(
            elements,
            [
                br#""Bell, A. \"," <sip:a,b@h;x=1,2> ;q=1"#.as_slice(),
                b"<sip:c@h>",
                b""
            ]
        );
    }

    #[test]
    fn open_quotes_and_brackets_run_to_the_end() {
        assert_eq!(List::of(b"\"a, b").count(), 1);
        assert_eq!(List::of(b"<a, b").count(), 1);
        assert_eq!(List::of(b"\"a\\").count(), 1);
    }

    #[test]
    fn parameters_stand_apart_from_their_white_space() {
        let parameters = Parameters::of(b" ; branch =\r\n z9 ;lr;x=\"a;b\"");
        let all: Vec<_> = parameters
            .clone()
            .map(|one| (one.name, one.value))
            .collect();
        assert_eq!(
            all,
            [
                (b"branch".as_slice(), Some(b"z9".as_slice())),
                (b"lr", None),
                (b"x", Some(b"\"a;b\"")),
            ]
        );
        assert_eq!(parameters.clone().value("BRANCH"), Some(b"z9".as_slice()));
        assert!(parameters.are_well_formed());
        assert!(!Parameters::of(b";;").are_well_formed());
    }

    #[test]
    fn numbers_do_not_overflow() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
    }
}
