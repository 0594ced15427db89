//! How long things took, in buckets.

use super::write_head;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in microseconds: from a warm judgement (one ECDSA verification is about 65) past the call
/// deadline of 500 ms to the longest fetch.
const BUCKETS: [u64; 12] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000, 100_000, 250_000, 500_000, 2_000_000,
];

/// How long something took, in buckets.
#[derive(Debug)]
pub struct Histogram {
    name: &'static str,
    help: &'static str,
    buckets: [AtomicU64; BUCKETS.len()],
    beyond: AtomicU64,
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            buckets: Default::default(),
            beyond: AtomicU64::new(0),
            sum_micros: AtomicU64::new(0),
        }
    }

    /// Counts one more that took `duration`.
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS
            .iter()
            .zip(&self.buckets)
            .find(|(bound, _)| micros <= **bound)
            .map_or(&self.beyond, |(_, bucket)| bucket);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        let within: u64 = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).sum();
        within + self.beyond.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        write_head(out, self.name, self.help, "histogram")?;
        let mut total = 0;
        for (bound, bucket) in BUCKETS.iter().zip(&self.buckets) {
            total += bucket.load(Ordering::Relaxed);
            let name = self.name;
            writeln!(out, "{name}_bucket{{le=\"{}\"}} {total}", seconds(*bound))?;
        }
        total += self.beyond.load(Ordering::Relaxed);
        let sum = seconds(self.sum_micros.load(Ordering::Relaxed));
        let name = self.name;
        writeln!(
            out,
            "{name}_bucket{{le=\"+Inf\"}} {total}\n{name}_sum {sum}\n{name}_count {total}"
        )
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let histogram = Histogram::new("h", "Help.");
        for micros in [10, 50, 51, 700, 3_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut text = String::new();
        histogram.write(&mut text).unwrap();
        for line in [
            "h_bucket{le=\"0.00005\"} 2",
            "h_bucket{le=\"0.0001\"} 3",
            "h_bucket{le=\"0.001\"} 4",
            "h_bucket{le=\"2\"} 4",
            "h_bucket{le=\"+Inf\"} 5",
            "h_count 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(histogram.count(), 5);
    }
}
