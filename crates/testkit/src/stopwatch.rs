//! Comparing how long two things take, on a machine that does other things as well.
//!
//! Two contestants take turns in short blocks, and what is told of each is the median over all its blocks of CPU time per operation: the
//! time of this thread, not the time on the wall. Two runs of the same work in long blocks differ by up to a fifth; the medians of 400
//! alternating blocks of 2 ms by a thousandth. A contestant can be raced against itself, to show that this is so.
//!
//! A block starts with a few operations that are not timed: the tables of the crypto library alone are larger than a first-level cache, and
//! whoever comes after somebody who threw them out would pay for it.

use rustix::time::{ClockId, clock_gettime};

/// Blocks of each contestant.
pub const ROUNDS: usize = 400;
/// Length of a block, in nanoseconds of CPU time.
pub const BLOCK_NANOS: f64 = 2_000_000.0;

/// One in so many operations of a block comes before it, untimed.
const UNTIMED: usize = 8;

/// Something to measure.
pub struct Contestant<'a> {
    /// One operation; the argument counts up.
    work: Box<dyn FnMut(usize) + 'a>,
}

impl<'a> Contestant<'a> {
    /// A contestant that does `work`.
    pub fn new(work: impl FnMut(usize) + 'a) -> Self {
        Self {
            work: Box::new(work),
        }
    }

    /// Nanoseconds of CPU time for each of `count` operations.
    fn block(&mut self, count: usize, from: usize) -> f64 {
        for index in 0..count.div_ceil(UNTIMED) {
            (self.work)(index);
        }
        let start = cpu_nanos();
        for index in from..from + count {
            (self.work)(index);
        }
        (cpu_nanos() - start) / count as f64
    }

    /// How many operations fill a block.
    fn calibrate(&mut self) -> usize {
        let mut count = 1;
        loop {
            let took = self.block(count, 0) * count as f64;
            if took >= BLOCK_NANOS / 2.0 {
                return ((count as f64 * BLOCK_NANOS / took) as usize).max(1);
            }
            count *= 2;
        }
    }
}

/// Lets two contestants take turns; the median nanoseconds per operation of each.
pub fn race(mut one: Contestant<'_>, mut other: Contestant<'_>) -> (f64, f64) {
    let (count_one, count_other) = (one.calibrate(), other.calibrate());
    let (mut of_one, mut of_other) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS {
        // First one, then the other, and the other way round the next time: what comes second is no better off.
        let mut one = || of_one.push(one.block(count_one, round * count_one));
        let mut other = || of_other.push(other.block(count_other, round * count_other));
        if round % 2 == 0 {
            one();
            other();
        } else {
            other();
            one();
        }
    }
    (median(of_one), median(of_other))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// CPU time of this thread so far, in nanoseconds.
pub fn cpu_nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]), 3.0);
    }

    #[test]
    fn only_work_counts() {
        let start = cpu_nanos();
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(cpu_nanos() - start < 20e6, "sleeping is no work");
    }

    #[test]
    fn a_block_is_as_long_as_it_should_be() {
        let mut contestant = Contestant::new(|index| {
            black_box((0..1000).fold(index, |sum, next| sum ^ black_box(next)));
        });
        let count = contestant.calibrate();
        let took = contestant.block(count, 0) * count as f64;
        // Roughly: the machine is shared.
        assert!(
            (BLOCK_NANOS / 20.0..BLOCK_NANOS * 20.0).contains(&took),
            "{took} ns"
        );
    }
}
