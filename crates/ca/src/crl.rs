//! Certificate revocation lists, version 2: [RFC 5280 §5](https://www.rfc-editor.org/rfc/rfc5280#section-5).
//!
//! A list is direct (an authority's own certificates) or indirect: SHAKEN has one list for all authorities, signed by the policy
//! administrator, and each entry says whose certificate it means. Lists are issued here; what they say is judged by
//! [`countersign::trust::revocation`].

pub use countersign::certificate::crl::Reason;

use crate::draft::{DraftError, algorithm, signed, time};
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
    may_sign(issuer, key)?;
    if crl.next_update < crl.this_update {
        return Err(IssuanceError::Validity);
    }
    Ok(draft(crl, issuer)?.sign(key)?)
}

/// Whether `issuer` may sign lists, and with this key.
///
/// # Errors
/// [`IssuanceError::BadAuthority`] if it may not, [`IssuanceError::KeyMismatch`] if the key is another one.
pub fn may_sign(issuer: &Certificate, key: &dyn SigningKey) -> Result<(), IssuanceError> {
    // RFC 5280 §4.2.1.3: "The cRLSign bit is asserted when the subject public key is used for verifying signatures on
    // certificate revocation lists"
    if !issuer.key_usage().is_some_and(|usage| usage.crl_sign()) {
        return Err(IssuanceError::BadAuthority);
    }
    if issuer.public_key().p256() != Some(&key.public_key()) {
        return Err(IssuanceError::KeyMismatch);
    }
    Ok(())
}

/// The draft that [`issue`] signs, without the checks of the issuer before it.
///
/// # Errors
/// [`IssuanceError::BadAuthority`] if a direct list names another issuer's certificate.
pub fn draft(crl: &Crl, issuer: &Certificate) -> Result<CrlDraft, IssuanceError> {
    Ok(CrlDraft {
        issuer: issuer.subject().clone(),
        this_update: crl.this_update,
        next_update: Some(crl.next_update),
        entries: entries(crl, issuer.subject())?,
        extensions: list_extensions(crl, issuer),
    })
}

/// A list before it is signed: every field open. A test that needs a list which breaks a rule changes the draft; nothing else
/// should.
#[derive(Clone, Debug)]
pub struct CrlDraft {
    /// Who will sign it.
    pub issuer: DistinguishedName,
    /// When it is made.
    pub this_update: UnixTime,
    /// When the next one will be there at the latest.
    pub next_update: Option<UnixTime>,
    /// In this order.
    pub entries: Vec<EntryDraft>,
    /// Of the list, in this order.
    pub extensions: Vec<Extension>,
}

/// An entry before its list is signed.
#[derive(Clone, Debug)]
pub struct EntryDraft {
    /// Big-endian octets of the serial number.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub at: UnixTime,
    /// In this order.
    pub extensions: Vec<Extension>,
}

impl CrlDraft {
    /// Signs the draft: the list in DER.
    ///
    /// # Errors
    /// [`DraftError`] if the key does not sign, or a time is before year 0 or after 9999.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<Vec<u8>, DraftError> {
        let next_update = self.next_update.map(time).transpose()?;
        let entries = self.entries.iter().map(EntryDraft::to_der);
        let extensions = match extensions(&self.extensions).as_slice() {
            [] => Vec::new(),
            some => element(constructed(0), &sequence(some)),
        };
        let tbs = sequence(&[
            encode::integer(&[VERSION_2]),
            algorithm(),
            self.issuer.as_der().to_vec(),
            time(self.this_update)?,
            next_update.unwrap_or_default(),
            // RFC 5280 §5.1.2.6: "When there are no revoked certificates, the revoked certificates list MUST be absent."
            optional(entries.collect::<Result<_, _>>()?),
            extensions,
        ]);
        signed(tbs, key)
    }
}

impl EntryDraft {
    fn to_der(&self) -> Result<Vec<u8>, DraftError> {
        Ok(sequence(&[
            encode::integer(&self.serial),
            time(self.at)?,
            optional(extensions(&self.extensions)),
        ]))
    }
}

fn extensions(extensions: &[Extension]) -> Vec<Vec<u8>> {
    extensions.iter().map(Extension::to_der).collect()
}

/// A SEQUENCE that is left out where it would be empty.
fn optional(parts: Vec<Vec<u8>>) -> Vec<u8> {
    match parts.as_slice() {
        [] => Vec::new(),
        some => sequence(some),
    }
}

/// `crlExtensions`, RFC 5280 §5.2: authority key identifier and number always, the distribution point where it says something.
fn list_extensions(crl: &Crl, issuer: &Certificate) -> Vec<Extension> {
    let key = issuer.ski().map(extension::authority_key);
    let number = extension::crl_number(crl.number);
    let point = extension::issuing_distribution_point(crl.url.as_deref(), crl.scope);
    key.into_iter().chain([number]).chain(point).collect()
}

/// `revokedCertificates`.
fn entries(crl: &Crl, crl_issuer: &DistinguishedName) -> Result<Vec<EntryDraft>, IssuanceError> {
    let mut current = crl_issuer;
    let mut all = Vec::with_capacity(crl.revoked.len());
    for revoked in &crl.revoked {
        let same = revoked.issuer.as_der() == current.as_der();
        if !same && crl.scope == CrlScope::Direct {
            return Err(IssuanceError::BadAuthority);
        }
        // RFC 5280 §5.3.1: "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0) reasonCode
        // value."
        let said = Some(revoked.reason).filter(|reason| *reason != Reason::Unspecified);
        let reason = said.map(|reason| extension::reason(reason.code()));
        // RFC 5280 §5.3.3: "On subsequent entries in an indirect CRL, if this extension is not present, the certificate issuer
        // for the entry is the same as that for the preceding entry."
        let change = (!same).then(|| extension::certificate_issuer(&revoked.issuer));
        all.push(EntryDraft {
            serial: revoked.serial.clone(),
            at: revoked.at,
            extensions: reason.into_iter().chain(change).collect(),
        });
        current = &revoked.issuer;
    }
    Ok(all)
}
