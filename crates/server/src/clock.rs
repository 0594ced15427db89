//! What time it is: the only room that reads the system's clocks.
//!
//! Everything else takes [`Now`] as an argument or holds a [`Clock`]; tests hold one that stands still until told.

use countersign::time::{Now, Ticks, UnixTime};
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// What time it is, on both clocks.
    fn now(&self) -> Now;

    /// Is over when so much time is, for what waits for hours: a clock of a test need not.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time))
    }

    /// Microseconds since 1970, for traces. Nothing is decided by them.
    fn unix_micros(&self) -> u64 {
        let Now { unix, ticks } = self.now();
        let seconds = u64::try_from(unix.as_secs()).unwrap_or_default();
        seconds.saturating_mul(1_000_000) + ticks.as_micros() % 1_000_000
    }
}

/// The system's clocks. Ticks count from the moment this was made, so one process makes one and shares it.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts counting ticks now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The instant of a tick, for timers of the runtime.
    pub fn instant(&self, ticks: Ticks) -> Instant {
        self.start + ticks.since(Ticks::default())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now {
            unix: unix_time(SystemTime::now()),
            ticks: Ticks::default().after(self.start.elapsed()),
        }
    }

    fn unix_micros(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.map(|since| u64::try_from(since.as_micros()));
        micros.map_or(0, |micros| micros.unwrap_or(u64::MAX))
    }
}

/// A system time in Unix seconds, rounded down; also right before 1970.
pub fn unix_time(time: SystemTime) -> UnixTime {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let whole = i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.duration().subsec_nanos() > 0)
        }
    };
    UnixTime::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_forward() {
        let clock = SystemClock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(first.ticks <= second.ticks);
        assert!(first.unix.as_secs() > 1_700_000_000);
    }

    #[test]
    fn times_are_rounded_down_on_both_sides_of_1970() {
        assert_eq!(
            unix_time(UNIX_EPOCH + Duration::from_millis(1_500)),
            UnixTime::from_secs(1)
        );
        assert_eq!(
            unix_time(UNIX_EPOCH - Duration::from_millis(1_500)),
            UnixTime::from_secs(-2)
        );
    }
}
