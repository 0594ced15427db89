//! `countersign check-config`: every mistake in a configuration, with file, line and key. Starts nothing.

use super::{Console, Outcome, startup};
use crate::clock::{Clock, SystemClock};
use crate::config;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Flags of `check-config`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign check-config /etc/countersign/countersign.toml\n  \
    countersign check-config --json countersign.toml | jq .mistakes\n\n\
    Opens the files that the configuration names, too: keys, certificates, inventories, anchors."
)]
pub(super) struct Arguments {
    /// The configuration file
    file: PathBuf,
    /// One JSON object: {"mistakes": [...], "warnings": [...]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let checked = config::load(&arguments.file, std::env::vars(), &[])
        .and_then(|config| config::check(&config, SystemClock::start().now().unix, 1));
    let (mistakes, warnings) = match checked {
        Ok(checked) => (Vec::new(), checked.warnings),
        Err(mistakes) => (mistakes, Vec::new()),
    };
    if arguments.json {
        let text = |all: Vec<String>| serde_json::Value::from(all);
        console.line(json!({
            "file": arguments.file,
            "mistakes": text(mistakes.iter().map(ToString::to_string).collect()),
            "warnings": text(warnings.iter().map(ToString::to_string).collect()),
        }));
    }
    if !mistakes.is_empty() {
        return if arguments.json {
            Outcome::Failed
        } else {
            startup::mistaken(&mistakes, console)
        };
    }
    if !arguments.json {
        warnings.iter().for_each(|warning| console.warning(warning));
        console.line(format_args!("{}: no mistakes", arguments.file.display()));
    }
    Outcome::Done
}
