//! What this process can carry: the limits that hold, and how fast this machine signs and verifies. Told once, at the start.

use super::Running;
use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey, VerifyingKeys};
use countersign_sip::element::{DEFAULT_MAX_CONTEXT_BYTES, DEFAULT_MAX_CONTEXTS};
use std::fmt;
use std::time::{Duration, Instant};

/// What this process can carry.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Threads that carry calls.
    pub shards: usize,
    /// Requests that may be under way at a time.
    pub contexts: usize,
    /// Most bytes that they are reckoned at.
    pub context_bytes: usize,
    /// TCP and TLS connections that others may open.
    pub connections: usize,
    /// Files and sockets that the system lets us open; `None` if it does not say.
    pub files: Option<u64>,
    /// Least room of a UDP listener for what is not read yet, in bytes; `None` without one.
    pub receive_buffer: Option<usize>,
    /// Signatures a second on one thread, measured now.
    pub signs_per_second: u64,
    /// Verifications a second on one thread, measured now.
    pub verifies_per_second: u64,
}

/// How long each of the two is measured: long enough for two digits.
const MEASURED: Duration = Duration::from_millis(20);

/// Least receive buffer that holds a burst while a thread is descheduled: some 900 messages as the system reckons them.
const SMALL_BUFFER: usize = 2 << 20;

impl Capacity {
    /// Of a server that runs. It takes a moment.
    pub fn of(running: &Running) -> Self {
        let shards = running.shards.max(1);
        let (signs_per_second, verifies_per_second) = measure();
        Self {
            shards,
            contexts: DEFAULT_MAX_CONTEXTS.saturating_mul(shards),
            context_bytes: DEFAULT_MAX_CONTEXT_BYTES.saturating_mul(shards),
            connections: crate::sip::tcp::Limits::default().connections,
            files: files(),
            receive_buffer: running.sip.receive_buffer(),
            signs_per_second,
            verifies_per_second,
        }
    }

    /// What an operator should change before the limits are reached.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        let needed = 2 * self.connections as u64 + 64;
        if let Some(files) = self.files.filter(|files| *files < needed) {
            advice.push(format!(
                "open files are limited to {files}: {needed} are needed for all connections (LimitNOFILE=)"
            ));
        }
        if let Some(bytes) = self.receive_buffer.filter(|bytes| *bytes < SMALL_BUFFER) {
            advice.push(format!(
                "the UDP receive buffer is {} KiB: sysctl net.core.rmem_max=4194304 holds bursts",
                bytes >> 10
            ));
        }
        advice
    }

    /// The same in the log, where a machine reads it.
    pub fn tell(&self) {
        tracing::info!(
            shards = self.shards,
            contexts = self.contexts,
            context_bytes = self.context_bytes,
            connections = self.connections,
            files = self.files,
            receive_buffer = self.receive_buffer,
            signs_per_second = self.signs_per_second,
            verifies_per_second = self.verifies_per_second,
            "capacity"
        );
        for advice in self.advice() {
            tracing::warn!("{advice}");
        }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = self.shards;
        writeln!(f, "capacity: {shards} threads carry calls")?;
        writeln!(
            f,
            "  signatures / verifications   {} / {} a second on one thread, measured now",
            self.signs_per_second, self.verifies_per_second
        )?;
        writeln!(
            f,
            "  requests under way           {}, reckoned at {} MiB at most",
            self.contexts,
            self.context_bytes >> 20
        )?;
        write!(f, "  connections                  {}", self.connections)?;
        if let Some(files) = self.files {
            write!(f, " from others; open files {files}")?;
        }
        if let Some(bytes) = self.receive_buffer {
            write!(f, "\n  UDP receive buffer           {} KiB", bytes >> 10)?;
        }
        Ok(())
    }
}

/// The soft limit of open files.
fn files() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How often this machine signs and verifies in a second; 0 where it cannot.
fn measure() -> (u64, u64) {
    let message = [0x5a; 128];
    let Ok(key) = EcdsaP256Key::generate() else {
        return (0, 0);
    };
    let signs = per_second(|| key.sign(&message).is_ok());
    let verifies = match (key.sign(&message), AwsLc.p256(&key.public_key())) {
        (Ok(signature), Ok(public)) => per_second(|| public.verify(&message, &signature).is_ok()),
        _ => 0,
    };
    (signs, verifies)
}

fn per_second(work: impl Fn() -> bool) -> u64 {
    let begun = Instant::now();
    let mut done = 0_u64;
    while begun.elapsed() < MEASURED {
        if !work() {
            return 0;
        }
        done += 1;
    }
    (done as f64 / begun.elapsed().as_secs_f64()) as u64
}
