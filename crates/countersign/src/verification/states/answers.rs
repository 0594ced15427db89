//! How the verification of an answer begins and ends; in between it is a verification like any other.

use super::{Keeper, Open, Shared, State, Verification, VerificationService, is_there};
use crate::media_keys::MediaKeys;
use crate::passport::Presented;
use crate::time::{Now, UnixTime};
use crate::trust::Trust;
use crate::verification::Malformed;
use crate::verification::answer::{AnswerReport, AnswerStanding, Dialled, MediaStanding};
use crate::verification::answering::{Answering, nobody};
use crate::verification::fault::Fault;
use crate::verification::policy::Replay;
use crate::verification::report::{PassportReport, Report};
use crate::verification::supporters::Supporters;
use std::sync::Arc;
use std::time::Duration;

impl VerificationService {
    /// The same service with a memory of who has signed answers before.
    pub fn with_supporters(&self, supporters: Arc<dyn Supporters>) -> Self {
        let shared = Shared {
            supporters: Some(supporters),
            ..self.shared.copied()
        };
        Self {
            shared: Arc::new(shared),
            stored: self.stored.clone(),
        }
    }

    /// Begins to verify an answer to a call that we sent, with the PASSporTs that it presents, one for each Identity header, and the media
    /// keys of its SDP. The report has [`Report::answer`]; what we sent ourselves, and what is there twice, is not among its PASSporTs.
    pub fn begin_answer(
        &self,
        dialled: &Arc<Dialled>,
        presented: Vec<Result<Presented, Malformed>>,
        media_keys: Option<&MediaKeys>,
        trust: &Arc<Trust>,
        now: Now,
    ) -> Verification {
        let policy = &self.shared.policy;
        let headers = presented.iter().filter(|one| is_there(one)).count();
        let state = if headers > policy.max_identity_headers {
            let fault = AnswerStanding::NotValidated(Fault::TooManyIdentityHeaders);
            State::Done(unjudged(fault, media_keys))
        } else {
            let until = now
                .ticks
                .after(Duration::from_millis(policy.deadline.into()));
            let (answering, inspected) =
                Answering::begin(dialled, presented, media_keys, policy, now);
            let mut open = Open::new(until, inspected.len());
            open.keeper = Keeper::Answering(Box::new(answering));
            for one in inspected {
                open.take_up(one, policy);
            }
            State::Open(open)
        };
        let reference = match policy.replay {
            Replay::Off => None,
            Replay::Enforce | Replay::Observe => Some(dialled.reference()),
        };
        Verification {
            shared: Arc::clone(&self.shared),
            trust: Arc::clone(trust),
            reference,
            state,
        }
    }

    /// The report of an answer that no trust domain judges: its PASSporTs, if it presents any, are not looked at.
    pub fn decline_answer(
        &self,
        presented: &[Result<Presented, Malformed>],
        media_keys: Option<&MediaKeys>,
    ) -> Report {
        let standing = match presented.iter().any(is_there) {
            true => AnswerStanding::NotValidated(Fault::NoTrustDomain),
            false => AnswerStanding::Absent,
        };
        unjudged(standing, media_keys)
    }
}

fn unjudged(standing: AnswerStanding, media_keys: Option<&MediaKeys>) -> Report {
    let media = match media_keys {
        None => MediaStanding::NoKeys,
        Some(_) => MediaStanding::NotSigned,
    };
    Report::of_answer(nobody(standing, media), Vec::new())
}

impl Shared {
    /// What an answer comes to, beside what was known of whoever was called.
    pub(super) fn sum_answer(
        &self,
        answering: &Answering,
        passports: Vec<PassportReport>,
        now: UnixTime,
    ) -> Report {
        let (mut answer, passports) = answering.sum(passports, &self.policy);
        if let Some(supporters) = &self.supporters {
            remember(&mut answer, answering.dialled(), &**supporters, now);
        }
        Report::of_answer(answer, passports)
    }
}

// RFC 9970 §8: "user devices might keep some sort of log recording that a destination previously supported connected identity, so that if
// support is unavailable later, calling users could be alerted to a potential security problem."
fn remember(
    answer: &mut AnswerReport,
    dialled: &Dialled,
    supporters: &dyn Supporters,
    now: UnixTime,
) {
    match (answer.standing, &answer.reached) {
        (AnswerStanding::Absent, _) => {
            answer.regression = supporters.last_proven(&dialled.called);
        }
        (AnswerStanding::Diverted | AnswerStanding::Matching, Some(reached)) => {
            supporters.proven(reached, now);
        }
        _ => {}
    }
}
