//! `cargo xtask fuzz [SECONDS]`: every fuzz target in turn.
//!
//! Runs on the stable toolchain: without a sanitizer, which would need a nightly one and has little to find where unsafe code is
//! forbidden. What libFuzzer finds it leaves in `fuzz/artifacts`; mended, it becomes a seed in `fuzz/seeds`, which every test run reads.

use crate::house;
use std::path::Path;
use std::process::{Command, ExitCode};

/// How long each target runs if nobody says.
pub(crate) const DEFAULT_SECONDS: u32 = 60;

/// Longest input, in bytes: a little more than the largest message over UDP.
const MAX_INPUT: u32 = 70_000;

/// Runs every target for so many seconds; the exit code is zero only if none found anything.
pub(crate) fn run(seconds: u32) -> ExitCode {
    if !house::has_cargo_command("fuzz") {
        println!("== fuzz: cargo-fuzz is not installed; installing it (a minute or two)");
        let install = house::cargo(&["install", "--locked", "--quiet", "cargo-fuzz"]).status();
        if !install.is_ok_and(|status| status.success()) {
            eprintln!("error: cargo-fuzz could not be installed");
            return ExitCode::FAILURE;
        }
    }
    let targets = targets();
    println!("== fuzz: {} targets, {seconds} s each", targets.len());
    let build = fuzz(&["build"]).status();
    if targets.is_empty() || !build.is_ok_and(|status| status.success()) {
        eprintln!("error: the targets do not build (libFuzzer needs a C++ compiler)");
        return ExitCode::FAILURE;
    }
    let found: Vec<&String> = targets
        .iter()
        .filter(|name| !holds(name, seconds))
        .collect();
    for name in &found {
        println!("{name}: a promise is broken; the input is in fuzz/artifacts/{name}");
    }
    println!(
        "{} targets held, {} did not",
        targets.len() - found.len(),
        found.len()
    );
    if found.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether a target ran for its time without finding anything.
fn holds(name: &str, seconds: u32) -> bool {
    println!("\n== fuzz {name}");
    let (corpus, seeds) = (format!("fuzz/corpus/{name}"), format!("fuzz/seeds/{name}"));
    if let Err(error) = std::fs::create_dir_all(house::root().join(&corpus)) {
        eprintln!("error: {corpus}: {error}");
        return false;
    }
    let time = format!("-max_total_time={seconds}");
    let length = format!("-max_len={MAX_INPUT}");
    let mut command = fuzz(&[
        "run",
        name,
        &corpus,
        &seeds,
        "--",
        &time,
        &length,
        "-timeout=10",
        "-verbosity=0",
        "-print_final_stats=1",
    ]);
    command.status().is_ok_and(|status| status.success())
}

fn fuzz(arguments: &[&str]) -> Command {
    let (verb, rest) = arguments.split_first().unwrap_or((&"", &[]));
    let mut command = house::cargo(&["fuzz", verb, "--fuzz-dir", "fuzz", "--sanitizer", "none"]);
    command.args(rest);
    command
}

/// The names of the targets: the files in `fuzz/fuzz_targets`.
fn targets() -> Vec<String> {
    let entries = std::fs::read_dir(house::root().join("fuzz/fuzz_targets"));
    let paths = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let stem = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let mut names: Vec<String> = paths.filter_map(|path| stem(&path)).collect();
    names.sort();
    names
}
