//! Signatures as certificates and CRLs carry them, and how they are verified.
//!
//! [`verify`] is the one place where an authority's signature is checked, with what the [`AuthorityAlgorithms`] of the trust
//! domain allow. Whether the key may sign such things at all (key usage, path) is judged above.
//!
//! X.509 wraps R and S in DER (`ECDSA-Sig-Value` of [RFC 5480](https://www.rfc-editor.org/rfc/rfc5480), from
//! [RFC 3279 §2.2.3](https://www.rfc-editor.org/rfc/rfc3279#section-2.2.3)); [`crate::crypto`] speaks of 64 fixed bytes.

use super::rules::AuthorityAlgorithms;
use super::walk::{Malformed, Walk, magnitude};
use super::{PublicKey, SignatureAlgorithm, encode};
use crate::crypto::{AuthoritySignature, SIGNATURE_LEN, Signature, VerifyingKeys};
use const_oid::ObjectIdentifier;
use der::Tag;
use std::fmt;

/// Smallest RSA modulus, in bits: NIST SP 800-131A Rev. 2 §3, and what certification practice has asked for since 2014.
pub const MIN_RSA_BITS: usize = 2_048;

/// Largest RSA modulus, in bits: what the library verifies. The work grows with the square of it.
pub const MAX_RSA_BITS: usize = 8_192;

/// Octets of an uncompressed point of P-384 and of P-521: RFC 5480 §2.2.
const P384_POINT: usize = 97;
const P521_POINT: usize = 133;
/// First octet of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// Something that an authority has signed: a certificate or a CRL, as received.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// What the signature is over.
    pub message: &'a [u8],
    /// How it was made.
    pub algorithm: SignatureAlgorithm,
    /// The octets of it.
    pub signature: &'a [u8],
}

/// Why an authority's signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// It does not verify, or is not in its one form.
    Bad,
    /// It is of an algorithm that we do not verify, that the domain does not allow, or that is not the key's.
    UnsupportedAlgorithm(ObjectIdentifier),
    /// The key is of an algorithm that we do not verify.
    UnsupportedKey(ObjectIdentifier),
    /// The key is not on its curve, or too small or too large.
    UnusableKey,
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad => f.write_str("the signature does not verify"),
            Self::UnsupportedAlgorithm(algorithm) => {
                write!(f, "the signature algorithm is not supported: {algorithm}")
            }
            Self::UnsupportedKey(kind) => write!(f, "the key is not supported: {kind}"),
            Self::UnusableKey => f.write_str("the key is not usable"),
        }
    }
}

impl std::error::Error for SignatureFault {}

/// Whether `key` has signed `signed`, by an algorithm that `allowed` admits.
///
/// # Errors
/// [`SignatureFault`] if not.
pub fn verify(
    signed: Signed<'_>,
    key: &PublicKey,
    allowed: AuthorityAlgorithms,
    keys: &dyn VerifyingKeys,
) -> Result<(), SignatureFault> {
    let Signed {
        message,
        algorithm,
        signature,
    } = signed;
    if !allowed.accepts(algorithm) {
        return Err(SignatureFault::UnsupportedAlgorithm(algorithm.oid()));
    }
    if let (PublicKey::P256(point), SignatureAlgorithm::EcdsaWithSha256) = (key, algorithm) {
        let key = keys
            .p256(point.as_slice())
            .map_err(|_| SignatureFault::UnusableKey)?;
        let fixed = fixed_from_der(signature).ok_or(SignatureFault::Bad)?;
        return key.verify(message, &fixed).map_err(|_| SignatureFault::Bad);
    }
    let (scheme, octets) = scheme(algorithm, key)?;
    keys.authority(scheme, octets)
        .map_err(|_| SignatureFault::UnusableKey)?
        .verify(message, signature)
        .map_err(|_| SignatureFault::Bad)
}

/// The pair of algorithm and key, if it is one of ours.
fn scheme(
    algorithm: SignatureAlgorithm,
    key: &PublicKey,
) -> Result<(AuthoritySignature, &[u8]), SignatureFault> {
    use AuthoritySignature as S;
    use SignatureAlgorithm as A;
    match (key, algorithm) {
        (PublicKey::Other { .. }, _) => Err(SignatureFault::UnsupportedKey(key.kind())),
        (PublicKey::P384(point), A::EcdsaWithSha384) => {
            Ok((S::EcdsaP384Sha384, uncompressed(point, P384_POINT)?))
        }
        (PublicKey::P521(point), A::EcdsaWithSha512) => {
            Ok((S::EcdsaP521Sha512, uncompressed(point, P521_POINT)?))
        }
        (PublicKey::Rsa(key), A::RsaWithSha256) => Ok((S::RsaSha256, sound_modulus(key)?)),
        (PublicKey::Rsa(key), A::RsaWithSha384) => Ok((S::RsaSha384, sound_modulus(key)?)),
        (PublicKey::Rsa(key), A::RsaWithSha512) => Ok((S::RsaSha512, sound_modulus(key)?)),
        _ => Err(SignatureFault::UnsupportedAlgorithm(algorithm.oid())),
    }
}

fn uncompressed(point: &[u8], length: usize) -> Result<&[u8], SignatureFault> {
    match point {
        [UNCOMPRESSED, ..] if point.len() == length => Ok(point),
        _ => Err(SignatureFault::UnusableKey),
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` whose modulus is neither too small nor too large.
fn sound_modulus(key: &[u8]) -> Result<&[u8], SignatureFault> {
    let bits = || -> Result<usize, Malformed> {
        let modulus = magnitude(
            Walk::over(key)?
                .enter(Tag::Sequence)?
                .content(Tag::Integer)?,
        )?;
        let unused = modulus.first().map_or(0, |first| first.leading_zeros());
        Ok(modulus.len() * 8 - unused as usize)
    };
    match bits() {
        Ok(MIN_RSA_BITS..=MAX_RSA_BITS) => Ok(key),
        _ => Err(SignatureFault::UnusableKey),
    }
}

/// Bytes of R, and of S.
const HALF: usize = SIGNATURE_LEN / 2;

/// Reads an `ECDSA-Sig-Value`; `None` unless it is strict DER and both numbers fit P-256.
// RFC 3279 §2.2.3: "Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }"
pub fn fixed_from_der(der: &[u8]) -> Option<Signature> {
    read(der).ok()
}

fn read(der: &[u8]) -> Result<Signature, Malformed> {
    let mut outer = Walk::over(der)?;
    let mut numbers = outer.enter(Tag::Sequence)?;
    outer.finish()?;
    let mut signature = [0; SIGNATURE_LEN];
    let (r, s) = signature.split_at_mut(HALF);
    for half in [r, s] {
        let bytes = magnitude(numbers.content(Tag::Integer)?)?;
        let padding = HALF.checked_sub(bytes.len()).ok_or(Malformed)?;
        half.get_mut(padding..)
            .ok_or(Malformed)?
            .copy_from_slice(bytes);
    }
    numbers.finish()?;
    Ok(signature)
}

/// Writes an `ECDSA-Sig-Value`.
pub fn der_from_fixed(signature: &Signature) -> Vec<u8> {
    let (r, s) = signature.split_at(HALF);
    encode::sequence(&[encode::integer(r), encode::integer(s)])
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn both_forms_say_the_same(r: [u8; 32], s: [u8; 32], zeros in 0_usize..33) {
            let mut signature: Signature = [r, s].concat().try_into().unwrap();
            signature[..zeros].fill(0);
            proptest::prop_assert_eq!(fixed_from_der(&der_from_fixed(&signature)), Some(signature));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some(signature) = fixed_from_der(&bytes) {
                proptest::prop_assert_eq!(der_from_fixed(&signature), bytes, "there is one encoding only");
            }
        }
    }

    #[test]
    fn other_encodings_are_refused() {
        let good = [0x30, 6, 2, 1, 1, 2, 1, 2];
        assert!(fixed_from_der(&good).is_some());
        for bad in [
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 2][..],
            &[0x30, 6, 2, 1, 0x81, 2, 1, 2],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 9, 2, 1, 1, 2, 1, 2, 2, 1, 3],
            &[0x30, 6, 2, 1, 1, 2, 1, 2, 0],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2],
        ] {
            assert_eq!(fixed_from_der(bad), None, "{bad:02x?}");
        }
    }
}
