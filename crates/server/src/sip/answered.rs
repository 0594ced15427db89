//! What became of an answer: its line in the log, and what is counted of it.

use super::answering::NotSigned;
use super::record;
use crate::log::{AnswerLine, CallLog};
use crate::metrics::Metrics;
use countersign::certificate::ServiceProviderCode;
use countersign::time::UnixTime;
use countersign::verification::answer::AnswerStanding;
use countersign::verification::report::Report;
use countersign_sip::element::{AnswerFate, AnswerJudgement, ConnectedAnswer, Unsigned};

/// The evidence behind an answer: what the element does not know of it.
#[derive(Debug, Default)]
pub(super) struct AnswerRecord {
    signer: Option<Box<str>>,
    spc: Option<ServiceProviderCode>,
    covers: Option<&'static str>,
    x5u: Option<Box<str>>,
    detail: Option<Box<str>>,
    replay: Option<&'static str>,
    regression: Option<UnixTime>,
    refusal: Option<NotSigned>,
}

impl AnswerRecord {
    /// Of one that was judged.
    pub(super) fn of(report: &Report) -> Self {
        let passport = report.deciding().or(report.passports.first());
        let signer = passport.and_then(|passport| passport.signer.as_ref());
        Self {
            signer: signer.map(|signer| signer.subject().into()),
            spc: signer.and_then(|signer| signer.spc().cloned()),
            covers: signer.and_then(|signer| signer.coverage.as_ref().map(record::covers)),
            x5u: passport.and_then(|passport| passport.x5u()).map(Box::from),
            detail: report.detail().map(String::into_boxed_str),
            replay: passport.and_then(|passport| passport.sighting.and_then(record::replay)),
            regression: report.answer.as_ref().and_then(|answer| answer.regression),
            refusal: None,
        }
    }

    /// Of one that was not signed.
    pub(super) fn refused(refusal: NotSigned) -> Self {
        Self {
            refusal: Some(refusal),
            ..Self::default()
        }
    }
}

/// Writes the line of an answer and counts it.
pub(super) fn note(
    answer: &ConnectedAnswer,
    record: &AnswerRecord,
    calls: &CallLog,
    metrics: &Metrics,
) {
    let judgement = judgement(&answer.fate);
    let fault = judgement.and_then(|judgement| judgement.standing.fault());
    let trunk = &*answer.trunk.name;
    calls.answered(&AnswerLine {
        trunk,
        call_id: &answer.call_id,
        status: answer.status,
        fate: name(&answer.fate),
        standing: judgement.map(|judgement| judgement.standing.name()),
        fault: fault.map(|fault| fault.name()),
        refusal: record.refusal.map(NotSigned::name),
        called: answer.called.as_ref(),
        reached: judgement.and_then(|judgement| judgement.reached.as_ref()),
        media: judgement.map(|judgement| judgement.media.name()),
        replay: record.replay,
        signer: record.signer.as_deref(),
        spc: record.spc.as_ref().map(ServiceProviderCode::as_str),
        covers: record.covers,
        x5u: record.x5u.as_deref(),
        detail: record.detail.as_deref(),
    });
    match &answer.fate {
        AnswerFate::Signed => metrics.signed_answers.increment(trunk, ["signed"]),
        AnswerFate::Unsigned(why) => {
            let why = match (why, record.refusal) {
                (Unsigned::Late, _) => "late",
                (Unsigned::Refused, Some(refusal)) => refusal.name(),
                (Unsigned::Refused, None) => "refused",
            };
            metrics.signed_answers.increment(trunk, [why]);
        }
        AnswerFate::GivenUp => metrics.sip_events.increment(["answer-given-up"]),
        AnswerFate::Stripped => metrics.sip_events.increment(["answer-stripped"]),
        AnswerFate::Passed(judgement) | AnswerFate::Refused(judgement) => {
            let fault = fault.filter(|_| judgement.standing != AnswerStanding::Absent);
            let values = [
                judgement.standing.name(),
                fault.map_or("", |fault| fault.name()),
            ];
            metrics.answers.increment(trunk, values);
        }
    }
    if let Some(last) = record.regression {
        calls.regressed(answer, last);
        metrics.sip_events.increment(["answer-regression"]);
    }
}

fn judgement(fate: &AnswerFate) -> Option<&AnswerJudgement> {
    match fate {
        AnswerFate::Passed(judgement) | AnswerFate::Refused(judgement) => Some(judgement),
        _ => None,
    }
}

/// What became of it, as the log names it.
fn name(fate: &AnswerFate) -> &'static str {
    match fate {
        AnswerFate::GivenUp => "given-up",
        AnswerFate::Passed(_) => "passed",
        AnswerFate::Refused(_) => "refused",
        AnswerFate::Signed => "signed",
        AnswerFate::Stripped => "stripped",
        AnswerFate::Unsigned(_) => "unsigned",
    }
}
