//! Bounded maps from URL to what is known about it, read on every call and written on every fetch.
//!
//! A [`Store`] is a map in shards, each behind its own lock, bounded in entries and in bytes; what was not used for longest
//! goes first. The fetcher has two: one for chains and one for failures, so that somebody who invents URLs that fail can
//! never push a chain out.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// Shards of a store: readers of different URLs seldom meet.
const SHARDS: usize = 16;

/// A bounded map from URL to `T`.
pub(super) struct Store<T> {
    shards: [RwLock<Shard<T>>; SHARDS],
    hasher: RandomState,
    bounds: Bounds,
}

/// How much a store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Entries.
    pub entries: usize,
    /// Bytes, of keys and values together.
    pub bytes: usize,
}

struct Shard<T> {
    /// By the keyed hash of the URL: hashed once, for the shard and for the place in it. Two URLs of one hash are told apart
    /// by the slot; the later one takes the place.
    slots: HashMap<u64, Slot<T>, BuildHasherDefault<Hashed>>,
    bytes: usize,
}

struct Slot<T> {
    url: Box<str>,
    value: T,
    bytes: usize,
    /// In the caller's measure of time; an older one goes first.
    last_used: AtomicU64,
}

impl<T> Store<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            shards: std::array::from_fn(|_| {
                RwLock::new(Shard {
                    slots: HashMap::default(),
                    bytes: 0,
                })
            }),
            hasher: RandomState::new(),
            bounds,
        }
    }

    /// Looks at the entry of `url` under the lock, and notes that it was used at `now`.
    pub(super) fn read<R>(&self, url: &str, now: u64, look: impl FnOnce(&T) -> R) -> Option<R> {
        let hash = self.hasher.hash_one(url);
        let shard = self.shard(hash).read();
        let shard = shard.unwrap_or_else(PoisonError::into_inner);
        let slot = shard.slots.get(&hash).filter(|slot| *slot.url == *url)?;
        // Written only when it changes: every thread that reads a busy entry would fight for its cache line.
        if slot.last_used.load(Ordering::Relaxed) < now {
            slot.last_used.store(now, Ordering::Relaxed);
        }
        Some(look(&slot.value))
    }

    /// Puts an entry in that is used at `now`, making room if need be. One that alone is larger than a shard's share is not kept.
    pub(super) fn insert(&self, url: &str, value: T, value_bytes: usize, now: u64) {
        let bytes = value_bytes + url.len();
        let (max_entries, max_bytes) = (
            self.bounds.entries.div_ceil(SHARDS),
            self.bounds.bytes.div_ceil(SHARDS),
        );
        let hash = self.hasher.hash_one(url);
        let shard = self.shard(hash).write();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        let used = shard.slots.get(&hash).filter(|slot| *slot.url == *url);
        let used = used.map_or(0, |slot| slot.last_used.load(Ordering::Relaxed));
        shard.remove(hash);
        if bytes > max_bytes {
            return;
        }
        while shard.slots.len() >= max_entries || shard.bytes + bytes > max_bytes {
            if !shard.remove_least_recently_used() {
                return;
            }
        }
        shard.bytes += bytes;
        let slot = Slot {
            url: url.into(),
            value,
            bytes,
            // What nobody uses (`now` is 0) is as old as it was.
            last_used: AtomicU64::new(now.max(used)),
        };
        shard.slots.insert(hash, slot);
    }

    /// Looks at every entry, and when it was used last; 0 if never. One shard is locked at a time.
    pub(super) fn each(&self, mut look: impl FnMut(&str, &T, u64)) {
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            for slot in shard.slots.values() {
                look(
                    &slot.url,
                    &slot.value,
                    slot.last_used.load(Ordering::Relaxed),
                );
            }
        }
    }

    /// Forgets the entry of `url`.
    pub(super) fn remove(&self, url: &str) {
        let hash = self.hasher.hash_one(url);
        let shard = self.shard(hash).write();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        shard.remove(hash);
    }

    /// Entries held.
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| {
                let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
                shard.slots.len()
            })
            .sum()
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard<T>> {
        let [first, ..] = &self.shards;
        // The map in a shard uses the other end of the hash.
        let index = (hash >> 32) as usize % SHARDS;
        self.shards.get(index).unwrap_or(first)
    }
}

/// Passes a hash on as it is.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys are u64 and come by `write_u64`; whatever else came would still be spread.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<T> Shard<T> {
    fn remove(&mut self, hash: u64) {
        if let Some(slot) = self.slots.remove(&hash) {
            self.bytes -= slot.bytes;
        }
    }

    fn remove_least_recently_used(&mut self) -> bool {
        let oldest = self
            .slots
            .iter()
            .min_by_key(|(_, slot)| slot.last_used.load(Ordering::Relaxed))
            .map(|(hash, _)| *hash);
        oldest.map(|hash| self.remove(hash)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(entries: usize, bytes: usize) -> Store<u32> {
        Store::new(Bounds { entries, bytes })
    }

    #[test]
    fn both_bounds_hold_whatever_comes() {
        let store = store(64, 64 * 100);
        for number in 0..10_000_u32 {
            let url = format!("https://h.example/{number}");
            store.insert(&url, number, (number % 90) as usize, u64::from(number));
        }
        assert!(store.len() <= 64, "{}", store.len());
        for shard in &store.shards {
            let shard = shard.read().unwrap();
            let bytes: usize = shard.slots.values().map(|slot| slot.bytes).sum();
            assert_eq!(bytes, shard.bytes);
            assert!(bytes <= 400);
        }
    }

    #[test]
    fn what_is_used_stays() {
        let store = store(SHARDS * 2, 1 << 20);
        store.insert("https://h.example/busy", 7, 0, 0);
        for number in 0..1_000_u32 {
            let now = u64::from(number) + 1;
            assert_eq!(store.read("https://h.example/busy", now, |v| *v), Some(7));
            store.insert(&format!("https://h.example/{number}"), number, 0, now - 1);
        }
    }

    #[test]
    fn an_entry_is_replaced_and_forgotten_with_its_bytes() {
        let store = store(1_000, 100_000);
        store.insert("u", 1, 10, 0);
        store.insert("u", 2, 20, 0);
        assert_eq!(store.read("u", 0, |v| *v), Some(2));
        store.insert("u", 3, 1_000_000, 0);
        assert_eq!(store.read("u", 0, |v| *v), None, "too large to keep");
        store.insert("u", 4, 10, 0);
        store.remove("u");
        assert_eq!(store.len(), 0);
        assert!(store.shards.iter().all(|s| s.read().unwrap().bytes == 0));
    }
}
