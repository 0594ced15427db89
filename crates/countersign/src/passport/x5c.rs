//! Certificates in the header of a token: `x5c` of [RFC 7515 §4.1.6](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.6).
//!
//! Here they are bytes, taken out of base64; whether they are certificates and lead anywhere is judged in `verification`, where
//! policy decides whether they are looked at at all. So an `x5c` that is none is no defect of the token.

use crate::jose::json::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// Most certificates in one header: as many as in a list at `x5u`. Their size is bounded by [`super::MAX_TOKEN`].
pub const MAX_X5C: usize = 10;

/// What a header has under `x5c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum X5c {
    /// DER, the signer's first; nothing is known of it but that it stood in base64.
    Certificates(Box<[Box<[u8]>]>),
    /// Something else.
    Malformed(BadX5c),
}

impl X5c {
    /// Reads what stands under `x5c`.
    pub fn read(value: &Value<'_>) -> Self {
        match read(value) {
            Ok(certificates) => Self::Certificates(certificates),
            Err(why) => Self::Malformed(why),
        }
    }

    /// The string that stands for one certificate.
    pub fn encoded(der: &[u8]) -> String {
        STANDARD.encode(der)
    }
}

// RFC 7515 §4.1.6: "The certificate or certificate chain is represented as a JSON array of certificate value strings. Each string
// in the array is a base64-encoded (Section 4 of [RFC4648] -- not base64url-encoded) DER [ITU.X690.2008] PKIX certificate value."
fn read(value: &Value<'_>) -> Result<Box<[Box<[u8]>]>, BadX5c> {
    let strings = value.as_array().ok_or(BadX5c::NotStrings)?;
    match strings.len() {
        0 => return Err(BadX5c::Empty),
        1..=MAX_X5C => {}
        _ => return Err(BadX5c::TooMany),
    }
    let decode = |string: &Value<'_>| {
        let text = string.as_str().ok_or(BadX5c::NotStrings)?;
        let der = STANDARD.decode(text).map_err(|_| BadX5c::Base64)?;
        Ok(der.into_boxed_slice())
    };
    strings.iter().map(decode).collect()
}

/// Why an `x5c` is none. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadX5c {
    /// A string is not base64: RFC 4648 §4, with padding, without line breaks.
    Base64,
    /// No certificate.
    Empty,
    /// Something else than an array of strings.
    NotStrings,
    /// More than [`MAX_X5C`] certificates.
    TooMany,
}

impl fmt::Display for BadX5c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "a string of x5c is not base64",
            Self::Empty => "x5c has no certificate",
            Self::NotStrings => "x5c is not an array of strings",
            Self::TooMany => return write!(f, "x5c has more than {MAX_X5C} certificates"),
        })
    }
}

impl std::error::Error for BadX5c {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::parse_str;

    fn read(json: &str) -> X5c {
        X5c::read(&parse_str(json).unwrap().value)
    }

    #[test]
    fn an_array_of_base64_strings() {
        let der = |bytes: &[u8]| Box::from(bytes);
        let two = X5c::Certificates([der(&[0xfb, 0xff]), der(b"0")].into());
        assert_eq!(read(r#"["+/8=","MA=="]"#), two);
        assert_eq!(read(r#"["+\/8=","MA=="]"#), two, "an escape is JSON's");
        let ten = format!("[{}]", [r#""MA==""#; MAX_X5C].join(","));
        assert!(matches!(read(&ten), X5c::Certificates(all) if all.len() == MAX_X5C));
    }

    #[test]
    fn anything_else_is_malformed() {
        let eleven = format!("[{}]", [r#""MA==""#; MAX_X5C + 1].join(","));
        for (json, why) in [
            (r#"["-_8="]"#, BadX5c::Base64),
            (r#"["MA"]"#, BadX5c::Base64),
            (r#"["MA==\n"]"#, BadX5c::Base64),
            (r#"["MA==","*"]"#, BadX5c::Base64),
            ("[]", BadX5c::Empty),
            (r#""MA==""#, BadX5c::NotStrings),
            (r#"["MA==",1]"#, BadX5c::NotStrings),
            ("null", BadX5c::NotStrings),
            ("{}", BadX5c::NotStrings),
            (&eleven, BadX5c::TooMany),
        ] {
            assert_eq!(read(json), X5c::Malformed(why), "{json}");
        }
    }
}
