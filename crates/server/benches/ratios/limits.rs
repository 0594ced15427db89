//! How late calls are on a busy server, and what a server does that gets three times what it can.
//!
//! The server that signs has one core and one shard; the traffic has the others. Its capacity is what it carries without losing calls or
//! falling behind, found by trying; then comes a stream of seven tenths of that, and one of three times as much. The figures are of the
//! server: what the traffic itself adds is told beside them.

use crate::machine::{Ground, Machine, leave_the_first_core};
use crate::rows::{Promise, Row};
use countersign_testkit::traffic::{Callee, Outcome, Parties, Stream};
use std::net::SocketAddr;
use std::time::Duration;

/// Where the search for capacity begins, in calls a second.
const FIRST_RATE: f64 = 1_000.0;
/// How much each step of the search adds, until a step fails.
const STEP: f64 = 1.5;
/// How often what lies between the last two steps is halved: to a thirtieth of the capacity.
const HALVINGS: u32 = 4;
/// How often a step may fail before it counts: another process that takes the core for a moment does not do so twice.
const TRIES: u32 = 2;
/// Length of a step of the search, in seconds.
const LOOK: f64 = 1.0;
/// The part of all calls that a server ends in time which carries them. One in 200 is what comes in 5 ms of a step, after which a server
/// begins to turn calls away: who is stopped for that long carries them yet, and who falls behind loses many more.
const CARRIED: f64 = 0.995;
/// A call is over in time after so long: in a step of one second, a twentieth more than can be carried takes longer.
const IN_TIME: Duration = Duration::from_millis(50);
/// The part of its rate that a stream must have had: one that came slower says nothing.
const PLACED: f64 = 0.97;
/// Length of the streams that are measured, in seconds.
const STREAM: f64 = 4.0;
/// A call over UDP is remembered for 32 s after its answer; what is measured begins on an empty table.
const AFTERMATH: Duration = Duration::from_secs(34);
/// The most calls in one aftermath. A shard has room for 65,536 (`DEFAULT_MAX_CONTEXTS`) and a call has two, INVITE and BYE: beyond that
/// calls are refused because the table is full, and not because the core is.
const MOST_CALLS: usize = 32_000;
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
    // A thread of its own: the traffic and all its threads keep away from the server's core, and what is measured later does not.
    std::thread::scope(|scope| {
        let rows = scope.spawn(|| {
            leave_the_first_core();
            let ground = Ground::new();
            let parties = Parties::new().expect("sockets");
            let server = signing(&ground, &parties);
            rows(&mut Course {
                parties: &parties,
                server: &server,
                placed: 0,
                streams: 0,
            })
        });
        rows.join().expect("a measurement")
    })
}

fn signing(ground: &Ground, parties: &Parties) -> Machine {
    let callee = parties.callee().expect("an address");
    ground.server_on_one_core(
        "limits",
        &format!(
            "numbering = \"north-american\"\nnext_hops = [\"udp:{callee}\"]\nrole = \"sign\"\ntenant = \"provider\"\n\
             udp_source_is_trusted = true\n"
        ),
        &ground.signs(),
    )
}

fn rows(course: &mut Course<'_>) -> Vec<Row> {
    let capacity = course.capacity();
    eprintln!("capacity of one core: {capacity:.0} signed calls a second");
    // What the parties themselves add, with nobody between them.
    let direct = course.parties.callee().expect("an address");
    told("alone", &course.run(direct, BUSY * capacity, STREAM));
    course.rest();
    let busy = course.load(BUSY * capacity, STREAM);
    told("busy", &busy);
    course.rest();
    let usual = busy.delay(0.99).as_nanos() as f64;
    // What is turned away is not remembered: no more than the capacity is.
    let seconds = STREAM.min(MOST_CALLS as f64 / capacity);
    let overloaded = course.load(OVERLOAD * capacity, seconds);
    told("overloaded", &overloaded);
    assert!(
        !course.server.was_full(),
        "the table was full: the figures tell of that, and not of the core"
    );
    let row = |name, nanos, of, of_nanos, promise| Row {
        name,
        nanos,
        of,
        of_nanos,
        promise,
    };
    let good = overloaded.ended_within(IN_TIME) as f64 / overloaded.took.as_secs_f64();
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

/// The streams of one server, one after the other.
struct Course<'a> {
    parties: &'a Parties,
    server: &'a Machine,
    /// Calls that the server may remember.
    placed: usize,
    /// So far; each has a name of its own.
    streams: usize,
}

impl Course<'_> {
    /// The most calls a second that end in time: found in growing steps, and then between the last that was carried and the first that
    /// was not.
    fn capacity(&mut self) -> f64 {
        let (mut carried, mut beyond) = (0.0, FIRST_RATE);
        while self.carries(beyond) {
            carried = beyond;
            beyond *= STEP;
        }
        for _ in 0..HALVINGS {
            let between = f64::midpoint(carried, beyond);
            match self.carries(between) {
                true => carried = between,
                false => beyond = between,
            }
        }
        assert!(carried > 0.0, "a server that carries nothing");
        carried
    }

    /// Whether a step is carried, in one of its tries.
    fn carries(&mut self, rate: f64) -> bool {
        (0..TRIES).any(|_| {
            let outcome = self.load(rate, LOOK);
            let calls = outcome.late.len() as f64;
            let in_time = outcome.ended_within(IN_TIME) as f64 / calls;
            let came = calls / outcome.placed.as_secs_f64() / rate;
            let carried = in_time >= CARRIED && came >= PLACED;
            eprintln!(
                "{rate:.0} calls a second: {:.1} % placed in time, {:.2} % ended in time{}",
                100.0 * came.min(1.0),
                100.0 * in_time,
                if carried { "" } else { ": not carried" },
            );
            carried
        })
    }

    /// A stream to the server, when it has room for all of it.
    fn load(&mut self, rate: f64, seconds: f64) -> Outcome {
        if self.placed + (rate * seconds) as usize > MOST_CALLS {
            self.rest();
        }
        let outcome = self.run(self.server.sip, rate, seconds);
        self.placed += outcome.answered;
        outcome
    }

    fn rest(&mut self) {
        if self.placed > 0 {
            std::thread::sleep(AFTERMATH);
            self.placed = 0;
        }
    }

    fn run(&mut self, to: SocketAddr, rate: f64, seconds: f64) -> Outcome {
        self.streams += 1;
        let stream = Stream {
            to,
            rate,
            calls: (rate * seconds) as usize,
            name: format!("limits{}", self.streams),
            headers: Vec::new(),
            callee: Callee::Answers,
            patience: Duration::from_secs(2),
        };
        self.parties.run(&stream).expect("traffic")
    }
}

fn told(name: &str, outcome: &Outcome) {
    let (answered, shed, refused) = (outcome.answered, outcome.shed, outcome.refused);
    eprintln!(
        "{name}: {:.0} a second, {answered} answered, {shed} shed, {refused} refused, {} without an end; INVITEs took {:?} (p50), {:?} \
         (p99), and were sent {:?} late (p99)",
        outcome.late.len() as f64 / outcome.placed.as_secs_f64(),
        outcome
            .late
            .len()
            .saturating_sub(outcome.ended + shed + refused),
        outcome.delay(0.5),
        outcome.delay(0.99),
        outcome.lateness(0.99),
    );
}
