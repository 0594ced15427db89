//! Who has proved before that they answer: the memory behind the warning `answer-regression`, as a file that outlives the process.
//!
//! ```text
//!   a judged answer ─► MemorySupporters ─► Keeper ─► connected.memory_file
//!          ▲                     │
//!          └── was it there? ◄───┘
//! ```
//!
//! The file is text, one line each: the day, and the number or URI. It says whom was called, so nobody but its owner may read it, and
//! it exists only where an operator wants it. It is bounded, written as a whole or not at all, and what cannot be read of it is
//! forgotten: everything in it can be learnt again.
//!
//! Not here: when an answer counts as proven, and what follows from one that is missing (`countersign::verification`).

use crate::clock::Clock;
use crate::files;
use crate::metrics::Metrics;
use countersign::identity::{Identity, MAX_URI};
use countersign::time::UnixTime;
use countersign::verification::supporters::{MemorySupporters, Supporters};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Most who are remembered. A line has some 23 bytes, so that the file is read by the limit of all files of text.
pub const MAX_KNOWN: usize = 65_536;

/// Who has proved nothing for so long is forgotten, in seconds: half a year.
pub const FORGOTTEN_AFTER: i64 = 180 * DAY;

/// A day in seconds: nobody learns from the file when a call was.
const DAY: i64 = 24 * 3_600;

/// How often the file is written, if there is anything new.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// Longest that the end of the process waits for the file to be written.
const FAREWELL: Duration = Duration::from_secs(2);

/// Most lines that are looked at: those of two who are as full as can be.
const MOST_LINES: usize = 2 * MAX_KNOWN + 4;

/// What stands at the beginning of the file.
const HEAD: &str =
    "# Who proved that they answer, and the day when they did last. Written by the server.\n";

/// The beginning of a day.
fn day(at: UnixTime) -> UnixTime {
    UnixTime::from_secs(at.as_secs() - at.as_secs().rem_euclid(DAY))
}

/// Takes what a file holds into the memory.
fn take(text: &str, now: UnixTime, memory: &MemorySupporters) {
    let oldest = now.saturating_add(-FORGOTTEN_AFTER);
    let mut all: Vec<_> = text
        .lines()
        .take(MOST_LINES)
        .filter_map(|line| {
            let (at, who) = line.split_once(' ')?;
            let at = UnixTime::from_secs(at.parse().ok()?);
            Some((at, identity(who)?))
        })
        .filter(|(at, _)| *at <= now && *at > oldest)
        .collect();
    // A memory that is full forgets first what came first.
    all.sort_unstable();
    for (at, who) in all {
        memory.proven(&who, at);
    }
}

/// What should be in the file.
fn text(memory: &MemorySupporters, now: UnixTime) -> String {
    let oldest = now.saturating_add(-FORGOTTEN_AFTER);
    let mut all = memory.all();
    all.retain(|(who, at)| *at > oldest && is_writable(who));
    all.sort_unstable_by(|(first, one), (second, other)| {
        day(*other).cmp(&day(*one)).then_with(|| first.cmp(second))
    });
    let lines = all.iter();
    let lines = lines.map(|(who, at)| format!("{} {who}\n", day(*at).as_secs()));
    std::iter::once(HEAD.to_owned()).chain(lines).collect()
}

/// What should be in the file where it holds this, and we say that: another process may know others, ours while it takes over or goes.
fn merged(there: &str, ours: &str, now: UnixTime) -> String {
    let both = MemorySupporters::new(MAX_KNOWN);
    // All lines of one, then of the other: each holds its limit alone.
    take(&format!("{there}\n{ours}"), now, &both);
    text(&both, now)
}

/// Whether it is one line when it is written.
fn is_writable(who: &Identity) -> bool {
    match who {
        Identity::Number(_) => true,
        Identity::Uri(uri) => uri.len() <= MAX_URI && uri.bytes().all(|b| b.is_ascii_graphic()),
    }
}

/// As [`Identity`] is written.
fn identity(text: &str) -> Option<Identity> {
    let who = match text.contains(':') {
        true => Identity::Uri(text.into()),
        false => Identity::Number(text.parse().ok()?),
    };
    Some(who).filter(is_writable)
}

/// Keeps the file as the memory is.
pub struct Keeper {
    memory: Arc<MemorySupporters>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    file: Option<PathBuf>,
    /// What of ours the file holds.
    written: String,
}

impl Keeper {
    /// One whose memory begins with what the file holds, if there is one.
    pub fn read(file: Option<PathBuf>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let memory = Arc::new(MemorySupporters::new(MAX_KNOWN));
        let mut written = String::new();
        if let Some(path) = &file {
            match files::read_text(path) {
                Ok(text) => {
                    take(&text, clock.now().unix, &memory);
                    written = text;
                }
                // There is none before the first run.
                Err(fault) if fault.is_missing() => {}
                Err(fault) => {
                    tracing::warn!(path = %path.display(), %fault, "connected.memory_file not read");
                }
            }
        }
        metrics.supporters.set(memory.len());
        Self {
            memory,
            clock,
            metrics,
            file,
            written,
        }
    }

    /// What it keeps.
    pub fn memory(&self) -> Arc<MemorySupporters> {
        self.memory.clone()
    }

    /// Runs until `stop` becomes true; then writes the file.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut turns = tokio::time::interval(WRITTEN_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = async {
                turns.tick().await;
                self.write().await;
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = turn => {}
            }
        }
        // What could not be written will be learnt again.
        let _ = tokio::time::timeout(FAREWELL, self.write()).await;
    }

    async fn write(&mut self) {
        self.metrics.supporters.set(self.memory.len());
        let Some(path) = self.file.clone() else {
            return;
        };
        let now = self.clock.now().unix;
        let text = text(&self.memory, now);
        if text == self.written || (self.written.is_empty() && text == HEAD) {
            return;
        }
        let writing = tokio::task::spawn_blocking(move || {
            let write = || {
                // Whoever reads between our reading and our writing would not have our newest lines, and put the file back without them.
                let _alone = files::alone_with(&path)?;
                // What cannot be read is none, and written anew.
                let there = files::read_text(&path).unwrap_or_default();
                let all = merged(&there, &text, now);
                files::replace(&path, all.as_bytes())
            };
            let written = write();
            written.map(|()| text).map_err(|error| (path, error))
        });
        match writing.await {
            Ok(Ok(text)) => self.written = text,
            Ok(Err((path, error))) => {
                tracing::warn!(path = %path.display(), %error, "connected.memory_file not written");
            }
            // The runtime is shutting down.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_782_012_345);

    fn who(text: &str) -> Identity {
        identity(text).unwrap()
    }

    fn memory() -> MemorySupporters {
        MemorySupporters::new(MAX_KNOWN)
    }

    /// How many days ago somebody proved it.
    fn ago(memory: &MemorySupporters, text: &str) -> Option<i64> {
        let at = memory.last_proven(&who(text))?;
        Some((NOW.as_secs() - at.as_secs()) / DAY)
    }

    #[test]
    fn who_proved_it_is_known_after_a_restart() {
        let before = memory();
        before.proven(&who("12025550101"), NOW);
        before.proven(&who("sip:bob@b.example"), NOW.saturating_add(-2 * DAY));
        let written = text(&before, NOW);
        let says_when = written.contains("1782012345");
        assert!(!says_when, "the day, not the hour: {written}");
        let next = memory();
        take(&written, NOW, &next);
        assert_eq!(ago(&next, "12025550101"), Some(0));
        assert_eq!(ago(&next, "sip:bob@b.example"), Some(2));
        assert_eq!(text(&next, NOW), written);
        let next = memory();
        take(&written, NOW.saturating_add(179 * DAY), &next);
        assert_eq!(next.len(), 1);
        let long_after = NOW.saturating_add(200 * DAY);
        assert_eq!(text(&before, long_after), HEAD);
    }

    #[test]
    fn whatever_the_file_holds_is_bounded() {
        let full = memory();
        let today = NOW.as_secs();
        let mut text = String::from("garbage\n99999999999999999999 12025550101\n1 12025550101\n");
        text += &format!("{} 12025550101\n", today + 2 * DAY);
        text += &format!("{today} no number\n{today} sip:{}\n", "l".repeat(MAX_URI));
        text += &format!("{today} sip:a b\n{today} sip:\u{7}\n");
        take(&text, NOW, &full);
        assert!(full.is_empty());
        let line = |number: usize| {
            let at = today - i64::try_from(number % 3).unwrap() * DAY;
            format!("{at} {}\n", 12_025_550_000_usize + number)
        };
        let many: String = (0..MAX_KNOWN + 100).map(line).collect();
        take(&many, NOW, &full);
        assert_eq!(full.len(), MAX_KNOWN);
        // Those of the longest ago are forgotten first.
        assert_eq!(ago(&full, "12025550000"), Some(0));
        assert_eq!(ago(&full, "12025550001"), Some(1));
        assert_eq!(ago(&full, "12025550002"), None);
    }

    struct Clock(UnixTime);

    impl crate::clock::Clock for Clock {
        fn now(&self) -> countersign::time::Now {
            countersign::time::Now {
                unix: self.0,
                ticks: countersign::time::Ticks::default(),
            }
        }
    }

    #[tokio::test]
    async fn the_file_is_as_the_memory_is() {
        let name = format!("countersign-supporters-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let clock = Arc::new(Clock(NOW));
        let mut keeper = Keeper::read(Some(file.clone()), clock.clone(), Arc::default());
        keeper.write().await;
        assert!(!file.exists(), "nothing to write");
        keeper.memory().proven(&who("12025550101"), NOW);
        keeper.write().await;
        let next = Keeper::read(Some(file.clone()), clock, Arc::default());
        assert_eq!(ago(&next.memory(), "12025550101"), Some(0));
        assert_eq!(next.written, std::fs::read_to_string(&file).unwrap());
        std::fs::remove_file(&file).unwrap();
        let _ = std::fs::remove_file(file.with_extension("lock"));
    }

    /// This test verifies that of many that write at the same moment none takes back what another has just written.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn those_who_write_at_one_moment_take_nothing_back() {
        let name = format!("countersign-many-supporters-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("supporters");
        let clock = Arc::new(Clock(NOW));
        let keeper = || Keeper::read(Some(file.clone()), clock.clone(), Arc::default());
        let number = |one: u64, round: u64| (12_025_550_000 + one * 100 + round).to_string();
        let mut writers: Vec<_> = (0..8).map(|_| keeper()).collect();
        for round in 0..10 {
            let mut writing = Vec::new();
            for (one, mut keeper) in (0_u64..).zip(writers) {
                keeper.memory().proven(&who(&number(one, round)), NOW);
                writing.push(tokio::spawn(async move {
                    keeper.write().await;
                    keeper
                }));
            }
            writers = Vec::new();
            for one in writing {
                writers.push(one.await.unwrap());
            }
            let after = keeper();
            for one in 0..8 {
                let number = number(one, round);
                assert_eq!(ago(&after.memory(), &number), Some(0), "{number}");
            }
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// This test verifies that of two processes, one of which takes over from the other, neither forgets what only the other has heard.
    #[tokio::test]
    async fn two_processes_forget_nothing_of_each_other() {
        let name = format!("countersign-two-supporters-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let clock = Arc::new(Clock(NOW));
        let keeper = || Keeper::read(Some(file.clone()), clock.clone(), Arc::default());
        let (mut goes, mut comes) = (keeper(), keeper());
        goes.memory().proven(&who("12025550101"), NOW);
        comes.memory().proven(&who("12025550102"), NOW);
        goes.write().await;
        comes.write().await;
        goes.memory().proven(&who("12025550103"), NOW);
        goes.write().await;
        let after = keeper();
        for number in ["12025550101", "12025550102", "12025550103"] {
            assert_eq!(ago(&after.memory(), number), Some(0), "{number}");
        }
        std::fs::remove_file(&file).unwrap();
        let _ = std::fs::remove_file(file.with_extension("lock"));
    }
}
