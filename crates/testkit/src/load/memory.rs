//! Whether a process grows: its memory over windows of time.

use std::time::Duration;

/// Memory that a process has for itself, in bytes: what it shares with files does not count.
pub fn of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

/// What comes before does not count: transactions over UDP live for 32 seconds, timers of calls for three minutes, and queues find
/// their size.
pub const WARM_UP: Duration = Duration::from_secs(200);

/// Windows that the rest is cut into.
const WINDOWS: usize = 8;

/// What a window may be above the first, for every hundred.
const GROWTH_PERCENT: u64 = 5;

/// And beside that, in bytes: what an allocator keeps for later.
const GROWTH_BYTES: u64 = 8 << 20;

/// What samples say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The medians of the windows, none of which is above the first by more than chance.
    Flat(Vec<u64>),
    /// The medians; the last ones are above.
    Grows(Vec<u64>),
    /// The run ended before anything could be said.
    TooShort,
}

/// Judges samples of bytes, taken one `pause` apart from the beginning on.
pub fn judge(samples: &[u64], pause: Duration) -> Growth {
    let skipped = (WARM_UP.as_millis() / pause.as_millis().max(1)) as usize;
    let rest = samples.get(skipped..).unwrap_or_default();
    let width = rest.len() / WINDOWS;
    if width < 2 {
        return Growth::TooShort;
    }
    let medians: Vec<u64> = rest.chunks_exact(width).take(WINDOWS).map(median).collect();
    let first = medians.first().copied().unwrap_or_default();
    let limit = first + first * GROWTH_PERCENT / 100 + GROWTH_BYTES;
    // One high window is a burst; growth shows in the last ones.
    let last = medians.iter().rev().take(2);
    match last.copied().min().is_some_and(|last| last > limit) {
        true => Growth::Grows(medians),
        false => Growth::Flat(medians),
    }
}

fn median(window: &[u64]) -> u64 {
    let mut sorted = window.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn run(bytes: impl Fn(u64) -> u64) -> Growth {
        let samples: Vec<u64> = (0..600).map(bytes).collect();
        judge(&samples, PAUSE)
    }

    #[test]
    fn growth_is_told_from_a_beginning_and_from_noise() {
        let mib = |count: u64| count << 20;
        assert!(matches!(
            run(|second| mib(100 + second.min(200))),
            Growth::Flat(_)
        ));
        assert!(matches!(
            run(|second| mib(100 + second % 7)),
            Growth::Flat(_)
        ));
        assert!(matches!(
            run(|second| mib(100 + second / 10)),
            Growth::Grows(_)
        ));
        // A leak of 100 bytes a call at a thousand calls a second.
        assert!(matches!(
            run(|second| mib(200) + second * 100_000),
            Growth::Grows(_)
        ));
        let burst = |second| {
            if (400..450).contains(&second) {
                400
            } else {
                100
            }
        };
        assert!(matches!(run(|second| mib(burst(second))), Growth::Flat(_)));
        assert_eq!(judge(&[mib(1); 210], PAUSE), Growth::TooShort);
    }

    #[test]
    fn the_memory_of_a_process_is_known() {
        assert!(of(std::process::id()).is_some_and(|bytes| bytes > 0));
        assert_eq!(of(0), None);
    }
}
