//! `countersign check-config`: every mistake in a configuration, with file, line and key. Starts nothing.

use super::console::Tone;
use super::{Console, Outcome, columns, startup};
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::config::keys::{KEYS, Key};
use crate::office;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Flags of `check-config`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign check-config /etc/countersign/countersign.toml\n  \
    countersign check-config --json countersign.toml | jq .mistakes\n  \
    countersign check-config --keys\n\n\
    Opens the files that the configuration names, too: keys, certificates, inventories, anchors, the journal of the authority. \
    A key in a PKCS#11 device stays closed: only a start tries it."
)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(required_unless_present = "keys")]
    file: Option<PathBuf>,
    /// Print every key there is: whether a reload is enough for it, its default, what it is for
    #[arg(long, conflicts_with = "file")]
    keys: bool,
    /// One JSON object: {"mistakes": [...], "warnings": [...]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    // There is a file, or the keys are wanted.
    let Some(file) = &arguments.file else {
        KEYS.iter()
            .for_each(|key| show(key, arguments.json, console));
        return Outcome::Done;
    };
    let loaded = config::load(file, std::env::vars(), &[]);
    let settings = loaded.as_ref().ok().and_then(|config| config.ca.as_ref());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let office = settings.map(|settings| office::examine(settings, &clock));
    let office = office.unwrap_or_default().into_iter();
    let office: Vec<_> = office
        .map(|fault| format!("{}: ca: {fault}", file.display()))
        .collect();
    let checked = loaded.and_then(|config| config::check(&config, clock.now().unix, 1));
    let (mistakes, warnings) = match checked {
        Ok(checked) => (Vec::new(), checked.warnings),
        Err(mistakes) => (mistakes, Vec::new()),
    };
    if arguments.json {
        let text = |all: Vec<String>| serde_json::Value::from(all);
        console.line(json!({
            "file": file,
            "mistakes": text(mistakes.iter().map(ToString::to_string).chain(office.clone()).collect()),
            "warnings": text(warnings.iter().map(ToString::to_string).collect()),
        }));
    }
    if !mistakes.is_empty() || !office.is_empty() {
        if arguments.json {
            return Outcome::Failed;
        }
        let outcome = startup::mistaken(&mistakes, console);
        office.iter().for_each(|fault| console.error(fault));
        return outcome;
    }
    if !arguments.json {
        warnings.iter().for_each(|warning| console.warning(warning));
        console.line(format_args!("{}: no mistakes", file.display()));
    }
    Outcome::Done
}

fn show(key: &Key, as_json: bool, console: &mut Console) {
    let applies = key.applies.name();
    if as_json {
        return console.line(json!({
            "key": key.path,
            "applies": applies,
            "default": key.default,
            "says": key.says,
        }));
    }
    console.line(console.paint(Tone::Good, key.path));
    let default = format!("{} ({})", key.says, key.default);
    columns::lines(console, &[(applies, 9, Tone::Faint)], &default, Tone::Plain);
}
