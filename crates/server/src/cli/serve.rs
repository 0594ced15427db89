//! `countersign serve`: the server in production, from a configuration file.

use super::{Console, Outcome, startup};
use crate::clock::SystemClock;
use crate::config;
use clap::Args;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign serve --config /etc/countersign/countersign.toml\n\n\
    Settings can also be made in the environment: COUNTERSIGN_LOG__LEVEL=debug sets [log] level.\n\
    SIGHUP and `countersign reload` read it again; what is wrong then changes nothing.\n\
    SIGTERM ends what has begun before it ends the process ([sip] drain_s); a second one ends it at once.\n\
    `countersign check-config FILE` tells every mistake without starting anything."
)]
pub(super) struct Arguments {
    /// The configuration file; etc/countersign.toml.example shows every setting
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let config = match config::load(&arguments.config, std::env::vars(), &[]) {
        Ok(config) => config,
        Err(mistakes) => return startup::mistaken(&mistakes, console),
    };
    startup::on_runtime(console, async |console| {
        // From the first moment: unhandled, it would end the process.
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            console.error("the system gives no signals");
            return Outcome::Unable;
        };
        match startup::start(
            &config,
            SystemClock::start(),
            console,
            startup::Warnings::Told,
            |_| "choose another in the configuration",
        )
        .await
        {
            Ok(running) => {
                tracing::info!(shards = running.shards, "running");
                let mut end = std::pin::pin!(startup::stop_signal());
                loop {
                    tokio::select! {
                        () = &mut end => break,
                        // The log tells what comes of it.
                        Some(()) = hangup.recv() => drop(running.reloads.ask().await),
                    }
                }
                tracing::info!("draining");
                tokio::select! {
                    () = running.drain() => {}
                    () = startup::stop_signal() => tracing::warn!("told twice to end: draining no longer"),
                }
                tracing::info!("stopping");
                running.stop().await;
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    })
}
