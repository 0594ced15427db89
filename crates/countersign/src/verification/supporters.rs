//! Who has signed answers before: what tells an answer without proof that was to be expected from one that was not.
//!
//! RFC 9970 §8 leaves open whether a caller keeps such a log itself or asks a directory. Whoever has one implements [`Supporters`];
//! [`MemorySupporters`] is bounded, holds what one process has seen, and can be written down and read again by whoever has a disk.

use crate::identity::Identity;
use crate::time::UnixTime;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Knows who has signed answers before.
pub trait Supporters: Send + Sync {
    /// When this identity proved last that it answers for itself; `None` if it never has, as far as is known.
    fn last_proven(&self, who: &Identity) -> Option<UnixTime>;

    /// Notes that this identity has proved it. An earlier time than the one known changes nothing.
    fn proven(&self, who: &Identity, at: UnixTime);
}

/// Identities that [`MemorySupporters::default`] holds at most, in about 30 MB when full.
pub const DEFAULT_SUPPORTERS: usize = 1 << 18;

/// [`Supporters`] in the memory of this process.
///
/// When full it forgets first who has not proved anything for longest: a regression may then go unseen, and no call is the worse for it.
pub struct MemorySupporters {
    capacity: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    last: HashMap<Identity, UnixTime>,
    /// Each that is known stands here once. Who proved it again since is moved when it comes to the front.
    order: VecDeque<(UnixTime, Identity)>,
}

impl MemorySupporters {
    /// A memory of at most `capacity` identities, and of one at least.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: Mutex::default(),
        }
    }

    /// Identities known now.
    pub fn len(&self) -> usize {
        self.lock().last.len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everybody who is known, and when they proved it last, in no order.
    pub fn all(&self) -> Vec<(Identity, UnixTime)> {
        let known = self.lock();
        let all = known.last.iter();
        all.map(|(who, at)| (who.clone(), *at)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemorySupporters {
    fn default() -> Self {
        Self::new(DEFAULT_SUPPORTERS)
    }
}

impl Supporters for MemorySupporters {
    fn last_proven(&self, who: &Identity) -> Option<UnixTime> {
        self.lock().last.get(who).copied()
    }

    fn proven(&self, who: &Identity, at: UnixTime) {
        let mut known = self.lock();
        if let Some(last) = known.last.get_mut(who) {
            *last = at.max(*last);
            return;
        }
        if known.last.len() >= self.capacity {
            known.forget_one();
        }
        known.last.insert(who.clone(), at);
        known.order.push_back((at, who.clone()));
    }
}

impl Known {
    fn forget_one(&mut self) {
        // Each is moved once at most before somebody is found who was not heard of since.
        for _ in 0..=self.order.len() {
            let Some((noted, who)) = self.order.pop_front() else {
                return;
            };
            match self.last.get(&who) {
                Some(last) if *last > noted => self.order.push_back((*last, who)),
                _ => {
                    self.last.remove(&who);
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(index: usize) -> Identity {
        let digits = format!("120255501{index:02}");
        Identity::Number(digits.parse().unwrap())
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    #[test]
    fn the_last_proof_counts_whatever_the_order_in_which_it_is_told() {
        let supporters = MemorySupporters::default();
        assert_eq!(supporters.last_proven(&number(0)), None);
        supporters.proven(&number(0), at(7));
        supporters.proven(&number(0), at(3));
        assert_eq!(supporters.last_proven(&number(0)), Some(at(7)));
        assert_eq!(supporters.all(), [(number(0), at(7))]);
        assert_eq!(supporters.last_proven(&number(1)), None);
    }

    #[test]
    fn when_it_is_full_the_one_is_forgotten_that_was_not_heard_of_for_longest() {
        let supporters = MemorySupporters::new(3);
        for index in 0..3 {
            supporters.proven(&number(index), at(index as i64));
        }
        supporters.proven(&number(0), at(10));
        supporters.proven(&number(3), at(11));
        assert_eq!(supporters.len(), 3);
        assert_eq!(supporters.last_proven(&number(1)), None);
        assert_eq!(supporters.last_proven(&number(0)), Some(at(10)));
        supporters.proven(&number(4), at(12));
        assert_eq!(supporters.last_proven(&number(2)), None);
        supporters.proven(&number(5), at(13));
        assert_eq!(supporters.last_proven(&number(0)), None);
        assert_eq!(supporters.len(), 3);
        assert_eq!(supporters.lock().order.len(), 3);
    }
}
