//! What a whole call costs on its way through a running server.
//!
//! Several instances of one binary stand side by side, one trunk and one shard each, and get the same stream of calls in alternating blocks. What is told
//! of each is the CPU time of all its threads for each call. The difference between two of them is what signing or verifying adds to the
//! whole path: the PASSporT, a longer message, everything. A block is a quarter of a second, and what a call leaves behind for its 32
//! seconds of state is paid by the blocks after it, so the last look comes when all of it is over. The bare operations are measured between
//! the blocks, too.

use crate::machine::{CpuTimes, Ground, Machine};
use crate::raw::{Meter, Raw};
use crate::rows::{Anchor, Promise, Row};
use countersign_testkit::traffic::{Callee, Outcome, Parties, Stream};
use std::net::SocketAddr;
use std::time::Duration;

/// Blocks of each machine.
const ROUNDS: usize = 60;
/// Length of a block, in seconds.
const BLOCK: f64 = 0.25;
/// How busy the machines are, as a part of what one core can do.
const LOAD: f64 = 0.3;
/// A first look at what a call costs, in calls a second.
const FIRST_RATE: f64 = 400.0;
/// How long a call over UDP is remembered after its answer, and a little.
const AFTERMATH: Duration = Duration::from_secs(34);
/// Longest wait for the last call of a block.
const PATIENCE: Duration = Duration::from_secs(5);

/// A machine in the race.
struct Runner<'a> {
    machine: &'a Machine,
    name: &'static str,
    load: Load,
    calls: usize,
    before: CpuTimes,
}

/// What a runner gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Calls without a signature.
    Plain,
    /// The same, and what comes out at the other end is kept.
    Signed,
    /// Calls with the signatures that were kept.
    Verified,
}

/// The rows of the whole path.
pub(crate) fn measure(raw: &Raw) -> Vec<Row> {
    let ground = Ground::new();
    let parties = Parties::new().expect("sockets");
    let machines = machines(&ground, parties.callee().expect("an address"));
    let races = machines.iter().filter_map(|(machine, name, load)| {
        Some(Runner {
            machine,
            name,
            load: (*load)?,
            calls: 0,
            before: CpuTimes::default(),
        })
    });
    let mut runners: Vec<_> = races.collect();
    let rate = LOAD / first_look(&parties, &mut runners);
    for runner in &mut runners {
        runner.before = runner.machine.cpu();
        runner.calls = 0;
    }
    let mut meter = Meter::new(raw);
    let mut signatures = Vec::new();
    for round in 0..ROUNDS {
        for runner in &mut runners {
            let outcome = runner.block(&parties, rate, round, &signatures);
            if runner.load == Load::Signed {
                signatures = outcome.signatures;
            }
            meter.look();
        }
    }
    std::thread::sleep(AFTERMATH);
    for runner in &runners {
        let (calls, (signed, proven)) = (runner.calls as u64, runner.machine.answers());
        let name = runner.name;
        assert!(name != "answers" || signed >= calls, "answers not signed");
        assert!(name != "checks" || proven >= calls, "answers not proven");
    }
    rows(&runners, meter.anchor())
}

/// Who stands side by side, and what each gets; what one does that gets nothing from us is not told.
fn machines(ground: &Ground, callee: SocketAddr) -> Vec<(Machine, &'static str, Option<Load>)> {
    let to =
        |hop: SocketAddr| format!("numbering = \"north-american\"\nnext_hops = [\"udp:{hop}\"]\n");
    let server = |name, hop, trunk: &str, rest: &str| {
        ground.server_with_one_shard(name, &format!("{}{trunk}", to(hop)), rest)
    };
    let relay = |name| server(name, callee, "role = \"none\"\n", "");
    let sign = "role = \"sign\"\ntenant = \"provider\"\nudp_source_is_trusted = true\n";
    let verify = "role = \"verify\"\nverstat_profile = \"field\"\n";
    let connected = "connected_identity = \"on\"\n";
    let both = ground.signs_and_verifies();
    let answers = |name| {
        let trunk = format!("{verify}tenant = \"provider\"\n{connected}");
        server(name, callee, &trunk, &both)
    };
    let publishes = format!("{}{}", ground.signs(), ground.publishes());
    let far = answers("far");
    let (asks, checks) = (
        server("asks", far.sip, sign, &ground.signs()),
        server("checks", far.sip, &format!("{sign}{connected}"), &both),
    );
    let mut machines = vec![
        (relay("relay"), "relay", Some(Load::Plain)),
        (relay("again"), "again", Some(Load::Plain)),
        (
            server("sign", callee, sign, &publishes),
            "sign",
            Some(Load::Signed),
        ),
        (relay("carrier"), "carrier", Some(Load::Verified)),
        (
            server("verify", callee, verify, &ground.verifies()),
            "verify",
            Some(Load::Verified),
        ),
        (answers("answers"), "answers", Some(Load::Verified)),
        (far, "far", None),
        (asks, "asks", Some(Load::Plain)),
        (checks, "checks", Some(Load::Plain)),
    ];
    if let Some(kamailio) = ground.kamailio(callee) {
        machines.push((kamailio, "kamailio", Some(Load::Plain)));
    }
    machines
}

/// What the dearest call costs, in seconds of CPU; everything is warm afterwards.
fn first_look(parties: &Parties, runners: &mut [Runner<'_>]) -> f64 {
    let mut signatures = Vec::new();
    let mut dearest: f64 = 0.0;
    for runner in runners {
        // The first verdict waits for a certificate, and may come too late.
        runner.place(parties, 1.0, usize::MAX, &signatures);
        runner.before = runner.machine.cpu();
        runner.calls = 0;
        let outcome = runner.block(parties, FIRST_RATE, usize::MAX, &signatures);
        if runner.load == Load::Signed {
            signatures = outcome.signatures;
        }
        dearest = dearest.max(runner.nanos() / 1e9);
    }
    dearest
}

impl Runner<'_> {
    fn place(&self, parties: &Parties, rate: f64, round: usize, signatures: &[String]) -> Outcome {
        let stream = Stream {
            to: self.machine.sip,
            rate,
            calls: (rate * BLOCK).ceil() as usize,
            name: format!("{}{round}r{}", self.name, rate as usize),
            headers: match self.load {
                Load::Plain | Load::Signed => Vec::new(),
                Load::Verified => signatures.to_vec(),
            },
            callee: Callee::Answers,
            patience: PATIENCE,
        };
        parties.run(&stream).expect("traffic")
    }

    /// One block, in which nothing may go wrong: a figure about calls that were not carried says nothing.
    fn block(
        &mut self,
        parties: &Parties,
        rate: f64,
        round: usize,
        signatures: &[String],
    ) -> Outcome {
        let outcome = self.place(parties, rate, round, signatures);
        let calls = (rate * BLOCK).ceil() as usize;
        let (name, lost) = (self.name, calls - outcome.ended);
        assert_eq!(lost, 0, "{name}: calls lost in round {round}");
        match self.name {
            "sign" => assert_eq!(
                outcome.signed(),
                calls,
                "{name}: not all signed in round {round}"
            ),
            "verify" | "answers" | "asks" | "checks" => assert_eq!(
                outcome.passed, calls,
                "{name}: not all passed in round {round}"
            ),
            _ => assert_eq!(outcome.passed, 0, "{name} judges nothing"),
        }
        self.calls += calls;
        outcome
    }

    /// CPU time of a call so far, in nanoseconds.
    fn nanos(&self) -> f64 {
        self.machine.cpu().since(&self.before) as f64 / self.calls as f64
    }
}

fn rows(runners: &[Runner<'_>], anchor: Anchor) -> Vec<Row> {
    let nanos = |name: &str| {
        runners
            .iter()
            .find(|one| one.name == name)
            .map(Runner::nanos)
    };
    let row = |name, nanos, of: &'static str, of_nanos, promise| Row {
        name,
        nanos,
        of: of.into(),
        of_nanos,
        promise,
    };
    let mut rows = Vec::new();
    let (Some(relay), Some(again), Some(sign), Some(carrier), Some(verify)) = (
        nanos("relay"),
        nanos("again"),
        nanos("sign"),
        nanos("carrier"),
        nanos("verify"),
    ) else {
        return rows;
    };
    rows.push(row("path-a-a", again, "relay", relay, Promise::Near(0.03)));
    rows.push(row(
        "proxy-sign",
        sign - relay,
        "raw-sign",
        anchor.sign,
        Promise::CostAtMost(1.6),
    ));
    let most = anchor.verify + 0.6 * anchor.sign;
    rows.push(row(
        "proxy-verify",
        verify - carrier,
        "raw-verify + 0.6 raw-sign",
        most,
        Promise::CostAtMost(1.0),
    ));
    if let (Some(answers), Some(asks), Some(checks)) =
        (nanos("answers"), nanos("asks"), nanos("checks"))
    {
        let most = 1.8 * anchor.sign + anchor.verify;
        let of = "1.8 raw-sign + raw-verify";
        let promise = Promise::CostAtMost(1.0);
        rows.push(row("answer-signed", answers - verify, of, most, promise));
        rows.push(row("answer-checked", checks - asks, of, most, promise));
    }
    match nanos("kamailio") {
        Some(kamailio) => rows.push(row(
            "proxy-relay",
            relay,
            "kamailio",
            kamailio,
            Promise::CostAtMost(1.3),
        )),
        None => eprintln!(
            "no row proxy-relay: Kamailio is not installed (cargo xtask test installs it)"
        ),
    }
    rows
}
