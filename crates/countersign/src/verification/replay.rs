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
use crate::jose::jws::CompactJws;
use crate::time::UnixTime;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Remembers signatures for as long as they could be accepted again.
pub trait ReplayMemory: Send + Sync {
    /// Notes that a verified `signature` came with the call of `reference`, and says whether it came with another one before.
    ///
    /// `until` is the last second at which the token could be accepted; nothing needs to be remembered longer. Shown again with a later
    /// one, it is remembered until then.
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
/// When full it forgets first what would be over first: a replay may then go unseen, but memory stays bounded and no call is refused.
pub struct MemoryReplay {
    shards: [Mutex<Shard>; SHARDS],
    shard_capacity: usize,
    hasher: RandomState,
}

/// What tells one signature from another: its R.
///
/// S does not take part: for every signature (R, S) there is a second one, (R, n - S), that verifies as well and that anybody
/// can compute. R alone is as unique as the nonce it was made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seal([u8; R_LEN]);

impl Seal {
    /// That of a signature.
    pub fn of(signature: &Signature) -> Self {
        let mut seal = [0; R_LEN];
        seal.copy_from_slice(signature.split_at(R_LEN).0);
        Self(seal)
    }

    /// That of a token, whatever it is worth; `None` if it has no signature.
    pub fn of_token(token: &str) -> Option<Self> {
        let signature = CompactJws::split(token).ok()?.signature().ok()?;
        Some(Self::of(&signature))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Half of [`crate::crypto::SIGNATURE_LEN`].
const R_LEN: usize = 32;

#[derive(Default)]
struct Shard {
    seen: HashMap<Seal, Seen, DigestState>,
    /// By the second of their end, and those of one second in the order of arrival. Each that is held stands here once; where it was
    /// shown with a later end since, it is moved when it comes to the front.
    ends: BTreeMap<UnixTime, VecDeque<Seal>>,
}

struct Seen {
    call: u64,
    until: UnixTime,
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
        let key = Seal::of(signature);
        // A keyed hash: whoever does not know the key cannot make two calls look like one.
        let call = self.hasher.hash_one(reference);
        let shard = usize::from(key.0[0]) % SHARDS;
        let Some(shard) = self.shards.get(shard) else {
            return Sighting::First;
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget(now);
        if let Some(seen) = shard.seen.get_mut(&key) {
            seen.until = seen.until.max(until);
            return match seen.call == call {
                true => Sighting::Again,
                false => Sighting::OtherCall,
            };
        }
        while shard.seen.len() >= self.shard_capacity && shard.forget_first() {}
        shard.ends.entry(until).or_default().push_back(key);
        shard.seen.insert(key, Seen { call, until });
        Sighting::First
    }
}

impl Shard {
    /// Drops what is over.
    fn forget(&mut self, now: UnixTime) {
        while self
            .ends
            .first_key_value()
            .is_some_and(|(end, _)| *end < now)
            && self.forget_first()
        {}
    }

    /// Drops what is over first, or moves it to its later end. Whether there was anything.
    fn forget_first(&mut self) -> bool {
        let Some(mut first) = self.ends.first_entry() else {
            return false;
        };
        let end = *first.key();
        let key = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        let Some(key) = key else {
            return true;
        };
        match self.seen.get(&key).map(|seen| seen.until) {
            Some(later) if later > end => self.ends.entry(later).or_default().push_back(key),
            _ => {
                self.seen.remove(&key);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(call_id: &str, tag: &str) -> CallReference {
        CallReference {
            call_id: call_id.as_bytes().into(),
            from_tag: tag.as_bytes().into(),
            within: None,
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
    fn a_later_end_holds_and_an_earlier_one_takes_nothing_away() {
        let memory = MemoryReplay::new(64);
        let seen = |fill, reference, until, now| {
            memory.witness(&signature(fill), &reference, at(until), at(now))
        };
        // 16 of them share a shard with the one that lasts.
        seen(16, call("a", "t"), 10_000, 100);
        for round in 0..3 {
            seen(0, call("a", "t"), 160 + round * 61, 100 + round * 61);
        }
        assert_eq!(memory.len(), 2, "who lasts does not keep the others");
        seen(0, call("a", "t"), 400, 282);
        seen(0, call("b", "t"), 500, 282);
        seen(0, call("a", "t"), 290, 282);
        assert_eq!(seen(0, call("b", "t"), 560, 500), Sighting::OtherCall);
        assert_eq!(seen(0, call("b", "t"), 560, 561), Sighting::First);
        assert_eq!(
            seen(16, call("b", "t"), 10_000, 10_000),
            Sighting::OtherCall
        );
    }

    #[test]
    fn a_full_memory_drops_what_ends_first_and_nothing_for_what_it_knows() {
        let memory = MemoryReplay::new(SHARDS * 2);
        let seen = |fill, name, until, now| {
            memory.witness(&signature(fill), &call(name, "t"), at(until), at(now))
        };
        seen(0, "a", 160, 100);
        seen(16, "a", 10_000, 100);
        assert_eq!(seen(0, "a", 160, 100), Sighting::Again);
        assert_eq!(seen(16, "a", 10_000, 100), Sighting::Again);
        assert_eq!(seen(32, "a", 300, 100), Sighting::First);
        assert_eq!(memory.len(), 2);
        assert_eq!(seen(16, "b", 10_000, 100), Sighting::OtherCall);
        assert_eq!(seen(32, "b", 20_000, 100), Sighting::OtherCall);
        // Now that one lasts longest, and the other one goes.
        assert_eq!(seen(48, "a", 300, 100), Sighting::First);
        assert_eq!(seen(32, "b", 300, 100), Sighting::OtherCall);
        assert_eq!(seen(16, "b", 300, 100), Sighting::First);
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
