//! How many new requests one shard takes when more come than it can serve.
//!
//! What waits is what costs: a call that is accepted late is repeated by its sender, and worth nothing to anybody. So the
//! measure is time. While some new request in every [`INTERVAL`] begins within the target, or leaves nobody waiting, all are taken:
//! bursts are no overload, and neither is a thread that the system let sleep. When none does, only so many may wait as begin within the target, and the rest is turned away on arrival,
//! before anything costly is done about it. How many that is follows from what begins, and is corrected by how long it waited.
//!
//! ```text
//!              every wait of 100 ms above the target
//!     calm ────────────────────────────────────────────► shedding: `allowed` wait, others hear 503
//!          ◄────────────────────────────────────────────   waits short and some turned away: a little more
//!              nobody turned away for a second              waits long: less, once per wait
//! ```
//!
//! Time is an argument, and nothing here is random. What may never be turned away does not ask here.

use countersign::time::Ticks;
use std::time::Duration;

/// How long all waits must be above the target before anything is turned away: RFC 8289, the time in which a burst has
/// passed.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// New requests that must have waited too long in that time: few are no evidence, they may have waited for the system.
const MIN_LATE: u32 = 16;

/// So many may always wait: with none, nothing would be learned.
const MIN_ALLOWED: f64 = 4.0;

/// Nobody was turned away for so long: then it is over.
const CALM_AFTER: Duration = Duration::from_secs(1);

/// The most that one correction takes away.
const MAX_CUT: f64 = 0.5;

/// While shedding, a request that waited so many times the target is turned away after all: what had gathered before would make
/// everybody late who comes after.
const STALE: u32 = 4;

/// Most new requests that wait in one shard, however short: memory, not time, is what this bounds.
pub const MAX_WAITING: usize = 4_096;

/// Decides for one shard.
#[derive(Debug)]
pub struct Admission {
    /// `None`: nothing is turned away for the time it waits.
    target: Option<Duration>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Calm {
        /// Since when all waited too long.
        late_since: Option<Ticks>,
        /// How many did.
        late: u32,
    },
    Shedding {
        /// So many may wait.
        allowed: f64,
        /// When somebody was turned away last.
        last_shed: Ticks,
        /// Whether somebody was since the last request began.
        is_full: bool,
        /// No correction downward before: what is seen until then waited under the old bound.
        corrected_until: Ticks,
    },
}

const CALM: Stage = Stage::Calm {
    late_since: None,
    late: 0,
};

impl Admission {
    /// Everything is taken until waits tell otherwise.
    pub const fn new(target: Option<Duration>) -> Self {
        Self {
            target,
            stage: CALM,
        }
    }

    /// From now on this is the target.
    pub fn set_target(&mut self, target: Option<Duration>) {
        if self.target != target {
            *self = Self::new(target);
        }
    }

    /// Whether more comes than can be served.
    pub const fn is_shedding(&self) -> bool {
        matches!(self.stage, Stage::Shedding { .. })
    }

    /// Whether one more may wait behind `waiting` others.
    pub fn admits(&mut self, waiting: usize, now: Ticks) -> bool {
        if waiting >= MAX_WAITING {
            return false;
        }
        let Stage::Shedding {
            allowed,
            last_shed,
            is_full,
            ..
        } = &mut self.stage
        else {
            return true;
        };
        if (waiting as f64) < *allowed {
            return true;
        }
        (*last_shed, *is_full) = (now, true);
        false
    }

    /// A request's turn has come after waiting so long, and so many still wait behind it. Whether it begins.
    pub fn begins(&mut self, waited: Duration, behind: usize, now: Ticks) -> bool {
        let Some(target) = self.target else {
            return true;
        };
        match &mut self.stage {
            Stage::Calm { late_since, late } => {
                // Where nobody waits behind, it was the system that was late, and not the queue that is too long.
                if waited <= target || behind == 0 {
                    (*late_since, *late) = (None, 0);
                    return true;
                }
                let since = *late_since.get_or_insert(now);
                *late += 1;
                let passed = now.since(since);
                if passed >= INTERVAL && *late >= MIN_LATE {
                    self.stage = Stage::Shedding {
                        allowed: within(target, *late, passed),
                        last_shed: now,
                        is_full: false,
                        // Those that wait already were let in: they say nothing about the new bound.
                        corrected_until: now.after(waited),
                    };
                }
                true
            }
            Stage::Shedding { last_shed, .. } if now.since(*last_shed) >= CALM_AFTER => {
                self.stage = CALM;
                true
            }
            Stage::Shedding {
                allowed,
                is_full,
                corrected_until,
                last_shed,
            } => {
                if waited <= target {
                    if std::mem::take(is_full) {
                        *allowed += 1.0 / *allowed;
                    }
                } else if now >= *corrected_until {
                    let part = target.as_secs_f64() / waited.as_secs_f64();
                    *allowed = (*allowed * part.max(MAX_CUT)).max(MIN_ALLOWED);
                    *corrected_until = now.after(waited);
                }
                let is_fresh = waited < target * STALE;
                if !is_fresh {
                    *last_shed = now;
                }
                is_fresh
            }
        }
    }
}

/// How many begin within the target if so many began in that time.
fn within(target: Duration, begun: u32, passed: Duration) -> f64 {
    let rate = f64::from(begun) / passed.as_secs_f64().max(f64::EPSILON);
    (rate * target.as_secs_f64()).max(MIN_ALLOWED)
}

#[cfg(test)]
mod tests;
