//! What an authority says of itself and of what it does, for whoever reads its log.
//!
//! ```text
//!     countersign serve ──► log: the authority, its directory, a new journal, each certificate that comes or goes, and by whom
//!          ▲ journal                                    ▲
//!     alice: ca issue, bob: ca revoke ──────────────────┘        ca list --json: the same afterwards
//! ```

use super::run_in;
use super::served::{self, BASE, configuration};
use crate::peers::{Process, Workspace};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// The server of a folder whose authority has issued nothing yet.
fn start(folder: Workspace, sip: SocketAddr) -> Process {
    let rest = format!(
        "[sip]\nudp = [\"{sip}\"]\n[http.public]\nlisten = [\"127.0.0.1:0\"]\n[http.admin]\nlisten = []\n\
         [fetch]\nweb_ca_file = \"root.pem\"\n[log]\nformat = \"json\"\n\
         [[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"udp:192.0.2.2:5060\"]\n"
    );
    folder.write("countersign.toml", configuration(BASE) + &rest);
    Process::start(env!("CARGO_BIN_EXE_countersign"), folder, |command| {
        command.args(["serve", "--config", "countersign.toml"]);
    })
}

/// The line of the log with this message.
fn line(server: &Process, message: &str) -> Option<Value> {
    let output = server.output();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut lines = lines.filter(|line: &Value| line["message"] == message);
    lines.next()
}

#[track_caller]
fn heard(server: &mut Process, message: &str) -> Value {
    server.until(message, |server| line(server, message).is_some());
    line(server, message).unwrap()
}

/// Runs the binary; blanks within a word are written as underscores.
#[track_caller]
fn done(folder: &Path, line: &str) -> String {
    let arguments = line.split(' ').map(|word| word.replace('_', " "));
    let arguments: Vec<_> = arguments.collect();
    let (code, out, err) = run_in(folder, &[], &arguments);
    assert_eq!(code, 0, "{line}: {out}{err}");
    out
}

/// This test verifies that a server which is an authority says so and where it is found, that each certificate which is issued or revoked by
/// whatever process is a line in its log with who wanted it, and that the list of them says it afterwards.
#[test]
fn who_issued_and_who_revoked_is_told() {
    let folder = served::folder();
    folder.write("countersign.toml", configuration(BASE));
    let (code, _, err) = run_in(
        folder.path(),
        &[],
        &["ca", "list", "--config", "countersign.toml"],
    );
    assert!(
        code == 2 && err.contains("there is no journal yet"),
        "{err}"
    );

    let mut server = start(folder, crate::peers::free_address());
    let begun = heard(&mut server, "certificates are issued here");
    assert_eq!(begun["directory"], format!("{BASE}/acme/directory"));
    assert!(
        begun["authority"]
            .as_str()
            .unwrap()
            .contains("Example SHAKEN CA")
    );
    heard(&mut server, "a new journal was made: this authority begins");

    let path = server.workspace().path().to_owned();
    done(
        &path,
        "ca csr --key one.key --out one.csr --organization Acme --name SHAKEN_1234 --spc 1234",
    );
    done(
        &path,
        "ca issue one.csr --profile end-entity --out one.pem --by alice --config countersign.toml",
    );
    let issued = heard(&mut server, "a certificate was issued");
    assert_eq!(issued["by"], "alice", "{issued}");
    done(
        &path,
        "ca revoke --certificate one.pem --reason superseded --by bob --config countersign.toml",
    );
    let revoked = heard(&mut server, "a certificate was revoked");
    assert_eq!(
        (&revoked["by"], &revoked["serial"]),
        (&"bob".into(), &issued["serial"])
    );
    assert_eq!(revoked["reason"], "superseded");

    let listed = done(&path, "ca list --json --config countersign.toml");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["serial"], issued["serial"]);
    assert_eq!(
        (&listed["by"], &listed["revoked_by"]),
        (&"alice".into(), &"bob".into())
    );
    assert!(
        listed["tnauthlist"][0].as_str().unwrap().contains("1234"),
        "{listed}"
    );
    assert_eq!(listed["key_sha256"].as_str().unwrap().len(), 64, "{listed}");
}
