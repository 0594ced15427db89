//! A report for programs: the JSON of `verify --json`, whose shape other people's scripts rely on.

use countersign::certificate::Coverage;
use countersign::verification::{CheckResult, Code, PassportReport, Report, SignerReport};
use serde::Serialize;

/// One input.
#[derive(Debug, Serialize)]
pub(super) struct Record {
    verdict: &'static str,
    code: Option<u16>,
    fault: Option<&'static str>,
    detail: Option<String>,
    passports: Vec<PassportRecord>,
}

/// One PASSporT of it. What the token says is told whether it was proved or not: the verdict stands beside it.
#[derive(Debug, Serialize)]
struct PassportRecord {
    ppt: Option<String>,
    verdict: &'static str,
    fault: Option<&'static str>,
    orig: Option<String>,
    dest: Option<Vec<String>>,
    attest: Option<&'static str>,
    signer: Option<SignerRecord>,
    checks: Vec<CheckRecord>,
}

#[derive(Debug, Serialize)]
struct SignerRecord {
    subject: String,
    spc: Option<String>,
    covers: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct CheckRecord {
    check: &'static str,
    verdict: &'static str,
    detail: Option<String>,
}

impl Record {
    /// Of a report.
    pub(super) fn of(report: &Report) -> Self {
        Self {
            verdict: report.verdict.name(),
            code: report.code.map(Code::number),
            fault: report.verdict.fault().map(|fault| fault.name()),
            detail: report.detail(),
            passports: report.passports.iter().map(PassportRecord::of).collect(),
        }
    }

    /// One line.
    pub(super) fn to_json(&self) -> String {
        // Strings, numbers and lists: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl PassportRecord {
    fn of(passport: &PassportReport) -> Self {
        let dest = passport.dest();
        Self {
            ppt: passport.ppt().map(str::to_owned),
            verdict: passport.verdict.name(),
            fault: passport.verdict.fault().map(|fault| fault.name()),
            orig: passport.orig().map(ToString::to_string),
            dest: dest.map(|dest| dest.iter().map(|one| one.to_string()).collect()),
            attest: passport.attest().map(|attest| attest.as_str()),
            signer: passport.signer.as_ref().map(SignerRecord::of),
            checks: passport.checks.iter().map(CheckRecord::of).collect(),
        }
    }
}

impl SignerRecord {
    fn of(signer: &SignerReport) -> Self {
        Self {
            subject: signer.subject().to_owned(),
            spc: signer.spc().map(ToString::to_string),
            covers: signer.coverage.as_ref().map(covers),
        }
    }
}

/// The name of a coverage in JSON.
pub(crate) const fn covers(coverage: &Coverage) -> &'static str {
    match coverage {
        Coverage::Covered => "covered",
        Coverage::ByProvider(_) => "by-provider",
        Coverage::NotCovered => "not-covered",
    }
}

impl CheckRecord {
    fn of(result: CheckResult<'_>) -> Self {
        Self {
            check: result.check.name(),
            verdict: result.outcome.name(),
            detail: result.detail(),
        }
    }
}
