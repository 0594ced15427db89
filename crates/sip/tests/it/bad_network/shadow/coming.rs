//! What comes: which transaction it is of, and what must be sent for it.

use super::{Leg, Must, Question, Shadow};
use crate::bad_network::text::{self, branch, method, status, to_tag};
use crate::transactions::model::{Did, Event, Figure, Model, TIMERS};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::transaction::{Timer, Timing};
use std::collections::BTreeSet;
use std::net::SocketAddr;
impl Shadow {
    pub(super) fn caller_sent(
        &mut self,
        trunk: usize,
        back: SocketAddr,
        transport: Transport,
        text: &str,
    ) {
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
    pub(super) fn leg(&self, branch_of_it: &str, method_of_it: &str) -> Option<usize> {
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
            told_of_error: None,
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

    pub(super) fn hop_sent(&mut self, text: &str) {
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

    pub(super) fn judged(&mut self, context: u64, verdict: &'static str) {
        let leg = self.leg_of(context);
        let leg = &mut self.legs[leg];
        // A late judgement changes nothing.
        if leg.waits_for_host == Some(Question::Judgement) {
            leg.verdict = Some(verdict);
            leg.waits_for_host = None;
        }
    }

    pub(super) fn signed(&mut self, context: u64, identity: Option<&str>) {
        let leg = self.leg_of(context);
        let leg = &mut self.legs[leg];
        if leg.waits_for_host == Some(Question::Signature) {
            leg.identity = identity.map(str::to_owned);
            leg.waits_for_host = None;
        }
    }

    /// `TimerId { context: ContextId(1), part: Branch(0, Transaction(A)) }`
    pub(super) fn timer(&mut self, timer: &str) {
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

    pub(super) fn transport_failed(&mut self, text: &str, target: &Target) {
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
}

fn named(timer: &str) -> Timer {
    let is_it = |which: &Timer| format!("{which:?}") == timer;
    TIMERS.into_iter().find(is_it).unwrap()
}
