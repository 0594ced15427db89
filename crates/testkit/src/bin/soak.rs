//! `cargo xtask soak [CALLS [RATE]]`: many calls through a server of its own, every verdict checked, memory watched.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "telling what came of it is what it is for"
)]

use countersign_testkit::load::soak;
use std::path::Path;
use std::process::ExitCode;

/// Calls if nobody says otherwise.
const CALLS: u64 = 1_000_000;
/// Calls a second if nobody says otherwise: over UDP each leaves two contexts for 32 seconds, and these fit.
const RATE: u32 = 1_500;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (program, calls, rate) = match words.as_slice() {
        [program] => (program, Ok(CALLS), Ok(RATE)),
        [program, calls] => (program, calls.parse(), Ok(RATE)),
        [program, calls, rate] => (program, calls.parse(), rate.parse()),
        _ => return usage(),
    };
    let (Ok(calls), Ok(rate)) = (calls, rate) else {
        return usage();
    };
    match soak::run(Path::new(program), calls, rate) {
        Ok(outcome) => {
            for line in outcome.lines() {
                println!("{line}");
            }
            if outcome.is_good() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::from(2)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: soak PROGRAM [CALLS [RATE]]");
    ExitCode::from(2)
}
