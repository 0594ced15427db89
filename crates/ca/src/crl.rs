//! Certificate revocation lists, version 2: [RFC 5280 §5](https://www.rfc-editor.org/rfc/rfc5280#section-5).
//!
//! A list is direct (an authority's own certificates) or indirect: SHAKEN has one list for all authorities, signed by the policy
//! administrator, and each entry says whose certificate it means. Lists are issued here; they are not checked yet.

use crate::draft::{algorithm, signed, time};
use crate::extension::{self, CrlScope, Extension};
use crate::issuance::IssuanceError;
use countersign::certificate::encode::{self, constructed, element, sequence};
use countersign::certificate::{Certificate, DistinguishedName};
use countersign::crypto::SigningKey;
use countersign::time::UnixTime;

/// INTEGER of version 2.
const VERSION_2: u8 = 1;

/// What a revocation list says.
#[derive(Clone, Debug)]
pub struct Crl {
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one will be there at the latest.
    pub next_update: UnixTime,
    /// Grows with every list of one issuer.
    pub number: u64,
    /// Whose certificates it speaks of.
    pub scope: CrlScope,
    /// The URL that the certificates name, if the list is to name it, too.
    pub url: Option<Box<str>>,
    /// What was revoked.
    pub revoked: Vec<Revoked>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// Who issued the certificate.
    pub issuer: DistinguishedName,
    /// Its serial number, big endian.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub at: UnixTime,
    /// Why.
    pub reason: Reason,
}

/// Why a certificate was revoked: `CRLReason` of RFC 5280 §5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The subject has another name or another employer.
    AffiliationChanged,
    /// The key of the authority is known to others.
    CaCompromise,
    /// For a while only.
    CertificateHold,
    /// It is not needed any more.
    CessationOfOperation,
    /// The key is known to others.
    KeyCompromise,
    /// The subject lost the right to it.
    PrivilegeWithdrawn,
    /// There is a new one.
    Superseded,
    /// Not said.
    Unspecified,
}

impl Reason {
    fn code(self) -> Option<u8> {
        match self {
            Self::AffiliationChanged => Some(3),
            Self::CaCompromise => Some(2),
            Self::CertificateHold => Some(6),
            Self::CessationOfOperation => Some(5),
            Self::KeyCompromise => Some(1),
            Self::PrivilegeWithdrawn => Some(9),
            Self::Superseded => Some(4),
            // RFC 5280 §5.3.1: "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0)
            // reasonCode value."
            Self::Unspecified => None,
        }
    }
}

/// Issues a list in DER, signed by `issuer` with `key`.
///
/// # Errors
/// [`IssuanceError::BadAuthority`] if the issuer may not sign lists or a direct list names another issuer's certificate,
/// [`IssuanceError::KeyMismatch`] if the key is another one, [`IssuanceError::Validity`] if the next list is to come before this
/// one, [`IssuanceError`] if a time cannot be written or the key does not
/// sign.
pub fn issue(
    crl: &Crl,
    issuer: &Certificate,
    key: &dyn SigningKey,
) -> Result<Vec<u8>, IssuanceError> {
    // RFC 5280 §4.2.1.3: "The cRLSign bit is asserted when the subject public key is used for verifying signatures on
    // certificate revocation lists"
    if !issuer.key_usage().is_some_and(|usage| usage.crl_sign()) {
        return Err(IssuanceError::BadAuthority);
    }
    if issuer.public_key().p256() != Some(&key.public_key()) {
        return Err(IssuanceError::KeyMismatch);
    }
    if crl.next_update < crl.this_update {
        return Err(IssuanceError::Validity);
    }
    let tbs = sequence(&[
        encode::integer(&[VERSION_2]),
        algorithm(),
        issuer.subject().as_der().to_vec(),
        time(crl.this_update)?,
        time(crl.next_update)?,
        entries(crl, issuer.subject())?,
        element(constructed(0), &list_extensions(crl, issuer)),
    ]);
    Ok(signed(tbs, key)?)
}

/// `crlExtensions`, RFC 5280 §5.2: authority key identifier and number always, the distribution point where it says something.
fn list_extensions(crl: &Crl, issuer: &Certificate) -> Vec<u8> {
    let key = issuer.ski().map(extension::authority_key);
    let number = extension::crl_number(crl.number);
    let point = extension::issuing_distribution_point(crl.url.as_deref(), crl.scope);
    let all: Vec<_> = key.into_iter().chain([number]).chain(point).collect();
    sequence(&all.iter().map(Extension::to_der).collect::<Vec<_>>())
}

/// `revokedCertificates`.
// RFC 5280 §5.1.2.6: "When there are no revoked certificates, the revoked certificates list MUST be absent."
fn entries(crl: &Crl, crl_issuer: &DistinguishedName) -> Result<Vec<u8>, IssuanceError> {
    if crl.revoked.is_empty() {
        return Ok(Vec::new());
    }
    let mut current = crl_issuer;
    let mut all = Vec::with_capacity(crl.revoked.len());
    for revoked in &crl.revoked {
        let same = revoked.issuer.as_der() == current.as_der();
        if !same && crl.scope == CrlScope::Direct {
            return Err(IssuanceError::BadAuthority);
        }
        // RFC 5280 §5.3.3: "On subsequent entries in an indirect CRL, if this extension is not present, the certificate issuer
        // for the entry is the same as that for the preceding entry."
        let change = (!same).then(|| extension::certificate_issuer(&revoked.issuer));
        all.push(entry(revoked, change)?);
        current = &revoked.issuer;
    }
    Ok(sequence(&all))
}

fn entry(revoked: &Revoked, change: Option<Extension>) -> Result<Vec<u8>, IssuanceError> {
    let reason = revoked.reason.code().map(extension::reason);
    let extensions: Vec<_> = reason
        .iter()
        .chain(&change)
        .map(Extension::to_der)
        .collect();
    let extensions = match extensions.as_slice() {
        [] => Vec::new(),
        some => sequence(some),
    };
    Ok(sequence(&[
        encode::integer(&revoked.serial),
        time(revoked.at)?,
        extensions,
    ]))
}
