//! What an audit finds about one certificate, given every other that is known.
//!
//! The rules are those of `countersign::certificate::delegation` and of the revocation lists; here they are asked, and what
//! came of it has a name.

use super::library::{Known, Library, MAX_STEPS, Parents};
use countersign::certificate::Certificate;
use countersign::certificate::delegation::{self, Delegation, ProviderNumbers};
use countersign::certificate::extensions::oid;
use countersign::certificate::signature::SignatureFault;
use countersign::time::UnixTime;
use countersign::trust::Trust;
use countersign::trust::revocation::Status;

/// Something worth telling about a certificate.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    /// For people.
    pub(super) detail: String,
}

/// What it is. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A certificate of its issuer's name is known, and did not sign it.
    BadSignature,
    /// It has no TN Authorization List, and its parent has one.
    DelegationGap,
    /// Its validity is over.
    Expired,
    /// Its TN Authorization List cannot be read.
    MalformedScope,
    /// Its validity has not begun.
    NotYetValid,
    /// It lists numbers that are its parent's if they are those of a provider, and nobody here knows that.
    NumbersUnknown,
    /// Its parent is not known.
    ParentMissing,
    /// Its parent may not certify anybody.
    ParentNotAnAuthority,
    /// Nobody can say whether it was revoked.
    RevocationUnknown,
    /// It was revoked.
    Revoked,
    /// Its scope, or its parent's, is to be had by reference and was not.
    ScopeByReference,
    /// It lists numbers or providers that its parent does not have.
    ScopeNotEncompassed,
    /// Somebody else's certificate lists some of the same numbers.
    ScopesOverlap,
    /// It is signed with an algorithm that is not verified here.
    SignatureUnsupported,
}

/// What a finding makes of a certificate. The worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing.
    Information,
    /// Something could not be checked.
    NotValidated,
    /// Something is wrong.
    Failed,
}

impl Kind {
    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::DelegationGap => "delegation-gap",
            Self::Expired => "expired",
            Self::MalformedScope => "malformed-scope",
            Self::NotYetValid => "not-yet-valid",
            Self::NumbersUnknown => "numbers-unknown",
            Self::ParentMissing => "parent-missing",
            Self::ParentNotAnAuthority => "parent-not-an-authority",
            Self::RevocationUnknown => "revocation-unknown",
            Self::Revoked => "revoked",
            Self::ScopeByReference => "scope-by-reference",
            Self::ScopeNotEncompassed => "scope-not-encompassed",
            Self::ScopesOverlap => "scopes-overlap",
            Self::SignatureUnsupported => "signature-unsupported",
        }
    }

    pub(super) const fn weight(self) -> Weight {
        match self {
            Self::BadSignature
            | Self::DelegationGap
            | Self::MalformedScope
            | Self::ParentNotAnAuthority
            | Self::Revoked
            | Self::ScopeNotEncompassed => Weight::Failed,
            Self::ParentMissing
            | Self::RevocationUnknown
            | Self::ScopeByReference
            | Self::SignatureUnsupported => Weight::NotValidated,
            Self::Expired | Self::NotYetValid | Self::NumbersUnknown | Self::ScopesOverlap => {
                Weight::Information
            }
        }
    }
}

impl Weight {
    /// The name of a certificate's verdict in JSON.
    pub(super) const fn verdict(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Information => "passed",
            Self::NotValidated => "not-validated",
        }
    }
}

/// What certificates are judged with.
pub(super) struct Bench<'a> {
    pub(super) library: &'a Library,
    /// Revocation lists, if there are any.
    pub(super) trust: &'a Trust,
    /// Who knows the numbers of providers.
    pub(super) providers: &'a dyn ProviderNumbers,
    pub(super) at: UnixTime,
}

/// The judgement of one certificate.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Its parent's position, if it has one.
    pub(super) parent: Option<usize>,
    pub(super) findings: Vec<Finding>,
}

impl Judgement {
    fn find(&mut self, kind: Kind, detail: impl Into<String>) {
        let detail = detail.into();
        self.findings.push(Finding { kind, detail });
    }

    /// Whether people want to know without asking: not that time has passed, nor what is always so below a provider's code.
    pub(super) fn is_worth_telling(&self) -> bool {
        let usual = [Kind::Expired, Kind::NotYetValid, Kind::NumbersUnknown];
        let mut kinds = self.findings.iter().map(|finding| finding.kind);
        kinds.any(|kind| !usual.contains(&kind))
    }

    /// The worst of what was found.
    pub(super) fn weight(&self) -> Weight {
        let weights = self.findings.iter().map(|finding| finding.kind.weight());
        weights.max().unwrap_or(Weight::Information)
    }
}

impl Bench<'_> {
    /// Judges the certificate at `position`.
    pub(super) fn judge(&self, position: usize) -> Judgement {
        let mut judgement = Judgement::default();
        let Some(known) = self.library.get(position) else {
            return judgement;
        };
        self.validity(&known.certificate, &mut judgement);
        let parents = self.library.parents(&known.certificate);
        let named = known.certificate.issuer();
        match &parents {
            Parents::Root => {}
            Parents::Missing => {
                judgement.find(
                    Kind::ParentMissing,
                    format!("no certificate of {named} is here"),
                );
            }
            // RFC 9060 §4: "The parent certificate needs to contain a basic constraints extension with the cA boolean set to
            // "true" [RFC5280], indicating that the subject can sign certificates."
            Parents::NotAnAuthority(one) => {
                let detail = format!(
                    "the certificate of {named}{} is not one of an authority",
                    self.found_in(*one)
                );
                judgement.find(Kind::ParentNotAnAuthority, detail);
            }
            Parents::Unproven(one, SignatureFault::Bad) => {
                let detail = format!(
                    "the certificate of {named}{} has not signed it",
                    self.found_in(*one)
                );
                judgement.find(Kind::BadSignature, detail);
            }
            Parents::Unproven(one, fault) => {
                let detail = format!(
                    "whether {named}{} has signed it cannot be told: {fault}",
                    self.found_in(*one)
                );
                judgement.find(Kind::SignatureUnsupported, detail);
            }
            Parents::Found(found) => self.scope(&known.certificate, found, &mut judgement),
        }
        if scope_is_malformed(&known.certificate) {
            judgement.find(
                Kind::MalformedScope,
                "its TN Authorization List cannot be read",
            );
        }
        if parents != Parents::Root {
            self.revocation(position, known, &mut judgement);
        }
        judgement
            .findings
            .sort_by_key(|finding| (std::cmp::Reverse(finding.kind.weight()), finding.kind));
        judgement
    }

    /// Where a certificate was found, for people.
    fn found_in(&self, position: usize) -> String {
        let file = self
            .library
            .get(position)
            .and_then(|known| known.file.as_deref());
        file.map_or_else(String::new, |file| format!(" in {file}"))
    }

    fn validity(&self, certificate: &Certificate, judgement: &mut Judgement) {
        let validity = certificate.validity();
        if self.at > validity.not_after {
            judgement.find(Kind::Expired, format!("valid until {}", validity.not_after));
        } else if self.at < validity.not_before {
            judgement.find(
                Kind::NotYetValid,
                format!("valid from {}", validity.not_before),
            );
        }
    }

    /// Judges a scope against that of each parent; whichever lets the most pass counts, because a verifier may be given any.
    fn scope(&self, child: &Certificate, parents: &[usize], judgement: &mut Judgement) {
        let mut refused = None;
        judgement.parent = parents.first().copied();
        for position in parents {
            let Some(parent) = self.library.get(*position) else {
                continue;
            };
            match self.within(&parent.certificate, child) {
                None => {
                    judgement.parent = Some(*position);
                    return;
                }
                Some(finding) => {
                    let better = refused
                        .as_ref()
                        .is_none_or(|(before, _): &(Finding, usize)| {
                            finding.kind.weight() < before.kind.weight()
                        });
                    if better {
                        refused = Some((finding, *position));
                    }
                }
            }
        }
        if let Some((finding, position)) = refused {
            judgement.parent = Some(position);
            judgement.findings.push(finding);
        }
    }

    /// What is wrong with the scope of `child` below `parent`; `None` if nothing is.
    fn within(&self, parent: &Certificate, child: &Certificate) -> Option<Finding> {
        let finding = |kind, detail: String| Some(Finding { kind, detail });
        let name = parent.subject();
        if !claims_scope(parent) {
            // RFC 9060 begins below the first certificate with a TN Authorization List.
            return None;
        }
        if !claims_scope(child) {
            let detail =
                format!("{name} has a TN Authorization List, and this certificate has none");
            return finding(Kind::DelegationGap, detail);
        }
        for (whose, certificate) in [("its parent's", parent), ("its", child)] {
            if let Some(url) = certificate.tn_list_url() {
                return finding(
                    Kind::ScopeByReference,
                    format!("{whose} numbers are listed at {url}"),
                );
            }
        }
        let (Some(above), Some(below)) = (parent.tn_auth_list(), child.tn_auth_list()) else {
            return None;
        };
        match delegation::judge(above, below, self.providers) {
            Delegation::Encompassed => None,
            Delegation::NotEncompassed(residue) => finding(
                Kind::ScopeNotEncompassed,
                format!("{name} does not have {residue}"),
            ),
            Delegation::Unknown(code) => finding(
                Kind::NumbersUnknown,
                format!("{name} may delegate these numbers if they are those of provider {code}"),
            ),
        }
    }

    fn revocation(&self, position: usize, known: &Known, judgement: &mut Judgement) {
        if self.trust.revocations().lists().is_empty() {
            return;
        }
        let root = self.topmost(position);
        match self
            .trust
            .revocations()
            .judge(&known.certificate, root, self.at)
        {
            Status::Good(_) | Status::NotPublished | Status::RevokedSince(_) => {}
            Status::Revoked(entry) => {
                let detail = format!("on {}: {}", entry.at, entry.reason);
                judgement.find(Kind::Revoked, detail);
            }
            Status::Unknown(gap) => judgement.find(Kind::RevocationUnknown, gap.to_string()),
        }
    }

    /// SHA-256 of the highest certificate above this one.
    fn topmost(&self, mut position: usize) -> [u8; 32] {
        for _ in 0..MAX_STEPS {
            let Some(known) = self.library.get(position) else {
                break;
            };
            match self.library.parents(&known.certificate) {
                Parents::Found(found) => match found.first() {
                    Some(parent) => position = *parent,
                    None => break,
                },
                _ => return known.sha256,
            }
        }
        [0; 32]
    }
}

/// Whether there is a TN Authorization List, readable or not.
fn claims_scope(certificate: &Certificate) -> bool {
    certificate.has_scope() || scope_is_malformed(certificate)
}

fn scope_is_malformed(certificate: &Certificate) -> bool {
    certificate
        .malformed_extensions()
        .contains(&oid::TN_AUTH_LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_is_the_verdict() {
        let mut judgement = Judgement::default();
        assert_eq!(judgement.weight().verdict(), "passed");
        judgement.find(Kind::Expired, "");
        assert_eq!(judgement.weight().verdict(), "passed");
        judgement.find(Kind::ParentMissing, "");
        assert_eq!(judgement.weight().verdict(), "not-validated");
        judgement.find(Kind::Revoked, "");
        assert_eq!(judgement.weight().verdict(), "failed");
    }
}
