//! From DER to [`Certificate`], field by field in the order of
//! [RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1).
//!
//! The signed part is remembered as a range of the bytes received; nothing is ever encoded again.

use super::extensions::{BadExtensions, Extensions, oid};
use super::name::MAX_NAME;
use super::walk::{Malformed, Walk, constructed, octets, primitive, unsigned};
use super::{
    Certificate, CertificateError, DistinguishedName, MAX_CERTIFICATE, MAX_SERIAL, PublicKey,
    SignatureAlgorithm, Version,
};
use crate::crypto::{Point, sha256};
use crate::time::{CivilTime, UnixTime, Validity};
use const_oid::ObjectIdentifier;
use der::Tag;

pub(super) const ECDSA_WITH_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(super) const ECDSA_WITH_SHA384: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
pub(super) const ECDSA_WITH_SHA512: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
pub(super) const RSA_WITH_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
pub(super) const RSA_WITH_SHA384: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
pub(super) const RSA_WITH_SHA512: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

impl From<Malformed> for CertificateError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<BadExtensions> for CertificateError {
    fn from(bad: BadExtensions) -> Self {
        match bad {
            BadExtensions::Duplicate(kind) => Self::DuplicateExtension(kind),
            BadExtensions::Malformed => Self::Malformed,
            BadExtensions::TooMany => Self::TooManyExtensions,
        }
    }
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }`
pub(super) fn certificate(der: &[u8]) -> Result<Certificate, CertificateError> {
    if der.len() > MAX_CERTIFICATE {
        return Err(CertificateError::TooLarge);
    }
    let mut file = Walk::over(der)?;
    let content = file.content(Tag::Sequence)?;
    file.finish()?;
    let mut outer = Walk::over(content)?;
    let tbs = outer.whole(Tag::Sequence)?;
    let outer_algorithm = outer.whole(Tag::Sequence)?;
    let signature = octets(outer.content(Tag::BitString)?)?;
    outer.finish()?;
    // The signed part is the first thing inside the outermost SEQUENCE.
    let start = der.len() - content.len();
    let fields = Fields::read(tbs)?;
    // RFC 5280 §4.1.1.2: "This field MUST contain the same algorithm identifier as the signature field in the sequence
    // tbsCertificate"
    if fields.algorithm != outer_algorithm {
        return Err(CertificateError::AlgorithmMismatch);
    }
    Ok(Certificate {
        der: der.into(),
        tbs: start..start + tbs.len(),
        digest: sha256(der),
        version: fields.version,
        serial: fields.serial.into(),
        algorithm: algorithm(outer_algorithm)?,
        signature: signature.into(),
        issuer: name(fields.issuer)?,
        subject: name(fields.subject)?,
        validity: validity(fields.validity)?,
        public_key: public_key(fields.public_key)?,
        extensions: match fields.extensions {
            Some(extensions) => Extensions::read(extensions, der)?,
            None => Extensions::default(),
        },
    })
}

/// The fields of `TBSCertificate`, still in DER.
struct Fields<'a> {
    version: Version,
    serial: &'a [u8],
    algorithm: &'a [u8],
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    public_key: &'a [u8],
    extensions: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(tbs: &'a [u8]) -> Result<Self, CertificateError> {
        let mut walk = Walk::over(tbs)?.enter(Tag::Sequence)?;
        let version = version(&mut walk)?;
        let serial = walk.content(Tag::Integer)?;
        if serial.len() > MAX_SERIAL {
            return Err(CertificateError::SerialTooLong);
        }
        let algorithm = walk.whole(Tag::Sequence)?;
        let issuer = walk.whole(Tag::Sequence)?;
        let validity = walk.content(Tag::Sequence)?;
        let subject = walk.whole(Tag::Sequence)?;
        let public_key = walk.content(Tag::Sequence)?;
        // issuerUniqueID and subjectUniqueID: conforming CAs do not write them (RFC 5280 §4.1.2.8) and nothing rests on them.
        walk.content_if(primitive(1))?;
        walk.content_if(primitive(2))?;
        let extensions = walk.content_if(constructed(3))?;
        walk.finish()?;
        Ok(Self {
            version,
            serial,
            algorithm,
            issuer,
            validity,
            subject,
            public_key,
            extensions,
        })
    }
}

/// `[0] EXPLICIT Version DEFAULT v1`, `Version ::= INTEGER { v1(0), v2(1), v3(2) }`.
// RFC 5280 §4.1.2.1: "Implementations SHOULD be prepared to accept any version certificate."
fn version(walk: &mut Walk<'_>) -> Result<Version, CertificateError> {
    let Some(explicit) = walk.content_if(constructed(0))? else {
        return Ok(Version::V1);
    };
    let mut inner = Walk::over(explicit)?;
    let version = unsigned(inner.content(Tag::Integer)?)?;
    inner.finish()?;
    match version {
        0 => Ok(Version::V1),
        1 => Ok(Version::V2),
        2 => Ok(Version::V3),
        _ => Err(CertificateError::Version),
    }
}

pub(super) fn name(der: &[u8]) -> Result<DistinguishedName, CertificateError> {
    if der.len() > MAX_NAME {
        return Err(CertificateError::NameTooLong);
    }
    Ok(DistinguishedName::from_der(der)?)
}

/// `AlgorithmIdentifier` of a signature.
pub(super) fn algorithm(der: &[u8]) -> Result<SignatureAlgorithm, Malformed> {
    use SignatureAlgorithm as A;
    let mut fields = Walk::over(der)?.enter(Tag::Sequence)?;
    let kind = fields.oid()?;
    let known = match kind {
        _ if !is_null_or_absent(&fields) => A::Other(kind),
        // RFC 5758 §3.2: "the encoding MUST omit the parameters field." Some authorities write NULL (docs/divergences.md).
        ECDSA_WITH_SHA256 => A::EcdsaWithSha256,
        ECDSA_WITH_SHA384 => A::EcdsaWithSha384,
        ECDSA_WITH_SHA512 => A::EcdsaWithSha512,
        RSA_WITH_SHA256 => A::RsaWithSha256,
        RSA_WITH_SHA384 => A::RsaWithSha384,
        RSA_WITH_SHA512 => A::RsaWithSha512,
        _ => A::Other(kind),
    };
    Ok(known)
}

// RFC 4055 §5: "the parameters MUST be NULL. Implementations MUST accept the parameters being absent as well as present."
fn is_null_or_absent(parameters: &Walk<'_>) -> bool {
    let mut parameters = parameters.clone();
    parameters.at_end()
        || parameters.content(Tag::Null).is_ok_and(<[u8]>::is_empty) && parameters.at_end()
}

/// `SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }`
pub(super) fn public_key(content: &[u8]) -> Result<PublicKey, Malformed> {
    let mut fields = Walk::over(content)?;
    let mut identifier = fields.enter(Tag::Sequence)?;
    let algorithm = identifier.oid()?;
    let bits = fields.content(Tag::BitString)?;
    fields.finish()?;
    // RFC 3279 §2.3.1: "The parameters field MUST have ASN.1 type NULL for this algorithm identifier."
    if algorithm == oid::RSA_ENCRYPTION && is_null_or_absent(&identifier) {
        return Ok(PublicKey::Rsa(octets(bits)?.into()));
    }
    let curve = match identifier.peek() {
        Some(Tag::ObjectIdentifier) if algorithm == EC_PUBLIC_KEY => Some(identifier.oid()?),
        _ => None,
    };
    let other = PublicKey::Other { algorithm, curve };
    Ok(match curve {
        _ if !identifier.at_end() => other,
        // RFC 5480 §2.2: "Implementations of Elliptic Curve Cryptography according to this document MUST support the uncompressed
        // form and MAY support the compressed form of the ECC public key." We do not.
        Some(oid::SECP256R1) => match Point::try_from(octets(bits)?) {
            Ok(point) => PublicKey::P256(Box::new(point)),
            Err(_) => other,
        },
        Some(oid::SECP384R1) => PublicKey::P384(octets(bits)?.into()),
        Some(oid::SECP521R1) => PublicKey::P521(octets(bits)?.into()),
        _ => other,
    })
}

/// `Validity ::= SEQUENCE { notBefore Time, notAfter Time }`
fn validity(content: &[u8]) -> Result<Validity, Malformed> {
    let mut fields = Walk::over(content)?;
    let not_before = time(&mut fields)?;
    let not_after = time(&mut fields)?;
    fields.finish()?;
    Ok(Validity {
        not_before,
        not_after,
    })
}

/// UTCTime or GeneralizedTime, in the one form that RFC 5280 allows: to the second, in Z.
pub(super) fn time(fields: &mut Walk<'_>) -> Result<UnixTime, Malformed> {
    let (tag, text) = fields.any()?;
    let (year, rest) = match (tag, text) {
        (Tag::UtcTime, [y1, y2, rest @ ..]) => {
            let short = i64::from(two_digits(*y1, *y2)?);
            // RFC 5280 §4.1.2.5.1: "Where YY is greater than or equal to 50, the year SHALL be interpreted as 19YY; and Where
            // YY is less than 50, the year SHALL be interpreted as 20YY."
            (
                if short >= 50 {
                    1900 + short
                } else {
                    2000 + short
                },
                rest,
            )
        }
        (Tag::GeneralizedTime, [y1, y2, y3, y4, rest @ ..]) => {
            let (high, low) = (two_digits(*y1, *y2)?, two_digits(*y3, *y4)?);
            (i64::from(high) * 100 + i64::from(low), rest)
        }
        _ => return Err(Malformed),
    };
    // RFC 5280 §4.1.2.5.2: "values MUST be expressed in Greenwich Mean Time (Zulu) and MUST include seconds (i.e., times are
    // YYYYMMDDHHMMSSZ), even where the number of seconds is zero. GeneralizedTime values MUST NOT include fractional seconds."
    let [mo1, mo2, d1, d2, h1, h2, mi1, mi2, s1, s2, b'Z'] = *rest else {
        return Err(Malformed);
    };
    let civil = CivilTime {
        year,
        month: two_digits(mo1, mo2)?,
        day: two_digits(d1, d2)?,
        hour: two_digits(h1, h2)?,
        minute: two_digits(mi1, mi2)?,
        second: two_digits(s1, s2)?,
    };
    civil.to_unix().ok_or(Malformed)
}

fn two_digits(high: u8, low: u8) -> Result<u8, Malformed> {
    if high.is_ascii_digit() && low.is_ascii_digit() {
        Ok((high - b'0') * 10 + (low - b'0'))
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests;
