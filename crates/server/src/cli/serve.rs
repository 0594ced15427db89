//! `countersign serve`: the server in production, from a configuration file.

use super::{Console, Outcome, startup};
use crate::clock::SystemClock;
use crate::config;
use clap::Args;
use std::path::PathBuf;

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign serve --config /etc/countersign/countersign.toml\n\n\
    Settings can also be made in the environment: COUNTERSIGN_LOG__LEVEL=debug sets [log] level.\n\
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
                startup::stop_signal().await;
                tracing::info!("stopping");
                running.stop().await;
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    })
}
