//! A certificate before it is signed: every field open.
//!
//! Profiles ([`crate::issuance`]) make drafts that follow the rules. A test that needs a certificate which breaks one changes the
//! draft and signs it; nothing else should.

use crate::extension::Extension;
use const_oid::ObjectIdentifier;
use countersign::certificate::encode::{
    self, GENERALIZED_TIME, UTC_TIME, constructed, element, sequence,
};
use countersign::certificate::{Certificate, DistinguishedName, signature};
use countersign::crypto::{Point, SIGNATURE_LEN, Signature, SigningKey};
use countersign::time::{CivilTime, UnixTime, Validity};
use std::fmt;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// INTEGER of version 3.
const VERSION_3: u8 = 2;

/// R and S of a signature that no key has made: both one. Nobody can verify it.
const NOBODYS: Signature = {
    let mut one = [0; SIGNATURE_LEN];
    one[SIGNATURE_LEN / 2 - 1] = 1;
    one[SIGNATURE_LEN - 1] = 1;
    one
};

/// A serial number: positive, 16 octets.
// RFC 5280 §4.1.2.2: "The serial number MUST be a positive integer assigned by the CA to each certificate. It MUST be unique for
// each certificate issued by a given CA". 126 random bits are unique; SHAKEN wants at least 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial([u8; 16]);

impl Serial {
    /// A serial number of random octets. The first two bits become 01, so that every number is positive and of one length.
    pub fn from_random(mut random: [u8; 16]) -> Self {
        random[0] = random[0] & 0x3f | 0x40;
        Self(random)
    }

    /// The octets, big endian.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A certificate before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Big-endian octets of the serial number.
    pub serial: Vec<u8>,
    /// Who will sign it.
    pub issuer: DistinguishedName,
    /// When it is valid.
    pub validity: Validity,
    /// Whose it is.
    pub subject: DistinguishedName,
    /// The subject's key.
    pub public_key: Point,
    /// In this order.
    pub extensions: Vec<Extension>,
}

impl Draft {
    /// Signs the draft: the certificate in DER.
    ///
    /// # Errors
    /// [`DraftError`] if the key does not sign, or a time is before year 0 or after 9999.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<Vec<u8>, DraftError> {
        signed(self.to_tbs()?, key)
    }

    /// `TBSCertificate` of RFC 5280 §4.1: what is signed.
    ///
    /// # Errors
    /// [`DraftError::Time`] if a time is before year 0 or after 9999.
    pub fn to_tbs(&self) -> Result<Vec<u8>, DraftError> {
        let extensions: Vec<_> = self.extensions.iter().map(Extension::to_der).collect();
        Ok(sequence(&[
            element(constructed(0), &encode::integer(&[VERSION_3])),
            encode::integer(&self.serial),
            algorithm(),
            self.issuer.as_der().to_vec(),
            sequence(&[
                time(self.validity.not_before)?,
                time(self.validity.not_after)?,
            ]),
            self.subject.as_der().to_vec(),
            public_key(&self.public_key),
            element(constructed(3), &sequence(&extensions)),
        ]))
    }
}

/// `SEQUENCE { tbs, signatureAlgorithm, signatureValue }`: a certificate or a revocation list.
pub(crate) fn signed(tbs: Vec<u8>, key: &dyn SigningKey) -> Result<Vec<u8>, DraftError> {
    let signature = key.sign(&tbs).map_err(|_| DraftError::SigningFailed)?;
    Ok(with_signature(tbs, &signature))
}

/// The same with a signature that was made somewhere else.
pub(crate) fn with_signature(tbs: Vec<u8>, signature: &Signature) -> Vec<u8> {
    let value = encode::bit_string(&signature::der_from_fixed(signature));
    sequence(&[tbs, algorithm(), value])
}

/// What the fields of a certificate of these bytes will be, with a signature that means nothing.
pub(crate) fn rehearsed(tbs: &[u8]) -> Option<Certificate> {
    Certificate::parse(&with_signature(tbs.to_vec(), &NOBODYS)).ok()
}

/// `AlgorithmIdentifier` of ecdsa-with-SHA256, which has no parameters (RFC 5758 §3.2).
pub(crate) fn algorithm() -> Vec<u8> {
    sequence(&[encode::oid(&ECDSA_WITH_SHA256)])
}

/// `SubjectPublicKeyInfo` of RFC 5480 §2.
pub(crate) fn public_key(point: &Point) -> Vec<u8> {
    let algorithm = sequence(&[encode::oid(&EC_PUBLIC_KEY), encode::oid(&SECP256R1)]);
    sequence(&[algorithm, encode::bit_string(point)])
}

/// `Time`, to the second, in Z.
// RFC 5280 §4.1.2.5: "CAs conforming to this profile MUST always encode certificate validity dates through the year 2049 as
// UTCTime; certificate validity dates in 2050 or later MUST be encoded as GeneralizedTime."
pub(crate) fn time(at: UnixTime) -> Result<Vec<u8>, DraftError> {
    let civil = CivilTime::from(at);
    match civil.year {
        1950..=2049 => Ok(element(
            UTC_TIME,
            format!("{:02}{}", civil.year % 100, within_year(civil)).as_bytes(),
        )),
        _ => generalized(at),
    }
}

/// `GeneralizedTime`, to the second, in Z.
pub(crate) fn generalized(at: UnixTime) -> Result<Vec<u8>, DraftError> {
    let civil = CivilTime::from(at);
    match civil.year {
        0..=9999 => Ok(element(
            GENERALIZED_TIME,
            format!("{:04}{}", civil.year, within_year(civil)).as_bytes(),
        )),
        _ => Err(DraftError::Time(at)),
    }
}

fn within_year(civil: CivilTime) -> String {
    let CivilTime {
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = civil;
    format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

/// Why a draft, or a revocation list, is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftError {
    /// The key did not sign.
    SigningFailed,
    /// A time that no certificate can express.
    Time(UnixTime),
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SigningFailed => f.write_str("the key could not sign"),
            Self::Time(at) => write!(f, "no certificate can hold the time {at}"),
        }
    }
}

impl std::error::Error for DraftError {}
