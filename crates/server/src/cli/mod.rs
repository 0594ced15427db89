//! The command line: one file per verb, one table of exit codes.
//!
//! No verb holds a rule of its own: `sign` asks the Authentication Service, `verify` the Verification Service, `up` and
//! `serve` run the same server. What they share here is how inputs are read ([`input`]) and how answers leave ([`Outcome`],
//! [`Console`]).

mod console;
mod columns;
pub mod input;
mod moment;
mod parties;
mod trouble;
mod startup;
mod web;
mod trust;
mod ca;
mod certificate;
mod check_config;
mod completions;
mod decode;
mod reload;
mod serve;
mod sign;
mod token;
mod up;
mod verify;
mod probe;

pub use console::Console;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Signs and verifies telephone calls (STIR): who is calling, proved.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 passed or done, 1 failed, 2 wrong use or could not run, 3 unsigned, 4 not validated.\n\
    Start with `countersign up`: it makes a lab and prints how to place a first call."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run everything here: makes a lab on first start, then signs and verifies calls
    Up(up::Arguments),
    /// Run with a configuration file, for production
    Serve(serve::Arguments),
    /// Name every mistake in a configuration file, with file, line and key
    CheckConfig(check_config::Arguments),
    /// Make the running server read its configuration, keys, certificates and numbers again
    Reload(reload::Arguments),
    /// Sign a call: print its Identity header, or the SIP request signed
    Sign(Box<sign::Arguments>),
    /// Verify a call, an Identity header or a PASSporT: every check with its verdict
    Verify(Box<verify::Arguments>),
    /// Take a SIP message, Identity header or PASSporT apart; nothing is believed
    Decode(decode::Arguments),
    /// Ask who would answer a call, without ringing; or place it, and hang up when it is answered
    Probe(Box<probe::Arguments>),
    /// Take certificates apart and judge them: files, folders, repositories
    Certificate(certificate::Arguments),
    /// Run a certification authority: roots, requests, certificates
    Ca(ca::Arguments),
    /// Ask for authority tokens, take them apart, validate them
    Token(token::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// How a run ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Passed, or done.
    Done,
    /// Judged, and failed.
    Failed,
    /// A check could not be made.
    NotValidated,
    /// There was nothing to verify.
    Unsigned,
    /// Wrong use, or we could not run.
    Unable,
}

impl Outcome {
    /// The worse of two, for a run over several inputs: failed, then not validated, then unsigned, then passed. That we could
    /// not run is above all of them.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        const FROM_THE_WORST: [Outcome; 5] = [
            Outcome::Unable,
            Outcome::Failed,
            Outcome::NotValidated,
            Outcome::Unsigned,
            Outcome::Done,
        ];
        let found = FROM_THE_WORST
            .into_iter()
            .find(|one| [self, other].contains(one));
        found.unwrap_or(self)
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Unable => 2,
            Outcome::Unsigned => 3,
            Outcome::NotValidated => 4,
        })
    }
}

/// Runs the verb that the command line names.
pub fn main() -> ExitCode {
    let verb = match Cli::try_parse() {
        Ok(cli) => cli.verb,
        Err(error) => {
            // Help and version are answers, not errors: clap knows which stream and which code. Nothing can be done if the
            // terminal is gone.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut console = Console::standard();
    let outcome = match verb {
        Verb::Up(arguments) => up::run(&arguments, &mut console),
        Verb::Serve(arguments) => serve::run(&arguments, &mut console),
        Verb::CheckConfig(arguments) => check_config::run(&arguments, &mut console),
        Verb::Reload(arguments) => reload::run(&arguments, &mut console),
        Verb::Sign(arguments) => sign::run(&arguments, &mut console),
        Verb::Verify(arguments) => verify::run(&arguments, &mut console),
        Verb::Probe(arguments) => probe::run(&arguments, &mut console),
        Verb::Decode(arguments) => decode::run(&arguments, &mut console),
        Verb::Certificate(arguments) => certificate::run(&arguments, &mut console),
        Verb::Ca(arguments) => ca::run(&arguments, &mut console),
        Verb::Token(arguments) => token::run(&arguments, &mut console),
        Verb::Completions(arguments) => completions::run(&arguments, &mut console),
    };
    console.finish(outcome).into()
}

/// The whole command, for the completion scripts and the test that runs every verb once.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
