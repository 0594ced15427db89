//! Answers that the caller does not get, because nobody has proven them, and calls that end for it.
//!
//! Only whoever answered so is refused, not the call: somebody who forges an answer must not keep the true one away. A call is given up
//! when nobody else is left who may answer; how long is waited for others to be heard at all is Timer T4, the longest that a message is
//! on its way.

use super::questions::undecided;
use super::{AnswerFate, Arriving, Checks, Refusal, Waiting, without_body};
use crate::element::context::{Cancellation, Context, Stage};
use crate::element::ending::{is_given_up, is_over};
use crate::element::{Part, Turn};
use crate::message::{Message, Name};
use crate::reason;
use countersign::verification::Fault;

/// Why an answer is refused, in a Reason.
const NOT_PROVEN: &str = "Answer not proven";

impl Context {
    /// Refuses an answer that waits.
    pub(super) fn refuse(&mut self, index: usize, turn: &mut Turn<'_>) {
        let answering = self.answering.as_mut();
        let waiting = answering.and_then(|answering| answering.waiting.remove(index));
        if let Some(Waiting { answer, .. }) = waiting {
            self.refuse_arrived(&answer, turn);
        }
        self.pass_ready(turn);
    }

    /// One that only rings is not proven: it goes back, but nobody hears it. It need not have arrived at all, so it ends nothing.
    pub(super) fn hush(&mut self, index: usize, turn: &mut Turn<'_>) {
        let answering = self.answering.as_deref_mut();
        let waiting = answering.and_then(|answering| answering.waiting.get_mut(index));
        if let Some(waiting) = waiting
            && let Some(response) = without_body(&waiting.answer.response)
        {
            waiting.answer.response = response;
            return self.settled(index, turn);
        }
        self.refuse(index, turn);
    }

    /// Refuses an answer about which nobody is asked.
    pub(super) fn refuse_unjudged(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        self.refuse_arrived(&arriving, turn);
    }

    /// Somebody accepts for whom there is no room among those who have answered: nobody is asked who that is. As many are told of, and hung
    /// up where a proof is required, as may be asked about; who forges more names than that is not heard, or each would cost us a BYE.
    pub(super) fn answer_beyond(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        let is_refused = self.holds_answers() && self.requires_proof();
        if is_refused && self.has_hung_up(&arriving, turn) {
            return self.refuse_answer(&arriving.response, None, turn);
        }
        let answering = self.answering.as_mut();
        let is_checked = answering.filter(|one| one.checks != Checks::Nothing);
        let is_told = is_checked
            .and_then(|one| one.next_question(arriving.kind))
            .is_some();
        let judgement = undecided(Fault::NotExamined);
        match (is_refused, is_told) {
            (true, true) => {
                let fate = AnswerFate::Refused(judgement);
                self.told(None, arriving.status, fate, turn);
                self.refuse_unjudged(arriving, turn);
            }
            (true, false) => {}
            (false, true) => {
                let fate = AnswerFate::Passed(judgement);
                self.told(None, arriving.status, fate, turn);
                self.line_up(arriving, None, turn);
            }
            (false, false) => self.line_up(arriving, None, turn),
        }
    }

    /// Whether we have ended the dialog of an answer.
    fn has_hung_up(&self, arriving: &Arriving, turn: &Turn<'_>) -> bool {
        let call = self.crossing.as_ref().map(|crossing| crossing.call);
        call.is_some_and(|call| is_over(call, &arriving.response, turn))
    }

    fn refuse_arrived(&mut self, answer: &Arriving, turn: &mut Turn<'_>) {
        let until = turn.now.ticks.after(turn.options.timing.t4);
        let is_asked = matches!(self.stage, Stage::Forwarding(_));
        if let Some(answering) = &mut self.answering {
            if let Some(fork) = answering.forks.enter(&answer.tag) {
                fork.refused(answer.kind);
            }
            if is_asked && answering.others.is_none() {
                answering.others = Some(until);
                turn.set_timer(self.id, Part::Answers, until);
            }
        }
        if answer.is_final() {
            let reason = self.not_proven();
            self.refuse_answer(&answer.response, Some(&reason), turn);
        }
        self.others_due(turn);
    }

    /// Whether others may answer is looked at, once they had their time.
    pub(super) fn others_due(&mut self, turn: &mut Turn<'_>) {
        let Some(answering) = self.answering.as_ref() else {
            return;
        };
        let is_over = answering
            .others
            .is_some_and(|until| turn.now.ticks >= until);
        let is_alone = answering.waiting.is_empty() && !answering.forks.someone_rings();
        if is_over && is_alone && matches!(self.stage, Stage::Forwarding(_)) {
            self.give_up(turn);
        }
    }

    /// A branch is over without news. Where an answer was refused, nobody else can come by it any more.
    pub(in crate::element) fn nobody_left(&mut self, turn: &mut Turn<'_>) {
        let has_refused = self
            .answering
            .as_ref()
            .is_some_and(|answering| answering.others.is_some() && answering.waiting.is_empty());
        let is_left = self.branches.iter().any(Option::is_some);
        if has_refused && !is_left && matches!(self.stage, Stage::Forwarding(_)) {
            self.give_up(turn);
        }
    }

    /// The call ends, because nobody who answered is proven: the far side hears why, and so does the caller. Who cannot hang up waits for
    /// what the far side says to that.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>) {
        let holds = self.holds_answers();
        if matches!(self.cancellation, Cancellation::Asked(_)) {
            if holds {
                self.drop_answers(None, turn);
                self.answer_terminated(turn);
            }
            return;
        }
        let reason = self.not_proven();
        self.cancellation = Cancellation::Asked(vec![reason.as_bytes().into()]);
        self.cancel_branches(turn);
        if holds {
            self.drop_answers(Some(&reason), turn);
            self.answer_unproven(turn);
        } else if let Some(answering) = &mut self.answering {
            answering.refusal = Refusal::Pending;
        }
    }

    /// Whether a call that ends with this status ends because we gave it up.
    // RFC 3261 §16.7: "Until a final response has been sent on the server transaction, the following responses MUST be forwarded
    // immediately: [...] Any 2xx response". One that crosses our CANCEL can only be forwarded as long as we have said nothing ourselves;
    // else nobody acknowledges it, and somebody talks to nobody.
    pub(in crate::element) fn is_given_up_with(&self, status: u16) -> bool {
        let answering = self.answering.as_ref();
        let is_pending = answering.is_some_and(|one| one.refusal == Refusal::Pending);
        is_pending && matches!(status, 408 | 487)
    }

    /// Answers a call that cannot be proven.
    pub(in crate::element) fn answer_unproven(&mut self, turn: &mut Turn<'_>) {
        let (status, phrase) = self.refusal();
        let reason = self.not_proven();
        self.told(None, status, AnswerFate::GivenUp, turn);
        let extra = [(Name::Reason.as_str(), reason.as_bytes())];
        self.answer(status, phrase, &extra, turn);
    }

    /// Nobody waits for answers any more: those that were accepted are ended, for this reason.
    pub(in crate::element) fn drop_answers(&mut self, reason: Option<&str>, turn: &mut Turn<'_>) {
        let Some(answering) = &mut self.answering else {
            return;
        };
        let waiting = std::mem::take(&mut answering.waiting);
        let watched = std::mem::take(&mut answering.watched);
        for Waiting { answer, question } in waiting {
            if let Some(question) = question {
                self.forget_answer(question.answer, turn);
            }
            if answer.is_final() {
                self.refuse_answer(&answer.response, reason, turn);
            }
        }
        for watched in watched {
            self.forget_answer(watched.question.answer, turn);
        }
    }

    /// The caller gives up while nothing can be cancelled, because whoever answered waits here or was refused. Whether that is so.
    pub(in crate::element) fn is_cancelled_here(&self) -> bool {
        let is_pending = self
            .branches
            .iter()
            .flatten()
            .any(|branch| branch.is_pending());
        let Some(answering) = self.answering.as_ref().filter(|_| self.holds_answers()) else {
            return false;
        };
        let mut waiting = answering.waiting.iter();
        let is_accepted = waiting.any(|one| one.answer.is_final() && one.question.is_some());
        is_accepted || (answering.others.is_some() && !is_pending)
    }

    /// Whether the caller gets no 2xx whatever is proven.
    pub(super) fn is_refused_anyway(&self, message: &Message, turn: &Turn<'_>) -> bool {
        let is_answered = matches!(self.stage, Stage::Answered);
        let is_failed = is_answered && !matches!(self.record.status, None | Some(200..300));
        let call = self.crossing.as_ref().map(|crossing| crossing.call);
        is_failed || call.is_some_and(|call| is_given_up(call, message, turn))
    }

    fn refusal(&self) -> (u16, &'static str) {
        let connected = self.trunk.connected.as_deref();
        let refusal = connected.map_or(crate::trunk::DEFAULT_REFUSAL, |one| one.refusal);
        refusal.line()
    }

    /// The value of Reason.
    fn not_proven(&self) -> String {
        let value = reason::sip(self.refusal().0, NOT_PROVEN);
        String::from_utf8(value).unwrap_or_default()
    }
}
