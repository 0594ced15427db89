//! Public keys as JSON ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), and their thumbprints
//! ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
//!
//! One kind only: P-256, the kind that everything here signs with. Why another key is refused is said by name, because ACME wants
//! to hear it ([`JwkFault`]).

use super::base64url;
use super::json::Value;
use crate::crypto::{AwsLc, POINT_LEN, Point, VerifyingKey, VerifyingKeys, sha256};
use std::fmt;
use std::sync::Arc;

/// Octets of one coordinate.
// RFC 7518 §6.2.1.2: "The length of this octet string MUST be the full size of a coordinate for the curve specified in the "crv"
// parameter. For example, if the value of "crv" is "P-521", the octet string must be 66 octets long."
const COORDINATE: usize = 32;

/// First octet of an uncompressed point: SEC 1 §2.3.3.
const UNCOMPRESSED: u8 = 4;

/// A public P-256 key.
///
/// # Example
/// ```
/// use countersign::jose::{json, jwk::Jwk};
/// let text = br#"{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}"#;
/// let key = Jwk::parse(&json::parse(text).unwrap())?;
/// let mut canonical = String::new();
/// key.write(&mut canonical);
/// assert!(canonical.starts_with(r#"{"crv":"P-256","kty":"EC","x":"gI0G"#));
/// # Ok::<(), countersign::jose::jwk::JwkFault>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    point: Point,
}

impl Jwk {
    /// Reads a key. Members that say what it is for (`use`, `kid`, `alg` and the like) are read over.
    ///
    /// # Errors
    /// [`JwkFault`] if it is none, of another kind, private, or not on its curve.
    pub fn parse(value: &Value<'_>) -> Result<Self, JwkFault> {
        Self::parse_with(value, &AwsLc)
    }

    /// The same with other keys than the library's.
    ///
    /// # Errors
    /// [`JwkFault`] as there.
    pub fn parse_with(value: &Value<'_>, keys: &dyn VerifyingKeys) -> Result<Self, JwkFault> {
        let members = value.as_object().ok_or(JwkFault::NotAnObject)?;
        let text = |name| members.get(name).and_then(Value::as_str);
        // RFC 7517 §4.1: "This member MUST be present in a JWK."
        if text("kty").ok_or(JwkFault::Member)? != "EC" {
            return Err(JwkFault::Kind);
        }
        // RFC 7518 §6.2.2.1 calls "d" the private key; a key that has been sent to us is a secret no longer.
        if members.get("d").is_some() {
            return Err(JwkFault::Private);
        }
        if text("crv").ok_or(JwkFault::Member)? != "P-256" {
            return Err(JwkFault::Curve);
        }
        let mut point = [0; POINT_LEN];
        let (form, coordinates) = point.split_at_mut(1);
        form.fill(UNCOMPRESSED);
        let (x, y) = coordinates.split_at_mut(COORDINATE);
        for (half, name) in [(x, "x"), (y, "y")] {
            let text = text(name).ok_or(JwkFault::Member)?;
            match base64url::decode_slice(text, half) {
                Ok(COORDINATE) => {}
                _ => return Err(JwkFault::Coordinate),
            }
        }
        keys.p256(&point).map_err(|_| JwkFault::OffCurve)?;
        Ok(Self { point })
    }

    /// The key of a point, which is believed to be on the curve.
    pub fn of(point: &Point) -> Self {
        Self { point: *point }
    }

    /// The point.
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// The key, ready to verify.
    ///
    /// # Errors
    /// [`JwkFault::OffCurve`] if it was made [`Jwk::of`] something that is no point.
    pub fn verifying_key(
        &self,
        keys: &dyn VerifyingKeys,
    ) -> Result<Arc<dyn VerifyingKey>, JwkFault> {
        keys.p256(&self.point).map_err(|_| JwkFault::OffCurve)
    }

    /// Appends the key as JSON: its required members, in order.
    // RFC 7638 §3.2: "the required members for an elliptic curve public key for the curves specified in Section 6.2.1.1 of RFC
    // 7518 [JWA], in lexicographic order, are:" crv, kty, x and y.
    pub fn write(&self, text: &mut String) {
        let (_, coordinates) = self.point.split_at(1);
        let (x, y) = coordinates.split_at(COORDINATE);
        text.push_str(r#"{"crv":"P-256","kty":"EC","x":""#);
        base64url::encode_into(x, text);
        text.push_str(r#"","y":""#);
        base64url::encode_into(y, text);
        text.push_str(r#""}"#);
    }

    /// Its thumbprint.
    // RFC 7638 §3: "Construct a JSON object [RFC7159] containing only the required members of a JWK representing the key and with
    // no whitespace or line breaks before or after any syntactic elements and with the required members ordered
    // lexicographically by the Unicode [UNICODE] code points of the member names." Then: "Hash the octets of the UTF-8
    // representation of this JSON object with a cryptographic hash function H."
    pub fn thumbprint(&self) -> Thumbprint {
        let mut text = String::with_capacity(160);
        self.write(&mut text);
        Thumbprint(sha256(text.as_bytes()))
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({})", self.thumbprint())
    }
}

/// The SHA-256 thumbprint of a key: RFC 7638. Shown in base64url, as ACME has it in key authorizations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

/// Why a JWK is not taken. All but [`JwkFault::NotAnObject`] and [`JwkFault::Member`] are ACME's `badPublicKey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwkFault {
    /// A coordinate is not base64url of 32 octets.
    Coordinate,
    /// An elliptic curve, but not P-256.
    Curve,
    /// Not an elliptic curve.
    Kind,
    /// A required member is missing or no string.
    Member,
    /// Not a JSON object.
    NotAnObject,
    /// The coordinates are no point of the curve.
    OffCurve,
    /// The private part is there.
    Private,
}

impl fmt::Display for JwkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Coordinate => "a coordinate of the key is not base64url of 32 octets",
            Self::Curve => "the key is of another curve than P-256",
            Self::Kind => "the key is not of an elliptic curve",
            Self::Member => "a required member of the key is missing or no string",
            Self::NotAnObject => "the key is not a JSON object",
            Self::OffCurve => "the key is no point of P-256",
            Self::Private => "the key has its private part in it",
        })
    }
}

impl std::error::Error for JwkFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{EcdsaP256Key, SigningKey};
    use crate::jose::json::parse;
    use proptest::prelude::*;

    /// The key of RFC 7515 §A.3.1.
    const OF_RFC_7515: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    fn read(text: &str) -> Result<Jwk, JwkFault> {
        Jwk::parse(&parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn the_thumbprint_is_over_the_required_members_in_order() {
        // RFC 7638 §3.1 has an RSA key only; this digest is sha256sum's of the canonical text.
        let key = read(OF_RFC_7515).unwrap();
        let mut text = String::new();
        key.write(&mut text);
        assert_eq!(
            text,
            r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
        );
        assert_eq!(
            key.thumbprint().to_string(),
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
        );
        let with_more = OF_RFC_7515.replacen('{', r#"{"kid":"1","use":"sig","alg":"ES256","#, 1);
        assert_eq!(read(&with_more).unwrap().thumbprint(), key.thumbprint());
    }

    #[test]
    fn every_refusal_has_its_name() {
        for (from, to, fault) in [
            ("EC", "RSA", JwkFault::Kind),
            ("EC", "oct", JwkFault::Kind),
            (r#""kty":"EC","#, "", JwkFault::Member),
            ("P-256", "P-384", JwkFault::Curve),
            ("f83OJ3D2", "f83OJ3", JwkFault::Coordinate),
            ("x_FEzRu9", "x+FEzRu9", JwkFault::Coordinate),
            ("x_FEzRu9", "x_FEzRu8", JwkFault::OffCurve),
            (r#""x":"#, r#""z":"#, JwkFault::Member),
            (r#""kty""#, r#""d":"AA","kty""#, JwkFault::Private),
        ] {
            let text = OF_RFC_7515.replacen(from, to, 1);
            assert_eq!(read(&text), Err(fault), "{text}");
        }
        assert_eq!(read("[]"), Err(JwkFault::NotAnObject));
    }

    #[test]
    fn keys_are_read_back() {
        let point = EcdsaP256Key::generate().unwrap().public_key();
        let mut text = String::new();
        Jwk::of(&point).write(&mut text);
        assert_eq!(read(&text).unwrap().point(), &point);
    }

    proptest! {
        #[test]
        fn any_coordinates_are_read_or_refused(x in "[A-Za-z0-9_-]{42,44}", y in "\\PC{0,44}") {
            let value = Value::Object(crate::jose::json::Object::from_members(vec![
                ("kty".into(), Value::String("EC".into())),
                ("crv".into(), Value::String("P-256".into())),
                ("x".into(), Value::String(x.into())),
                ("y".into(), Value::String(y.into())),
            ]).unwrap());
            prop_assert!(Jwk::parse(&value).is_err(), "a point by chance");
        }
    }
}
