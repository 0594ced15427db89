//! Load: thousands of calls a second through a running server, every verdict checked.
//!
//! ```text
//!   caller ── INVITE, X-Soak: what it must be ──► signs ──► verifies ──► called: verstat as it must be?
//!          ◄────────────────────────── 200 ─────────────────────────────┘
//! ```
//!
//! - [`caller`]: one thread that places calls at a steady rate and sees each of them answered.
//! - [`called`]: one thread that answers, and holds each verdict against what the caller announced.
//! - [`memory`]: whether a process grows.
//! - [`soak`]: all of it around a server of its own, with the figures.
//!
//! The parties are fast and simple: they search text where a user agent would parse it.

pub mod caller;
pub mod called;
pub mod memory;
pub mod soak;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a call is, and so what its verdict must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a number that the provider has assigned.
    Assigned,
    /// With the proof of another call.
    Tampered,
    /// From a number that is in no inventory.
    Unlisted,
    /// It never passed a signer.
    Unsigned,
}

/// The header by which a call says what it is; no server looks at it.
pub const HEADER: &str = "X-Soak";

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Assigned,
        Self::Tampered,
        Self::Unlisted,
        Self::Unsigned,
    ];

    /// As the header has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Tampered => "tampered",
            Self::Unlisted => "unlisted",
            Self::Unsigned => "unsigned",
        }
    }

    /// What must be written on it when it arrives.
    pub const fn verstat(self) -> &'static str {
        match self {
            Self::Assigned | Self::Unlisted => "TN-Validation-Passed",
            Self::Tampered => "TN-Validation-Failed",
            Self::Unsigned => "No-TN-Validation",
        }
    }

    /// What the call of this number is: seven of ten are assigned, two unlisted; of the rest, half is tampered with.
    pub const fn of(serial: u64) -> Self {
        match serial % 20 {
            9 => Self::Unsigned,
            19 => Self::Tampered,
            7 | 8 | 17 | 18 => Self::Unlisted,
            _ => Self::Assigned,
        }
    }
}

/// What happened so far. Read at any time.
#[derive(Debug, Default)]
pub struct Tally {
    /// Calls begun, each once.
    pub placed: AtomicU64,
    /// Calls answered with 200.
    pub answered: AtomicU64,
    /// Answers 503; the call is placed again.
    pub turned_away: AtomicU64,
    /// Calls that were refused with anything else.
    pub refused: AtomicU64,
    /// Calls without an answer after 32 seconds.
    pub lost: AtomicU64,
    /// Calls that heard 503 and then something else, or the other way round: who was told to go elsewhere must not ring.
    pub contradicted: AtomicU64,
    /// Requests that were sent once more.
    pub repeated: AtomicU64,
    /// Verdicts as they must be.
    pub right: AtomicU64,
    /// Others, with the first few of them.
    pub wrong: AtomicU64,
    /// What the first wrong ones were.
    pub examples: Mutex<Vec<String>>,
    /// A proof that belongs to some call, and whom that was to.
    pub proof: Mutex<Option<(String, String)>>,
    /// Microseconds from the INVITE to the 200, of every call.
    pub times: Mutex<Vec<u32>>,
}

impl Tally {
    /// One more.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// The value of the first header line that begins so.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let rest = line.strip_prefix(name)?;
            Some(rest.strip_prefix(':')?.trim())
        })
}
