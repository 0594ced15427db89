//! `countersign certificate`: certificates taken apart and judged, from files, folders and repositories.
//!
//! One file per verb: [`inspect`] shows and believes nothing, [`lint`] asks the rules of the profiles,
//! [`verify`] judges chains, [`audit`] judges all of a folder against each other. What they share: [`documents`] brings the bytes of files,
//! folders, URLs and standard input, [`pieces`] cuts them into certificates, [`names`] has the words for what has only a
//! number.
//!
//! No rule lives here: what a certificate must be is said in `countersign::certificate` and `countersign::path`.

mod documents;
mod names;
mod pieces;
mod inspect;
mod lint;
mod verify;
mod audit;

use super::Outcome;
use super::console::Console;
use clap::{Args, Subcommand};

/// Flags of `certificate`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example: countersign certificate inspect countersign-data/certificates\n\n\
    Exit codes: 0 passed or done, 1 failed, 4 not validated, 2 wrong use or could not run."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what certificates say; nothing is believed
    Inspect(inspect::Arguments),
    /// Ask certificates, and the repositories that serve them, what the profiles ask
    Lint(lint::Arguments),
    /// Judge chains: whether they lead to an anchor, every check with its verdict
    Verify(verify::Arguments),
    /// Judge the certificates of a folder against each other: delegation, revocation, validity
    Audit(audit::Arguments),
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let outcome = match &arguments.verb {
        Verb::Inspect(arguments) => inspect::run(arguments, console),
        Verb::Lint(arguments) => lint::run(arguments, console),
        Verb::Verify(arguments) => verify::run(arguments, console),
        Verb::Audit(arguments) => audit::run(arguments, console),
    };
    outcome.unwrap_or_else(|trouble| {
        console.error(trouble);
        Outcome::Unable
    })
}
