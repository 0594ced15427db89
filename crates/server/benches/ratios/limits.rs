//! How late calls are on a busy server, and what a server does that gets three times what it can.
//!
//! The server that signs has one core and one shard; the traffic has the others. Its capacity is what it carries without losing a call or
//! falling behind, found by trying; then comes a stream of seven tenths of that, and one of three times as much.

use crate::machine::{Ground, Machine};
use crate::rows::{Promise, Row};
use countersign_testkit::traffic::{Callee, Outcome, Parties, Stream};
use std::time::Duration;

/// Where the search for capacity begins, in calls a second.
const FIRST_RATE: f64 = 500.0;
/// How much each step of the search adds.
const STEP: f64 = 1.2;
/// Length of a step of the search, in seconds.
const LOOK: f64 = 1.0;
/// Length of the streams that are measured, in seconds.
const STREAM: f64 = 4.0;
/// A call over UDP is remembered for 32 s after its answer; what is measured begins on an empty table.
const AFTERMATH: Duration = Duration::from_secs(34);
/// How busy the server is when delays are measured, as a part of its capacity.
const BUSY: f64 = 0.7;
/// Calls that ring at the same time.
const PENDING: usize = 100_000;
/// The most that each may need.
const MOST_BYTES: f64 = 8_192.0;
/// How fast they come, in calls a second.
const PENDING_RATE: f64 = 1_500.0;
/// How much more than its capacity comes when it is overloaded.
const OVERLOAD: f64 = 3.0;

/// The rows of limits.
pub(crate) fn measure() -> Vec<Row> {
    let ground = Ground::new();
    let parties = Parties::new().expect("sockets");
    let callee = parties.callee().expect("an address");
    let server = ground.server_on_one_core(
        "limits",
        &format!(
            "numbering = \"north-american\"\nnext_hops = [\"udp:{callee}\"]\nrole = \"sign\"\ntenant = \"provider\"\n\
             udp_source_is_trusted = true\n"
        ),
        &ground.signs(),
    );
    let capacity = capacity(&parties, &server);
    eprintln!("capacity of one core: {capacity:.0} signed calls a second");
    let busy = run(&parties, &server, "busy", BUSY * capacity, STREAM);
    std::thread::sleep(AFTERMATH);
    let usual = busy.delay(0.99).as_nanos() as f64;
    let overloaded = run(&parties, &server, "overload", OVERLOAD * capacity, STREAM);
    eprintln!(
        "overload: {} answered, {} shed, {} refused, {} without an end",
        overloaded.answered,
        overloaded.shed,
        overloaded.refused,
        overloaded.delays.len().saturating_sub(overloaded.ended),
    );
    let row = |name, nanos, of, of_nanos, promise| Row {
        name,
        nanos,
        of,
        of_nanos,
        promise,
    };
    let good = overloaded.ended as f64 / overloaded.took.as_secs_f64();
    vec![
        row(
            "proxy-p99",
            usual,
            "70 % load",
            2e6,
            Promise::NanosAtMost(2e6),
        ),
        row(
            "overload-goodput",
            1e9 / good,
            "capacity",
            1e9 / capacity,
            Promise::RateAtLeast(0.9),
        ),
        row(
            "overload-p99",
            overloaded.delay(0.99).as_nanos() as f64,
            "proxy-p99",
            usual,
            Promise::CostAtMost(4.0),
        ),
    ]
}

/// Memory of each call that rings, of many that cross between two dialogs.
pub(crate) fn memory() -> Row {
    let ground = Ground::new();
    let parties = Parties::new().expect("sockets");
    let callee = parties.callee().expect("an address");
    let server = ground.server(
        "b2bua",
        &format!(
            "mode = \"b2bua\"\nnumbering = \"north-american\"\nnext_hops = [\"udp:{callee}\"]\nrole = \"sign\"\n\
             tenant = \"provider\"\nudp_source_is_trusted = true\n"
        ),
        &ground.signs(),
    );
    let before = server.memory();
    let stream = Stream {
        to: server.sip,
        rate: PENDING_RATE,
        calls: PENDING,
        name: "pending".to_owned(),
        headers: Vec::new(),
        callee: Callee::Rings,
        patience: Duration::from_secs(20),
    };
    let outcome = parties.run(&stream).expect("traffic");
    let each = (server.memory() - before) as f64 / outcome.ringing.max(1) as f64;
    eprintln!("{} calls ring, {each:.0} bytes each", outcome.ringing);
    let kept = if outcome.ringing >= PENDING {
        each
    } else {
        f64::INFINITY
    };
    Row {
        name: "b2bua-pending-bytes",
        nanos: kept,
        of: "8 KiB",
        of_nanos: MOST_BYTES,
        promise: Promise::BytesAtMost(MOST_BYTES),
    }
}

/// The most calls a second that all end, without the last of them being late.
fn capacity(parties: &Parties, server: &Machine) -> f64 {
    let mut carried = 0.0;
    for step in 0.. {
        let rate = FIRST_RATE * STEP.powi(step);
        let outcome = run(parties, server, &format!("look{step}"), rate, LOOK);
        let calls = (rate * LOOK) as usize;
        let in_time = outcome.took.as_secs_f64() < LOOK * 1.05;
        if outcome.ended < calls || !in_time {
            break;
        }
        carried = rate;
    }
    std::thread::sleep(AFTERMATH);
    carried
}

fn run(parties: &Parties, server: &Machine, name: &str, rate: f64, seconds: f64) -> Outcome {
    let stream = Stream {
        to: server.sip,
        rate,
        calls: (rate * seconds) as usize,
        name: name.to_owned(),
        headers: Vec::new(),
        callee: Callee::Answers,
        patience: Duration::from_secs(2),
    };
    parties.run(&stream).expect("traffic")
}
