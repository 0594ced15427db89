//! How long it takes to learn who would answer: from the INVITE of `countersign probe` to the signed answer, over loopback.
//!
//! The server verifies who asks and signs who would answer. Each probe is a process of its own, as people run it; what it does before it asks
//! and after it was answered is not counted.

use crate::machine::Ground;
use crate::rows::{Promise, Row};
use countersign_testkit::traffic::{Parties, numbers};
use serde_json::Value;

/// How often it is asked: fewer than may ask about the numbers of one range at once.
const PROBES: usize = 25;
/// Asked first; the server fetches a certificate.
const FIRST: usize = 2;
/// The longest that the middle one may take, in nanoseconds.
const MOST: f64 = 5e6;

/// The row of a probe.
pub(crate) fn measure() -> Row {
    let ground = Ground::new();
    let parties = Parties::new().expect("sockets");
    let callee = parties.callee().expect("an address");
    let server = ground.server(
        "inquiries",
        &format!(
            "numbering = \"north-american\"\nnext_hops = [\"udp:{callee}\"]\nrole = \"verify\"\ntenant = \"provider\"\n\
             [trunks.connected]\nprobes = \"authenticated\"\n"
        ),
        &format!("{}{}", ground.signs_and_verifies(), ground.publishes()),
    );
    let probe = |call| {
        let (from, to) = numbers(call);
        let output = ground.probe(&format!("sip:+{to}@{}", server.sip), &from);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(told["outcome"], "proven", "{output:?}");
        let millis = told["probe"]["answers"][0]["after_ms"].as_f64();
        millis.expect("a time") * 1e6
    };
    let mut nanos: Vec<f64> = (0..PROBES).map(probe).skip(FIRST).collect();
    nanos.sort_by(f64::total_cmp);
    Row {
        name: "probe-round-trip",
        nanos: nanos.get(nanos.len() / 2).copied().unwrap_or(f64::NAN),
        of: "5 ms".into(),
        of_nanos: MOST,
        promise: Promise::NanosAtMost(MOST),
    }
}
