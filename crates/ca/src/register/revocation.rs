//! What may be revoked for which reason, and what follows from it.

use super::{CertificateName, Entry, Event, KeyBlocked, Register, Revoked, Stage};
use crate::notation::Digest;
use countersign::certificate::crl::Reason;
use countersign::time::UnixTime;
use std::fmt;

/// Why something is not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationRefused {
    /// It was revoked, or abandoned, before.
    AlreadyRevoked,
    /// Not for a certificate of this kind, or not by this authority.
    BadReason(Reason),
    /// It is not issued yet.
    NotIssued,
    /// The authority has not issued it.
    Unknown,
}

impl fmt::Display for RevocationRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRevoked => f.write_str("the certificate was revoked before"),
            Self::BadReason(reason) => {
                write!(
                    f,
                    "this certificate cannot be revoked for the reason {reason}"
                )
            }
            Self::NotIssued => f.write_str("the certificate is not issued yet"),
            Self::Unknown => f.write_str("this authority has issued no such certificate"),
        }
    }
}

impl std::error::Error for RevocationRefused {}

impl Register {
    /// Revokes a certificate; with [`Reason::KeyCompromise`] every other one of the same key, too, and the key is blocked.
    ///
    /// # Errors
    /// [`RevocationRefused`].
    pub fn revoke(
        &self,
        name: &CertificateName,
        reason: Reason,
        by: &str,
        now: UnixTime,
    ) -> Result<Vec<Event>, RevocationRefused> {
        let entry = self.find(name).ok_or(RevocationRefused::Unknown)?;
        if entry.revocation.is_some() {
            return Err(RevocationRefused::AlreadyRevoked);
        }
        if !matches!(entry.stage, Stage::Issued(_)) {
            return Err(RevocationRefused::NotIssued);
        }
        if !may_be_said(reason, entry) {
            return Err(RevocationRefused::BadReason(reason));
        }
        // Whoever knows a key has every certificate of it.
        match reason {
            Reason::KeyCompromise => Ok(self.block(entry.key, by, now)),
            _ => Ok(vec![revoked(name, reason, by, now)]),
        }
    }

    /// Blocks a key, and revokes every certificate that has it.
    pub fn block(&self, key: Digest, by: &str, now: UnixTime) -> Vec<Event> {
        let blocked = match self.blocked.contains(&key) {
            true => None,
            false => Some(Event::KeyBlocked(KeyBlocked { key })),
        };
        let names = self.by_key.get(&key).into_iter().flatten();
        let good = names.filter(|name| self.find(name).is_some_and(is_good));
        let revoked = good.map(|name| revoked(name, Reason::KeyCompromise, by, now));
        blocked.into_iter().chain(revoked).collect()
    }
}

fn revoked(name: &CertificateName, reason: Reason, by: &str, now: UnixTime) -> Event {
    Event::Revoked(Revoked {
        name: name.clone(),
        reason,
        at: now,
        by: by.into(),
    })
}

fn is_good(entry: &Entry) -> bool {
    entry.revocation.is_none() && matches!(entry.stage, Stage::Issued(_))
}

/// Whether the reason can be said of a certificate of this kind.
fn may_be_said(reason: Reason, entry: &Entry) -> bool {
    match reason {
        Reason::AffiliationChanged
        | Reason::CessationOfOperation
        | Reason::KeyCompromise
        | Reason::PrivilegeWithdrawn
        | Reason::Superseded
        | Reason::Unspecified => true,
        Reason::CaCompromise => entry.profile.is_authority(),
        // RFC 5280 §5.3.1 has it for attribute certificates, of which there are none here.
        Reason::AaCompromise => false,
        // A hold can be lifted, and then nobody can say who was right in between: what is revoked stays so.
        Reason::CertificateHold => false,
    }
}
