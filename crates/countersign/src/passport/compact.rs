//! The compact form of [RFC 8225 §7](https://www.rfc-editor.org/rfc/rfc8225#section-7): two dots and a signature.
//!
//! Header and claims are not in it; whoever receives it rebuilds them from the signalling: see `verification`.
//! SHAKEN does not use it: [RFC 8588 §3](https://www.rfc-editor.org/rfc/rfc8588#section-3), "The use of the compact form of
//! PASSporT is not specified in this document".

use super::error::{Part, PassportError};
use crate::crypto::{SIGNATURE_LEN, Signature};
use crate::jose::base64url::{encode_into, encoded_len};
use crate::jose::jws::{CompactJws, SignatureFault};

/// A PASSporT in compact form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactPassport {
    signature: Signature,
}

impl CompactPassport {
    /// Whether `token` has the compact form, well made or not.
    // RFC 8225 §7: "".." || BASE64URL(JWS Signature)"
    pub fn recognise(token: &str) -> bool {
        token.starts_with("..")
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// [`PassportError::NotThreeParts`] if it is not that form, [`PassportError::Base64`] or
    /// [`PassportError::SignatureLength`] if the signature is none.
    pub fn parse(token: &str) -> Result<Self, PassportError> {
        if token.len() > super::MAX_TOKEN {
            return Err(PassportError::TooLong);
        }
        let jws = CompactJws::split(token).map_err(|_| PassportError::NotThreeParts)?;
        if !Self::recognise(token) {
            return Err(PassportError::NotThreeParts);
        }
        let signature = jws.signature().map_err(|fault| match fault {
            SignatureFault::Base64 => PassportError::Base64(Part::Signature),
            SignatureFault::Length(length) => PassportError::SignatureLength(length),
        })?;
        Ok(Self { signature })
    }

    /// The compact form of a PASSporT with this signature.
    pub fn of(signature: Signature) -> Self {
        Self { signature }
    }

    /// The token: `..` and the signature.
    pub fn token(&self) -> String {
        let mut token = String::with_capacity("..".len() + encoded_len(SIGNATURE_LEN));
        token.push_str("..");
        encode_into(&self.signature, &mut token);
        token
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The token of RFC 8225 §7.1.
    const PRINTED: &str =
        "..rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w";

    #[test]
    fn the_compact_form_is_told_apart() {
        assert!(CompactPassport::recognise(PRINTED));
        assert!(CompactPassport::parse(PRINTED).is_ok());
        assert_eq!(
            CompactPassport::parse("..c2ln"),
            Err(PassportError::SignatureLength(3))
        );
        assert_eq!(
            CompactPassport::parse("..="),
            Err(PassportError::Base64(Part::Signature))
        );
        let compact = CompactPassport::parse(PRINTED).unwrap();
        assert_eq!(compact.token(), PRINTED);
        for other in ["a.b.c", "...", "", ".."] {
            assert!(CompactPassport::parse(other).is_err(), "{other}");
        }
    }
}
