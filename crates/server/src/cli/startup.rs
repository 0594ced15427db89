//! What `up` and `serve` do alike: tell mistakes, start the log and the server, wait for the end.

use super::{Console, Outcome};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Mistake};
use crate::handover::Inherited;
use crate::run::{self, Running, StartFault};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Whether what deserves a thought is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warnings {
    /// It is the lab's own doing.
    Silent,
    /// It is.
    Told,
}

/// Whether a process that runs already is asked for its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takeover {
    /// It is not: there is none, or the addresses are free.
    No,
    /// It is.
    Yes,
}

/// The sockets of the process that runs with this configuration.
fn inherit(config: &Config, console: &mut Console) -> Result<Inherited, Outcome> {
    let Some(path) = &config.sip.takeover_socket else {
        console.error("--takeover: set sip.takeover_socket, and start the server once with it");
        return Err(Outcome::Unable);
    };
    Inherited::ask(&path.value).map_err(|error| {
        let path = path.value.display();
        console.error(format_args!(
            "{path}: {error}; does a server run with this configuration?"
        ));
        Outcome::Unable
    })
}

/// Tells every mistake.
pub(super) fn mistaken(mistakes: &[Mistake], console: &mut Console) -> Outcome {
    for mistake in mistakes {
        console.error(mistake);
    }
    Outcome::Unable
}

/// Runs `work` on an async runtime of its own.
pub(super) fn on_runtime(
    console: &mut Console,
    work: impl AsyncFnOnce(&mut Console) -> Outcome,
) -> Outcome {
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let outcome = runtime.block_on(work(console));
            crate::log::flush();
            outcome
        }
        Err(error) => {
            console.error(format_args!("the system gives no threads: {error}"));
            Outcome::Unable
        }
    }
}

/// Opens what the configuration names and starts the server; or tells why not, and what `helps` against an address in use.
pub(super) async fn start(
    config: &Config,
    clock: SystemClock,
    console: &mut Console,
    (warnings, takeover): (Warnings, Takeover),
    helps: impl FnOnce(SocketAddr) -> &'static str,
) -> Result<Running, Outcome> {
    let checked = config::check(config, clock.now().unix, 1)
        .map_err(|mistakes| mistaken(&mistakes, console))?;
    if warnings == Warnings::Told {
        checked
            .warnings
            .iter()
            .for_each(|warning| console.warning(warning));
    }
    if let Err(error) = crate::log::start(config.log.format, &config.log.level) {
        console.error(error);
        return Err(Outcome::Unable);
    }
    let inherited = match takeover {
        Takeover::No => None,
        Takeover::Yes => Some(inherit(config, console)?),
    };
    run::start_after(config, checked, Arc::new(clock), inherited)
        .await
        .map_err(|fault| {
            match &fault {
                StartFault::Bind(address, _) => {
                    console.error(format_args!("{fault}; {}", helps(*address)));
                }
                _ => console.error(fault),
            }
            Outcome::Unable
        })
}

/// Waits for SIGINT or SIGTERM.
pub(super) async fn stop_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
