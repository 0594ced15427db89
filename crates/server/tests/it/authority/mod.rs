//! The authority as its operators meet it: keys in files and tokens, roots, requests, and what is issued by hand.

mod another_key;
mod at_the_door;
mod books;
mod by_hand;
mod enrolling;
mod foreign;
mod full_disk;
mod interrupted;
mod keys_in_tokens;
mod never_renewed;
mod no_key_is_lost;
mod roots;
mod renewed_while_calls_go_on;
mod served;
mod shaken_client;
mod still_good;
mod told_before_the_start;
mod what_is_published;
mod what_the_log_says;
mod whose_number;

use crate::peers::{Workspace, openssl, told};
use serde_json::Value;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Runs the binary in a folder, with an environment.
fn run_in(
    folder: &Path,
    environment: &[(&str, &Path)],
    arguments: &[impl AsRef<OsStr>],
) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).current_dir(folder);
    command.envs(environment.iter().copied());
    told(command.output().expect("the binary starts"))
}

/// What `openssl` hears from the responder at this address about a certificate in the folder.
fn openssl_asks(folder: &Workspace, address: SocketAddr, certificate: &str) -> String {
    let url = format!("http://{address}/ocsp");
    let line = format!("ocsp -issuer ca.pem -cert {certificate} -url {url} -CAfile root.pem");
    let arguments: Vec<_> = line.split(' ').collect();
    tokio::task::block_in_place(|| openssl(folder.path(), &arguments))
}

/// Opens the account `acme` of the token authority, with what it holds: its secret.
fn open_account(folder: &Workspace, holds: &[&str]) -> String {
    let open = ["ca", "account", "open", "acme", "--holder", "Acme"];
    let rest = ["--json", "--config", "countersign.toml"];
    let (code, out, err) = run_in(folder.path(), &[], &[&open, holds, &rest].concat());
    assert_eq!(code, 0, "{out}{err}");
    let opened: Value = serde_json::from_str(&out).unwrap();
    opened["secret"].as_str().unwrap().to_owned()
}

/// The names of a root.
const ROOT: [&str; 4] = ["--organization", "Example", "--name", "Example SHAKEN ROOT"];

fn workspace() -> Workspace {
    Workspace::new("authority")
}
