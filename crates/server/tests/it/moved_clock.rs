//! Servers of ours, each a process of its own, whose wall clock the test moves: what takes hours is over in seconds, between two calls.
//!
//! ```text
//!     test ── so many seconds ahead ──► file ◄── read each time somebody asks what time it is ──┬── server
//!                                                                                               └── server
//! ```
//!
//! `countersign serve` knows no clock but the system's. So the tests start themselves once more, and that process runs the server as `serve`
//! does, from a configuration file, by another clock. Only the wall clock is moved: SIP's timers and deadlines go on as time does.

use crate::peers::{Process, Workspace};
use crate::provider::now;
use countersign::time::{Now, UnixTime};
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::{config, log, run};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Where the process of a server finds its configuration, and the file with the seconds.
const VARIABLES: [&str; 2] = ["COUNTERSIGN_IT_CONFIGURATION", "COUNTERSIGN_IT_AHEAD"];
/// What is run in that process.
const ITSELF: &str = "moved_clock::serves_by_a_clock_that_is_moved";
/// How often somebody who sleeps looks at the clock.
const LOOK: Duration = Duration::from_millis(10);

/// A wall clock that is ahead of the system's.
pub(crate) struct MovedClock {
    folder: Workspace,
    ahead: i64,
}

impl MovedClock {
    /// One that is right.
    pub(crate) fn new() -> Self {
        Self {
            folder: Workspace::new("clock"),
            ahead: 0,
        }
    }

    /// What time it is for all who go by it.
    pub(crate) fn now(&self) -> UnixTime {
        now().saturating_add(self.ahead)
    }

    /// Moves it on.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.ahead += seconds;
        let next = self.folder.write("next", self.ahead.to_string());
        // At once, for whoever reads it meanwhile.
        std::fs::rename(next, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    /// Starts a server that goes by it, in a workspace.
    pub(crate) fn starts(&self, workspace: Workspace, configuration: &Path) -> Process {
        let us = std::env::current_exe().unwrap();
        let us = us.to_str().expect("a path in UTF-8");
        Process::start(us, workspace, |test| {
            test.args(["--exact", "--ignored", "--nocapture", ITSELF]);
            test.envs([(VARIABLES[0], configuration), (VARIABLES[1], &*self.file())]);
        })
    }
}

/// The clock in the process of a server.
struct Ahead {
    system: SystemClock,
    file: PathBuf,
}

impl Ahead {
    fn seconds(&self) -> i64 {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.parse().unwrap_or_default()
    }
}

impl Clock for Ahead {
    fn now(&self) -> Now {
        let now = self.system.now();
        Now {
            unix: now.unix.saturating_add(self.seconds()),
            ..now
        }
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let end = self.now().unix.saturating_add(time.as_secs().cast_signed());
        Box::pin(async move {
            while self.now().unix < end {
                tokio::time::sleep(LOOK).await;
            }
        })
    }
}

/// The process of a server.
#[test]
#[ignore = "a process of its own, started by tests that move its clock"]
fn serves_by_a_clock_that_is_moved() {
    let [Some(path), Some(file)] = VARIABLES.map(std::env::var_os) else {
        return;
    };
    let clock = Arc::new(Ahead {
        system: SystemClock::start(),
        file: file.into(),
    });
    let config = config::load(Path::new(&path), [], &[]).unwrap();
    let checked = config::check(&config, clock.now().unix, 1).unwrap();
    log::start(config.log.format, &config.log.level).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _running = run::start(&config, checked, clock).await.unwrap();
        // Until it is killed.
        std::future::pending::<()>().await;
    });
}
