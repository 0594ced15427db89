//! What the authority was before its key was another: certificates of that key live on, and somebody answers for them.
//!
//! A former key issues nothing any more. It signs answers about what it has issued, and the revocation list that its certificates name if that
//! was its own.

use super::keys::Use;
use super::{OCSP_LIFETIME, Office, OfficeFault, chain};
use crate::config::ca::FormerSettings;
use countersign::certificate::{Certificate, CertificateChain};
use countersign_ca::ocsp::Responder;

/// The authority as it was.
#[derive(Clone, Debug)]
pub struct Former {
    /// What the configuration says.
    pub settings: FormerSettings,
    /// Its certificate and those above it.
    pub chain: CertificateChain,
}

impl Former {
    pub(super) fn open(settings: &FormerSettings) -> Result<Self, OfficeFault> {
        Ok(Self {
            chain: chain(&settings.certificate_file.value)?,
            settings: settings.clone(),
        })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.chain.end_entity()
    }

    /// Who answers questions about its certificates: its own key.
    ///
    /// # Errors
    /// [`OfficeFault::Key`], [`OfficeFault::Responder`].
    pub fn responder(&self, office: &Office) -> Result<Responder, OfficeFault> {
        let key = office.key(&self.settings.key.value, Use::Responder)?;
        let made = Responder::of_issuer(self.certificate().clone(), key, OCSP_LIFETIME);
        let path = &self.settings.certificate_file.value;
        made.map_err(|why| OfficeFault::Responder(path.clone(), why))
    }
}
