//! The command line, run as a user runs it: the real binary, real files, real streams.
//!
//! ```text
//!     test ── arguments, standard input ──► countersign ──► exit code, standard output, standard error
//!                                              │
//!                                              └── a folder as `countersign up` makes it: key, chain, anchor, x5u
//! ```

mod answers;
mod certificate_audit;
mod certificate_inspect;
mod certificate_lint;
mod certificate_verify;
mod conduct;
mod decoding;
mod fetching;
mod hierarchy;
mod kinds;
mod showing;
mod signing;
mod stored_messages;
mod tokens;
mod unasked;
mod verdicts;

use crate::peers::Workspace;
use countersign::time::UnixTime;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::lab::directory::Directory;
use serde_json::Value;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// The caller of the tests' calls.
const CALLER: &str = "12025550100";
/// The called party.
const CALLED: &str = "12025550101";
/// Where the lab would serve its chain, if it ran.
const X5U: &str = "https://localhost:8443/certificates/provider.pem";

/// A request that nobody has signed.
const INVITE: &str = "INVITE sip:12025550101@example.com;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776\r\n\
    From:  \"A\" <sip:+12025550100@example.com;user=phone>;tag=1\r\n\
    To: <sip:+12025550101@example.com>\r\n\
    Call-ID: 4711@192.0.2.1\r\n\
    CSeq: 1 INVITE\r\n\
    Max-Forwards: 70\r\n\
    X-Folded: one\r\n two\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 6\r\n\
    \r\n\
    body\r\n";

/// What a run left.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// The one line of the answer as JSON.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Starts the binary.
fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Runs the binary with these bytes on standard input.
fn run_with(arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
    let mut child = start(arguments);
    // Whoever refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().expect("no signal"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs the binary with nothing on standard input.
fn run(arguments: &[&str]) -> Run {
    run_with(arguments, "")
}

fn now() -> UnixTime {
    SystemClock::start().now().unix
}

/// A folder as `countersign up` makes it.
struct Lab {
    directory: Directory,
    // Removed with the lab.
    workspace: Workspace,
}

impl Lab {
    fn new() -> Self {
        Self::serving_at(X5U)
    }

    /// Of which `up` has noted that the chain is served there.
    fn serving_at(x5u: &str) -> Self {
        let workspace = Workspace::new("cli");
        let directory = Directory::new(workspace.path().join("data"));
        directory.ensure(now()).unwrap();
        std::fs::write(directory.x5u(), x5u).unwrap();
        Self {
            directory,
            workspace,
        }
    }

    fn data(&self) -> String {
        self.directory.root().display().to_string()
    }

    fn anchor(&self) -> String {
        self.directory.anchor().display().to_string()
    }

    fn chain(&self) -> String {
        self.directory.chain().display().to_string()
    }

    fn key(&self) -> String {
        self.directory.key().display().to_string()
    }

    fn web_anchor(&self) -> String {
        self.directory.web_anchor().display().to_string()
    }

    /// `countersign sign` with the lab's key.
    fn sign(&self, more: &[&str]) -> Run {
        run(&[&["sign", "--data", &self.data()], more].concat())
    }

    /// The Identity header of a call from [`CALLER`] to [`CALLED`].
    #[track_caller]
    fn identity(&self, more: &[&str]) -> String {
        let parties = ["--from", CALLER, "--to", CALLED];
        let signed = self.sign(&[&parties, more].concat());
        assert_eq!((signed.code, signed.err.as_str()), (0, ""), "{signed:?}");
        signed.out
    }

    /// `countersign verify` trusting the lab and given its chain.
    fn verify(&self, input: impl AsRef<[u8]>, more: &[&str]) -> Run {
        let (anchor, chain) = (self.anchor(), self.chain());
        let trusting = ["verify", "--trust", &anchor, "--certificate", &chain];
        run_with(&[&trusting, more].concat(), input)
    }
}
