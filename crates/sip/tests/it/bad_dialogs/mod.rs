//! Calls between two dialogs through a network that loses, doubles and reorders: requests from both sides, at any moment, and a host
//! that holds answers back and ends calls.
//!
//! ```text
//!   caller ~~~ 20 % lost, doubled, late ~~~ b2bua ~~~ the same ~~~ called
//!      INVITE, UPDATE, INFO, BYE             ⇅               INVITE, UPDATE, INFO, BYE
//!                                    a host, and the mirror
//! ```
//!
//! Both ends are a few rules ([`agent`]); what a back-to-back user agent promises of each message is in [`mirror`]. Each seed is
//! another story, and the same seed always the same.

mod agent;
mod mirror;

use crate::bad_network::caller::Wish;
use crate::bad_network::text;
use crate::proxy::simulation::Luck;
use crate::proxy::{hop, options, udp};
use crate::stories::in_quarters;
use agent::{Act, Agent};
use countersign::time::{Now, Ticks, UnixTime};
use countersign_sip::element::{
    ContextId, DropCause, Element, Ending, Event, Input, Output, TimerId,
};
use countersign_sip::flow::Transport;
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{Answers, B2buaMode, Mode, Names, Trunk};
use mirror::{Given, Mirror, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const CALLER: &str = "192.0.2.10:5060";
const CALLED: &str = "192.0.2.20:5060";
/// Every call ends by then, whatever becomes of its BYE.
const LONGEST_CALL: Duration = Duration::from_secs(100);

enum Happening {
    Acts(Side, usize, Act),
    Arrives(Side, usize, String),
    AtElement(Side, String),
    Ends(usize, ContextId),
    Releases(ContextId),
    Timer(TimerId),
}

struct World {
    luck: Luck,
    is_bad: bool,
    /// Milliseconds.
    slowest: u64,
    timers_late: u64,
    now: u64,
    agenda: BTreeMap<(u64, u64), Happening>,
    scheduled: u64,
    element: Element,
    trunk: Arc<Trunk>,
    agents: BTreeMap<(Side, usize), Agent>,
    /// The context of each call, in the order of their INVITEs.
    contexts: BTreeMap<u64, usize>,
    mirror: Mirror,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut luck = Luck(seed.wrapping_mul(0x9e6c_63d0_876a_68ee));
        let mode = B2buaMode {
            names: [Names::Mapped, Names::Kept][luck.below(2) as usize],
            answers: [Answers::Passed, Answers::Passed, Answers::Held][luck.below(3) as usize],
            longest_call: LONGEST_CALL,
        };
        let mut trunk = Trunk::new("customer", vec![hop(Transport::Udp, CALLED)]);
        trunk.mode = Mode::B2bua(mode);
        let mut world = Self {
            is_bad: luck.percent(75),
            slowest: [5, 100, 900][luck.below(3) as usize],
            timers_late: [0, 0, 3, 800][luck.below(4) as usize],
            luck,
            now: 1_000_000,
            agenda: BTreeMap::new(),
            scheduled: 0,
            element: Element::new(options()),
            trunk: Arc::new(trunk),
            agents: BTreeMap::new(),
            contexts: BTreeMap::new(),
            mirror: Mirror::new(mode),
        };
        for call in 0..1 + world.luck.below(2) as usize {
            let caller = Agent::caller(call, &mut world.luck);
            let called = Agent::called(&mut world.luck);
            let wishes = caller.begin(&mut world.luck);
            world.agents.insert((Side::Near, call), caller);
            world.agents.insert((Side::Far, call), called);
            world.grant(Side::Near, call, wishes);
        }
        world
    }

    fn at(&mut self, at: u64, happening: Happening) {
        self.scheduled += 1;
        self.agenda.insert((at, self.scheduled), happening);
    }

    fn later(&mut self, millis: u64, happening: Happening) {
        self.at(self.now + millis * 1_000, happening);
    }

    /// Runs until nothing is left to happen, and sees that nothing is left.
    fn run(&mut self) {
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            self.now = at;
            self.happen(happening);
        }
        assert_eq!(self.element.calls(), 0);
        assert!(self.element.is_idle(), "the element remembers something");
        self.mirror.judge_the_end();
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Acts(side, call, act) => {
                let agent = self.agents.get_mut(&(side, call)).unwrap();
                let wishes = agent.act(act);
                self.grant(side, call, wishes);
            }
            Happening::Arrives(side, call, text) => {
                let agent = self.agents.get_mut(&(side, call)).unwrap();
                let wishes = agent.receive(&text);
                self.grant(side, call, wishes);
            }
            Happening::AtElement(side, text) => self.at_element(side, text),
            Happening::Ends(call, id) => {
                let ending = Ending {
                    status: 603,
                    phrase: "Decline".into(),
                    reason: None,
                };
                self.give(Given::End(call), Input::End { id, ending });
            }
            Happening::Releases(id) => self.give(Given::Release, Input::Release(id)),
            Happening::Timer(id) => self.give(Given::Timer, Input::Timer(id)),
        }
    }

    fn at_element(&mut self, side: Side, text: String) {
        let message = Message::parse(text.clone().into(), Framing::Datagram).unwrap();
        let (address, trunk) = match side {
            Side::Far => (CALLED, None),
            Side::Near => (CALLER, Some(Arc::clone(&self.trunk))),
        };
        let input = Input::Received {
            flow: udp(address),
            message,
            trunk,
        };
        self.give(Given::Message(side, text), input);
    }

    /// One step of the element, before the mirror.
    fn give(&mut self, given: Given, input: Input) {
        let before = self.element.calls();
        let came = match &given {
            Given::Message(Side::Near, text) => text::call(text),
            _ => None,
        };
        self.mirror.given(given, self.now);
        let mut out = Vec::new();
        let now = Now {
            unix: UnixTime::from_secs(1_443_208_345),
            ticks: Ticks::from_micros(self.now),
        };
        self.element.handle(input, now, &mut out);
        if let Some(call) = came.filter(|_| self.element.calls() > before) {
            self.host_notices(call, &out);
        }
        for output in out {
            self.carry_out(output);
        }
        self.mirror.done();
    }

    /// A call has begun; some of them the host will end.
    fn host_notices(&mut self, call: usize, out: &[Output]) {
        let context = out.iter().find_map(|output| match output {
            Output::SetTimer { id, .. } => Some(format!("{id:?}")),
            _ => None,
        });
        let context = context.unwrap();
        let number = context.split("ContextId(").nth(1).unwrap();
        let number: u64 = number.split(')').next().unwrap().parse().unwrap();
        self.contexts.insert(number, call);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Answered(answer) => self.answer_is_held(answer.id),
            Output::Event(Event::Finished(finished)) => {
                let call = self.contexts.get(&finished.id.as_u64()).copied();
                // The host ends some calls that are answered, and some that are not any more.
                if let Some(call) = call.filter(|_| self.luck.percent(20)) {
                    let delay = self.luck.below(60_000);
                    self.later(delay, Happening::Ends(call, finished.id));
                }
            }
            Output::Event(Event::CallEnded(ended)) => {
                let call = self.contexts[&ended.id.as_u64()];
                self.mirror.call_ended(call);
            }
            Output::Event(Event::Dropped(DropCause::OwnFault(error))) => panic!("{error}"),
            Output::Event(_) | Output::Forget(_) => {}
            Output::Send { target, bytes, .. } => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let side = match target.remote.to_string().as_str() {
                    CALLER => Side::Near,
                    CALLED => Side::Far,
                    other => panic!("to {other}: {text}"),
                };
                self.mirror.sends(side, &text);
                let call = self.mirror.call(&text).unwrap();
                self.over_the_wire(|text| Happening::Arrives(side, call, text), &text);
            }
            Output::SetTimer { id, at } => {
                let late = match self.timers_late {
                    0 => 0,
                    most => self.luck.below(most),
                };
                self.at(at.as_micros() + late * 1_000, Happening::Timer(id));
            }
            other => panic!("{other:?}"),
        }
    }

    fn answer_is_held(&mut self, id: ContextId) {
        let call = self.contexts[&id.as_u64()];
        self.mirror.holds(call);
        match self.luck.below(5) {
            0 => {}
            1 => self.later(20, Happening::Ends(call, id)),
            _ => {
                let delay = self.luck.below(2_000);
                self.later(delay, Happening::Releases(id));
            }
        }
    }

    fn over_the_wire(&mut self, happening: impl Fn(String) -> Happening, text: &str) {
        let mut copies = 1;
        if self.is_bad {
            copies -= u64::from(self.luck.percent(20));
            copies += u64::from(self.luck.percent(20));
        }
        for _ in 0..copies {
            let delay = 500 + self.luck.below(self.slowest * 1_000);
            self.at(self.now + delay, happening(text.to_owned()));
        }
    }

    fn grant(&mut self, side: Side, call: usize, wishes: Vec<Wish<Act>>) {
        for wish in wishes {
            match wish {
                Wish::Later(millis, act) => self.later(millis, Happening::Acts(side, call, act)),
                Wish::Send(text) => {
                    self.over_the_wire(|text| Happening::AtElement(side, text), &text);
                }
            }
        }
    }
}

fn story(seed: u64) -> BTreeSet<&'static str> {
    let mut world = World::new(seed);
    world.run();
    world.mirror.seen
}

// What a back-to-back user agent promises, in ten thousand stories.
in_quarters!(
    story,
    [
        "BYE",
        "a 2xx too late for the caller",
        "a BYE of ours",
        "a request of the called crossed",
        "a request of the caller crossed",
        "an ACK of ours",
        "an answer crossed",
        "an answer was held",
        "cancelled",
        "two dialogs",
    ]
);
