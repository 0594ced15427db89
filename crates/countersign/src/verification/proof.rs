//! The stages that need the certificate: path, signature, authorize, constraints; and last, whether the signature was seen
//! before.

use super::Verdict;
use super::archive::{Archive, Flag};
use super::check::{Check, Evidence};
use super::fault::Fault;
use super::findings::{Checks, Findings};
use super::inspect::Message;
use super::need::Source;
use super::policy::{InheritedConstraints, Replay, Thoroughness, VerificationPolicy};
use super::purpose::Purpose;
use super::replay::{ReplayMemory, Sighting};
use super::report::{PassportReport, SignerReport, Token, WithCard};
use crate::call::CallReference;
use crate::certificate::{CertificateChain, ClaimConstraints, Coverage, NameFault};
use crate::crypto::{VerifyingKey, VerifyingKeys};
use crate::jose::json::parse_str;
use crate::jose::jws::ES256;
use crate::passport::{Extension, SignedPassport, VerifiedPassport};
use crate::path::{PathCache, PathFault, RevocationEvidence, VerifiedPath, verify_past};
use crate::time::UnixTime;
use crate::trust::Trust;
use std::sync::Arc;

/// What the later stages judge with.
pub(super) struct Bench<'a> {
    pub(super) policy: &'a VerificationPolicy,
    pub(super) keys: &'a dyn VerifyingKeys,
    pub(super) paths: &'a PathCache,
    pub(super) replay: &'a dyn ReplayMemory,
    pub(super) trust: &'a Trust,
    pub(super) reference: Option<&'a CallReference>,
    /// What the PASSporTs came in.
    pub(super) message: Message,
    /// The archive that it was stored in, if it was.
    pub(super) archive: Option<&'a Archive>,
    pub(super) now: UnixTime,
}

/// Where a chain stands that the signature is judged under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provenance {
    /// It may have been replaced at its origin since it was cached.
    Doubtful,
    /// Its origin has just confirmed it, or was asked and said nothing else.
    Final,
}

impl Provenance {
    /// Of a first answer.
    pub(super) const fn of(source: Source) -> Self {
        match source {
            Source::Cache => Self::Doubtful,
            Source::Fetched => Self::Final,
        }
    }
}

/// What became of the later stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// All that can be said is in the findings.
    Decided,
    /// The signature does not fit a certificate from a cache, or its list leads to no anchor: the origin may have a newer one.
    Outdated,
    /// Everything but what the signer may say.
    Unscoped,
}

impl Bench<'_> {
    /// Judges an inspected token under a chain. Leaves report and findings untouched if the chain is [`Judged::Outdated`].
    pub(super) fn judge(
        &self,
        report: &mut PassportReport,
        findings: &mut Findings,
        chain: &CertificateChain,
        provenance: Provenance,
    ) -> Judged {
        let path = match self.archive {
            None => self.paths.verify(chain, self.trust, self.now, self.keys),
            Some(_) => self.path_then(report, chain),
        };
        let vouching = self.vouching(report, chain, &path);
        // A provider that mends its list, or renews it, does so under the same URL: what leads nowhere from a cache may have
        // led nowhere yesterday only.
        if vouching == Vouching::None && provenance == Provenance::Doubtful {
            return Judged::Outdated;
        }
        let signature = match &path {
            Ok(path) => fit(report, findings, &**path.key()),
            // A certificate that nobody knows to be revoked still tells a forgery from a call.
            Err(fault)
                if self.policy.thoroughness == Thoroughness::FirstFault
                    && vouching == Vouching::None
                    && !matches!(fault, PathFault::RevocationUnknown { .. }) =>
            {
                Signature::NotLookedAt
            }
            // Nobody vouches for this key; whether it fits is worth knowing all the same.
            Err(_) => match chain.end_entity().public_key().p256() {
                Some(point) => match self.keys.p256(point) {
                    Ok(key) => fit(report, findings, &*key),
                    Err(_) => Signature::NotLookedAt,
                },
                None => Signature::NotLookedAt,
            },
        };
        if signature == Signature::Bad && provenance == Provenance::Doubtful {
            return Judged::Outdated;
        }
        findings.pass(Check::Certificate);
        match &path {
            Ok(path) => {
                findings.pass(Check::Path);
                tell_revocation(path.revocation(), findings);
            }
            Err(fault) => self.tell_path_fault(fault, vouching, findings),
        }
        match signature {
            Signature::Bad if findings.are_of_rebuilt() && may_be_anothers(report, &path) => {
                report.purpose = Purpose::RichData;
                findings.fault(Check::Token, Fault::CompactNotRebuilt, Evidence::Nothing);
                return Judged::Decided;
            }
            Signature::Bad => {
                findings.fault(Check::Signature, Fault::SignatureInvalid, Evidence::Nothing);
            }
            Signature::Good => findings.pass(Check::Signature),
            Signature::NotLookedAt => {}
        }
        if let Ok(path) = path {
            if self.archive.is_some() {
                self.tell_archived(report, &path);
            }
            report.signer = Some(SignerReport {
                path,
                coverage: None,
                number_authority: None,
            });
            if self.goes_on(findings) {
                self.judge_claims(report, findings);
            }
            // What needs nobody's answer comes before what may.
            if self.goes_on(findings) {
                return Judged::Unscoped;
            }
        }
        Judged::Decided
    }

    /// The path of the certificates of what was stored. It is judged once, and not remembered.
    // The usual call comes by and pays for nothing of it.
    #[cold]
    fn path_then(
        &self,
        report: &PassportReport,
        chain: &CertificateChain,
    ) -> Result<Arc<VerifiedPath>, PathFault> {
        let then = self.as_of(report);
        verify_past(chain, self.trust, then, self.now, self.keys).map(Arc::new)
    }

    /// The time as of which the certificate of a PASSporT is judged: of one that was stored, when it says that it was signed.
    // RFC 9475 §4: "any store-and-forward messaging system relying on PASSporTs must take into account the possibility that the certificate
    // that signed the PASSporT, though valid at the time the PASSporT was generated, could expire before a user reads the message."
    pub(super) fn as_of(&self, report: &PassportReport) -> UnixTime {
        let iat = report.iat().filter(|_| self.archive.is_some());
        iat.map_or(self.now, |iat| iat.min(self.now))
    }

    /// Flags a PASSporT that would not pass if it came with a call now.
    #[cold]
    fn tell_archived(&self, report: &mut PassportReport, path: &VerifiedPath) {
        let age = self.now.abs_diff(self.as_of(report));
        let is_past = age > u64::from(self.policy.freshness)
            || !path.validity().contains(self.now)
            || matches!(path.revocation(), RevocationEvidence::RevokedSince { .. });
        if is_past {
            report.flag = Some(Flag::ArchivedCert);
        }
    }

    #[cold]
    fn tell_path_fault(&self, fault: &PathFault, vouching: Vouching, findings: &mut Findings) {
        let evidence = Evidence::Path(Box::new(fault.clone()));
        // A certificate may count now and not have counted when the stored message was signed.
        if self.archive.is_some()
            && let PathFault::Expired { .. } | PathFault::NotYetValid { .. } = fault
        {
            return findings.fault(Check::Validity, Fault::IatOutsideValidity, evidence);
        }
        let check = check_of(fault);
        if check == Check::Revocation {
            findings.pass(Check::Path);
        }
        let fault = match vouching {
            Vouching::ForKeys => Fault::SignerUnknown,
            Vouching::None | Vouching::ForSigner => path_fault(fault),
        };
        findings.fault(check, fault, evidence);
    }

    /// Who vouches for what.
    // RFC 8862 §4: "Intermediaries supporting this specification MUST NOT block or otherwise redirect calls if they do not trust the signing
    // credential." And §4.1: "relying parties SHOULD NOT use certificate revocation mechanisms or real-time certificate verification systems
    // for self-signed certificates": behind one that leads nowhere nothing is looked up.
    fn vouching(
        &self,
        report: &PassportReport,
        chain: &CertificateChain,
        path: &Result<Arc<VerifiedPath>, PathFault>,
    ) -> Vouching {
        let Err(fault) = path else {
            return Vouching::ForSigner;
        };
        let extension = report.claims().map(|claims| &claims.extension);
        let signer = chain.end_entity();
        let is_own = chain.certificates().len() == 1 && signer.is_self_issued();
        let leads_nowhere = matches!(fault, PathFault::Untrusted { .. })
            || (is_own
                && matches!(
                    fault,
                    PathFault::EndEntityIsAuthority | PathFault::EndEntitySelfIssued
                ));
        let is_msec = matches!(extension, Some(Extension::Msec));
        match is_msec && leads_nowhere && signer.validity().contains(self.as_of(report)) {
            true => Vouching::ForKeys,
            false => Vouching::None,
        }
    }

    fn goes_on(&self, findings: &Findings) -> bool {
        !findings.has_failed() || self.policy.thoroughness == Thoroughness::EveryCheck
    }

    /// May they say it at that time, and may they say it in those words?
    fn judge_claims(&self, report: &PassportReport, findings: &mut Findings) {
        let (Some(signer), Some(passport)) = (&report.signer, report.token.passport()) else {
            return;
        };
        let claims = passport.claims();
        // RFC 8224 §6.2 Step 4: "that it falls within the validity period of the credential used to sign the Identity header
        // field". The time meant is the Date's; iat stands for it.
        if signer.path.validity().contains(claims.iat) {
            findings.pass(Check::Validity);
        } else {
            let evidence = Evidence::Times {
                claimed: claims.iat,
                now: self.now,
            };
            findings.fault(Check::Validity, Fault::IatOutsideValidity, evidence);
        }
        let own = signer.path.claim_constraints();
        let inherited = match self.policy.inherited_constraints {
            InheritedConstraints::IgnoredInAuthorities => &[],
            InheritedConstraints::Intersect => signer.path.inherited_constraints(),
        };
        if own.is_some() || !inherited.is_empty() {
            judge_constraints(own.into_iter().chain(inherited), passport, findings);
        }
    }

    /// The last word: asks the replay memory about a token that passed everything else, draws the sum, and if it is good turns
    /// the token into a proven one.
    pub(super) fn conclude(&self, report: &mut PassportReport, mut findings: Findings) {
        self.look_for_replay(report, &mut findings);
        conclude(report, findings, self.policy);
    }

    /// Asks the replay memory about a token that passed everything else, unless it was asked already.
    pub(super) fn look_for_replay(&self, report: &mut PassportReport, findings: &mut Findings) {
        let is_known = report.sighting.is_some();
        if is_known || findings.verdict(self.policy.order) != Verdict::Passed {
            return;
        }
        let (Some(reference), Some(passport)) = (self.reference, report.token.passport()) else {
            return;
        };
        // What an answer brings along to show how the call came there was shown before, with the call.
        let is_reflected = self.message == Message::Answer && report.purpose != Purpose::Answer;
        if self.policy.replay == Replay::Off || is_reflected {
            return;
        }
        if let Some(archive) = self.archive {
            let sighting = self.look_for_duplicate(archive, reference, passport, findings);
            report.sighting = Some(sighting);
            return;
        }
        // Whoever heard it now may show it later as a part of a chain.
        let window = i64::from(self.policy.longest_freshness());
        let until = passport.claims().iat.saturating_add(window);
        let sighting = self
            .replay
            .witness(passport.signature(), reference, until, self.now);
        report.sighting = Some(sighting);
        let evidence = Evidence::Sighting(sighting);
        // An answer has no copies that are honest: who proxies, forks or retries a call sends it with the same PASSporT. Nor has a request
        // inside a dialog.
        let is_answer = self.message == Message::Answer || reference.within.is_some();
        let is_enforced = is_answer || self.policy.replay == Replay::Enforce;
        match sighting {
            Sighting::OtherCall if is_enforced => {
                findings.fault(Check::Replay, Fault::Replayed, evidence);
            }
            _ => findings.pass_with(Check::Replay, evidence),
        }
    }

    /// Asks the memory of the archive. Nothing is on its way any more: no network repeats, forks or retries what was stored, and whoever
    /// plants it a second time can copy its Call-ID, too.
    #[cold]
    fn look_for_duplicate(
        &self,
        archive: &Archive,
        reference: &CallReference,
        passport: &SignedPassport,
        findings: &mut Findings,
    ) -> Sighting {
        let window = archive.longest_age().max(self.policy.longest_freshness());
        let until = passport.claims().iat.saturating_add(window.into());
        let memory = archive.memory();
        let sighting = memory.witness(passport.signature(), reference, until, self.now);
        match (sighting, self.policy.replay) {
            (Sighting::First, _) => {
                findings.pass_with(Check::Replay, Evidence::Sighting(sighting));
            }
            (Sighting::Again | Sighting::OtherCall, Replay::Enforce) => {
                findings.fault(Check::Replay, Fault::Replayed, Evidence::Duplicate);
            }
            (Sighting::Again | Sighting::OtherCall, Replay::Observe | Replay::Off) => {
                findings.pass_with(Check::Replay, Evidence::Duplicate);
            }
        }
        sighting
    }
}

/// Draws the sum of the findings. The one place where a token becomes a proven one.
pub(super) fn conclude(
    report: &mut PassportReport,
    findings: Findings,
    policy: &VerificationPolicy,
) {
    report.verdict = findings.verdict(policy.order);
    if report.verdict == Verdict::Passed {
        report.token = match std::mem::replace(&mut report.token, Token::None) {
            Token::Opened(passport) => Token::Proven(VerifiedPassport::assertion(passport)),
            other => other,
        };
    }
    report.checks = Checks::of(findings);
}

/// Whether what does not fit the signature may be the word of a third party: rich call data, signed by one who cannot speak for the caller.
// RFC 9795 §9 says how `rcd` and `crn` are rebuilt, and nothing of `iss`, which a third party has signed, too.
fn may_be_anothers(report: &PassportReport, path: &Result<Arc<VerifiedPath>, PathFault>) -> bool {
    let (Ok(path), Some(claims)) = (path, report.claims()) else {
        return false;
    };
    let authority = path.authority();
    matches!(claims.extension, Extension::Rcd)
        && authority.references().is_empty()
        && authority.covers(&claims.orig) == Coverage::NotCovered
}

/// What may be believed of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vouching {
    /// That they hold the key that the media is protected by, and nothing else: nobody answers for them.
    ForKeys,
    /// Nothing.
    None,
    /// Who they are.
    ForSigner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    Bad,
    Good,
    NotLookedAt,
}

/// Whether the signature fits. What was rebuilt and does not is tried once more with the card that the call shows, and is that if it fits.
fn fit(report: &mut PassportReport, findings: &mut Findings, key: &dyn VerifyingKey) -> Signature {
    let signature = verify_signature(&report.token, key);
    if signature != Signature::Bad {
        return signature;
    }
    let fits = |other: &mut Box<WithCard>| {
        let (input, signature) = (other.passport.signing_input(), other.passport.signature());
        key.verify(input.as_bytes(), signature).is_ok()
    };
    let Some(other) = report.with_card.take_if(fits) else {
        return signature;
    };
    if let Some(fault) = other.fault {
        findings.fault(Check::Claims, fault, Evidence::Nothing);
    }
    report.token = Token::Opened(other.passport);
    report.rich = Some(other.rich);
    Signature::Good
}

fn verify_signature(token: &Token, key: &dyn VerifyingKey) -> Signature {
    let Some((input, signature)) = token.signed().filter(|_| is_es256(token)) else {
        return Signature::NotLookedAt;
    };
    match key.verify(input.as_bytes(), signature) {
        Ok(()) => Signature::Good,
        Err(_) => Signature::Bad,
    }
}

fn is_es256(token: &Token) -> bool {
    let alg = match token {
        Token::Sealed(envelope) => Some(&envelope.header().alg),
        other => other.passport().map(|passport| &passport.header().alg),
    };
    alg.is_some_and(|alg| &**alg == ES256)
}

/// Holds the claims as signed against every constraint.
fn judge_constraints<'c>(
    constraints: impl Iterator<Item = &'c ClaimConstraints>,
    passport: &SignedPassport,
    findings: &mut Findings,
) {
    let payload = parse_str(passport.payload());
    let claims = payload.as_ref().ok();
    let claims = claims.and_then(|parsed| parsed.value.as_object());
    // The payload was read as an object once already.
    let Some(claims) = claims else {
        findings.fault(
            Check::Constraints,
            Fault::ClaimsMalformed,
            Evidence::Nothing,
        );
        return;
    };
    for one in constraints {
        if let Err(violation) = one.judge(claims) {
            let evidence = Evidence::Constraint(Box::new(violation));
            findings.fault(Check::Constraints, Fault::ConstraintsViolated, evidence);
            return;
        }
    }
    findings.pass(Check::Constraints);
}

/// What is known about revocation on a good path.
fn tell_revocation(known: RevocationEvidence, findings: &mut Findings) {
    let evidence = Evidence::Revocation(known);
    match known {
        RevocationEvidence::Good(_) | RevocationEvidence::RevokedSince { .. } => {
            findings.pass_with(Check::Revocation, evidence)
        }
        RevocationEvidence::NotAsked => {}
        RevocationEvidence::NotPublished | RevocationEvidence::Unknown { .. } => {
            findings.skip_with(Check::Revocation, evidence);
        }
    }
}

/// The check that a fault of the path is told at.
const fn check_of(fault: &PathFault) -> Check {
    match fault {
        PathFault::RevocationUnknown { .. } | PathFault::Revoked { .. } => Check::Revocation,
        _ => Check::Path,
    }
}

/// What a fault of the path is called outside.
pub const fn path_fault(fault: &PathFault) -> Fault {
    use PathFault as P;
    match fault {
        P::BadSignature { .. }
        | P::EmptyIssuer { .. }
        | P::EndEntityIsAuthority
        | P::EndEntitySelfIssued
        | P::ExtendedKeyUsage
        | P::ExtraCertificates { .. }
        | P::IssuerMissing { .. }
        | P::KeyIdentifierMismatch { .. }
        | P::KeyIdentifierMissing { .. }
        | P::KeyUsage { .. }
        | P::MalformedExtension { .. }
        | P::NameConstraints {
            fault: NameFault::Excluded(_) | NameFault::NotPermitted(_),
            ..
        }
        | P::NoPolicy { .. }
        | P::NoRevAvail { .. }
        | P::NotAnAuthority { .. }
        | P::OutOfOrder { .. }
        | P::PathTooLong { .. }
        | P::Repeated { .. }
        | P::TooManyCertificates
        | P::UnusableKey { .. }
        | P::Version { .. } => Fault::PathInvalid,
        P::DelegationGap { .. } => Fault::DelegationGap,
        P::Expired { .. } => Fault::CertificateExpired,
        // These certificates may be good; it is we who cannot tell.
        P::NameConstraints {
            fault: NameFault::Unjudged(_),
            ..
        }
        | P::TooManySignatures
        | P::UnknownCriticalExtension { .. }
        | P::UnsupportedAlgorithm { .. }
        | P::UnsupportedKey { .. } => Fault::CertificateUnsupported,
        P::NotYetValid { .. } => Fault::CertificateNotYetValid,
        P::RevocationUnknown { .. } => Fault::RevocationUnknown,
        P::Revoked { .. } => Fault::Revoked,
        P::Untrusted { .. } => Fault::PathUntrusted,
        P::WrongTrustDomain { .. } => Fault::WrongTrustDomain,
    }
}
