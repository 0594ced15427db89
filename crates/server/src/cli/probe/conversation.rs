//! One INVITE of a probe from its first datagram to its last, and the proof of everybody who answers it.

use super::super::trouble::Trouble;
use super::super::verify::chains::Chains;
use super::line::Line;
use crate::clock::{Clock, SystemClock};
use countersign::crypto::AwsLc;
use countersign::identity::Identity;
use countersign::passport::SignedPassport;
use countersign::path::PathCache;
use countersign::time::UnixTime;
use countersign::trust::Trust;
use countersign::verification::answer::{AnswerPolicy, Dialled};
use countersign::verification::{
    MemoryReplay, Poll, Report, VerificationPolicy, VerificationService,
};
use countersign_sip::inquiry::asker::{Answer, Asker, Ended, Question, Step, Word};
use countersign_sip::{identity_header, sdp};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Longest look for messages between two looks at the timers.
const TICK: Duration = Duration::from_millis(500);

/// What answers are judged with.
pub(super) struct Bench {
    pub(super) clock: SystemClock,
    pub(super) chains: Chains,
    pub(super) trust: Arc<Trust>,
    pub(super) policy: VerificationPolicy,
    pub(super) answers: AnswerPolicy,
}

/// What was asked, as its answers are held against it.
pub(super) struct Asked {
    pub(super) passport: SignedPassport,
    pub(super) called: Identity,
    pub(super) sent: UnixTime,
}

/// Somebody's answer, and what it is worth.
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) report: Report,
    /// Since the INVITE was sent.
    pub(super) after: Duration,
}

/// All of it.
pub(super) struct Conversation {
    pub(super) heard: Vec<Heard>,
    pub(super) ended: Ended,
    pub(super) took: Duration,
}

impl Bench {
    /// What an answer is worth.
    fn judge(&mut self, dialled: &Arc<Dialled>, answer: &Answer) -> Result<Report, Trouble> {
        // Nothing is remembered between two runs, so there is nothing that could be replayed.
        let replay = Arc::new(MemoryReplay::new(1));
        let paths = Arc::<PathCache>::default();
        let policy = self.policy.clone();
        let service = VerificationService::new(policy, Arc::new(AwsLc), paths, replay);
        let presented = identity_header::presented(&answer.response);
        let keys = sdp::fingerprints(&answer.response);
        let now = self.clock.now();
        let mut verification =
            service.begin_answer(dialled, presented, keys.as_ref(), &self.trust, now);
        loop {
            let needs = match verification.poll(self.clock.now()) {
                Poll::Done(report) => return Ok(report),
                Poll::Needs(needs) => needs.to_vec(),
            };
            for (need, answer) in self.chains.answer(&needs)? {
                verification.answer(need, answer);
            }
        }
    }
}

/// Asks, and hears what is answered; `word` says what follows from each answer.
///
/// # Errors
/// [`Trouble`] if we could not.
pub(super) fn hold(
    question: Question,
    asked: Asked,
    line: &mut Line,
    bench: &mut Bench,
    word: impl Fn(&Heard) -> Word,
) -> Result<Conversation, Trouble> {
    let target = question.next_hop.remote;
    let uri = question.uri.clone();
    let dialled = Dialled::of(vec![asked.passport], asked.called, asked.sent)
        .ok_or_else(|| Trouble::NotAskable(uri.clone()))?;
    let dialled = Arc::new(Dialled {
        policy: bench.answers,
        ..dialled
    });
    let began = bench.clock.now().ticks;
    let (mut heard, mut ended, mut took) = (Vec::new(), None, Duration::ZERO);
    let mut steps = Vec::new();
    let mut asker =
        Asker::start(question, began, &mut steps).map_err(|_| Trouble::NotAskable(uri))?;
    loop {
        let mut todo = VecDeque::from(std::mem::take(&mut steps));
        while let Some(step) = todo.pop_front() {
            let now = bench.clock.now().ticks;
            match step {
                Step::Send(target, bytes) => {
                    if line.send(&target, &bytes).is_err() {
                        asker.transport_failed(now, &mut steps);
                    }
                }
                Step::Judge(answer) => {
                    let report = bench.judge(&dialled, &answer)?;
                    let one = Heard {
                        answer,
                        report,
                        after: now.since(began),
                    };
                    asker.judged(word(&one), bench.clock.now().ticks, &mut steps);
                    heard.push(one);
                }
                Step::Ended(how) => {
                    took = now.since(began);
                    ended = Some(how);
                }
            }
            todo.extend(steps.drain(..));
        }
        if let Some(ended) = ended.take_if(|_| asker.is_done()) {
            return Ok(Conversation { heard, ended, took });
        }
        let now = bench.clock.now().ticks;
        let wait = asker.next().map_or(TICK, |next| next.since(now).min(TICK));
        let received = match line.receive(wait) {
            Ok(received) => received,
            // RFC 1122 §4.2.4.1 lets a datagram that nobody takes come back as an error; a connection that is gone does, too.
            Err(_) if heard.is_empty() => {
                asker.transport_failed(bench.clock.now().ticks, &mut steps);
                None
            }
            Err(cause) => return Err(Trouble::Line(target, cause)),
        };
        let now = bench.clock.now().ticks;
        if let Some((flow, message)) = received {
            asker.receive(&flow, &message, now, &mut steps);
        }
        asker.fire(now, &mut steps);
    }
}
