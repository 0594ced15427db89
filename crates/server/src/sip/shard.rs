//! One shard: a thread with a proxy, its timers and its verifications under way.
//!
//! Signing and judging run here between two calls of the proxy. Only what must wait leaves the thread: a certificate that is
//! not in the cache is fetched on the async runtime and comes back as an [`Event`]. A fetch that nobody waits for any more goes
//! on, and the next call finds its chain in the cache.

mod told;

use super::admission::Admission;
use super::answered::AnswerRecord;
use super::answering::{self, OwnWord};
use super::answers;
use super::base::base;
use super::diverting::diverted;
use super::helm::Helm;
use super::intake::Intake;
use super::mid_dialog;
use super::post::Post;
use super::prioritizing::prioritized;
use super::probing::Probes;
use super::queue::{Event, ShardQueue};
use super::record::Record;
use super::securing::secured;
use super::services::Services;
use super::state::State;
use super::turned_away::TurnedAway;
use super::{Case, Life, Receipt};
use crate::fetch::picture::whole;
use crate::metrics::ShardGauges;
use countersign::authentication::Refusal;
use countersign::call::Call;
use countersign::identity::Identity;
use countersign::time::{Now, Ticks};
use countersign::verification::report::Report;
use countersign::verification::states::{Poll, Verification};
use countersign::verification::{Need, NeedId, Verdict};
use countersign_sip::element::{
    self, AnswerId, ContextId, Element, Input, Judge, JudgeAnswer, Judgement, Needed, Output, Rank,
    Sign, SignAnswer, Subject, TimerId, UnknownSource,
};
use countersign_sip::flow::Transport;
use countersign_sip::message::Message;
use countersign_sip::probe::Standing;
use countersign_sip::trunk::PassportForm;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::Duration;

/// Inputs taken from the queue before timers are looked at again.
const BATCH: usize = 64;

/// How long a shard with nothing to do sleeps at most.
const IDLE: Duration = Duration::from_millis(500);

/// How long an answer waits before it is offered to a full queue again.
const ANSWER_PAUSE: Duration = Duration::from_millis(2);

/// Timers kept before those are looked for that cannot do anything any more. A call leaves Timer C behind, for three minutes.
const MIN_SWEEP: usize = 65_536;

/// Answers that those get who are turned away, for each new request that begins; beyond it datagrams get none, since answering
/// would leave no time for calls. Up to five times too much, everybody hears.
const MAX_REFUSALS: u32 = 8;

/// Most calls without an answer that one shard names when it ends.
const MAX_FAREWELLS: usize = 256;

/// The thread's state.
pub struct Shard {
    index: usize,
    life: Life,
    element: Element,
    services: Arc<Services>,
    gauges: Arc<ShardGauges>,
    post: Post,
    own_queue: ShardQueue,
    /// What asks next hops, if this shard does.
    probes: Option<Probes>,
    /// Which next hops are down, as the element knows.
    standing: Arc<Standing>,
    timers: BinaryHeap<Reverse<(Ticks, TimerId)>>,
    /// Timers that were asked for since the last input came in.
    fresh: Vec<(Ticks, TimerId)>,
    /// With so many timers the useless ones are looked for.
    sweep_at: usize,
    judging: HashMap<Case, Judging>,
    calls: HashMap<ContextId, Remembered>,
    /// The evidence of answers that were signed or judged a moment ago, until the element has said what became of them.
    answered: HashMap<(ContextId, AnswerId), AnswerRecord>,
    /// The state that the proxy's own settings were taken from.
    revision: u64,
    /// New requests that wait for their turn. What goes on with something has its turn at once.
    waiting: Admission<Newcomer>,
    turned_away: TurnedAway,
    /// Answers to those who were turned away, since the last new request began.
    refusals: u32,
    helm: Arc<Helm>,
    /// Emptied and filled again at every turn, kept for their room.
    inputs: VecDeque<Input>,
    outputs: Vec<Output>,
}

/// A new request that waits for its turn.
struct Newcomer {
    input: Input,
    state: Arc<State>,
}

/// What is remembered of a call that was signed or judged.
struct Remembered {
    /// The state it came in with, and is finished with.
    state: Arc<State>,
    record: Record,
    /// If it is no call but asks who would answer.
    asks: Option<Box<Asks>>,
    /// What its answers are held against, where they are.
    word: OwnWord,
}

/// What is asked by one who asks who would answer.
struct Asks {
    /// Of whom; `None` if nobody is named.
    about: Option<Identity>,
}

/// A verification under way.
struct Judging {
    verification: Verification,
    /// What was asked for already.
    asked: Vec<NeedId>,
    /// What the call came in with.
    state: Arc<State>,
    begun: Ticks,
}

impl Remembered {
    fn of(call: &Call, state: &Arc<State>) -> Self {
        Self {
            state: state.clone(),
            record: Record::of(call),
            asks: None,
            word: OwnWord::Unread,
        }
    }
}

impl Asks {
    fn by(call: &Call) -> Self {
        let called = call.dest.last();
        Self {
            about: called.map(|(called, _)| called.clone()),
        }
    }
}

impl Shard {
    /// A shard that has nothing to do yet. `own_queue` is where what it waits for comes back.
    pub fn new(
        (index, life): (usize, Life),
        options: element::Options,
        services: Arc<Services>,
        post: Post,
        own_queue: ShardQueue,
        helm: Arc<Helm>,
    ) -> Self {
        let patience = services.state().patience;
        Self {
            index,
            life,
            probes: Probes::of(index, &options, &services),
            standing: Arc::default(),
            element: Element::new(options),
            gauges: services.metrics.shards.of(index),
            services,
            post,
            own_queue,
            timers: BinaryHeap::new(),
            fresh: Vec::new(),
            sweep_at: MIN_SWEEP,
            judging: HashMap::new(),
            calls: HashMap::new(),
            answered: HashMap::new(),
            revision: 0,
            waiting: Admission::new(patience.turn),
            turned_away: TurnedAway::default(),
            refusals: 0,
            helm,
            inputs: VecDeque::new(),
            outputs: Vec::new(),
        }
    }

    /// Runs until the helm says stop; [`Event::Stop`] makes it look.
    pub fn run(mut self, intake: &mut Intake) {
        while !self.helm.is_stopping() {
            let Ok(first) = intake.wait(self.pause()) else {
                break;
            };
            self.stand();
            let events = intake.arrivals();
            for event in first.into_iter().chain(events.try_iter().take(BATCH)) {
                self.take(event, events.since());
            }
            intake.read(|event, received| self.take(event, received));
            self.begin_next();
            self.stand();
            self.fire();
            self.probe();
            self.show();
        }
        self.decide_all();
        self.take_leave();
    }

    /// Tells what there is to do now.
    fn show(&self) {
        let (gauges, load) = (&self.gauges, self.element.load());
        gauges.contexts.set(load.contexts);
        gauges.context_bytes.set(load.context_bytes);
        gauges.server_transactions.set(load.server_transactions);
        gauges.client_transactions.set(load.client_transactions);
        gauges.calls.set(load.calls);
        gauges.timers.set(self.timers.len());
        gauges.waiting.set(self.judging.len());
        gauges.newcomers.set(self.waiting.len());
        let is_shedding = self.waiting.is_shedding(self.now().ticks);
        gauges.shedding.set(usize::from(is_shedding));
        if let Some(pulse) = self.helm.pulse(self.index) {
            let busy = load.contexts + self.waiting.len();
            pulse.beat(busy, load.calls, is_shedding);
        }
        self.helm.answer(self.index, || self.needs());
    }

    /// The connections that are needed for what has begun, or waits for its turn.
    fn needs(&self) -> HashSet<Needed> {
        let waiting = self.waiting.iter().filter_map(|one| match &one.input {
            Input::Received { flow, .. } => flow.connection.map(Needed::Connection),
            _ => None,
        });
        self.element.needs().chain(waiting).collect()
    }

    /// Until the next timer.
    fn pause(&self) -> Duration {
        if !self.waiting.is_empty() {
            return Duration::ZERO;
        }
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let probe = self.probes.as_ref().and_then(Probes::next);
        let next = timer.into_iter().chain(probe).min();
        next.map_or(IDLE, |at| at.since(self.now().ticks).min(IDLE))
    }

    fn now(&self) -> Now {
        self.services.clock.now()
    }

    /// One event, which came at `received`.
    fn take(&mut self, event: Event, received: Ticks) {
        match event {
            Event::Answered(life, case, need, answer) if life == self.life => {
                let Some(mut judging) = self.judging.remove(&case) else {
                    return;
                };
                judging.verification.answer(need, answer);
                if let Some(input) = self.advance(case, judging) {
                    self.handle_now(input);
                }
            }
            Event::Input(Input::Received { message, .. }, _) if self.answers_probe(&message) => {}
            Event::Input(input, state) => {
                self.follow(&state);
                if self.relays(&input) {
                    return;
                }
                if let Some(input) = self.admitted(input, &state) {
                    self.sort(Newcomer { input, state }, received);
                }
            }
            Event::Unsent(Receipt {
                life, by, target, ..
            }) if life == self.life => self.handle_now(Input::TransportFailed { by, target }),
            // What was meant for a life before this one.
            Event::Answered(..) | Event::Unsent(_) | Event::Stop => {}
        }
    }

    /// What goes on with something has its turn now; what is new waits, or goes.
    fn sort(&mut self, newcomer: Newcomer, received: Ticks) {
        match self.rank(&newcomer.input) {
            Rank::Emergency | Rank::GoesOn => self.handle(newcomer.input, &newcomer.state),
            Rank::Begins if self.helm.is_draining() => self.turn_away(newcomer, "draining"),
            Rank::Begins => {
                let refused = match self.was_turned_away(&newcomer.input) {
                    true => Some(newcomer),
                    false => self.waiting.wait(newcomer, received),
                };
                if let Some(refused) = refused {
                    self.turn_away(refused, "overload");
                }
            }
        }
    }

    fn rank(&self, input: &Input) -> Rank {
        match input {
            Input::Received { message, trunk, .. } => self.element.rank(message, trunk.as_deref()),
            _ => Rank::GoesOn,
        }
    }

    fn was_turned_away(&self, input: &Input) -> bool {
        matches!(input, Input::Received { message, .. } if self.turned_away.has(message))
    }

    /// Whether a datagram went to our successor, because nothing here is about it.
    fn relays(&self, input: &Input) -> bool {
        let successor = self.helm.successor();
        match (&*successor, input) {
            (Some(relay), Input::Received { flow, message, .. }) => {
                flow.transport == Transport::Udp
                    && !self.element.knows(message)
                    && relay.send(flow, message.bytes())
            }
            _ => false,
        }
    }

    /// The next new request has its turn, after those who have waited too long have been turned away: not more than can be answered,
    /// the rest later.
    fn begin_next(&mut self) {
        let now = self.now().ticks;
        for _ in 0..MAX_REFUSALS {
            match self.waiting.shed(now) {
                Some(late) => self.turn_away(late, "overload"),
                None => break,
            }
        }
        if let Some((newcomer, waited)) = self.waiting.begin(now) {
            self.services.metrics.turn_delay.observe(waited);
            self.refusals = 0;
            self.turned_away.forget(now);
            match self.was_turned_away(&newcomer.input) {
                // A copy of it waited as well, and too long.
                true => self.turn_away(newcomer, "overload"),
                false => self.handle(newcomer.input, &newcomer.state),
            }
        }
    }

    /// A new request is told that it does not begin.
    // RFC 3261 §21.5.4: "Servers MAY refuse the connection or drop the request instead of responding with 503 (Service Unavailable)."
    fn turn_away(&mut self, newcomer: Newcomer, why: &'static str) {
        if self.rank(&newcomer.input) == Rank::GoesOn {
            // A copy of it began while this one waited: who sent both hears one answer.
            return self.handle(newcomer.input, &newcomer.state);
        }
        self.services.metrics.sip_refused.increment([why]);
        if let Input::Received { flow, message, .. } = newcomer.input {
            self.turned_away
                .note(&message, self.services.clock.now().ticks);
            self.refusals = self.refusals.saturating_add(1);
            if self.refusals > MAX_REFUSALS
                && flow.transport == Transport::Udp
                && !self.waiting.is_empty()
            {
                return;
            }
            self.handle(Input::Excess { flow, message }, &newcomer.state);
        }
    }

    fn fire(&mut self) {
        let now = self.now().ticks;
        while let Some(Reverse((at, id))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            self.handle_now(Input::Timer(id));
        }
    }

    /// Asks next hops who are due.
    fn probe(&mut self) {
        let now = self.now().ticks;
        if let Some(probes) = &mut self.probes {
            probes.fire(&self.services, &self.post, now);
        }
    }

    /// Looks which next hops are down: before anything new is sent to them.
    fn stand(&mut self) {
        let standing = self.services.standing.load();
        if !Arc::ptr_eq(&standing, &self.standing) {
            self.standing = Arc::clone(&standing);
            drop(standing);
            self.handle_now(Input::Standing(self.standing.clone()));
        }
    }

    /// Whether this is the answer to a probe.
    fn answers_probe(&mut self, message: &Message) -> bool {
        let now = self.now().ticks;
        self.probes.as_mut().is_some_and(|probes| {
            message.status().is_some() && probes.receive(message, &self.services, &self.post, now)
        })
    }

    /// The end has come: calls that wait for a certificate go on with what is known, instead of nowhere.
    fn decide_all(&mut self) {
        let waiting: Vec<_> = self.judging.keys().copied().collect();
        for case in waiting {
            if let Some(input) = self.expire(case) {
                self.handle_now(input);
            }
        }
    }

    /// What has no answer yet never gets one from us: whoever looks for it later finds it in the log.
    fn take_leave(&self) {
        let now = self.now().ticks;
        for call in self.element.unanswered().take(MAX_FAREWELLS) {
            let (call_id, method) = (
                String::from_utf8_lossy(&call.call_id),
                String::from_utf8_lossy(&call.method),
            );
            let waited_s = now.since(call.received).as_secs();
            tracing::warn!(%call_id, %method, waited_s, "not answered when the process ended");
        }
        let more = self.element.unanswered().skip(MAX_FAREWELLS).count();
        if more > 0 {
            tracing::warn!(more, "more were not answered when the process ended");
        }
    }

    /// The proxy's own settings, as the newest state has them. Inputs of the state before may still be in the queue.
    fn follow(&mut self, state: &State) {
        if state.revision > self.revision {
            self.revision = state.revision;
            self.element.rename(state.names.clone());
            self.waiting.set_target(state.patience.turn);
        }
    }

    /// Whose trunk was removed is nobody we know, unless this ends what began before.
    fn admitted(&self, input: Input, state: &State) -> Option<Input> {
        let (flow, message) = match input {
            Input::Received {
                flow,
                message,
                trunk: Some(trunk),
            } if state.is_retired(&trunk) && !self.element.goes_on_with(&message) => {
                (flow, message)
            }
            input => return Some(input),
        };
        if state.unknown_source == UnknownSource::Drop {
            let refused = &self.services.metrics.sip_refused;
            refused.increment(["unknown-source"]);
            return None;
        }
        Some(Input::Received {
            flow,
            message,
            trunk: None,
        })
    }

    /// Something came that belongs to a call we know, which has its state already.
    fn handle_now(&mut self, input: Input) {
        let services = self.services.clone();
        self.handle(input, &services.state());
    }

    /// One input and everything that follows from it at once. `state` is that of what is new.
    fn handle(&mut self, input: Input, state: &Arc<State>) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            let mut outputs = std::mem::take(&mut self.outputs);
            self.element.handle(input, self.now(), &mut outputs);
            for output in outputs.drain(..) {
                let next = self.carry_out(output, state);
                self.inputs.extend(next);
            }
            self.outputs = outputs;
        }
        self.set_timers();
        if !self.answered.is_empty() {
            self.answered.clear();
        }
    }

    /// Does what the proxy wants; what comes of it at once goes back in.
    fn carry_out(&mut self, output: Output, state: &Arc<State>) -> Option<Input> {
        match output {
            // Nobody is asked yet.
            Output::Answered(answer) => return Some(Input::Release(answer.id)),
            Output::Event(event) => self.told(event, state),
            Output::Expire(id) => return self.expire((id, None)),
            Output::ExpireAnswer { id, answer } => return self.expire((id, Some(answer))),
            Output::Forget(id) => {
                self.judging.remove(&(id, None));
            }
            Output::ForgetAnswer { id, answer } => {
                self.judging.remove(&(id, Some(answer)));
            }
            Output::Judge(judge) => return self.judge(judge, state),
            Output::JudgeAnswer(judge) => return self.judge_answer(*judge, state),
            Output::Send { target, bytes, by } => {
                let (shard, life) = (self.index, self.life);
                let receipt = by.map(|by| Receipt {
                    shard,
                    life,
                    by,
                    target: target.clone(),
                });
                self.post.send(target, bytes, receipt);
            }
            Output::SetTimer { id, at } => self.fresh.push((at, id)),
            Output::Sign(sign) => return Some(self.sign(&sign, state)),
            Output::SignAnswer(sign) => return Some(self.sign_answer(&sign, state)),
        }
        None
    }

    /// Sets the timers that are still of use. Most questions are answered at once, and whoever wakes up to see that nobody waits any more
    /// has done nothing but wake up.
    fn set_timers(&mut self) {
        let element = &self.element;
        for timer in self.fresh.drain(..) {
            if element.awaits(timer.1) {
                self.timers.push(Reverse(timer));
            }
        }
        if self.timers.len() >= self.sweep_at {
            self.timers.retain(|Reverse((_, id))| element.awaits(*id));
            self.sweep_at = MIN_SWEEP.max(2 * self.timers.len());
        }
    }

    fn expire(&mut self, case: Case) -> Option<Input> {
        let mut judging = self.judging.remove(&case)?;
        let report = judging.verification.expire(self.now());
        Some(self.decided(case, &report, judging.begun))
    }

    fn sign(&mut self, sign: &Sign, state: &Arc<State>) -> Input {
        let now = self.now();
        if sign.subject == Subject::Speaker {
            return mid_dialog::signed(sign, state, now.unix);
        }
        let call = self.calls.entry(sign.id);
        let Remembered {
            state,
            record,
            word,
            ..
        } = call.or_insert_with(|| Remembered::of(&sign.call, state));
        let id = sign.id;
        let Some(signer) = state.signers.get(&sign.trunk.name) else {
            return Input::SigningFailed { id };
        };
        if sign.subject == Subject::Diversion {
            let identities = diverted(sign, Vec::new(), signer, record, now);
            return Input::Signed { id, identities };
        }
        if sign.trunk.passport != PassportForm::Shaken
            && let Some(input) = base(sign, signer, record, now)
        {
            return input;
        }
        let mut origination = signer.origination(&sign.trunk, sign.transport);
        origination.asked = sign.asked;
        signer.dress(&mut origination, &sign.call);
        let service = signer.service.acting_for_caller(&sign.call, now.unix);
        let outcome = service.authenticate(&sign.call, &origination, now.unix);
        record.signed(&outcome, origination.origid, service.signer().x5u(), now);
        match outcome {
            Ok(authenticated) => {
                let mut identities = vec![authenticated.identity.into_boxed_str()];
                identities.extend(prioritized(sign, signer, now));
                identities.extend(secured(sign, signer, &origination, now.unix));
                let beside = signer.beside(&origination, &sign.call, now.unix);
                identities.extend(beside.map(|signed| signed.identity.into_boxed_str()));
                if sign.diversion.is_some() {
                    let own = vec![authenticated.passport];
                    identities.extend(diverted(sign, own, signer, record, now));
                } else {
                    *word = OwnWord::of(authenticated.passport, &sign.trunk);
                }
                Input::Signed { id, identities }
            }
            // These are ours: whoever comes after us may treat the call as if it had been signed.
            Err(
                Refusal::CertificateExpired
                | Refusal::CertificateNotYetValid
                | Refusal::SigningFailed,
            ) => Input::SigningFailed { id },
            // Who calls is another question than what priority they have.
            Err(_) => Input::Signed {
                id,
                identities: prioritized(sign, signer, now).into_iter().collect(),
            },
        }
    }

    fn judge(&mut self, judge: Judge, state: &Arc<State>) -> Option<Input> {
        if self.asks_too_often(&judge) {
            return Some(Input::TooManyInquiries(judge.id));
        }
        let remembered = Remembered {
            asks: judge.inquirer.map(|_| Box::new(Asks::by(&judge.call))),
            ..Remembered::of(&judge.call, state)
        };
        self.calls.insert(judge.id, remembered);
        let (service, orig) = (&state.verification, judge.call.orig.as_ref());
        let Some(trust) = state.trust.select(&judge.trunk.name, orig) else {
            let report = service.decline(&judge.presented);
            return Some(self.judged(judge.id, &report));
        };
        let now = self.now();
        let verification = service.begin(&judge.call, judge.presented, &trust, now);
        let judging = Judging {
            verification,
            asked: Vec::new(),
            state: state.clone(),
            begun: now.ticks,
        };
        self.advance((judge.id, None), judging)
    }

    /// Whether too many ask from there who would answer, whoever they are.
    fn asks_too_often(&self, judge: &Judge) -> bool {
        let (inquiries, now) = (&self.services.inquiries, self.now().ticks);
        let source = judge.inquirer.map(|source| source.ip());
        source.is_some_and(|source| !inquiries.admits(source, now))
    }

    /// What an answer gets that says who was reached.
    fn sign_answer(&mut self, sign: &SignAnswer, state: &Arc<State>) -> Input {
        let now = self.now();
        let call = self.calls.get(&sign.id);
        let state = call.map_or(state, |call| &call.state);
        let signed = answering::signed(sign, state, now.unix);
        let identities = signed.unwrap_or_else(|refusal| {
            let record = AnswerRecord::refused(refusal);
            self.answered.insert((sign.id, sign.answer), record);
            Vec::new()
        });
        let took = self.now().ticks.since(now.ticks);
        self.services.metrics.answer_delay.observe(took);
        Input::AnswerSigned {
            id: sign.id,
            answer: sign.answer,
            identities,
        }
    }

    /// An answer is held against the call that we sent on.
    fn judge_answer(&mut self, judge: JudgeAnswer, state: &Arc<State>) -> Option<Input> {
        let now = self.now();
        let (id, answer) = (judge.id, judge.answer);
        let mut call = self.calls.get_mut(&id);
        let state = Arc::clone(call.as_ref().map_or(state, |call| &call.state));
        let mut unread = OwnWord::Unread;
        let word = call.as_mut().map_or(&mut unread, |call| &mut call.word);
        let Some(dialled) = answering::dialled(&judge, word) else {
            let judgement = answering::unjudged(&judge);
            return Some(Input::AnswerJudged {
                id,
                answer,
                judgement,
            });
        };
        // Whoever answers proves it by a certificate for the number that was called.
        let trust = state.trust.select(&judge.trunk.name, Some(&judge.called));
        let media_keys = judge.media_keys.as_deref();
        let service = &state.verification;
        let Some(trust) = trust else {
            let report = service.decline_answer(&judge.presented, media_keys);
            return Some(self.decided((id, Some(answer)), &report, now.ticks));
        };
        let verification = service.begin_answer(&dialled, judge.presented, media_keys, &trust, now);
        let judging = Judging {
            verification,
            asked: Vec::new(),
            state,
            begun: now.ticks,
        };
        self.advance((id, Some(answer)), judging)
    }

    /// Lets a verification go as far as it can: what is in the cache answers at once, the rest is fetched, once each.
    fn advance(&mut self, case: Case, mut judging: Judging) -> Option<Input> {
        loop {
            let now = self.now();
            let needs = match judging.verification.poll(now) {
                Poll::Done(report) => return Some(self.decided(case, &report, judging.begun)),
                Poll::Needs(needs) => needs,
            };
            let asked = &mut judging.asked;
            let new = needs.iter().filter(|need| !asked.contains(&need.id));
            let new: Vec<_> = new.cloned().collect();
            asked.extend(new.iter().map(|need| need.id));
            let mut known = Vec::new();
            for need in &new {
                match answers::known(&need.kind, &self.services, &judging.state, now) {
                    Some(answer) => known.push((need.id, answer)),
                    None => self.fetch(case, need, now),
                }
            }
            if known.is_empty() {
                self.judging.insert(case, judging);
                return None;
            }
            for (need, answer) in known {
                judging.verification.answer(need, answer);
            }
        }
    }

    fn fetch(&self, case: Case, need: &Need, now: Now) {
        let Some(coming) = answers::coming(&need.kind, &self.services) else {
            return;
        };
        let (life, need_id, queue) = (self.life, need.id, self.own_queue.clone());
        let patience = need.limit.until.since(now.ticks);
        let delivery = async move {
            let answer = coming.await;
            let mut event = Event::Answered(life, case, need_id, answer);
            while let Err(TrySendError::Full(again)) = queue.try_send(event) {
                event = again;
                tokio::time::sleep(ANSWER_PAUSE).await;
            }
        };
        // Beyond the deadline nobody listens; the flight itself goes on, and the next call finds the chain in the cache.
        self.services
            .runtime
            .spawn(async move { tokio::time::timeout(patience, delivery).await });
    }

    /// A verification that was begun at `begun` is over.
    fn decided(&mut self, (id, answer): Case, report: &Report, begun: Ticks) -> Input {
        let Some((answer, judgement)) = answer.zip(answering::judgement(report)) else {
            return self.judged(id, report);
        };
        let took = self.now().ticks.since(begun);
        self.services.metrics.answer_delay.observe(took);
        if let (Some(call), Some(told)) = (self.calls.get_mut(&id), &report.answer) {
            call.record.answered(told, report);
        }
        let record = AnswerRecord::of(report);
        self.answered.insert((id, answer), record);
        Input::AnswerJudged {
            id,
            answer,
            judgement,
        }
    }

    fn judged(&mut self, id: ContextId, report: &Report) -> Input {
        let now = self.now();
        if let Some(call) = self.calls.get_mut(&id) {
            call.record.judged(report, now);
            let signer = report.deciding().and_then(|one| one.signer.as_ref());
            let signer = signer.map_or("", |signer| signer.subject());
            let inquiries = &self.services.inquiries;
            if let Some(asks) = call.asks.as_deref()
                && report.verdict == Verdict::Passed
                && !inquiries.admits_proven(signer, asks.about.as_ref(), now.ticks)
            {
                return Input::TooManyInquiries(id);
            }
        }
        let judgement = Judgement {
            verdict: report.verdict,
            code: report.code,
            attestation: report.deciding().and_then(|passport| passport.attest()),
            consequences: report.consequences().map(whole),
            key: report.deciding().and_then(|passport| passport.key_digest()),
            provider: report
                .deciding()
                .and_then(|passport| passport.signer.as_ref()?.spc().cloned()),
            msec: report.msec(),
        };
        Input::Judged { id, judgement }
    }
}

#[cfg(test)]
mod tests;
