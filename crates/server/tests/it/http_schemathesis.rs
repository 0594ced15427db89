//! The description and the interface, held against each other by a stranger.
//!
//! ```text
//!   Schemathesis ── GET /openapi.json ──► Switch
//!                ── POST …, as described, and as not ──► Switch
//!                ◄── nothing but what is described
//! ```
//!
//! This test verifies that whatever is asked of signing and verification in both dialects is answered as `/openapi.json` says:
//! statuses, types, bodies; that what the description forbids is refused; and that nothing makes the server fail. What the
//! description allows may be refused all the same: a time that is long past is one, too.

use crate::http_signing::{LISTENS, at, http_trunk};
use crate::peers::{Process, Workspace};
use crate::switch::{House, TENANT};
use std::time::Duration;

/// How long it may take; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(110);
/// Requests of each kind to each operation. What it finds it finds early.
const EXAMPLES: &str = "15";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interface_is_as_described() {
    let house = House::new();
    let trunk = http_trunk(1, "both", "tenant = \"provider\"");
    let switch = house.start("", &(trunk + TENANT + LISTENS)).await;
    let root = format!("http://{}", at(&switch));
    let output = tokio::task::spawn_blocking(move || {
        let us = std::env::current_exe().unwrap();
        // `cargo xtask test` installs it there; we are in `debug/deps` beside it.
        let program = us.ancestors().nth(3).unwrap();
        let program = program.join("programs/schemathesis/bin/schemathesis");
        assert!(
            program.exists(),
            "{program:?} is not installed: `cargo xtask test` installs it"
        );
        let program = program.to_str().unwrap();
        let mut process = Process::start(program, Workspace::new("schemathesis"), |schemathesis| {
            schemathesis.args(["run", &format!("{root}/openapi.json"), "--url", &root]);
            schemathesis.args([
                "--include-path-regex",
                "/(signing|verification)$",
                "--no-color",
            ]);
            schemathesis.args([
                "--checks",
                "all",
                "--exclude-checks",
                "positive_data_acceptance",
            ]);
            schemathesis.args([
                "--max-examples",
                EXAMPLES,
                "--seed",
                "1",
                "--generation-database",
                "none",
            ]);
        });
        let status = process.end(PATIENCE);
        assert!(status.success(), "{}", process.output());
        process.output()
    });
    let output = output.await.unwrap();
    assert!(output.contains("Selected: 4/"), "{output}");
    switch.stop().await;
}
