//! The four machines of RFC 3261 §17 as the RFCs draw them: one row for each arrow of a figure, and an interpreter that knows
//! nothing about SIP.
//!
//! Written from the figures and sentences, not from our machines. What a figure has no arrow for does nothing and goes nowhere.
//! Values of timers are read literally: `T4|0s` is T4 for unreliable transports and zero seconds for reliable ones, `T1|-` is not
//! set to fire for reliable ones, `2*A` is twice what A had before. A timer of zero seconds fires at once.

use countersign_sip::transaction::{Reliability, Timer, Timing};
use std::sync::OnceLock;
use std::time::Duration;

/// RFC 6026 §8.4, figure 5; the sentences of RFC 3261 §17.1.1.2 for the timers; RFC 3261 §18.1.1 for the last row: "the element
/// SHOULD retry the request, using UDP."
const INVITE_CLIENT: &str = "
    -          | INVITE from TU | send request; set A T1|-; set B 64*T1 | Calling
    Calling    | Timer A        | send request; set A 2*A               | Calling
    Calling    | Timer B        | inform TU                             | Terminated
    Calling    | Transport Err. | -                                     | Terminated
    Calling    | 1xx            | to TU                                 | Proceeding
    Calling    | 2xx            | to TU; set M 64*T1                    | Accepted
    Calling    | 300-699        | send ACK; to TU; set D 32s|0s         | Completed
    Proceeding | 1xx            | to TU                                 | Proceeding
    Proceeding | 2xx            | to TU; set M 64*T1                    | Accepted
    Proceeding | 300-699        | send ACK; to TU; set D 32s|0s         | Completed
    Completed  | 300-699        | send ACK                              | Completed
    Completed  | Transport Err. | -                                     | Terminated
    Completed  | Timer D        | -                                     | Terminated
    Accepted   | 2xx            | to TU                                 | Accepted
    Accepted   | Timer M        | -                                     | Terminated
    Calling    | UDP instead    | send request; set A T1|-              | Calling
";

/// RFC 3261 §17.1.2.2, figure 6.
const NON_INVITE_CLIENT: &str = "
    -          | Request from TU | send request; set E T1|-; set F 64*T1 | Trying
    Trying     | Timer E         | send request; set E MIN(2*E,T2)       | Trying
    Trying     | Timer F         | inform TU                             | Terminated
    Trying     | Transport Err.  | -                                     | Terminated
    Trying     | 1xx             | to TU                                 | Proceeding
    Trying     | 2xx             | to TU; set K T4|0s                    | Completed
    Trying     | 300-699         | to TU; set K T4|0s                    | Completed
    Proceeding | Timer E         | send request; set E T2                | Proceeding
    Proceeding | Timer F         | inform TU                             | Terminated
    Proceeding | Transport Err.  | -                                     | Terminated
    Proceeding | 1xx             | to TU                                 | Proceeding
    Proceeding | 2xx             | to TU; set K T4|0s                    | Completed
    Proceeding | 300-699         | to TU; set K T4|0s                    | Completed
    Completed  | Timer K         | -                                     | Terminated
    Trying     | UDP instead     | send request; set E T1|-              | Trying
";

/// RFC 6026 §8.6, figure 7; the sentences of RFC 3261 §17.2.1 and RFC 6026 §8.7 for the timers. Responses are the TU's.
const INVITE_SERVER: &str = "
    -          | INVITE         | -                                          | Proceeding
    Proceeding | INVITE         | resend response                            | Proceeding
    Proceeding | 1xx            | send response                              | Proceeding
    Proceeding | 2xx            | send response; set L 64*T1                 | Accepted
    Proceeding | 300-699        | send response; set G T1|-; set H 64*T1     | Completed
    Proceeding | Transport Err. | -                                          | Proceeding
    Completed  | INVITE         | resend response                            | Completed
    Completed  | Timer G        | resend response; set G MIN(2*G,T2)         | Completed
    Completed  | ACK            | set I T4|0s                                | Confirmed
    Completed  | Timer H        | inform TU                                  | Terminated
    Completed  | Transport Err. | -                                          | Completed
    Confirmed  | Timer I        | -                                          | Terminated
    Accepted   | INVITE         | -                                          | Accepted
    Accepted   | ACK            | to TU                                      | Accepted
    Accepted   | 2xx            | send response                              | Accepted
    Accepted   | Transport Err. | -                                          | Accepted
    Accepted   | Timer L        | -                                          | Terminated
";

/// RFC 3261 §17.2.2, figure 8, without its arrows for a transport error, which RFC 6026 §8.8 takes away: "MUST remain in the
/// current state." Its arrows for 1xx are those of RFC 4320 §4.1: "An SIP element MUST NOT send any provisional response with a
/// Status-Code other than 100 to a non-INVITE request.", and the 100 is sent by the machine itself, "if it has not otherwise
/// responded after the amount of time it takes a client transaction's Timer E to be reset to T2."
const NON_INVITE_SERVER: &str = "
    -          | Request        | set Trying E=T2               | Trying
    Trying     | Timer Trying   | send 100                      | Proceeding
    Trying     | 2xx            | send response; set J 64*T1|0s | Completed
    Trying     | 300-699        | send response; set J 64*T1|0s | Completed
    Trying     | Transport Err. | -                             | Trying
    Proceeding | Request        | resend response               | Proceeding
    Proceeding | 2xx            | send response; set J 64*T1|0s | Completed
    Proceeding | 300-699        | send response; set J 64*T1|0s | Completed
    Proceeding | Transport Err. | -                             | Proceeding
    Completed  | Request        | resend response               | Completed
    Completed  | Timer J        | -                             | Terminated
    Completed  | Transport Err. | -                             | Completed
";

/// Which machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Figure 5.
    InviteClient,
    /// Figure 6.
    NonInviteClient,
    /// Figure 7.
    InviteServer,
    /// Figure 8.
    NonInviteServer,
}

/// What happens to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// What makes a machine, and what comes again from the wire.
    Request,
    Provisional,
    Success,
    Failure,
    Ack,
    Fires(Timer),
    TransportError,
    UdpInstead,
}

/// What a machine does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Did {
    InformTu,
    ResendResponse,
    Send100,
    SendAck,
    SendRequest,
    SendResponse,
    ToTu,
    /// Until this microsecond.
    Set(Timer, u64),
}

/// One arrow.
struct Row {
    from: &'static str,
    event: Event,
    does: Vec<Work>,
    to: &'static str,
}

enum Work {
    Do(Did),
    Set(Timer, &'static str),
}

/// One machine in one state.
pub(crate) struct Model {
    rows: &'static [Row],
    timing: Timing,
    reliability: Reliability,
    state: &'static str,
    /// Each timer that was ever set: its last value, and when it is due; 0 once fired.
    timers: Vec<(Timer, u64, u64)>,
}

impl Model {
    /// The machine after its first arrow, and what it did there.
    pub(crate) fn start(
        figure: Figure,
        timing: Timing,
        reliability: Reliability,
        now: u64,
    ) -> (Self, Vec<Did>) {
        let mut model = Self {
            rows: rows(figure),
            timing,
            reliability,
            state: "-",
            timers: Vec::new(),
        };
        let did = model.happens(Event::Request, now);
        (model, did)
    }

    pub(crate) fn state(&self) -> &'static str {
        self.state
    }

    /// Its user gives it up: RFC 3261 §9.1, §16.8.
    pub(crate) fn is_destroyed(&mut self) {
        self.state = "Terminated";
    }

    /// Whether this timer is set and its time has come.
    pub(crate) fn is_due(&self, timer: Timer, now: u64) -> bool {
        let due = |(which, _, due): &(Timer, u64, u64)| *which == timer && *due != 0 && *due <= now;
        self.timers.iter().any(due)
    }

    /// When this timer is due, if it is set.
    pub(crate) fn due(&self, timer: Timer) -> Option<u64> {
        let set = self.timers.iter().find(|(which, ..)| *which == timer)?;
        (set.2 != 0).then_some(set.2)
    }

    /// Something happens; what the machine does, in no order.
    pub(crate) fn happens(&mut self, event: Event, now: u64) -> Vec<Did> {
        if let Event::Fires(timer) = event {
            self.remember(timer, self.value(timer), 0);
        }
        let rows = self.rows;
        let arrow = rows
            .iter()
            .find(|row| row.from == self.state && row.event == event);
        let Some(row) = arrow else {
            return Vec::new();
        };
        self.state = row.to;
        if event == Event::UdpInstead {
            self.reliability = Reliability::Unreliable;
        }
        let mut did = Vec::new();
        let mut at_once = Vec::new();
        for work in &row.does {
            match work {
                Work::Do(what) => did.push(*what),
                Work::Set(timer, formula) => match self.read(*timer, formula) {
                    Some(0) => at_once.push(*timer),
                    Some(value) => {
                        self.remember(*timer, value, now + value);
                        did.push(Did::Set(*timer, now + value));
                    }
                    None => {}
                },
            }
        }
        for timer in at_once {
            did.extend(self.happens(Event::Fires(timer), now));
        }
        did
    }

    fn value(&self, timer: Timer) -> u64 {
        let set = self.timers.iter().find(|(which, ..)| *which == timer);
        set.map_or(0, |(_, value, _)| *value)
    }

    fn remember(&mut self, timer: Timer, value: u64, due: u64) {
        self.timers.retain(|(which, ..)| *which != timer);
        self.timers.push((timer, value, due));
    }

    /// Microseconds; `None` if the timer is not set.
    fn read(&self, timer: Timer, formula: &str) -> Option<u64> {
        let micros = |duration: Duration| duration.as_micros() as u64;
        let (t1, t2, t4) = (
            micros(self.timing.t1),
            micros(self.timing.t2),
            micros(self.timing.t4),
        );
        let formula = match formula.split_once('|') {
            Some((unreliable, reliable)) => match self.reliability {
                Reliability::Unreliable => unreliable,
                Reliability::Reliable => reliable,
            },
            None => formula,
        };
        let twice = 2 * self.value(timer);
        match formula {
            "-" => None,
            "0s" => Some(0),
            "32s" => Some(32_000_000),
            "T1" => Some(t1),
            "64*T1" => Some(64 * t1),
            "T2" => Some(t2),
            "T4" => Some(t4),
            "2*A" => Some(twice),
            "MIN(2*E,T2)" | "MIN(2*G,T2)" => Some(twice.min(t2)),
            "E=T2" => Some(until_e_is_t2(t1, t2)),
            other => panic!("no such value: {other}"),
        }
    }
}

/// How long after its start a Timer E that nobody stops is reset to T2.
fn until_e_is_t2(t1: u64, t2: u64) -> u64 {
    let (mut now, mut timer_e) = (0, t1);
    loop {
        now += timer_e;
        timer_e = (2 * timer_e).min(t2);
        if timer_e == t2 {
            return now;
        }
    }
}

fn rows(figure: Figure) -> &'static [Row] {
    static ROWS: [OnceLock<Vec<Row>>; 4] = [const { OnceLock::new() }; 4];
    let text = match figure {
        Figure::InviteClient => INVITE_CLIENT,
        Figure::NonInviteClient => NON_INVITE_CLIENT,
        Figure::InviteServer => INVITE_SERVER,
        Figure::NonInviteServer => NON_INVITE_SERVER,
    };
    ROWS[figure as usize].get_or_init(|| text.lines().filter_map(row).collect())
}

fn row(line: &'static str) -> Option<Row> {
    let fields: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [from, event, does, to] = fields[..] else {
        assert!(line.trim().is_empty(), "{line}");
        return None;
    };
    let works = does.split("; ").map(str::trim).filter(|does| *does != "-");
    Some(Row {
        from,
        event: event_named(event),
        does: works.map(work).collect(),
        to,
    })
}

fn event_named(name: &str) -> Event {
    match name {
        "INVITE" | "INVITE from TU" | "Request" | "Request from TU" => Event::Request,
        "1xx" => Event::Provisional,
        "2xx" => Event::Success,
        "300-699" => Event::Failure,
        "ACK" => Event::Ack,
        "Transport Err." => Event::TransportError,
        "UDP instead" => Event::UdpInstead,
        other => Event::Fires(timer_named(other.strip_prefix("Timer ").unwrap())),
    }
}

fn work(text: &'static str) -> Work {
    Work::Do(match text {
        "inform TU" => Did::InformTu,
        "resend response" => Did::ResendResponse,
        "send 100" => Did::Send100,
        "send ACK" => Did::SendAck,
        "send request" => Did::SendRequest,
        "send response" => Did::SendResponse,
        "to TU" => Did::ToTu,
        set => {
            let (timer, value) = set.strip_prefix("set ").unwrap().split_once(' ').unwrap();
            return Work::Set(timer_named(timer), value);
        }
    })
}

/// Every timer there is.
pub(crate) const TIMERS: [Timer; 13] = [
    Timer::A,
    Timer::B,
    Timer::D,
    Timer::E,
    Timer::F,
    Timer::G,
    Timer::H,
    Timer::I,
    Timer::J,
    Timer::K,
    Timer::L,
    Timer::M,
    Timer::Trying,
];

fn timer_named(name: &str) -> Timer {
    let is_it = |timer: &Timer| format!("{timer:?}") == name;
    TIMERS.into_iter().find(is_it).unwrap()
}
