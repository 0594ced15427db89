//! The flattened JSON serialization of JWS ([RFC 7515 §7.2.2](https://www.rfc-editor.org/rfc/rfc7515#section-7.2.2)), narrowed to
//! what ACME takes ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)): one signature, everything protected,
//! the payload inside.
//!
//! [`FlattenedJws`] is taken apart, nothing believed: whose key it is stands in the header, and whoever reads that decides. As in
//! [`super::jws`] the signing input is what was received.

use super::base64url;
use super::json::{self, JsonError, Object, Value};
use super::jws::{ES256, JwsFault, NotUnderstood, SignatureFault, check_crit};
use crate::crypto::{SIGNATURE_LEN, Signature, SigningFailed, SigningKey, VerifyingKey};
use std::fmt;

/// A flattened JWS taken apart.
///
/// # Example
/// ```
/// use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
/// use countersign::jose::flattened::FlattenedJws;
/// let key = EcdsaP256Key::generate()?;
/// let text = FlattenedJws::sign(r#"{"alg":"ES256","nonce":"n","url":"https://ca.example/new"}"#, b"{}", &key)?;
/// let jws = FlattenedJws::parse(text.as_bytes())?;
/// assert_eq!(jws.payload(), b"{}");
/// jws.verify(&*AwsLc.p256(&key.public_key())?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlattenedJws {
    header: Object<'static>,
    payload: Box<[u8]>,
    signing_input: Box<str>,
    signature: Box<str>,
}

impl FlattenedJws {
    /// Takes `bytes` apart.
    ///
    /// # Errors
    /// [`FlattenedFault`], the first defect found. Algorithm and signature are not looked at here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FlattenedFault> {
        let value = json::parse(bytes).map_err(FlattenedFault::Json)?;
        let members = value.as_object().ok_or(FlattenedFault::NotAnObject)?;
        // RFC 8555 §6.2: "The JWS MUST NOT have multiple signatures" and "The JWS Unprotected Header [RFC7515] MUST NOT be used".
        // RFC 7515 §7.2.1 of all others: "if not understood by implementations encountering them, they MUST be ignored."
        if members.get("signatures").is_some() {
            return Err(FlattenedFault::SeveralSignatures);
        }
        if members.get("header").is_some() {
            return Err(FlattenedFault::Unprotected);
        }
        let part = |name, fault| members.get(name).and_then(Value::as_str).ok_or(fault);
        let protected = part("protected", FlattenedFault::ProtectedMissing)?;
        // RFC 8555 §6.2: "The JWS Payload MUST NOT be detached"
        let payload = part("payload", FlattenedFault::PayloadMissing)?;
        let signature = part("signature", FlattenedFault::SignatureMissing)?;
        let header = base64url::decode(protected).map_err(|_| FlattenedFault::ProtectedBase64)?;
        let header = match json::parse(&header).map_err(FlattenedFault::ProtectedJson)? {
            Value::Object(header) => header.into_owned(),
            _ => return Err(FlattenedFault::ProtectedNotAnObject),
        };
        // RFC 8555 §6.2: "The JWS Unencoded Payload Option [RFC7797] MUST NOT be used": it is always in "crit".
        check_crit(&header, &[]).map_err(|NotUnderstood| FlattenedFault::Crit)?;
        let decoded = base64url::decode(payload).map_err(|_| FlattenedFault::PayloadBase64)?;
        Ok(Self {
            header,
            payload: decoded.into(),
            signing_input: format!("{protected}.{payload}").into(),
            signature: signature.into(),
        })
    }

    /// Signs `payload` under `header`, the text of a JSON object that says `"alg":"ES256"`.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key does not.
    pub fn sign(
        header: &str,
        payload: &[u8],
        key: &dyn SigningKey,
    ) -> Result<String, SigningFailed> {
        let mut input = base64url::encode(header.as_bytes());
        let dot = input.len();
        input.push('.');
        base64url::encode_into(payload, &mut input);
        let signature = base64url::encode(&key.sign(input.as_bytes())?);
        let (protected, payload) = input.split_at(dot);
        let payload = payload.trim_start_matches('.');
        Ok(format!(
            r#"{{"payload":"{payload}","protected":"{protected}","signature":"{signature}"}}"#
        ))
    }

    /// The protected header, which is all there is.
    pub fn header(&self) -> &Object<'static> {
        &self.header
    }

    /// A member of the header that is a string.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The payload; empty for a POST-as-GET.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed, as received.
    pub fn signing_input(&self) -> &str {
        &self.signing_input
    }

    /// The signature, if it is one of ES256.
    ///
    /// # Errors
    /// [`SignatureFault`] if not.
    // RFC 7518 §3.4: "The JWS Signature value MUST be a 64-octet sequence. If it is not a 64-octet sequence, the validation has
    // failed."
    pub fn signature(&self) -> Result<Signature, SignatureFault> {
        let octets = base64url::decode(&self.signature).map_err(|_| SignatureFault::Base64)?;
        match <[u8; SIGNATURE_LEN]>::try_from(octets.as_slice()) {
            Ok(signature) => Ok(signature),
            Err(_) => Err(SignatureFault::Length(octets.len())),
        }
    }

    /// Whether `key` has signed it with ES256.
    ///
    /// # Errors
    /// [`JwsFault::Algorithm`], [`JwsFault::Signature`] or [`JwsFault::BadSignature`] if not.
    pub fn verify(&self, key: &dyn VerifyingKey) -> Result<(), JwsFault> {
        if self.parameter("alg") != Some(ES256) {
            return Err(JwsFault::Algorithm);
        }
        let signature = self.signature().map_err(JwsFault::Signature)?;
        key.verify(self.signing_input.as_bytes(), &signature)
            .map_err(|_| JwsFault::BadSignature)
    }
}

/// Why some bytes are no flattened JWS as ACME takes it: all are `malformed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlattenedFault {
    /// The header makes something critical that we do not know.
    Crit,
    /// Not JSON.
    Json(JsonError),
    /// Not an object.
    NotAnObject,
    /// `payload` is not base64url.
    PayloadBase64,
    /// No `payload`, or no string.
    PayloadMissing,
    /// `protected` is not base64url.
    ProtectedBase64,
    /// What `protected` encodes is not JSON.
    ProtectedJson(JsonError),
    /// No `protected`, or no string.
    ProtectedMissing,
    /// What `protected` encodes is not an object.
    ProtectedNotAnObject,
    /// The general serialization.
    SeveralSignatures,
    /// No `signature`, or no string.
    SignatureMissing,
    /// There is an unprotected header.
    Unprotected,
}

impl fmt::Display for FlattenedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crit => return NotUnderstood.fmt(f),
            Self::Json(error) => return write!(f, "the JWS is not JSON: {error}"),
            Self::NotAnObject => "the JWS is not a JSON object",
            Self::PayloadBase64 => "the payload is not base64url",
            Self::PayloadMissing => "there is no payload",
            Self::ProtectedBase64 => "the protected header is not base64url",
            Self::ProtectedJson(error) => {
                return write!(f, "the protected header is not JSON: {error}");
            }
            Self::ProtectedMissing => "there is no protected header",
            Self::ProtectedNotAnObject => "the protected header is not a JSON object",
            Self::SeveralSignatures => "several signatures are not allowed",
            Self::SignatureMissing => "there is no signature",
            Self::Unprotected => "an unprotected header is not allowed",
        })
    }
}

impl std::error::Error for FlattenedFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{AwsLc, EcdsaP256Key, VerifyingKeys};
    use proptest::prelude::*;

    /// {"alg":"ES256"}
    const HEADER: &str = "eyJhbGciOiJFUzI1NiJ9";

    fn fault(text: &str) -> FlattenedFault {
        FlattenedJws::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_signed_is_read_and_verified() {
        let key = EcdsaP256Key::generate().unwrap();
        let verifying = AwsLc.p256(&key.public_key()).unwrap();
        for payload in [&b""[..], b"{}", b"..\xff"] {
            let text = FlattenedJws::sign(r#"{"alg":"ES256","url":"u"}"#, payload, &key).unwrap();
            let jws = FlattenedJws::parse(text.as_bytes()).unwrap();
            assert_eq!((jws.payload(), jws.parameter("url")), (payload, Some("u")));
            assert_eq!(jws.verify(&*verifying), Ok(()));
            let other = EcdsaP256Key::generate().unwrap().public_key();
            let other = AwsLc.p256(&other).unwrap();
            assert_eq!(jws.verify(&*other), Err(JwsFault::BadSignature));
        }
        let hmac = FlattenedJws::sign(r#"{"alg":"HS256"}"#, b"", &key).unwrap();
        let hmac = FlattenedJws::parse(hmac.as_bytes()).unwrap();
        assert_eq!(hmac.verify(&*verifying), Err(JwsFault::Algorithm));
    }

    #[test]
    fn members_that_nobody_knows_are_ignored() {
        let text = format!(r#"{{"protected":"{HEADER}","payload":"","signature":"","x":1}}"#);
        assert!(FlattenedJws::parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn every_refusal_has_its_name() {
        use FlattenedFault as F;
        let with = |protected: &str, more: &str| {
            format!(r#"{{"protected":"{protected}","payload":"e30","signature":"AA"{more}}}"#)
        };
        let crit = base64url::encode(br#"{"alg":"ES256","crit":["b64"],"b64":false}"#);
        for (text, expected) in [
            (with(&crit, ""), F::Crit),
            ("[]".into(), F::NotAnObject),
            (with("e3", ""), F::ProtectedBase64),
            (with("W10", ""), F::ProtectedNotAnObject),
            (with(HEADER, r#","header":{}"#), F::Unprotected),
            (with(HEADER, r#","signatures":[]"#), F::SeveralSignatures),
            (with(HEADER, "").replace("e30", "e3=0"), F::PayloadBase64),
            (
                with(HEADER, "").replace("payload", "load"),
                F::PayloadMissing,
            ),
            (
                with(HEADER, "").replace("protected", "p"),
                F::ProtectedMissing,
            ),
            (
                with(HEADER, "").replace("signature", "s"),
                F::SignatureMissing,
            ),
        ] {
            assert_eq!(fault(&text), expected, "{text}");
        }
        assert!(matches!(fault("{"), F::Json(_)));
        assert!(matches!(fault(&with("Ww", "")), F::ProtectedJson(_)));
        let twice = with(HEADER, r#","payload":"""#);
        assert!(matches!(fault(&twice), F::Json(_)), "a payload twice");
        let short = FlattenedJws::parse(with(HEADER, "").as_bytes()).unwrap();
        assert_eq!(short.signature(), Err(SignatureFault::Length(1)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}|\\{(\"(protected|payload|signature)\":\"[A-Za-z0-9_-]{0,24}\",?){0,4}\\}") {
            if let Ok(jws) = FlattenedJws::parse(text.as_bytes()) {
                let (header, payload) = jws.signing_input().split_once('.').unwrap();
                prop_assert_eq!(base64url::encode(jws.payload()), payload);
                prop_assert!(text.contains(header));
            }
        }
    }
}
