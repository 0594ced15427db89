//! Whether one of the certificates of a path was revoked: [RFC 5280 §6.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.3)
//! (a) (3), for each of them but the anchor.
//!
//! What the lists say of one certificate is judged in [`crate::trust::revocation`]; what that makes of the path, here.

use super::{PathFault, Step};
use crate::certificate::Certificate;
use crate::certificate::crl::{Entry, Reason};
use crate::time::{UnixTime, Validity};
use crate::trust::revocation::{Gap, Status};
use crate::trust::{Anchor, RevocationRule, Trust};
use std::fmt;

/// What is known about revocation on a path that was not refused for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationEvidence {
    /// Lists that are fresh in this span speak of at least one certificate and name none.
    Good(Validity),
    /// Nobody asked ([`RevocationRule::Off`]).
    NotAsked,
    /// Nobody publishes revocations of any of the certificates.
    NotPublished,
    /// A certificate was revoked after the time that was asked about, for a reason that does not reach back; none was before.
    RevokedSince {
        /// Which.
        step: Step,
        /// When.
        at: UnixTime,
        /// Why.
        reason: Reason,
    },
    /// Nobody could say whether one of the certificates was revoked, and the rule lets it pass ([`RevocationRule::Soft`]).
    Unknown {
        /// Which.
        step: Step,
        /// Why.
        gap: Gap,
    },
}

/// When a path must have held.
#[derive(Clone, Copy)]
pub(super) enum Occasion {
    /// At this time.
    Now(UnixTime),
    /// At an earlier time, by what is known at a later one.
    Past { then: UnixTime, now: UnixTime },
}

impl Occasion {
    /// When it must have held.
    pub(super) const fn at(self) -> UnixTime {
        match self {
            Self::Now(at) => at,
            Self::Past { then, .. } => then,
        }
    }
}

/// Asks about every certificate, the one nearest to the anchor first, because whatever stands below a revoked one is worth nothing.
pub(super) fn judge(
    certificates: &[Certificate],
    anchor: &Anchor,
    trust: &Trust,
    occasion: Occasion,
) -> Result<RevocationEvidence, PathFault> {
    let rule = trust.revocations().rule();
    if rule == RevocationRule::Off {
        return Ok(RevocationEvidence::NotAsked);
    }
    let mut evidence = RevocationEvidence::NotPublished;
    let below = certificates.iter().enumerate().rev();
    for (index, certificate) in below.filter(|(_, one)| *one != anchor.certificate()) {
        let step = Step::of_index(index);
        let anchor = anchor.certificate().sha256();
        let status = match occasion {
            Occasion::Now(at) => trust.revocations().judge(certificate, anchor, at),
            Occasion::Past { then, now } => {
                let lists = trust.revocations();
                lists.judge_past(certificate, anchor, then, now)
            }
        };
        match status {
            Status::Good(fresh) => evidence = evidence.and_good(fresh),
            Status::NotPublished => {}
            Status::Revoked(entry) => {
                return Err(PathFault::Revoked {
                    step,
                    at: entry.at,
                    reason: entry.reason,
                });
            }
            Status::RevokedSince(entry) => evidence = evidence.and_since(step, entry),
            Status::Unknown(gap) => evidence = evidence.and_unknown(step, gap),
        }
    }
    // A revoked certificate outweighs one that nobody knows about, so this comes when all have been asked.
    match (evidence, rule) {
        (RevocationEvidence::Unknown { step, gap }, RevocationRule::Hard { .. }) => {
            Err(PathFault::RevocationUnknown { step, gap })
        }
        _ => Ok(evidence),
    }
}

impl RevocationEvidence {
    fn and_good(self, fresh: Validity) -> Self {
        match self {
            Self::Good(before) => Self::Good(before.intersection(fresh)),
            Self::NotAsked | Self::NotPublished => Self::Good(fresh),
            Self::RevokedSince { .. } | Self::Unknown { .. } => self,
        }
    }

    fn and_since(self, step: Step, entry: Entry) -> Self {
        match self {
            Self::RevokedSince { .. } | Self::Unknown { .. } => self,
            Self::Good(_) | Self::NotAsked | Self::NotPublished => Self::RevokedSince {
                step,
                at: entry.at,
                reason: entry.reason,
            },
        }
    }

    fn and_unknown(self, step: Step, gap: Gap) -> Self {
        match self {
            Self::Unknown { .. } => self,
            _ => Self::Unknown { step, gap },
        }
    }
}

impl fmt::Display for RevocationEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(fresh) => write!(f, "not revoked, by lists good until {}", fresh.not_after),
            Self::NotAsked => f.write_str("nobody asked"),
            Self::NotPublished => f.write_str("no revocations are published"),
            Self::RevokedSince { step, at, reason } => write!(
                f,
                "not revoked then: {step} was at {at} only, and for a reason that does not reach back ({reason})"
            ),
            Self::Unknown { step, gap } => write!(f, "not known of {step}: {gap}"),
        }
    }
}
