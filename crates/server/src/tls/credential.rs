//! What we prove ourselves with: a chain, and the key that belongs to it.

use super::{identities, provider};
use crate::files::{self, FileFault};
use countersign::certificate::Certificate;
use countersign::time::Validity;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::path::Path;
use std::sync::Arc;

/// A certificate chain with its private key, of any kind that TLS knows.
#[derive(Clone, Debug)]
pub struct Credential {
    key: Arc<CertifiedKey>,
}

/// Which of the two files of a TLS identity is wrong.
#[derive(Debug)]
pub enum TlsFault {
    /// The certificate.
    Certificate(FileFault),
    /// The key, or that the two do not belong together.
    Key(FileFault),
}

impl Credential {
    /// Reads a chain, its own certificate first, and its key; both PEM. They must belong together.
    ///
    /// # Errors
    /// [`TlsFault`], which tells the certificate from the key.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsFault> {
        let chain = files::read_certificates(certificate).map_err(TlsFault::Certificate)?;
        let key = files::read_tls_key(key).map_err(TlsFault::Key)?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| TlsFault::Key(FileFault::NoTls(error)))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// The chain, its own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    /// The SIP domains that it proves: RFC 5922 §7.1.
    pub fn identities(&self) -> Vec<Box<str>> {
        identities(self.chain())
    }

    /// How long its own certificate is valid; `None` if that cannot be read, which TLS does not mind.
    pub fn validity(&self) -> Option<Validity> {
        let own = Certificate::parse(self.chain().first()?).ok()?;
        Some(own.validity())
    }

    /// The same chain and key for every peer.
    pub(super) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(self.key.clone()))
    }
}
