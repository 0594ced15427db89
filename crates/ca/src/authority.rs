//! A certification authority: a certificate, its key, and what it writes into everything it issues.

use crate::draft::{Draft, Serial};
use crate::extension::{self, PathLength};
use crate::issuance::{self, IssuanceError, Practice, Profile, Request};
use crate::subject::Subject;
use countersign::certificate::delegation::{self, Delegation, ProviderNumbers};
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
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
    scope: OwnScope,
    providers: Arc<dyn ProviderNumbers>,
    unknown: UnknownNumbers,
    keys: Arc<dyn VerifyingKeys>,
    throw_away: Arc<EcdsaP256Key>,
}

/// What an authority can hand down.
#[derive(Clone)]
enum OwnScope {
    /// Its certificate has a list by value, or somebody has said what its reference leads to.
    Listed(TnAuthList),
    /// Its certificate has a list by reference.
    Missing,
    /// It has no list: an STI certification authority.
    Unlimited,
}

impl OwnScope {
    fn of(certificate: &Certificate) -> Self {
        match (certificate.tn_list_url(), certificate.tn_auth_list()) {
            (Some(_), _) => Self::Missing,
            (None, Some(list)) => Self::Listed(list.clone()),
            (None, None) => Self::Unlimited,
        }
    }
}

/// What becomes of a request for numbers that nobody can show to be those of the issuer's provider code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownNumbers {
    /// It is issued: whose they are has been settled before, by an authority token or a contract. The default.
    // RFC 9060 §8: "Alternatively, a CA may acquire an Authority Token (see Section 8.1) that affirms that a delegation is in the
    // proper scope."
    #[default]
    Issue,
    /// It is refused.
    Refuse,
}

impl Authority {
    /// An authority with a certificate that somebody has issued for its key.
    ///
    /// # Errors
    /// [`IssuanceError::BadAuthority`] if the certificate is not one of an authority, [`IssuanceError::KeyMismatch`] if it is
    /// for another key, [`IssuanceError::SigningFailed`] if the system has no randomness for the throw-away key.
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
        let throw_away = EcdsaP256Key::generate().map_err(|_| IssuanceError::SigningFailed)?;
        Ok(Self {
            scope: OwnScope::of(&certificate),
            certificate,
            key,
            practice,
            providers: Arc::new(delegation::Unknown),
            unknown: UnknownNumbers::default(),
            keys: Arc::new(AwsLc),
            throw_away: Arc::new(throw_away),
        })
    }

    /// The same, opening the keys that it checks signatures with by `keys`: somebody may want to count them.
    pub fn with_verifying_keys(self, keys: Arc<dyn VerifyingKeys>) -> Self {
        Self { keys, ..self }
    }

    /// The same, asking `providers` whose numbers are whose; [`delegation::Recent`] bounds the age of what they say.
    // RFC 9060 §8: "this requires that CAs have access to the necessary industry databases to ascertain whether, for example, a
    // particular telephone number is encompassed by an SPC."
    pub fn with_provider_numbers(
        self,
        providers: Arc<dyn ProviderNumbers>,
        unknown: UnknownNumbers,
    ) -> Self {
        Self {
            providers,
            unknown,
            ..self
        }
    }

    /// The same with `list` as what its certificate's reference leads to now.
    pub fn with_referenced_list(self, list: &TnAuthList) -> Self {
        let whole = match self.certificate.tn_auth_list() {
            Some(by_value) => by_value.union(list),
            None => list.clone(),
        };
        Self {
            scope: OwnScope::Listed(whole),
            ..self
        }
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

    /// The same authority, writing something else into what it issues from now on.
    pub fn with_practice(self, practice: Practice) -> Self {
        Self { practice, ..self }
    }

    /// What it writes into everything that it issues.
    pub fn practice(&self) -> &Practice {
        &self.practice
    }

    /// The certificate of the authority.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The key of the authority.
    pub fn key(&self) -> &dyn SigningKey {
        self.key.as_ref()
    }

    /// A key that nobody has a certificate for, and nobody ever will: what it signs is looked at before the real key signs the same, and
    /// is worth nothing if it gets out. It is made with the authority and ends with it.
    pub(crate) fn throw_away_key(&self) -> &dyn SigningKey {
        self.throw_away.as_ref()
    }

    /// What opens the keys of those who ask, and its own where it checks what it has signed.
    pub fn keys(&self) -> &dyn VerifyingKeys {
        self.keys.as_ref()
    }

    /// The same, to be kept by whoever signs something else with it.
    pub fn shared_key(&self) -> Arc<dyn SigningKey> {
        self.key.clone()
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

    /// The checks of [`Authority::issue`], which signs nothing then.
    ///
    /// # Errors
    /// [`IssuanceError`] if the request would break its profile or exceed this authority.
    pub fn inspect(&self, request: &Request, validity: Validity) -> Result<(), IssuanceError> {
        let own = self.certificate.validity();
        if validity.not_after < validity.not_before {
            return Err(IssuanceError::Validity);
        }
        if validity.not_before < own.not_before || own.not_after < validity.not_after {
            return Err(IssuanceError::NotWithin {
                asked: validity,
                issuer: own,
            });
        }
        self.inspect_length(request.profile)?;
        self.inspect_scope(request)
    }

    /// Whether the request has a scope where its profile needs one, none where it must not, and no more than we have.
    fn inspect_scope(&self, request: &Request) -> Result<(), IssuanceError> {
        let Some(asked) = request.whole_scope() else {
            return match (request.profile, &self.scope) {
                (Profile::CrlIssuer | Profile::Intermediate(_), OwnScope::Unlimited) => Ok(()),
                // It speaks for the authority itself, never for numbers, and no path leads through it.
                (Profile::OcspResponder, _) => Ok(()),
                // It would be a gap, and nothing below it could be used.
                (Profile::CrlIssuer | Profile::Intermediate(_), _) => {
                    Err(IssuanceError::ScopeForbidden)
                }
                (Profile::EndEntity, OwnScope::Unlimited) if !request.domains.is_empty() => Ok(()),
                _ => Err(IssuanceError::ScopeMissing),
            };
        };
        inspect_ranges(&asked)?;
        match (request.profile, &self.scope) {
            (Profile::CrlIssuer | Profile::Intermediate(_) | Profile::OcspResponder, _) => {
                Err(IssuanceError::ScopeForbidden)
            }
            (Profile::Delegate, OwnScope::Unlimited) => Err(IssuanceError::NothingToDelegate),
            (_, OwnScope::Unlimited) => Ok(()),
            (_, OwnScope::Missing) => Err(IssuanceError::OwnListMissing),
            (_, OwnScope::Listed(own)) => self.inspect_delegation(own, &asked),
        }
    }

    /// Whether this authority could hand `asked` down, whatever else a request asks for.
    ///
    /// # Errors
    /// [`IssuanceError`] if it could not.
    pub fn inspect_list(&self, asked: &TnAuthList) -> Result<(), IssuanceError> {
        inspect_ranges(asked)?;
        match &self.scope {
            OwnScope::Unlimited => Ok(()),
            OwnScope::Missing => Err(IssuanceError::OwnListMissing),
            OwnScope::Listed(own) => self.inspect_delegation(own, asked),
        }
    }

    // RFC 9060 §4.1: the encompassing "might be performed at the time the delegate certificate is issued, at the time that a
    // verification service receives an inbound call, or potentially both."
    fn inspect_delegation(
        &self,
        own: &TnAuthList,
        asked: &TnAuthList,
    ) -> Result<(), IssuanceError> {
        match delegation::judge(own, asked, self.providers.as_ref()) {
            Delegation::Encompassed => Ok(()),
            Delegation::NotEncompassed(_) => Err(IssuanceError::ScopeTooWide),
            Delegation::Unknown(_) => match self.unknown {
                UnknownNumbers::Issue => Ok(()),
                UnknownNumbers::Refuse => Err(IssuanceError::NumbersUnknown),
            },
        }
    }

    fn inspect_length(&self, profile: Profile) -> Result<(), IssuanceError> {
        let bound = self
            .certificate
            .basic_constraints()
            .and_then(|constraints| constraints.path_len);
        let below = match profile {
            Profile::DelegateCa(length) | Profile::Intermediate(length) => length,
            Profile::CrlIssuer
            | Profile::Delegate
            | Profile::EndEntity
            | Profile::OcspResponder => return Ok(()),
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

// RFC 8226 §9: "formally, given the inputs count and TelephoneNumber of length D, TelephoneNumber + count MUST be less than 10^D."
fn inspect_ranges(asked: &TnAuthList) -> Result<(), IssuanceError> {
    let fits = |entry: &TnEntry| match entry {
        TnEntry::Range(range) => range.keeps_formula(),
        TnEntry::One(_) | TnEntry::Spc(_) => true,
    };
    match asked.entries().iter().all(fits) {
        true => Ok(()),
        false => Err(IssuanceError::RangeEnd),
    }
}

/// Whether a certificate names this one, and its key, as who has issued it. No signature is verified.
pub fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.issuer() == issuer.subject()
        && (issuer.ski().is_none() || certificate.aki() == issuer.ski())
}

/// Signs, and reads what was signed: what we cannot read ourselves never leaves.
fn certificate(draft: &Draft, key: &dyn SigningKey) -> Result<Certificate, IssuanceError> {
    let der = draft.sign(key)?;
    Certificate::parse(&der).map_err(|_| IssuanceError::BadAuthority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Serial;
    use countersign::time::UnixTime;

    /// What the throw-away key has signed leads to nobody: not to the authority, nor to another life of it.
    #[test]
    fn a_throw_away_key_is_nobodys() {
        let key = Arc::new(EcdsaP256Key::generate().unwrap());
        let from = UnixTime::from_secs(1_800_000_000);
        let validity = Validity {
            not_before: from,
            not_after: from.saturating_add(86_400),
        };
        let name = Subject::new("US", "Example", "Root").unwrap();
        let serial = Serial::from_random([1; 16]);
        let root = Authority::root(&name, key.clone(), Practice::default(), serial, validity);
        let root = root.unwrap();
        let again = Authority::new(root.certificate().clone(), key, Practice::default()).unwrap();
        let keys = [&root, &again].map(|one| one.throw_away_key().public_key());
        assert!(keys[0] != keys[1] && !keys.contains(&root.key().public_key()));
    }
}
