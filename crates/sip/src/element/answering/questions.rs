//! What the host is asked about answers, and what follows from what it says, or does not say in time.

use super::keys::{Shown, are_refused};
use super::seals::Proof;
use super::{Answering, Arriving, Checks, Kind, Waiting, partners};
use crate::b2bua::Side;
use crate::element::context::{Context, Stage};
use crate::element::{
    AnswerFate, AnswerId, AnswerJudgement, EXPIRE_GRACE, JudgeAnswer, Output, Part, SignAnswer,
    Turn, Unsigned,
};
use crate::identity_header;
use crate::message::{Framing, MAX_MESSAGE, Message, Name};
use crate::patch::Patch;
use crate::sdp;
use crate::trunk::{Connected, DivertedAnswers};
use countersign::time::Ticks;
use countersign::verification::Fault;
use countersign::verification::answer::{AnswerStanding, MediaStanding};
use std::sync::Arc;

/// What was asked about one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) answer: AnswerId,
    of: Of,
    /// When the wait ends.
    pub(super) due: Ticks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Judgement,
    /// With what is known, because the deadline has passed.
    LastJudgement,
    Signature,
}

/// A question about an answer that has gone back.
pub(super) struct Watched {
    pub(super) question: Question,
    tag: Box<[u8]>,
    status: u16,
    shown: Shown,
}

impl Watched {
    pub(super) fn tag(&self) -> &[u8] {
        &self.tag
    }
}

impl Context {
    /// Has an answer signed; it waits meanwhile.
    pub(super) fn sign_answer(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        let reached = self.reached(&arriving.response);
        let Some(question) = self.question(Of::Signature, arriving.kind, turn) else {
            return self.line_up(arriving, None, turn);
        };
        let Some(answering) = &self.answering else {
            return;
        };
        turn.out.push(Output::SignAnswer(Box::new(SignAnswer {
            id: self.id,
            answer: question.answer,
            status: arriving.status,
            asked: Arc::clone(&answering.asked),
            reached,
            verdict: self.record.verdict,
            media_keys: sdp::fingerprints(&arriving.response).map(Box::new),
            trunk: Arc::clone(&self.trunk),
            deadline: question.due,
        })));
        self.line_up(arriving, Some(question), turn);
    }

    /// Has an answer judged; it waits meanwhile.
    pub(super) fn judge_answer(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        match self.ask_for_judgement_of(&arriving, turn) {
            Some(question) => self.line_up(arriving, Some(question), turn),
            None if self.requires_proof() => self.refuse_unjudged(arriving, turn),
            None => self.line_up(arriving, None, turn),
        }
    }

    /// Has an answer judged that goes back at once. Asked first: a host that knows at once can tell of both in one line.
    pub(super) fn watch_answer(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        if let Some(question) = self.ask_for_judgement_of(&arriving, turn)
            && let Some(answering) = &mut self.answering
        {
            answering.watched.reserve_exact(1);
            answering.watched.push(Watched {
                question,
                tag: arriving.tag.clone(),
                status: arriving.status,
                shown: Shown::by(&arriving),
            });
        }
        self.line_up(arriving, None, turn);
    }

    fn ask_for_judgement_of(
        &mut self,
        arriving: &Arriving,
        turn: &mut Turn<'_>,
    ) -> Option<Question> {
        let presented = identity_header::presented(&arriving.response);
        let answering = self.answering.as_mut()?;
        answering.seals.shown(&arriving.tag, &presented);
        let question = self.question(Of::Judgement, arriving.kind, turn)?;
        let answering = self.answering.as_ref()?;
        turn.out.push(Output::JudgeAnswer(Box::new(JudgeAnswer {
            id: self.id,
            answer: question.answer,
            status: arriving.status,
            asked: Arc::clone(&answering.sent_with),
            called: answering.called.clone()?,
            sent: answering.sent,
            presented,
            media_keys: sdp::fingerprints(&arriving.response).map(Box::new),
            trunk: Arc::clone(&self.trunk),
            deadline: question.due,
        })));
        Some(question)
    }

    /// Another question, if there may be one.
    fn question(&mut self, of: Of, kind: Kind, turn: &mut Turn<'_>) -> Option<Question> {
        let answer = self.answering.as_mut()?.next_question(kind)?;
        let due = turn.now.ticks.after(self.trunk.deadline);
        turn.set_timer(self.id, Part::Answers, due);
        Some(Question { answer, of, due })
    }

    /// The host has signed an answer, or not.
    pub(in crate::element) fn answer_signed(
        &mut self,
        answer: AnswerId,
        identities: &[Box<str>],
        turn: &mut Turn<'_>,
    ) {
        if self.inquiry.is_some() {
            return self.inquiry_signed(identities, turn);
        }
        let Some((index, status)) = self.waiting_for(answer, |of| of == Of::Signature) else {
            return;
        };
        let fate = match self.write_signature(index, identities) {
            Some(()) => AnswerFate::Signed,
            None => AnswerFate::Unsigned(Unsigned::Refused),
        };
        let is_signed = fate == AnswerFate::Signed;
        self.told(Some(answer), status, fate, turn);
        if is_signed {
            self.settled(index, turn);
        } else {
            self.unsigned(index, turn);
        }
    }

    /// Puts a signature into an answer that waits; `None` if there is none, or no room for it.
    fn write_signature(&mut self, index: usize, identities: &[Box<str>]) -> Option<()> {
        let answering = self.answering.as_deref_mut()?;
        let waiting = answering.waiting.get_mut(index)?;
        let signed = signed(&waiting.answer.response, identities)?;
        waiting.answer.response = signed;
        // Only where both sides are dialogs of ours is anything said in them later that needs this.
        if self.crossing.is_some() {
            let tag = waiting.answer.tag.clone();
            let partners = partners(answering, answering.called.clone()?, Side::Near);
            answering.forks.enter(&tag)?.partners = Some(partners);
        }
        Some(())
    }

    /// An answer that we do not sign is nobody's but theirs: it is checked like all others.
    fn unsigned(&mut self, index: usize, turn: &mut Turn<'_>) {
        let checked = self.answering.as_ref().and_then(|answering| {
            let waiting = answering.waiting.get(index)?;
            let is_checked = answering.checks != Checks::Nothing && waiting.answer.is_final();
            is_checked.then(|| waiting.answer.clone())
        });
        let Some(arriving) = checked else {
            return self.settled(index, turn);
        };
        let Some(question) = self.ask_for_judgement_of(&arriving, turn) else {
            return self.settled(index, turn);
        };
        let holds = self.holds_answers();
        let Some(answering) = &mut self.answering else {
            return;
        };
        if let Some(waiting) = answering.waiting.get_mut(index).filter(|_| holds) {
            waiting.question = Some(question);
            return;
        }
        answering.watched.push(Watched {
            question,
            shown: Shown::by(&arriving),
            tag: arriving.tag,
            status: arriving.status,
        });
        self.settled(index, turn);
    }

    /// The host has judged an answer.
    pub(in crate::element) fn answer_judged(
        &mut self,
        answer: AnswerId,
        judgement: AnswerJudgement,
        turn: &mut Turn<'_>,
    ) {
        if let Some((index, _)) = self.waiting_for(answer, |of| of != Of::Signature) {
            return self.follow_judgement(index, judgement, turn);
        }
        let Some(answering) = &mut self.answering else {
            return;
        };
        let watched = answering.watched.iter();
        let index = watched
            .map(|watched| watched.question.answer)
            .position(|asked| asked == answer);
        if let Some(index) = index {
            let watched = answering.watched.swap_remove(index);
            if answering.watched.is_empty() {
                answering.watched = Vec::new();
            }
            self.follow_watched(&watched, judgement, turn);
        }
    }

    /// An answer that waits was judged.
    fn follow_judgement(
        &mut self,
        index: usize,
        mut judgement: AnswerJudgement,
        turn: &mut Turn<'_>,
    ) {
        let Some(answering) = self.answering.as_deref_mut() else {
            return;
        };
        let Some(waiting) = answering.waiting.get(index) else {
            return;
        };
        let (tag, status) = (waiting.answer.tag.clone(), waiting.answer.status);
        let (kind, shown) = (waiting.answer.kind, Shown::by(&waiting.answer));
        let answer = waiting.question.map(|question| question.answer);
        let proof = answering.hear(&tag, &mut judgement);
        if self.refuses(&tag, &judgement, shown) {
            self.told(answer, status, AnswerFate::Refused(judgement), turn);
            return match (kind, proof, shown) {
                // Telephones that ring in one second may have one signature, and nobody hears anything of them.
                (Kind::Reliable(_), Proof::Borrowed, Shown::Ringing) => self.hush(index, turn),
                (Kind::Final | Kind::Reliable(_), _, _) => self.refuse(index, turn),
                (Kind::Ringing, _, _) => self.hush(index, turn),
            };
        }
        if let Some(answering) = self.answering.as_deref_mut() {
            answering.accept(&tag, &judgement);
        }
        self.told(answer, status, AnswerFate::Passed(judgement), turn);
        self.settled(index, turn);
    }

    /// An answer that has gone back was judged. What rings can still be given up, if it is not of whom it should be; that nobody could
    /// tell ends nothing.
    fn follow_watched(
        &mut self,
        watched: &Watched,
        mut judgement: AnswerJudgement,
        turn: &mut Turn<'_>,
    ) {
        let answering = self.answering.as_deref_mut();
        let proof = answering.map(|answering| answering.hear(&watched.tag, &mut judgement));
        // That two ring with one signature need not be anybody's fault, so the call goes on for the one whose it is.
        let gives_up = tells_anything(&judgement)
            && proof == Some(Proof::Own)
            && self.refuses(&watched.tag, &judgement, watched.shown)
            && matches!(self.stage, Stage::Forwarding(_));
        let answer = Some(watched.question.answer);
        self.told(answer, watched.status, AnswerFate::Passed(judgement), turn);
        if gives_up {
            self.give_up(turn);
        }
    }

    /// Whether nobody gets an answer that was judged so.
    fn refuses(&self, tag: &[u8], judgement: &AnswerJudgement, shown: Shown) -> bool {
        let connected = self.trunk.connected.as_deref();
        let Some((connected, answering)) = connected.zip(self.answering.as_deref()) else {
            return self.requires_proof();
        };
        let is_good =
            !connected.requires(answering.called.as_ref()) || is_good(connected, judgement);
        !is_good || are_refused(answering.media, judgement, shown, answering.forks.get(tag))
    }

    /// Whether no answer passes that is not proven.
    pub(super) fn requires_proof(&self) -> bool {
        let checks = self.answering.as_ref().map(|answering| answering.checks);
        checks == Some(Checks::Required)
    }

    /// Nothing more is asked about an answer.
    pub(super) fn settled(&mut self, index: usize, turn: &mut Turn<'_>) {
        let answering = self.answering.as_mut();
        if let Some(waiting) = answering.and_then(|answering| answering.waiting.get_mut(index)) {
            waiting.question = None;
        }
        self.pass_ready(turn);
    }

    /// The place and status of the answer that waits for this question.
    fn waiting_for(&self, answer: AnswerId, is: impl Fn(Of) -> bool) -> Option<(usize, u16)> {
        let waiting = &self.answering.as_ref()?.waiting;
        let asks = |waiting: &Waiting| {
            let question = waiting.question.filter(|question| is(question.of));
            question.is_some_and(|question| question.answer == answer)
        };
        let index = waiting.iter().position(asks)?;
        Some((index, waiting.get(index)?.answer.status))
    }

    /// A timer of answers is due: which, is to be seen.
    pub(in crate::element) fn answers_due(&mut self, turn: &mut Turn<'_>) {
        for question in self.questions_due(turn) {
            let answer = question.answer;
            match question.of {
                Of::Judgement => self.expire_answer(answer, turn),
                Of::LastJudgement => {
                    self.forget_answer(answer, turn);
                    self.answer_judged(answer, undecided(Fault::DeadlineExpired), turn);
                }
                Of::Signature => {
                    self.forget_answer(answer, turn);
                    if let Some((index, status)) = self.waiting_for(answer, |_| true) {
                        let fate = AnswerFate::Unsigned(Unsigned::Late);
                        self.told(Some(answer), status, fate, turn);
                        self.unsigned(index, turn);
                    }
                }
            }
        }
        self.others_due(turn);
    }

    fn questions_due(&self, turn: &Turn<'_>) -> Vec<Question> {
        let Some(answering) = &self.answering else {
            return Vec::new();
        };
        let waiting = answering.waiting.iter().filter_map(|one| one.question);
        let watched = answering.watched.iter().map(|one| one.question);
        let all = waiting.chain(watched);
        all.filter(|question| turn.now.ticks >= question.due)
            .collect()
    }

    /// The host has to judge now.
    fn expire_answer(&mut self, answer: AnswerId, turn: &mut Turn<'_>) {
        let due = turn.now.ticks.after(EXPIRE_GRACE);
        turn.set_timer(self.id, Part::Answers, due);
        let id = self.id;
        turn.out.push(Output::ExpireAnswer { id, answer });
        let Some(answering) = &mut self.answering else {
            return;
        };
        let waiting = answering.waiting.iter_mut();
        let waiting = waiting.filter_map(|one| one.question.as_mut());
        let watched = answering.watched.iter_mut().map(|one| &mut one.question);
        for question in waiting.chain(watched).filter(|one| one.answer == answer) {
            question.of = Of::LastJudgement;
            question.due = due;
        }
    }

    pub(super) fn forget_answer(&self, answer: AnswerId, turn: &mut Turn<'_>) {
        let id = self.id;
        turn.out.push(Output::ForgetAnswer { id, answer });
    }
}

impl Answering {
    /// Takes in what a judgement says of a party, in the light of what was said before: whose its proof is.
    fn hear(&mut self, tag: &[u8], judgement: &mut AnswerJudgement) -> Proof {
        let proof = self.seals.proof_of(tag, &judgement.seals);
        if proof == Proof::Borrowed && judgement.standing.is_proven() {
            judgement.standing = AnswerStanding::Unexpected(Fault::Replayed);
            judgement.reached = None;
            judgement.pin = None;
        }
        if let Some(fork) = self.forks.enter(tag) {
            fork.judged(judgement);
        }
        proof
    }

    /// A party that was judged so may answer: from now on it is known who that is, if it is proven.
    fn accept(&mut self, tag: &[u8], judgement: &AnswerJudgement) {
        let reached = judgement.reached.clone();
        let Some(reached) = reached.filter(|_| judgement.standing.is_proven()) else {
            return;
        };
        let mut partners = partners(self, reached, Side::Far);
        partners.pin.clone_from(&judgement.pin);
        if let Some(fork) = self.forks.enter(tag) {
            fork.partners = Some(partners);
        }
    }
}

/// Whether an answer is proven, by somebody who may answer, and its media with it.
pub(super) fn is_good(connected: &Connected, judgement: &AnswerJudgement) -> bool {
    let is_accepted = match judgement.standing {
        AnswerStanding::Diverted => connected.diverted == DivertedAnswers::Accepted,
        standing => standing.is_proven(),
    };
    is_accepted && judgement.media != MediaStanding::Mismatch
}

/// Whether something is known against an answer, or for it. Of one that only rings nothing need be: the 200 has to have the proof.
fn tells_anything(judgement: &AnswerJudgement) -> bool {
    let is_open = matches!(
        judgement.standing,
        AnswerStanding::Absent | AnswerStanding::NotValidated(_)
    );
    !is_open || judgement.media == MediaStanding::Mismatch
}

/// That nobody has judged an answer, for this reason.
pub(super) fn undecided(why: Fault) -> AnswerJudgement {
    AnswerJudgement {
        standing: AnswerStanding::NotValidated(why),
        reached: None,
        pin: None,
        media: MediaStanding::NotSigned,
        seals: Vec::new(),
    }
}

/// The response with these values of Identity; `None` if there are none, or it would be too long.
fn signed(response: &Message, identities: &[Box<str>]) -> Option<Message> {
    if identities.is_empty() {
        return None;
    }
    let mut patch = Patch::default();
    for identity in identities {
        patch.append_header(response, Name::Identity.as_str(), identity.as_bytes());
    }
    let bytes = patch.apply(response).ok()?;
    if bytes.len() > MAX_MESSAGE {
        return None;
    }
    Message::parse(bytes, Framing::Datagram).ok()
}
