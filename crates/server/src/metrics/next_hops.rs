//! What is counted of next hops. The operator has named them all; an address that a name led to is told with its trunk, and there are
//! no more of them than routes lead to.

use super::{Family, Gauges, MAX_SERIES, escaped, write_head};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is counted of next hops.
#[derive(Debug)]
pub struct NextHopMetrics {
    /// Lookups of their names, by outcome: `ok`, or why there was no answer.
    pub lookups: Family<1>,
    /// How many addresses each name led to.
    pub addresses: Gauges<1>,
    /// Whether each that is asked is up: 1 or 0.
    pub up: Gauges<1>,
    /// Probes of each, by outcome: `answered`, `refused` (408 or 503) or `silent`.
    pub probes: HopCounter<2>,
    /// Requests that each could not take, by cause: `busy` (503), `silent` or `unreachable`.
    pub failures: HopCounter<2>,
    /// Those for which another was tried.
    pub failovers: HopCounter<1>,
}

/// A counter whose labels begin with a next hop. What is counted here is rare, so a lock is cheap enough.
#[derive(Debug)]
pub struct HopCounter<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    rows: Mutex<BTreeMap<[Box<str>; N], u64>>,
}

impl<const N: usize> HopCounter<N> {
    fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self {
            name,
            help,
            labels,
            rows: Mutex::default(),
        }
    }

    /// Counts one more of these label values; beyond [`MAX_SERIES`] it is not told.
    pub fn increment(&self, values: [&str; N]) {
        let (mut rows, key) = (self.rows(), values.map(Box::from));
        if rows.len() < MAX_SERIES || rows.contains_key(&key) {
            *rows.entry(key).or_default() += 1;
        }
    }

    /// How many of these label values were counted.
    pub fn count(&self, values: [&str; N]) -> u64 {
        self.rows()
            .get(&values.map(Box::from))
            .copied()
            .unwrap_or(0)
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<[Box<str>; N], u64>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        write_head(out, self.name, self.help, "counter")?;
        for (values, count) in &*self.rows() {
            let labels = self.labels.iter().zip(values);
            let labels: Vec<_> = labels
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            writeln!(out, "{}{{{}}} {count}", self.name, labels.join(","))?;
        }
        Ok(())
    }
}

impl Default for NextHopMetrics {
    fn default() -> Self {
        Self {
            lookups: Family::new(
                "countersign_next_hop_lookups_total",
                "Lookups of names of next hops by outcome.",
                ["outcome"],
            ),
            addresses: Gauges::new(
                "countersign_next_hop_addresses",
                "Addresses that the name of a next hop led to.",
                ["next_hop"],
            ),
            up: Gauges::new(
                "countersign_next_hop_up",
                "Whether a next hop that is asked by OPTIONS answers.",
                ["next_hop"],
            ),
            probes: HopCounter::new(
                "countersign_next_hop_probes_total",
                "OPTIONS to next hops by outcome.",
                ["next_hop", "outcome"],
            ),
            failures: HopCounter::new(
                "countersign_next_hop_failures_total",
                "Requests that a next hop could not take, by cause.",
                ["next_hop", "cause"],
            ),
            failovers: HopCounter::new(
                "countersign_next_hop_failovers_total",
                "Requests for which another next hop was tried after this one.",
                ["next_hop"],
            ),
        }
    }
}

impl NextHopMetrics {
    /// Forgets all names: another configuration has others.
    pub fn forget_names(&self) {
        self.addresses.clear();
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        self.lookups.write(out)?;
        self.addresses.write(out)?;
        self.up.write(out)?;
        self.probes.write(out)?;
        self.failures.write(out)?;
        self.failovers.write(out)
    }
}
