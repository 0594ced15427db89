//! `cargo xtask bench [--json] [--core]`: every ratio that is promised, in one run.
//!
//! The anchor is the library alone with a parsed key: what a signature and its verification cost at least. Everything else is told as a
//! ratio to that, because ratios mean the same on every machine. A run whose A/A row is off is void.
//!
//! - `library`: the library's own work, in blocks of thread CPU time
//! - `path`: whole calls through running servers, CPU time of all their threads; Kamailio stands beside them
//! - `limits`: how late calls are on a busy server, and what one that is overloaded still does
//! - `machine`: the processes; `rows`: the table

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing figures is what it does"
)]
#![allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]

mod library;
mod limits;
mod machine;
mod path;
mod rows;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says so to whatever it runs as a benchmark.
    let words = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench");
    let (mut as_json, mut core_only) = (false, false);
    for word in words {
        match word {
            "--json" => as_json = true,
            "--core" => core_only = true,
            _ => {
                eprintln!("usage: bench [--json] [--core]");
                return ExitCode::from(2);
            }
        }
    }
    let (mut rows, anchor) = library::measure();
    if !core_only {
        rows.extend(path::measure(anchor));
        rows.extend(limits::measure());
    }
    if as_json {
        rows::print_json(&rows, anchor);
    } else {
        rows::print_table(&rows, anchor);
    }
    // A promise that is not kept is a figure; a machine that cannot measure is a failure.
    if rows.iter().any(rows::Row::is_void) {
        eprintln!(
            "void: the same work twice differs by more than {}",
            rows::VOID_BEYOND
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
