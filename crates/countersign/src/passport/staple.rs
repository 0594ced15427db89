//! A staple: the answer of a responder that the certificate of the signer is still good, carried along by the token itself
//! (draft-ietf-stir-ocsp-staple).
//!
//! Here it is bytes, taken out of base64; whether they are an answer, and what it is worth, is judged in `verification`, where policy
//! decides whether it is looked at at all. So a staple that is none is no defect of the token.
//!
//! Of the draft we hold no text: the name of the claim and how it is written stand each in one constant (`docs/divergences.md`).

use crate::jose::json::Value;
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use std::fmt;

/// The claim.
pub const STPL: &str = "stpl";

/// How the bytes of an answer are written in it: base64 of RFC 4648 §4 with padding, as certificates are in `x5c`.
pub const STPL_ALPHABET: GeneralPurpose = STANDARD;

/// Most answers in one token: as many as there are certificates in a list at `x5u`. Their size is bounded by [`super::MAX_TOKEN`].
pub const MAX_STAPLED: usize = super::MAX_X5C;

/// What a token has under [`STPL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staple {
    /// Answers, the one about the certificate of the signer first; nothing is known of them but that they stood in base64.
    Responses(Box<[Box<[u8]>]>),
    /// Something else.
    Malformed(BadStaple),
}

impl Staple {
    /// Of this one answer.
    pub fn of(response: &[u8]) -> Self {
        Self::Responses([response.into()].into())
    }

    /// Reads what stands under [`STPL`].
    pub(super) fn read(value: &Value<'_>) -> Self {
        match read(value) {
            Ok(responses) => Self::Responses(responses),
            Err(why) => Self::Malformed(why),
        }
    }

    /// Writes the value: a string for one answer, an array for several. `None` if there is nothing to write.
    pub(super) fn written(&self) -> Option<String> {
        let Self::Responses(responses) = self else {
            return None;
        };
        // Nothing in base64 needs an escape.
        let quoted = |der: &[u8]| format!("\"{}\"", STPL_ALPHABET.encode(der));
        match &**responses {
            [] => None,
            [one] => Some(quoted(one)),
            several => {
                let all: Vec<_> = several.iter().map(|one| quoted(one)).collect();
                Some(format!("[{}]", all.join(",")))
            }
        }
    }
}

fn read(value: &Value<'_>) -> Result<Box<[Box<[u8]>]>, BadStaple> {
    let decode = |value: &Value<'_>| {
        let text = value.as_str().ok_or(BadStaple::NotStrings)?;
        let der = STPL_ALPHABET.decode(text).map_err(|_| BadStaple::Base64)?;
        Ok(der.into_boxed_slice())
    };
    let Some(several) = value.as_array() else {
        return Ok([decode(value)?].into());
    };
    match several.len() {
        0 => Err(BadStaple::Empty),
        1..=MAX_STAPLED => several.iter().map(decode).collect(),
        _ => Err(BadStaple::TooMany),
    }
}

/// Why a staple is none. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadStaple {
    /// A string is not base64: RFC 4648 §4, with padding, without line breaks.
    Base64,
    /// No answer.
    Empty,
    /// Something else than a string or an array of strings.
    NotStrings,
    /// More than [`MAX_STAPLED`] answers.
    TooMany,
}

impl fmt::Display for BadStaple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "a string of stpl is not base64",
            Self::Empty => "stpl has no answer",
            Self::NotStrings => "stpl is neither a string nor an array of strings",
            Self::TooMany => return write!(f, "stpl has more than {MAX_STAPLED} answers"),
        })
    }
}

impl std::error::Error for BadStaple {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::parse_str;

    fn read(json: &str) -> Staple {
        Staple::read(&parse_str(json).unwrap().value)
    }

    #[test]
    fn a_string_or_an_array_of_strings() {
        assert_eq!(read(r#""+/8=""#), Staple::of(&[0xfb, 0xff]));
        assert_eq!(read(r#"["+/8="]"#), Staple::of(&[0xfb, 0xff]));
        let der = |bytes: &[u8]| Box::from(bytes);
        let two = Staple::Responses([der(&[0xfb, 0xff]), der(b"0")].into());
        assert_eq!(read(r#"["+/8=","MA=="]"#), two);
        for json in [r#""+/8=""#, r#"["+/8=","MA=="]"#] {
            assert_eq!(read(json).written().as_deref(), Some(json));
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let many = format!("[{}]", [r#""MA==""#; MAX_STAPLED + 1].join(","));
        for (json, why) in [
            (r#""-_8=""#, BadStaple::Base64),
            (r#""MA""#, BadStaple::Base64),
            (r#"["MA==","*"]"#, BadStaple::Base64),
            ("[]", BadStaple::Empty),
            (r#"["MA==",1]"#, BadStaple::NotStrings),
            ("null", BadStaple::NotStrings),
            ("{}", BadStaple::NotStrings),
            (&many, BadStaple::TooMany),
        ] {
            assert_eq!(read(json), Staple::Malformed(why), "{json}");
            assert_eq!(read(json).written(), None);
        }
    }
}
