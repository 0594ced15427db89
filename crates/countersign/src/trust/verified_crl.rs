//! A revocation list that was proven: signed by whom it says, who may.
//!
//! `Crl::verify` in [`crate::path`] makes one. What its entries mean for a certificate is judged in [`super::revocation`].

pub use crate::certificate::rules::MAX_AHEAD;

use crate::certificate::crl::{CrlNumber, Entries, Said};
use crate::certificate::distribution::ListScope;
use crate::certificate::{Certificate, Crl, DistinguishedName};
use crate::time::{UnixTime, Validity};
use std::fmt;

/// How the signer of a list was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListProof {
    /// By a path to the anchor whose certificate has this SHA-256.
    Anchored([u8; 32]),
    /// By the word of whoever runs this.
    Pinned,
}

/// A revocation list that was signed by whom it says.
#[derive(Clone)]
pub struct VerifiedCrl {
    said: Said,
    proof: ListProof,
    signer: Validity,
    signed_with: [u8; 32],
}

impl VerifiedCrl {
    /// Makes the proof: `certificate` is the signer's, and valid in `signer` with everything above it. Only for `Crl::verify`, and
    /// for tests that stand in for it.
    pub(crate) fn assertion(
        crl: Crl,
        proof: ListProof,
        certificate: &Certificate,
        signer: Validity,
    ) -> Self {
        Self {
            said: crl.into_said(),
            proof,
            signer,
            signed_with: certificate.sha256(),
        }
    }

    /// SHA-256 of the DER.
    pub fn sha256(&self) -> [u8; 32] {
        self.said.digest
    }

    /// Who signed it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.said.issuer
    }

    /// When it was made.
    pub fn this_update(&self) -> UnixTime {
        self.said.this_update
    }

    /// When the next one is there at the latest.
    pub fn next_update(&self) -> UnixTime {
        self.said.next_update
    }

    /// Its number: higher for every new list.
    pub fn number(&self) -> &CrlNumber {
        &self.said.number
    }

    /// What it speaks of.
    pub fn scope(&self) -> &ListScope {
        &self.said.scope
    }

    /// What was revoked.
    pub fn entries(&self) -> &Entries {
        &self.said.entries
    }

    /// When the certificate of its signer is valid, and all above it.
    pub fn signer(&self) -> Validity {
        self.signer
    }

    /// Whether it was proven with this very certificate of its signer.
    pub fn is_signed_with(&self, certificate: &Certificate) -> bool {
        self.signed_with == certificate.sha256()
    }

    /// How its signer was proven.
    pub fn proof(&self) -> ListProof {
        self.proof
    }

    /// From when on it can tell that a certificate is good.
    pub fn good_from(&self) -> UnixTime {
        self.said.this_update.saturating_add(-MAX_AHEAD)
    }

    /// Until when it can tell that a certificate is good, if it is believed for `grace` seconds after its next update was due.
    pub fn good_until(&self, grace: u32) -> UnixTime {
        let due = self.said.next_update.saturating_add(i64::from(grace));
        due.min(self.signer.not_after)
    }

    /// Whether both are lists of one series: one issuer, one scope.
    pub fn is_of_series(&self, other: &Self) -> bool {
        self.said.issuer.matches(&other.said.issuer) && self.said.scope == other.said.scope
    }

    /// Whether it may take the place of `previous`, a list of the same series.
    ///
    /// # Errors
    /// [`OlderList`] if it is older by its number or its date.
    // RFC 5280 §5.2.3: "The CRL number is a non-critical CRL extension that conveys a monotonically increasing sequence number for a
    // given CRL scope and CRL issuer."
    pub fn succeeds(&self, previous: &Self) -> Result<(), OlderList> {
        match self.said.number < previous.said.number
            || self.said.this_update < previous.said.this_update
        {
            true => Err(OlderList {
                this_update: self.said.this_update,
                previous: previous.said.this_update,
            }),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for VerifiedCrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.said.entries.len();
        write!(
            f,
            "VerifiedCrl({count} entries, issued by {})",
            self.said.issuer
        )
    }
}

/// A list is older than the one it was to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OlderList {
    /// When the refused one was made.
    pub this_update: UnixTime,
    /// When the one in use was made.
    pub previous: UnixTime,
}

impl fmt::Display for OlderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            this_update,
            previous,
        } = self;
        write!(
            f,
            "the list of {this_update} is older than the one of {previous}, or has a lower number"
        )
    }
}

impl std::error::Error for OlderList {}
