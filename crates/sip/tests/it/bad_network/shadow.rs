//! The element that should be: the figures of RFC 3261 §17 for its transactions, and a few sentences of §16 for what lies between.
//!
//! It is shown every input and every output, in order, and objects to an output that is missing and to one that should not be. What
//! an element may choose (which next hop, whether a call is signed) it takes as it comes, and checks what must follow.
//!
//! - A *leg* is a request of a caller, with its server transaction.
//! - A *branch* is a request to a next hop, with its client transaction.
//! - What *must* be sent is known from the input. What else is sent, a leg *volunteers*: a new branch, a final response of its own.

use super::promises;
use super::text::{self, branch, first_line, method, status, to_tag};
use crate::transactions::model::{Did, Event, Figure, Model};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::transaction::{Reliability, Timer, Timing};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What the element was given.
pub(super) enum Given<'a> {
    /// A message of a caller of this trunk.
    FromCaller {
        trunk: usize,
        back: SocketAddr,
        transport: Transport,
        text: &'a str,
    },
    /// A message of a next hop.
    FromHop(&'a str),
    /// A judgement for the context of this number; the verdict as `verstat` says it.
    Judged(u64, &'static str),
    /// A signature for the context of this number, or none.
    Signed(u64, Option<&'a str>),
    /// A timer, as `Debug` writes it.
    Timer(&'a str),
    /// What was sent there was not.
    TransportFailed(&'a str, &'a Target),
    /// Bytes that are no message, of a next hop.
    Unreadable,
}

/// What the shadow knows of a trunk.
pub(super) struct Facts {
    pub(super) hops: Vec<SocketAddr>,
    pub(super) judges: bool,
    pub(super) signs: bool,
    pub(super) rejects: bool,
    /// Its calls are answered with where to go.
    pub(super) redirects: bool,
}

/// A request of a caller.
pub(super) struct Leg {
    pub(super) trunk: usize,
    pub(super) request: String,
    pub(super) branches: Vec<usize>,
    /// Status and To tag of every final response that was sent back.
    pub(super) finals: BTreeSet<(u16, String)>,
    pub(super) is_cancelled: bool,
    /// What the host found out before the call went on, as `verstat` says it.
    pub(super) verdict: Option<&'static str>,
    pub(super) identity: Option<String>,
    method: String,
    /// The branch of its top Via.
    name: String,
    back: SocketAddr,
    transport: Transport,
    model: Model,
    last: Option<String>,
    /// Final responses of next hops that may be forwarded, without our Via.
    received: Vec<String>,
    /// Final codes of ours that have a reason by now.
    reasons: BTreeSet<u16>,
    /// Nothing will be answered: RFC 4320 §4.2.
    is_abandoned: bool,
    waits_for_host: Option<Question>,
}

/// What the host was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Judgement,
    Signature,
}

/// A request to a next hop.
pub(super) struct Branch {
    pub(super) hop: SocketAddr,
    pub(super) method: String,
    name: String,
    leg: usize,
    target: Target,
    request: String,
    model: Model,
    ack: Option<String>,
    /// When it was cancelled.
    cancelled: Option<u64>,
    /// Since when Timer C runs.
    timer_c: u64,
    /// It went by TCP only for its size.
    may_fall_back: bool,
}

/// What has to be sent now.
#[derive(Debug, PartialEq, Eq)]
enum Must {
    /// The ACK of a branch, the first time in any words.
    Ack(usize),
    AnswerCancel(u16),
    /// A 200 to OPTIONS.
    AnswerOptions,
    /// A CANCEL for a branch.
    Cancel(usize),
    ForwardAck,
    /// The request of a branch, as it was.
    Request(usize),
    /// The request of a branch, by UDP now.
    RequestByUdp(usize),
    /// To the caller of a leg: the last response once more.
    Resend(usize),
    /// To the caller of a leg, a response of a next hop.
    Pass(usize, String),
    /// A request that is refused and forgotten.
    Refuse(u16),
    Trying(usize),
}

#[derive(Default)]
pub(super) struct Shadow {
    facts: Vec<Facts>,
    pub(super) legs: Vec<Leg>,
    pub(super) branches: Vec<Branch>,
    /// Which next hop accepted which call, by the tag it did it with.
    accepted: BTreeMap<(usize, String), SocketAddr>,
    now: u64,
    musts: Vec<Must>,
    /// The leg that this step is about.
    current: Option<usize>,
    seen: BTreeSet<&'static str>,
    given: String,
    /// Whether an ACK was sent on in this step.
    ack_went: bool,
}

impl Shadow {
    pub(super) fn new(facts: Vec<Facts>) -> Self {
        Self {
            facts,
            ..Self::default()
        }
    }

    /// What happened in the story, in words: so that a test can see that the stories differ.
    pub(super) fn seen(&self) -> &BTreeSet<&'static str> {
        &self.seen
    }

    /// Something was given to the element at this microsecond. Call [`Shadow::sends`] for everything it sent then, and
    /// [`Shadow::done`].
    pub(super) fn given(&mut self, given: &Given<'_>, now: u64) {
        assert!(self.musts.is_empty());
        self.now = now;
        self.current = None;
        self.ack_went = false;
        self.given.clear();
        self.given.push_str(match given {
            Given::FromCaller { text, .. } | Given::FromHop(text) | Given::Timer(text) => text,
            Given::Judged(..) => "a judgement",
            Given::Signed(..) => "a signature",
            Given::TransportFailed(..) => "a failure of the transport",
            Given::Unreadable => "garbage",
        });
        match given {
            Given::FromCaller {
                trunk,
                back,
                transport,
                text,
            } => self.caller_sent(*trunk, *back, *transport, text),
            Given::FromHop(text) => self.hop_sent(text),
            Given::Judged(context, verdict) => self.judged(*context, verdict),
            Given::Signed(context, identity) => self.signed(*context, *identity),
            Given::Timer(timer) => self.timer(timer),
            Given::TransportFailed(text, target) => self.transport_failed(text, target),
            Given::Unreadable => {}
        }
    }

    /// The element sent something.
    pub(super) fn sends(&mut self, target: &Target, text: &str) {
        let must = (0..self.musts.len()).find(|place| self.fits(&self.musts[*place], target, text));
        match must {
            Some(place) => {
                let must = self.musts.remove(place);
                self.was_sent(&must, target, text);
            }
            None if text.starts_with("SIP/2.0 ") => self.volunteers_response(target, text),
            None => self.volunteers_request(target, text),
        }
    }

    /// The element asked the host for a judgement: a call waits for it.
    pub(super) fn asked_to_judge(&mut self, context: u64) {
        let leg = self.leg_of(context);
        assert!(self.facts[self.legs[leg].trunk].judges);
        assert!(self.legs[leg].waits_for_host.is_none());
        self.legs[leg].waits_for_host = Some(Question::Judgement);
    }

    /// The element asked the host for a signature.
    pub(super) fn asked_to_sign(&mut self, context: u64) {
        let leg = self.leg_of(context);
        assert!(self.facts[self.legs[leg].trunk].signs);
        assert!(self.legs[leg].waits_for_host.is_none());
        self.legs[leg].waits_for_host = Some(Question::Signature);
    }

    /// The element waits for the host no longer.
    pub(super) fn forgot_host(&mut self, context: u64) {
        let leg = &mut self.legs[context as usize - 1];
        // Whose judgement did not come is not validated, and never passed.
        if leg.waits_for_host.take() == Some(Question::Judgement) && !leg.is_cancelled {
            leg.verdict = Some("No-TN-Validation");
        }
    }

    /// That was all.
    pub(super) fn done(&mut self) {
        assert!(
            self.musts.is_empty(),
            "not sent: {:?}, given {}",
            self.musts,
            self.given
        );
        let Some(leg) = self.current.map(|leg| &mut self.legs[leg]) else {
            return;
        };
        let pending = leg.branches.iter().any(|branch| {
            let branch = &self.branches[*branch];
            branch.method != "CANCEL"
                && matches!(branch.model.state(), "Calling" | "Trying" | "Proceeding")
        });
        let goes_on = pending || leg.waits_for_host.is_some() || !leg.finals.is_empty();
        // RFC 4320 §4.2: "an element that cannot respond before the transaction expires will not send a final response at all."
        if !goes_on && leg.method != "INVITE" && leg.reasons.contains(&408) {
            leg.is_abandoned = true;
            leg.model.is_destroyed();
        }
        assert!(
            goes_on || leg.is_abandoned,
            "nobody will ever answer {} after {}",
            first_line(&leg.request),
            self.given
        );
    }

    /// What must be true at the end of all things.
    pub(super) fn judge_the_end(&self, finished: &BTreeMap<u64, Option<u16>>) {
        for (place, leg) in self.legs.iter().enumerate() {
            let name = format!("{} {:?}", first_line(&leg.request), leg.finals);
            let (good, bad): (Vec<_>, Vec<_>) =
                leg.finals.iter().partition(|(status, _)| *status < 300);
            assert!(bad.len() + usize::from(!good.is_empty()) <= 1, "{name}");
            assert_eq!(leg.finals.is_empty(), leg.is_abandoned, "{name}");
            let is_invite = leg.method == "INVITE";
            assert!(is_invite || good.len() <= 1, "{name}");
            assert!(!is_invite || !leg.is_abandoned, "{name}");
            let told = finished
                .get(&(place as u64 + 1))
                .expect("told that it is over");
            match told {
                Some(told) => assert!(leg.finals.iter().any(|(status, _)| status == told)),
                None => assert!(leg.is_abandoned),
            }
            assert_eq!(leg.model.state(), "Terminated", "{name}");
        }
        for branch in &self.branches {
            assert_eq!(branch.model.state(), "Terminated", "{}", branch.request);
        }
        assert_eq!(finished.len(), self.legs.len());
    }

    fn leg_of(&mut self, context: u64) -> usize {
        let leg = context as usize - 1;
        self.current = Some(leg);
        leg
    }

    // What comes.

    fn caller_sent(&mut self, trunk: usize, back: SocketAddr, transport: Transport, text: &str) {
        if text.starts_with("SIP/2.0 ") {
            return self.hop_sent(text);
        }
        let known = self.leg(branch(text), method(text));
        match method(text) {
            "ACK" => self.ack_from_caller(text),
            "CANCEL" => self.cancel_from_caller(trunk, text),
            "OPTIONS" => self.musts.push(Must::AnswerOptions),
            // RFC 3261 §8.2.1: a redirect server takes nothing but calls.
            "MESSAGE" if self.facts[trunk].redirects => self.musts.push(Must::Refuse(405)),
            _ => match known {
                Some(leg) => {
                    self.current = Some(leg);
                    let did = self.legs[leg].model.happens(Event::Request, self.now);
                    self.server_did(leg, &did);
                }
                None => self.begin(trunk, back, transport, text),
            },
        }
    }

    /// The leg whose transaction is still there.
    fn leg(&self, branch_of_it: &str, method_of_it: &str) -> Option<usize> {
        self.legs.iter().position(|leg| {
            leg.name == branch_of_it && leg.method == method_of_it && !self.is_over(leg)
        })
    }

    // RFC 3261 §16.7: "The proxy MUST maintain the response context until all of its associated transactions have been terminated, even
    // after forwarding a final response." Until then a request that comes again finds it, and nothing happens.
    fn is_over(&self, leg: &Leg) -> bool {
        let is_left = |branch: &usize| self.branches[*branch].model.state() != "Terminated";
        leg.model.state() == "Terminated" && !leg.branches.iter().any(is_left)
    }

    fn begin(&mut self, trunk: usize, back: SocketAddr, transport: Transport, text: &str) {
        let figure = match method(text) {
            "INVITE" => Figure::InviteServer,
            _ => Figure::NonInviteServer,
        };
        let reliability = transport.reliability();
        let (model, _) = Model::start(figure, Timing::default(), reliability, self.now);
        self.legs.push(Leg {
            trunk,
            request: text.to_owned(),
            branches: Vec::new(),
            finals: BTreeSet::new(),
            is_cancelled: false,
            verdict: None,
            identity: None,
            method: method(text).to_owned(),
            name: branch(text).to_owned(),
            back,
            transport,
            model,
            last: None,
            received: Vec::new(),
            reasons: BTreeSet::new(),
            is_abandoned: false,
            waits_for_host: None,
        });
        let leg = self.legs.len() - 1;
        self.current = Some(leg);
        if figure == Figure::InviteServer {
            self.musts.push(Must::Trying(leg));
        }
    }

    fn ack_from_caller(&mut self, text: &str) {
        let Some(leg) = self.leg(branch(text), "INVITE") else {
            let accepted = (text::call(text).unwrap(), to_tag(text).to_owned());
            if self.accepted.contains_key(&accepted) {
                self.musts.push(Must::ForwardAck);
            }
            return;
        };
        self.current = Some(leg);
        let did = self.legs[leg].model.happens(Event::Ack, self.now);
        if did.contains(&Did::ToTu) {
            self.musts.push(Must::ForwardAck);
        }
    }

    // RFC 3261 §16.10: "If a matching response context is found, the element MUST immediately return a 200 (OK) response to the CANCEL
    // request." and "the element MUST generate CANCEL requests for all pending client transactions in the context"; §9.1 adds that this
    // waits for a provisional response.
    fn cancel_from_caller(&mut self, trunk: usize, text: &str) {
        let leg = self
            .leg(branch(text), "INVITE")
            .filter(|leg| self.legs[*leg].trunk == trunk);
        let Some(leg) = leg else {
            return self.musts.push(Must::AnswerCancel(481));
        };
        self.current = Some(leg);
        self.musts.push(Must::AnswerCancel(200));
        let leg = &mut self.legs[leg];
        leg.is_cancelled |= leg.finals.is_empty();
        leg.reasons.insert(487);
        if leg.finals.is_empty() {
            self.seen.insert("cancelled");
        }
        for branch in leg.branches.clone() {
            self.must_cancel(branch);
        }
    }

    fn must_cancel(&mut self, branch: usize) {
        let found = &self.branches[branch];
        let leg = &self.legs[found.leg];
        if found.method == "INVITE"
            && found.model.state() == "Proceeding"
            && found.cancelled.is_none()
            && leg.finals.is_empty()
        {
            self.branches[branch].cancelled = Some(self.now);
            self.musts.push(Must::Cancel(branch));
        }
    }

    fn hop_sent(&mut self, text: &str) {
        let event = match status(text) {
            Some(100..=199) => Event::Provisional,
            Some(200..=299) => Event::Success,
            Some(300..=699) => Event::Failure,
            // RFC 3261 §7.2: no class.
            _ => return,
        };
        let found = self.branches.iter().position(|found| {
            found.name == branch(text)
                && found.method == method(text)
                && found.model.state() != "Terminated"
        });
        let Some(place) = found else {
            self.seen.insert("stray response");
            return;
        };
        self.current = Some(self.branches[place].leg);
        let found = &mut self.branches[place];
        found.may_fall_back = false;
        let did = found.model.happens(event, self.now);
        if found.model.state() == "Proceeding" && status(text) != Some(100) {
            found.timer_c = self.now;
        }
        if did.contains(&Did::SendAck) {
            self.musts.push(Must::Ack(place));
        }
        if did.contains(&Did::ToTu) && found.method != "CANCEL" {
            self.response_to_core(place, text);
        }
    }

    /// RFC 3261 §16.7.
    fn response_to_core(&mut self, place: usize, text: &str) {
        let hop = self.branches[place].hop;
        let number = self.branches[place].leg;
        let leg = &mut self.legs[number];
        let has_way_back = text::values(text, "Via").count() > 1;
        let (code, is_answered) = (status(text).unwrap(), !leg.finals.is_empty());
        match code {
            100 => {}
            101..=199 => {
                // RFC 4320 §4.1: none to a request other than INVITE.
                if has_way_back && !is_answered && method(text) == "INVITE" {
                    let passed = text::without_top_via(text);
                    self.musts.push(Must::Pass(number, passed));
                }
            }
            // RFC 3261 §16.7: "the following responses MUST be forwarded immediately: [...] Any 2xx response", and after a final response
            // "Any 2xx response to an INVITE request", if there was no other final response before.
            200..=299 if has_way_back => {
                let only_good = leg.finals.iter().all(|(status, _)| *status < 300);
                let is_first_or_invite = !is_answered || method(text) == "INVITE";
                if only_good && is_first_or_invite && leg.model.state() != "Terminated" {
                    let passed = text::without_top_via(text);
                    self.musts.push(Must::Pass(number, passed));
                    let call = text::call(text).unwrap();
                    self.accepted.insert((call, to_tag(text).to_owned()), hop);
                    if is_answered && method(text) == "INVITE" {
                        self.seen.insert("more than one 2xx");
                    }
                }
            }
            _ if !has_way_back => {
                leg.reasons.insert(502);
            }
            503 => {
                leg.reasons.insert(500);
            }
            // RFC 4320 §4.2: "MUST NOT send a response with Status-Code of 408 to a non-INVITE request."
            408 if method(text) != "INVITE" => {
                leg.reasons.insert(408);
            }
            _ => leg.received.push(text::without_top_via(text)),
        }
        if code < 200 && leg.is_cancelled && leg.finals.is_empty() {
            self.must_cancel(place);
        }
    }

    fn judged(&mut self, context: u64, verdict: &'static str) {
        let leg = self.leg_of(context);
        let leg = &mut self.legs[leg];
        // A late judgement changes nothing.
        if leg.waits_for_host == Some(Question::Judgement) {
            leg.verdict = Some(verdict);
            leg.waits_for_host = None;
        }
    }

    fn signed(&mut self, context: u64, identity: Option<&str>) {
        let leg = self.leg_of(context);
        let leg = &mut self.legs[leg];
        if leg.waits_for_host == Some(Question::Signature) {
            leg.identity = identity.map(str::to_owned);
            leg.waits_for_host = None;
        }
    }

    /// `TimerId { context: ContextId(1), part: Branch(0, Transaction(A)) }`
    fn timer(&mut self, timer: &str) {
        let inside = |text: &str, before: &str, after: char| -> String {
            let start = text.find(before).map(|at| at + before.len()).unwrap();
            text[start..].split(after).next().unwrap().to_owned()
        };
        let context: u64 = inside(timer, "ContextId(", ')').parse().unwrap();
        if context as usize > self.legs.len() {
            panic!("a timer of nobody: {timer}");
        }
        let leg = context as usize - 1;
        if self.is_over(&self.legs[leg]) {
            return;
        }
        self.current = Some(leg);
        let part = timer.split("part: ").nth(1).unwrap();
        if part.starts_with("Server(") {
            self.server_timer(leg, named(&inside(part, "Server(", ')')));
        } else if part.starts_with("Branch(") {
            let index: usize = inside(part, "Branch(", ',').parse().unwrap();
            let branch = self.legs[leg].branches[index];
            match inside(part, ", ", ')').split_once('(') {
                Some((_, timer)) => self.branch_timer(branch, named(timer)),
                None => self.core_timer(branch, &inside(part, ", ", ')')),
            }
        }
    }

    fn server_timer(&mut self, leg: usize, timer: Timer) {
        let model = &mut self.legs[leg].model;
        if model.is_due(timer, self.now) {
            let did = model.happens(Event::Fires(timer), self.now);
            self.server_did(leg, &did);
        }
    }

    fn server_did(&mut self, leg: usize, did: &[Did]) {
        for did in did {
            match did {
                Did::ResendResponse => self.musts.push(Must::Resend(leg)),
                Did::Send100 => self.musts.push(Must::Trying(leg)),
                Did::InformTu => {
                    self.seen.insert("no ACK");
                }
                _ => {}
            }
        }
    }

    fn branch_timer(&mut self, place: usize, timer: Timer) {
        let now = self.now;
        let branch = &mut self.branches[place];
        if !branch.model.is_due(timer, now) {
            return;
        }
        for did in branch.model.happens(Event::Fires(timer), now) {
            match did {
                Did::SendRequest => self.musts.push(Must::Request(place)),
                Did::InformTu => self.branch_is_lost(place, 408),
                _ => {}
            }
        }
    }

    /// What is not a transaction's: Timer C, the wait after a CANCEL, the wait for TCP.
    fn core_timer(&mut self, place: usize, timer: &str) {
        let now = self.now;
        let branch = &mut self.branches[place];
        let waits = matches!(branch.model.state(), "Calling" | "Proceeding");
        match timer {
            "C" if waits && now >= branch.timer_c + 181_000_000 => {
                if branch.model.state() == "Proceeding" {
                    self.seen.insert("Timer C");
                    self.must_cancel(place);
                } else {
                    branch.model.is_destroyed();
                    self.branch_is_lost(place, 408);
                }
            }
            // RFC 3261 §9.1: "If there is no final response for the original request in 64*T1 seconds [...] the client SHOULD then consider
            // the original transaction cancelled".
            "Cancelled" if waits && branch.cancelled.is_some_and(|at| now >= at + 32_000_000) => {
                branch.model.is_destroyed();
                self.branch_is_lost(place, 408);
            }
            "Silence" if branch.may_fall_back => self.falls_back(place),
            _ => {}
        }
    }

    fn falls_back(&mut self, place: usize) {
        let branch = &mut self.branches[place];
        branch.may_fall_back = false;
        let did = branch.model.happens(Event::UdpInstead, self.now);
        if did.contains(&Did::SendRequest) {
            self.seen.insert("fell back to UDP");
            self.musts.push(Must::RequestByUdp(place));
        }
    }

    fn transport_failed(&mut self, text: &str, target: &Target) {
        let found = self
            .branches
            .iter()
            .position(|found| found.name == branch(text) && found.method == method(text));
        let place = found.expect("it was sent");
        self.current = Some(self.branches[place].leg);
        let found = &mut self.branches[place];
        if found.target != *target || !matches!(found.model.state(), "Calling" | "Trying") {
            return;
        }
        if found.may_fall_back {
            return self.falls_back(place);
        }
        found.model.happens(Event::TransportError, self.now);
        self.branch_is_lost(place, 503);
    }

    /// A branch ended without a final response.
    fn branch_is_lost(&mut self, place: usize, code: u16) {
        let branch = &self.branches[place];
        if branch.method == "CANCEL" {
            return;
        }
        let leg = &mut self.legs[branch.leg];
        leg.reasons.insert(code);
    }

    // What goes.

    fn fits(&self, must: &Must, target: &Target, text: &str) -> bool {
        let to_caller = |leg: &usize| {
            let leg = &self.legs[*leg];
            target.remote == leg.back && target.transport == leg.transport
        };
        let is_to = |place: &usize| {
            let found = &self.branches[*place];
            *target == found.target && text.contains(&found.name)
        };
        let is_answer = |code: u16, of: &str| {
            self.given.contains(branch(text)) && status(text) == Some(code) && method(text) == of
        };
        match must {
            Must::Ack(place) => {
                let ack = self.branches[*place].ack.as_deref();
                is_to(place) && method(text) == "ACK" && ack.is_none_or(|ack| ack == text)
            }
            Must::AnswerCancel(code) => is_answer(*code, "CANCEL"),
            Must::AnswerOptions => is_answer(200, "OPTIONS"),
            Must::Cancel(place) => is_to(place) && text.starts_with("CANCEL "),
            Must::ForwardAck => text.starts_with("ACK "),
            Must::Request(place) => is_to(place) && text == self.branches[*place].request,
            Must::RequestByUdp(place) => {
                let found = &self.branches[*place];
                let udp = text.replacen("SIP/2.0/UDP", "SIP/2.0/TCP", 1);
                target.remote == found.hop
                    && target.transport == Transport::Udp
                    && udp.replacen(";rport", "", 1) == found.request
            }
            Must::Resend(leg) => to_caller(leg) && self.legs[*leg].last.as_deref() == Some(text),
            Must::Pass(leg, response) => to_caller(leg) && text == response,
            Must::Refuse(code) => is_answer(*code, "MESSAGE"),
            Must::Trying(leg) => to_caller(leg) && status(text) == Some(100),
        }
    }

    fn was_sent(&mut self, must: &Must, target: &Target, text: &str) {
        match must {
            Must::Ack(place) => {
                let ack = &mut self.branches[*place].ack;
                ack.get_or_insert_with(|| text.to_owned());
            }
            Must::Cancel(place) => {
                let leg = self.branches[*place].leg;
                self.open(leg, target, text);
            }
            Must::ForwardAck => self.ack_goes(target, text),
            Must::Pass(leg, response) => self.leg_responds(*leg, response),
            Must::RequestByUdp(place) => {
                let found = &mut self.branches[*place];
                found.target = target.clone();
                found.request = text.to_owned();
            }
            Must::Trying(leg) if method(text) == "INVITE" => self.leg_responds(*leg, text),
            Must::Trying(leg) => self.legs[*leg].last = Some(text.to_owned()),
            Must::Refuse(_)
            | Must::AnswerCancel(_)
            | Must::AnswerOptions
            | Must::Request(_)
            | Must::Resend(_) => {}
        }
    }

    /// The ACK for a 2xx goes to whoever sent it.
    fn ack_goes(&mut self, target: &Target, text: &str) {
        let call = text::call(text).unwrap();
        if let Some(hop) = self.accepted.get(&(call, to_tag(text).to_owned())) {
            assert_eq!(target.remote, *hop, "an ACK went astray: {text}");
            self.seen.insert("ACK for a 2xx");
        }
    }

    /// The user of a server transaction passes a response.
    fn leg_responds(&mut self, leg: usize, text: &str) {
        let event = match status(text) {
            Some(100..=199) => Event::Provisional,
            Some(200..=299) => Event::Success,
            _ => Event::Failure,
        };
        let leg = &mut self.legs[leg];
        let did = leg.model.happens(event, self.now);
        assert!(
            did.contains(&Did::SendResponse),
            "in the wrong state: {}, given {}",
            first_line(text),
            self.given
        );
        leg.last = Some(text.to_owned());
        if event != Event::Provisional {
            leg.finals
                .insert((status(text).unwrap(), to_tag(text).to_owned()));
        }
    }

    /// A response that nothing made necessary: the final response that a leg chose.
    fn volunteers_response(&mut self, target: &Target, text: &str) {
        let leg = self.leg(branch(text), method(text));
        let about = format!("{}\ngiven {}", first_line(text), self.given);
        let number = leg.unwrap_or_else(|| panic!("to nobody: {about}"));
        assert_eq!(Some(number), self.current, "of another call: {about}");
        let leg = &self.legs[number];
        assert_eq!((target.remote, target.transport), (leg.back, leg.transport));
        assert!(leg.finals.is_empty(), "a second final response: {about}");
        let code = status(text).unwrap();
        // RFC 4320 §4.2: "MUST NOT send a response with Status-Code of 408 to a non-INVITE request."
        assert!(code != 408 || method(text) == "INVITE", "{about}");
        let is_received = leg.received.iter().any(|received| received == text);
        let is_verdict = leg.verdict.is_some() && matches!(code, 403 | 428 | 436..=438);
        let is_rejection = is_verdict && self.facts[leg.trunk].rejects && leg.branches.is_empty();
        let redirects = self.facts[leg.trunk].redirects && matches!(code, 302 | 404);
        if redirects {
            promises::answer_tells(leg, &self.facts[leg.trunk], code, text);
        }
        assert!(
            is_received || is_rejection || redirects || leg.reasons.contains(&code),
            "why? {about}"
        );
        // RFC 3261 §16.7: "It MUST choose from the 6xx class responses if any exist in the context."
        let has_6xx = leg.received.iter().any(|text| status(text) >= Some(600));
        assert!(!has_6xx || code >= 600, "a 6xx was there: {about}");
        for place in &leg.branches {
            let found = &self.branches[*place];
            let is_pending = matches!(found.model.state(), "Calling" | "Trying" | "Proceeding");
            assert!(
                found.method == "CANCEL" || !is_pending,
                "too early: {about}"
            );
        }
        self.seen.insert(match code {
            _ if is_received => "passed a rejection",
            _ if is_rejection => "rejected",
            _ if redirects => "redirected",
            408 => "408",
            487 => "487",
            500 => "500 for 503",
            502 => "502",
            503 => "503",
            _ => panic!("a code of ours? {about}"),
        });
        self.leg_responds(number, text);
    }

    /// A request that nothing made necessary: the next branch of a leg.
    fn volunteers_request(&mut self, target: &Target, text: &str) {
        let about = format!("{text}\ngiven {}", self.given);
        // An ACK for nothing that is known may be one for a 2xx of long ago, and goes to one next hop.
        let is_ack = method(text) == "ACK" && !std::mem::replace(&mut self.ack_went, true);
        if is_ack && self.given.starts_with("ACK ") && self.current.is_none() {
            return;
        }
        let number = self
            .current
            .unwrap_or_else(|| panic!("for nobody: {about}"));
        let leg = &self.legs[number];
        let facts = &self.facts[leg.trunk];
        assert_eq!(method(text), leg.method, "{about}");
        assert!(facts.hops.contains(&target.remote), "not its hop: {about}");
        assert!(
            leg.finals.is_empty() && !leg.is_cancelled && !leg.is_abandoned,
            "{about}"
        );
        for place in &leg.branches {
            let found = &self.branches[*place];
            assert_ne!(found.hop, target.remote, "tried before: {about}");
            let is_pending = matches!(found.model.state(), "Calling" | "Trying" | "Proceeding");
            assert!(!is_pending, "two at a time: {about}");
        }
        assert!(
            self.branches.iter().all(|found| found.name != branch(text)),
            "RFC 3261 §16.6: \"MUST be different for each attempt\": {about}"
        );
        if !leg.branches.is_empty() {
            self.seen.insert("next hop");
        }
        if method(text) == "INVITE" {
            promises::invite_goes_on(leg, facts, text);
        } else {
            promises::untouched(leg, text);
            let accepted = (text::call(text).unwrap(), to_tag(text).to_owned());
            if let Some(hop) = self
                .accepted
                .get(&accepted)
                .filter(|_| leg.branches.is_empty())
            {
                assert_eq!(target.remote, *hop, "first to who took the call: {about}");
            }
        }
        self.open(number, target, text);
    }

    fn open(&mut self, leg: usize, target: &Target, text: &str) {
        let figure = match method(text) {
            "INVITE" => Figure::InviteClient,
            _ => Figure::NonInviteClient,
        };
        let reliability = target.transport.reliability();
        let (model, _) = Model::start(figure, Timing::default(), reliability, self.now);
        self.branches.push(Branch {
            hop: target.remote,
            method: method(text).to_owned(),
            name: branch(text).to_owned(),
            leg,
            target: target.clone(),
            request: text.to_owned(),
            model,
            ack: None,
            cancelled: None,
            timer_c: self.now,
            may_fall_back: method(text) != "CANCEL"
                && reliability == Reliability::Reliable
                && !super::is_tcp_hop(target.remote),
        });
        self.legs[leg].branches.push(self.branches.len() - 1);
    }
}

fn named(timer: &str) -> Timer {
    let is_it = |which: &Timer| format!("{which:?}") == timer;
    crate::transactions::model::TIMERS
        .into_iter()
        .find(is_it)
        .unwrap()
}
