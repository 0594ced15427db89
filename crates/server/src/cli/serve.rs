//! `countersign serve`: the server in production, from a configuration file.

use super::startup::Takeover;
use super::{Console, Outcome, startup};
use crate::clock::SystemClock;
use crate::config;
use crate::handover::Successor;
use crate::log::Format;
use crate::run::Running;
use crate::run::capacity::Capacity;
use crate::sip::helm::{Helm, Pulse};
use crate::supervisor::{News, Supervisor};
use clap::Args;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// Looks at the shards within the time that the supervisor gives us: one may be late.
const LOOKS: u32 = 3;
/// The shortest pause between two looks: a shard with nothing to do turns twice in it.
const SHORTEST_LOOK: Duration = Duration::from_millis(1_200);

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign serve --config /etc/countersign/countersign.toml\n\n\
    Settings can also be made in the environment: COUNTERSIGN_LOG__LEVEL=debug sets [log] level.\n\
    SIGHUP and `countersign reload` read it again; what is wrong then changes nothing.\n\
    SIGTERM ends what has begun before it ends the process ([sip] drain_s); a second one ends it at once.\n\
    SIGUSR2 starts the program once more, with --takeover: it goes on in our place, and no call is lost.\n\
    `countersign check-config FILE` tells every mistake without starting anything."
)]
pub(super) struct Arguments {
    /// The configuration file; etc/countersign.toml.example shows every setting
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Go on in the place of the server that runs with this configuration ([sip] takeover_socket); no call is lost
    #[arg(long)]
    takeover: bool,
}

/// What a signal tells us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// SIGTERM or SIGINT.
    End,
    /// SIGHUP.
    Reload,
    /// SIGUSR2.
    Swap,
}

/// The signals that mean something to us.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
    user: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            user: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
            Some(()) = self.hangup.recv() => Told::Reload,
            Some(()) = self.user.recv() => Told::Swap,
        }
    }

    async fn end(&mut self) {
        while self.next().await != Told::End {}
    }
}

/// How a process ends that has a successor.
enum Given {
    /// The successor was not let in: this one goes on.
    Not(Box<Running>),
    /// The successor has everything.
    Over,
    /// The successor was gone before it had everything: nobody accepts connections any more, and the one who started us is to
    /// start another.
    Lost,
}

/// Carries calls until told to end, and whoever started us knows how we are.
async fn carry(mut running: Running, signals: &mut Signals, takeover: Takeover) -> Outcome {
    let supervisor = Arc::new(Supervisor::from_environment());
    if takeover == Takeover::Yes {
        supervisor.tell(News::Successor(std::process::id()));
    }
    supervisor.tell(News::Ready);
    let mut watched = Watched::start(&supervisor, &running);
    loop {
        let told = tokio::select! {
            told = signals.next() => told,
            successor = running.succeeded() => {
                // The watchdog is the successor's: one that stands still must not be kept alive by us.
                drop(watched);
                match give_way(running, successor, signals).await {
                    Given::Over => return Outcome::Done,
                    Given::Lost => return Outcome::Failed,
                    Given::Not(still) => running = *still,
                }
                supervisor.tell(News::Successor(std::process::id()));
                watched = Watched::start(&supervisor, &running);
                continue;
            }
        };
        match told {
            Told::End => break,
            Told::Reload => {
                supervisor.tell(News::Reloading);
                // The log tells what comes of it.
                drop(running.reloads.ask().await);
                supervisor.tell(News::Ready);
            }
            Told::Swap => swap(),
        }
    }
    tracing::info!("draining");
    supervisor.tell(News::Stopping);
    tokio::select! {
        () = running.drain() => {}
        () = signals.end() => tracing::warn!("told twice to end: draining no longer"),
    }
    tracing::info!("stopping");
    running.stop().await;
    drop(watched);
    Outcome::Done
}

/// The watchdog is fed until this is dropped.
struct Watched(Option<JoinHandle<()>>);

impl Watched {
    fn start(supervisor: &Arc<Supervisor>, running: &Running) -> Self {
        Self(supervisor.watchdog().map(|limit| {
            let (supervisor, helm) = (supervisor.clone(), running.helm());
            tokio::spawn(watch(supervisor, helm, limit))
        }))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(watch) = &self.0 {
            watch.abort();
        }
    }
}

/// Leaves what is new to the successor, and ends when nothing is left here; at once if told to.
async fn give_way(running: Running, successor: Successor, signals: &mut Signals) -> Given {
    let refused = |error: std::io::Error| tracing::error!(%error, "the successor is not let in");
    let bereft = match running.bereft(&successor) {
        Ok(bereft) => bereft,
        Err(error) => {
            refused(error);
            return Given::Not(running.into());
        }
    };
    let relay = match running.step_back(&successor).await {
        Ok(relay) => relay,
        Err(error) => {
            refused(error);
            return Given::Not(running.into());
        }
    };
    tracing::info!("a successor carries what is new; what has begun here is finished here");
    tokio::select! {
        () = running.outlive() => tracing::info!("nothing is left here that has begun"),
        () = signals.end() => tracing::warn!("told to end: the successor has the rest"),
        _ = bereft => {
            tracing::error!("the successor is gone, and connections were its own: ending, to be started again");
            running.stop().await;
            return Given::Lost;
        }
    }
    running.leave(successor, relay).await;
    Given::Over
}

/// Starts this program once more, as it is on the disk now, to go on in our place.
fn swap() {
    let mut arguments = std::env::args_os();
    let named = arguments.next().map(PathBuf::from);
    // The name under which we were started finds the newer file; the link in /proc leads to the one that runs.
    let program = named.filter(|name| name.components().count() > 1);
    let Some(program) = program.or_else(|| std::env::current_exe().ok()) else {
        return tracing::error!("nobody knows which program this is");
    };
    let mut command = Command::new(&program);
    command.args(arguments.filter(|argument| argument != "--takeover"));
    command.arg("--takeover").stdin(Stdio::null());
    // The watchdog's number is ours; the successor is watched when it is the main process.
    command.env_remove("WATCHDOG_PID");
    match command.spawn() {
        Ok(mut child) => {
            tracing::info!(pid = child.id(), "started to go on in our place");
            std::thread::spawn(move || match child.wait() {
                Ok(status) => tracing::error!(%status, "the successor has ended"),
                Err(error) => tracing::error!(%error, "nobody knows what became of the successor"),
            });
        }
        Err(error) => {
            tracing::error!(program = %program.display(), %error, "no successor could be started");
        }
    }
}

/// Says that we are alive as long as every shard turns: a process whose calls stand still is of no use, however well the rest of
/// it is.
async fn watch(supervisor: Arc<Supervisor>, helm: Arc<Helm>, limit: Duration) {
    let mut look = tokio::time::interval((limit / LOOKS).max(SHORTEST_LOOK));
    let mut seen: Vec<u64> = Vec::new();
    loop {
        look.tick().await;
        let turns: Vec<u64> = helm.pulses().iter().map(Pulse::turns).collect();
        match turns
            .iter()
            .zip(&seen)
            .position(|(now, before)| now == before)
        {
            Some(shard) => tracing::error!(shard, "a shard stands still"),
            None => supervisor.tell(News::Alive),
        }
        seen = turns;
    }
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let config = match config::load(&arguments.config, std::env::vars(), &[]) {
        Ok(config) => config,
        Err(mistakes) => return startup::mistaken(&mistakes, console),
    };
    let takeover = match arguments.takeover {
        true => Takeover::Yes,
        false => Takeover::No,
    };
    startup::on_runtime(console, async |console| {
        // From the first moment: unhandled, it would end the process.
        let Ok(mut signals) = Signals::listen() else {
            console.error("the system gives no signals");
            return Outcome::Unable;
        };
        match startup::start(
            &config,
            SystemClock::start(),
            console,
            (startup::Warnings::Told, takeover),
            |_| "choose another in the configuration",
        )
        .await
        {
            Ok(running) => {
                let capacity = Capacity::of(&running);
                if config.log.format == Format::Text {
                    console.line(&capacity);
                }
                capacity.tell();
                tracing::info!(shards = running.shards, "running");
                carry(running, &mut signals, takeover).await
            }
            Err(outcome) => outcome,
        }
    })
}
