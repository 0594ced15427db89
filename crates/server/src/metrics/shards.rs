//! What each shard has to do: gauges by shard, written by the shard itself and read when somebody asks.

use super::write_head;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A number of one shard.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// Adds to it, or takes away.
    pub fn add(&self, difference: i64) {
        self.0.fetch_add(difference, Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard has to do.
#[derive(Debug, Default)]
pub struct ShardGauges {
    /// Events that wait for it.
    pub queue: Level,
    /// New requests that wait for their turn.
    pub newcomers: Level,
    /// Whether new requests are turned away: 1 or 0.
    pub shedding: Level,
    /// Requests under way: response contexts.
    pub contexts: Level,
    /// What these are reckoned at, in bytes.
    pub context_bytes: Level,
    /// Server transactions, towards who asks.
    pub server_transactions: Level,
    /// Client transactions, towards next hops.
    pub client_transactions: Level,
    /// Calls of b2bua trunks, ringing or answered.
    pub calls: Level,
    /// Timers that run.
    pub timers: Level,
    /// Calls that wait for a certificate or a list.
    pub waiting: Level,
}

/// The gauges of all shards. There are as many as the configuration has shards, so the label is bounded.
#[derive(Debug, Default)]
pub struct Shards(RwLock<Vec<Arc<ShardGauges>>>);

impl Shards {
    /// Those of one shard, for who changes them often.
    pub fn of(&self, shard: usize) -> Arc<ShardGauges> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        while all.len() <= shard {
            all.push(Arc::default());
        }
        all.get(shard).cloned().unwrap_or_default()
    }

    #[rustfmt::skip]
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut tell = |name, help, level: fn(&ShardGauges) -> &Level| {
            write_head(out, name, help, "gauge")?;
            let mut shards = all.iter().enumerate();
            shards.try_for_each(|(shard, gauges)| writeln!(out, "{name}{{shard=\"{shard}\"}} {}", level(gauges).get()))
        };
        tell("countersign_queue_depth", "Events that wait for a shard.", |shard| &shard.queue)?;
        tell("countersign_new_requests_waiting", "New requests that wait for their turn.", |shard| &shard.newcomers)?;
        tell("countersign_shedding", "Whether a shard turns new requests away because they would wait too long.", |shard| &shard.shedding)?;
        tell("countersign_sip_contexts", "SIP requests under way.", |shard| &shard.contexts)?;
        tell("countersign_sip_context_bytes", "What the SIP requests under way are reckoned at.", |shard| &shard.context_bytes)?;
        tell("countersign_sip_server_transactions", "SIP transactions towards who asks.", |shard| &shard.server_transactions)?;
        tell("countersign_sip_client_transactions", "SIP transactions towards next hops.", |shard| &shard.client_transactions)?;
        tell("countersign_b2bua_calls", "Calls of b2bua trunks, ringing or answered, each with a dialog on both sides.", |shard| &shard.calls)?;
        tell("countersign_sip_timers", "Timers that run.", |shard| &shard.timers)?;
        tell("countersign_calls_waiting", "Calls that wait for a certificate or a list.", |shard| &shard.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shard_has_its_row() {
        let shards = Shards::default();
        shards.of(1).contexts.set(5);
        shards.of(1).queue.add(3);
        shards.of(1).queue.add(-1);
        let mut text = String::new();
        shards.write(&mut text).unwrap();
        for line in [
            "countersign_sip_contexts{shard=\"0\"} 0",
            "countersign_sip_contexts{shard=\"1\"} 5",
            "countersign_queue_depth{shard=\"1\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
