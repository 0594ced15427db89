//! Messages that were stored, judged by hand later than they were sent.
//!
//! ```text
//!     the lab's provider ── MESSAGE, Identity ──► a file, and the certificate beside it ── days later ──► countersign verify --archived
//!              └── its certificate ends in the meantime
//! ```
//!
//! This test verifies that `--archived` judges a message as of its iat and says so, as long as it is no older than that, and nothing that is no
//! message.

use super::{CALLED, CALLER, INVITE, Lab, Run, run, run_with};
use countersign::certificate::CertificateChain;
use serde_json::{Value, json};

const PARTIES: [&str; 4] = ["--from", CALLER, "--to", CALLED];
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A lab, and the last second of its provider's certificate.
struct Store {
    lab: Lab,
    end: i64,
}

impl Store {
    fn new() -> Self {
        let lab = Lab::new();
        let chain = std::fs::read(lab.chain()).unwrap();
        let chain = CertificateChain::parse(&chain).unwrap();
        let end = chain.end_entity().validity().not_after.as_secs();
        Self { lab, end }
    }

    /// A request that the provider signed an hour before its certificate ends.
    fn signed(&self, request: &str) -> String {
        let (data, iat) = (self.lab.data(), (self.end - HOUR).to_string());
        let run = run_with(&["sign", "--data", &data, "--iat", &iat], request);
        assert_eq!(run.code, 0, "{run:?}");
        run.out
    }

    /// The Identity header of that.
    fn identity(&self) -> String {
        self.lab
            .identity(&["--iat", &(self.end - HOUR).to_string()])
    }

    /// `verify`, so many seconds after the message was signed.
    fn read(&self, input: &str, age: i64, more: &[&str]) -> Run {
        let at = (self.end - HOUR + age).to_string();
        self.lab.verify(input, &[&["--at", &at], more].concat())
    }
}

fn message() -> String {
    INVITE.replace("INVITE", "MESSAGE")
}

fn fault(run: &Run) -> (i32, Value) {
    (run.code, run.json()["fault"].clone())
}

#[test]
fn a_message_is_judged_as_of_its_own_time_and_that_is_said() {
    let store = Store::new();
    let message = store.signed(&message());
    let as_a_call = store.read(&message, 2 * DAY, &["--json"]);
    assert_eq!(as_a_call.code, 1, "{as_a_call:?}");
    assert_eq!(as_a_call.json()["passports"][0].get("flags"), None);
    let stored = store.read(&message, 2 * DAY, &["--json", "--archived", "3d"]);
    assert_eq!((stored.code, stored.err.as_str()), (0, ""), "{stored:?}");
    let json = stored.json();
    assert_eq!(json["passports"][0]["flags"], json!(["archived-cert"]));
    let told = store.read(&message, 2 * DAY, &["--archived", "48h"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("archived-cert"), "{}", told.out);
    let stale = store.read(&message, 2 * DAY, &["--json", "--archived", "47h"]);
    assert_eq!(fault(&stale), (1, json!("iat-stale")));
    // What would pass as a call is judged so, and is not flagged.
    let fresh = store.read(&message, 30, &["--json", "--archived", "3d"]);
    assert_eq!(fresh.code, 0, "{fresh:?}");
    assert_eq!(fresh.json()["passports"][0].get("flags"), None);
}

/// Headers alone bring no request: that they are a message's is the word of whoever asks.
#[test]
fn a_header_alone_is_what_it_is_said_to_be() {
    let store = Store::new();
    let identity = store.identity();
    let archived = [&PARTIES[..], &["--json", "--archived", "1w"]].concat();
    let stored = store.read(&identity, 2 * DAY, &archived);
    assert_eq!(stored.code, 0, "{stored:?}");
    let twice = store.read(&format!("{identity}{identity}"), 2 * DAY, &archived);
    assert_eq!(twice.code, 1, "{twice:?}");
    let faults = twice.out.lines().map(|line| {
        let json: Value = serde_json::from_str(line).unwrap();
        json["fault"].clone()
    });
    assert!(faults.eq([Value::Null, json!("replayed")]), "{twice:?}");
}

#[test]
fn a_call_is_no_stored_message() {
    let store = Store::new();
    let invite = store.signed(INVITE);
    let refused = store.read(&invite, 2 * DAY, &["--archived", "3d"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
    assert!(refused.err.contains("MESSAGE"), "{refused:?}");
    for age in ["", "0d", "3", "64w", "-1d", "soon"] {
        let refused = store.read(&invite, DAY, &[&format!("--archived={age}")]);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
        assert!(refused.err.contains("--archived"), "{refused:?}");
    }
    let both = ["--archived", "3d", "--answer-to", "invite.sip"];
    let refused = store.read(&invite, DAY, &both);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn shells_complete_it() {
    for shell in ["bash", "fish", "zsh"] {
        let script = run(&["completions", shell]);
        assert!(script.out.contains("archived"), "{shell}");
    }
}
