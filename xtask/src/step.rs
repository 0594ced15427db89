//! One step of a task: a program that runs, is seen running, and ends well or not.

use crate::tally::{self, Tally};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How a step ended.
pub(crate) enum Ending {
    /// It ran and succeeded.
    Passed,
    /// It ran and did not, or could not be started.
    Failed,
    /// It was not run; the text says why.
    Skipped(String),
}

/// A finished step.
pub(crate) struct Step {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// How it ended.
    pub(crate) ending: Ending,
    /// How long it took.
    pub(crate) took: Duration,
    /// What it counts for: itself, or the tests that its runner counted.
    pub(crate) tally: Tally,
    /// The runner's own summary, line by line, where there is one.
    pub(crate) summary: Vec<String>,
}

impl Step {
    /// Runs a check that counts as one test; its output goes straight to the terminal.
    pub(crate) fn check(name: &'static str, command: &mut Command) -> Self {
        announce(name, command);
        let start = Instant::now();
        let status = command.stdin(Stdio::null()).status();
        let passed = status.is_ok_and(|status| status.success());
        Self::finished(name, passed, start.elapsed())
    }

    /// A check made without another program, that counts as one test.
    pub(crate) fn finished(name: &'static str, passed: bool, took: Duration) -> Self {
        Self {
            name,
            ending: if passed {
                Ending::Passed
            } else {
                Ending::Failed
            },
            took,
            tally: Tally::of_check(passed),
            summary: Vec::new(),
        }
    }

    /// A step left out, and why.
    pub(crate) fn skipped(name: &'static str, why: String) -> Self {
        println!("\n== {name}: skipped: {why}");
        Self {
            name,
            ending: Ending::Skipped(why),
            took: Duration::ZERO,
            tally: Tally {
                skipped: 1,
                ..Tally::default()
            },
            summary: Vec::new(),
        }
    }

    /// Runs a test runner: its output is passed on line by line, and its summary is read out of it.
    pub(crate) fn tests(name: &'static str, command: &mut Command) -> Self {
        announce(name, command);
        let start = Instant::now();
        let (exited_well, summary) = run_and_listen(command);
        let mut tally: Tally = summary.iter().filter_map(|line| tally::read(line)).sum();
        // A runner that dies before or beside its tests (a crate that does not compile) is a failure of its own.
        if !exited_well && tally.failed == 0 {
            tally.failed = 1;
        }
        Self {
            name,
            ending: if exited_well {
                Ending::Passed
            } else {
                Ending::Failed
            },
            took: start.elapsed(),
            tally,
            summary,
        }
    }
}

/// Runs `command`, passes its output on, and returns whether it exited with zero, with the lines that are summaries.
fn run_and_listen(command: &mut Command) -> (bool, Vec<String>) {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cannot start it: {error}");
            return (false, Vec::new());
        }
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let errors = thread::spawn(move || pass_on(stderr, std::io::stderr()));
    let mut summary = pass_on(stdout, std::io::stdout());
    summary.extend(errors.join().unwrap_or_default());
    (child.wait().is_ok_and(|status| status.success()), summary)
}

fn pass_on(from: Option<impl Read>, mut to: impl Write) -> Vec<String> {
    let mut summaries = Vec::new();
    let Some(from) = from else { return summaries };
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        // A terminal that went away is no reason to stop counting.
        let _ = to.write_all(&line);
        let plain = tally::without_colour(&String::from_utf8_lossy(&line));
        if tally::read(&plain).is_some() {
            summaries.push(plain.trim().to_owned());
        }
        line.clear();
    }
    summaries
}

fn announce(name: &str, command: &Command) {
    let arguments: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    // The program is a long path of no interest when it is cargo.
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default();
    println!("\n== {name}: {program} {}", arguments.join(" "));
}
