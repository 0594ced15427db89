//! How late calls are on a busy server, and what a server does that gets three times what it can.
//!
//! The server verifies, which is the dearest thing it does with every call, so that the traffic can be three times as much as it
//! carries. It has one core and one shard; the traffic has the others. Its capacity is what it carries without losing calls or falling behind,
//! found by trying; then come streams of seven tenths of that, and of three times as much, and of each kind the middle one counts. The
//! figures are of the server: what the traffic itself adds is told beside them.

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
const STREAM: f64 = 2.0;
/// How many there are of each kind; the middle one counts.
const STREAMS: usize = 5;
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

/// Calls with signatures of their own: after so many the numbers repeat.
const SIGNED: usize = 50;
/// How fast they are signed, in calls a second.
const SIGNED_RATE: f64 = 400.0;

/// The rows of limits.
pub(crate) fn measure() -> Vec<Row> {
    // A thread of its own: the traffic and all its threads keep away from the server's core, and what is measured later does not.
    std::thread::scope(|scope| {
        let rows = scope.spawn(|| {
            leave_the_first_core();
            let ground = Ground::new();
            let parties = Parties::new().expect("sockets");
            let (signer, server) = (signing(&ground, &parties), verifying(&ground, &parties));
            let mut course = Course {
                parties: &parties,
                signer: &signer,
                server: &server,
                placed: 0,
                streams: 0,
            };
            // The first verdict waits for a certificate, and may come too late.
            course.run(server.sip, FIRST_RATE, LOOK);
            rows(&mut course)
        });
        rows.join().expect("a measurement")
    })
}

/// Whose signatures are verified.
fn signing(ground: &Ground, parties: &Parties) -> Machine {
    let callee = parties.callee().expect("an address");
    ground.server(
        "signer",
        &format!(
            "numbering = \"north-american\"\nnext_hops = [\"udp:{callee}\"]\nrole = \"sign\"\ntenant = \"provider\"\n\
             udp_source_is_trusted = true\n"
        ),
        &format!("{}{}", ground.signs(), ground.publishes()),
    )
}

fn verifying(ground: &Ground, parties: &Parties) -> Machine {
    let callee = parties.callee().expect("an address");
    ground.server_on_one_core(
        "limits",
        &format!(
            "numbering = \"north-american\"\nnext_hops = [\"udp:{callee}\"]\nrole = \"verify\"\nverstat_profile = \"field\"\n"
        ),
        &ground.verifies(),
    )
}

fn rows(course: &mut Course<'_>) -> Vec<Row> {
    let capacity = course.capacity();
    eprintln!("capacity of one core: {capacity:.0} verified calls a second");
    // What the parties themselves add, with nobody between them.
    let direct = course.parties.callee().expect("an address");
    told("alone", &course.run(direct, BUSY * capacity, STREAM));
    let p99 = |outcome: &Outcome| outcome.delay(0.99).as_nanos() as f64;
    let busy = course.streams("busy", BUSY * capacity, capacity);
    let usual = middle(&busy, p99);
    let overloaded = course.streams("overloaded", OVERLOAD * capacity, capacity);
    assert!(
        !course.server.was_full(),
        "the table was full: the figures tell of that, and not of the core"
    );
    let row = |name, nanos, of: &'static str, of_nanos, promise| Row {
        name,
        nanos,
        of: of.into(),
        of_nanos,
        promise,
    };
    let good = |outcome: &Outcome| {
        let seconds = (outcome.placed + IN_TIME).as_secs_f64();
        outcome.ended_within(IN_TIME) as f64 / seconds
    };
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
            1e9 / middle(&overloaded, good),
            "capacity",
            1e9 / capacity,
            Promise::RateAtLeast(0.9),
        ),
        row(
            "overload-p99",
            middle(&overloaded, p99),
            "proxy-p99",
            usual,
            Promise::CostAtMost(4.0),
        ),
    ]
}

fn middle(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    let mut each: Vec<f64> = outcomes.iter().map(of).collect();
    each.sort_by(f64::total_cmp);
    each.get(each.len() / 2).copied().unwrap_or(f64::NAN)
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
        of: "8 KiB".into(),
        of_nanos: MOST_BYTES,
        promise: Promise::BytesAtMost(MOST_BYTES),
    }
}

/// The streams of one server, one after the other.
struct Course<'a> {
    parties: &'a Parties,
    signer: &'a Machine,
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
            let outcome = self.load(rate, LOOK, rate);
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

    /// The streams of one kind.
    fn streams(&mut self, name: &str, rate: f64, capacity: f64) -> Vec<Outcome> {
        self.rest();
        let stream = |_| {
            let outcome = self.load(rate, STREAM, capacity);
            told(name, &outcome);
            outcome
        };
        (0..STREAMS).map(stream).collect()
    }

    /// A stream to the server, when it has room for all that it carries: what is turned away is not remembered.
    fn load(&mut self, rate: f64, seconds: f64, capacity: f64) -> Outcome {
        if self.placed + (rate.min(capacity) * seconds) as usize > MOST_CALLS {
            self.rest();
        }
        let outcome = self.run(self.server.sip, rate, seconds);
        assert!(
            outcome.passed >= outcome.delays.len(),
            "what arrives has passed"
        );
        self.placed += outcome.answered;
        outcome
    }

    fn rest(&mut self) {
        if self.placed > 0 {
            std::thread::sleep(AFTERMATH);
            self.placed = 0;
        }
    }

    /// A stream with fresh signatures.
    fn run(&mut self, to: SocketAddr, rate: f64, seconds: f64) -> Outcome {
        let signed = self.place(self.signer.sip, SIGNED_RATE, SIGNED, Vec::new());
        assert_eq!(signed.signed(), SIGNED, "not all are signed");
        self.place(to, rate, (rate * seconds) as usize, signed.signatures)
    }

    fn place(&mut self, to: SocketAddr, rate: f64, calls: usize, headers: Vec<String>) -> Outcome {
        self.streams += 1;
        let stream = Stream {
            to,
            rate,
            calls,
            name: format!("limits{}", self.streams),
            headers,
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
