//! The letters of RFC 3261 §25.1: tokens, white space, quoted strings, comma lists, parameters.
//!
//! Everything works on raw header values. Folding needs no step of its own: the parser lets CR and LF into a value only as
//! part of a fold, so both count as white space here and nothing is ever copied to be read.

use memchr::{memchr, memchr2, memchr3};

/// Whether `byte` may stand in a token.
// RFC 3261 §25.1: token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
pub const fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        )
}

/// Whether `text` is a token.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_char(byte))
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
    /// is a `=`, are not empty and hold no white space outside quotes.
    pub fn are_well_formed(mut self) -> bool {
        self.all(|parameter| {
            is_token(parameter.name)
                && parameter.value.is_none_or(|value| {
                    quoted_content(value).is_some()
                        || (!value.is_empty()
                            && !value.iter().any(|&byte| is_lws(byte) || byte == b'"'))
                })
        })
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let rest = self.rest?;
        let (one, rest) = match split_outside(rest, b';') {
            Some((one, rest)) => (one, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        let (name, value) = match memchr(b'=', one) {
            Some(at) => (one.get(..at)?, Some(trim(one.get(at + 1..)?))),
            None => (one, None),
        };
        Some(Parameter {
            name: trim(name),
            value,
        })
    }
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
