//! When a source is asked again.
//!
//! A list is pulled every `refresh`, and long before the one we have ends; a pull that failed is repeated soon, then less and
//! less often, but never less often than an ordinary one. Jitter keeps a thousand verifiers that started together from asking
//! together.

use countersign::time::{Now, Ticks, UnixTime};
use std::time::Duration;

/// How often a list is pulled, if the operator says nothing: revocations are known within the hour.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(3_600);

/// Least time between two pulls of one source: a list that ends at once must not make us a nuisance.
pub const MIN_PAUSE: Duration = Duration::from_secs(30);

/// How long after the first failure a source is asked again; it doubles with each further one.
pub const FIRST_BACK_OFF: Duration = Duration::from_secs(15);

/// A pause is shortened by up to a tenth of it.
const JITTER_SHARE: u32 = 10;

/// A list has so much of its life left when failing to replace it becomes an alarm: a quarter.
const ENDING_SHARE: i64 = 4;

/// When one source is asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    due: Ticks,
    failures: u32,
}

/// A random share of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(pub u8);

impl Schedule {
    /// Whether it is time.
    pub fn is_due(&self, now: Now) -> bool {
        now.ticks >= self.due
    }

    /// It is time now.
    pub fn hurry(&mut self) {
        self.due = Ticks::default();
    }

    /// What came is good, and the next one will be there at `next_update` at the latest.
    pub fn succeeded(
        &mut self,
        now: Now,
        next_update: Option<UnixTime>,
        refresh: Duration,
        jitter: Jitter,
    ) {
        self.failures = 0;
        let pause = refresh.min(half_of_what_is_left(now, next_update));
        self.wait(now, pause.max(MIN_PAUSE), jitter);
    }

    /// Nothing came that could be used; what we have ends at `next_update`.
    pub fn failed(
        &mut self,
        now: Now,
        next_update: Option<UnixTime>,
        refresh: Duration,
        jitter: Jitter,
    ) {
        let doubled = FIRST_BACK_OFF.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let limit = refresh.min(half_of_what_is_left(now, next_update));
        self.wait(now, doubled.min(limit.max(MIN_PAUSE)), jitter);
    }

    /// How often it has failed since it last succeeded.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn wait(&mut self, now: Now, pause: Duration, jitter: Jitter) {
        let shortened = pause / JITTER_SHARE * u32::from(jitter.0) / u32::from(u8::MAX);
        self.due = now.ticks.after(pause.saturating_sub(shortened));
    }
}

/// Half the time until a list ends: one that we fail to replace at the first attempt is asked for many times before it does.
fn half_of_what_is_left(now: Now, next_update: Option<UnixTime>) -> Duration {
    let left = next_update.map(|at| at.as_secs().saturating_sub(now.unix.as_secs()));
    left.map_or(Duration::MAX, |left| {
        Duration::from_secs(u64::try_from(left).unwrap_or(0) / 2)
    })
}

/// How near the end of its life a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// There should be a newer one soon.
    Ending,
    /// Far from its end.
    Fresh,
    /// Past its end.
    Stale,
}

impl Age {
    /// The age of a list of this life.
    pub fn of(this_update: UnixTime, next_update: Option<UnixTime>, now: UnixTime) -> Self {
        let Some(end) = next_update else {
            return Self::Fresh;
        };
        let left = end.as_secs().saturating_sub(now.as_secs());
        let life = end.as_secs().saturating_sub(this_update.as_secs());
        match left {
            left if left < 0 => Self::Stale,
            left if left <= life / ENDING_SHARE => Self::Ending,
            _ => Self::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn at(seconds: u64) -> Now {
        Now {
            unix: UNIX.saturating_add(seconds as i64),
            ticks: Ticks::from_millis(seconds * 1_000),
        }
    }

    /// Seconds until it is due.
    fn pause(schedule: Schedule) -> u64 {
        (0..).find(|second| schedule.is_due(at(*second))).unwrap()
    }

    #[test]
    fn a_list_is_replaced_long_before_it_ends() {
        for (life, refresh, expected) in [
            (86_400, 3_600, 3_600),
            (3_000, 3_600, 1_500),
            (10, 3_600, 30),
            (-5, 3_600, 30),
        ] {
            let mut schedule = Schedule::default();
            assert!(schedule.is_due(at(0)), "at once at first");
            let next_update = Some(UNIX.saturating_add(life));
            let refresh = Duration::from_secs(refresh);
            schedule.succeeded(at(0), next_update, refresh, Jitter(0));
            assert_eq!(pause(schedule), expected);
            schedule.succeeded(at(0), next_update, refresh, Jitter(255));
            assert_eq!(pause(schedule), expected * 9 / 10, "a tenth less");
        }
    }

    #[test]
    fn failures_are_repeated_soon_and_then_less_often() {
        let mut schedule = Schedule::default();
        let refresh = Duration::from_secs(3_600);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            schedule.failed(at(0), None, refresh, Jitter(0));
            pauses.push(pause(schedule));
        }
        assert_eq!(pauses[..5], [15, 30, 60, 120, 240]);
        assert_eq!(pauses[39], 3_600, "never less often than usual");
        assert_eq!(schedule.failures(), 40);
        // One that is about to end is asked for more and more often, but not without end.
        let soon = Some(UNIX.saturating_add(200));
        schedule.failed(at(0), soon, refresh, Jitter(0));
        assert_eq!(pause(schedule), 100);
        schedule.failed(at(0), Some(UNIX), refresh, Jitter(0));
        assert_eq!(pause(schedule), 30);
        schedule.hurry();
        assert!(schedule.is_due(at(0)));
    }

    #[test]
    fn ages() {
        let end = Some(UNIX.saturating_add(100));
        for (second, age) in [
            (0, Age::Fresh),
            (74, Age::Fresh),
            (75, Age::Ending),
            (100, Age::Ending),
            (101, Age::Stale),
        ] {
            assert_eq!(Age::of(UNIX, end, UNIX.saturating_add(second)), age);
        }
        assert_eq!(
            Age::of(UNIX, None, UNIX.saturating_add(1 << 40)),
            Age::Fresh
        );
    }
}
