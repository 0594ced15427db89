//! Certificates: what one says, and what a chain of them lets its holder say.
//!
//! - [`Certificate`] is raw: parsed, not believed. It keeps the DER it was read from; signatures are verified over those bytes.
//! - [`CertificateChain`] is a list of them as a repository serves it, end entity first; [`pem`] is how text holds them.
//! - [`tnauthlist`] is the TN Authorization List of RFC 8226, [`numbers`] the set algebra under it.
//! - [`constraints`] are the claim constraints of RFC 8226 and RFC 9118.
//! - [`repository_url`] says which URLs a certificate may be fetched from.
//! - [`access`] says where a list by reference is, [`delegation`] whether one list lies within another.
//! - [`number_records`] are a number authority's: whose number is it?
//! - [`national`] knows the numbers of countries: [`NumberScope`].
//! - [`request`] is a certification request.
//! - [`crl`] is a revocation list, [`distribution`] where one is published, [`no_rev_avail`] the word that there is none.
//! - [`ocsp`] asks whether one certificate is still good, for one number, and judges the answer.
//! - [`authority`] is what a whole path lets its holder say: [`Authority::covers`].
//! - [`lint`] is what profiles ask of a certificate beyond what a path needs.
//! - [`name`] and [`extensions`] are the parts of a certificate, [`signature`] verifies what an authority has signed, [`encode`]
//!   writes DER.
//! - [`rules`] is what a trust domain may choose where the standards leave a choice.
//!
//! The way from raw to proven is [`crate::path`], which needs [`crate::trust`] and stands above both.

pub(crate) mod walk;
pub mod encode;
pub mod numbers;
pub mod tnauthlist;
pub mod constraints;
pub mod name;
pub mod repository_url;
pub mod access;
pub mod distribution;
pub mod policies;
pub mod name_constraints;
pub mod extensions;
mod parse;
pub mod rules;
pub mod signature;
pub mod no_rev_avail;
pub mod request;
pub mod pem;
pub mod crl;
pub mod ocsp;
pub mod chain;
pub mod delegation;
pub mod number_records;
pub mod authority;
pub mod national;
pub mod lint;

pub use access::{Access, TnListUrl};
pub use authority::{Authority, Coverage};
pub use chain::{CertificateChain, ChainError};
pub use constraints::ClaimConstraints;
pub use crl::{Crl, CrlError};
pub use extensions::{BasicConstraints, Criticality, KeyUsage, RawExtension, SubjectAltName};
pub use name::DistinguishedName;
pub use name_constraints::{NameConstraints, NameFault, NameForm, Names};
pub use national::NumberScope;
pub use policies::PolicyLimits;
pub use request::{CertificationRequest, CsrFault};
pub use rules::{AuthorityAlgorithms, PathRules};
pub use tnauthlist::{ServiceProviderCode, TnAuthList, TnEntry};

use crate::crypto::{Point, Signature, sha256};
use crate::time::Validity;
use const_oid::ObjectIdentifier;
use distribution::DistributionPoint;
use extensions::Extensions;
use std::fmt;
use std::ops::Range;

/// Largest certificate we read, in bytes. STIR certificates have about 800; a TN Authorization List of ten thousand single
/// numbers adds 150,000, and in PEM still fits into [`chain::MAX_CHAIN_BYTES`].
pub const MAX_CERTIFICATE: usize = 192 * 1024;

/// Longest serial number, in octets.
// RFC 5280 §4.1.2.2: "Certificate users MUST be able to handle serialNumber values up to 20 octets." The sign octet of a
// number whose first bit is set comes on top of what some authorities call 20 octets.
pub const MAX_SERIAL: usize = 21;

/// A certificate as it was received: parsed, not believed.
#[derive(Clone)]
pub struct Certificate {
    der: Box<[u8]>,
    tbs: Range<usize>,
    digest: [u8; 32],
    version: Version,
    serial: Box<[u8]>,
    algorithm: SignatureAlgorithm,
    signature: Box<[u8]>,
    issuer: DistinguishedName,
    subject: DistinguishedName,
    validity: Validity,
    public_key: PublicKey,
    extensions: Extensions,
}

impl Certificate {
    /// Reads one certificate: X.509 in DER, nothing after it.
    ///
    /// Keys and signatures of other algorithms than ours parse, and so do versions 1 and 2; a path through them is refused.
    ///
    /// # Errors
    /// [`CertificateError`] if it is not one.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        parse::certificate(der)
    }

    /// The DER as received.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The signed part, as received.
    pub fn tbs(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }

    /// SHA-256 of the DER: the fingerprint.
    pub fn sha256(&self) -> [u8; 32] {
        self.digest
    }

    /// Which X.509 it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The serial number: the content of its INTEGER, big endian.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Who issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// Whose it is.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The subject's public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// How it is signed.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The signature in the fixed form of [`crate::crypto`]; `None` if it is not the strict DER of an ECDSA signature.
    pub fn signature(&self) -> Option<Signature> {
        signature::fixed_from_der(&self.signature)
    }

    /// The TN Authorization List, if there is a readable one.
    pub fn tn_auth_list(&self) -> Option<&TnAuthList> {
        self.extensions.tn_auth_list.as_deref()
    }

    /// Whether it has a TN Authorization List, by value or by reference.
    pub fn has_scope(&self) -> bool {
        self.tn_auth_list().is_some() || self.tn_list_url().is_some()
    }

    /// Where its TN Authorization List is, if it has one by reference: RFC 8226 §10.1.
    pub fn tn_list_url(&self) -> Option<&TnListUrl> {
        self.access()?.tn_list()
    }

    /// The authority information access, if there is a readable one.
    pub fn access(&self) -> Option<&Access> {
        self.extensions.access.as_ref()
    }

    /// What the claims of its tokens are held to, if there are readable constraints.
    pub fn claim_constraints(&self) -> Option<&ClaimConstraints> {
        let constraints = &self.extensions.claim_constraints;
        Some(constraints).filter(|constraints| !constraints.is_empty())
    }

    /// The basic constraints, if there are readable ones.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.extensions.basic_constraints
    }

    /// Whether the basic constraints call the subject a certification authority.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints()
            .is_some_and(|constraints| constraints.ca)
    }

    /// The key usage, if there is a readable one.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// The subject key identifier.
    pub fn ski(&self) -> Option<&[u8]> {
        self.extensions.subject_key.as_deref()
    }

    /// The key identifier of the authority key identifier.
    pub fn aki(&self) -> Option<&[u8]> {
        self.extensions.authority_key.as_deref()
    }

    /// Where its revocations are published; empty if it does not say, or what it says cannot be read.
    pub fn distribution_points(&self) -> &[DistributionPoint] {
        &self.extensions.distribution_points
    }

    /// The subject alternative name, if there is a readable one.
    pub fn subject_alt_name(&self) -> Option<&SubjectAltName> {
        self.extensions.subject_alt_name.as_ref()
    }

    /// The certificate policies.
    pub fn policies(&self) -> &[ObjectIdentifier] {
        &self.extensions.policies
    }

    /// What it asks of the policies of the path below it, if anything.
    pub fn policy_limits(&self) -> Option<&PolicyLimits> {
        self.extensions.policy_limits.as_deref()
    }

    /// What it says about the names below it, if anything.
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.extensions.name_constraints.as_deref()
    }

    /// Its names, as far as those above can constrain them; `None` if its subjectAltName is not one.
    pub fn names(&self) -> Option<Names<'_>> {
        let alternative = self.extension(extensions::oid::SUBJECT_ALT_NAME);
        Names::of(&self.subject, alternative.map(|extension| extension.value))
    }

    /// What the key may be used for beyond the key usage; empty if that is not restricted.
    pub fn extended_key_usage(&self) -> &[ObjectIdentifier] {
        &self.extensions.extended_key_usage
    }

    /// Every extension there is, in order.
    pub fn extensions(&self) -> impl ExactSizeIterator<Item = ObjectIdentifier> {
        self.extensions.located.iter().map(|one| one.kind)
    }

    /// Whether there is an extension `kind`, readable or not.
    pub fn has_extension(&self, kind: ObjectIdentifier) -> bool {
        self.extensions().any(|one| one == kind)
    }

    /// The extension `kind` as it stands there.
    pub fn extension(&self, kind: ObjectIdentifier) -> Option<RawExtension<'_>> {
        self.raw_extensions().find(|one| one.kind == kind)
    }

    /// Every extension as it stands there, in order.
    pub fn raw_extensions(&self) -> impl Iterator<Item = RawExtension<'_>> {
        self.extensions.located.iter().map(|one| RawExtension {
            kind: one.kind,
            criticality: one.criticality,
            value: self.der.get(one.value.clone()).unwrap_or_default(),
        })
    }

    /// Extensions that are critical and that we do not process.
    pub fn unknown_critical(&self) -> &[ObjectIdentifier] {
        &self.extensions.unknown_critical
    }

    /// Extensions that we process and could not read.
    pub fn malformed_extensions(&self) -> &[ObjectIdentifier] {
        &self.extensions.malformed
    }

    /// The signed part with its signature, for [`signature::verify`].
    pub fn signed(&self) -> signature::Signed<'_> {
        signature::Signed {
            message: self.tbs(),
            algorithm: self.algorithm,
            signature: &self.signature,
        }
    }

    /// Whether subject and issuer are the same name.
    // RFC 5280 §6.1: "A certificate is self-issued if the same DN appears in the subject and issuer fields"
    pub fn is_self_issued(&self) -> bool {
        self.subject.matches(&self.issuer)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Certificate({}, issued by {})",
            self.subject, self.issuer
        )
    }
}

/// Version of X.509: [RFC 5280 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Without extensions.
    V1,
    /// With unique identifiers, without extensions.
    V2,
    /// With extensions: the only one that a path may lead through.
    V3,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
        })
    }
}

/// What stands in front of the point in the SubjectPublicKeyInfo of a P-256 key: RFC 5480 §2, with id-ecPublicKey and secp256r1.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key: one of ours, or named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// Any other key: the algorithm, and the curve if it has one.
    Other {
        /// The algorithm of the SubjectPublicKeyInfo.
        algorithm: ObjectIdentifier,
        /// The named curve, for id-ecPublicKey.
        curve: Option<ObjectIdentifier>,
    },
    /// P-256, an uncompressed point: the only kind that can sign PASSporTs.
    P256(Box<Point>),
    /// P-384, the octets of the point: an authority's.
    P384(Box<[u8]>),
    /// P-521, the octets of the point: an authority's.
    P521(Box<[u8]>),
    /// RSA, an `RSAPublicKey` in DER: an authority's.
    Rsa(Box<[u8]>),
}

impl PublicKey {
    /// The point, if the key is P-256.
    pub fn p256(&self) -> Option<&Point> {
        match self {
            Self::P256(point) => Some(point),
            _ => None,
        }
    }

    /// The octets of the BIT STRING `subjectPublicKey`, if the key is one of ours: what key identifiers are made of.
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Other { .. } => None,
            Self::P256(point) => Some(point.as_slice()),
            Self::P384(octets) | Self::P521(octets) | Self::Rsa(octets) => Some(octets),
        }
    }

    /// SHA-256 of the SubjectPublicKeyInfo in DER, if the key is P-256.
    pub fn p256_digest(&self) -> Option<[u8; 32]> {
        let point = self.p256()?;
        Some(sha256(&[&P256_INFO, point.as_slice()].concat()))
    }

    /// The curve, or the algorithm if there is none.
    pub fn kind(&self) -> ObjectIdentifier {
        match self {
            Self::Other { algorithm, curve } => curve.unwrap_or(*algorithm),
            Self::P256(_) => extensions::oid::SECP256R1,
            Self::P384(_) => extensions::oid::SECP384R1,
            Self::P521(_) => extensions::oid::SECP521R1,
            Self::Rsa(_) => extensions::oid::RSA_ENCRYPTION,
        }
    }
}

/// How a certificate or a CRL is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256.
    EcdsaWithSha256,
    /// ecdsa-with-SHA384.
    EcdsaWithSha384,
    /// ecdsa-with-SHA512.
    EcdsaWithSha512,
    /// sha256WithRSAEncryption: PKCS #1 v1.5.
    RsaWithSha256,
    /// sha384WithRSAEncryption.
    RsaWithSha384,
    /// sha512WithRSAEncryption.
    RsaWithSha512,
    /// Any other, which we do not verify.
    Other(ObjectIdentifier),
}

impl SignatureAlgorithm {
    /// Its name in an AlgorithmIdentifier.
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaWithSha256 => parse::ECDSA_WITH_SHA256,
            Self::EcdsaWithSha384 => parse::ECDSA_WITH_SHA384,
            Self::EcdsaWithSha512 => parse::ECDSA_WITH_SHA512,
            Self::RsaWithSha256 => parse::RSA_WITH_SHA256,
            Self::RsaWithSha384 => parse::RSA_WITH_SHA384,
            Self::RsaWithSha512 => parse::RSA_WITH_SHA512,
            Self::Other(other) => other,
        }
    }
}

/// Why some bytes are not a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The algorithm beside the signature is not the one inside the signed part.
    AlgorithmMismatch,
    /// An extension stands there twice.
    DuplicateExtension(ObjectIdentifier),
    /// Not the DER of a certificate.
    Malformed,
    /// The name of the issuer or of the subject has more than [`name::MAX_NAME`] bytes.
    NameTooLong,
    /// The serial number has more than [`MAX_SERIAL`] octets.
    SerialTooLong,
    /// Larger than [`MAX_CERTIFICATE`].
    TooLarge,
    /// More than [`extensions::MAX_EXTENSIONS`] extensions.
    TooManyExtensions,
    /// A version that no standard has.
    Version,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmMismatch => {
                f.write_str("the certificate names two signature algorithms")
            }
            Self::DuplicateExtension(kind) => {
                write!(f, "the certificate has the extension {kind} twice")
            }
            Self::Malformed => f.write_str("not a certificate in DER"),
            Self::NameTooLong => {
                write!(f, "a name has more than {} bytes", name::MAX_NAME)
            }
            Self::SerialTooLong => {
                write!(f, "the serial number has more than {MAX_SERIAL} octets")
            }
            Self::TooLarge => write!(f, "the certificate has more than {MAX_CERTIFICATE} bytes"),
            Self::TooManyExtensions => {
                write!(
                    f,
                    "the certificate has more than {} extensions",
                    extensions::MAX_EXTENSIONS
                )
            }
            Self::Version => f.write_str("the certificate has a version that no standard has"),
        }
    }
}

impl std::error::Error for CertificateError {}
