//! The checks of one PASSporT as they are made, and what they add up to.

use super::Verdict;
use super::check::{Check, CheckResult, Evidence, Outcome};
use super::fault::Fault;
use super::policy::Order;

/// Checks made so far, in the order of [`Check`].
#[derive(Clone, Debug)]
pub(super) struct Findings {
    checks: Vec<CheckResult>,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self {
            checks: Vec::with_capacity(Check::ALL.len()),
        }
    }

    pub(super) fn pass(&mut self, check: Check) {
        self.record(check, Outcome::Passed, Evidence::Nothing);
    }

    pub(super) fn pass_with(&mut self, check: Check, evidence: Evidence) {
        self.record(check, Outcome::Passed, evidence);
    }

    pub(super) fn skip(&mut self, check: Check) {
        self.record(check, Outcome::Skipped, Evidence::Nothing);
    }

    pub(super) fn fault(&mut self, check: Check, fault: Fault, evidence: Evidence) {
        self.record(check, Outcome::of(fault), evidence);
    }

    /// The first fault of a check stays, and no pass hides one.
    fn record(&mut self, check: Check, outcome: Outcome, evidence: Evidence) {
        let result = CheckResult {
            check,
            outcome,
            evidence,
        };
        let at = self.checks.partition_point(|other| other.check < check);
        match self.checks.get_mut(at).filter(|other| other.check == check) {
            None => self.checks.insert(at, result),
            Some(known) if known.outcome.fault().is_none() && outcome.fault().is_some() => {
                *known = result;
            }
            Some(_) => {}
        }
    }

    /// Whether a check was made and did not pass: no later one can mend that.
    pub(super) fn has_failed(&self) -> bool {
        let failed = |result: &CheckResult| matches!(result.outcome, Outcome::Failed(_));
        self.checks.iter().any(failed)
    }

    /// Whether a check was made and passed.
    pub(super) fn has_passed(&self, check: Check) -> bool {
        let passed =
            |result: &CheckResult| result.check == check && result.outcome == Outcome::Passed;
        self.checks.iter().any(passed)
    }

    /// What the checks add up to: failed if one failed, else not validated if one could not be made, else passed. Among several
    /// faults of that kind `order` decides.
    pub(super) fn verdict(&self, order: Order) -> Verdict {
        let failed = |outcome: Outcome| match outcome {
            Outcome::Failed(fault) => Some(fault),
            _ => None,
        };
        let unavailable = |outcome: Outcome| match outcome {
            Outcome::Unavailable(fault) => Some(fault),
            _ => None,
        };
        match self
            .first(order, failed)
            .or_else(|| self.first(order, unavailable))
        {
            Some(fault) => Verdict::of(fault),
            None if self.is_complete() => Verdict::Passed,
            None => Verdict::of(Fault::NotExamined),
        }
    }

    /// Whether every check that a proof rests on was made and passed: nothing passes for want of a check.
    fn is_complete(&self) -> bool {
        let passed = |result: &&CheckResult| {
            result.outcome == Outcome::Passed && result.check.is_essential()
        };
        self.checks.iter().filter(passed).count() == Check::ESSENTIAL
    }

    fn first(&self, order: Order, of: impl Fn(Outcome) -> Option<Fault>) -> Option<Fault> {
        let faults = self.checks.iter().filter_map(|result| of(result.outcome));
        // Of equals, min_by_key keeps the first.
        faults.min_by_key(|fault| order.rank(*fault))
    }

    /// All checks, those that were not made among them.
    pub(super) fn into_checks(mut self) -> Vec<CheckResult> {
        if self.checks.len() < Check::ALL.len() {
            for check in Check::ALL {
                self.skip(check);
            }
        }
        self.checks
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
        assert_eq!(essential().count(), Check::ESSENTIAL);
        let all_but = |missing: Option<Check>| {
            let mut findings = Findings::new();
            for check in essential().filter(|check| Some(*check) != missing) {
                findings.pass(check);
            }
            findings
        };
        assert_eq!(all_but(None).verdict(Order::Atis), Verdict::Passed);
        for missing in essential() {
            let mut findings = all_but(Some(missing));
            let unmade = Verdict::NotValidated(Fault::NotExamined);
            assert_eq!(findings.verdict(Order::Atis), unmade, "{missing:?}");
            findings.skip(missing);
            assert_eq!(findings.verdict(Order::Atis), unmade, "{missing:?} skipped");
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
        let checks = findings.into_checks();
        let order: Vec<_> = checks.iter().map(|result| result.check).collect();
        assert_eq!(order, Check::ALL);
        assert_eq!(
            checks[0].outcome,
            Outcome::Failed(Fault::InfoInvalid),
            "no pass hides a fault"
        );
        assert_eq!(checks[1].outcome, Outcome::Skipped);
        assert_eq!(
            checks[2].outcome,
            Outcome::Failed(Fault::TypInvalid),
            "the first fault stays"
        );
    }
}
