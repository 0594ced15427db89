//! The fingerprint that ties a token to the key of an ACME account: [RFC 9448 §5.4](https://www.rfc-editor.org/rfc/rfc9448#section-5.4).

use countersign::certificate::PublicKey;
use countersign::crypto::Point;
use countersign::jose::jwk::{Jwk, Thumbprint};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

// RFC 9448 §10: "This document only specifies SHA256 for the fingerprint hash."
const PREFIX: &str = "SHA256 ";

/// A SHA-256 digest as tokens print it: `SHA256 56:3E:CF:…`. Of what it is a digest, it does not say; see [`FingerprintRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 32]);

/// Of what a fingerprint is the digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FingerprintRule {
    /// Either of the two: for an ecosystem on its way from one to the other.
    Either,
    /// Of the account key as a JWK: the RFC 7638 thumbprint.
    // RFC 9448 §5.4: "constructed as defined in [RFC8555], Section 8.1, corresponding to the computation of the "Thumbprint"
    // step using the ACME account key credentials."
    #[default]
    JwkThumbprint,
    /// Of the account key as SubjectPublicKeyInfo in DER: what deployed SHAKEN does (`docs/divergences.md`).
    Spki,
}

impl Fingerprint {
    /// A fingerprint of a digest.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint of an account key by the RFC.
    pub fn thumbprint_of(key: &Point) -> Self {
        let Thumbprint(digest) = Jwk::of(key).thumbprint();
        Self(digest)
    }

    /// The fingerprint of an account key as deployed SHAKEN has it.
    pub fn spki_of(key: &Point) -> Self {
        let digest = PublicKey::P256(Box::new(*key)).p256_digest();
        Self(digest.unwrap_or_default())
    }

    /// Whether this is the fingerprint of `key`.
    pub fn is_of(&self, key: &Point, rule: FingerprintRule) -> bool {
        match rule {
            FingerprintRule::Either => {
                *self == Self::thumbprint_of(key) || *self == Self::spki_of(key)
            }
            FingerprintRule::JwkThumbprint => *self == Self::thumbprint_of(key),
            FingerprintRule::Spki => *self == Self::spki_of(key),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for (position, byte) in self.0.iter().enumerate() {
            let colon = if position == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    /// Reads the printed form; hexadecimal digits may be small, too.
    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let mut pairs = text.strip_prefix(PREFIX).ok_or(NotAFingerprint)?.split(':');
        let mut digest = [0; 32];
        for byte in &mut digest {
            let pair = pairs.next().ok_or(NotAFingerprint)?;
            let fits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !fits {
                return Err(NotAFingerprint);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAFingerprint)?;
        }
        match pairs.next() {
            None => Ok(Self(digest)),
            Some(_) => Err(NotAFingerprint),
        }
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NotAFingerprint;

    fn try_from(text: String) -> Result<Self, NotAFingerprint> {
        text.parse()
    }
}

/// The text is not `SHA256 ` and 32 octets in hexadecimal with colons between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAFingerprint;

impl fmt::Display for NotAFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint is \"SHA256 \" and 32 octets in hexadecimal with colons between")
    }
}

impl std::error::Error for NotAFingerprint {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one that RFC 9448 §5.4 prints.
    const PRINTED: &str = "SHA256 56:3E:CF:AE:83:CA:4D:15:B0:29:FF:1B:71:D3:BA:B9:19:81:F8:50:9B:DF:4A:D4:39:72:E2:B1:F0:B9:38:E3";

    #[test]
    fn the_printed_form_is_read_and_written() {
        let read: Fingerprint = PRINTED.parse().unwrap();
        assert_eq!(read.digest()[..3], [0x56, 0x3e, 0xcf]);
        assert_eq!(read.to_string(), PRINTED);
        let small = format!("SHA256 {}", PRINTED[7..].to_lowercase());
        assert_eq!(small.parse(), Ok(read));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "SHA256",
            &PRINTED[7..],
            &PRINTED.replace(':', ""),
            &PRINTED.replace("SHA256", "SHA512"),
            &format!("{PRINTED}:00"),
            &PRINTED[..PRINTED.len() - 3],
            &PRINTED.replace("56:", "+6:"),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NotAFingerprint), "{text}");
        }
    }
}
