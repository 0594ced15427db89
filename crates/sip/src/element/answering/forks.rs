//! What is known of each party that a call has reached: they differ by the tag in To.

use super::Kind;
use crate::b2bua::{MAX_FORKS, Partners};
use crate::element::AnswerJudgement;
use crate::message::Message;
use bytes::Bytes;
use countersign::identity::Identity;
use countersign::verification::answer::MediaStanding;

/// Those who have answered one call, at most [`MAX_FORKS`].
#[derive(Default)]
pub(super) struct Forks(Vec<Fork>);

/// One of them.
pub(super) struct Fork {
    tag: Box<[u8]>,
    /// The last reliable provisional response, by its RSeq.
    reliable: Option<(u32, Outcome)>,
    /// The 2xx.
    answer: Option<Outcome>,
    stripped: Stripped,
    hope: Hope,
    media: Media,
    /// Who was proven first.
    first: Option<Identity>,
    /// Who speaks in its dialog, if connected identity tells.
    pub(super) partners: Option<Box<Partners>>,
}

/// What became of an answer, and so of the same once more.
pub(super) enum Outcome {
    /// It went back so. Most are never asked for again: they are kept as bytes, and not taken apart.
    Passed(Bytes),
    Refused,
}

/// Whether its media is secured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    /// Keys came that somebody has signed.
    Bound,
    Unknown,
}

/// Whether it was told that a session description of it was taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stripped {
    NotTold,
    Told,
}

/// Whether an answer is still to be hoped for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hope {
    /// One was refused.
    None,
    /// None was refused yet.
    Some,
}

impl Forks {
    pub(super) fn get(&self, tag: &[u8]) -> Option<&Fork> {
        self.0.iter().find(|fork| *fork.tag == *tag)
    }

    /// The one of this tag; `None` if there are too many to remember another.
    pub(super) fn enter(&mut self, tag: &[u8]) -> Option<&mut Fork> {
        let known = self.0.iter().position(|fork| *fork.tag == *tag);
        let index = match known {
            Some(index) => index,
            None if self.0.len() < MAX_FORKS => {
                self.0.reserve_exact(1);
                self.0.push(Fork::new(tag));
                self.0.len() - 1
            }
            None => return None,
        };
        self.0.get_mut(index)
    }

    /// Where there are too many to remember one of this tag, one goes who only rings and of whom nothing waits: rather one who has proven
    /// nothing. Nobody goes who has answered.
    pub(super) fn make_room_for(&mut self, tag: &[u8], waits: impl Fn(&[u8]) -> bool) {
        if self.0.len() < MAX_FORKS || self.get(tag).is_some() {
            return;
        }
        let rings = |fork: &Fork| fork.answer.is_none() && !waits(&fork.tag);
        let mut forks = self.0.iter();
        let unproven = forks.position(|fork| rings(fork) && fork.first.is_none());
        if let Some(index) = unproven.or_else(|| self.0.iter().position(rings)) {
            self.0.remove(index);
        }
    }

    /// Whether somebody else may still answer: one who was heard, has not answered, and of whom nothing was refused.
    pub(super) fn someone_rings(&self) -> bool {
        let rings = |fork: &Fork| fork.hope == Hope::Some && fork.answer.is_none();
        self.0.iter().any(rings)
    }

    /// The bytes they hold.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(Fork::bytes).sum()
    }
}

impl Fork {
    fn new(tag: &[u8]) -> Self {
        Self {
            tag: tag.into(),
            reliable: None,
            answer: None,
            stripped: Stripped::NotTold,
            hope: Hope::Some,
            media: Media::Unknown,
            first: None,
            partners: None,
        }
    }

    /// What became of an answer of this kind, if it is one that comes more than once.
    pub(super) fn known(&self, kind: Kind) -> Option<&Outcome> {
        match (kind, &self.reliable) {
            (Kind::Final, _) => self.answer.as_ref(),
            (Kind::Reliable(sequence), Some((known, outcome))) if *known == sequence => {
                Some(outcome)
            }
            (Kind::Reliable(_) | Kind::Ringing, _) => None,
        }
    }

    pub(super) fn passed(&mut self, kind: Kind, response: &Message) {
        self.became(kind, || Outcome::Passed(response.bytes().clone()));
    }

    pub(super) fn refused(&mut self, kind: Kind) {
        self.hope = Hope::None;
        self.became(kind, || Outcome::Refused);
    }

    fn became(&mut self, kind: Kind, outcome: impl FnOnce() -> Outcome) {
        match kind {
            Kind::Final => self.answer = Some(outcome()),
            Kind::Reliable(sequence) => self.reliable = Some((sequence, outcome())),
            Kind::Ringing => {}
        }
    }

    /// A session description of it is taken out; whether that is the first.
    pub(super) fn strip(&mut self) -> bool {
        let before = std::mem::replace(&mut self.stripped, Stripped::Told);
        before == Stripped::NotTold
    }

    /// A judgement in the light of those before: whoever was proven first stays who was reached.
    pub(super) fn judged(&mut self, judgement: &mut AnswerJudgement) {
        if judgement.media == MediaStanding::Bound {
            self.media = Media::Bound;
        }
        let reached = judgement.reached.as_ref();
        if let Some(first) = &self.first {
            judgement.standing = judgement.standing.after(first, reached);
        } else if judgement.standing.is_proven() {
            self.first = reached.cloned();
        }
    }

    /// Whether media keys came that somebody has signed.
    pub(super) fn is_bound(&self) -> bool {
        self.media == Media::Bound
    }

    fn bytes(&self) -> usize {
        let held = |outcome: &Outcome| match outcome {
            Outcome::Passed(response) => response.len(),
            Outcome::Refused => 0,
        };
        let answer = self.answer.as_ref().map_or(0, held);
        let reliable = self
            .reliable
            .as_ref()
            .map_or(0, |(_, outcome)| held(outcome));
        self.tag.len() + answer + reliable
    }
}
