//! Verdicts over paths, remembered.
//!
//! A verdict is remembered under the hash of the whole list as received together with the fingerprint of the [`Trust`] snapshot
//! (its domain, its version, its anchors, its revocation lists): what somebody else serves can never answer for another list, and a
//! new snapshot starts from nothing. A good verdict is used while every certificate it rests on is valid and every revocation
//! list fresh; a refusal for
//! [`REFUSAL_LIFETIME`] seconds, apart from the good ones, so that junk costs no signature checks twice and never pushes out
//! what was proven. Both are bounded.

use super::{PathFault, VerifiedPath, verify};
use crate::certificate::CertificateChain;
use crate::crypto::{DigestState, VerifyingKeys};
use crate::time::UnixTime;
use crate::trust::Trust;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long a refusal is remembered, in seconds. A wrong clock or a half-published list is soon mended; a call a second with
/// the same junk still pays for one check in five.
pub const REFUSAL_LIFETIME: i64 = 5;

/// Most good verdicts in one cache: the whole of North America signs with about ten thousand certificates at a time.
pub const MAX_VERIFIED: usize = 16_384;

/// Most refusals in one cache.
pub const MAX_REFUSED: usize = 4_096;

/// Parts of the cache that are locked apart: more than a machine has cores that verify at once.
const SHARDS: usize = 32;

/// Remembers verdicts over paths. Shared by all threads; a hit takes one read lock on one shard.
#[derive(Default)]
pub struct PathCache {
    shards: [RwLock<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    verified: HashMap<Key, Verified, DigestState>,
    refused: HashMap<Key, Refused, DigestState>,
}

/// The list, and whom we believed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    chain: [u8; 32],
    trust: [u8; 32],
}

struct Verified {
    path: Arc<VerifiedPath>,
    /// When it was asked for last, in Unix seconds.
    used: AtomicI64,
}

struct Refused {
    fault: PathFault,
    since: UnixTime,
}

impl PathCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The verdict over `chain` under `trust` at the time `at`: remembered, or made now.
    ///
    /// # Errors
    /// [`PathFault`], as [`verify`].
    pub fn verify(
        &self,
        chain: &CertificateChain,
        trust: &Trust,
        at: UnixTime,
        keys: &dyn VerifyingKeys,
    ) -> Result<Arc<VerifiedPath>, PathFault> {
        let key = Key {
            chain: chain.digest(),
            trust: trust.fingerprint(),
        };
        if let Some(remembered) = self.read(&key).recall(&key, at) {
            return remembered;
        }
        // Verified without a lock: two threads may do it at once, and both come to the same verdict.
        let verdict = verify(chain, trust, at, keys).map(Arc::new);
        self.write(&key).remember(key, &verdict, at);
        verdict
    }

    /// How many good verdicts are remembered.
    pub fn verified(&self) -> usize {
        self.count(|shard| shard.verified.len())
    }

    /// How many refusals are remembered.
    pub fn refused(&self) -> usize {
        self.count(|shard| shard.refused.len())
    }

    fn count(&self, of: impl Fn(&Shard) -> usize) -> usize {
        let lock =
            |shard: &RwLock<Shard>| of(&shard.read().unwrap_or_else(PoisonError::into_inner));
        self.shards.iter().map(lock).sum()
    }

    // Nothing in here panics while it holds a lock; a poisoned one would still hold a usable map.
    fn read(&self, key: &Key) -> RwLockReadGuard<'_, Shard> {
        self.shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &Key) -> RwLockWriteGuard<'_, Shard> {
        self.shard(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, key: &Key) -> &RwLock<Shard> {
        let [first, ..] = key.chain;
        #[allow(clippy::indexing_slicing, reason = "a remainder by the length")]
        &self.shards[usize::from(first) % SHARDS]
    }
}

impl Shard {
    fn recall(&self, key: &Key, at: UnixTime) -> Option<Result<Arc<VerifiedPath>, PathFault>> {
        if let Some(verified) = self.verified.get(key) {
            // Outside of it the path is judged again, and the fault named.
            let usable = verified.path.lifetime().contains(at);
            return usable.then(|| {
                if verified.used.load(Ordering::Relaxed) != at.as_secs() {
                    verified.used.store(at.as_secs(), Ordering::Relaxed);
                }
                Ok(Arc::clone(&verified.path))
            });
        }
        let refused = self
            .refused
            .get(key)
            .filter(|refused| refused.is_fresh(at))?;
        Some(Err(refused.fault.clone()))
    }

    fn remember(&mut self, key: Key, verdict: &Result<Arc<VerifiedPath>, PathFault>, at: UnixTime) {
        match verdict {
            Ok(path) => {
                self.refused.remove(&key);
                self.make_room_for_verified(at);
                let verified = Verified {
                    path: Arc::clone(path),
                    used: AtomicI64::new(at.as_secs()),
                };
                self.verified.insert(key, verified);
            }
            Err(fault) => {
                self.verified.remove(&key);
                self.make_room_for_refused(at);
                let refused = Refused {
                    fault: fault.clone(),
                    since: at,
                };
                self.refused.insert(key, refused);
            }
        }
    }

    /// A full shard first loses what has expired, then what was not asked for the longest.
    fn make_room_for_verified(&mut self, at: UnixTime) {
        if self.verified.len() < MAX_VERIFIED / SHARDS {
            return;
        }
        self.verified
            .retain(|_, one| at <= one.path.lifetime().not_after);
        if self.verified.len() < MAX_VERIFIED / SHARDS {
            return;
        }
        let idle = self
            .verified
            .iter()
            .min_by_key(|(_, one)| one.used.load(Ordering::Relaxed));
        if let Some(key) = idle.map(|(key, _)| *key) {
            self.verified.remove(&key);
        }
    }

    /// A full shard loses stale refusals, or all of them: they are worth seconds only.
    fn make_room_for_refused(&mut self, at: UnixTime) {
        if self.refused.len() < MAX_REFUSED / SHARDS {
            return;
        }
        self.refused.retain(|_, one| one.is_fresh(at));
        if self.refused.len() >= MAX_REFUSED / SHARDS {
            self.refused.clear();
        }
    }
}

impl Refused {
    fn is_fresh(&self, at: UnixTime) -> bool {
        self.since <= at && at < self.since.saturating_add(REFUSAL_LIFETIME)
    }
}
