//! noRevAvail of [RFC 9608](https://www.rfc-editor.org/rfc/rfc9608): a certificate says that nobody will ever publish its
//! revocation, because it does not live long enough.
//!
//! What it says is believed only where nothing beside it says otherwise. Lists are read in [`super::crl`].

use super::Certificate;
use super::access::Access;
use super::extensions::oid;
use std::fmt;

/// What a certificate with noRevAvail must not have, as RFC 9608 §3 lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRevAvailConflict {
    /// Basic constraints that make it an authority.
    Authority,
    /// CRL distribution points.
    DistributionPoints,
    /// The place of a delta list.
    FreshestCrl,
    /// The place of an OCSP responder.
    Ocsp,
}

impl Certificate {
    /// Whether it says that nobody will ever publish its revocation: noRevAvail of RFC 9608.
    pub fn has_no_rev_avail(&self) -> bool {
        self.has_extension(oid::NO_REV_AVAIL)
    }

    /// What stands in the certificate beside noRevAvail and must not.
    // RFC 9608 §3: "If any of the above are violated in a certificate, then the relying party MUST consider the certificate
    // invalid."
    pub fn no_rev_avail_conflict(&self) -> Option<NoRevAvailConflict> {
        let has = |kind| self.has_extension(kind);
        if !self.has_no_rev_avail() {
            None
        } else if self.is_ca() {
            Some(NoRevAvailConflict::Authority)
        } else if has(oid::CRL_DISTRIBUTION_POINTS) {
            Some(NoRevAvailConflict::DistributionPoints)
        } else if has(oid::FRESHEST_CRL) {
            Some(NoRevAvailConflict::FreshestCrl)
        } else if self.access().is_some_and(Access::names_ocsp) {
            Some(NoRevAvailConflict::Ocsp)
        } else {
            None
        }
    }
}

impl fmt::Display for NoRevAvailConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "it is one of a certification authority",
            Self::DistributionPoints => "it has CRL distribution points",
            Self::FreshestCrl => "it names a delta list",
            Self::Ocsp => "it names an OCSP responder",
        })
    }
}
