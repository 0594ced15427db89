//! Which certificate is meant: hashes of its issuer's name and key, and its serial number.

use super::OcspError;
use crate::certificate::walk::Walk;
use crate::certificate::{Certificate, DistinguishedName, MAX_SERIAL, encode};
use crate::crypto::{sha1_name, sha256};
use const_oid::ObjectIdentifier;
use der::Tag;

const ID_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const ID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Octets of a hash that SHA-256 was cut to: RFC 7093 §2, method 1.
const CUT: usize = 20;

/// Tag of an INTEGER.
const INTEGER: u8 = 0x02;

/// How an issuer is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashForm {
    /// SHA-1: what most clients of the web ask with. RFC 6960 §4.3 has clients and responders know it.
    Sha1,
    /// SHA-256: draft-ietf-lamps-rfc5019bis §3.1.1.
    Sha256,
    /// The leftmost 160 bits of SHA-256: draft-ietf-stir-certificates-ocsp (2017), for telephone numbers.
    // "Implementations MUST use SHA-256 as the hashing algorithm for the CertID.issuerNameHash and the CertID.issuerKeyHash values.
    // That is CertID.hashAlgorithm is id-sha256 and the values are truncated to 160-bits as specified Option 1 in Section 2 of
    // RFC 7093."
    Sha256Cut,
}

impl HashForm {
    /// The octets of `bytes` in this form.
    pub fn of(self, bytes: &[u8]) -> Box<[u8]> {
        match self {
            Self::Sha1 => sha1_name(bytes).into(),
            Self::Sha256 => sha256(bytes).into(),
            Self::Sha256Cut => sha256(bytes).get(..CUT).unwrap_or_default().into(),
        }
    }

    fn algorithm(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => ID_SHA1,
            Self::Sha256 | Self::Sha256Cut => ID_SHA256,
        }
    }
}

/// `CertID`: [RFC 6960 §4.1.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertId {
    form: HashForm,
    issuer_name: Box<[u8]>,
    issuer_key: Box<[u8]>,
    serial: Box<[u8]>,
}

impl CertId {
    /// Names `certificate`, which `issuer` has issued; `None` if the key of the issuer is of a kind that we do not know.
    // RFC 6960 §4.1.1: "The hash shall be calculated over the DER encoding of the issuer's name field in the certificate being
    // checked."
    pub fn of(form: HashForm, certificate: &Certificate, issuer: &Certificate) -> Option<Self> {
        Self::new(form, certificate.issuer(), issuer, certificate.serial())
    }

    // RFC 6960 §4.1.1: "The hash shall be calculated over the value (excluding tag and length) of the subject public key field in
    // the issuer's certificate."
    fn new(
        form: HashForm,
        issuer_name: &DistinguishedName,
        issuer: &Certificate,
        serial: &[u8],
    ) -> Option<Self> {
        Some(Self {
            form,
            issuer_name: form.of(issuer_name.as_der()),
            issuer_key: form.of(issuer.public_key().octets()?),
            serial: serial.into(),
        })
    }

    /// Whether it names `certificate`, which `issuer` has issued.
    pub fn names(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        Self::of(self.form, certificate, issuer).as_ref() == Some(self)
    }

    /// Whether it names a certificate of `issuer`, whatever its serial number.
    pub fn is_of(&self, issuer: &Certificate) -> bool {
        Self::new(self.form, issuer.subject(), issuer, &self.serial).as_ref() == Some(self)
    }

    /// How the issuer is hashed.
    pub fn form(&self) -> HashForm {
        self.form
    }

    /// The serial number: the content of its INTEGER, big endian.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Writes it in DER.
    pub fn to_der(&self) -> Vec<u8> {
        // RFC 5912: the parameters of a hash are absent or NULL; NULL is what everybody writes.
        let algorithm = encode::sequence(&[encode::oid(&self.form.algorithm()), encode::null()]);
        encode::sequence(&[
            algorithm,
            encode::octet_string(&self.issuer_name),
            encode::octet_string(&self.issuer_key),
            // The content as it stands in the certificate, sign octet and all.
            encode::element(INTEGER, &self.serial),
        ])
    }

    /// Reads `SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }`.
    pub(super) fn read(list: &mut Walk<'_>) -> Result<Self, OcspError> {
        let mut fields = list.enter(Tag::Sequence)?;
        let mut algorithm = fields.enter(Tag::Sequence)?;
        let hash = algorithm.oid()?;
        if !matches!(algorithm.content_if(Tag::Null)?, None | Some([])) {
            return Err(OcspError::Malformed);
        }
        algorithm.finish()?;
        let issuer_name = fields.content(Tag::OctetString)?;
        let issuer_key = fields.content(Tag::OctetString)?;
        let serial = fields.content(Tag::Integer)?;
        fields.finish()?;
        let form = match (hash, issuer_name.len(), issuer_key.len()) {
            (ID_SHA1, CUT, CUT) => HashForm::Sha1,
            (ID_SHA256, 32, 32) => HashForm::Sha256,
            (ID_SHA256, CUT, CUT) => HashForm::Sha256Cut,
            _ => return Err(OcspError::Malformed),
        };
        if serial.is_empty() || serial.len() > MAX_SERIAL {
            return Err(OcspError::Malformed);
        }
        Ok(Self {
            form,
            issuer_name: issuer_name.into(),
            issuer_key: issuer_key.into(),
            serial: serial.into(),
        })
    }
}
