//! Answers of calls: signed for who was reached, and judged by who was called. What is done with an answer while it waits is the
//! element's; what an answer may say is `countersign::authentication`'s, and what one is worth `countersign::verification`'s.
//!
//! Nothing here is on the way of a call whose trunk has no `connected`.

use super::state::State;
use countersign::authentication::{Answering, AnswersFor, Asked, Reflection, Refusal};
use countersign::passport::SignedPassport;
use countersign::time::UnixTime;
use countersign::verification::answer::{
    AnswerPolicy, AnswerStanding, Dialled, DivertedAnswer, MediaStanding,
};
use countersign::verification::policy::MAX_IDENTITY_HEADERS;
use countersign::verification::report::Report;
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{AnswerJudgement, JudgeAnswer, SignAnswer};
use countersign_sip::identity_header;
use countersign_sip::trunk::{AnswerSigning, Connected, DivertedAnswers, Reflecting, Trunk};
use std::sync::Arc;

/// Why an answer was not signed, where the service was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSigned {
    /// The proof of the call that is answered is bad: whoever sent it shall not make us work.
    CallFailed,
    /// Nobody signs for this trunk any more.
    NobodySigns,
    /// It is not known who was reached, or not for sure.
    ReachedUnknown,
    /// The service refused.
    Refused(Refusal),
}

impl NotSigned {
    /// The name in logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::CallFailed => "call-failed",
            Self::NobodySigns => "nobody-signs",
            Self::ReachedUnknown => "reached-unknown",
            Self::Refused(refusal) => refusal.name(),
        }
    }
}

/// What the answers of a call are held against, so far as it is at hand.
#[derive(Debug, Default)]
pub(super) enum OwnWord {
    /// All of it, and the Identity values that it was read from.
    Dialled(Arc<[Box<str>]>, Arc<Dialled>),
    /// The PASSporT that we have signed: it need not be read again.
    Signed(Box<SignedPassport>),
    /// Nothing.
    #[default]
    Unread,
}

impl OwnWord {
    /// Of a call that was signed, if its answers may be judged.
    pub(super) fn of(passport: SignedPassport, trunk: &Trunk) -> Self {
        match trunk.connected {
            Some(_) => Self::Signed(Box::new(passport)),
            None => Self::Unread,
        }
    }

    /// The passport that this value of Identity has.
    fn read(&mut self, value: &str) -> Option<SignedPassport> {
        match std::mem::take(self) {
            Self::Signed(ours) if has_token(value, ours.token()) => Some(*ours),
            other => {
                *self = other;
                read(value)
            }
        }
    }
}

/// Whether a value of Identity begins with this token, and not with a longer one.
fn has_token(value: &str, token: &str) -> bool {
    let rest = value.strip_prefix(token);
    rest.is_some_and(|rest| rest.starts_with(';'))
}

/// The Identity headers of an answer.
pub(super) fn signed(
    sign: &SignAnswer,
    state: &State,
    now: UnixTime,
) -> Result<Vec<Box<str>>, NotSigned> {
    let signer = state.signers.get(&sign.trunk.name);
    let pair = sign.trunk.connected.as_deref().zip(signer);
    let (connected, signer) = pair.ok_or(NotSigned::NobodySigns)?;
    // RFC 9970 §13: called parties can "disregard spoofs intended to trigger amplification attacks".
    if matches!(sign.verdict, Some(Verdict::Failed(_))) {
        return Err(NotSigned::CallFailed);
    }
    let reached = sign.reached.as_ref().ok_or(NotSigned::ReachedUnknown)?;
    let read: Vec<_> = passports(&sign.asked).collect();
    let asked: Vec<_> = read
        .iter()
        .map(|(passport, value)| Asked { passport, value })
        .collect();
    let rich = signer.backwards(reached, connected.rich);
    let answering = Answering {
        asked: &asked,
        reached,
        media_keys: sign.media_keys.as_deref(),
        rich: rich.as_ref(),
        reflection: match connected.reflection {
            Reflecting::Reflected => Reflection::Reflected,
            Reflecting::Withheld => Reflection::Withheld,
        },
        numbers: numbers(connected),
    };
    let answered = signer.service.respond(&answering, now);
    let answered = answered.map_err(NotSigned::Refused)?;
    Ok(answered.identities)
}

fn numbers(connected: &Connected) -> AnswersFor {
    match connected.sign {
        AnswerSigning::All => AnswersFor::Covered,
        AnswerSigning::Off | AnswerSigning::OwnNumbers => AnswersFor::Inventory,
    }
}

/// Those of these Identity values that can be read as whole PASSporTs; none if there are more than anybody judges.
fn passports(values: &[Box<str>]) -> impl Iterator<Item = (SignedPassport, &str)> {
    few(values).filter_map(|value| Some((read(value)?, value)))
}

/// These, unless there are more than anybody judges.
fn few(values: &[Box<str>]) -> impl Iterator<Item = &str> {
    let few = values.len() <= MAX_IDENTITY_HEADERS;
    values.iter().filter(move |_| few).map(|value| &**value)
}

fn read(value: &str) -> Option<SignedPassport> {
    let presented = identity_header::parse(value.as_bytes()).ok()?;
    SignedPassport::parse(&presented.token).ok()
}

/// The call that an answer is held against; `None` if nobody spoke for its caller, so that nobody can answer by proof.
pub(super) fn dialled(judge: &JudgeAnswer, word: &mut OwnWord) -> Option<Arc<Dialled>> {
    if let OwnWord::Dialled(asked, dialled) = &*word
        && Arc::ptr_eq(asked, &judge.asked)
        && (&dialled.called, dialled.sent) == (&judge.called, judge.sent)
    {
        return Some(Arc::clone(dialled));
    }
    let sent_with = few(&judge.asked).filter_map(|value| word.read(value));
    let mut dialled = Dialled::of(sent_with.collect(), judge.called.clone(), judge.sent)?;
    let connected = judge.trunk.connected.as_deref();
    dialled.policy = AnswerPolicy {
        diverted: match connected.map(|connected| connected.diverted) {
            Some(DivertedAnswers::Refused) => DivertedAnswer::Refused,
            Some(DivertedAnswers::Accepted) | None => DivertedAnswer::Accepted,
        },
    };
    let dialled = Arc::new(dialled);
    *word = OwnWord::Dialled(Arc::clone(&judge.asked), Arc::clone(&dialled));
    Some(dialled)
}

/// What an answer is to a call for whose caller nobody spoke.
pub(super) fn unjudged(judge: &JudgeAnswer) -> AnswerJudgement {
    AnswerJudgement {
        standing: match judge.presented.is_empty() {
            true => AnswerStanding::Absent,
            false => AnswerStanding::NotValidated(Fault::NotExamined),
        },
        reached: None,
        pin: None,
        media: match judge.media_keys {
            Some(_) => MediaStanding::NotSigned,
            None => MediaStanding::NoKeys,
        },
        seals: Vec::new(),
    }
}

/// What the element is told of an answer that was judged; `None` if the report is not of an answer.
pub(super) fn judgement(report: &Report) -> Option<AnswerJudgement> {
    let answer = report.answer.as_deref()?;
    Some(AnswerJudgement {
        standing: answer.standing,
        reached: answer.reached.clone(),
        pin: answer.pin.clone(),
        media: answer.media,
        seals: answer.seals.clone(),
    })
}
