//! The program from the Python package index that the tests need: Schemathesis, which asks our HTTP interface what its own
//! description allows, and what it does not.
//!
//! It lives in a virtual environment in the target directory and touches nothing else. Nothing is installed when it is there.

use crate::house;
use std::path::Path;
use std::process::Command;

/// What is installed: this version, so that a test fails for a change of ours and not of somebody else's.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Makes sure that it is there.
///
/// # Errors
/// A text for the user: what failed, and what to do by hand.
pub(crate) fn ensure() -> Result<(), String> {
    let home = house::target().join("programs/schemathesis");
    let program = home.join("bin/schemathesis");
    if program.exists() && marked(&home) {
        return Ok(());
    }
    println!(
        "== programs: installing {SCHEMATHESIS} into {}",
        home.display()
    );
    let pip = home.join("bin/pip");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&home);
    let mut install = Command::new(&pip);
    install.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        SCHEMATHESIS,
    ]);
    for step in [&mut venv, &mut install] {
        if !house::succeeds(step) {
            return Err(format!(
                "{SCHEMATHESIS} could not be installed; by hand:\n    python3 -m venv {0} && {1} install {SCHEMATHESIS}",
                home.display(),
                pip.display()
            ));
        }
    }
    std::fs::write(home.join(MARK), SCHEMATHESIS).map_err(|error| error.to_string())
}

/// The file that names what is installed.
const MARK: &str = "countersign-installed";

fn marked(home: &Path) -> bool {
    std::fs::read_to_string(home.join(MARK)).is_ok_and(|mark| mark == SCHEMATHESIS)
}
