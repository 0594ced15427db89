//! The checks of a chain, each with its verdict.
//!
//! The path walker of `countersign::path` is the judge; it stops at the first fault. Here its one answer is told as a list: what
//! it looks at before that fault was found good, what it looks at after it was not looked at. Only time is asked about twice,
//! so that a chain that is merely too old still tells what else is wrong with it.

use countersign::certificate::chain::MAX_CHAIN_CERTIFICATES;
use countersign::certificate::delegation::{Delegation, ProviderNumbers};
use countersign::certificate::{Certificate, CertificateChain, ChainError, TnAuthList};
use countersign::crypto::AwsLc;
use countersign::path::{self, KeyPurpose, PathFault, RevocationEvidence, VerifiedPath};
use countersign::time::{UnixTime, Validity};
use countersign::trust::Trust;
use std::sync::Arc;

/// What is looked at, in the order in which the walker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// That they are certificates, and not too many.
    Certificates,
    /// Whether the first one may sign calls.
    Signer,
    /// Whether each is certified by the next.
    Order,
    /// Whether the last one leads to an anchor.
    Anchor,
    /// Time.
    Validity,
    /// What is in them.
    Extensions,
    /// Whether authorities may certify.
    Authorities,
    /// The signatures.
    Signatures,
    /// Whether names and policies are allowed by those above.
    Constraints,
    /// Whether a TN Authorization List is handed down without a gap.
    Delegation,
    /// Whether each list lies within the one above.
    Scope,
    /// Whether one of them was revoked.
    Revocation,
}

impl Check {
    /// Every check, in order.
    pub(super) const ALL: [Self; 12] = [
        Self::Certificates,
        Self::Signer,
        Self::Order,
        Self::Anchor,
        Self::Validity,
        Self::Extensions,
        Self::Authorities,
        Self::Signatures,
        Self::Constraints,
        Self::Delegation,
        Self::Scope,
        Self::Revocation,
    ];

    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Signer => "signer",
            Self::Order => "order",
            Self::Anchor => "anchor",
            Self::Validity => "validity",
            Self::Extensions => "extensions",
            Self::Authorities => "authorities",
            Self::Signatures => "signatures",
            Self::Constraints => "constraints",
            Self::Delegation => "delegation",
            Self::Scope => "scope",
            Self::Revocation => "revocation",
        }
    }

    /// What it means to have passed it.
    pub(super) const fn passed(self) -> &'static str {
        match self {
            Self::Certificates => "certificates can be read, and are not too many",
            Self::Signer => "the first certificate may sign calls",
            Self::Order => "each certificate is certified by the next",
            Self::Anchor => "the last one is an anchor, or names one",
            Self::Validity => "every certificate is valid at that time",
            Self::Extensions => "nothing critical is in them that is not understood",
            Self::Authorities => "whoever certifies may certify, and so many",
            Self::Signatures => "every signature verifies",
            Self::Constraints => "names and policies are allowed by those above",
            Self::Delegation => "a TNAuthList is handed down without a gap",
            Self::Scope => "every scope lies within the one above it",
            Self::Revocation => "no certificate was revoked",
        }
    }

    /// The walker looks at certificates one by one: checks of the same stage are made for each before the next.
    const fn stage(self) -> u8 {
        match self {
            Self::Certificates => 0,
            Self::Signer => 1,
            Self::Order => 2,
            Self::Anchor => 3,
            Self::Validity | Self::Extensions | Self::Authorities => 4,
            Self::Signatures => 5,
            Self::Constraints => 6,
            Self::Delegation => 7,
            Self::Scope => 8,
            Self::Revocation => 9,
        }
    }

    /// Where a fault of the walker is told.
    fn of(fault: &PathFault) -> Self {
        use PathFault as P;
        match fault {
            P::TooManyCertificates => Self::Certificates,
            P::EndEntityIsAuthority
            | P::EndEntitySelfIssued
            | P::ExtendedKeyUsage
            | P::KeyUsage {
                needed: KeyPurpose::CrlSigning | KeyPurpose::DigitalSignature,
                ..
            } => Self::Signer,
            P::ExtraCertificates { .. }
            | P::IssuerMissing { .. }
            | P::KeyIdentifierMismatch { .. }
            | P::KeyIdentifierMissing { .. }
            | P::OutOfOrder { .. }
            | P::Repeated { .. } => Self::Order,
            P::Untrusted { .. } | P::WrongTrustDomain { .. } => Self::Anchor,
            P::Expired { .. } | P::NotYetValid { .. } => Self::Validity,
            P::KeyUsage { .. } | P::NotAnAuthority { .. } | P::PathTooLong { .. } => {
                Self::Authorities
            }
            P::BadSignature { .. }
            | P::TooManySignatures
            | P::UnsupportedAlgorithm { .. }
            | P::UnsupportedKey { .. }
            | P::UnusableKey { .. } => Self::Signatures,
            P::NameConstraints { .. } | P::NoPolicy { .. } => Self::Constraints,
            P::DelegationGap { .. } => Self::Delegation,
            P::RevocationUnknown { .. } | P::Revoked { .. } => Self::Revocation,
            _ => Self::Extensions,
        }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Failed,
    Passed,
    /// Nobody asked, or it was not come to.
    Skipped,
    /// It could not be made.
    Unavailable,
}

impl Verdict {
    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A check that was looked at.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) check: Check,
    pub(super) verdict: Verdict,
    pub(super) detail: Option<String>,
}

/// What came of all of them.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) lines: Vec<Line>,
    /// What the walker found first.
    pub(super) fault: Option<PathFault>,
    /// The path, if there is one at that time or at another.
    pub(super) path: Option<VerifiedPath>,
    pub(super) chain: Option<CertificateChain>,
}

/// What scopes are judged with, besides what is in the certificates.
pub(super) struct Scopes<'a> {
    /// Who knows the numbers of providers.
    pub(super) providers: &'a dyn ProviderNumbers,
    /// What is behind every reference.
    pub(super) list: Option<Arc<TnAuthList>>,
}

/// Judges certificates in DER, the signer's first.
pub(super) fn judge(ders: &[Vec<u8>], scopes: &Scopes<'_>, trust: &Trust, at: UnixTime) -> Judged {
    let mut judged = Judged {
        lines: Vec::new(),
        fault: None,
        path: None,
        chain: None,
    };
    let chain = match CertificateChain::from_der(ders.iter().map(Vec::as_slice)) {
        Ok(chain) => chain,
        Err(error) => {
            judged.unreadable(&error);
            return judged;
        }
    };
    match path::verify(&chain, trust, at, &AwsLc) {
        Ok(path) => judged.proven(path, scopes),
        Err(fault) => {
            judged.fault = Some(fault.clone());
            let again = other_time(&fault, chain.certificates());
            let again = again.map(|then| path::verify(&chain, trust, then, &AwsLc));
            match again {
                Some(Ok(path)) => judged.proven(path, scopes),
                // What else is wrong, whatever the time.
                Some(Err(other)) if Check::of(&other) != Check::Validity => judged.refused(&other),
                _ => judged.refused(&fault),
            }
            judged.tell(
                Check::of(&fault),
                verdict_of(&fault),
                Some(fault.to_string()),
            );
        }
    }
    judged.chain = Some(chain);
    judged
}

/// A time at which every certificate of the chain is valid, if the fault is that one is not.
fn other_time(fault: &PathFault, chain: &[Certificate]) -> Option<UnixTime> {
    if Check::of(fault) != Check::Validity {
        return None;
    }
    let validities = chain.iter().map(Certificate::validity);
    let Validity {
        not_before,
        not_after,
    } = validities.reduce(Validity::intersection)?;
    (not_before <= not_after).then_some(not_after)
}

const fn verdict_of(fault: &PathFault) -> Verdict {
    match fault {
        PathFault::RevocationUnknown { .. } => Verdict::Unavailable,
        _ => Verdict::Failed,
    }
}

impl Judged {
    /// The worst of all lines; a check that was skipped does not count.
    pub(super) fn verdict(&self) -> Verdict {
        let has = |verdict| self.lines.iter().any(|line| line.verdict == verdict);
        match (has(Verdict::Failed), has(Verdict::Unavailable)) {
            (true, _) => Verdict::Failed,
            (false, true) => Verdict::Unavailable,
            (false, false) => Verdict::Passed,
        }
    }

    /// The first line that is not good.
    pub(super) fn detail(&self) -> Option<&str> {
        let worst = self.verdict();
        let mut lines = self.lines.iter().filter(|line| line.verdict == worst);
        lines
            .next()
            .and_then(|line| line.detail.as_deref())
            .filter(|_| worst != Verdict::Passed)
    }

    /// Sets the line of a check.
    fn tell(&mut self, check: Check, verdict: Verdict, detail: Option<String>) {
        let line = Line {
            check,
            verdict,
            detail,
        };
        match self.lines.iter_mut().find(|line| line.check == check) {
            Some(there) => *there = line,
            None => self.lines.push(line),
        }
    }

    fn unreadable(&mut self, error: &ChainError) {
        let detail = match error {
            ChainError::TooMany => {
                format!("{error}: one file is one chain, of {MAX_CHAIN_CERTIFICATES} at most")
            }
            _ => error.to_string(),
        };
        self.tell(Check::Certificates, Verdict::Failed, Some(detail));
        for check in Check::ALL.into_iter().skip(1) {
            self.tell(check, Verdict::Skipped, None);
        }
    }

    fn refused(&mut self, fault: &PathFault) {
        let failed = Check::of(fault);
        for check in Check::ALL {
            let verdict = match check.stage() < failed.stage() {
                true => Verdict::Passed,
                false => Verdict::Skipped,
            };
            self.tell(check, verdict, None);
        }
        self.tell(failed, verdict_of(fault), Some(fault.to_string()));
        if failed == Check::Revocation {
            // The walker does not ask about scopes, and there is no path to ask.
            self.tell(Check::Scope, Verdict::Skipped, None);
        }
    }

    fn proven(&mut self, path: VerifiedPath, scopes: &Scopes<'_>) {
        for check in Check::ALL {
            self.tell(check, Verdict::Passed, None);
        }
        let (verdict, detail) = scope(&path, scopes);
        self.tell(Check::Scope, verdict, detail);
        let revocation = path.revocation();
        let verdict = match revocation {
            RevocationEvidence::Good(_) | RevocationEvidence::RevokedSince { .. } => {
                Verdict::Passed
            }
            RevocationEvidence::NotAsked | RevocationEvidence::NotPublished => Verdict::Skipped,
            RevocationEvidence::Unknown { .. } => Verdict::Unavailable,
        };
        self.tell(Check::Revocation, verdict, Some(revocation.to_string()));
        self.path = Some(path);
    }
}

/// Whether each scope of the path lies within the one above it.
fn scope(path: &VerifiedPath, scopes: &Scopes<'_>) -> (Verdict, Option<String>) {
    let mut authority = path.authority().clone();
    if let Some(list) = &scopes.list {
        let urls = authority.references().iter();
        let lists: Vec<_> = urls.map(|url| (url.clone(), list.clone())).collect();
        authority = authority.with_lists(&lists);
    }
    if let Some(url) = authority.references().first() {
        let detail = format!("numbers are listed at {url}; --tn-auth-list LIST.der brings them");
        return (Verdict::Unavailable, Some(detail));
    }
    match authority.judge_delegations(scopes.providers) {
        Delegation::Encompassed => (Verdict::Passed, None),
        Delegation::NotEncompassed(residue) => (
            Verdict::Failed,
            Some(format!("a delegate has more than its parent: {residue}")),
        ),
        Delegation::Unknown(code) => (
            Verdict::Passed,
            Some(format!(
                "numbers of provider {code} are delegated on its authority's word"
            )),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_stand_in_the_order_of_their_stages() {
        assert!(Check::ALL.is_sorted_by_key(|check| check.stage()));
    }
}
