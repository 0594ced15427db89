//! Our transaction machines beside those of the RFCs, each seed another story.
//!
//! ```text
//!                  ┌──▶ our machine ──┐
//!   luck ─▶ events │                  ├─▶ the same actions, timers and state, after every event
//!                  └──▶ the figure  ──┘
//! ```
//!
//! Events are responses of every class, requests that come again, ACKs, errors of the transport, and timers: on time, late, twice,
//! or of somebody else. The figures are in [`model`].

pub(crate) mod model;

use crate::proxy::simulation::Luck;
use countersign::time::Ticks;
use countersign_sip::transaction::{
    ClientAction, InviteClient, InviteServer, NonInviteClient, NonInviteServer, Reliability,
    ServerAction, StatusClass, Timer, Timing,
};
use model::{Did, Event, Figure, Model, TIMERS};
use std::collections::BTreeSet;
use std::time::Duration;

/// Stories of each machine.
const SEEDS: u64 = 10_000;
/// Events of one story, besides timers.
const EVENTS: u64 = 14;

/// Our machine, whichever it is.
enum Ours {
    InviteClient(InviteClient),
    InviteServer(InviteServer),
    NonInviteClient(NonInviteClient),
    NonInviteServer(NonInviteServer),
}

impl Ours {
    fn start(
        figure: Figure,
        timing: Timing,
        reliability: Reliability,
        now: Ticks,
    ) -> (Self, Vec<Did>) {
        let (mut client, mut server) = (Vec::new(), Vec::new());
        let ours = match figure {
            Figure::InviteClient => {
                let machine = InviteClient::start(timing, reliability, now, &mut client);
                Self::InviteClient(machine)
            }
            Figure::NonInviteClient => {
                let machine = NonInviteClient::start(timing, reliability, now, &mut client);
                Self::NonInviteClient(machine)
            }
            Figure::InviteServer => Self::InviteServer(InviteServer::start(timing, reliability)),
            Figure::NonInviteServer => {
                let machine = NonInviteServer::start(timing, reliability, now, &mut server);
                Self::NonInviteServer(machine)
            }
        };
        (ours, did(&client, &server))
    }

    fn happens(&mut self, event: Event, now: Ticks) -> Vec<Did> {
        let (mut client, mut server) = (Vec::new(), Vec::new());
        match self {
            Self::InviteClient(machine) => match event {
                Event::Fires(timer) => machine.fire(timer, now, &mut client),
                Event::TransportError => machine.terminate(),
                Event::UdpInstead => machine.fall_back_to_unreliable(now, &mut client),
                Event::Request | Event::Ack => {}
                response => machine.receive(class(response), now, &mut client),
            },
            Self::NonInviteClient(machine) => match event {
                Event::Fires(timer) => machine.fire(timer, now, &mut client),
                Event::TransportError => machine.terminate(),
                Event::UdpInstead => machine.fall_back_to_unreliable(now, &mut client),
                Event::Request | Event::Ack => {}
                response => machine.receive(class(response), now, &mut client),
            },
            Self::InviteServer(machine) => match event {
                Event::Fires(timer) => machine.fire(timer, now, &mut server),
                Event::Request => machine.receive_retransmission(&mut server),
                Event::Ack => machine.receive_ack(now, &mut server),
                // There is nothing to tell it: RFC 6026 §8.8.
                Event::TransportError | Event::UdpInstead => {}
                response => machine.respond(class(response), now, &mut server),
            },
            Self::NonInviteServer(machine) => match event {
                Event::Fires(timer) => machine.fire(timer, now, &mut server),
                Event::Request => machine.receive_retransmission(&mut server),
                Event::Ack | Event::TransportError | Event::UdpInstead => {}
                response => machine.respond(class(response), now, &mut server),
            },
        }
        did(&client, &server)
    }

    /// The name of its state. A machine tells it to nobody but `Debug`.
    fn state(&self) -> String {
        let text = match self {
            Self::InviteClient(machine) => format!("{machine:?}"),
            Self::NonInviteClient(machine) => format!("{machine:?}"),
            Self::InviteServer(machine) => format!("{machine:?}"),
            Self::NonInviteServer(machine) => format!("{machine:?}"),
        };
        let state = text.split("state: ").nth(1).unwrap();
        let end = state.find(|c: char| !c.is_alphabetic()).unwrap();
        state[..end].to_owned()
    }

    fn is_terminated(&self) -> bool {
        match self {
            Self::InviteClient(machine) => machine.is_terminated(),
            Self::NonInviteClient(machine) => machine.is_terminated(),
            Self::InviteServer(machine) => machine.is_terminated(),
            Self::NonInviteServer(machine) => machine.is_terminated(),
        }
    }
}

fn class(event: Event) -> StatusClass {
    match event {
        Event::Provisional => StatusClass::Provisional,
        Event::Success => StatusClass::Success,
        Event::Failure => StatusClass::Failure,
        other => panic!("{other:?} is no response"),
    }
}

fn did(client: &[ClientAction], server: &[ServerAction]) -> Vec<Did> {
    let client = client.iter().map(|action| match action {
        ClientAction::Deliver => Did::ToTu,
        ClientAction::SendAck => Did::SendAck,
        ClientAction::SendRequest => Did::SendRequest,
        ClientAction::Start(timer, at) => Did::Set(*timer, at.as_micros()),
        ClientAction::TimedOut => Did::InformTu,
    });
    let server = server.iter().map(|action| match action {
        ServerAction::AckMissing => Did::InformTu,
        ServerAction::DeliverAck => Did::ToTu,
        ServerAction::Resend => Did::ResendResponse,
        ServerAction::Send => Did::SendResponse,
        ServerAction::SendTrying => Did::Send100,
        ServerAction::Start(timer, at) => Did::Set(*timer, at.as_micros()),
    });
    client.chain(server).collect()
}

/// Both machines, the clock, and the timers that are under way.
struct Story {
    name: String,
    luck: Luck,
    now: u64,
    ours: Ours,
    model: Model,
    /// Each timer as it was started, and when it will be fired: never early.
    timers: Vec<(u64, Timer)>,
    /// States seen.
    seen: BTreeSet<&'static str>,
}

impl Story {
    fn new(figure: Figure, seed: u64) -> Self {
        let mut luck = Luck(seed);
        let timing = any_timing(&mut luck);
        let reliability = match luck.percent(60) {
            true => Reliability::Unreliable,
            false => Reliability::Reliable,
        };
        let now = 1 + luck.below(1_000_000);
        let (ours, ours_did) = Ours::start(figure, timing, reliability, Ticks::from_micros(now));
        let (model, model_did) = Model::start(figure, timing, reliability, now);
        let mut story = Self {
            name: format!("{figure:?}, seed {seed}, {reliability:?}, {timing:?}"),
            luck,
            now,
            ours,
            model,
            timers: Vec::new(),
            seen: BTreeSet::new(),
        };
        story.compare("start", ours_did, model_did);
        story
    }

    fn run(&mut self) {
        for _ in 0..EVENTS {
            let pause = any_pause(&mut self.luck);
            self.wait(pause);
            let event = self.any_event();
            self.happens(event);
        }
        // Every timer there is, and some that fire more than once.
        self.wait(u64::from(u32::MAX) * 1_000);
        assert!(self.timers.is_empty(), "{}", self.name);
        for timer in TIMERS {
            assert_eq!(self.model.due(timer), None, "{}: {timer:?}", self.name);
        }
    }

    fn happens(&mut self, event: Event) {
        if event == Event::TransportError && !self.may_fail() {
            return;
        }
        let ours = self.ours.happens(event, Ticks::from_micros(self.now));
        let model = match event {
            Event::Fires(timer) if !self.model.is_due(timer, self.now) => Vec::new(),
            event => {
                let was_set = TIMERS.map(|timer| (timer, self.model.due(timer)));
                let mut did = self.model.happens(event, self.now);
                // Ours starts Timer B or F once more for the tick it is due at anyway.
                for what in &ours {
                    if let Did::Set(timer, at) = what
                        && was_set.contains(&(*timer, Some(*at)))
                        && !did.contains(what)
                    {
                        did.push(*what);
                    }
                }
                did
            }
        };
        self.compare(&format!("{event:?}"), ours, model);
    }

    /// Who owns a client tells it of errors only where it sends: its request, or its ACK. A server may always be told.
    fn may_fail(&self) -> bool {
        match self.ours {
            Ours::InviteClient(_) => matches!(self.model.state(), "Calling" | "Completed"),
            Ours::NonInviteClient(_) => matches!(self.model.state(), "Trying" | "Proceeding"),
            Ours::InviteServer(_) | Ours::NonInviteServer(_) => true,
        }
    }

    fn compare(&mut self, event: &str, mut ours: Vec<Did>, mut model: Vec<Did>) {
        ours.sort_unstable();
        model.sort_unstable();
        let (name, now) = (&self.name, self.now);
        assert_eq!(ours, model, "{name}: {event} at {now}: ours, the figure's");
        assert_eq!(
            self.ours.is_terminated(),
            self.model.state() == "Terminated",
            "{name}: {event} at {now}"
        );
        assert_eq!(
            self.ours.state(),
            self.model.state(),
            "{name}: {event} at {now}"
        );
        self.seen.insert(self.model.state());
        for action in ours {
            if let Did::Set(timer, at) = action {
                let late = [0, 0, 0, 1_000, 700_000, 5_000_000][self.luck.below(6) as usize];
                self.timers.push((at + late, timer));
                if self.luck.percent(5) {
                    self.timers.push((at + 2 * late, timer));
                }
            }
        }
    }

    /// Lets time pass, with the timers on the way.
    fn wait(&mut self, micros: u64) {
        let end = self.now + micros;
        while let Some(next) = (0..self.timers.len()).min_by_key(|index| self.timers[*index])
            && self.timers[next].0 <= end
        {
            let (at, timer) = self.timers.remove(next);
            self.now = self.now.max(at);
            self.happens(Event::Fires(timer));
        }
        self.now = end;
    }

    fn any_event(&mut self) -> Event {
        match self.luck.below(16) {
            0..=3 => Event::Provisional,
            4..=5 => Event::Success,
            6..=7 => Event::Failure,
            8..=10 => Event::Request,
            11..=12 => Event::Ack,
            13 => Event::TransportError,
            14 => Event::UdpInstead,
            _ => Event::Fires(TIMERS[self.luck.below(TIMERS.len() as u64) as usize]),
        }
    }
}

/// The defaults, or any others: RFC 3261 §17.1.1.1 says that T1 MAY be chosen larger.
fn any_timing(luck: &mut Luck) -> Timing {
    if luck.percent(50) {
        return Timing::default();
    }
    let mut millis = |end| Duration::from_millis(1 + luck.below(end));
    Timing {
        t1: millis(3_000),
        t2: millis(8_000),
        t4: millis(10_000),
    }
}

fn any_pause(luck: &mut Luck) -> u64 {
    match luck.below(5) {
        0 => 0,
        1 => luck.below(10_000),
        2 => luck.below(600_000),
        3 => luck.below(6_000_000),
        _ => luck.below(40_000_000),
    }
}

fn ten_thousand_stories(figure: Figure, states: &[&str]) {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut story = Story::new(figure, seed);
        story.run();
        seen.append(&mut story.seen);
    }
    assert_eq!(seen, states.iter().copied().collect());
}

/// This test verifies that the INVITE client transaction is that of RFC 6026 §8.4.
#[test]
fn the_invite_client_is_figure_5() {
    let states = [
        "Calling",
        "Proceeding",
        "Completed",
        "Accepted",
        "Terminated",
    ];
    ten_thousand_stories(Figure::InviteClient, &states);
}

/// This test verifies that the non-INVITE client transaction is that of RFC 3261 §17.1.2.
#[test]
fn the_non_invite_client_is_figure_6() {
    let states = ["Trying", "Proceeding", "Completed", "Terminated"];
    ten_thousand_stories(Figure::NonInviteClient, &states);
}

/// This test verifies that the INVITE server transaction is that of RFC 6026 §8.6.
#[test]
fn the_invite_server_is_figure_7() {
    let states = [
        "Proceeding",
        "Completed",
        "Confirmed",
        "Accepted",
        "Terminated",
    ];
    ten_thousand_stories(Figure::InviteServer, &states);
}

/// This test verifies that the non-INVITE server transaction is that of RFC 3261 §17.2.2 with RFC 4320.
#[test]
fn the_non_invite_server_is_figure_8() {
    let states = ["Trying", "Proceeding", "Completed", "Terminated"];
    ten_thousand_stories(Figure::NonInviteServer, &states);
}
