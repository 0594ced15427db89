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

/// Lets requests come at `load(time)` times the capacity, until that is nothing, and sees what becomes of them.
fn run(seed: u64, admission: &mut Admission<u64>, load: impl Fn(u64) -> f64) -> Outcome {
    let mut dice = Dice(seed);
    for _ in 0..8 {
        dice.roll();
    }
    let mut outcome = Outcome::default();
    let (mut now, mut next) = (0_u64, 0.0_f64);
    while now < RUN {
        // Everything that has come, first.
        while next as u64 <= now {
            if load(next as u64) <= 0.0 {
                next = f64::INFINITY;
                break;
            }
            let came = next as u64;
            if admission.wait(came, Ticks::from_micros(came)).is_some() {
                outcome.shed += 1;
                now += SHED;
            }
            next += dice.pause(SERVICE as f64 / load(came));
        }
        if admission.shed(Ticks::from_micros(now)).is_some() {
            outcome.shed += 1;
            now += SHED;
        } else if let Some((came, waited)) = admission.begin(Ticks::from_micros(now)) {
            assert!(waited.as_micros() <= u128::from(now - came));
            outcome.waits.push(now - came);
            now += SERVICE;
        } else {
            now = next as u64;
        }
    }
    outcome
}

fn admission() -> Admission<u64> {
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
        // Whoever begins does so at the pace of an ordinary day, from the first moment on.
        let (median, high) = (outcome.percentile(50), outcome.percentile(99));
        let usual = ordinary.percentile(99);
        assert!(usual <= 2_500, "seed {seed}: {usual} us");
        assert!(median <= 250, "seed {seed}: median {median} us");
        assert!(high <= usual, "seed {seed}: p99 {high} us");
        // Nor does the end of it, when those who still wait have their turn.
        let storm = |at: u64| if at < 2_000_000 { 3.0 } else { 0.0 };
        let high = run(seed, &mut admission(), storm).percentile(99);
        assert!(high <= usual, "seed {seed}: p99 {high} us of two seconds");
    }
}

#[test]
fn ordinary_load_and_bursts_are_no_overload() {
    for seed in 0..SEEDS {
        let outcome = run(seed, &mut admission(), |_| 0.8);
        assert_eq!(outcome.shed, 0, "seed {seed}");
        // Near capacity chance alone makes queues; they cost one call in a thousand at most.
        let outcome = run(seed, &mut admission(), |_| 0.9);
        let rare = outcome.waits.len() as u64 / 1_000;
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
        assert!(
            !admission.is_shedding(Ticks::from_micros(RUN)),
            "seed {seed}"
        );
        assert!(outcome.shed > 10_000, "seed {seed}");
        // Four seconds of 4 times too much are turned away, and nearly nothing after.
        assert!(outcome.shed < 85_000, "seed {seed}: {}", outcome.shed);
    }
}

#[test]
fn a_few_more_than_it_can_carry_are_turned_away_and_no_others() {
    for seed in 0..SEEDS {
        let outcome = run(seed, &mut admission(), |_| 1.1);
        assert!(
            outcome.goodput() >= 0.98,
            "seed {seed}: {}",
            outcome.goodput()
        );
    }
}

#[test]
fn without_a_target_only_memory_is_an_end() {
    let mut admission = Admission::new(None);
    let at = Ticks::from_millis;
    for call in 0..MAX_WAITING {
        assert_eq!(admission.wait(call, at(1)), None);
    }
    assert_eq!(admission.wait(MAX_WAITING, at(1)), Some(0));
    assert_eq!(admission.begin(at(1)), Some((1, Duration::ZERO)));
    let minute = Duration::from_secs(60);
    let later = at(1).after(minute);
    assert_eq!(admission.shed(later), None);
    assert!(admission.begin(later).is_some());
    assert!(!admission.is_shedding(later));
}

#[test]
fn the_newest_has_its_turn_first_once_the_oldest_has_waited_too_long() {
    let mut admission = admission();
    let at = |millis: u64| Ticks::from_millis(10_000 + millis);
    assert_eq!(admission.shed(at(0)), None);
    for call in 0..5 {
        admission.wait(call, at(call));
    }
    let begins = |call, waited| Some((call, Duration::from_millis(waited)));
    for (millis, begins) in [
        (5, begins(0, 5)),
        (7, begins(4, 3)),
        (8, begins(3, 5)),
        (45, begins(2, 43)),
    ] {
        assert_eq!(admission.shed(at(millis)), None);
        assert_eq!(admission.begin(at(millis)), begins);
    }
    assert_eq!(admission.shed(at(90)), None);
    assert_eq!(admission.shed(at(101)), Some(1));
    assert!(admission.is_shedding(at(101)) && admission.is_empty());
    assert!(!admission.is_shedding(at(1_101)));
    admission.set_target(Some(DEFAULT_TURN));
    assert!(admission.is_shedding(at(200)), "nothing has changed");
    admission.set_target(None);
    assert!(!admission.is_shedding(at(200)));
}

#[test]
fn a_shard_that_the_system_stopped_has_no_overload() {
    let mut admission = admission();
    let at = |millis: u64| Ticks::from_millis(10_000 + millis);
    for stop in 0..10 {
        let at = |millis: u64| at(1_500 * stop + millis);
        for call in 0..50 {
            admission.wait(call, at(0));
        }
        for call in 0..50 {
            assert_eq!(admission.shed(at(900 + call)), None, "{stop}");
            assert!(admission.begin(at(900 + call)).is_some(), "{stop}");
        }
    }
}

/// A key in a slow device: each call takes a twentieth of a second. That it looks seldom is no excuse.
#[test]
fn a_shard_that_is_slow_itself_has_overload() {
    let mut admission = admission();
    let mut turned_away = 0;
    for turn in 0..100 {
        let now = Ticks::from_millis(10_000 + 50 * turn);
        admission.wait(2 * turn, now);
        admission.wait(2 * turn + 1, now);
        while admission.shed(now).is_some() {
            turned_away += 1;
        }
        assert!(admission.begin(now).is_some());
    }
    assert!(turned_away >= 70, "{turned_away} of 100 too many");
}
