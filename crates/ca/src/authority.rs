//! A certification authority: a certificate, its key, and what it writes into everything it issues.

use crate::draft::{Draft, Serial};
use crate::extension::{self, PathLength};
use crate::issuance::{self, IssuanceError, Practice, Profile, Request};
use crate::subject::Subject;
use countersign::certificate::{Certificate, TnAuthList};
use countersign::crypto::SigningKey;
use countersign::time::Validity;
use std::fmt;
use std::sync::Arc;

/// A certification authority that can issue.
///
/// # Example: an anchor, and a certificate for a service provider
/// ```
/// use countersign::certificate::{TnAuthList, TnEntry};
/// use countersign::crypto::{EcdsaP256Key, SigningKey};
/// use countersign::time::{UnixTime, Validity};
/// use countersign_ca::{Authority, Practice, Profile, Request, Serial, Subject};
/// use std::sync::Arc;
///
/// let validity = Validity { not_before: UnixTime::from_secs(0), not_after: UnixTime::from_secs(86_400) };
/// let key = Arc::new(EcdsaP256Key::generate()?);
/// let subject = Subject::new("US", "Example", "Example SHAKEN ROOT")?;
/// let root = Authority::root(&subject, key, Practice::default(), Serial::from_random([7; 16]), validity)?;
///
/// let code = "1234".parse()?;
/// let provider = EcdsaP256Key::generate()?;
/// let subject = Subject::shaken("US", "Example Telco", &code)?;
/// let request = Request::new(Profile::EndEntity, subject, provider.public_key())
///     .with_scope(TnAuthList::new(vec![TnEntry::Spc(code)])?);
/// let certificate = root.issue(&request, Serial::from_random([9; 16]), validity)?;
/// assert_eq!(certificate.issuer(), root.certificate().subject());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Authority {
    certificate: Certificate,
    key: Arc<dyn SigningKey>,
    practice: Practice,
}

impl Authority {
    /// An authority with a certificate that somebody has issued for its key.
    ///
    /// # Errors
    /// [`IssuanceError::BadAuthority`] if the certificate is not one of an authority, [`IssuanceError::KeyMismatch`] if it is
    /// for another key.
    pub fn new(
        certificate: Certificate,
        key: Arc<dyn SigningKey>,
        practice: Practice,
    ) -> Result<Self, IssuanceError> {
        if !certificate.is_ca()
            || !certificate
                .key_usage()
                .is_some_and(|usage| usage.key_cert_sign())
        {
            return Err(IssuanceError::BadAuthority);
        }
        if certificate.public_key().p256() != Some(&key.public_key()) {
            return Err(IssuanceError::KeyMismatch);
        }
        Ok(Self {
            certificate,
            key,
            practice,
        })
    }

    /// A new root: self-signed, without bound on the paths below it.
    ///
    /// # Errors
    /// [`IssuanceError`] if the key does not sign or the validity cannot be written.
    pub fn root(
        subject: &Subject,
        key: Arc<dyn SigningKey>,
        practice: Practice,
        serial: Serial,
        validity: Validity,
    ) -> Result<Self, IssuanceError> {
        let draft = Self::root_draft(subject, key.as_ref(), serial, validity);
        Self::new(certificate(&draft, key.as_ref())?, key, practice)
    }

    /// The draft that [`Authority::root`] signs.
    pub fn root_draft(
        subject: &Subject,
        key: &dyn SigningKey,
        serial: Serial,
        validity: Validity,
    ) -> Draft {
        Draft {
            serial: serial.as_bytes().to_vec(),
            issuer: subject.name().clone(),
            validity,
            subject: subject.name().clone(),
            public_key: key.public_key(),
            extensions: issuance::root_extensions(&key.public_key()),
        }
    }

    /// The certificate of the authority.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The key of the authority.
    pub fn key(&self) -> &dyn SigningKey {
        self.key.as_ref()
    }

    /// Issues what `request` asks for.
    ///
    /// # Errors
    /// [`IssuanceError`] if it would break its profile or exceed this authority, or the key does not sign.
    pub fn issue(
        &self,
        request: &Request,
        serial: Serial,
        validity: Validity,
    ) -> Result<Certificate, IssuanceError> {
        self.inspect(request, validity)?;
        certificate(&self.draft(request, serial, validity), self.key())
    }

    /// The draft that [`Authority::issue`] signs, without the checks before it.
    pub fn draft(&self, request: &Request, serial: Serial, validity: Validity) -> Draft {
        let issuer = self.certificate.subject();
        let issuer_key = match (self.certificate.ski(), self.certificate.public_key().p256()) {
            (Some(identifier), _) => identifier.to_vec(),
            (None, Some(key)) => extension::key_identifier(key),
            (None, None) => Vec::new(),
        };
        Draft {
            serial: serial.as_bytes().to_vec(),
            issuer: issuer.clone(),
            validity,
            subject: request.subject.name().clone(),
            public_key: request.public_key,
            extensions: issuance::extensions(request, &self.practice, issuer, &issuer_key),
        }
    }

    fn inspect(&self, request: &Request, validity: Validity) -> Result<(), IssuanceError> {
        let own = self.certificate.validity();
        let within = own.not_before <= validity.not_before && validity.not_after <= own.not_after;
        if !within || validity.not_after < validity.not_before {
            return Err(IssuanceError::Validity);
        }
        self.inspect_length(request.profile)?;
        inspect_scope(request, self.certificate.tn_auth_list())
    }

    fn inspect_length(&self, profile: Profile) -> Result<(), IssuanceError> {
        let bound = self
            .certificate
            .basic_constraints()
            .and_then(|constraints| constraints.path_len);
        let below = match profile {
            Profile::DelegateCa(length) | Profile::Intermediate(length) => length,
            Profile::CrlIssuer | Profile::Delegate | Profile::EndEntity => return Ok(()),
        };
        match (bound, below) {
            (None, _) => Ok(()),
            // RFC 5280 §4.2.1.9: "it gives the maximum number of non-self-issued intermediate certificates that may follow
            // this certificate in a valid certification path."
            (Some(bound), PathLength::AtMost(length)) if u64::from(length) < bound => Ok(()),
            (Some(_), _) => Err(IssuanceError::PathLength),
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.certificate.subject())
    }
}

/// RFC 9060 §4: "each delegate certificate MUST have a TNAuthList scope that is equal to or a subset of its parent
/// certificate's scope". Numbers below a provider code are taken on trust: whose they are is settled before issuance.
fn inspect_scope(request: &Request, own: Option<&TnAuthList>) -> Result<(), IssuanceError> {
    match (request.profile, &request.scope, own) {
        (Profile::CrlIssuer | Profile::Intermediate(_), None, None) => Ok(()),
        (Profile::CrlIssuer | Profile::Intermediate(_), _, _) => Err(IssuanceError::ScopeForbidden),
        (Profile::EndEntity, None, None) if !request.domains.is_empty() => Ok(()),
        (_, None, _) => Err(IssuanceError::ScopeMissing),
        (Profile::Delegate, Some(_), None) => Err(IssuanceError::ScopeTooWide),
        (_, Some(_), None) => Ok(()),
        (_, Some(asked), Some(own)) => {
            let codes = asked
                .providers()
                .iter()
                .all(|code| own.providers().contains(code));
            let numbers = !own.providers().is_empty() || own.numbers().encompasses(asked.numbers());
            if codes && numbers {
                Ok(())
            } else {
                Err(IssuanceError::ScopeTooWide)
            }
        }
    }
}

/// Signs, and reads what was signed: what we cannot read ourselves never leaves.
fn certificate(draft: &Draft, key: &dyn SigningKey) -> Result<Certificate, IssuanceError> {
    let der = draft.sign(key)?;
    Certificate::parse(&der).map_err(|_| IssuanceError::BadAuthority)
}
