//! Who has shown which signature first, of all who answer one call.
//!
//! ```text
//!   183, tag A ── rsp ──▶ A has shown it
//!   200, tag B ── the same rsp ──▶ borrowed: somebody has signed that they were reached, and it was not B
//! ```
//!
//! Nobody signs the tag (RFC 9970 binds an answer to `orig`, `dest` and the second), so of two who show one signature nobody can tell who it
//! is of: it counts for whoever was heard first. What is done with a borrowed one is `questions`'s; what a signature is worth nobody here
//! knows.

use crate::identity_header;
use crate::message::Message;
use countersign::passport::Presented;
use countersign::verification::policy::MAX_IDENTITY_HEADERS;
use countersign::verification::{Malformed, Seal};

/// Most signatures of one call that are remembered: whoever has a call answered with more wants to have us forget one.
const MAX_SEALS: usize = super::MAX_ANSWERS_ASKED as usize * MAX_IDENTITY_HEADERS;

/// What was shown in the answers to one call.
#[derive(Default)]
pub(super) struct Seals(Vec<Showing>);

/// What one party was the first to show.
struct Showing {
    tag: Box<[u8]>,
    seals: Vec<Seal>,
}

/// Whose the proof of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Somebody else was the first to show it.
    Borrowed,
    /// Nobody else's, or there is none.
    Own,
}

impl Seals {
    /// An answer of this party came with these.
    pub(super) fn shown(&mut self, tag: &[u8], presented: &[Result<Presented, Malformed>]) {
        let presented = presented.iter().flatten().take(MAX_IDENTITY_HEADERS);
        let mut room = MAX_SEALS.saturating_sub(self.len());
        for seal in presented.filter_map(|one| Seal::of_token(&one.token)) {
            let is_known = self.0.iter().any(|showing| showing.seals.contains(&seal));
            if !is_known && room > 0 {
                room -= 1;
                self.enter(tag, seal);
            }
        }
    }

    /// The same of one about which nobody is asked, also if it is one of another's that is refused, or comes too late.
    pub(super) fn shown_in(&mut self, tag: &[u8], response: &Message) {
        self.shown(tag, &identity_header::presented(response));
    }

    /// Whose it is when this party is proven by these. One of its own is enough, whatever stands beside it.
    pub(super) fn proof_of(&self, tag: &[u8], seals: &[Seal]) -> Proof {
        let others = || self.0.iter().filter(|showing| *showing.tag != *tag);
        let is_borrowed = |seal: &Seal| others().any(|showing| showing.seals.contains(seal));
        match !seals.is_empty() && seals.iter().all(is_borrowed) {
            true => Proof::Borrowed,
            false => Proof::Own,
        }
    }

    fn enter(&mut self, tag: &[u8], seal: Seal) {
        match self.0.iter_mut().find(|showing| *showing.tag == *tag) {
            Some(showing) => showing.seals.push(seal),
            None => self.0.push(Showing {
                tag: tag.into(),
                seals: vec![seal],
            }),
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|showing| showing.seals.len()).sum()
    }

    /// The bytes they hold.
    pub(super) fn bytes(&self) -> usize {
        let of = |showing: &Showing| showing.tag.len() + size_of_val(&*showing.seals);
        self.0.iter().map(of).sum()
    }
}
