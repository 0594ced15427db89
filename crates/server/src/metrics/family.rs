//! Counters with labels.
//!
//! Whoever counts carries a call: a counter is found without a lock and added to without waiting. Only the first of its label
//! values makes one, and then all that there are move to a larger table.

use super::{MAX_SERIES, MAX_TRUNKS, escaped, write_head};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Series<const N: usize> =
    HashMap<[&'static str; N], Arc<AtomicU64>, BuildHasherDefault<ShortHash>>;

/// A counter with `N` labels.
#[derive(Debug)]
pub struct Family<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    series: ArcSwap<Series<N>>,
}

impl<const N: usize> Family<N> {
    pub(super) fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self {
            name,
            help,
            labels,
            series: ArcSwap::default(),
        }
    }

    /// These are told from the start, as 0: a counter that appears with 1 is no increase to whoever collects it, and an alarm for the
    /// first time would not go off.
    pub(super) fn told_from_the_start(self, rows: &[[&'static str; N]]) -> Self {
        rows.iter().for_each(|values| self.make(*values));
        self
    }

    /// Counts one more of these label values.
    pub fn increment(&self, values: [&'static str; N]) {
        self.add(values, 1);
    }

    /// Counts so many more of these label values; above [`MAX_SERIES`] of them, those that are new are not counted.
    pub fn add(&self, values: [&'static str; N], more: u64) {
        let series = self.series.load();
        if let Some(counter) = series.get(&values) {
            counter.fetch_add(more, Ordering::Relaxed);
            return;
        }
        drop(series);
        self.make(values);
        if let Some(counter) = self.series.load().get(&values) {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn make(&self, values: [&'static str; N]) {
        self.series.rcu(|series| {
            let mut larger = Series::clone(series);
            if larger.len() < MAX_SERIES {
                larger.entry(values).or_default();
            }
            larger
        });
    }

    /// How many of these label values were counted.
    pub fn count(&self, values: [&'static str; N]) -> u64 {
        let series = self.series.load();
        series
            .get(&values)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        write_head(out, self.name, self.help, "counter")?;
        self.write_rows(out, "")
    }

    /// All series, sorted, and how many were counted of each.
    pub(super) fn counts(&self) -> Vec<([&'static str; N], u64)> {
        let series = self.series.load();
        let counted = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut rows: Vec<_> = series
            .iter()
            .map(|(values, counter)| (*values, counted(counter)))
            .collect();
        rows.sort_unstable();
        rows
    }

    /// The rows of all series, each with these labels before its own.
    fn write_rows(&self, out: &mut String, before: &str) -> fmt::Result {
        for (values, count) in self.counts() {
            write!(out, "{}{{{before}", self.name)?;
            let mut separator = if before.is_empty() { "" } else { "," };
            for (label, value) in self.labels.iter().zip(values) {
                // Label values are names of our own glossaries: nothing in them needs an escape.
                write!(out, "{separator}{label}=\"{value}\"")?;
                separator = ",";
            }
            writeln!(out, "}} {count}")?;
        }
        Ok(())
    }
}

/// A family for each trunk: a counter with the label `trunk` and `N` others.
#[derive(Debug)]
pub struct ByTrunk<const N: usize> {
    /// Of a trunk beyond [`MAX_TRUNKS`].
    others: Family<N>,
    trunks: ArcSwap<BTreeMap<Box<str>, Arc<Family<N>>>>,
}

impl<const N: usize> ByTrunk<N> {
    pub(super) fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self {
            others: Family::new(name, help, labels),
            trunks: ArcSwap::default(),
        }
    }

    /// Counts one more of this trunk and these label values.
    pub fn increment(&self, trunk: &str, values: [&'static str; N]) {
        if let Some(family) = self.trunks.load().get(trunk) {
            return family.increment(values);
        }
        self.make(trunk);
        match self.trunks.load().get(trunk) {
            Some(family) => family.increment(values),
            None => self.others.increment(values),
        }
    }

    fn make(&self, trunk: &str) {
        let Family {
            name, help, labels, ..
        } = self.others;
        let family = Arc::new(Family::new(name, help, labels));
        self.trunks.rcu(|trunks| {
            let mut larger = BTreeMap::clone(trunks);
            if larger.len() < MAX_TRUNKS {
                larger.entry(trunk.into()).or_insert_with(|| family.clone());
            }
            larger
        });
    }

    /// How many of these label values were counted, of all trunks together.
    pub fn count(&self, values: [&'static str; N]) -> u64 {
        let trunks = self.trunks.load();
        let named: u64 = trunks.values().map(|family| family.count(values)).sum();
        named + self.others.count(values)
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        write_head(out, self.others.name, self.others.help, "counter")?;
        for (trunk, family) in &*self.trunks.load_full() {
            family.write_rows(out, &format!("trunk=\"{}\"", escaped(trunk)))?;
        }
        self.others.write_rows(out, "trunk=\"\"")
    }
}

/// FNV-1a, 64 bits: quick for the few letters of a label, and labels are ours, so that nobody can choose them badly.
#[derive(Clone, Copy, Debug)]
struct ShortHash(u64);

impl Default for ShortHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for ShortHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_while_the_table_grows() {
        const WORDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let family = Family::new("f_total", "Help.", ["one", "other"]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..6_400 {
                        family.increment([WORDS[number % 8], WORDS[number / 8 % 8]]);
                    }
                });
            }
        });
        for one in WORDS {
            for other in WORDS {
                assert_eq!(family.count([one, other]), 400, "{one} {other}");
            }
        }
    }
}
