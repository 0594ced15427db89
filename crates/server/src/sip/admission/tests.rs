//! A shard reduced to its queue: requests come at random times from a seed, and one server takes them in turn.
//!
//! ```text
//!     arrivals (seeded) ──► admits? ──► waiting ──► one server, `SERVICE` each
//!                              └──────► turned away, `SHED` each, by the same server
//! ```
//!
//! This test verifies what RFC 7339 REQ 1 asks: "The overload mechanism shall strive to maintain the overall useful throughput [...]
//! of a SIP server at reasonable levels, even when the incoming load on the network is far in excess of its capacity."

use super::*;
use crate::config::listeners::DEFAULT_TURN;
use std::collections::VecDeque;

/// What one call costs: a capacity of 4,000 calls a second.
const SERVICE: u64 = 250;
/// What it costs to turn one away.
const SHED: u64 = 12;
/// What a run measures.
const RUN: u64 = 20_000_000;
const SEEDS: u64 = 16;

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    /// Above 0, up to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Time to the next of arrivals that come so often, one after the other, by chance.
    fn pause(&mut self, mean: f64) -> f64 {
        -self.roll().ln() * mean
    }
}

#[derive(Debug, Default)]
struct Outcome {
    waits: Vec<u64>,
    shed: u64,
}

impl Outcome {
    fn goodput(&self) -> f64 {
        self.waits.len() as f64 * SERVICE as f64 / RUN as f64
    }

    fn percentile(&mut self, percent: usize) -> u64 {
        self.waits.sort_unstable();
        self.waits[self.waits.len() * percent / 100]
    }
}

/// Lets requests come at `load(time)` times the capacity, and sees what becomes of them.
fn run(seed: u64, admission: &mut Admission, load: impl Fn(u64) -> f64) -> Outcome {
    let mut dice = Dice(seed);
    for _ in 0..8 {
        dice.roll();
    }
    let (mut outcome, mut waiting) = (Outcome::default(), VecDeque::new());
    let (mut now, mut next) = (0_u64, 0.0_f64);
    while now < RUN {
        // Everything that has come, first.
        while next as u64 <= now {
            let at = Ticks::from_micros(now);
            if admission.admits(waiting.len(), at) {
                waiting.push_back(next as u64);
            } else {
                outcome.shed += 1;
                now += SHED;
            }
            next += dice.pause(SERVICE as f64 / load(next as u64));
        }
        let Some(came) = waiting.pop_front() else {
            now = next as u64;
            continue;
        };
        let waited = now - came;
        if admission.begins(
            Duration::from_micros(waited),
            waiting.len(),
            Ticks::from_micros(now),
        ) {
            outcome.waits.push(waited);
            now += SERVICE;
        } else {
            outcome.shed += 1;
            now += SHED;
        }
    }
    outcome
}

fn admission() -> Admission {
    Admission::new(Some(DEFAULT_TURN))
}

#[test]
fn three_times_too_much_leaves_nine_tenths_at_their_pace() {
    for seed in 0..SEEDS {
        let mut ordinary = run(seed, &mut admission(), |_| 0.7);
        assert_eq!(ordinary.shed, 0, "seed {seed}");
        let mut outcome = run(seed, &mut admission(), |_| 3.0);
        let goodput = outcome.goodput();
        // What turning away two others costs for each call is the price; nothing else is lost.
        let ideal = SERVICE as f64 / (SERVICE + 2 * SHED) as f64;
        assert!(goodput >= 0.98 * ideal, "seed {seed}: {goodput} of {ideal}");
        let (median, high) = (outcome.percentile(50), outcome.percentile(99));
        assert!(median <= 6_000, "seed {seed}: median {median} us");
        assert!(high <= 8_000, "seed {seed}: p99 {high} us");
        assert!(ordinary.percentile(99) <= 2_500, "seed {seed}");
    }
}

#[test]
fn ordinary_load_and_bursts_are_no_overload() {
    for seed in 0..SEEDS {
        let outcome = run(seed, &mut admission(), |_| 0.8);
        assert_eq!(outcome.shed, 0, "seed {seed}");
        // Near capacity chance alone makes queues; they cost one call in two hundred at most.
        let outcome = run(seed, &mut admission(), |_| 0.9);
        let rare = outcome.waits.len() as u64 / 200;
        assert!(outcome.shed <= rare, "seed {seed}: {}", outcome.shed);
        // Every second, 40 calls come in 10 ms, and are served in 40.
        let burst = |at: u64| if at % 1_000_000 < 10_000 { 4.0 } else { 0.5 };
        let outcome = run(seed, &mut admission(), burst);
        assert_eq!(outcome.shed, 0, "seed {seed}");
    }
}

#[test]
fn it_is_over_when_it_is_over() {
    for seed in 0..SEEDS {
        let mut admission = admission();
        let storm = |at: u64| if at < 5_000_000 { 5.0 } else { 0.6 };
        let outcome = run(seed, &mut admission, storm);
        assert!(!admission.is_shedding(), "seed {seed}");
        assert!(outcome.shed > 10_000, "seed {seed}");
        // Four seconds of 4 times too much are turned away, and nearly nothing after.
        assert!(outcome.shed < 85_000, "seed {seed}: {}", outcome.shed);
    }
}

#[test]
fn without_a_target_only_memory_is_an_end() {
    let mut admission = Admission::new(None);
    let now = Ticks::from_millis(1);
    assert!(admission.begins(Duration::from_secs(60), 1, now));
    assert!(admission.admits(MAX_WAITING - 1, now));
    assert!(!admission.admits(MAX_WAITING, now));
}

#[test]
fn a_few_that_waited_for_the_system_are_no_evidence() {
    let mut admission = admission();
    for call in 0..u64::from(MIN_LATE) - 1 {
        let now = Ticks::from_millis(100 * call);
        assert!(admission.begins(Duration::from_millis(900), 1, now));
        assert!(!admission.is_shedding());
    }
    assert!(admission.begins(Duration::from_millis(900), 1, Ticks::from_millis(5_000)));
    assert!(admission.is_shedding());
    let late = Ticks::from_millis(5_001);
    assert!(!admission.begins(DEFAULT_TURN * STALE, 1, late));
    admission.set_target(Some(DEFAULT_TURN));
    assert!(admission.is_shedding(), "nothing has changed");
    admission.set_target(None);
    assert!(!admission.is_shedding());
}

#[test]
fn a_thread_that_the_system_let_sleep_is_no_overload() {
    let mut admission = admission();
    for call in 0..1_000 {
        let now = Ticks::from_millis(10 * call);
        assert!(admission.admits(0, now));
        assert!(admission.begins(Duration::from_millis(50), 0, now));
    }
    assert!(!admission.is_shedding());
}
