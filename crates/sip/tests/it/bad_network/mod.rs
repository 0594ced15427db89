//! Calls through a network that loses, doubles and reorders a fifth of everything, to next hops that answer properly, late, twice,
//! never, or with garbage, while callers give up at any moment.
//!
//! ```text
//!   callers ~~~ 20 % lost, doubled, late ~~~ element ~~~ the same ~~~ next hops and whoever is behind them
//!   (two trunks, one may be redirected)       │  ⇅
//!                                             │  a host that signs and judges at once, late or never
//!                                             ▼
//!                             the shadow: every input, every output, objections
//! ```
//!
//! Nobody here is made of the crate's machines: parties are a few rules ([`caller`], [`hop`]), and the [`shadow`] is the figures of
//! RFC 3261 §17. Each seed is another story, and the same seed always the same.

pub(crate) mod caller;
mod hop;
mod promises;
mod shadow;
pub(crate) mod text;

use crate::proxy::simulation::Luck;
use crate::proxy::{hop as next_hop, options, tcp, udp};
use crate::stories::in_quarters;
use caller::{Caller, Wish};
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{
    ContextId, DropCause, Element, Event, Input, Judgement, Output, Sender, TimerId,
};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{
    ExistingIdentity, Leniency, Mode, NothingAdded, RedirectDialect, RedirectForm, Role, Treatment,
    Trunk,
};
use hop::Hop;
use shadow::{Facts, Given, Shadow};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where the callers of each trunk are.
const CALLERS: [&str; 2] = ["192.0.2.10:5060", "192.0.2.11:5060"];
/// Next hops; the third is reached by TCP, the last is that of the second trunk.
const HOPS: [&str; 4] = [
    "192.0.2.20:5060",
    "192.0.2.21:5060",
    "192.0.2.22:5060",
    "192.0.2.30:5060",
];
const TCP_HOP: usize = 2;

/// How bad it gets.
struct Weather {
    /// Of a hundred datagrams.
    loss: u64,
    doubling: u64,
    /// Milliseconds.
    slowest: u64,
    /// Whether connections cannot be had, or swallow what they get.
    tcp: TcpAt,
    /// A next hop that the network says is not there.
    dead_hop: Option<usize>,
    /// Longest time the host takes in milliseconds; `None` is never.
    host: Option<u64>,
    /// Whether the host judges with what it has when its time is over.
    host_minds_expiry: bool,
    timers_late: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TcpAt {
    Answers,
    Refuses,
    Swallows,
}

enum Happening {
    AtCaller(usize, String),
    AtElement(From, String),
    AtHop(usize, usize, String),
    CallerActs(usize, caller::Act),
    Failure(Sender, Target, String),
    HopActs(usize, usize, hop::Act),
    Judged(ContextId, Verdict),
    Signed(ContextId, Option<Box<str>>),
    Timer(TimerId),
}

/// Who sent a message to the element.
#[derive(Clone, Copy)]
enum From {
    Caller(usize),
    Hop(usize, Transport),
}

struct World {
    luck: Luck,
    weather: Weather,
    /// Microseconds.
    now: u64,
    agenda: BTreeMap<(u64, u64), Happening>,
    scheduled: u64,
    element: Element,
    trunks: Vec<Arc<Trunk>>,
    callers: Vec<Caller>,
    /// By hop and call.
    hops: HashMap<(usize, usize), Hop>,
    /// When the last message of a connection arrives: none overtakes another.
    arrivals: HashMap<(usize, bool), u64>,
    shadow: Shadow,
    finished: BTreeMap<u64, Option<u16>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut luck = Luck(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let weather = weather(&mut luck);
        let trunks = vec![any_trunk(0, &mut luck), any_trunk(1, &mut luck)];
        let count = [1, 1, 2, 3][luck.below(4) as usize];
        let callers: Vec<_> = (0..count)
            .map(|call| Caller::new(call, usize::from(luck.percent(25)), &mut luck))
            .collect();
        let mut world = Self {
            shadow: Shadow::new(trunks.iter().map(facts).collect()),
            luck,
            weather,
            now: 1_000_000,
            agenda: BTreeMap::new(),
            scheduled: 0,
            element: Element::new(options()),
            trunks: trunks.into_iter().map(Arc::new).collect(),
            callers,
            hops: HashMap::new(),
            arrivals: HashMap::new(),
            finished: BTreeMap::new(),
        };
        for call in 0..count {
            let wishes = world.callers[call].begin(&mut world.luck);
            world.grant_caller(call, wishes);
        }
        // Somebody of the other trunk has seen the first INVITE.
        if world.callers[0].trunk != world.callers[count - 1].trunk {
            let cancel = world.callers[0].stolen_cancel();
            let at = world.luck.below(10_000);
            world.later(at, Happening::AtElement(From::Caller(count - 1), cancel));
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
        assert!(self.element.is_idle(), "the element remembers something");
        self.shadow.judge_the_end(&self.finished);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::AtElement(from, text) => self.at_element(from, text),
            Happening::AtCaller(call, text) => {
                let wishes = self.callers[call].receive(&text);
                self.grant_caller(call, wishes);
            }
            Happening::CallerActs(call, act) => {
                let wishes = self.callers[call].act(act);
                self.grant_caller(call, wishes);
            }
            Happening::AtHop(hop, call, text) => {
                let luck = &mut self.luck;
                let party = self
                    .hops
                    .entry((hop, call))
                    .or_insert_with(|| Hop::new(luck));
                let wishes = party.receive(&text);
                self.grant_hop(hop, call, wishes);
            }
            Happening::HopActs(hop, call, act) => {
                let wishes = self.hops.get_mut(&(hop, call)).unwrap().act(act);
                self.grant_hop(hop, call, wishes);
            }
            Happening::Timer(id) => {
                self.give(&Given::Timer(&format!("{id:?}")), Input::Timer(id));
            }
            Happening::Failure(by, target, text) => {
                let given = Given::TransportFailed(&text, &target);
                let target = target.clone();
                self.give(&given, Input::TransportFailed { by, target });
            }
            Happening::Judged(id, verdict) => self.judged(id, verdict),
            Happening::Signed(id, identity) => {
                let given = Given::Signed(id.as_u64(), identity.as_deref());
                let identity = identity.clone();
                self.give(
                    &given,
                    Input::Signed {
                        id,
                        identities: identity.into_iter().collect(),
                    },
                );
            }
        }
    }

    fn judged(&mut self, id: ContextId, verdict: Verdict) {
        let text = match verdict {
            Verdict::Passed => "TN-Validation-Passed",
            Verdict::Failed(_) => "TN-Validation-Failed",
            Verdict::NotValidated(_) | Verdict::Unsigned => "No-TN-Validation",
        };
        let judgement = Judgement {
            verdict,
            code: None,
            attestation: None,
            consequences: None,
            key: None,
            provider: None,
            msec: None,
        };
        let given = Given::Judged(id.as_u64(), text);
        self.give(&given, Input::Judged { id, judgement });
    }

    fn at_element(&mut self, from: From, text: String) {
        let (flow, trunk) = match from {
            From::Caller(call) => {
                let caller = &self.callers[call];
                let address = CALLERS[caller.trunk];
                let flow = match caller.is_reliable {
                    true => tcp(&address.replace("5060", "41000"), call as u64),
                    false => udp(address),
                };
                (flow, Some(caller.trunk))
            }
            From::Hop(hop, Transport::Udp) => (udp(HOPS[hop]), None),
            From::Hop(hop, _) => (tcp(HOPS[hop], 100 + hop as u64), None),
        };
        let by = trunk.map(|trunk| Arc::clone(&self.trunks[trunk]));
        let message = match Message::parse(text.clone().into(), Framing::Datagram) {
            Ok(message) => message,
            Err(error) => {
                assert!(by.is_none(), "callers write messages: {error} {text}");
                let error = Box::new(error);
                let trunk = by;
                return self.give(&Given::Unreadable, Input::Unreadable { flow, error, trunk });
            }
        };
        let given = match trunk {
            Some(trunk) => Given::FromCaller {
                trunk,
                back: address(CALLERS[trunk]),
                transport: flow.transport,
                text: &text,
            },
            None if text.starts_with("SIP/2.0 ") => Given::FromHop(&text),
            None => Given::Unreadable,
        };
        self.give(
            &given,
            Input::Received {
                flow,
                message,
                trunk: by,
            },
        );
    }

    /// One step of the element, beside its shadow.
    fn give(&mut self, given: &Given<'_>, input: Input) {
        self.shadow.given(given, self.now);
        let mut out = Vec::new();
        let now = Now {
            unix: UnixTime::from_secs(1_443_208_345),
            ticks: Ticks::from_micros(self.now),
        };
        self.element.handle(input, now, &mut out);
        for output in out {
            self.carry_out(output);
        }
        self.shadow.done();
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::ExpireAnswer { .. }
            | Output::ForgetAnswer { .. }
            | Output::JudgeAnswer(_)
            | Output::SignAnswer(_) => panic!("nobody asked for connected identity"),
            Output::Event(Event::Finished(finished)) => {
                let before = self.finished.insert(finished.id.as_u64(), finished.status);
                assert_eq!(before, None, "finished twice");
            }
            Output::Event(Event::Dropped(DropCause::OwnFault(error))) => panic!("{error}"),
            Output::Event(_) => {}
            Output::Expire(id) if self.weather.host_minds_expiry => {
                self.later(
                    0,
                    Happening::Judged(id, Verdict::of(Fault::DeadlineExpired)),
                );
            }
            Output::Expire(_) => {}
            Output::Answered(answer) => panic!("nothing is held: {answer:?}"),
            Output::Forget(id) => self.shadow.forgot_host(id.as_u64()),
            Output::Judge(judge) => {
                self.shadow.asked_to_judge(judge.id.as_u64());
                let verdict = any_verdict(&mut self.luck);
                if let Some(delay) = self.host_takes() {
                    self.later(delay, Happening::Judged(judge.id, verdict));
                }
            }
            Output::Sign(sign) => {
                self.shadow.asked_to_sign(sign.id.as_u64());
                let signs = self.luck.percent(80);
                let identity = signs.then(|| format!("token.number.{}", self.scheduled).into());
                if let Some(delay) = self.host_takes() {
                    self.later(delay, Happening::Signed(sign.id, identity));
                }
            }
            Output::Send { target, bytes, by } => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                self.shadow.sends(&target, &text);
                self.sent(target, text, by);
            }
            Output::SetTimer { id, at } => {
                let late = match self.weather.timers_late {
                    0 => 0,
                    most => self.luck.below(most),
                };
                self.at(at.as_micros() + late * 1_000, Happening::Timer(id));
            }
        }
    }

    fn host_takes(&mut self) -> Option<u64> {
        match self.weather.host? {
            0 => Some(0),
            longest => Some(self.luck.below(longest)),
        }
    }

    /// The element has sent something; the shadow has let it pass.
    fn sent(&mut self, target: Target, text: String, by: Option<Sender>) {
        let call = text::call(&text).unwrap();
        let remote = target.remote.to_string();
        let Some(hop) = HOPS.iter().position(|hop| *hop == remote) else {
            let caller = &self.callers[call];
            if remote != CALLERS[caller.trunk] {
                assert_eq!(text::status(&text), Some(481), "to somebody else: {text}");
                return assert_eq!(text::method(&text), "CANCEL");
            }
            let is_its_own = target.connection.is_some_and(|id| id.0 == call as u64);
            assert_eq!(is_its_own, caller.is_reliable);
            return self.over_the_wire(
                target.transport,
                (call, false),
                |text| Happening::AtCaller(call, text),
                &text,
            );
        };
        let is_tcp = target.transport == Transport::Tcp;
        let is_dead = self.weather.dead_hop == Some(hop);
        if is_dead || is_tcp && self.weather.tcp == TcpAt::Refuses {
            if let Some(by) = by {
                self.later(20, Happening::Failure(by, target, text));
            }
        } else if !is_tcp || self.weather.tcp == TcpAt::Answers {
            let to = |text| Happening::AtHop(hop, call, text);
            self.over_the_wire(target.transport, (100 + hop, false), to, &text);
        }
    }

    /// Datagrams are lost, doubled and reordered; what a connection carries is only late.
    fn over_the_wire(
        &mut self,
        transport: Transport,
        connection: (usize, bool),
        happening: impl Fn(String) -> Happening,
        text: &str,
    ) {
        let mut copies = 1;
        if transport == Transport::Udp {
            copies -= u64::from(self.luck.percent(self.weather.loss));
            copies += u64::from(self.luck.percent(self.weather.doubling));
        }
        for _ in 0..copies {
            let delay = 500 + self.luck.below(self.weather.slowest * 1_000);
            let mut at = self.now + delay;
            if transport != Transport::Udp {
                let last = self.arrivals.entry(connection).or_default();
                at = at.max(*last);
                *last = at;
            }
            self.at(at, happening(text.to_owned()));
        }
    }

    fn grant_caller(&mut self, call: usize, wishes: Vec<Wish<caller::Act>>) {
        for wish in wishes {
            match wish {
                Wish::Later(millis, act) => self.later(millis, Happening::CallerActs(call, act)),
                Wish::Send(text) => {
                    let transport = match self.callers[call].is_reliable {
                        true => Transport::Tcp,
                        false => Transport::Udp,
                    };
                    let to = |text| Happening::AtElement(From::Caller(call), text);
                    self.over_the_wire(transport, (call, true), to, &text);
                }
            }
        }
    }

    fn grant_hop(&mut self, hop: usize, call: usize, wishes: Vec<Wish<hop::Act>>) {
        for wish in wishes {
            match wish {
                Wish::Later(millis, act) => self.later(millis, Happening::HopActs(hop, call, act)),
                Wish::Send(text) => {
                    let transport = match text.contains("\r\nVia: SIP/2.0/TCP 192.0.2.1:") {
                        true => Transport::Tcp,
                        false => Transport::Udp,
                    };
                    let to = |text| Happening::AtElement(From::Hop(hop, transport), text);
                    self.over_the_wire(transport, (100 + hop, true), to, &text);
                }
            }
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Whether requests of any size go there by TCP.
fn is_tcp_hop(hop: SocketAddr) -> bool {
    hop == address(HOPS[TCP_HOP])
}

fn weather(luck: &mut Luck) -> Weather {
    let is_bad = luck.percent(75);
    Weather {
        loss: if is_bad { 20 } else { 0 },
        doubling: if is_bad { 20 } else { 0 },
        slowest: [5, 100, 900, 4_000][luck.below(4) as usize],
        tcp: [TcpAt::Answers, TcpAt::Refuses, TcpAt::Swallows][luck.below(3) as usize],
        dead_hop: luck.percent(15).then(|| luck.below(3) as usize),
        host: [Some(0), Some(0), Some(500), Some(6_000), None][luck.below(5) as usize],
        host_minds_expiry: luck.percent(50),
        timers_late: [0, 0, 3, 800][luck.below(4) as usize],
    }
}

fn any_trunk(number: usize, luck: &mut Luck) -> Trunk {
    let hops = match number {
        0 => {
            let order: &[usize] = [
                &[0][..],
                &[2],
                &[0, 1],
                &[1, 2],
                &[0, 2],
                &[2, 0],
                &[0, 1, 2],
                &[1, 2, 0],
            ][luck.below(8) as usize];
            order.iter().map(|hop| any_hop(*hop)).collect()
        }
        _ => vec![any_hop(3)],
    };
    let mut trunk = Trunk::new(format!("trunk-{number}"), hops);
    trunk.role = [Role::None, Role::Sign, Role::Verify, Role::Both][luck.below(4) as usize];
    if number == 1 && trunk.role != Role::Both && luck.percent(60) {
        trunk.next_hops.clear();
        trunk.mode = Mode::Redirect(RedirectDialect {
            form: [RedirectForm::Header, RedirectForm::XHeaders][luck.below(2) as usize],
            nothing_added: NothingAdded::NotFound,
        });
    }
    let kinds = [
        ExistingIdentity::Keep,
        ExistingIdentity::Replace,
        ExistingIdentity::Add,
    ];
    trunk.existing_identity = kinds[luck.below(3) as usize];
    trunk.deadline = Duration::from_millis([200, 3_000][luck.below(2) as usize]);
    if luck.percent(50) {
        trunk.treatment = Treatment::Reject {
            not_validated: Leniency::Forward,
            unsigned: Leniency::Reject,
        };
    }
    trunk
}

fn any_hop(hop: usize) -> countersign_sip::trunk::NextHop {
    let transport = match hop == TCP_HOP {
        true => Transport::Tcp,
        false => Transport::Udp,
    };
    next_hop(transport, HOPS[hop])
}

fn facts(trunk: &Trunk) -> Facts {
    Facts {
        hops: trunk.next_hops.iter().map(|hop| hop.address).collect(),
        judges: matches!(trunk.role, Role::Verify | Role::Both),
        signs: matches!(trunk.role, Role::Sign | Role::Both),
        rejects: trunk.treatment != Treatment::Tag,
        redirects: matches!(trunk.mode, Mode::Redirect(_)),
    }
}

fn any_verdict(luck: &mut Luck) -> Verdict {
    match luck.below(4) {
        0 | 1 => Verdict::Passed,
        2 => Verdict::Failed(Fault::SignatureInvalid),
        _ => Verdict::Unsigned,
    }
}

fn story(seed: u64) -> BTreeSet<&'static str> {
    let mut world = World::new(seed);
    world.run();
    world.shadow.seen().clone()
}

// What a proxy promises, in ten thousand stories.
in_quarters!(
    story,
    [
        "408",
        "487",
        "500 for 503",
        "502",
        "503",
        "ACK for a 2xx",
        "Timer C",
        "cancelled",
        "fell back to UDP",
        "more than one 2xx",
        "next hop",
        "no ACK",
        "passed a rejection",
        "redirected",
        "rejected",
        "stray response",
    ]
);
