//! A report for programs: the JSON of `verify --json`, whose shape other people's scripts rely on.

use countersign::certificate::Coverage;
use countersign::verification::answer::AnswerReport;
use countersign::verification::{
    Callback, CheckResult, Code, Consequences, PassportReport, ProvenCaller, ProvenCard, Report,
    RichReport, SignerReport,
};
use serde::Serialize;

/// One input.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Record {
    verdict: &'static str,
    code: Option<u16>,
    fault: Option<&'static str>,
    detail: Option<String>,
    passports: Vec<PassportRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consequences: Option<ConsequencesRecord>,
    /// Who picked up, of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerRecord>,
}

/// Who picked up.
#[derive(Debug, Serialize)]
struct AnswerRecord {
    standing: &'static str,
    /// `null` if it is not proven.
    reached: Option<String>,
    media_keys: &'static str,
}

impl AnswerRecord {
    fn of(answer: &AnswerReport) -> Self {
        Self {
            standing: answer.standing.name(),
            reached: answer.reached.as_ref().map(ToString::to_string),
            media_keys: answer.media.name(),
        }
    }
}

/// One PASSporT of it. What the token says is told whether it was proved or not: the verdict stands beside it.
#[derive(Debug, Serialize)]
struct PassportRecord {
    ppt: Option<String>,
    purpose: &'static str,
    verdict: &'static str,
    fault: Option<&'static str>,
    orig: Option<String>,
    dest: Option<Vec<String>>,
    attest: Option<&'static str>,
    signer: Option<SignerRecord>,
    /// What is to be known of it beside its verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    checks: Vec<CheckRecord>,
    /// Its place in a chain of diversions; the others are told by their place in the list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainRecord>,
    /// What is known of each part of its rich call data.
    #[serde(skip_serializing_if = "Option::is_none")]
    rich: Option<RichRecord>,
}

#[derive(Debug, Serialize)]
struct ChainRecord {
    refers_to: Vec<usize>,
    referred_by: Vec<usize>,
    nested_in: Option<usize>,
}

#[derive(Debug, Serialize)]
struct RichRecord {
    name: String,
    alternate: String,
    icon: String,
    card: String,
    reason: String,
    /// Every digest, by its pointer.
    digests: Vec<(Box<str>, String)>,
}

/// What follows beyond the verdict.
#[derive(Debug, Serialize)]
struct ConsequencesRecord {
    caller: Option<CallerRecord>,
    /// Values of Resource-Priority.
    honoured: Vec<String>,
    callback: bool,
    complaints: Vec<ComplaintRecord>,
}

/// What may be shown.
#[derive(Debug, Serialize)]
struct CallerRecord {
    name: Option<Box<str>>,
    number: Option<String>,
    reason: Option<Box<str>>,
    icon: Option<Box<str>>,
    card: Option<Box<str>>,
}

#[derive(Debug, Serialize)]
struct ComplaintRecord {
    code: u16,
    ppi: Option<Box<str>>,
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
    pub(in crate::cli) fn of(report: &Report) -> Self {
        Self {
            verdict: report.verdict.name(),
            code: report.code.map(Code::number),
            fault: report.verdict.fault().map(|fault| fault.name()),
            detail: report.detail(),
            passports: report.passports.iter().map(PassportRecord::of).collect(),
            consequences: report
                .consequences()
                .map(|one| ConsequencesRecord::of(*one)),
            answer: report.answer.as_deref().map(AnswerRecord::of),
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
            purpose: passport.purpose.name(),
            verdict: passport.verdict.name(),
            fault: passport.verdict.fault().map(|fault| fault.name()),
            orig: passport.orig().map(ToString::to_string),
            dest: dest.map(|dest| dest.iter().map(|one| one.to_string()).collect()),
            attest: passport.attest().map(|attest| attest.as_str()),
            signer: passport.signer.as_ref().map(SignerRecord::of),
            flags: passport.flag.iter().map(|flag| flag.name()).collect(),
            checks: passport.checks.iter().map(CheckRecord::of).collect(),
            chain: passport.chain.as_deref().map(|chain| ChainRecord {
                refers_to: chain.refers_to.clone(),
                referred_by: chain.referred_by.clone(),
                nested_in: chain.nested_in,
            }),
            rich: passport.rich.as_deref().map(RichRecord::of),
        }
    }
}

impl RichRecord {
    fn of(rich: &RichReport) -> Self {
        let entries = rich.entries.iter();
        Self {
            name: rich.name.to_string(),
            alternate: rich.alternate.to_string(),
            icon: rich.icon.to_string(),
            card: rich.card.to_string(),
            reason: rich.reason.to_string(),
            digests: entries
                .map(|entry| (entry.pointer.clone(), entry.content.to_string()))
                .collect(),
        }
    }
}

impl ConsequencesRecord {
    fn of(consequences: Consequences) -> Self {
        Self {
            caller: consequences.caller.map(|caller| CallerRecord::of(*caller)),
            honoured: consequences
                .honoured
                .iter()
                .map(|value| value.as_str().to_owned())
                .collect(),
            callback: consequences.callback == Callback::Proven,
            complaints: consequences
                .complaints
                .into_iter()
                .map(|complaint| ComplaintRecord {
                    code: complaint.code.number(),
                    ppi: complaint.ppi,
                })
                .collect(),
        }
    }
}

impl CallerRecord {
    fn of(caller: ProvenCaller) -> Self {
        Self {
            name: caller.name,
            number: caller.alternate.map(|number| number.as_str().to_owned()),
            reason: caller.reason,
            icon: caller.icon.map(|icon| icon.url),
            card: caller.card.map(|card| match card {
                ProvenCard::At(card) => card.url,
                ProvenCard::Inline(card) => card,
            }),
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
