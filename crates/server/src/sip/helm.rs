//! What all shards are told from outside, and what each tells of itself: a few words, without a lock.

use super::relay::Relay;
use arc_swap::{ArcSwapOption, Guard};
use countersign_sip::element::Needed;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where shards look at every turn.
#[derive(Debug)]
pub struct Helm {
    stop: AtomicBool,
    draining: AtomicBool,
    reading_bound: AtomicBool,
    reading_inherited: AtomicBool,
    successor: ArcSwapOption<Relay>,
    /// How often it was asked which connections are needed.
    asked: AtomicU64,
    pulses: Box<[Pulse]>,
}

/// Where a socket for datagrams comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// We have bound it.
    Bound,
    /// From the process before us.
    Inherited,
}

/// Who reads the sockets for datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Another process reads all of them.
    Elsewhere,
    /// We do.
    Here,
    /// The process before us reads what we have from it; nobody but us knows of the others.
    OnlyBound,
}

/// What one shard tells of itself.
#[derive(Debug, Default)]
pub struct Pulse {
    turns: AtomicU64,
    busy: AtomicUsize,
    calls: AtomicUsize,
    shedding: AtomicBool,
    /// Which connections it needs, and which question that answers.
    needs: Mutex<(u64, HashSet<Needed>)>,
}

impl Helm {
    /// For so many shards.
    pub fn new(shards: usize) -> Self {
        Self {
            stop: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            reading_bound: AtomicBool::new(true),
            reading_inherited: AtomicBool::new(true),
            successor: ArcSwapOption::empty(),
            asked: AtomicU64::new(0),
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

    /// Tells who reads the sockets for datagrams.
    pub fn set_reading(&self, reading: Reading) {
        self.reading_bound
            .store(reading != Reading::Elsewhere, Ordering::Release);
        self.reading_inherited
            .store(reading == Reading::Here, Ordering::Release);
    }

    /// Whether datagrams of such a socket are read here.
    pub fn is_reading(&self, origin: Origin) -> bool {
        match origin {
            Origin::Bound => self.reading_bound.load(Ordering::Acquire),
            Origin::Inherited => self.reading_inherited.load(Ordering::Acquire),
        }
    }

    /// From now on datagrams that belong to nothing here go to a successor.
    pub fn relay_to(&self, successor: Arc<Relay>) {
        self.successor.store(Some(successor));
    }

    /// Where datagrams go that belong to nothing here.
    pub fn successor(&self) -> Guard<Option<Arc<Relay>>> {
        self.successor.load()
    }

    /// Asks every shard which connections it needs.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
    }

    /// The answer of all shards to the last question; `None` until each has given it.
    pub fn needs(&self) -> Option<HashSet<Needed>> {
        let asked = self.asked.load(Ordering::Acquire);
        let mut all = HashSet::new();
        for pulse in &self.pulses {
            let needs = pulse.needs.lock().unwrap_or_else(PoisonError::into_inner);
            if needs.0 != asked {
                return None;
            }
            all.extend(&needs.1);
        }
        Some(all)
    }

    /// The answer of one shard, if there is a question that it has not answered.
    pub(super) fn answer(&self, shard: usize, needs: impl FnOnce() -> HashSet<Needed>) {
        let asked = self.asked.load(Ordering::Acquire);
        let Some(pulse) = self.pulses.get(shard).filter(|_| asked > 0) else {
            return;
        };
        let mut answer = pulse.needs.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.0 != asked {
            *answer = (asked, needs());
        }
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
    /// A turn has ended with so much begun and not over, and so many calls between two dialogs of ours.
    pub(super) fn beat(&self, busy: usize, calls: usize, shedding: bool) {
        self.calls.store(calls, Ordering::Release);
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

    /// How many calls it keeps that have been answered: back-to-back, they need us until they end.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    /// Whether it turns new requests away because too many come.
    pub fn is_shedding(&self) -> bool {
        self.shedding.load(Ordering::Relaxed)
    }
}
