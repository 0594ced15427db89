//! The claim `mky`, [RFC 8225 §5.2.2](https://www.rfc-editor.org/rfc/rfc8225#section-5.2.2): the media keys of a call, under any `ppt`;
//! and `msec`, [RFC 8862](https://www.rfc-editor.org/rfc/rfc8862), the type of the PASSporTs that ask for keys in return.
//!
//! What a fingerprint is stands in [`crate::media_keys`]; whether they are those of the call is judged in `verification`.

use super::error::{Claim, PassportError};
use crate::crypto::{sha256, sha384, sha512};
use crate::jose::json::{Value, write_string};
pub use crate::media_keys::{
    BadFingerprint, BadMediaKeys, Fingerprint, MAX_FINGERPRINTS, MediaKeys,
};

/// The value of `ppt` of a PASSporT that asks for media security. It adds no claim of its own.
// RFC 8862 §4.4: "a dialog-forming SIP request containing an Identity header with a PASSporT type of "msec"".
pub const MSEC: &str = "msec";

/// RFC 8225 §5.2.2: "The "mky" claim is a JSON object with a claim name of "mky" and a claim value of a JSON array denoted by brackets."
/// Read in any order, with repetitions and in lower case.
// "For the "dig" claim, the claim value MUST be the hash of the hexadecimal value without any colons." One with colons has the wrong shape.
pub(super) fn read(value: &Value<'_>) -> Result<Box<MediaKeys>, PassportError> {
    let shape = || PassportError::ClaimShape(Claim::Mky);
    let array = value.as_array().ok_or_else(shape)?;
    if array.len() > MAX_FINGERPRINTS {
        return Err(PassportError::ClaimTooLarge(Claim::Mky));
    }
    let mut fingerprints = Vec::with_capacity(array.len());
    for one in array {
        let object = one.as_object().ok_or_else(shape)?;
        let member = |name| object.get(name).and_then(Value::as_str).ok_or_else(shape);
        let fingerprint = Fingerprint::new(member("alg")?, member("dig")?);
        fingerprints.push(fingerprint.map_err(|bad| match bad {
            BadFingerprint::TooLong => PassportError::ClaimTooLarge(Claim::Mky),
            _ => shape(),
        })?);
    }
    MediaKeys::new(fingerprints)
        .map(Box::new)
        .map_err(|_| shape())
}

/// The member `mky`, without its name.
// RFC 8225 §5.2.2: "Encode the array in the order of the sorted lines, where each "mky" array element is a JSON object with two elements
// corresponding to the "alg" and "dig" objects, with "alg" first and "dig" second."
pub(super) fn write(keys: &MediaKeys, json: &mut String) {
    json.push('[');
    for (position, fingerprint) in keys.iter().enumerate() {
        if position > 0 {
            json.push(',');
        }
        json.push_str("{\"alg\":");
        write_string(fingerprint.algorithm(), json);
        json.push_str(",\"dig\":");
        write_string(fingerprint.digest(), json);
        json.push('}');
    }
    json.push(']');
}

impl MediaKeys {
    /// Whether a peer that shows this certificate, in DER, in its DTLS handshake is the one that these keys tell of: for whoever ends the
    /// media. Weak and unknown algorithms prove nothing.
    // RFC 8122 §5.1: "An endpoint MUST select the set of fingerprints that use its most preferred hash function (out of those offered by
    // the peer) and verify that each certificate used matches one fingerprint out of that set." Ours is the strongest.
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        let offers = |name: &str| self.iter().any(|one| one.algorithm() == name);
        let has = |name: &str, digest: &[u8]| {
            let mut same = self.iter().filter(|one| one.algorithm() == name);
            same.any(|one| is_written(digest, one.digest()))
        };
        if offers("sha-512") {
            has("sha-512", &sha512(certificate))
        } else if offers("sha-384") {
            has("sha-384", &sha384(certificate))
        } else {
            has("sha-256", &sha256(certificate))
        }
    }
}

/// Whether `hex` is these bytes in digits of upper case.
fn is_written(bytes: &[u8], hex: &str) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.eq(hex.bytes().map(Some))
}
