//! What all shards are told from outside, and what each tells of itself: a few words, without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Where shards look at every turn.
#[derive(Debug)]
pub struct Helm {
    stop: AtomicBool,
    draining: AtomicBool,
    pulses: Box<[Pulse]>,
}

/// What one shard tells of itself.
#[derive(Debug, Default)]
pub struct Pulse {
    turns: AtomicU64,
    busy: AtomicUsize,
    shedding: AtomicBool,
}

impl Helm {
    /// For so many shards.
    pub fn new(shards: usize) -> Self {
        Self {
            stop: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            pulses: (0..shards).map(|_| Pulse::default()).collect(),
        }
    }

    /// Every shard ends at its next turn.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether it is time to end.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// From now on nothing new begins.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether nothing new may begin.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The pulse of a shard.
    pub fn pulse(&self, shard: usize) -> Option<&Pulse> {
        self.pulses.get(shard)
    }

    /// All of them.
    pub fn pulses(&self) -> &[Pulse] {
        &self.pulses
    }
}

impl Pulse {
    /// A turn has ended with so much begun and not over.
    pub(super) fn beat(&self, busy: usize, shedding: bool) {
        self.busy.store(busy, Ordering::Release);
        self.shedding.store(shedding, Ordering::Relaxed);
        self.turns.fetch_add(1, Ordering::AcqRel);
    }

    /// How many turns it has made.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    /// How much it has begun that is not over.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Acquire)
    }

    /// Whether it turns new requests away because too many come.
    pub fn is_shedding(&self) -> bool {
        self.shedding.load(Ordering::Relaxed)
    }
}
