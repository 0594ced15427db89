//! New requests that wait for their turn in one shard, who begins next, and who is turned away because more come than can be served.
//!
//! What waits is what costs: a call that is accepted late is repeated by its sender, and worth nothing to anybody. While turns
//! come within the target, they come in order. Once the oldest has waited longer, the newest has its turn first: what begins
//! then begins at its usual pace, however much there is, and the others wait for what is left. A burst leaves enough for all of
//! them. Where it does not, those who have waited too long are turned away, before anything costly is done about them; the more
//! they are, the sooner, since waiting brings nobody to their turn then.
//!
//! ```text
//!                the oldest waits longer than the target                 the oldest waits 20 times as long, or less
//!     in order ────────────────────────────────────────► newest first ────────────────────────────────► turned away
//!              ◄────────────────────────────────────────
//!                       all wait less
//! ```
//!
//! Time is an argument, and nothing here is random. What may never be turned away does not wait here.

use countersign::time::Ticks;
use std::collections::VecDeque;
use std::time::Duration;

/// How many targets somebody waits at most. With the usual 5 ms this is the interval of RFC 8289 §4.2, 100 ms, in which a burst has passed.
const PATIENCE: u32 = 20;

/// Of how many turns is reckoned what part of them turns away: some thirty milliseconds of a busy shard.
const RECKONED_TURNS: f64 = 256.0;

/// The longest wait, whatever the target: T1 of RFC 3261 §17.1.1.1, after which senders repeat themselves.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A shard that did not look for so long was stopped by the system. That is no overload: everybody's wait counts from then on.
const STOPPED: Duration = Duration::from_millis(50);

/// How much later that may be said again: a shard that is so slow always has too much to do.
const STOPPED_AGAIN: Duration = Duration::from_secs(1);

/// Nobody was turned away for so long: then it is over.
const CALM_AFTER: Duration = Duration::from_secs(1);

/// Most new requests that wait in one shard, however short: memory, not time, is what this bounds.
pub const MAX_WAITING: usize = 4_096;

/// Those who wait in one shard, in the order they came.
#[derive(Debug)]
pub struct Admission<T> {
    /// `None`: nothing is turned away for the time it waits, and all have their turn in order.
    target: Option<Duration>,
    waiting: VecDeque<Waiting<T>>,
    /// What part of the latest turns turned somebody away.
    shed_part: f64,
    /// When somebody was turned away last for waiting too long.
    last_shed: Option<Ticks>,
    /// When turns were looked at last.
    looked: Ticks,
    /// No wait began before.
    since: Ticks,
}

#[derive(Debug)]
struct Waiting<T> {
    came: Ticks,
    request: T,
}

impl<T> Admission<T> {
    /// Nobody waits yet.
    pub const fn new(target: Option<Duration>) -> Self {
        Self {
            target,
            waiting: VecDeque::new(),
            shed_part: 0.0,
            last_shed: None,
            looked: Ticks::from_micros(0),
            since: Ticks::from_micros(0),
        }
    }

    /// From now on this is the target.
    pub fn set_target(&mut self, target: Option<Duration>) {
        if self.target != target {
            self.target = target;
            self.shed_part = 0.0;
            self.last_shed = None;
        }
    }

    /// Whether more comes than can be served.
    pub fn is_shedding(&self, now: Ticks) -> bool {
        self.last_shed
            .is_some_and(|last| now.since(last) < CALM_AFTER)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Those who wait.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.waiting.iter().map(|one| &one.request)
    }

    /// A new request that came then waits for its turn. Where there is no room, the oldest has to go.
    pub fn wait(&mut self, request: T, came: Ticks) -> Option<T> {
        self.waiting.push_back(Waiting { came, request });
        if self.waiting.len() <= MAX_WAITING {
            return None;
        }
        if self.target.is_some() {
            self.last_shed = Some(came);
        }
        self.waiting.pop_front().map(|one| one.request)
    }

    /// Somebody who has waited too long, and is to be turned away; to be asked before anybody begins.
    pub fn shed(&mut self, now: Ticks) -> Option<T> {
        let looked = std::mem::replace(&mut self.looked, now);
        if now.since(looked) >= STOPPED && now.since(self.since) >= STOPPED_AGAIN {
            self.since = now;
        }
        if self.oldest(now)? < self.patience(self.target?) {
            return None;
        }
        self.last_shed = Some(now);
        self.shed_part += (1.0 - self.shed_part) / RECKONED_TURNS;
        self.waiting.pop_front().map(|one| one.request)
    }

    /// Whose turn it is now, and how long it has waited.
    pub fn begin(&mut self, now: Ticks) -> Option<(T, Duration)> {
        let is_late = |target| self.oldest(now) > Some(target) || self.is_shedding(now);
        let is_late = self.target.is_some_and(is_late);
        let next = match is_late {
            true => self.waiting.pop_back(),
            false => self.waiting.pop_front(),
        };
        let next = next?;
        self.shed_part -= self.shed_part / RECKONED_TURNS;
        Some((next.request, self.waited(next.came, now)))
    }

    /// How long the oldest has waited.
    fn oldest(&self, now: Ticks) -> Option<Duration> {
        Some(self.waited(self.waiting.front()?.came, now))
    }

    /// Who has waited so long is turned away. By the third power, so that a little too much shortens it little, and three times too
    /// much to the target itself.
    fn patience(&self, target: Duration) -> Duration {
        let part = (1.0 - self.shed_part).powi(3);
        let patience = (target * PATIENCE).min(LONGEST_WAIT);
        patience.mul_f64(part).max(target)
    }

    fn waited(&self, came: Ticks, now: Ticks) -> Duration {
        now.since(came.max(self.since))
    }
}

#[cfg(test)]
mod tests;
