//! Gauges with labels that the operator gives, and those about trust.

use super::{escaped, write_head};
use countersign::time::UnixTime;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers that go up and down, one for each set of labels.
#[derive(Debug)]
pub struct Gauges<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    rows: Mutex<BTreeMap<[Box<str>; N], i64>>,
}

impl<const N: usize> Gauges<N> {
    pub(super) fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self {
            name,
            help,
            labels,
            rows: Mutex::default(),
        }
    }

    /// Sets the value of these labels; beyond [`super::MAX_SERIES`] it is not told.
    pub fn set(&self, values: [&str; N], value: i64) {
        let mut rows = self.rows();
        if rows.len() < super::MAX_SERIES {
            rows.insert(values.map(Box::from), value);
        }
    }

    /// The value of these labels.
    pub fn get(&self, values: [&str; N]) -> Option<i64> {
        self.rows().get(&values.map(Box::from)).copied()
    }

    /// Forgets every row.
    pub fn clear(&self) {
        self.rows().clear();
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<[Box<str>; N], i64>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        write_head(out, self.name, self.help, "gauge")?;
        for (values, value) in &*self.rows() {
            let labels = self.labels.iter().zip(values);
            let labels: Vec<_> = labels
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            writeln!(out, "{}{{{}}} {value}", self.name, labels.join(","))?;
        }
        Ok(())
    }
}

/// What is told about trust.
#[derive(Debug)]
pub struct TrustGauges {
    /// The version of each domain's snapshot.
    pub versions: Gauges<1>,
    /// Anchors of each domain.
    pub anchors: Gauges<1>,
    /// Sequence numbers of lists of anchors.
    pub ca_list_sequences: Gauges<2>,
    /// When lists of anchors end.
    pub ca_list_ends: Gauges<2>,
    /// Entries of revocation lists.
    pub crl_entries: Gauges<2>,
    /// When revocation lists were made.
    pub crl_begins: Gauges<2>,
    /// When the next ones are due.
    pub crl_ends: Gauges<2>,
    /// When the data of the number authority was true.
    pub number_authority: Gauges<0>,
}

impl Default for TrustGauges {
    fn default() -> Self {
        let by_source = ["domain", "source"];
        Self {
            versions: Gauges::new(
                "countersign_trust_version",
                "The version of a trust domain's snapshot.",
                ["domain"],
            ),
            anchors: Gauges::new(
                "countersign_trust_anchors",
                "Anchors of a trust domain.",
                ["domain"],
            ),
            ca_list_sequences: Gauges::new(
                "countersign_ca_list_sequence",
                "The sequence number of a list of anchors.",
                by_source,
            ),
            ca_list_ends: Gauges::new(
                "countersign_ca_list_expires_timestamp_seconds",
                "When a list of anchors is past its end.",
                by_source,
            ),
            crl_entries: Gauges::new(
                "countersign_crl_entries",
                "Entries of a revocation list.",
                by_source,
            ),
            crl_begins: Gauges::new(
                "countersign_crl_this_update_timestamp_seconds",
                "When a revocation list was made; its age is time() minus this.",
                by_source,
            ),
            crl_ends: Gauges::new(
                "countersign_crl_next_update_timestamp_seconds",
                "When the next revocation list is due at the latest.",
                by_source,
            ),
            number_authority: Gauges::new(
                "countersign_number_authority_as_of_timestamp_seconds",
                "When the data of the number authority was true; its age is time() minus this.",
                [],
            ),
        }
    }
}

impl TrustGauges {
    /// Tells when the data of the number authority was true, or that there is none.
    pub fn show_number_authority(&self, as_of: Option<UnixTime>) {
        self.number_authority.clear();
        if let Some(as_of) = as_of {
            self.number_authority.set([], as_of.as_secs());
        }
    }

    /// Forgets every domain and source.
    pub fn clear(&self) {
        self.versions.clear();
        self.anchors.clear();
        for by_source in self.by_source() {
            by_source.clear();
        }
    }

    fn by_source(&self) -> [&Gauges<2>; 5] {
        [
            &self.ca_list_sequences,
            &self.ca_list_ends,
            &self.crl_entries,
            &self.crl_begins,
            &self.crl_ends,
        ]
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        self.versions.write(out)?;
        self.anchors.write(out)?;
        for by_source in self.by_source() {
            by_source.write(out)?;
        }
        self.number_authority.write(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_not_told() {
        let gauges = TrustGauges::default();
        let labels = ["us", "https://crl.example/\"a\".crl"];
        gauges.crl_entries.set(labels, 7);
        gauges.versions.set(["us"], 3);
        gauges.number_authority.set([], 5);
        let mut text = String::new();
        gauges.write(&mut text).unwrap();
        for line in [
            "countersign_trust_version{domain=\"us\"} 3",
            "countersign_crl_entries{domain=\"us\",source=\"https://crl.example/\\\"a\\\".crl\"} 7",
            "countersign_number_authority_as_of_timestamp_seconds{} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(gauges.crl_entries.get(labels), Some(7));
        gauges.clear();
        assert_eq!(gauges.crl_entries.get(labels), None);
    }
}
