//! The checks of one PASSporT as they are made, and what they add up to.

use super::Verdict;
use super::check::{Check, CheckResult, Evidence, Outcome};
use super::fault::Fault;
use super::policy::Order;
use std::fmt;

/// Checks made so far. What passes without evidence, as nearly all do, costs one byte.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    /// By the number of the check.
    outcomes: [Outcome; Check::ALL.len()],
    /// Where there is some.
    evidence: Vec<(Check, Evidence)>,
    /// One bit for each check that passed.
    passed: u32,
    worst: Worst,
}

/// The worst that was found, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worst {
    Nothing,
    Unavailable,
    Failed,
}

const fn bit(check: Check) -> u32 {
    1 << check as u32
}

/// The checks that a proof rests on.
const ESSENTIAL: u32 = {
    let mut bits = 0;
    let mut rest: &[Check] = &Check::ALL;
    while let [check, others @ ..] = rest {
        if check.is_essential() {
            bits |= bit(*check);
        }
        rest = others;
    }
    bits
};

/// Room for the evidence of a call that passes.
const USUAL_EVIDENCE: usize = 4;

impl Findings {
    pub(super) fn new() -> Self {
        Self {
            evidence: Vec::with_capacity(USUAL_EVIDENCE),
            ..Self::none()
        }
    }

    const fn none() -> Self {
        Self {
            outcomes: [Outcome::Skipped; Check::ALL.len()],
            evidence: Vec::new(),
            passed: 0,
            worst: Worst::Nothing,
        }
    }

    /// Of what is our own word, and rests on no check.
    pub(super) fn of_ours() -> Self {
        let mut findings = Self::none();
        let essential = Check::ALL.into_iter().filter(|check| check.is_essential());
        essential.for_each(|check| findings.pass(check));
        findings
    }

    pub(super) fn pass(&mut self, check: Check) {
        let Some(outcome) = self.outcomes.get_mut(check as usize) else {
            return;
        };
        // No pass hides a fault.
        if outcome.fault().is_none() {
            *outcome = Outcome::Passed;
            self.passed |= bit(check);
        }
    }

    pub(super) fn pass_with(&mut self, check: Check, evidence: Evidence) {
        self.pass(check);
        if self.has_passed(check) {
            self.evidence.push((check, evidence));
        }
    }

    /// The check was not made; why that is nobody's fault.
    pub(super) fn skip_with(&mut self, check: Check, evidence: Evidence) {
        self.evidence.push((check, evidence));
    }

    /// The first fault of a check stays.
    pub(super) fn fault(&mut self, check: Check, fault: Fault, evidence: Evidence) {
        let Some(outcome) = self.outcomes.get_mut(check as usize) else {
            return;
        };
        if outcome.fault().is_some() {
            return;
        }
        *outcome = Outcome::of(fault);
        self.passed &= !bit(check);
        self.worst = self.worst.max(match outcome {
            Outcome::Unavailable(_) => Worst::Unavailable,
            _ => Worst::Failed,
        });
        self.evidence.retain(|(other, _)| *other != check);
        self.evidence.push((check, evidence));
    }

    /// Whether a check was made and did not pass: no later one can mend that.
    pub(super) fn has_failed(&self) -> bool {
        self.worst == Worst::Failed
    }

    /// Whether a check was made and passed.
    pub(super) fn has_passed(&self, check: Check) -> bool {
        self.passed & bit(check) != 0
    }

    /// Whether the token came in compact form, and header and claims are from the signalling.
    pub(super) fn are_of_rebuilt(&self) -> bool {
        let mut evidence = self.evidence.iter();
        evidence.any(|found| matches!(found, (Check::Token, Evidence::Rebuilt)))
    }

    /// What the checks add up to: failed if one failed, else not validated if one could not be made, else passed. Among several
    /// faults of that kind `order` decides.
    pub(super) fn verdict(&self, order: Order) -> Verdict {
        let fault = match self.worst {
            // Nothing passes for want of a check.
            Worst::Nothing if self.passed & ESSENTIAL == ESSENTIAL => return Verdict::Passed,
            Worst::Nothing => None,
            Worst::Unavailable => self.first(order, |outcome| match outcome {
                Outcome::Unavailable(fault) => Some(fault),
                _ => None,
            }),
            Worst::Failed => self.first(order, |outcome| match outcome {
                Outcome::Failed(fault) => Some(fault),
                _ => None,
            }),
        };
        Verdict::of(fault.unwrap_or(Fault::NotExamined))
    }

    fn first(&self, order: Order, of: impl Fn(Outcome) -> Option<Fault>) -> Option<Fault> {
        let faults = self.outcomes.iter().filter_map(|outcome| of(*outcome));
        // Of equals, min_by_key keeps the first.
        faults.min_by_key(|fault| order.rank(fault.code()))
    }

    /// Leaves nothing behind.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::none())
    }
}

/// Every check of one PASSporT in its order, those that were not made among them.
///
/// # Example
/// ```
/// use countersign::verification::{Check, PassportReport};
/// fn failed(report: &PassportReport) -> Vec<Check> {
///     let failed = report.checks.iter().filter(|result| result.outcome.fault().is_some());
///     failed.map(|result| result.check).collect()
/// }
/// ```
#[derive(Clone)]
pub struct Checks(Findings);

impl Checks {
    /// Of a PASSporT that nothing is known about yet.
    pub(super) const fn none() -> Self {
        Self(Findings::none())
    }

    pub(super) const fn of(findings: Findings) -> Self {
        Self(findings)
    }

    /// One check.
    pub fn get(&self, check: Check) -> CheckResult<'_> {
        let outcome = self.0.outcomes.get(check as usize).copied();
        let evidence = self.0.evidence.iter().find(|(of, _)| *of == check);
        CheckResult {
            check,
            outcome: outcome.unwrap_or(Outcome::Skipped),
            evidence: evidence.map_or(&Evidence::Nothing, |(_, evidence)| evidence),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = CheckResult<'_>> {
        Check::ALL.into_iter().map(|check| self.get(check))
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(faults: &[(Check, Fault)]) -> Findings {
        let mut findings = Findings::new();
        for (check, fault) in faults {
            findings.fault(*check, *fault, Evidence::Nothing);
        }
        findings
    }

    #[test]
    fn digest02_case19_untrusted_and_stale_together() {
        let both = found(&[
            (Check::Iat, Fault::IatStale),
            (Check::Path, Fault::PathUntrusted),
        ]);
        assert_eq!(
            both.verdict(Order::Rfc8224),
            Verdict::Failed(Fault::PathUntrusted)
        );
        assert_eq!(both.verdict(Order::Atis), Verdict::Failed(Fault::IatStale));
    }

    #[test]
    fn failed_weighs_more_than_not_validated() {
        let both = found(&[
            (Check::Dest, Fault::DestMismatch),
            (Check::Certificate, Fault::CertificateUnavailable),
        ]);
        assert_eq!(
            both.verdict(Order::Rfc8224),
            Verdict::Failed(Fault::DestMismatch)
        );
        let one = found(&[(Check::Certificate, Fault::CertificateUnavailable)]);
        assert_eq!(
            one.verdict(Order::Atis),
            Verdict::NotValidated(Fault::CertificateUnavailable)
        );
    }

    #[test]
    fn nothing_passes_for_want_of_a_check() {
        let essential = || Check::ALL.into_iter().filter(|check| check.is_essential());
        assert_eq!(essential().count(), 15);
        let all_but = |missing: Option<Check>| {
            let mut findings = Findings::new();
            for check in essential().filter(|check| Some(*check) != missing) {
                findings.pass(check);
            }
            findings
        };
        assert_eq!(all_but(None).verdict(Order::Atis), Verdict::Passed);
        for missing in essential() {
            let findings = all_but(Some(missing));
            let unmade = Verdict::NotValidated(Fault::NotExamined);
            assert_eq!(findings.verdict(Order::Atis), unmade, "{missing:?}");
        }
    }

    #[test]
    fn checks_come_out_complete_and_in_order_whatever_the_order_of_finding() {
        let mut findings = found(&[
            (Check::Path, Fault::PathInvalid),
            (Check::Typ, Fault::TypInvalid),
        ]);
        findings.pass(Check::Typ);
        findings.fault(Check::Typ, Fault::TypMissing, Evidence::Nothing);
        findings.pass(Check::Header);
        findings.fault(Check::Header, Fault::InfoInvalid, Evidence::Nothing);
        findings.pass(Check::Header);
        let checks = Checks::of(findings);
        let order: Vec<_> = checks.iter().map(|result| result.check).collect();
        assert_eq!(order, Check::ALL);
        assert_eq!(
            checks.get(Check::Header).outcome,
            Outcome::Failed(Fault::InfoInvalid),
            "no pass hides a fault"
        );
        assert_eq!(checks.get(Check::Token).outcome, Outcome::Skipped);
        assert_eq!(
            checks.get(Check::Typ).outcome,
            Outcome::Failed(Fault::TypInvalid),
            "the first fault stays"
        );
    }
}
