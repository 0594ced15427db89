//! Single values of claims: numbers and URIs.

use super::error::{Claim, PassportError};
use crate::identity::MAX_URI;
use crate::jose::json::Value;
use crate::number::TelephoneNumber;

/// RFC 8225 §5.2.1.1: "The claim value for the "tn" claim is the telephone number and MUST be canonicalized according to the
/// procedures specified in [RFC8224], Section 8.3."
pub(super) fn read_number(
    value: &Value<'_>,
    claim: Claim,
) -> Result<TelephoneNumber, PassportError> {
    let text = value.as_str().ok_or(PassportError::ClaimShape(claim))?;
    TelephoneNumber::from_canonical(text.as_bytes())
        .map_err(|_| PassportError::TnNotCanonical(claim))
}

pub(super) fn read_uri(value: &Value<'_>, claim: Claim) -> Result<Box<str>, PassportError> {
    let text = value.as_str().ok_or(PassportError::ClaimShape(claim))?;
    if !is_uri(text, MAX_URI) {
        return Err(PassportError::UriMalformed(claim));
    }
    Ok(text.into())
}

/// Whether `text` could be a URI of at most `limit` bytes: a scheme, a colon, and only characters that
/// [RFC 3986 §2](https://www.rfc-editor.org/rfc/rfc3986#section-2) knows. So it can stand between angle brackets.
pub(super) fn is_uri(text: &str, limit: usize) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    // RFC 3986 §3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let never_in_a_uri = |byte: u8| {
        matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
    };
    text.len() <= limit
        && scheme_fits
        && !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !never_in_a_uri(byte))
}
