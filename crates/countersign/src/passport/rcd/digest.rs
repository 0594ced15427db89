//! The digests of `rcdi`: an algorithm, a hyphen, base64. [RFC 9795 §6](https://www.rfc-editor.org/rfc/rfc9795#section-6).
//!
//! Here: one digest, read, made, written and compared. What it is made over is said by the pointer beside it, which is for
//! [`references`](super::references) and `verification` to know.

use crate::crypto::{sha256, sha384, sha512};
use crate::jose::json::Value;
use base64::DecodeSliceError;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use std::fmt;
use std::str::FromStr;

/// How a digest is made.
// RFC 9795 §6: "RCD implementations MUST support the hash algorithms SHA-256, SHA-384, and SHA-512. These hash algorithms are
// identified by "sha256", "sha384", and "sha512", respectively."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The identifier in front of the hyphen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => MAX_DIGEST,
        }
    }
}

/// Bytes of the longest digest, SHA-512's.
const MAX_DIGEST: usize = 64;

/// The digest of some content.
///
/// Written without padding, as every sample of RFC 9795 has it; read with and without (`docs/divergences.md`).
///
/// # Example
/// ```
/// use countersign::passport::rcd::digest::{Algorithm, Digest};
/// let said: Digest = "sha256-uDtvpG1xNw+MK0XEOh+2UNQ94MQJ5d2ftgmHxsjKeMw".parse()?;
/// assert_eq!(said, Digest::of(Algorithm::Sha256, br#""James Bond""#));
/// # Ok::<(), countersign::passport::rcd::digest::BadDigest>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// Zero beyond the length of the algorithm.
    bytes: [u8; MAX_DIGEST],
}

/// Standard alphabet; padding or none.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Digest {
    /// The digest of these bytes: the body of an HTTP response, or JSON in the form of RFC 8225 §9.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut bytes = [0; MAX_DIGEST];
        let mut fill = |digest: &[u8]| {
            for (to, from) in bytes.iter_mut().zip(digest) {
                *to = *from;
            }
        };
        match algorithm {
            Algorithm::Sha256 => fill(&sha256(content)),
            Algorithm::Sha384 => fill(&sha384(content)),
            Algorithm::Sha512 => fill(&sha512(content)),
        }
        Self { algorithm, bytes }
    }

    /// The digest of a JSON value.
    // RFC 9795 §6.1: "For a JSON value, serialize the JSON to remove all white space and line breaks. The procedures of this
    // deterministic JSON serialization are defined in [RFC8225], Section 9." And: "Note that the digest is computed on the JSON
    // representation of the string, which necessarily includes the beginning and ending double-quote characters."
    pub fn of_json(algorithm: Algorithm, value: &Value<'_>) -> Self {
        let mut text = String::new();
        value.write(&mut text);
        Self::of(algorithm, text.as_bytes())
    }

    /// Whether these bytes have this digest.
    pub fn fits(&self, content: &[u8]) -> bool {
        *self == Self::of(self.algorithm, content)
    }

    /// Whether this JSON value, serialized as RFC 8225 §9 has it, has this digest.
    pub fn fits_json(&self, value: &Value<'_>) -> bool {
        *self == Self::of_json(self.algorithm, value)
    }

    /// How it was made.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..self.algorithm.length())
            .unwrap_or_default()
    }
}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        // RFC 9795 §6: "Hash algorithm identifiers MUST use only lowercase letters, and they MUST NOT contain hyphen characters.
        // The character following the algorithm string MUST be a hyphen character ("-", %x2D)." So "sha-256-…" is of an
        // algorithm called sha.
        let (name, encoded) = text.split_once('-').ok_or(BadDigest::NoHyphen)?;
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(BadDigest::Algorithm)?;
        let mut bytes = [0; MAX_DIGEST];
        match decode(encoded, &mut bytes) {
            Ok(length) if length == algorithm.length() => Ok(Self { algorithm, bytes }),
            Ok(_) => Err(BadDigest::Length),
            Err(bad) => Err(bad),
        }
    }
}

fn decode(encoded: &str, bytes: &mut [u8; MAX_DIGEST]) -> Result<usize, BadDigest> {
    match BASE64.decode_slice(encoded, bytes) {
        Ok(length) => Ok(length),
        Err(DecodeSliceError::DecodeError(_)) => Err(BadDigest::Base64),
        Err(DecodeSliceError::OutputSliceTooSmall) => Err(BadDigest::Length),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}",
            self.algorithm.name(),
            BASE64.encode(self.bytes())
        )
    }
}

/// Why a text is no digest for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BadDigest {
    /// Of an algorithm that we do not know.
    Algorithm,
    /// What follows the hyphen is no base64.
    Base64,
    /// Longer or shorter than what the algorithm makes.
    Length,
    /// There is no hyphen.
    NoHyphen,
}

impl fmt::Display for BadDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "a digest of an algorithm that we do not know",
            Self::Base64 => "a digest that is no base64",
            Self::Length => "a digest as long as none of its algorithm",
            Self::NoHyphen => "a digest without a hyphen",
        })
    }
}

impl std::error::Error for BadDigest {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digest10_case01_the_vectors_padded_and_unpadded() {
        let names = [
            (
                "Q Branch Spy Gadgets",
                "sha256-sM275lTgzCte+LHOKHtU4SxG8shlOo6OS4ot8IJQImY",
            ),
            (
                "James Bond",
                "sha256-uDtvpG1xNw+MK0XEOh+2UNQ94MQJ5d2ftgmHxsjKeMw",
            ),
        ];
        for (name, written) in names {
            let value = Value::String(name.into());
            let digest = Digest::of_json(Algorithm::Sha256, &value);
            assert_eq!(digest.to_string(), written);
            for read in [written.to_owned(), format!("{written}=")] {
                let read: Digest = read.parse().unwrap();
                assert!(read == digest && read.fits_json(&value));
            }
            assert!(!digest.fits(name.as_bytes()), "the quotes belong to it");
        }
    }

    #[test]
    fn digest10_case11_other_algorithms_and_lengths() {
        let sha512 = Digest::of(Algorithm::Sha512, b"content").to_string();
        assert!(sha512.parse::<Digest>().unwrap().fits(b"content"));
        let sha384 = Digest::of(Algorithm::Sha384, b"content").to_string();
        assert!(sha384.parse::<Digest>().unwrap().fits(b"content"));
        assert!(!sha384.parse::<Digest>().unwrap().fits(b"Content"));

        let body = "sM275lTgzCte+LHOKHtU4SxG8shlOo6OS4ot8IJQImY";
        let cases = [
            (format!("md5-{body}"), BadDigest::Algorithm),
            (format!("sha-256-{body}"), BadDigest::Algorithm),
            (format!("SHA256-{body}"), BadDigest::Algorithm),
            (format!("sha256{body}"), BadDigest::NoHyphen),
            (format!("sha512-{body}"), BadDigest::Length),
            (format!("sha256-{body}AAAA"), BadDigest::Length),
            (format!("sha256-{}", &body[..40]), BadDigest::Length),
            (
                format!("sha256-{}", sha512.trim_start_matches("sha512-")),
                BadDigest::Length,
            ),
            (format!("sha256-{}", "A".repeat(10_000)), BadDigest::Length),
            (
                format!("sha256-{}", body.replace('+', "-")),
                BadDigest::Base64,
            ),
            ("sha256-".to_owned(), BadDigest::Length),
        ];
        for (text, bad) in cases {
            assert_eq!(text.parse::<Digest>(), Err(bad), "{text}");
        }
        // Stray bits in the last character would be a second text of the same digest.
        let stray = format!("sha256-{}Z", &body[..42]);
        assert_eq!(stray.parse::<Digest>(), Err(BadDigest::Base64));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content in prop::collection::vec(any::<u8>(), 0..64)) {
            for algorithm in Algorithm::ALL {
                let digest = Digest::of(algorithm, &content);
                prop_assert_eq!(digest.to_string().parse(), Ok(digest));
                prop_assert_eq!(digest.bytes().len(), algorithm.length());
            }
        }

        #[test]
        fn any_text_is_a_digest_or_not(text in "(sha(256|384|512)-)?[A-Za-z0-9+/=]{0,90}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text.trim_end_matches('='));
            }
        }
    }
}
