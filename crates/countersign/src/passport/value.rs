//! Single values of claims: numbers and URIs.

use super::error::{Claim, PassportError};
use crate::identity::MAX_URI;
pub(super) use crate::identity::is_uri;
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
    if text.len() > MAX_URI {
        return Err(PassportError::ClaimTooLarge(claim));
    }
    if !is_uri(text, MAX_URI) {
        return Err(PassportError::UriMalformed(claim));
    }
    Ok(text.into())
}
