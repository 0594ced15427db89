//! Who has shown this signature before: the memory that tells a replay from a retransmission.
//!
//! The same signature with another Call-ID or From tag inside the freshness window is a replay. The same with both the same
//! is the network at work: a retransmission, a fork, a spiral. Only signatures that were verified may be remembered, so that
//! nobody can plant one for somebody else's call.
//!
//! [`MemoryReplay`] is bounded and holds what one process has seen; a store shared by several machines implements
//! [`ReplayMemory`] elsewhere.

use crate::call::CallReference;
use crate::crypto::{DigestState, Signature};
use crate::time::UnixTime;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Remembers signatures for as long as they could be accepted again.
pub trait ReplayMemory: Send + Sync {
    /// Notes that a verified `signature` came with the call of `reference`, and says whether it came with another one before.
    ///
    /// `until` is the last second at which the token would be fresh; nothing needs to be remembered longer.
    fn witness(
        &self,
        signature: &Signature,
        reference: &CallReference,
        until: UnixTime,
        now: UnixTime,
    ) -> Sighting;
}

/// What the memory knows of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Seen with this very call: a retransmission, a fork or a spiral.
    Again,
    /// Never seen.
    First,
    /// Seen with another call.
    OtherCall,
}

/// Shards of [`MemoryReplay`]: threads that verify at the same moment rarely meet at one lock.
const SHARDS: usize = 16;

/// Signatures that [`MemoryReplay::default`] holds at most: two minutes (the window on both sides of now) of 8,000 calls a
/// second, in about 120 MB when full.
pub const DEFAULT_REPLAY_CAPACITY: usize = 1 << 20;

/// A [`ReplayMemory`] in the memory of this process.
///
/// When full it forgets the oldest first: a replay may then go unseen, but memory stays bounded and no call is refused.
pub struct MemoryReplay {
    shards: [Mutex<Shard>; SHARDS],
    shard_capacity: usize,
    hasher: RandomState,
}

/// R of the signature.
///
/// S does not take part: for every signature (R, S) there is a second one, (R, n - S), that verifies as well and that anybody
/// can compute. R alone is as unique as the nonce it was made of.
type Key = [u8; R_LEN];

/// Half of [`crate::crypto::SIGNATURE_LEN`].
const R_LEN: usize = 32;

#[derive(Default)]
struct Shard {
    seen: HashMap<Key, Seen, DigestState>,
    /// In the order of arrival, which within a window is nearly the order of expiry.
    arrivals: VecDeque<(UnixTime, Key)>,
}

struct Seen {
    call: u64,
}

impl MemoryReplay {
    /// A memory of at most `capacity` signatures.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: Default::default(),
            shard_capacity: capacity.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    /// Signatures held now.
    pub fn len(&self) -> usize {
        let held = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.seen.len()
        };
        self.shards.iter().map(held).sum()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for MemoryReplay {
    fn default() -> Self {
        Self::new(DEFAULT_REPLAY_CAPACITY)
    }
}

impl ReplayMemory for MemoryReplay {
    fn witness(
        &self,
        signature: &Signature,
        reference: &CallReference,
        until: UnixTime,
        now: UnixTime,
    ) -> Sighting {
        let mut key = Key::default();
        key.copy_from_slice(signature.split_at(R_LEN).0);
        // A keyed hash: whoever does not know the key cannot make two calls look like one.
        let call = self.hasher.hash_one(reference);
        let shard = usize::from(key[0]) % SHARDS;
        let Some(shard) = self.shards.get(shard) else {
            return Sighting::First;
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget(now, self.shard_capacity);
        match shard.seen.get(&key) {
            Some(seen) if seen.call == call => Sighting::Again,
            Some(_) => Sighting::OtherCall,
            None => {
                shard.arrivals.push_back((until, key));
                shard.seen.insert(key, Seen { call });
                Sighting::First
            }
        }
    }
}

impl Shard {
    /// Drops what is over, and the oldest if there is no room for one more.
    fn forget(&mut self, now: UnixTime, capacity: usize) {
        while let Some((until, key)) = self.arrivals.front() {
            if *until >= now && self.seen.len() < capacity {
                break;
            }
            self.seen.remove(key);
            self.arrivals.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(call_id: &str, tag: &str) -> CallReference {
        CallReference {
            call_id: call_id.as_bytes().into(),
            from_tag: tag.as_bytes().into(),
        }
    }

    fn signature(fill: u8) -> Signature {
        [fill; 64]
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    #[test]
    fn the_same_call_again_is_no_replay_and_another_one_is() {
        let memory = MemoryReplay::new(64);
        let witness =
            |signature, reference| memory.witness(&signature, &reference, at(160), at(100));
        assert_eq!(witness(signature(1), call("a", "t")), Sighting::First);
        assert_eq!(witness(signature(1), call("a", "t")), Sighting::Again);
        assert_eq!(witness(signature(1), call("b", "t")), Sighting::OtherCall);
        assert_eq!(witness(signature(1), call("a", "u")), Sighting::OtherCall);
        assert_eq!(witness(signature(2), call("b", "t")), Sighting::First);
        assert_eq!(
            witness(signature(1), call("a", "t")),
            Sighting::Again,
            "the first one keeps it"
        );
    }

    #[test]
    fn the_mirrored_signature_is_the_same_signature() {
        let memory = MemoryReplay::new(64);
        let mut mirrored = signature(1);
        mirrored[32..].fill(9);
        assert_eq!(
            memory.witness(&signature(1), &call("a", "t"), at(160), at(100)),
            Sighting::First
        );
        assert_eq!(
            memory.witness(&mirrored, &call("b", "t"), at(160), at(100)),
            Sighting::OtherCall
        );
    }

    #[test]
    fn what_could_not_be_accepted_any_more_is_forgotten() {
        let memory = MemoryReplay::new(64);
        memory.witness(&signature(1), &call("a", "t"), at(160), at(100));
        assert_eq!(
            memory.witness(&signature(1), &call("b", "t"), at(160), at(160)),
            Sighting::OtherCall
        );
        assert_eq!(
            memory.witness(&signature(1), &call("b", "t"), at(221), at(161)),
            Sighting::First
        );
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let memory = MemoryReplay::new(SHARDS * 4);
        let numbered = |number: u32| {
            let mut signature = signature(0);
            // One shard for all, the number behind its selector.
            signature[1..5].copy_from_slice(&number.to_be_bytes());
            signature
        };
        for number in 0..1_000 {
            memory.witness(&numbered(number), &call("a", "t"), at(160), at(100));
        }
        assert_eq!(memory.len(), 4);
        let other = call("b", "t");
        assert_eq!(
            memory.witness(&numbered(999), &other, at(160), at(100)),
            Sighting::OtherCall
        );
        assert_eq!(
            memory.witness(&numbered(0), &other, at(160), at(100)),
            Sighting::First
        );
    }

    #[test]
    fn threads_see_each_other() {
        let memory = MemoryReplay::default();
        let firsts: usize = std::thread::scope(|scope| {
            let run = |name: &'static str| {
                let memory = &memory;
                scope.spawn(move || {
                    let mine = call(name, "t");
                    (0..=255_u8)
                        .filter(|fill| {
                            memory.witness(&signature(*fill), &mine, at(160), at(100))
                                == Sighting::First
                        })
                        .count()
                })
            };
            let threads = [run("a"), run("b"), run("c")];
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(firsts, 256, "every signature is new exactly once");
    }
}
