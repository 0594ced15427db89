//! What the responder of OCSP is told: the register, and the numbers of certificates.

use countersign::certificate::Certificate;
use countersign::certificate::delegation::ProviderNumbers;
use countersign::certificate::numbers::NumberSet;
use countersign::number::TelephoneNumber;
use countersign_ca::authority::is_issued_by;
use countersign_ca::ocsp::{Status, Statuses};
use countersign_ca::register::{self, CertificateName, Register};

/// What is known of the certificates of one issuer.
pub(super) struct Known<'a> {
    pub(super) register: &'a Register,
    pub(super) issuer: &'a Certificate,
    /// Whether another key has issued under the same name.
    pub(super) namesakes: Namesakes,
    /// Who knows the numbers of providers.
    pub(super) providers: Option<&'a dyn ProviderNumbers>,
}

/// Whether another key has issued under the name of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namesakes {
    /// None.
    None,
    /// At least one: who has signed is told by the authority key identifier.
    Some,
}

impl Known<'_> {
    /// Whether this key has not issued the certificate of this serial number, but another one of its name.
    fn is_of_a_namesake(&self, serial: &[u8]) -> bool {
        if self.namesakes == Namesakes::None {
            return false;
        }
        let name = CertificateName::new(self.issuer.subject(), serial);
        let der = self.register.find(&name).and_then(|one| one.certificate());
        let certificate = der.and_then(|der| Certificate::parse(der).ok());
        certificate.is_some_and(|one| !is_issued_by(&one, self.issuer))
    }
}

impl Statuses for Known<'_> {
    fn status(&self, serial: &[u8]) -> Status {
        if self.is_of_a_namesake(serial) {
            return Status::NotIssued;
        }
        match self.register.status(self.issuer.subject(), serial) {
            register::Status::Good(_) => Status::Good,
            register::Status::Prepared(_) | register::Status::Unknown => Status::NotIssued,
            register::Status::Revoked(revocation) => Status::Revoked {
                at: revocation.at,
                reason: revocation.reason,
            },
        }
    }

    fn speaks_for(&self, serial: &[u8], number: TelephoneNumber) -> bool {
        let name = CertificateName::new(self.issuer.subject(), serial);
        let der = self.register.find(&name).and_then(|one| one.certificate());
        let certificate = der.and_then(|der| Certificate::parse(der).ok());
        let Some(list) = certificate.as_ref().and_then(Certificate::tn_auth_list) else {
            return false;
        };
        let one = NumberSet::union_of([(number, 1)]);
        let held = |provider| {
            let held = self.providers?.held(provider, &one)?;
            held.contains(number).then_some(())
        };
        list.authorizes(number) || list.providers().iter().any(|one| held(one).is_some())
    }
}
