//! What is told of the certification authority, where this server is one.

use super::{Family, Gauges};
use std::fmt;

/// What is told of the authority. Nothing of it has rows where there is none.
#[derive(Debug)]
pub struct AuthorityMetrics {
    /// Whether each part works: 1 or 0, by part: `journal`, `checkpoints`, `list`, `keys`, `numbers`.
    pub works: Gauges<1>,
    /// Certificates, by state: `valid`, `revoked` or `unfinished`.
    pub certificates: Gauges<1>,
    /// Records of the journal that were kept.
    pub records: Gauges<0>,
    /// When the revocation list ends.
    pub list_ends: Gauges<1>,
    /// When the certificates that the authority signs with end, by what for.
    pub certificate_ends: Gauges<1>,
    /// Signatures, by key and outcome: `signed` or `failed`.
    pub signatures: Family<2>,
    /// Those that were turned away, by door (`acme`, `tokens`) and why: `busy` or `too-often`.
    pub turned_away: Family<2>,
}

impl Default for AuthorityMetrics {
    fn default() -> Self {
        Self {
            works: Gauges::new(
                "countersign_authority_works",
                "Whether a part of the authority works: journal, checkpoints, list, keys, numbers.",
                ["part"],
            ),
            certificates: Gauges::new(
                "countersign_authority_certificates",
                "Certificates of the authority by state.",
                ["state"],
            ),
            records: Gauges::new(
                "countersign_authority_journal_records",
                "Records of the authority's journal.",
                [],
            ),
            list_ends: Gauges::new(
                "countersign_authority_list_expires_timestamp_seconds",
                "When the authority's revocation list ends.",
                ["list"],
            ),
            certificate_ends: Gauges::new(
                "countersign_authority_certificate_expires_timestamp_seconds",
                "When a certificate ends that the authority signs with.",
                ["use"],
            ),
            signatures: Family::new(
                "countersign_authority_signatures_total",
                "Signatures of the authority by key and outcome.",
                ["key", "outcome"],
            ),
            turned_away: Family::new(
                "countersign_authority_turned_away_total",
                "Requests that the authority has turned away, by door and reason.",
                ["door", "reason"],
            ),
        }
    }
}

impl AuthorityMetrics {
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        self.works.write(out)?;
        self.certificates.write(out)?;
        self.records.write(out)?;
        self.list_ends.write(out)?;
        self.certificate_ends.write(out)?;
        self.signatures.write(out)?;
        self.turned_away.write(out)
    }
}
