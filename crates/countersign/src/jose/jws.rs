//! The compact serialization of JWS ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)), for ES256 and nothing
//! else.
//!
//! [`CompactJws`] is a token taken apart, nothing believed: the signing input is the received bytes, never something written
//! again. [`CompactJws::verify`] is for tokens without rules of their own (trust lists, authority tokens); a PASSporT has its
//! own order of checks and uses the parts.

use super::base64url::{self, NotBase64Url};
use super::json::{self, JsonError, Object, Value};
use crate::crypto::{SIGNATURE_LEN, Signature, VerifyingKey};
use std::fmt;

/// The one algorithm we take: ECDSA over P-256 with SHA-256
/// ([RFC 7518 §3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)).
pub const ES256: &str = "ES256";

/// A compact JWS taken apart at its two dots.
///
/// # Example
/// ```
/// use countersign::jose::jws::CompactJws;
/// let jws = CompactJws::split("eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl")?;
/// assert_eq!(jws.header_bytes(), Ok(br#"{"alg":"ES256"}"#.to_vec()));
/// assert_eq!(jws.signing_input(), "eyJhbGciOiJFUzI1NiJ9.e30");
/// # Ok::<(), countersign::jose::jws::NotThreeParts>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactJws<'a> {
    token: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> CompactJws<'a> {
    /// Splits a token; the parts are not decoded yet.
    ///
    /// # Errors
    /// [`NotThreeParts`] unless there are exactly two dots.
    // RFC 7515 §7.1: BASE64URL(UTF8(JWS Protected Header)) || '.' || BASE64URL(JWS Payload) || '.' ||
    // BASE64URL(JWS Signature)
    pub fn split(token: &'a str) -> Result<Self, NotThreeParts> {
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(NotThreeParts);
        };
        Ok(Self {
            token,
            header: token.get(..first).unwrap_or_default(),
            payload: token.get(first + 1..second).unwrap_or_default(),
            signature: token.get(second + 1..).unwrap_or_default(),
        })
    }

    /// The token as received.
    pub fn token(&self) -> &'a str {
        self.token
    }

    /// The first part, still encoded.
    pub fn header_part(&self) -> &'a str {
        self.header
    }

    /// The second part, still encoded.
    pub fn payload_part(&self) -> &'a str {
        self.payload
    }

    /// What was signed: everything before the second dot, as received.
    pub fn signing_input(&self) -> &'a str {
        let length = self.header.len() + 1 + self.payload.len();
        self.token.get(..length).unwrap_or_default()
    }

    /// The first part, decoded.
    ///
    /// # Errors
    /// [`NotBase64Url`] if it is not.
    pub fn header_bytes(&self) -> Result<Vec<u8>, NotBase64Url> {
        base64url::decode(self.header)
    }

    /// The second part, decoded.
    ///
    /// # Errors
    /// [`NotBase64Url`] if it is not.
    pub fn payload_bytes(&self) -> Result<Vec<u8>, NotBase64Url> {
        base64url::decode(self.payload)
    }

    /// The third part as an ES256 signature.
    ///
    /// # Errors
    /// [`SignatureFault`] if it is not base64url, or not of that length.
    // On the way of every call.
    #[inline]
    pub fn signature(&self) -> Result<Signature, SignatureFault> {
        // RFC 7518 §3.4: "The JWS Signature value MUST be a 64-octet sequence. If it is not a 64-octet sequence, the validation
        // has failed."
        if self.signature.len() != base64url::encoded_len(SIGNATURE_LEN) {
            let bytes = base64url::decode(self.signature).map_err(|_| SignatureFault::Base64)?;
            return Err(SignatureFault::Length(bytes.len()));
        }
        let mut signature = [0; SIGNATURE_LEN];
        base64url::decode_slice(self.signature, &mut signature)
            .map_err(|_| SignatureFault::Base64)?;
        Ok(signature)
    }

    /// Checks header and signature and returns the payload: for tokens that are signed with a key already known.
    ///
    /// # Errors
    /// [`JwsFault`] with the first defect found.
    pub fn verify(&self, key: &dyn VerifyingKey) -> Result<Vec<u8>, JwsFault> {
        let bytes = self.header_bytes().map_err(|_| JwsFault::HeaderBase64)?;
        let value = json::parse(&bytes).map_err(JwsFault::HeaderJson)?;
        let header = value.as_object().ok_or(JwsFault::HeaderNotAnObject)?;
        check_crit(header, &[]).map_err(|NotUnderstood| JwsFault::Crit)?;
        // RFC 7518 §3.1 names HMAC, RSA and "none", too; a verifier that lets the token choose is a verifier of none.
        if header.get("alg").and_then(Value::as_str) != Some(ES256) {
            return Err(JwsFault::Algorithm);
        }
        let payload = self.payload_bytes().map_err(|_| JwsFault::PayloadBase64)?;
        let signature = self.signature().map_err(JwsFault::Signature)?;
        key.verify(self.signing_input().as_bytes(), &signature)
            .map_err(|_| JwsFault::BadSignature)?;
        Ok(payload)
    }
}

/// Judges the `crit` parameter of a protected header: every name in it must be one of `understood` and must be there.
///
/// # Errors
/// [`NotUnderstood`] otherwise, or if `crit` is not a list of names, is empty or has a name twice.
// RFC 7515 §4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the recipient, then
// the JWS is invalid."
pub fn check_crit(header: &Object<'_>, understood: &[&str]) -> Result<(), NotUnderstood> {
    let Some(crit) = header.get("crit") else {
        return Ok(());
    };
    let names = crit.as_array().ok_or(NotUnderstood)?;
    if names.is_empty() || names.len() > understood.len() {
        return Err(NotUnderstood);
    }
    for (position, name) in names.iter().enumerate() {
        let name = name.as_str().ok_or(NotUnderstood)?;
        let again = names
            .iter()
            .skip(position + 1)
            .any(|other| other.as_str() == Some(name));
        if again || !understood.contains(&name) || header.get(name).is_none() {
            return Err(NotUnderstood);
        }
    }
    Ok(())
}

/// The token does not have exactly three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotThreeParts;

/// The header makes something critical that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUnderstood;

/// Why the third part is no ES256 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// It is not base64url.
    Base64,
    /// It has this many bytes instead of 64.
    Length(usize),
}

/// Why a JWS does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsFault {
    /// `alg` is not ES256.
    Algorithm,
    /// The signature was not made by the key.
    BadSignature,
    /// The header makes something critical that we do not know.
    Crit,
    /// The header is not base64url.
    HeaderBase64,
    /// The header is not JSON.
    HeaderJson(JsonError),
    /// The header is JSON, but not an object.
    HeaderNotAnObject,
    /// The payload is not base64url.
    PayloadBase64,
    /// The third part is no ES256 signature.
    Signature(SignatureFault),
}

impl fmt::Display for NotThreeParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a compact JWS has three parts")
    }
}

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header makes something critical that is not understood")
    }
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 => f.write_str("the signature is not base64url"),
            Self::Length(length) => write!(
                f,
                "the signature has {length} bytes, ES256 has {SIGNATURE_LEN}"
            ),
        }
    }
}

impl fmt::Display for JwsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm => f.write_str("the algorithm is not ES256"),
            Self::BadSignature => f.write_str("the signature does not verify"),
            Self::Crit => NotUnderstood.fmt(f),
            Self::HeaderBase64 => f.write_str("the header is not base64url"),
            Self::HeaderJson(error) => write!(f, "the header is not JSON: {error}"),
            Self::HeaderNotAnObject => f.write_str("the header is not a JSON object"),
            Self::PayloadBase64 => f.write_str("the payload is not base64url"),
            Self::Signature(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for NotThreeParts {}
impl std::error::Error for NotUnderstood {}
impl std::error::Error for SignatureFault {}
impl std::error::Error for JwsFault {}
