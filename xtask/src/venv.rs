//! The programs from the Python package index that the tests need: Schemathesis, which asks our HTTP interface what its own
//! description allows, and what it does not; and a client of SHAKEN, which enrols against our authority.
//!
//! They live in virtual environments in the target directory and touch nothing else. Nothing is installed when it is there.

use crate::house;
use std::path::Path;
use std::process::Command;

/// What is installed: the name of each program, and its version, so that a test fails for a change of ours and not of somebody else's.
const PROGRAMS: [(&str, &str); 2] = [
    ("schemathesis", "schemathesis==4.32.5"),
    ("stir-shaken-toolkit", "stir-shaken-toolkit==1.0.2"),
];

/// Makes sure that they are there.
///
/// # Errors
/// A text for the user: what failed, and what to do by hand.
pub(crate) fn ensure() -> Result<(), String> {
    PROGRAMS
        .iter()
        .try_for_each(|(name, package)| ensure_one(name, package))
}

fn ensure_one(name: &str, package: &str) -> Result<(), String> {
    let home = house::target().join("programs").join(name);
    let program = home.join("bin").join(name);
    if program.exists() && marked(&home, package) {
        return Ok(());
    }
    println!("== programs: installing {package} into {}", home.display());
    let pip = home.join("bin/pip");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&home);
    let mut install = Command::new(&pip);
    install.args(["install", "--quiet", "--disable-pip-version-check", package]);
    for step in [&mut venv, &mut install] {
        if !house::succeeds(step) {
            return Err(format!(
                "{package} could not be installed; by hand:\n    python3 -m venv {0} && {1} install {package}",
                home.display(),
                pip.display()
            ));
        }
    }
    std::fs::write(home.join(MARK), package).map_err(|error| error.to_string())
}

/// The file that names what is installed.
const MARK: &str = "countersign-installed";

fn marked(home: &Path, package: &str) -> bool {
    std::fs::read_to_string(home.join(MARK)).is_ok_and(|mark| mark == package)
}
