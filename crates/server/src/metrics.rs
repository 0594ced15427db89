//! What is counted, and how it is told: Prometheus text on the admin listener.
//!
//! [`Metrics`] is one struct of named families; every family is one line there with its name, help and labels. Label values
//! are the names of glossaries (faults, verdicts, outcomes), so their number is fixed by the code, and of trunks, which the
//! operator gives, as the next hops: no telephone number, URL or address of anybody else ever becomes one. Own atomics instead of a registry crate: the whole
//! need is below.

mod family;
mod gauges;
mod histogram;
mod authority;
mod next_hops;
mod process;
mod shards;
mod signers;

pub use authority::AuthorityMetrics;
pub use family::{ByTrunk, Family};
pub use gauges::{Gauges, TrustGauges};
pub use histogram::Histogram;
pub use next_hops::{HopCounter, NextHopMetrics};
pub use shards::{Level, ShardGauges, Shards};
pub use signers::{MAX_SIGNER_CHARS, MAX_SIGNERS, Signers};

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI64, Ordering};

/// Most series of one family. Glossaries are far smaller; the bound is for the day when somebody labels with something else.
pub const MAX_SERIES: usize = 4_096;

/// Most trunks that are counted apart; those that come later are counted together, under no name.
pub const MAX_TRUNKS: usize = 1_024;

/// Everything that this process counts.
#[derive(Debug)]
pub struct Metrics {
    /// Calls that were judged or signed, by what was done and what came of it.
    pub calls: ByTrunk<4>,
    /// Verdicts by who signed.
    pub signers: Signers,
    /// What signing decided: the attestation, or why a call was forwarded without one.
    pub signings: ByTrunk<2>,
    /// Diversions, by trunk and what came of signing them.
    pub diversions: ByTrunk<1>,
    /// Calls that asked for priority, by trunk and what became of that: a call may have several outcomes.
    pub priorities: ByTrunk<1>,
    /// Answers to calls that we signed, by trunk and how they stand: the name of a standing, or of the fault.
    pub answers: ByTrunk<2>,
    /// Answers that were to be signed, by trunk and what came of it: `signed`, or the name of the refusal.
    pub signed_answers: ByTrunk<1>,
    /// Requests inside calls whose other side is known, by trunk, method and what came of signing or judging them.
    pub mid_dialog: ByTrunk<2>,
    /// Questions who would answer, by trunk and what they got.
    pub inquiries: ByTrunk<1>,
    /// Who is remembered to have proved that they answer.
    pub supporters: Gauge,
    /// Time that answers waited to be signed or judged.
    pub answer_delay: Histogram,
    /// Errors that others report of PASSporTs in calls that we signed: whose PASSporT, and the code.
    pub reported_errors: ByTrunk<2>,
    /// Fetches of certificate chains, by outcome: `ok`, `unchanged`, or the name of the reason.
    pub fetches: Family<1>,
    /// Time from asking for a certificate chain to the end of the answer, whatever it was.
    pub fetch_latency: Histogram,
    /// Lookups in the certificate cache: `hit`, `failure` (remembered) or `miss`.
    pub cache_lookups: Family<1>,
    /// Certificate chains in the cache.
    pub cached_chains: Gauge,
    /// Fetches of TN Authorization Lists by reference, by outcome.
    pub list_fetches: Family<1>,
    /// Time of these.
    pub list_fetch_latency: Histogram,
    /// Lookups in the cache of such lists.
    pub list_lookups: Family<1>,
    /// Such lists in the cache.
    pub cached_lists: Gauge,
    /// Brands that can be signed.
    pub brands_ready: Gauge,
    /// Looks at what brands refer to, by outcome: `made`, `unchanged`, `changed`, `refused`, or why something could not be had.
    pub brand_refreshes: Family<1>,
    /// Fetches of what rich call data refers to, jCards and pictures, by outcome.
    pub resource_fetches: Family<1>,
    /// Time of these.
    pub resource_fetch_latency: Histogram,
    /// Lookups in the caches of them.
    pub resource_lookups: Family<1>,
    /// jCards in the cache.
    pub cached_cards: Gauge,
    /// Pictures in the cache.
    pub cached_pictures: Gauge,
    /// Questions to responders of OCSP during calls, by outcome.
    pub status_fetches: Family<1>,
    /// Time of these.
    pub status_fetch_latency: Histogram,
    /// Lookups in the cache of their answers.
    pub status_lookups: Family<1>,
    /// Answers in the cache.
    pub cached_statuses: Gauge,
    /// Answers about our own certificates, fetched to be stapled, by outcome: `ok`, `not-good`, or the name of the reason.
    pub staple_fetches: Family<1>,
    /// What came of asking for revocation lists and lists of anchors, by kind and outcome: `ok`, `unchanged`, or the name of the
    /// reason.
    pub trust_refreshes: Family<2>,
    /// What there is to tell about trust.
    pub trust: TrustGauges,
    /// Signers whose chains are kept warm.
    pub known_signers: Gauge,
    /// What pre-warming did: chains `fetched` or `unavailable`, paths `verified` or `refused`.
    pub prewarmed: Family<1>,
    /// SIP messages, by transport, direction and kind.
    pub sip_messages: Family<3>,
    /// Bytes of them, by transport and direction.
    pub sip_bytes: Family<2>,
    /// SIP messages that could not be used, by reason.
    pub sip_refused: Family<1>,
    /// SIP messages that could not be sent, by transport and reason.
    pub sip_unsent: Family<2>,
    /// Copies of SIP messages for a HEP collector, by what became of them.
    pub hep_messages: Family<1>,
    /// What happened in SIP that is no call of its own, by name.
    pub sip_events: Family<1>,
    /// What there is to tell about next hops.
    pub next_hops: NextHopMetrics,
    /// Our authority, if this server is one.
    pub authority: AuthorityMetrics,
    /// Connections for SIP that are open, by transport.
    pub sip_connections: Gauges<1>,
    /// Requests that signing pushed past the size of a datagram and that went the other way, by way.
    pub oversize_fallbacks: Family<1>,
    /// Requests over HTTP, by path and status.
    pub http_requests: Family<2>,
    /// Time from a request over HTTP to its answer.
    pub http_latency: Histogram,
    /// When our own certificates end.
    pub own_certificates: Gauges<2>,
    /// When their lives begin, by the same.
    pub own_certificates_begin: Gauges<2>,
    /// Requests to sign or verify over HTTP, by what was asked and what came of it.
    pub stir_requests: Family<2>,
    /// Reloads of the configuration, by outcome: `done`, or `refused` because of a mistake.
    pub reloads: Family<1>,
    /// Tries to renew a certificate of our own, by outcome: `renewed` or `failed`.
    pub renewals: Family<1>,
    /// Which configuration runs: 1 at the start, one more after each reload.
    pub generation: Gauge,
    /// What each shard has to do.
    pub shards: Shards,
    /// Time that events waited for their shard.
    pub queue_delay: Histogram,
    /// Time that new requests waited for their turn, the time before they reached their shard included.
    pub turn_delay: Histogram,
    /// Time from the arrival of a request to its verdict.
    pub judge_latency: Histogram,
    /// Time from the arrival of a request to its signature.
    pub sign_latency: Histogram,
}

impl Default for Metrics {
    #[rustfmt::skip]
    fn default() -> Self {
        Self {
            calls: ByTrunk::new("countersign_calls_total", "Calls by trunk, role, verdict, fault and the verstat that left.", ["role", "verdict", "fault", "verstat"]),
            signers: Signers::default(),
            signings: ByTrunk::new("countersign_signings_total", "Signing decisions by trunk, outcome and attestation.", ["outcome", "attest"]),
            diversions: ByTrunk::new("countersign_diversions_total", "Calls that go somewhere else than their PASSporTs say, by trunk and what came of signing that.", ["outcome"]),
            priorities: ByTrunk::new("countersign_priority_total", "Calls that ask for priority by trunk and what became of it: a call may have several outcomes.", ["outcome"]),
            answers: ByTrunk::new("countersign_answers_total", "Answers to calls by trunk, how they stand and, where nothing is proven, why.", ["standing", "fault"]),
            signed_answers: ByTrunk::new("countersign_signed_answers_total", "Answers that were to be signed by trunk and what came of it.", ["outcome"]),
            mid_dialog: ByTrunk::new("countersign_mid_dialog_total", "Requests inside calls whose other side is known, by trunk, method and what came of signing or judging them.", ["method", "outcome"]),
            inquiries: ByTrunk::new("countersign_inquiries_total", "Questions who would answer (probes) by trunk and what they got.", ["outcome"]),
            supporters: Gauge::new("countersign_supporters", "Numbers and URIs that are remembered to have proved that they answer."),
            answer_delay: Histogram::new("countersign_answer_seconds", "Time that answers waited to be signed or judged."),
            reported_errors: ByTrunk::new("countersign_reported_errors_total", "Errors that others report of PASSporTs in calls that we signed, by trunk, whose PASSporT it is and code.", ["about", "code"]),
            fetches: Family::new("countersign_certificate_fetches_total", "Fetches of certificate chains by outcome.", ["outcome"]),
            fetch_latency: Histogram::new("countersign_certificate_fetch_seconds", "Time of fetches of certificate chains."),
            cache_lookups: Family::new("countersign_certificate_cache_lookups_total", "Lookups in the certificate cache by result.", ["result"]),
            cached_chains: Gauge::new("countersign_certificate_cache_chains", "Certificate chains in the cache."),
            list_fetches: Family::new("countersign_tnauthlist_fetches_total", "Fetches of TN Authorization Lists by reference by outcome.", ["outcome"]),
            list_fetch_latency: Histogram::new("countersign_tnauthlist_fetch_seconds", "Time of fetches of TN Authorization Lists."),
            list_lookups: Family::new("countersign_tnauthlist_cache_lookups_total", "Lookups in the cache of TN Authorization Lists by result.", ["result"]),
            cached_lists: Gauge::new("countersign_tnauthlist_cache_lists", "TN Authorization Lists in the cache."),
            brands_ready: Gauge::new("countersign_brands_ready", "Brands that can be signed."),
            brand_refreshes: Family::new("countersign_brand_refreshes_total", "Looks at what brands refer to by outcome.", ["outcome"]),
            resource_fetches: Family::new("countersign_resource_fetches_total", "Fetches of what rich call data refers to by outcome.", ["outcome"]),
            resource_fetch_latency: Histogram::new("countersign_resource_fetch_seconds", "Time of fetches of what rich call data refers to."),
            resource_lookups: Family::new("countersign_resource_cache_lookups_total", "Lookups in the caches of jCards and pictures by result.", ["result"]),
            cached_cards: Gauge::new("countersign_resource_cache_cards", "jCards in the cache."),
            cached_pictures: Gauge::new("countersign_resource_cache_pictures", "Pictures in the cache."),
            status_fetches: Family::new("countersign_status_fetches_total", "Questions to responders of OCSP during calls by outcome.", ["outcome"]),
            status_fetch_latency: Histogram::new("countersign_status_fetch_seconds", "Time of questions to responders of OCSP."),
            status_lookups: Family::new("countersign_status_cache_lookups_total", "Lookups in the cache of answers of responders by result.", ["result"]),
            cached_statuses: Gauge::new("countersign_status_cache_answers", "Answers of responders in the cache."),
            staple_fetches: Family::new("countersign_staple_fetches_total", "Questions about our own certificates, whose answers are stapled, by outcome.", ["outcome"]),
            trust_refreshes: Family::new("countersign_trust_refreshes_total", "Requests for revocation lists and lists of anchors by kind and outcome.", ["list", "outcome"]).told_from_the_start(&[["crl", "backwards"], ["crl", "not-proven"], ["crl", "other-series"], ["ca-list", "backwards"], ["ca-list", "not-proven"], ["ca-list", "other-series"]]),
            trust: TrustGauges::default(),
            known_signers: Gauge::new("countersign_known_signers", "Signers whose certificate chains are kept warm."),
            prewarmed: Family::new("countersign_prewarmed_total", "What pre-warming did: chains fetched or unavailable, paths verified or refused.", ["outcome"]),
            sip_messages: Family::new("countersign_sip_messages_total", "SIP messages by transport, direction and kind.", ["transport", "direction", "kind"]),
            sip_bytes: Family::new("countersign_sip_bytes_total", "Bytes of SIP messages by transport and direction.", ["transport", "direction"]),
            sip_refused: Family::new("countersign_sip_refused_total", "SIP messages that could not be used, by reason.", ["reason"]).told_from_the_start(&[["queue-full"], ["overload"], ["overloaded"]]),
            sip_unsent: Family::new("countersign_sip_unsent_total", "SIP messages that could not be sent, by transport and reason.", ["transport", "reason"]),
            hep_messages: Family::new("countersign_hep_messages_total", "Copies of SIP messages for the HEP collector, by what became of them.", ["outcome"]).told_from_the_start(&[["sent"], ["queue-full"], ["unsent"]]),
            sip_events: Family::new("countersign_sip_events_total", "What happened in SIP that is no call of its own, by name.", ["event"]).told_from_the_start(&[["answer-regression"], ["mid-dialog-mismatch"], ["replay-seen"], ["shard-panicked"]]),
            next_hops: NextHopMetrics::default(),
            authority: AuthorityMetrics::default(),
            sip_connections: Gauges::new("countersign_sip_connections", "Connections for SIP that are open, by transport.", ["transport"]),
            oversize_fallbacks: Family::new("countersign_sip_oversize_total", "SIP requests too large for a datagram, by the way they left.", ["way"]),
            http_requests: Family::new("countersign_http_requests_total", "HTTP requests by path and status.", ["path", "status"]),
            http_latency: Histogram::new("countersign_http_seconds", "Time from an HTTP request to its answer."),
            own_certificates: Gauges::new("countersign_own_certificate_expires_timestamp_seconds", "When a certificate of our own ends, by what it is for and whose it is.", ["use", "name"]),
            own_certificates_begin: Gauges::new("countersign_own_certificate_begins_timestamp_seconds", "When the life of a certificate of our own begins, by what it is for and whose it is.", ["use", "name"]),
            stir_requests: Family::new("countersign_stir_requests_total", "Requests to sign or verify over HTTP, by what was asked and what came of it.", ["service", "outcome"]),
            reloads: Family::new("countersign_reloads_total", "Reloads of the configuration by outcome.", ["outcome"]).told_from_the_start(&[["done"], ["refused"]]),
            renewals: Family::new("countersign_certificate_renewals_total", "Tries to renew a certificate of our own, by outcome.", ["outcome"]),
            generation: Gauge::new("countersign_config_generation", "Which configuration runs: 1 at the start, one more after each reload."),
            shards: Shards::default(),
            queue_delay: Histogram::new("countersign_queue_seconds", "Time that events waited for their shard."),
            turn_delay: Histogram::new("countersign_turn_seconds", "Time that new requests waited for their turn."),
            judge_latency: Histogram::new("countersign_judge_seconds", "Time from the arrival of a request to its verdict."),
            sign_latency: Histogram::new("countersign_sign_seconds", "Time from the arrival of a request to its signature."),
        }
    }
}

impl Metrics {
    /// Everything in the text format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(8 * 1024);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "# HELP countersign_build_info The version that runs.\n# TYPE countersign_build_info gauge\n\
             countersign_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        )?;
        self.calls.write(out)?;
        self.signers.write(out)?;
        self.signings.write(out)?;
        self.diversions.write(out)?;
        self.priorities.write(out)?;
        self.answers.write(out)?;
        self.signed_answers.write(out)?;
        self.mid_dialog.write(out)?;
        self.inquiries.write(out)?;
        self.supporters.write(out)?;
        self.answer_delay.write(out)?;
        self.reported_errors.write(out)?;
        self.fetches.write(out)?;
        self.fetch_latency.write(out)?;
        self.cache_lookups.write(out)?;
        self.cached_chains.write(out)?;
        self.list_fetches.write(out)?;
        self.list_fetch_latency.write(out)?;
        self.list_lookups.write(out)?;
        self.cached_lists.write(out)?;
        self.brands_ready.write(out)?;
        self.brand_refreshes.write(out)?;
        self.resource_fetches.write(out)?;
        self.resource_fetch_latency.write(out)?;
        self.resource_lookups.write(out)?;
        self.cached_cards.write(out)?;
        self.cached_pictures.write(out)?;
        self.status_fetches.write(out)?;
        self.status_fetch_latency.write(out)?;
        self.status_lookups.write(out)?;
        self.cached_statuses.write(out)?;
        self.staple_fetches.write(out)?;
        self.trust_refreshes.write(out)?;
        self.trust.write(out)?;
        self.known_signers.write(out)?;
        self.prewarmed.write(out)?;
        self.sip_messages.write(out)?;
        self.sip_bytes.write(out)?;
        self.sip_refused.write(out)?;
        self.sip_unsent.write(out)?;
        self.hep_messages.write(out)?;
        self.sip_events.write(out)?;
        self.next_hops.write(out)?;
        self.authority.write(out)?;
        self.sip_connections.write(out)?;
        self.oversize_fallbacks.write(out)?;
        self.http_requests.write(out)?;
        self.stir_requests.write(out)?;
        self.http_latency.write(out)?;
        self.own_certificates.write(out)?;
        self.own_certificates_begin.write(out)?;
        self.reloads.write(out)?;
        self.renewals.write(out)?;
        self.generation.write(out)?;
        self.shards.write(out)?;
        self.queue_delay.write(out)?;
        self.turn_delay.write(out)?;
        self.judge_latency.write(out)?;
        self.sign_latency.write(out)?;
        process::write(out)
    }
}

/// A label value as the text format wants it: the operator may have given a trunk any name.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// A number that goes up and down.
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    help: &'static str,
    value: AtomicI64,
}

impl Gauge {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            value: AtomicI64::new(0),
        }
    }

    /// Sets the value.
    pub fn set(&self, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.value.store(value, Ordering::Relaxed);
    }

    /// The value.
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        write_head(out, self.name, self.help, "gauge")?;
        writeln!(out, "{} {}", self.name, self.get())
    }
}

fn write_head(out: &mut String, name: &str, help: &str, kind: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_told_with_help_and_type() {
        let metrics = Metrics::default();
        for trunk in ["carrier", "carrier", "a \"b\"\\c\nd"] {
            let values = ["verify", "passed", "none", "TN-Validation-Passed"];
            metrics.calls.increment(trunk, values);
        }
        metrics.fetches.increment(["timed-out"]);
        metrics.cached_chains.set(3);
        let text = metrics.render();
        for line in [
            "# TYPE countersign_calls_total counter",
            "countersign_calls_total{trunk=\"carrier\",role=\"verify\",verdict=\"passed\",fault=\"none\",verstat=\"TN-Validation-Passed\"} 2",
            "countersign_calls_total{trunk=\"a \\\"b\\\"\\\\c\\nd\",role=\"verify\",verdict=\"passed\",fault=\"none\",verstat=\"TN-Validation-Passed\"} 1",
            "countersign_certificate_fetches_total{outcome=\"timed-out\"} 1",
            "countersign_certificate_cache_chains 3",
            "# TYPE countersign_judge_seconds histogram",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let helps = text.lines().filter(|line| line.starts_with("# HELP"));
        let types = text.lines().filter(|line| line.starts_with("# TYPE"));
        assert_eq!(helps.count(), types.count());
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn trunks_without_end_are_counted_together() {
        let metrics = Metrics::default();
        for number in 0..MAX_TRUNKS + 10 {
            let trunk = format!("trunk {number}");
            metrics.signings.increment(&trunk, ["signed", "A"]);
        }
        assert_eq!(
            metrics.signings.count(["signed", "A"]),
            MAX_TRUNKS as u64 + 10
        );
        let text = metrics.render();
        let rows = text
            .lines()
            .filter(|line| line.starts_with("countersign_signings_total"));
        assert_eq!(rows.count(), MAX_TRUNKS + 1);
        assert!(text.contains(
            "countersign_signings_total{trunk=\"\",outcome=\"signed\",attest=\"A\"} 10\n"
        ));
    }

    #[test]
    fn counters_are_shared_between_threads() {
        let metrics = Metrics::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        metrics.sip_messages.increment(["udp", "in", "INVITE"]);
                    }
                });
            }
        });
        assert_eq!(metrics.sip_messages.count(["udp", "in", "INVITE"]), 4_000);
    }
}
