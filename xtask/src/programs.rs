//! `cargo xtask bench`, `cargo xtask soak` and `cargo xtask judge`: programs that are built for speed and started with the arguments given.

use crate::house;
use std::process::{Command, ExitCode};

/// Builds and runs the benchmark, and the binary that it measures.
pub(crate) fn bench(arguments: &[&str]) -> ExitCode {
    let bench = [
        "bench",
        "--quiet",
        "--package",
        "countersign-server",
        "--bench",
        "ratios",
        "--",
    ];
    status(house::cargo(&bench), arguments)
}

/// Builds the server and soaks it.
pub(crate) fn soak(arguments: &[&str]) -> ExitCode {
    let build = [
        "build",
        "--quiet",
        "--release",
        "--package",
        "countersign-server",
        "--bin",
        "countersign",
    ];
    let built = house::cargo(&build)
        .status()
        .is_ok_and(|status| status.success());
    let server = house::target().join("release/countersign");
    let Some(server) = server.to_str().filter(|_| built) else {
        return ExitCode::FAILURE;
    };
    let arguments: Vec<&str> = std::iter::once(server)
        .chain(arguments.iter().copied())
        .collect();
    run("soak", &arguments)
}

/// Builds and runs the program `name`; its exit code is ours.
pub(crate) fn run(name: &str, arguments: &[&str]) -> ExitCode {
    let command = house::cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package",
        "countersign-testkit",
        "--bin",
        name,
        "--",
    ]);
    status(command, arguments)
}

/// Its exit code is ours.
fn status(mut command: Command, arguments: &[&str]) -> ExitCode {
    let status = command.args(arguments).status();
    let code = status.ok().and_then(|status| status.code());
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
