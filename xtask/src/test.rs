//! `cargo xtask test`: everything that must hold, in the order of how fast it tells.
//!
//! Formatting, lints, documentation and dependencies first, then the tests, so that the last thing on the screen is the test runner's
//! own summary and one plain line that sums it all: `N passed, N failed`. A check (formatting, clippy, …) counts as one test.
//!
//! Lints are warnings while one develops and errors here. The flags for that go to clippy and rustdoc alone: a changed `RUSTFLAGS`
//! would throw away everything already built.

use crate::step::{Ending, Step};
use crate::tally::Tally;
use crate::{house, instructions, packages, venv};
use std::io::IsTerminal;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// How much is tested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Everything,
    /// Formatting, clippy and the tests; nothing is installed.
    Quick,
}

/// Runs the checks and tests; the exit code is zero only if every one passed.
pub(crate) fn run(extent: Extent) -> ExitCode {
    if extent == Extent::Everything
        && let Err(why) = packages::ensure().and_then(|()| venv::ensure())
    {
        eprintln!("error: {why}");
        return ExitCode::FAILURE;
    }
    let mut steps = vec![formatting(), clippy()];
    if extent == Extent::Everything {
        steps.push(documentation());
        steps.push(dependencies());
        steps.push(instructions::step());
        steps.push(documentation_tests());
    }
    steps.push(tests());
    report(&steps)
}

fn formatting() -> Step {
    Step::check(
        "formatting",
        &mut house::cargo(&["fmt", "--all", "--check"]),
    )
}

fn clippy() -> Step {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--",
        "-D",
        "warnings",
    ];
    Step::check("clippy", &mut house::cargo(&arguments))
}

fn documentation() -> Step {
    let mut command = house::cargo(&["doc", "--workspace", "--no-deps"]);
    Step::check("documentation", command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Bans, licences and sources of `deny.toml`. Advisories need the network and change by the day: a scheduled job's work, not a test's.
///
/// Compiling cargo-deny takes three to four minutes on two cores: a build machine does it, a developer is asked.
fn dependencies() -> Step {
    let on_a_build_machine = std::env::var_os("CI").is_some();
    if !house::has_cargo_command("deny") && on_a_build_machine {
        println!("\n== dependencies: installing cargo-deny");
        let install = house::cargo(&["install", "--locked", "--quiet", "cargo-deny"]).status();
        if !install.is_ok_and(|status| status.success()) {
            return Step::finished("dependencies", false, Duration::ZERO);
        }
    }
    if !house::has_cargo_command("deny") {
        let why = "cargo-deny is not installed (cargo install --locked cargo-deny)";
        return Step::skipped("dependencies", why.to_owned());
    }
    let check = "deny --workspace --log-level error check bans licenses sources";
    let arguments: Vec<&str> = check.split(' ').collect();
    Step::check("dependencies", &mut house::cargo(&arguments))
}

fn documentation_tests() -> Step {
    let mut command = house::cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
    Step::tests("documentation tests", &mut command)
}

/// With nextest where it is installed; `cargo test` does the same work, less neatly.
fn tests() -> Step {
    let colour = if std::io::stderr().is_terminal() {
        "always"
    } else {
        "never"
    };
    let mut command: Command = if house::has_cargo_command("nextest") {
        house::cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "--color",
            colour,
        ])
    } else {
        house::cargo(&[
            "test",
            "--workspace",
            "--all-targets",
            "--no-fail-fast",
            "--color",
            colour,
        ])
    };
    Step::tests("tests", &mut command)
}

fn report(steps: &[Step]) -> ExitCode {
    println!("\n== summary");
    for step in steps {
        let word = match &step.ending {
            Ending::Passed => "ok".to_owned(),
            Ending::Failed => "FAILED".to_owned(),
            Ending::Skipped(why) => format!("skipped: {why}"),
        };
        println!(
            "{:>7.1} s  {:20} {word}",
            step.took.as_secs_f64(),
            step.name
        );
    }
    // Summaries of binaries without a single test say nothing.
    let is_empty = |line: &&String| line.contains(" 0 passed; 0 failed; 0 ignored");
    for line in steps
        .iter()
        .flat_map(|step| &step.summary)
        .filter(|line| !is_empty(line))
    {
        println!("{line}");
    }
    let total: Tally = steps.iter().map(|step| step.tally).sum();
    println!("{total}");
    let all_passed = !steps
        .iter()
        .any(|step| matches!(step.ending, Ending::Failed));
    if all_passed && total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
