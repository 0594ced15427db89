//! Calls whose answers must be proven, through two providers and a network that loses, doubles, reorders and forges.
//!
//! ```text
//!   caller ~~~ O ~~~~~~~~~~ forger ~~~~~~~~~~ T ~~~ called
//!           checks        183, 200 of its own     signs
//!           its host says who has answered        its host signs, unless it does not
//! ```
//!
//! Both providers are real elements, each in either mode; who proves what is a word of the hosts, who know the true tokens. In no story
//! does a caller get an answer, or a session description, that was not proven while that was required, nor one with somebody else's proof;
//! and where nobody forges and both hosts do their work, nobody honest is refused, whatever is lost, but for one who answers in the second
//! of another with the very same signature. Each seed is another story, and the same seed always the same.

mod parties;

use crate::bad_network::caller::Wish;
use crate::bad_network::text::{method, status, to_tag};
use crate::connected_identity::judgement;
use crate::proxy::simulation::Luck;
use crate::proxy::{hop, received};
use crate::stories::in_quarters;
use countersign::jose::base64url;
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::answer::AnswerStanding;
use countersign::verification::{Fault, Seal};
use countersign_sip::element::{
    AnswerFate, AnswerId, AnswerJudgement, ContextId, DropCause, Element, Event, Input,
    JudgeAnswer, Options, Output, TimerId,
};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{
    AnswerChecking, AnswerSigning, B2buaMode, Connected, Mode, Names, Required, Role, SentBy, Trunk,
};
use parties::{Act, Called, Caller, borrowed, forgeries};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const CALLER: &str = "192.0.2.10:5060";
const O: &str = "192.0.2.1:5060";
const T: &str = "192.0.2.2:5060";
const CALLED: &str = "192.0.2.20:5060";
const LONGEST_CALL: Duration = Duration::from_secs(100);

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Provider {
    O,
    T,
}

enum Happening {
    AtCalled(String),
    AtCaller(String),
    AtProvider(Provider, &'static str, String),
    CalledActs(Act),
    CallerActs(Act),
    Hosts(Provider, Input),
    Timer(Provider, TimerId),
}

/// How bad it gets, fixed by the seed.
struct Weather {
    /// Percent lost, and percent doubled.
    loss: u64,
    /// Milliseconds.
    slowest: u64,
    timers_late: u64,
    /// What is on the way swallows provisional responses.
    swallows: bool,
    forges: bool,
    /// The forger puts the signatures of answers that it has seen arrive under answers of its own.
    borrows: bool,
    /// T signs without nonce: what it says twice in one second is the same, signature and all.
    repeats_itself: bool,
    /// The hosts are late now and then, or silent.
    hosts_fail: bool,
}

impl Weather {
    fn of(luck: &mut Luck) -> Self {
        Self {
            loss: [0, 0, 10, 20][luck.below(4) as usize],
            slowest: [5, 100, 900][luck.below(3) as usize],
            timers_late: [0, 0, 3, 300][luck.below(4) as usize],
            swallows: luck.percent(20),
            forges: luck.percent(50),
            borrows: luck.percent(30),
            repeats_itself: luck.percent(30),
            hosts_fail: luck.percent(20),
        }
    }
}

/// What a provider is, a b2bua as often as it says, in percent.
fn mode(b2bua: u64, luck: &mut Luck) -> Mode {
    match luck.percent(b2bua) {
        true => Mode::B2bua(B2buaMode {
            names: [Names::Mapped, Names::Kept][luck.below(2) as usize],
            longest_call: LONGEST_CALL,
            ..B2buaMode::default()
        }),
        false => Mode::Proxy,
    }
}

struct World {
    luck: Luck,
    weather: Weather,
    required: bool,
    holds: bool,
    now: u64,
    agenda: BTreeMap<(u64, u64), Happening>,
    scheduled: u64,
    elements: BTreeMap<Provider, (Element, Arc<Trunk>)>,
    caller: Caller,
    called: Called,
    /// What O asked about: body and tag of the answer.
    asked: BTreeMap<AnswerId, (String, String)>,
    /// The bodies that O's host has called proven.
    proven: BTreeSet<String>,
    /// The tags of whoever was refused, and of whoever was hung up by O.
    refused: BTreeSet<String>,
    hung_up: BTreeSet<String>,
    signed: u32,
    seen: BTreeSet<&'static str>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut luck = Luck(seed.wrapping_mul(0xd134_2543_de82_ef95));
        let (of_o, of_t) = (mode(80, &mut luck), mode(50, &mut luck));
        let required = luck.percent(80);
        let check = match required {
            true => AnswerChecking::Require,
            false => AnswerChecking::Report,
        };
        let checking = Connected {
            check,
            require: Required::Always,
            ..Connected::default()
        };
        let signing = Connected {
            sign: AnswerSigning::All,
            ..Connected::default()
        };
        let trunk = |mode, role, next, connected| {
            let mut trunk = Trunk::new("peer", vec![hop(Transport::Udp, next)]);
            trunk.mode = mode;
            trunk.role = role;
            trunk.connected = Some(Arc::new(connected));
            Arc::new(trunk)
        };
        let elements = BTreeMap::from([
            (
                Provider::O,
                (
                    element("192.0.2.1", 1),
                    trunk(of_o, Role::Sign, T, checking),
                ),
            ),
            (
                Provider::T,
                (
                    element("192.0.2.2", 2),
                    trunk(of_t, Role::None, CALLED, signing),
                ),
            ),
        ]);
        let weather = Weather::of(&mut luck);
        Self {
            weather,
            required,
            holds: matches!(of_o, Mode::B2bua(_)),
            now: 1_000_000,
            agenda: BTreeMap::new(),
            scheduled: 0,
            elements,
            caller: Caller::new(0, CALLER, &mut luck),
            called: Called::new(&mut luck),
            asked: BTreeMap::new(),
            proven: BTreeSet::new(),
            refused: BTreeSet::new(),
            hung_up: BTreeSet::new(),
            signed: 0,
            seen: BTreeSet::new(),
            luck,
        }
    }

    fn at(&mut self, at: u64, happening: Happening) {
        self.scheduled += 1;
        self.agenda.insert((at, self.scheduled), happening);
    }

    fn later(&mut self, millis: u64, happening: Happening) {
        self.at(self.now + millis * 1_000, happening);
    }

    fn run(&mut self) {
        self.later(0, Happening::CallerActs(Act::Invite));
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            self.now = at;
            self.happen(happening);
        }
        self.judge_the_end();
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::AtCaller(text) => {
                let wishes = self.caller.receive(&text);
                self.grant_caller(wishes);
            }
            Happening::AtCalled(text) => {
                let wishes = self.called.receive(&text);
                self.grant_called(wishes);
            }
            Happening::CallerActs(act) => {
                let wishes = self.caller.act(act);
                self.grant_caller(wishes);
            }
            Happening::CalledActs(act) => {
                let wishes = self.called.act(act);
                self.grant_called(wishes);
            }
            Happening::AtProvider(provider, from, text) => {
                let comes_by_trunk =
                    matches!((provider, from), (Provider::O, CALLER) | (Provider::T, O));
                let trunk = Arc::clone(&self.elements[&provider].1);
                let input = received(&text, from, comes_by_trunk.then_some(trunk));
                self.give(provider, Some(&text), input);
                if (provider, from) == (Provider::O, T) {
                    self.borrow(&text);
                }
            }
            Happening::Hosts(provider, input) => {
                if let Input::AnswerJudged {
                    answer, judgement, ..
                } = &input
                    && judgement.standing == AnswerStanding::Matching
                {
                    let (body, _) = &self.asked[answer];
                    self.proven.insert(body.clone());
                }
                self.give(provider, None, input);
            }
            Happening::Timer(provider, id) => self.give(provider, None, Input::Timer(id)),
        }
    }

    fn give(&mut self, provider: Provider, came: Option<&str>, input: Input) {
        let mut out = Vec::new();
        let now = Now {
            unix: UnixTime::from_secs(1_443_208_345),
            ticks: Ticks::from_micros(self.now),
        };
        let (element, _) = self.elements.get_mut(&provider).unwrap();
        element.handle(input, now, &mut out);
        for output in out {
            self.carry_out(provider, came, output);
        }
    }

    fn carry_out(&mut self, provider: Provider, came: Option<&str>, output: Output) {
        match output {
            Output::Event(Event::Answer(told)) => {
                self.told(provider, &told.fate, told.status, told.answer)
            }
            Output::Event(Event::Dropped(DropCause::OwnFault(error))) => panic!("{error}"),
            Output::Event(_) | Output::Forget(_) | Output::ForgetAnswer { .. } => {}
            Output::ExpireAnswer { .. } => {
                self.seen.insert("a judgement was late");
            }
            Output::JudgeAnswer(judge) => self.judges(came.unwrap(), &judge),
            Output::Send { target, bytes, .. } => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let to = target.remote.to_string();
                self.sends(provider, &to, &text);
            }
            Output::SetTimer { id, at } => {
                let late = match self.weather.timers_late {
                    0 => 0,
                    most => self.luck.below(most),
                };
                self.at(
                    at.as_micros() + late * 1_000,
                    Happening::Timer(provider, id),
                );
            }
            Output::Sign(sign) => {
                let identity = "ours.call-0.s;info=<https://cert.example.org/o.pem>;ppt=shaken";
                let identities = vec![identity.into()];
                let input = Input::Signed {
                    id: sign.id,
                    identities,
                };
                self.later(1, Happening::Hosts(provider, input));
            }
            Output::SignAnswer(sign) => {
                assert!(sign.asked[0].starts_with("ours.call-0.s"));
                self.signs(sign.id, sign.answer);
            }
            other => panic!("{other:?}"),
        }
    }

    /// The host of T signs, later.
    fn signs(&mut self, id: ContextId, answer: AnswerId) {
        self.signed += 1;
        let number = match self.weather.repeats_itself {
            true => self.now / 1_000_000,
            false => u64::from(self.signed),
        };
        let signature = base64url::encode(&number.to_be_bytes().repeat(8));
        let rsp = format!("rsp.honest-0.{signature};info=<https://cert.example.org/t.pem>;ppt=rsp");
        let mut identities = vec![rsp.into()];
        let mut delay = self.luck.below(100);
        if self.weather.hosts_fail {
            match self.luck.below(6) {
                0 => identities.clear(),
                1 => delay = 10_000,
                _ => {}
            }
        }
        let input = Input::AnswerSigned {
            id,
            answer,
            identities,
        };
        self.later(delay, Happening::Hosts(Provider::T, input));
    }

    /// The host of O judges, later: it knows the true tokens.
    fn judges(&mut self, came: &str, judge: &JudgeAnswer) {
        let body = came.split_once("\r\n\r\n").unwrap().1;
        let asked = (body.to_owned(), to_tag(came).to_owned());
        self.asked.insert(judge.answer, asked);
        let tokens = judge.presented.iter().flatten();
        let is_true = tokens
            .clone()
            .any(|one| one.token.starts_with("rsp.honest-0."));
        let standing = match (is_true, judge.presented.is_empty()) {
            (true, _) => AnswerStanding::Matching,
            (false, true) => AnswerStanding::Absent,
            (false, false) => AnswerStanding::Unexpected(Fault::AnswerUnexpected),
        };
        let good = tokens.filter(|one| one.token.starts_with("rsp.honest-0."));
        let judgement = AnswerJudgement {
            seals: good.filter_map(|one| Seal::of_token(&one.token)).collect(),
            ..judgement(standing)
        };
        let mut delay = self.luck.below(200);
        if self.weather.hosts_fail && self.luck.percent(20) {
            delay = 10_000;
        }
        let (id, answer) = (judge.id, judge.answer);
        let input = Input::AnswerJudged {
            id,
            answer,
            judgement,
        };
        self.later(delay, Happening::Hosts(Provider::O, input));
    }

    fn told(
        &mut self,
        provider: Provider,
        fate: &AnswerFate,
        status: u16,
        answer: Option<AnswerId>,
    ) {
        self.seen.insert(match fate {
            AnswerFate::GivenUp => "a call was given up",
            AnswerFate::Passed(_) => "an answer passed",
            AnswerFate::Refused(_) => "an answer was refused",
            AnswerFate::Signed => "an answer was signed",
            AnswerFate::Stripped => "a session description was taken out",
            AnswerFate::Unsigned(_) => "an answer was not signed",
        });
        if let (Provider::O, AnswerFate::Refused(_), 200..) = (provider, fate, status) {
            let (_, tag) = &self.asked[&answer.unwrap()];
            self.refused.insert(tag.clone());
        }
    }

    /// A provider sends something: the promises are kept here, and the wire begins.
    fn sends(&mut self, provider: Provider, to: &str, text: &str) {
        if to == CALLER {
            self.caller_is_safe(text);
        }
        if provider == Provider::O && method(text) == "BYE" && status(text).is_none() {
            self.hung_up.insert(to_tag(text).to_owned());
        }
        if provider == Provider::O && to == T && method(text) == "INVITE" && self.weather.forges {
            self.forge(text);
        }
        let is_provisional = matches!(status(text), Some(101..=199));
        if self.weather.swallows && is_provisional && provider == Provider::T {
            self.seen.insert("a provisional response was swallowed");
            return;
        }
        let from = match provider {
            Provider::O => O,
            Provider::T => T,
        };
        let to = [CALLER, O, T, CALLED].into_iter().find(|one| *one == to);
        let to = to.unwrap();
        self.over_the_wire(text, |text| match to {
            CALLER => Happening::AtCaller(text),
            CALLED => Happening::AtCalled(text),
            O => Happening::AtProvider(Provider::O, from, text),
            _ => Happening::AtProvider(Provider::T, from, text),
        });
    }

    /// Whatever is required to be proven is, before the caller gets it.
    fn caller_is_safe(&mut self, text: &str) {
        let is_answer = method(text) == "INVITE" && matches!(status(text), Some(101..=299));
        let body = text.split_once("\r\n\r\n").unwrap().1;
        if !is_answer || !self.required || !self.holds {
            return;
        }
        let is_final = status(text) >= Some(200);
        if is_final || !body.is_empty() {
            assert!(self.proven.contains(body), "not proven: {text}");
            assert!(!body.contains("forger"), "{text}");
            self.seen.insert("a proven answer got through");
            if is_final && !self.refused.is_empty() {
                self.seen
                    .insert("a proven answer got through after another was refused");
            }
        }
    }

    /// The forger sees the INVITE; once, since all of its repetitions are the same.
    fn forge(&mut self, invite: &str) {
        self.weather.forges = false;
        self.seen.insert("an answer was forged");
        for (after, text) in forgeries(invite, &mut self.luck) {
            self.later(after, Happening::AtProvider(Provider::O, T, text));
        }
    }

    /// The forger has seen an answer arrive; once.
    fn borrow(&mut self, text: &str) {
        let is_signed = text.contains("\r\nIdentity: rsp.honest-0.");
        if self.weather.borrows && is_signed && matches!(status(text), Some(101..=299)) {
            self.weather.borrows = false;
            self.seen.insert("a signature was borrowed");
            let (after, text) = borrowed(text, &mut self.luck);
            self.later(after, Happening::AtProvider(Provider::O, T, text));
        }
    }

    fn over_the_wire(&mut self, text: &str, happening: impl Fn(String) -> Happening) {
        let mut copies = 1;
        copies -= u64::from(self.luck.percent(self.weather.loss));
        copies += u64::from(self.luck.percent(self.weather.loss));
        for _ in 0..copies {
            let delay = 500 + self.luck.below(self.weather.slowest * 1_000);
            self.at(self.now + delay, happening(text.to_owned()));
        }
    }

    fn grant_caller(&mut self, wishes: Vec<Wish<Act>>) {
        for wish in wishes {
            match wish {
                Wish::Later(millis, act) => self.later(millis, Happening::CallerActs(act)),
                Wish::Send(text) => self.over_the_wire(&text, |text| {
                    Happening::AtProvider(Provider::O, CALLER, text)
                }),
            }
        }
    }

    fn grant_called(&mut self, wishes: Vec<Wish<Act>>) {
        for wish in wishes {
            match wish {
                Wish::Later(millis, act) => self.later(millis, Happening::CalledActs(act)),
                Wish::Send(text) => self.over_the_wire(&text, |text| {
                    Happening::AtProvider(Provider::T, CALLED, text)
                }),
            }
        }
    }

    fn judge_the_end(&mut self) {
        for (provider, (element, _)) in &self.elements {
            assert_eq!(element.calls(), 0, "{provider:?}");
            assert!(element.is_idle(), "{provider:?}: {:?}", element.load());
        }
        for tag in &self.refused {
            assert!(self.hung_up.contains(tag), "{tag} was not hung up");
        }
        let forged = ["an answer was forged", "a signature was borrowed"];
        let is_forged = forged.iter().any(|what| self.seen.contains(what));
        if is_forged || self.weather.hosts_fail {
            return;
        }
        let finals = &self.caller.finals;
        assert!(!finals.contains(&403), "somebody honest was refused");
        assert!(self.refused.is_empty() || self.weather.repeats_itself);
        if self.weather.loss == 0 && self.weather.timers_late == 0 && !self.caller.cancelled {
            let answered = self.called.finals.first();
            assert_eq!(finals.first(), answered, "an answer that all agree on");
            self.seen.insert("an honest answer got through");
        }
    }
}

fn element(host: &str, secret: u8) -> Element {
    let us = SentBy::new(host, Some(5060)).unwrap();
    Element::new(Options::new(us, [secret; 16]))
}

fn story(seed: u64) -> BTreeSet<&'static str> {
    let mut world = World::new(seed);
    world.run();
    world.seen
}

// What connected identity promises, in ten thousand stories.
in_quarters!(
    story,
    [
        "a call was given up",
        "a judgement was late",
        "a proven answer got through",
        "a proven answer got through after another was refused",
        "a provisional response was swallowed",
        "a session description was taken out",
        "a signature was borrowed",
        "an answer passed",
        "an answer was forged",
        "an answer was not signed",
        "an answer was refused",
        "an answer was signed",
        "an honest answer got through",
    ]
);
