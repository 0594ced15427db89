//! One shard: a thread with a proxy, its timers and its verifications under way.
//!
//! Signing and judging run here between two calls of the proxy. Only what must wait leaves the thread: a certificate that is
//! not in the cache is fetched on the async runtime and comes back as an [`Event`]. A fetch that nobody waits for any more goes
//! on, and the next call finds its chain in the cache.

use super::Receipt;
use super::post::Post;
use super::record::Record;
use super::services::Services;
use crate::fetch::Cached;
use countersign::time::{Now, Ticks};
use countersign::verification::report::Report;
use countersign::verification::states::{Answer, Poll, Verification};
use countersign::verification::{Need, NeedId, NeedKind, Refresh, Source};
use countersign_sip::proxy::{
    self, ContextId, Event as ProxyEvent, Input, Judge, Judgement, Output, Proxy, Sign, TimerId,
};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

/// Inputs that may wait for a shard. At 10,000 messages a second it is most of a second, and whoever waits longer has repeated
/// itself anyway.
pub const QUEUE: usize = 8_192;

/// Inputs taken from the queue before timers are looked at again.
const BATCH: usize = 64;

/// How long a shard with nothing to do sleeps at most.
const IDLE: Duration = Duration::from_millis(500);

/// What reaches a shard.
pub enum Event {
    /// A need of a verification was answered.
    Answered(ContextId, NeedId, Answer),
    /// A message or a failure.
    Input(Input),
    /// No more will come: end.
    Stop,
}

/// Sends events to one shard.
pub type ShardQueue = SyncSender<Event>;

/// The thread's state.
pub struct Shard {
    index: usize,
    proxy: Proxy,
    services: Arc<Services>,
    post: Post,
    own_queue: ShardQueue,
    timers: BinaryHeap<Reverse<(Ticks, TimerId)>>,
    judging: HashMap<ContextId, Verification>,
    records: HashMap<ContextId, Record>,
    /// Emptied and filled again at every turn, kept for its room.
    outputs: Vec<Output>,
}

impl Shard {
    /// A shard that has nothing to do yet. `own_queue` is where what it waits for comes back.
    pub fn new(
        index: usize,
        options: proxy::Options,
        services: Arc<Services>,
        post: Post,
        own_queue: ShardQueue,
    ) -> Self {
        Self {
            index,
            proxy: Proxy::new(options),
            services,
            post,
            own_queue,
            timers: BinaryHeap::new(),
            judging: HashMap::new(),
            records: HashMap::new(),
            outputs: Vec::new(),
        }
    }

    /// Runs until [`Event::Stop`].
    pub fn run(mut self, events: &Receiver<Event>) {
        loop {
            match events.recv_timeout(self.pause()) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(event) => {
                    self.take(event);
                    for event in events.try_iter().take(BATCH) {
                        if let Event::Stop = event {
                            return;
                        }
                        self.take(event);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.fire();
        }
    }

    /// Until the next timer.
    fn pause(&self) -> Duration {
        let next = self.timers.peek().map(|Reverse((at, _))| *at);
        next.map_or(IDLE, |at| at.since(self.now().ticks).min(IDLE))
    }

    fn now(&self) -> Now {
        self.services.clock.now()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.handle(input),
            Event::Answered(id, need, answer) => {
                let Some(mut verification) = self.judging.remove(&id) else {
                    return;
                };
                verification.answer(need, answer);
                if let Some(input) = self.advance(id, verification) {
                    self.handle(input);
                }
            }
            Event::Stop => {}
        }
    }

    fn fire(&mut self) {
        let now = self.now().ticks;
        while let Some(Reverse((at, id))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            self.handle(Input::Timer(id));
        }
    }

    /// One input and everything that follows from it at once.
    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut outputs = std::mem::take(&mut self.outputs);
            self.proxy.handle(input, self.now(), &mut outputs);
            for output in outputs.drain(..) {
                inputs.extend(self.carry_out(output));
            }
            self.outputs = outputs;
        }
    }

    /// Does what the proxy wants; what comes of it at once goes back in.
    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Event(event) => self.told(event),
            Output::Expire(id) => {
                let mut verification = self.judging.remove(&id)?;
                let report = verification.expire(self.now());
                return Some(self.judged(id, &report));
            }
            Output::Forget(id) => {
                self.judging.remove(&id);
            }
            Output::Judge(judge) => return self.judge(judge),
            Output::Send { target, bytes, by } => {
                let shard = self.index;
                let receipt = by.map(|by| Receipt { shard, by, target });
                self.post.send(target, bytes, receipt);
            }
            Output::SetTimer { id, at } => self.timers.push(Reverse((at, id))),
            Output::Sign(sign) => return Some(self.sign(&sign)),
        }
        None
    }

    fn sign(&mut self, sign: &Sign) -> Input {
        let mut record = Record::of(&sign.call);
        let signer = self.services.signers.get(&sign.trunk.name);
        let identity = signer.and_then(|signer| {
            let origination = signer.origination(sign);
            let outcome = signer
                .service
                .authenticate(&sign.call, &origination, self.now().unix);
            let x5u = signer.service.signer().x5u();
            record.signed(&outcome, origination.origid, x5u, self.now());
            outcome
                .ok()
                .map(|authenticated| authenticated.identity.into_boxed_str())
        });
        self.records.insert(sign.id, record);
        Input::Signed {
            id: sign.id,
            identity,
        }
    }

    fn judge(&mut self, judge: Judge) -> Option<Input> {
        self.records
            .entry(judge.id)
            .or_insert_with(|| Record::of(&judge.call));
        let services = &self.services;
        let verification = services.verification.begin(
            &judge.call,
            judge.presented,
            &services.trust,
            services.clock.now(),
        );
        self.advance(judge.id, verification)
    }

    /// Lets a verification go as far as it can: what is in the cache answers at once, the rest is fetched.
    fn advance(&mut self, id: ContextId, mut verification: Verification) -> Option<Input> {
        loop {
            let now = self.now();
            let known: Vec<_> = match verification.poll(now) {
                Poll::Done(report) => return Some(self.judged(id, &report)),
                Poll::Needs(needs) => needs
                    .iter()
                    .filter_map(|need| Some((need.id, self.known(need, now)?)))
                    .collect(),
            };
            if known.is_empty() {
                break;
            }
            for (need, answer) in known {
                verification.answer(need, answer);
            }
        }
        if let Poll::Needs(needs) = verification.poll(self.now()) {
            for need in needs {
                self.fetch(id, need);
            }
        }
        self.judging.insert(id, verification);
        None
    }

    fn known(&self, need: &Need, now: Now) -> Option<Answer> {
        let NeedKind::Certificate { url, refresh } = &need.kind;
        if *refresh != Refresh::No {
            return None;
        }
        self.services
            .fetcher
            .peek(url, now)
            .map(|cached| match cached {
                Cached::Chain(chain) => Answer::Certificate(chain, Source::Cache),
                Cached::Unavailable(why) => Answer::Unavailable(why),
            })
    }

    fn fetch(&self, id: ContextId, need: &Need) {
        let NeedKind::Certificate { url, refresh } = &need.kind;
        let fetched = self.services.fetcher.fetch(url, *refresh);
        let (need, queue) = (need.id, self.own_queue.clone());
        self.services.runtime.spawn(async move {
            let answer = match fetched.await {
                Ok(fetched) => Answer::Certificate(fetched.chain, fetched.source),
                Err(why) => Answer::Unavailable(why),
            };
            // A shard too busy to hear it ends the call by its deadline; the chain is in the cache for the next.
            let _ = queue.try_send(Event::Answered(id, need, answer));
        });
    }

    fn judged(&mut self, id: ContextId, report: &Report) -> Input {
        let now = self.now();
        if let Some(record) = self.records.get_mut(&id) {
            record.judged(report, now);
        }
        let judgement = Judgement {
            verdict: report.verdict,
            code: report.code,
            attestation: report.deciding().and_then(|passport| passport.attest()),
        };
        Input::Judged { id, judgement }
    }

    fn told(&mut self, event: ProxyEvent) {
        let metrics = &self.services.metrics;
        match event {
            ProxyEvent::Finished(finished) => {
                let record = self.records.remove(&finished.id).unwrap_or_default();
                record.close(&finished, &self.services);
            }
            ProxyEvent::AckMissing(_) => metrics.sip_refused.increment(["ack-missing"]),
            ProxyEvent::Dropped(cause) => {
                tracing::debug!(?cause, "SIP message dropped");
                metrics.sip_refused.increment([drop_cause(cause)]);
            }
            ProxyEvent::OptionsAnswered => metrics.sip_messages.increment(["any", "in", "options"]),
            ProxyEvent::OversizeFellBack { .. } => {
                metrics.oversize_fallbacks.increment(["udp-after-tcp"])
            }
            ProxyEvent::Overloaded => metrics.sip_refused.increment(["overloaded"]),
            ProxyEvent::Refused { status, defect } => {
                tracing::debug!(status, ?defect, "SIP request refused");
                metrics.sip_refused.increment(["refused"]);
            }
            ProxyEvent::Retransmission(_) => {
                metrics
                    .sip_messages
                    .increment(["any", "in", "retransmission"])
            }
        }
    }
}

fn drop_cause(cause: proxy::DropCause) -> &'static str {
    match cause {
        proxy::DropCause::Ack => "ack",
        proxy::DropCause::Defect(_) => "defect",
        proxy::DropCause::OwnFault(_) => "own-fault",
        proxy::DropCause::StrayResponse => "stray-response",
        proxy::DropCause::UnknownSource => "unknown-source",
    }
}
