//! The authority as its operators meet it: keys in files and tokens, roots, requests, and what is issued by hand.

mod another_key;
mod at_the_door;
mod books;
mod enrolling;
mod foreign;
mod full_disk;
mod interrupted;
mod keys_in_tokens;
mod never_renewed;
mod roots;
mod served;
mod shaken_client;
mod still_good;
mod what_is_published;
mod whose_number;

use crate::peers::Workspace;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

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

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("no signal");
    (code, text(output.stdout), text(output.stderr))
}

/// What `openssl` says, which must be content.
fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(folder).output();
    let (code, out, err) = told(output.expect("openssl is installed: cargo xtask test"));
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    out
}

/// The names of a root.
const ROOT: [&str; 4] = ["--organization", "Example", "--name", "Example SHAKEN ROOT"];

fn workspace() -> Workspace {
    Workspace::new("authority")
}
