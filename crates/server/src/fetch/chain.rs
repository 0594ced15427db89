//! What the fetcher needs of a chain. Stands in for `countersign::certificate` until that lands.

use countersign::time::UnixTime;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;

/// A chain as received.
#[derive(Debug)]
pub struct CertificateChain {
    certificates: Vec<CertificateDer<'static>>,
}

/// Not a chain.
#[derive(Debug)]
pub struct ChainError;

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a certificate chain")
    }
}

impl CertificateChain {
    /// Reads PEM.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ChainError> {
        if bytes.windows(11).any(|window| window == b"PRIVATE KEY") {
            return Err(ChainError);
        }
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(bytes)
            .collect::<Result<_, _>>()
            .map_err(|_| ChainError)?;
        if certificates.is_empty() {
            return Err(ChainError);
        }
        Ok(Self { certificates })
    }

    /// The certificates.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

pub(super) fn not_after(_chain: &CertificateChain) -> UnixTime {
    UnixTime::from_secs(i64::MAX)
}

pub(super) fn size(chain: &CertificateChain) -> usize {
    chain.certificates.iter().map(|c| c.len()).sum()
}
