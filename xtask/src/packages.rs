//! The Debian packages that the tests need: which are missing, and installing those.
//!
//! Nothing is installed when nothing is missing. Installing needs root or sudo; without either the packages are named and the
//! task ends.

use crate::house;
use std::io::IsTerminal;
use std::process::Command;

/// Package and what the tests want from it.
const NEEDED: &[(&str, &str)] = &[
    (
        "ca-certificates",
        "web trust anchors, which must not become trust anchors for calls",
    ),
    (
        "curl",
        "a foreign client of signing and verification over HTTP",
    ),
    (
        "kamailio",
        "a foreign SIP proxy between the parties of a test",
    ),
    (
        "kamailio-secsipid-modules",
        "a foreign signer and verifier of PASSporTs",
    ),
    (
        "kamailio-tls-modules",
        "the foreign verifier fetches certificates over https",
    ),
    (
        "kamailio-utils-modules",
        "the foreign proxy asks for signatures over HTTP",
    ),
    (
        "openssl",
        "a foreign witness for certificates and revocation lists",
    ),
    ("pebble", "a foreign ACME server for our client"),
    (
        "prometheus",
        "promtool, which checks the page of metrics and the rules of alarms",
    ),
    (
        "python3-venv",
        "rooms for Schemathesis, which asks the HTTP interface what nobody would, and for a client of SHAKEN",
    ),
    ("sip-tester", "SIPp, which places and answers the calls"),
    ("softhsm2", "a PKCS#11 token for keys that never leave it"),
    ("valgrind", "counts the instructions of our own code"),
];

/// Makes sure that everything needed is there.
///
/// # Errors
/// A text for the user: what is missing and how to install it.
pub(crate) fn ensure() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        println!("== packages: nothing is missing");
        return Ok(());
    }
    for (package, purpose) in NEEDED.iter().filter(|(name, _)| missing.contains(name)) {
        println!("== packages: {package} is missing ({purpose})");
    }
    let by_hand = format!(
        "these Debian packages are missing and cannot be installed from here:\n    apt-get install --no-install-recommends {}",
        missing.join(" ")
    );
    if house::program("apt-get").is_none() {
        return Err(by_hand);
    }
    let Some(rights) = rights() else {
        return Err(by_hand);
    };
    for arguments in [&["update", "-q"][..], &install(&missing)] {
        println!("== packages: apt-get {}", arguments.join(" "));
        let run = apt(&rights, arguments).status();
        if !run.is_ok_and(|status| status.success()) {
            return Err(format!("apt-get {} failed; {by_hand}", arguments.join(" ")));
        }
    }
    match self::missing().as_slice() {
        [] => Ok(()),
        still => Err(format!(
            "apt-get succeeded, but is still missing: {}",
            still.join(" ")
        )),
    }
}

fn install<'a>(missing: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(missing);
    arguments
}

/// The needed packages that dpkg does not know as installed; all of them where there is no dpkg.
fn missing() -> Vec<&'static str> {
    let names = NEEDED.iter().map(|(name, _)| *name);
    names.filter(|name| !is_installed(name)).collect()
}

fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", package])
        .output();
    output.is_ok_and(|output| output.status.success() && output.stdout == b"installed")
}

/// By which right packages can be installed.
enum Rights {
    Root,
    Sudo,
}

fn rights() -> Option<Rights> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(Rights::Root);
    }
    let without_password = || house::succeeds(Command::new("sudo").args(["-n", "true"]));
    // Somebody who sits there can type the password; a build machine cannot.
    let somebody_is_there = std::io::stdin().is_terminal() && std::env::var_os("CI").is_none();
    let sudo = house::program("sudo").is_some() && (somebody_is_there || without_password());
    sudo.then_some(Rights::Sudo)
}

fn apt(rights: &Rights, arguments: &[&str]) -> Command {
    let mut command = match rights {
        Rights::Root => Command::new("apt-get"),
        Rights::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            command
        }
    };
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}
