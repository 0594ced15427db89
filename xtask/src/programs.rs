//! `cargo xtask bench` and `cargo xtask judge`: programs of the testkit, built for speed and started with the arguments given.

use crate::house;
use std::process::ExitCode;

/// Builds and runs the program `name`; its exit code is ours.
pub(crate) fn run(name: &str, arguments: &[&str]) -> ExitCode {
    let mut command = house::cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package",
        "countersign-testkit",
        "--bin",
        name,
        "--",
    ]);
    let status = command.args(arguments).status();
    let code = status.ok().and_then(|status| status.code());
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
