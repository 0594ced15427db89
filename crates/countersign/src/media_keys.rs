//! The keys that protect the media of a call, as far as the signalling tells: fingerprints of certificates, `a=fingerprint` of SDP
//! ([RFC 8122 §5](https://www.rfc-editor.org/rfc/rfc8122#section-5)), in the canonical form that PASSporTs sign
//! ([RFC 8225 §5.2.2](https://www.rfc-editor.org/rfc/rfc8225#section-5.2.2)).
//!
//! What lives elsewhere: how they are found in a body (the SIP crate), how they stand in a token (`passport::mky`), whether what was signed
//! and what is offered are the same (`verification`).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Most different fingerprints of one description. RFC 8122 has no limit; a call has one or two for each certificate. Own decision: so
/// many fit in a token beside everything else.
pub const MAX_FINGERPRINTS: usize = 16;

/// Longest name of an algorithm, in bytes: "sha-512" has 7.
pub const MAX_ALGORITHM: usize = 32;

/// Longest digest, in bytes: SHA-512's.
pub const MAX_DIGEST: usize = 64;

/// One fingerprint: an algorithm and the digest that it makes of a certificate.
///
/// # Example
/// ```
/// use countersign::media_keys::Fingerprint;
/// let fingerprint = Fingerprint::from_sdp("SHA-256 4a:AD:b9")?;
/// assert_eq!(fingerprint.algorithm(), "sha-256");
/// assert_eq!(fingerprint.digest(), "4AADB9");
/// assert_eq!(fingerprint, "sha-256:4AADB9".parse()?);
/// # Ok::<(), countersign::media_keys::BadFingerprint>(())
/// ```
// RFC 8225 §5.2.2 sorts by "the UTF-8 [RFC3629] encoding of the concatenation of the "alg" and "dig" claim value strings", which is what
// the order of this type is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    algorithm: Box<str>,
    digest: Box<str>,
}

impl Fingerprint {
    /// A fingerprint of its two parts; the digest in hexadecimal digits of either case, without colons.
    ///
    /// # Errors
    /// [`BadFingerprint`] if one of them is not, or is too long.
    pub fn new(algorithm: &str, digest: &str) -> Result<Self, BadFingerprint> {
        if algorithm.is_empty() || !algorithm.bytes().all(is_token) {
            return Err(BadFingerprint::Algorithm);
        }
        if algorithm.len() > MAX_ALGORITHM || digest.len() > MAX_DIGEST * 2 {
            return Err(BadFingerprint::TooLong);
        }
        let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digest.is_empty() || !digest.len().is_multiple_of(2) || !is_hex {
            return Err(BadFingerprint::Digest);
        }
        Ok(Self {
            algorithm: algorithm.to_ascii_lowercase().into(),
            digest: digest.to_ascii_uppercase().into(),
        })
    }

    /// The value of an `a=fingerprint` line, what stands behind the colon: `sha-256 4A:AD:…`. Digits of lower case are taken, too: there are
    /// implementations that write them.
    ///
    /// # Errors
    /// [`BadFingerprint`] if it is none.
    // RFC 8122 §5: "fingerprint-attribute  =  "fingerprint" ":" hash-func SP fingerprint" and "fingerprint =  2UHEX *(":" 2UHEX)".
    pub fn from_sdp(value: &str) -> Result<Self, BadFingerprint> {
        let (algorithm, digest) = value
            .trim_ascii()
            .split_once(' ')
            .ok_or(BadFingerprint::Parts)?;
        Self::new(algorithm, &without_colons(digest.trim_ascii_start())?)
    }

    /// The algorithm, in lower case: `sha-256`.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The digest: hexadecimal digits of upper case, without colons.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// A character of a token in SDP: RFC 4566 §9, `token-char`.
const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~')
}

/// The digits of bytes with colons between.
fn without_colons(text: &str) -> Result<String, BadFingerprint> {
    if text.len() > MAX_DIGEST * 3 {
        return Err(BadFingerprint::TooLong);
    }
    let mut bytes = text.split(':');
    match bytes.all(|byte| byte.len() == 2) {
        true => Ok(text.replace(':', "")),
        false => Err(BadFingerprint::Digest),
    }
}

impl Ord for Fingerprint {
    fn cmp(&self, other: &Self) -> Ordering {
        let one = self.algorithm.bytes().chain(self.digest.bytes());
        let order = one.cmp(other.algorithm.bytes().chain(other.digest.bytes()));
        // An algorithm may end where a digest begins.
        order.then_with(|| self.algorithm.cmp(&other.algorithm))
    }
}

impl PartialOrd for Fingerprint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.digest)
    }
}

/// As it is displayed, or as SDP has it.
impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        if text.contains(' ') {
            return Self::from_sdp(text);
        }
        let (algorithm, digest) = text.split_once(':').ok_or(BadFingerprint::Parts)?;
        match digest.contains(':') {
            true => Self::new(algorithm, &without_colons(digest)?),
            false => Self::new(algorithm, digest),
        }
    }
}

/// Why a text is no fingerprint for us. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BadFingerprint {
    /// The algorithm is no token.
    Algorithm,
    /// The digest is not whole bytes in hexadecimal digits, or has colons where it must not.
    Digest,
    /// There are no two parts.
    Parts,
    /// Longer than any of today.
    TooLong,
}

impl fmt::Display for BadFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "the algorithm of a fingerprint is no token",
            Self::Digest => "the digest of a fingerprint is not bytes in hexadecimal digits",
            Self::Parts => "a fingerprint has an algorithm and a digest",
            Self::TooLong => "a fingerprint longer than those of any algorithm",
        })
    }
}

impl std::error::Error for BadFingerprint {}

/// The fingerprints of one description: at least one unless they are [`MediaKeys::untold`], none twice, in the order of [`Fingerprint`]. Two are
/// equal if they are the same set.
/// those that are [`MediaKeys::untold`] have none, and are never those of a PASSporT.
// RFC 8224 §4.1: "then the JSON key "mky" MUST appear with the algorithm(s) and value(s) of the fingerprint attributes (if they differ)".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaKeys(Box<[Fingerprint]>);

impl MediaKeys {
    /// These fingerprints, in any order and as often as they are there.
    ///
    /// # Errors
    /// [`BadMediaKeys`] if there is none, or more than [`MAX_FINGERPRINTS`] that differ.
    pub fn new(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Result<Self, BadMediaKeys> {
        let mut sorted: Vec<Fingerprint> = Vec::new();
        for fingerprint in fingerprints {
            let Err(place) = sorted.binary_search(&fingerprint) else {
                continue;
            };
            if sorted.len() == MAX_FINGERPRINTS {
                return Err(BadMediaKeys::TooMany);
            }
            sorted.insert(place, fingerprint);
        }
        match sorted.is_empty() {
            true => Err(BadMediaKeys::None),
            false => Ok(Self(sorted.into())),
        }
    }

    /// Those of a description that has fingerprints of which not all can be told: one is none that RFC 8122 allows, or there are too many. No
    /// two parties need read it alike, so nobody signs it, and no signature is of it.
    pub fn untold() -> Self {
        Self(Box::default())
    }

    /// Whether they are [`MediaKeys::untold`].
    pub fn is_untold(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in order; none if they are untold.
    pub fn iter(&self) -> std::slice::Iter<'_, Fingerprint> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a MediaKeys {
    type Item = &'a Fingerprint;
    type IntoIter = std::slice::Iter<'a, Fingerprint>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Why fingerprints are no set of media keys. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BadMediaKeys {
    /// There is none.
    None,
    /// There are more than [`MAX_FINGERPRINTS`].
    TooMany,
}

impl fmt::Display for BadMediaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no fingerprint"),
            Self::TooMany => write!(f, "more than {MAX_FINGERPRINTS} fingerprints"),
        }
    }
}

impl std::error::Error for BadMediaKeys {}
