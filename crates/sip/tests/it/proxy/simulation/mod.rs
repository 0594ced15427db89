//! Many calls over a bad wire, each seed another story, the same seed always the same.
//!
//! ```text
//!   caller ~~~~ lossy, doubling, reordering ~~~~ proxy ~~~~ the same ~~~~ callee, second
//!                                                  ⇅
//!                                          a host that dawdles
//! ```
//!
//! Both ends are made of the crate's own transaction machines and behave; the wire and the host do not. What must be true for every
//! seed is in [`World::judge_the_end`].

mod parties;

use super::{hop, options, tcp, trunk, udp};
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{
    ContextId, Element, Event, Input, Judgement, Output, Sender, TimerId,
};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::trunk::{ExistingIdentity, Leniency, Role, Treatment, Trunk};
use parties::{Act, Callee, Caller, Plan, Wish};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

const CALLER: &str = "192.0.2.10:5060";
const HOPS: [&str; 2] = ["192.0.2.20:5060", "192.0.2.21:5060"];
/// Calls in one world.
const CALLS: usize = 4;

/// SplitMix64: all the luck there is.
pub(crate) struct Luck(pub(crate) u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// Something that will happen.
#[derive(Debug)]
enum Happening {
    AtCallee(usize, String),
    AtCaller(String),
    AtProxy {
        from: &'static str,
        transport: Transport,
        text: String,
    },
    CalleeActs(usize, usize, Act),
    CallerActs(usize, Act),
    Failure(Sender, Target),
    HostJudges(ContextId, Verdict),
    HostSigns(ContextId, Option<Box<str>>),
    Timer(TimerId),
}

/// How bad it gets, fixed by the seed.
struct Weather {
    loss: u64,
    doubling: u64,
    /// Milliseconds.
    slowest: u64,
    /// Whether callees listen on TCP.
    tcp: TcpAt,
    /// Whether the network tells that the first hop is not there.
    first_hop_is_dead: bool,
    /// Longest time the host takes, in milliseconds; 0 is at once.
    dawdling: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TcpAt {
    Answers,
    Refuses,
    Swallows,
}

struct World {
    seed: u64,
    luck: Luck,
    weather: Weather,
    now: Ticks,
    agenda: BinaryHeap<Reverse<(Ticks, u64)>>,
    happenings: HashMap<u64, Happening>,
    scheduled: u64,
    element: Element,
    trunk: Arc<Trunk>,
    callers: Vec<Caller>,
    callees: [Vec<Callee>; 2],
    /// Every Identity that left with an INVITE, by Call-ID.
    identities: BTreeMap<String, BTreeSet<String>>,
    asked_to_sign: BTreeMap<ContextId, u32>,
    finished: BTreeMap<ContextId, Option<u16>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut luck = Luck(seed);
        let weather = weather(&mut luck);
        let trunk = Arc::new(any_trunk(&mut luck));
        let callers = (0..CALLS).map(|call| Caller::new(call, luck.percent(40), luck.percent(25)));
        let callers: Vec<_> = callers.collect();
        let mut plans = || {
            (0..CALLS)
                .map(|_| Callee::new(any_plan(&mut luck)))
                .collect()
        };
        let callees = [plans(), plans()];
        let mut world = Self {
            seed,
            luck,
            weather,
            now: Ticks::from_millis(0),
            agenda: BinaryHeap::new(),
            happenings: HashMap::new(),
            scheduled: 0,
            element: Element::new(options()),
            trunk,
            callers,
            callees,
            identities: BTreeMap::new(),
            asked_to_sign: BTreeMap::new(),
            finished: BTreeMap::new(),
        };
        for call in 0..CALLS {
            let start = world.luck.below(1_000);
            world.later(start, Happening::CallerActs(call, Act::Start));
        }
        world
    }

    fn later(&mut self, millis: u64, happening: Happening) {
        self.at(
            Ticks::from_micros(self.now.as_micros() + millis * 1_000),
            happening,
        );
    }

    fn at(&mut self, at: Ticks, happening: Happening) {
        self.scheduled += 1;
        self.agenda.push(Reverse((at, self.scheduled)));
        self.happenings.insert(self.scheduled, happening);
    }

    /// Runs until nothing is left to happen.
    fn run(&mut self) {
        while let Some(Reverse((at, number))) = self.agenda.pop() {
            assert!(at >= self.now);
            self.now = at;
            let happening = self.happenings.remove(&number).unwrap();
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::AtProxy {
                from,
                transport,
                text,
            } => self.at_proxy(from, transport, text),
            Happening::Timer(id) => self.proxy(Input::Timer(id)),
            Happening::Failure(by, target) => self.proxy(Input::TransportFailed { by, target }),
            Happening::HostJudges(id, verdict) => self.proxy(Input::Judged {
                id,
                judgement: Judgement {
                    verdict,
                    code: None,
                    attestation: None,
                    consequences: None,
                    key: None,
                    provider: None,
                    msec: None,
                },
            }),
            Happening::HostSigns(id, identity) => self.proxy(Input::Signed {
                id,
                identities: identity.into_iter().collect(),
            }),
            Happening::AtCaller(text) => {
                let call = call_of(&text);
                let wishes = self.callers[call].receive(&text, self.now);
                self.grant_caller(call, wishes);
            }
            Happening::CallerActs(call, act) => {
                let wishes = self.callers[call].act(act, self.now);
                self.grant_caller(call, wishes);
            }
            Happening::AtCallee(hop, text) => {
                let call = call_of(&text);
                let wishes = self.callees[hop][call].receive(&text, self.now);
                self.grant_callee(hop, call, wishes);
            }
            Happening::CalleeActs(hop, call, act) => {
                let wishes = self.callees[hop][call].act(act, self.now);
                self.grant_callee(hop, call, wishes);
            }
        }
    }

    fn at_proxy(&mut self, from: &'static str, transport: Transport, text: String) {
        let message = Message::parse(text.into(), Framing::Datagram).unwrap();
        let flow = match transport {
            Transport::Udp => udp(from),
            _ => tcp(from, 1),
        };
        let is_first_invite = message.method() == Some(countersign_sip::message::Method::Invite)
            && self.element.contexts() == 0;
        let trunk = (from == CALLER).then(|| Arc::clone(&self.trunk));
        let out = self.handle(Input::Received {
            flow,
            message,
            trunk,
        });
        if is_first_invite {
            let first = out.iter().find_map(|output| match output {
                Output::Send { bytes, .. } => Some(bytes.clone()),
                _ => None,
            });
            assert!(
                first.unwrap().starts_with(b"SIP/2.0 100 "),
                "100 leaves before anything else"
            );
        }
        self.carry_out(out);
    }

    fn proxy(&mut self, input: Input) {
        let out = self.handle(input);
        self.carry_out(out);
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        let now = Now {
            unix: UnixTime::from_secs(super::START),
            ticks: self.now,
        };
        self.element.handle(input, now, &mut out);
        out
    }

    fn carry_out(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::ExpireAnswer { .. }
                | Output::ForgetAnswer { .. }
                | Output::JudgeAnswer(_)
                | Output::SignAnswer(_) => panic!("nobody asked for connected identity"),
                Output::Answered(answer) => panic!("{answer:?}"),
                Output::Event(Event::Finished(finished)) => {
                    let told_before = self.finished.insert(finished.id, finished.status);
                    assert_eq!(told_before, None, "finished twice");
                }
                Output::Event(Event::Dropped(countersign_sip::element::DropCause::OwnFault(
                    error,
                ))) => {
                    panic!("{error}")
                }
                Output::Event(_) | Output::Forget(_) | Output::Expire(_) => {}
                Output::Judge(judge) => {
                    let verdict = match self.luck.below(3) {
                        0 => Verdict::Passed,
                        1 => Verdict::Failed(Fault::SignatureInvalid),
                        _ => Verdict::Unsigned,
                    };
                    let delay = self.dawdle();
                    self.later(delay, Happening::HostJudges(judge.id, verdict));
                }
                Output::Sign(sign) => {
                    *self.asked_to_sign.entry(sign.id).or_default() += 1;
                    let signs = self.luck.percent(80);
                    let identity = signs.then(|| format!("token.number.{}", self.scheduled).into());
                    let delay = self.dawdle();
                    self.later(delay, Happening::HostSigns(sign.id, identity));
                }
                Output::Send { target, bytes, by } => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.send(target, text, by);
                }
                Output::SetTimer { id, at } => {
                    let late = self.luck.below(3) * 1_000;
                    self.at(
                        Ticks::from_micros(at.as_micros() + late),
                        Happening::Timer(id),
                    );
                }
            }
        }
    }

    fn dawdle(&mut self) -> u64 {
        match self.weather.dawdling {
            0 => 0,
            longest => self.luck.below(longest),
        }
    }

    /// The proxy sends.
    fn send(&mut self, target: Target, text: String, by: Option<Sender>) {
        if text.starts_with("INVITE") {
            let message = Message::parse(text.clone().into(), Framing::Datagram).unwrap();
            let call = String::from_utf8(message.header(Name::CallId).unwrap().to_vec()).unwrap();
            let identity = message.header(Name::Identity).unwrap_or_default();
            let identity = String::from_utf8(identity.to_vec()).unwrap();
            self.identities.entry(call).or_default().insert(identity);
        }
        let remote = target.remote.to_string();
        let Some(hop) = HOPS.iter().position(|hop| *hop == remote) else {
            assert_eq!(remote, CALLER);
            return self.over_the_wire(target.transport, || Happening::AtCaller(text.clone()));
        };
        let is_dead = hop == 0 && self.weather.first_hop_is_dead;
        let refuses = target.transport == Transport::Tcp && self.weather.tcp == TcpAt::Refuses;
        let swallows = target.transport == Transport::Tcp && self.weather.tcp == TcpAt::Swallows;
        match by {
            Some(by) if is_dead || refuses => self.later(20, Happening::Failure(by, target)),
            None if is_dead || refuses => {}
            _ if swallows => {}
            _ => self.over_the_wire(target.transport, || Happening::AtCallee(hop, text.clone())),
        }
    }

    fn over_the_wire(&mut self, transport: Transport, happening: impl Fn() -> Happening) {
        let mut copies = 1;
        if transport == Transport::Udp {
            copies -= u64::from(self.luck.percent(self.weather.loss));
            copies += u64::from(self.luck.percent(self.weather.doubling));
        }
        for _ in 0..copies {
            let delay = 1 + self.luck.below(self.weather.slowest);
            self.later(delay, happening());
        }
    }

    fn grant_caller(&mut self, call: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Act(at, act) => self.at(at, Happening::CallerActs(call, act)),
                Wish::Send(text) => self.over_the_wire(Transport::Udp, || Happening::AtProxy {
                    from: CALLER,
                    transport: Transport::Udp,
                    text: text.clone(),
                }),
            }
        }
    }

    fn grant_callee(&mut self, hop: usize, call: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Act(at, act) => self.at(at, Happening::CalleeActs(hop, call, act)),
                Wish::Send(text) => {
                    let transport = match text.contains("Via: SIP/2.0/TCP 192.0.2.1:") {
                        true => Transport::Tcp,
                        false => Transport::Udp,
                    };
                    self.over_the_wire(transport, || Happening::AtProxy {
                        from: HOPS[hop],
                        transport,
                        text: text.clone(),
                    });
                }
            }
        }
    }

    /// What must be true when nothing can happen any more, whatever the weather was.
    fn judge_the_end(&self) {
        let seed = self.seed;
        assert!(
            self.element.is_idle(),
            "seed {seed}: the proxy remembers something"
        );
        for caller in &self.callers {
            caller.judge_the_end(seed);
        }
        for callee in self.callees.iter().flatten() {
            callee.judge_the_end(seed);
        }
        for (call, identities) in &self.identities {
            assert_eq!(
                identities.len(),
                1,
                "seed {seed}: {call} left as {identities:?}"
            );
        }
        assert!(
            self.asked_to_sign.values().all(|times| *times == 1),
            "seed {seed}: signed twice"
        );
    }
}

fn weather(luck: &mut Luck) -> Weather {
    Weather {
        loss: [0, 0, 10, 25][luck.below(4) as usize],
        doubling: [0, 10, 40][luck.below(3) as usize],
        slowest: [5, 100, 700][luck.below(3) as usize],
        tcp: [TcpAt::Answers, TcpAt::Refuses, TcpAt::Swallows][luck.below(3) as usize],
        first_hop_is_dead: luck.percent(15),
        dawdling: [0, 0, 100, 2_000][luck.below(4) as usize],
    }
}

fn any_trunk(luck: &mut Luck) -> Trunk {
    let mut trunk = trunk();
    if luck.percent(50) {
        trunk.next_hops.push(hop(Transport::Udp, HOPS[1]));
    }
    trunk.role = [Role::None, Role::Sign, Role::Verify, Role::Both][luck.below(4) as usize];
    trunk.existing_identity =
        [ExistingIdentity::Keep, ExistingIdentity::Replace][luck.below(2) as usize];
    if luck.percent(50) {
        trunk.treatment = Treatment::Reject {
            not_validated: Leniency::Forward,
            unsigned: Leniency::Reject,
        };
    }
    trunk
}

fn any_plan(luck: &mut Luck) -> Plan {
    let after = luck.below(20_000);
    match luck.below(8) {
        0 => Plan::Nothing,
        1 => Plan::RingForEver,
        2 => Plan::Answer {
            after: 0,
            status: 200,
        },
        3 => Plan::Answer { after, status: 486 },
        4 => Plan::Answer {
            after: 0,
            status: 503,
        },
        5 => Plan::Answer { after, status: 603 },
        _ => Plan::Answer { after, status: 200 },
    }
}

/// Which call a message is of: the number in its Call-ID.
fn call_of(text: &str) -> usize {
    let rest = text.split("Call-ID: call-").nth(1).unwrap();
    rest.split('@').next().unwrap().parse().unwrap()
}

/// This test verifies the end of a few hundred stories.
#[test]
fn every_call_ends_once_and_nothing_is_left() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.run();
        world.judge_the_end();
    }
}

/// Enough to see every weather with every plan; seconds in a debug build.
const SEEDS: u64 = 400;

/// This test verifies that the stories are not all the same: a simulation that never rejects, never times out or never falls back
/// would prove little.
#[test]
fn the_stories_differ() {
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    for seed in 0..SEEDS / 4 {
        let mut world = World::new(seed);
        world.run();
        for status in world.finished.values().flatten() {
            *statuses.entry(*status).or_default() += 1;
        }
    }
    for status in [200, 408, 428, 438, 486, 487, 500, 503, 603] {
        assert!(
            statuses.contains_key(&status),
            "never {status}: {statuses:?}"
        );
    }
}
