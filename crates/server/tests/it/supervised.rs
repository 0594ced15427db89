//! Under a supervisor: what systemd is told, and that its unit is one.
//!
//! ```text
//!     systemd ── NOTIFY_SOCKET, WATCHDOG_USEC ──► serve
//!             ◄── READY=1 · WATCHDOG=1 … · RELOADING=1 · READY=1 · STOPPING=1
//! ```
//!
//! This test verifies that a supervisor hears of each step of a life, and that the watchdog is fed while shards turn.

use crate::peers::free_address;
use crate::provider::{Provider, udp};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long a word may take; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a message that has this line.
#[track_caller]
fn hears(socket: &UnixDatagram, line: &str) -> String {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    loop {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect(line);
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.lines().any(|one| one == line) {
            return text;
        }
    }
}

#[test]
fn each_step_of_a_life_is_told() {
    let provider = Provider::new();
    let path = std::env::temp_dir().join(format!("countersign-it-{}-notify", std::process::id()));
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut server = provider
        .signs(&udp(free_address()))
        .environment("NOTIFY_SOCKET", path.to_str().unwrap())
        .environment("WATCHDOG_USEC", "3600000")
        .start();
    hears(&socket, "READY=1");
    for _ in 0..2 {
        hears(&socket, "WATCHDOG=1");
    }
    server.process().hang_up();
    let reloading = hears(&socket, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    hears(&socket, "READY=1");
    server.process().terminate();
    hears(&socket, "STOPPING=1");
    assert!(server.process().end(PATIENCE).success());
    let log = server.process().output();
    let capacity = log
        .lines()
        .find(|line| line.contains("\"message\":\"capacity\""));
    let capacity: serde_json::Value = serde_json::from_str(capacity.expect("a line")).unwrap();
    for limit in [
        "shards",
        "contexts",
        "connections",
        "files",
        "receive_buffer",
    ] {
        assert!(
            capacity[limit].as_u64().is_some_and(|limit| limit > 0),
            "{limit}: {capacity}"
        );
    }
    assert!(
        capacity["signs_per_second"]
            .as_u64()
            .is_some_and(|rate| rate > 0)
    );
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_unit_is_one() {
    let unit =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd/countersign.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    for line in ["Type=notify", "WatchdogSec=15", "NoNewPrivileges=yes"] {
        assert!(text.lines().any(|one| one == line), "{line}");
    }
    // The program is not where the unit has it on a machine that only builds: any other program stands in for it.
    let folder = std::env::temp_dir().join(format!("countersign-it-{}-unit", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("countersign.service");
    std::fs::write(&copy, text.replace("/usr/bin/countersign", "/bin/true")).unwrap();
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&copy)
        .output();
    std::fs::remove_dir_all(&folder).unwrap();
    match verified {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            let ours: Vec<_> = told
                .lines()
                .filter(|line| line.contains("countersign.service"))
                .collect();
            assert!(ours.is_empty(), "{told}");
        }
        Err(error) => {
            eprintln!("systemd-analyze is not here ({error}): only the text was looked at")
        }
    }
}
