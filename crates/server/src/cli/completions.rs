//! `countersign completions SHELL`: a script that teaches the shell our verbs and flags.

use super::{Console, Outcome};
use clap::Args;
use clap_complete::Shell;

/// Flags of `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign completions bash > /etc/bash_completion.d/countersign"
)]
pub(super) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut super::command(),
        "countersign",
        &mut script,
    );
    console.bytes(&script);
    Outcome::Done
}
