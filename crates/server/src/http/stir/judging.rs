//! One verification on the async runtime: what is known answers at once, on the thread that asks; what has to be fetched is
//! waited for, and what follows from it, which may be a whole path, is worked out where nobody else waits.

use crate::sip::answers::{self, Coming};
use crate::sip::services::Services;
use crate::sip::state::State;
use countersign::call::Call;
use countersign::passport::Presented;
use countersign::verification::report::Report;
use countersign::verification::states::{Poll, Verification};
use countersign::verification::{Malformed, NeedId};
use countersign_sip::trunk::Trunk;
use std::sync::Arc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

/// Judges a call by the policies and the trust that its trunk's SIP calls are judged by; `None` is a fault of ours.
pub(super) async fn judge(
    services: &Arc<Services>,
    state: &Arc<State>,
    trunk: &Trunk,
    call: &Call,
    presented: Vec<Result<Presented, Malformed>>,
) -> Option<Report> {
    let now = services.clock.now();
    let Some(trust) = state.trust.select(&trunk.name, call.orig.as_ref()) else {
        return Some(state.verification.decline(&presented));
    };
    let course = Course {
        verification: state.verification.begin(call, presented, &trust, now),
        asked: Vec::new(),
    };
    match course.advance(services, state) {
        Step::Done(report) => Some(report),
        Step::Waits(course, coming) => course.wait(coming, services, state).await,
    }
}

/// A verification under way.
struct Course {
    verification: Verification,
    /// What was asked for already.
    asked: Vec<NeedId>,
}

/// How far it came.
enum Step {
    Done(Report),
    /// It waits for these, and for what it asked for before.
    Waits(Course, Vec<(NeedId, Coming)>),
}

impl Course {
    /// As far as it can go with what is known.
    fn advance(mut self, services: &Services, state: &State) -> Step {
        let mut coming = Vec::new();
        loop {
            let now = services.clock.now();
            let needs = match self.verification.poll(now) {
                Poll::Done(report) => return Step::Done(report),
                Poll::Needs(needs) => needs,
            };
            let mut known = Vec::new();
            for need in needs.iter().filter(|need| !self.asked.contains(&need.id)) {
                match answers::known(&need.kind, services, state, now) {
                    Some(answer) => known.push((need.id, answer)),
                    None => coming.extend(
                        answers::coming(&need.kind, services).map(|coming| (need.id, coming)),
                    ),
                }
            }
            self.asked.extend(coming.iter().map(|(need, _)| *need));
            if known.is_empty() {
                return Step::Waits(self, coming);
            }
            for (need, answer) in known {
                self.asked.push(need);
                self.verification.answer(need, answer);
            }
        }
    }

    /// Until it is over: by its deadline at the latest.
    async fn wait(
        mut self,
        mut coming: Vec<(NeedId, Coming)>,
        services: &Arc<Services>,
        state: &Arc<State>,
    ) -> Option<Report> {
        // Dropped with what nobody waits for any more; the flights themselves go on and fill the cache.
        let mut waited = JoinSet::new();
        loop {
            for (need, answer) in coming.drain(..) {
                waited.spawn(async move { (need, answer.await) });
            }
            let now = services.clock.now();
            let left = self
                .verification
                .deadline()
                .unwrap_or(now.ticks)
                .since(now.ticks);
            let Ok(Some(Ok((need, answer)))) = timeout(left, waited.join_next()).await else {
                return Some(self.verification.expire(services.clock.now()));
            };
            self.verification.answer(need, answer);
            let (services, state) = (services.clone(), state.clone());
            match spawn_blocking(move || self.advance(&services, &state))
                .await
                .ok()?
            {
                Step::Done(report) => return Some(report),
                Step::Waits(course, more) => (self, coming) = (course, more),
            }
        }
    }
}
