//! Online certificate status: [RFC 6960](https://www.rfc-editor.org/rfc/rfc6960), with the question that telephone numbers need.
//!
//! Whether a certificate was revoked is one question, whether a number is *still* one of its numbers is another: numbers are ported,
//! certificates live on. The extension [`TN_QUERY`] asks both at once (draft-ietf-stir-certificates-ocsp, in its text of 2017).
//!
//! - [`CertId`] names a certificate by hashes of its issuer and its serial number.
//! - [`OcspRequest`] asks about certificates; [`OcspResponse`] is what comes back. Both are raw: parsed, not believed.
//! - [`judge`](fn@judge::judge) says what a response is worth for one certificate and one number: [`Standing`].
//!
//! A response that travels inside a PASSporT is a staple; where it stands there is known in [`crate::passport`]. Nothing is asked
//! from here, and who answers is the matter of the certification authority.

pub mod cert_id;
pub mod request;
pub mod response;
pub mod judge;

pub use cert_id::{CertId, HashForm};
pub use judge::{Responders, Standing};
pub use request::{Asked, Nonce, OcspRequest};
pub use response::{CertStatus, OcspResponse, ResponderId, Single};

use super::encode;
use super::extensions::BadExtensions;
use super::walk::{Malformed, only};
use crate::number::TelephoneNumber;
use const_oid::ObjectIdentifier;
use der::Tag;
use std::fmt;

/// `id-pkix-ocsp-stir-tn`: whether the certificate speaks for one number. draft-ietf-stir-certificates-ocsp (2017): "TNQuery ::=
/// E164Number", a type that is defined nowhere; what RFC 8226 §9 calls TelephoneNumber is meant (`docs/divergences.md`).
pub const TN_QUERY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.10");

/// `id-pkix-ocsp-nonce`: RFC 9654 §2.1.
pub const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// `id-pkix-ocsp-nocheck`: the certificate of a responder that nobody checks for revocation, RFC 6960 §4.2.2.2.1.
pub const NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");

/// `id-kp-OCSPSigning`: RFC 6960 §4.2.2.2.
pub const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");

/// `id-pkix-ocsp-basic`: the one type of response there is, RFC 6960 §4.2.1.
pub const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");

/// Largest request we read, in bytes: one question with number and nonce has about 250.
pub const MAX_REQUEST: usize = 4 * 1024;

/// Most certificates that one request may ask about; STIR asks about one.
pub const MAX_ASKED: usize = 16;

/// Largest response we read, in bytes: one with the certificate of its responder has about 1,200.
pub const MAX_RESPONSE: usize = 16 * 1024;

/// Most single answers in a response we read, and most certificates beside them.
pub const MAX_SINGLES: usize = 16;

/// Most extensions of a request, a response or one of their members.
pub const MAX_OCSP_EXTENSIONS: usize = 8;

/// The value of a [`TN_QUERY`] extension for `number`: an IA5String.
pub fn tn_query(number: TelephoneNumber) -> Vec<u8> {
    encode::element(encode::IA5_STRING, number.as_bytes())
}

// RFC 8226 §9: "TelephoneNumber ::= IA5String (SIZE (1..15)) (FROM ("0123456789#*"))"
fn read_tn_query(value: &[u8]) -> Result<TelephoneNumber, Malformed> {
    TelephoneNumber::from_canonical(only(value, Tag::Ia5String)?).map_err(|_| Malformed)
}

/// `Extension` of RFC 5280 §4.1, not critical: none of those of OCSP needs to be.
// RFC 6960 §4.4: "Support for all extensions is OPTIONAL for both clients and responders. For each extension, the definition indicates
// its syntax, processing performed by the OCSP client, and any extensions that are included in the corresponding response."
pub fn extension(kind: &ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    encode::sequence(&[encode::oid(kind), encode::octet_string(value)])
}

/// Why some bytes are no request or no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspError {
    /// Something critical that we do not know.
    Critical(ObjectIdentifier),
    /// Not the DER of one.
    Malformed,
    /// Larger than [`MAX_REQUEST`] or [`MAX_RESPONSE`].
    TooLarge,
    /// More members than [`MAX_ASKED`], [`MAX_SINGLES`] or [`MAX_OCSP_EXTENSIONS`].
    TooMany,
    /// Of another version, or a type of response that is not the basic one.
    Version,
}

impl From<Malformed> for OcspError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<BadExtensions> for OcspError {
    fn from(bad: BadExtensions) -> Self {
        match bad {
            BadExtensions::Duplicate(_) | BadExtensions::Malformed => Self::Malformed,
            BadExtensions::TooMany => Self::TooMany,
        }
    }
}

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Critical(kind) => {
                write!(f, "a critical extension that is not known: {kind}")
            }
            Self::Malformed => f.write_str("not the DER of an OCSP message"),
            Self::TooLarge => f.write_str("the OCSP message is too large"),
            Self::TooMany => f.write_str("the OCSP message has too many members"),
            Self::Version => f.write_str("the OCSP message is of another version or type"),
        }
    }
}

impl std::error::Error for OcspError {}

#[cfg(test)]
mod tests;
