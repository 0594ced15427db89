//! A list of certificates as a repository serves it: the signer's first, then whoever certified the one before.
//!
//! [`CertificateChain::parse`] reads `application/pem-certificate-chain`
//! ([RFC 8555 §9.1](https://www.rfc-editor.org/rfc/rfc8555#section-9.1)) or a single certificate in DER. The order is kept, and
//! so is every byte of DER; whether the list leads anywhere is judged in [`crate::path`].

pub use super::pem::armoured;

use super::{Certificate, CertificateError, pem};
use crate::crypto::sha256;
use std::fmt;

/// Largest list we read, in bytes. Lists in the field stay below 8 KiB; TN Authorization Lists of several thousand ranges in
/// every certificate of the path still fit.
pub const MAX_CHAIN_BYTES: usize = 256 * 1024;

/// Most certificates in one list: SHAKEN has three, each delegation of RFC 9060 adds one.
pub const MAX_CHAIN_CERTIFICATES: usize = 10;

/// Certificates in the order received, at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Box<[Certificate]>,
    digest: [u8; 32],
}

impl CertificateChain {
    /// Reads a list: PEM, or one certificate in DER.
    ///
    /// # Errors
    /// [`ChainError`] if it has no certificate, something else than certificates, too many of them, or one that cannot be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChainError> {
        Self::new(read_all(bytes, MAX_CHAIN_CERTIFICATES)?)
    }

    /// Makes a list of certificates in DER, end entity first.
    ///
    /// # Errors
    /// [`ChainError`] if there is none, there are too many, or one cannot be read.
    pub fn from_der<'a>(ders: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, ChainError> {
        Self::new(parse_each(ders, MAX_CHAIN_CERTIFICATES)?)
    }

    fn new(certificates: Vec<Certificate>) -> Result<Self, ChainError> {
        if certificates.is_empty() {
            return Err(ChainError::Empty);
        }
        let fingerprints: Vec<[u8; 32]> = certificates.iter().map(Certificate::sha256).collect();
        Ok(Self {
            certificates: certificates.into(),
            digest: sha256(fingerprints.as_flattened()),
        })
    }

    /// The first certificate: the signer's.
    pub fn end_entity(&self) -> &Certificate {
        // Never empty, by construction.
        #[allow(clippy::indexing_slicing, reason = "never empty by construction")]
        &self.certificates[0]
    }

    /// All of them, in the order received.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// SHA-256 over the fingerprints of all, in the order received: two lists have the same only if every byte is the same.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The list as `application/pem-certificate-chain`.
    pub fn to_pem(&self) -> String {
        self.certificates
            .iter()
            .map(|one| pem(one.as_der()))
            .collect()
    }
}

impl fmt::Debug for CertificateChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.certificates.iter()).finish()
    }
}

/// One certificate in the strict textual encoding of RFC 7468 §3.
pub fn pem(der: &[u8]) -> String {
    armoured(pem::CERTIFICATE, der)
}

/// First byte of every certificate in DER, and of no text.
const DER_SEQUENCE: u8 = 0x30;

/// Every certificate in a PEM text, or the one in DER, in order and at most `limit` of them.
///
/// # Errors
/// [`ChainError`], as for [`CertificateChain::parse`]; none at all is an error, too.
pub fn read_all(bytes: &[u8], limit: usize) -> Result<Vec<Certificate>, ChainError> {
    if bytes.len() > MAX_CHAIN_BYTES {
        return Err(ChainError::TooLarge);
    }
    let certificates = if bytes.first() == Some(&DER_SEQUENCE) {
        parse_each([bytes], limit)?
    } else {
        let ders = pem_certificates(bytes, limit)?;
        parse_each(ders.iter().map(Vec::as_slice), limit)?
    };
    match certificates.as_slice() {
        [] => Err(ChainError::Empty),
        _ => Ok(certificates),
    }
}

fn parse_each<'a>(
    ders: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> Result<Vec<Certificate>, ChainError> {
    let mut certificates = Vec::new();
    for (index, der) in ders.into_iter().enumerate() {
        if index == limit {
            return Err(ChainError::TooMany);
        }
        let certificate =
            Certificate::parse(der).map_err(|cause| ChainError::Certificate { index, cause })?;
        certificates.push(certificate);
    }
    Ok(certificates)
}

/// The certificates of a PEM text. What stands outside the boundaries is skipped, and base64 may be broken anywhere: RFC 8555
/// §9.1 asks writers for the strict form without explanatory text, repositories in the field do not all comply
/// (`docs/divergences.md`).
fn pem_certificates(bytes: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, ChainError> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(ChainError::NotText);
    }
    let mut found = Vec::new();
    for block in pem::blocks(bytes) {
        if block.is_private_key() {
            return Err(ChainError::PrivateKey);
        }
        if block.label().is_empty() {
            return Err(ChainError::Pem);
        }
        if block.label() != pem::CERTIFICATE {
            return Err(ChainError::NotACertificate);
        }
        if found.len() == limit {
            return Err(ChainError::TooMany);
        }
        found.push(block.der().map_err(|_| ChainError::Pem)?);
    }
    Ok(found)
}

/// Why some bytes are not a list of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// One of the certificates cannot be read.
    Certificate {
        /// Which: 0 is the signer's.
        index: usize,
        /// What is wrong with it.
        cause: CertificateError,
    },
    /// There is no certificate in it.
    Empty,
    /// There is something in PEM that is neither a certificate nor a private key.
    NotACertificate,
    /// Neither DER nor text.
    NotText,
    /// A PEM boundary is missing, or what it encloses is not base64.
    Pem,
    /// There is a private key in it: somebody must be told, and nobody may use it.
    PrivateKey,
    /// Larger than [`MAX_CHAIN_BYTES`].
    TooLarge,
    /// More certificates than allowed: [`MAX_CHAIN_CERTIFICATES`] in a list.
    TooMany,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { index, cause } => {
                write!(f, "certificate {index} of the list: {cause}")
            }
            Self::Empty => f.write_str("no certificate in it"),
            Self::NotACertificate => f.write_str("something other than certificates in it"),
            Self::NotText => f.write_str("neither DER nor PEM"),
            Self::Pem => f.write_str("broken PEM"),
            Self::PrivateKey => f.write_str("a private key stands among the certificates"),
            Self::TooLarge => write!(f, "more than {MAX_CHAIN_BYTES} bytes of certificates"),
            Self::TooMany => f.write_str("too many certificates"),
        }
    }
}

impl std::error::Error for ChainError {}

#[cfg(test)]
mod tests;
