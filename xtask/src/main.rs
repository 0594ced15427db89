//! Project tasks: `cargo xtask test | fuzz | bench | soak | judge | instructions`.
//!
//! Each task is one file. They only start other programs and read what these print: nothing of the product is linked in here, so that
//! `cargo xtask test` can tell what is wrong with a tree that does not compile.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "telling what happens is what a task runner does"
)]

mod house;
mod tally;
mod step;
mod packages;
mod venv;
mod fuzz;
mod instructions;
mod programs;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  test [--quick]          install what the tests need (Debian packages), then check and test everything;
                          --quick: formatting, clippy and tests only, nothing is installed
  fuzz [SECONDS]          every fuzz target in turn, SECONDS each (60); installs cargo-fuzz if it is missing
  bench [--json] [PART]... every promised ratio in one run, or those of library, path, http, limits, memory
  soak [CALLS [RATE]]     CALLS calls (1,000,000) at RATE a second (1,500) through a server of its own: every verdict is checked,
                          memory is watched
  instructions [--bless]  counts the instructions of our own code and compares them with those kept; --bless: keeps these
  judge ...               runs the product over third-party material and prints figures; without arguments: how
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(test::Extent::Everything),
        ["test", "--quick"] => test::run(test::Extent::Quick),
        ["fuzz"] => fuzz::run(fuzz::DEFAULT_SECONDS),
        ["fuzz", seconds] if let Ok(seconds) = seconds.parse() => fuzz::run(seconds),
        ["instructions"] => instructions::run(instructions::Bless::No),
        ["instructions", "--bless"] => instructions::run(instructions::Bless::Yes),
        ["bench", rest @ ..] => programs::bench(rest),
        ["soak", rest @ ..] => programs::soak(rest),
        ["judge", rest @ ..] => programs::run("judge", rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
