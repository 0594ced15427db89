//! `cargo xtask instructions [--bless]`: how many instructions of our own it takes to sign, to verify and to take an INVITE apart;
//! with rich call data beside the attestation, too, and for a call that was forwarded five times.
//!
//! Time is noise on a shared machine, instructions are not: callgrind counts the same work to a ten-thousandth. Cryptography is
//! answered by a constant (callgrind hides the instructions that the library uses on a real processor, and it is not ours to mend).
//! The counts are kept in `crates/testkit/instructions.toml`; one that grew by more than [`TOLERANCE`] fails. `--bless` writes new ones.

use crate::house;
use crate::step::Step;
use std::fmt::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// How much a count may grow: what a new minor version of the compiler may cost, not what a careless change does.
const TOLERANCE: f64 = 0.02;
/// How often each work is done.
const OPERATIONS: u64 = 1000;
/// The works, as the measured program calls them.
const WORKS: [&str; 6] = [
    "parse",
    "sign",
    "sign-rcd",
    "verify",
    "verify-forwarded",
    "verify-rcd",
];
/// Where the counts are kept.
const KEPT: &str = "crates/testkit/instructions.toml";
/// The architecture whose instructions are counted.
const ARCHITECTURE: &str = "x86_64";

/// Counts and compares, or counts and writes.
pub(crate) fn run(bless: Bless) -> ExitCode {
    let outcome = match bless {
        Bless::No => check(),
        Bless::Yes => count_all().and_then(|counts| keep(&counts)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether new counts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bless {
    No,
    Yes,
}

/// The same as a step of the whole test.
pub(crate) fn step() -> Step {
    const NAME: &str = "instruction counts";
    if std::env::consts::ARCH != ARCHITECTURE {
        return Step::skipped(NAME, format!("they are counted on {ARCHITECTURE}"));
    }
    println!("\n== {NAME}");
    let start = Instant::now();
    let outcome = check();
    if let Err(why) = &outcome {
        println!("{why}");
    }
    Step::finished(NAME, outcome.is_ok(), start.elapsed())
}

/// A work and its instructions per operation.
type Count = (&'static str, u64);

fn check() -> Result<(), String> {
    let text = std::fs::read_to_string(house::root().join(KEPT))
        .map_err(|error| format!("{KEPT}: {error}"))?;
    let mut complaints = String::new();
    for (work, now) in count_all()? {
        let kept = kept(&text, work).ok_or(format!("{KEPT} has no count for {work}"))?;
        let change = now as f64 / kept as f64 - 1.0;
        println!(
            "{work:16} {now:>8} instructions, kept {kept:>8}, {:+.2} %",
            change * 100.0
        );
        if change > TOLERANCE {
            let _ = write!(
                complaints,
                "{work} takes {:.2} % more instructions than kept; ",
                change * 100.0
            );
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    let compiler = text
        .lines()
        .find_map(|line| line.strip_prefix("# rustc "))
        .unwrap_or("unknown");
    Err(format!(
        "{complaints}if that is what it is worth, write it down: cargo xtask instructions --bless (kept with rustc {compiler}, this is {})",
        rustc()
    ))
}

fn kept(text: &str, work: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(work)?.trim_start().strip_prefix('='))?;
    value.trim().replace('_', "").parse().ok()
}

fn keep(counts: &[Count]) -> Result<(), String> {
    let mut text = format!(
        "# Instructions of our own code for one operation, {ARCHITECTURE}, release profile: see xtask/src/instructions.rs.\n\
        # Written by `cargo xtask instructions --bless`; the commit that changes a number says why.\n# rustc {}\n\n",
        rustc()
    );
    for (work, count) in counts {
        println!("{work:16} {count:>8} instructions");
        let _ = writeln!(text, "{work} = {count}");
    }
    std::fs::write(house::root().join(KEPT), text).map_err(|error| format!("{KEPT}: {error}"))
}

fn count_all() -> Result<Vec<Count>, String> {
    let build = [
        "build",
        "--quiet",
        "--release",
        "--package",
        "countersign-testkit",
        "--bin",
        "instructions",
    ];
    if !house::cargo(&build)
        .status()
        .is_ok_and(|status| status.success())
    {
        return Err("the measured program does not build".to_owned());
    }
    WORKS
        .into_iter()
        .map(|work| Ok((work, count(work)?)))
        .collect()
}

/// Instructions per operation of one work.
fn count(work: &str) -> Result<u64, String> {
    let program = house::target().join("release/instructions");
    // Only the total is read, and that is printed.
    let out = house::target().join("callgrind.out");
    let out = format!("--callgrind-out-file={}", out.display());
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            &out,
            "--collect-atstart=no",
            "--toggle-collect=*measured*",
        ])
        .arg(program)
        .args([work, &OPERATIONS.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let collected = told
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse::<u64>().ok());
    match collected {
        Some(collected) if output.status.success() && collected > OPERATIONS => {
            Ok(collected / OPERATIONS)
        }
        _ => Err(format!("valgrind did not count {work}:\n{told}")),
    }
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.split(' ').nth(1).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_count_is_read() {
        let text = "# parse = 1\nparse = 27_716\nsign-rcd = 9\nsign=7\n";
        assert_eq!(kept(text, "parse"), Some(27_716));
        assert_eq!(kept(text, "sign"), Some(7));
        assert_eq!(kept(text, "verify"), None);
    }
}
