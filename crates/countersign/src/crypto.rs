//! Keys and digests: the only room that touches the cryptographic library.
//!
//! Everything above speaks of [`SigningKey`] and [`VerifyingKey`]; a key in a file, in memory, in an HSM or in a simulation
//! looks the same. [`AwsLc`] makes verifying keys of public ones, [`EcdsaP256Key`] signs with a private key in memory.
//!
//! Randomness is an argument everywhere, with one exception: aws-lc-rs draws the ECDSA nonce itself
//! (`docs/divergences.md`); simulations use a [`SigningKey`] of their own.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, EcdsaKeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of an ES256 signature: R and S, 32 each, big endian
/// ([RFC 7518 §3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)).
pub const SIGNATURE_LEN: usize = 64;
/// Bytes of an uncompressed P-256 point: 0x04, X, Y
/// ([RFC 5480 §2.2](https://www.rfc-editor.org/rfc/rfc5480#section-2.2)).
pub const POINT_LEN: usize = 65;

/// An ES256 signature, R then S.
pub type Signature = [u8; SIGNATURE_LEN];
/// An uncompressed P-256 point.
pub type Point = [u8; POINT_LEN];

/// A private P-256 key that signs with ES256 (ECDSA over SHA-256), wherever it lives.
pub trait SigningKey: Send + Sync {
    /// Signs `message` (which is hashed here).
    ///
    /// # Errors
    /// [`SigningFailed`] if the library or the device would not sign.
    fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed>;

    /// The public half.
    fn public_key(&self) -> Point;

    /// Where it lives. Whoever does not say so may be anywhere.
    fn whereabouts(&self) -> Whereabouts {
        Whereabouts::Elsewhere
    }
}

/// Where a private key lives, and so whether a thread that others need may sign with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// In a device, or nobody knows where: a signature may take as long as it likes.
    Elsewhere,
    /// In the memory of this process: a signature is a computation of some microseconds, less than another thread would cost.
    Memory,
}

/// A public P-256 key that checks ES256 signatures.
pub trait VerifyingKey: Send + Sync {
    /// Whether `signature` over `message` (which is hashed here) was made by the private half.
    ///
    /// # Errors
    /// [`BadSignature`] if it was not.
    fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature>;
}

/// Makes verifying keys of public points: the seam at which simulations and instruction counts replace the library.
pub trait VerifyingKeys: Send + Sync {
    /// The key of an uncompressed P-256 point.
    ///
    /// # Errors
    /// [`UnusableKey`] if the bytes are no point of the curve.
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey>;

    /// The key of an authority that signs certificates and CRLs with another algorithm than ES256: an uncompressed point, or
    /// an `RSAPublicKey` (RFC 8017 §A.1.1) in DER. Whoever stands in for the library need not know any.
    ///
    /// # Errors
    /// [`UnusableKey`] if the bytes are no such key, or the algorithm is not known here.
    fn authority(
        &self,
        _algorithm: AuthoritySignature,
        _key: &[u8],
    ) -> Result<Arc<dyn AuthorityKey>, UnusableKey> {
        Err(UnusableKey)
    }
}

/// How authorities sign certificates and CRLs, beside ES256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthoritySignature {
    /// ECDSA with P-384 and SHA-384.
    EcdsaP384Sha384,
    /// ECDSA with P-521 and SHA-512.
    EcdsaP521Sha512,
    /// RSA PKCS #1 v1.5 with SHA-256, 2,048 to 8,192 bits, as the next two.
    RsaSha256,
    /// RSA with SHA-384.
    RsaSha384,
    /// RSA with SHA-512.
    RsaSha512,
}

/// A public key of an authority, for one [`AuthoritySignature`].
pub trait AuthorityKey: Send + Sync {
    /// Whether `signature`, as a certificate holds it, over `message` (which is hashed here) was made by the private half.
    ///
    /// # Errors
    /// [`BadSignature`] if it was not.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature>;
}

/// [`VerifyingKeys`] by aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl VerifyingKeys for AwsLc {
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        // The library also reads compressed points; certificates that reach us may only have the form that RFC 5480 §2.2
        // makes mandatory.
        if point.len() != POINT_LEN {
            return Err(UnusableKey);
        }
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| UnusableKey)?;
        Ok(Arc::new(ParsedKey(key)))
    }

    fn authority(
        &self,
        algorithm: AuthoritySignature,
        key: &[u8],
    ) -> Result<Arc<dyn AuthorityKey>, UnusableKey> {
        use AuthoritySignature as S;
        let key = match algorithm {
            S::EcdsaP384Sha384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, key),
            S::EcdsaP521Sha512 => ParsedPublicKey::new(&ECDSA_P521_SHA512_ASN1, key),
            // 2,048 bits is what NIST SP 800-131A allows at least; beyond 8,192 one signature would cost as much as many.
            S::RsaSha256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key),
            S::RsaSha384 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA384, key),
            S::RsaSha512 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, key),
        };
        Ok(Arc::new(ParsedKey(key.map_err(|_| UnusableKey)?)))
    }
}

struct ParsedKey(ParsedPublicKey);

impl VerifyingKey for ParsedKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.0
            .verify_sig(message, signature)
            .map_err(|_| BadSignature)
    }
}

impl AuthorityKey for ParsedKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.0
            .verify_sig(message, signature)
            .map_err(|_| BadSignature)
    }
}

/// A private P-256 key in memory.
pub struct EcdsaP256Key {
    pair: EcdsaKeyPair,
    public: Point,
}

impl EcdsaP256Key {
    /// Reads a private key: PKCS#8 (RFC 5958) or ECPrivateKey (RFC 5915), DER.
    ///
    /// # Errors
    /// [`UnusableKey`] if it is neither, or not P-256.
    pub fn from_der(der: &[u8]) -> Result<Self, UnusableKey> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| UnusableKey)?;
        Self::from_pair(pair)
    }

    /// Makes a new key from the system's randomness.
    ///
    /// # Errors
    /// [`SigningFailed`] if the system has none.
    pub fn generate() -> Result<Self, SigningFailed> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SigningFailed)?;
        Self::from_pair(pair).map_err(|_| SigningFailed)
    }

    /// The private key as PKCS#8 DER, wiped when dropped.
    ///
    /// # Errors
    /// [`SigningFailed`] if the library will not export it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningFailed> {
        let document = self.pair.to_pkcs8v1().map_err(|_| SigningFailed)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The private key as ECPrivateKey DER (RFC 5915), which older peers read, wiped when dropped.
    ///
    /// # Errors
    /// [`SigningFailed`] if the library will not export it.
    pub fn to_sec1(&self) -> Result<Zeroizing<Vec<u8>>, SigningFailed> {
        let der: EcPrivateKeyRfc5915Der<'_> = self
            .pair
            .private_key()
            .as_der()
            .map_err(|_| SigningFailed)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, UnusableKey> {
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| UnusableKey)?;
        Ok(Self { pair, public })
    }
}

impl SigningKey for EcdsaP256Key {
    fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed> {
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message)
            .map_err(|_| SigningFailed)?;
        signature.as_ref().try_into().map_err(|_| SigningFailed)
    }

    fn public_key(&self) -> Point {
        self.public
    }

    fn whereabouts(&self) -> Whereabouts {
        Whereabouts::Memory
    }
}

impl fmt::Debug for EcdsaP256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcdsaP256Key(private)")
    }
}

/// SHA-1 of `bytes`, for names of keys and issuers only: nothing is believed because two of them agree.
pub fn sha1_name(bytes: &[u8]) -> [u8; 20] {
    let mut digest = [0; 20];
    let legacy = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    digest.copy_from_slice(aws_lc_rs::digest::digest(legacy, bytes).as_ref());
    digest
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    digest
}

/// SHA-384 of `bytes`.
pub fn sha384(bytes: &[u8]) -> [u8; 48] {
    let mut digest = [0; 48];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, bytes).as_ref());
    digest
}

/// SHA-512 of `bytes`.
pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    let mut digest = [0; 64];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes).as_ref());
    digest
}

/// Hashes keys of maps that are digests, or as hard to choose as one, and so spread well by themselves: one multiplication
/// instead of a keyed hash over all of it. The secret seed keeps whoever makes many of them from aiming at one bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigestState {
    seed: u64,
}

impl Default for DigestState {
    fn default() -> Self {
        Self {
            seed: RandomState::new().hash_one(()),
        }
    }
}

impl BuildHasher for DigestState {
    type Hasher = DigestHasher;

    fn build_hasher(&self) -> DigestHasher {
        DigestHasher(self.seed)
    }
}

/// See [`DigestState`].
pub(crate) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    /// The first eight bytes stand for all.
    fn write(&mut self, digest: &[u8]) {
        if let Some(first) = digest.first_chunk() {
            self.write_u64(u64::from_ne_bytes(*first));
        }
    }

    /// Both halves of a product with an odd constant (2^64 over the golden ratio): every bit of the result hangs on all of
    /// `value`.
    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    /// The length comes before the bytes of an array and is always the same.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Fills `bytes` from the system's randomness. For the rim only (the server, the CLI, tests): rooms below take it as an
/// argument.
///
/// # Errors
/// [`SigningFailed`] if the system has none.
pub fn system_random(bytes: &mut [u8]) -> Result<(), SigningFailed> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| SigningFailed)
}

/// The signature is not of this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

/// The key could not sign: a fault of ours or of the device, never of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

/// The bytes are not a key that we can use: of another kind, not on the curve, too small, not in a known form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableKey;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl fmt::Display for SigningFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key could not sign")
    }
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a usable key")
    }
}

impl std::error::Error for BadSignature {}
impl std::error::Error for SigningFailed {}
impl std::error::Error for UnusableKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_both_file_forms() {
        let key = EcdsaP256Key::generate().unwrap();
        for der in [key.to_pkcs8().unwrap(), key.to_sec1().unwrap()] {
            let again = EcdsaP256Key::from_der(&der).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            let signature = again.sign(b"message").unwrap();
            let verifying = AwsLc.p256(&key.public_key()).unwrap();
            assert_eq!(verifying.verify(b"message", &signature), Ok(()));
            assert_eq!(verifying.verify(b"massage", &signature), Err(BadSignature));
        }
    }

    #[test]
    fn points_off_the_curve_and_compressed_ones_are_refused() {
        let mut point = EcdsaP256Key::generate().unwrap().public_key();
        point[64] ^= 1;
        assert!(AwsLc.p256(&point).is_err());
        let compressed = [&[2], &point[1..33]].concat();
        assert!(AwsLc.p256(&compressed).is_err());
    }

    #[test]
    fn digests_spread_over_both_ends_of_their_hash() {
        let state = DigestState::default();
        // Digests with much in common: a counter in the first bytes.
        let hashes: Vec<u64> = (0..1024_u32)
            .map(|number| {
                let mut digest = [7; 32];
                digest[..4].copy_from_slice(&number.to_be_bytes());
                state.hash_one(digest)
            })
            .collect();
        for shift in [0, 57] {
            let mut seen = [0; 128];
            hashes
                .iter()
                .for_each(|hash| seen[(hash >> shift) as usize % 128] += 1);
            assert!(seen.iter().all(|count| *count < 40), "{seen:?}");
        }
    }

    #[test]
    fn debug_tells_no_secret() {
        assert_eq!(
            format!("{:?}", EcdsaP256Key::generate().unwrap()),
            "EcdsaP256Key(private)"
        );
    }
}
