//! Branches and their ends, and the choice of the response: RFC 3261 §16.7 to §16.10.
//!
//! Next hops are tried one after another: a timeout, a failure of the transport, or a 503 leads to the next
//! ([RFC 3263 §4.3](https://www.rfc-editor.org/rfc/rfc3263#section-4.3)); any other final response is the answer.

use super::answering::Provable;
use super::branch::{Branch, News, Purpose, Sending};
use super::context::{Cancellation, Context, Forwarding, Stage};
use super::ending::CANCELLED;
use super::event::{DropCause, Event, Handling, HopFailure};
use super::hops::Urgency;
use super::{BranchTimer, Element, Output, Sender, Turn};
use crate::b2bua::Peer;
use crate::flow::{ConnectionId, Target, Transport};
use crate::header::Via;
use crate::message::{Message, Method, Name};
use crate::patch::{Patch, PatchError};
use crate::proxy::{Additions, Copy, MAX_UDP_REQUEST, priority};
use crate::record_route::{self, Side};
use crate::transaction::StatusClass;
use crate::transaction::matching::ClientKey;
use crate::trunk::{Mode, NextHop, Oversize, RecordRoute};
use crate::uri::{Security, Uri};
use bytes::Bytes;
use countersign::time::Now;
use std::collections::VecDeque;
use std::time::Duration;

/// 438 Invalid Identity Header: RFC 8224 §6.2.2.
const NOT_VALID: u16 = 438;

/// A final response that may be forwarded once nothing better can come.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
    /// A next hop sent it.
    Received { status: u16, response: Message },
    /// A next hop gave none: ours.
    Ours(Failure),
}

/// Why a next hop gave no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Its final response has no Via left but ours.
    BadAnswer,
    /// No next hop is found yet: names that the DNS has not answered.
    NoNextHop,
    /// RFC 5630 §5.3: a SIPS Request-URI, and a next hop without TLS.
    NotSecure,
    /// No answer in time, or none after a CANCEL.
    TimedOut,
    /// The request is too large for UDP, and the trunk wants it refused.
    TooLarge,
    /// It could not be reached.
    Unreachable,
}

impl Failure {
    fn answer(self) -> (u16, &'static str, &'static [(&'static str, &'static [u8])]) {
        match self {
            Self::BadAnswer => (502, "Bad Gateway", &[]),
            // RFC 5630 §5.3: "In this case, the proxy SHOULD include a Warning header with warn-code 380 "SIPS Not Allowed"."
            Self::NotSecure => (
                480,
                "Temporarily Unavailable",
                &[("Warning", b"380 countersign \"SIPS Not Allowed\"")],
            ),
            // RFC 3261 §16.7: "If there are no final responses in the context, the proxy MUST send a 408 (Request Timeout) response
            // to the server transaction."
            Self::TimedOut => (408, "Request Timeout", &[]),
            Self::TooLarge => (513, "Message Too Large", &[]),
            // RFC 3261 §16.9: "the proxy MUST behave as if the forwarded request received a 503 (Service Unavailable) response."
            // And nobody can be reached at a name that is not found. The 480 of §16.5 is about a callee who is not there; most callers
            // try nobody else after it.
            Self::NoNextHop | Self::Unreachable => (503, "Service Unavailable", &[]),
        }
    }
}

impl Candidate {
    fn status(&self) -> u16 {
        match self {
            Self::Received { status, .. } => *status,
            Self::Ours(failure) => failure.answer().0,
        }
    }

    /// Why the hop that it is of could not take the request.
    fn failure(&self) -> HopFailure {
        match self {
            Self::Received { .. } => HopFailure::Busy,
            Self::Ours(Failure::TimedOut) => HopFailure::Silent,
            Self::Ours(_) => HopFailure::Unreachable,
        }
    }

    /// Lower is better.
    // RFC 3261 §16.7: "It MUST choose from the 6xx class responses if any exist in the context.  If no 6xx class responses are present,
    // the proxy SHOULD choose from the lowest response class stored in the response context."
    // What a next hop said comes before what we say: that nobody could be reached is told only if nobody was.
    fn rank(&self) -> (u16, bool) {
        let class = match self.status() / 100 {
            6 => 0,
            class => class,
        };
        (class, matches!(self, Self::Ours(_)))
    }
}

impl Element {
    /// A response came.
    // RFC 6026 §7.3: "When receiving any SIP response, a transaction-stateful proxy MUST compare the transaction identifier in that response
    // against its existing transaction state machines.  The proxy MUST NOT forward the response if there is no matching transaction state
    // machine."
    pub(super) fn response(&mut self, message: &Message, now: Now, out: &mut Vec<Output>) {
        let owner = match ClientKey::of(message) {
            Ok(Some(key)) => self.table.branches.get(&key).copied(),
            Ok(None) | Err(_) => None,
        };
        match owner {
            Some((id, index)) => {
                let answered = |branch: &mut Branch, turn: &mut Turn<'_>| {
                    let class = message.status().and_then(StatusClass::of);
                    class.map_or(News::Nothing, |class| branch.receive(message, class, turn))
                };
                if !self.own_request(id, now, out, answered) {
                    self.with(id, now, out, |context, turn| {
                        context.response(index, message, turn);
                    });
                }
            }
            None => out.push(Output::Event(Event::Dropped(DropCause::StrayResponse))),
        }
    }
}

impl Context {
    /// Sends the request on, with what was found out about it.
    pub(super) fn forward(&mut self, additions: &Additions, turn: &mut Turn<'_>) {
        if self.inquiry.is_some() {
            return self.answer_inquiry(additions, turn);
        }
        self.record.bypass = additions.bypass(&self.trunk).and(additions.bypass);
        self.note_signatures(additions);
        if let Mode::Redirect(dialect) = self.trunk.mode {
            return self.redirect(dialect, additions, turn);
        }
        match self.copy(additions, turn) {
            Ok(copy) => {
                let full = additions.in_full();
                let full = full.and_then(|additions| self.copy(&additions, turn).ok());
                let whole = full.as_ref().unwrap_or(&copy);
                if self.begin_answering(whole, additions.urgency, turn) == Provable::Never {
                    return self.answer_unproven(turn);
                }
                self.record.forwarded = Some(turn.now.ticks);
                self.note_priority(additions);
                let others = self.order(turn);
                self.stage = Stage::Forwarding(Forwarding {
                    copy: Some(copy),
                    full: full.map(Box::new),
                    hop: 0,
                    others,
                });
                self.try_next_hop(turn);
            }
            Err(error) => {
                turn.event(Event::Dropped(DropCause::OwnFault(error)));
                self.answer(500, "Server Internal Error", &[], turn);
            }
        }
    }

    fn note_priority(&mut self, additions: &Additions) {
        if matches!(self.record.handling, Handling::Call | Handling::Emergency) {
            self.record.priority = priority::fates(&self.request, &self.trunk, additions);
        }
    }

    /// The request as it is sent on, but for our Via.
    pub(super) fn copy(
        &self,
        additions: &Additions,
        turn: &mut Turn<'_>,
    ) -> Result<Copy, PatchError> {
        match &self.crossing {
            Some(crossing) => self.crossed_copy(crossing, additions, turn),
            None => Copy::of(&self.request, &self.trunk, additions, &turn.options.names),
        }
    }

    /// The next hops in the order they are tried.
    fn order(&self, turn: &Turn<'_>) -> VecDeque<usize> {
        match self.peer() {
            Some(_) => VecDeque::from([0]),
            None => {
                let urgency = match self.record.handling {
                    Handling::Emergency => Urgency::Emergency,
                    Handling::Call | Handling::Passed | Handling::Refused => Urgency::Ordinary,
                };
                let (hops, tokens) = (&turn.table.hops, &*turn.tokens);
                let (request, now) = (&self.request, turn.now.ticks);
                hops.order(request, &self.trunk, urgency, tokens, now)
            }
        }
    }

    /// The next hop of this place: of the trunk, or of the dialog, which has only one.
    fn hop_at(&self, place: usize) -> Option<&NextHop> {
        match self.peer() {
            Some(peer) => Some(&peer.hop).filter(|_| place == 0),
            None => self.trunk.next_hops.get(place),
        }
    }

    fn peer(&self) -> Option<&Peer> {
        self.crossing.as_ref()?.peer.as_deref()
    }

    /// A response as it goes back; `None` if it does not.
    fn onward(&mut self, response: &Message, turn: &mut Turn<'_>) -> Option<Bytes> {
        let reported = self.reported(response, turn);
        let response = reported.as_ref().unwrap_or(response);
        match &self.crossing {
            Some(crossing) => self.crossed_response(crossing, response, turn),
            None => without_our_via(response, turn),
        }
    }

    /// A response came on a branch.
    pub(super) fn response(&mut self, index: u8, message: &Message, turn: &mut Turn<'_>) {
        let Some((status, class)) = message
            .status()
            .and_then(|status| Some((status, StatusClass::of(status)?)))
        else {
            return;
        };
        let Some(branch) = self.branch(index) else {
            return;
        };
        let (news, purpose) = (branch.receive(message, class, turn), branch.purpose());
        self.bury(index, turn);
        if let Some((_, hop)) = self.hop().filter(|_| purpose == Purpose::Forward) {
            turn.table.hops.wake(hop.id());
        }
        match (news, purpose) {
            (News::Deliver, Purpose::Forward) => {
                self.deliver(index, status, class, message, turn);
            }
            // After a 2xx, also one that was refused, nobody is told who else rings.
            (_, Purpose::Forward) => self.unheard_answer(status, message),
            _ => {}
        }
    }

    pub(super) fn branch_fired(&mut self, index: u8, timer: BranchTimer, turn: &mut Turn<'_>) {
        if let Some(branch) = self.branch(index) {
            let news = branch.fire(timer, turn);
            self.branch_told(index, news, turn);
        }
    }

    pub(super) fn transport_failed(&mut self, index: u8, target: Target, turn: &mut Turn<'_>) {
        if let Some(branch) = self.branch(index) {
            let news = branch.transport_failed(target, turn);
            self.branch_told(index, news, turn);
        }
    }

    /// A CANCEL for this request came; it has been answered.
    pub(super) fn cancel(&mut self, reasons: Vec<Box<[u8]>>, turn: &mut Turn<'_>) {
        if !self.is_invite() {
            return;
        }
        match self.stage {
            Stage::Deciding(_) => {
                turn.out.push(Output::Forget(self.id));
                self.answer_terminated(turn);
            }
            Stage::Forwarding(_) if self.is_cancelled_here() => {
                self.drop_answers(Some(CANCELLED), turn);
                self.answer_terminated(turn);
            }
            // RFC 3261 §16.10: "the element MUST generate CANCEL requests for all pending client transactions in the context".
            Stage::Forwarding(_) => {
                self.cancellation = Cancellation::Asked(reasons);
                self.cancel_branches(turn);
            }
            // RFC 3261 §9.2: "If it has, the CANCEL request has no effect on the processing of the original request".
            Stage::Answered | Stage::Arrived => {}
            Stage::Held(_) => self.cancel_held(turn),
            Stage::Inquired => self.end_inquiry(turn),
        }
    }

    pub(super) fn branch(&mut self, index: u8) -> Option<&mut Branch> {
        self.branches.get_mut(usize::from(index))?.as_mut()
    }

    fn branch_told(&mut self, index: u8, news: News, turn: &mut Turn<'_>) {
        let purpose = self.branch(index).map(|branch| branch.purpose());
        self.bury(index, turn);
        if purpose != Some(Purpose::Forward) {
            return;
        }
        match news {
            News::Deliver => {}
            News::Nothing => self.nobody_left(turn),
            News::FellBack => self.fell_back(turn),
            News::TakesTooLong => self.send_cancel(index, turn),
            News::CancelUnanswered => self.consider(Candidate::Ours(Failure::TimedOut), turn),
            News::TimedOut => self.give_up_hop(Failure::TimedOut, turn),
            News::Unreachable => self.give_up_hop(Failure::Unreachable, turn),
        }
    }

    /// Forgets a branch that is over.
    fn bury(&mut self, index: u8, turn: &mut Turn<'_>) {
        if let Some(slot) = self.branches.get_mut(usize::from(index))
            && let Some(branch) = slot.take_if(|branch| branch.is_over())
        {
            branch.leave(turn);
        }
    }

    /// RFC 3261 §16.7, steps 3 to 6.
    fn deliver(
        &mut self,
        index: u8,
        status: u16,
        class: StatusClass,
        message: &Message,
        turn: &mut Turn<'_>,
    ) {
        match class {
            StatusClass::Provisional => self.deliver_provisional(index, status, message, turn),
            // RFC 3261 §16.7: "Until a final response has been sent on the server transaction, the following responses MUST be forwarded
            // immediately: - Any provisional response other than 100 (Trying) - Any 2xx response"; and after it "Any 2xx response to an
            // INVITE request".
            StatusClass::Success if self.answering.is_some() => {
                self.answer_came(status, message, turn);
            }
            StatusClass::Success => self.deliver_success(status, message, turn),
            StatusClass::Failure => {
                let candidate = Candidate::Received {
                    status,
                    response: message.clone(),
                };
                if status == 503 {
                    self.rest_as_asked(message, turn);
                    self.fail_over(candidate, turn);
                } else if status != NOT_VALID || self.retry_in_full(turn).is_none() {
                    self.consider(candidate, turn);
                }
            }
        }
    }

    /// A 2xx goes back.
    pub(super) fn pass_success(&mut self, status: u16, message: &Message, turn: &mut Turn<'_>) {
        match self.onward(message, turn) {
            Some(response) => {
                self.taken_by_hop(turn);
                self.note_partners(message, turn);
                self.pass_final(status, response, turn);
            }
            None => {
                self.refuse_answer(message, None, turn);
                match self.stage {
                    Stage::Answered => {}
                    Stage::Forwarding(_) => {
                        self.consider(Candidate::Ours(Failure::BadAnswer), turn);
                    }
                    // It was held.
                    Stage::Arrived | Stage::Deciding(_) | Stage::Held(_) | Stage::Inquired => {
                        self.answer_failure(Failure::BadAnswer, turn);
                    }
                }
            }
        }
    }

    /// The next hop the request is at, by its place in the trunk. Those before it are over by then, or can say nothing new.
    pub(super) fn hop(&self) -> Option<(usize, &NextHop)> {
        let Stage::Forwarding(Forwarding { hop, .. }) = self.stage else {
            return None;
        };
        Some((hop, self.hop_at(hop)?))
    }

    /// The next hop accepted an INVITE: what comes later in the call goes there first, the ACK to begin with.
    fn taken_by_hop(&self, turn: &mut Turn<'_>) {
        // A back-to-back call knows its own way.
        let remembers = self.is_invite() && self.crossing.is_none();
        if let Some((_, hop)) = self.hop().filter(|_| remembers) {
            let (hops, tokens) = (&mut turn.table.hops, &*turn.tokens);
            hops.took(&self.request, &self.trunk, hop.id(), tokens);
        }
    }

    /// The next hop was silent or could not be reached. Of a request other than INVITE only the latter counts: it may be somebody
    /// behind a living hop who is silent.
    fn hop_failed(&self, failure: Failure, turn: &mut Turn<'_>) {
        if let Some((_, hop)) = self.hop()
            && (self.is_invite() || failure == Failure::Unreachable)
        {
            turn.table.hops.rest(hop.id(), turn.now.ticks);
        }
    }

    /// The next hop said 503, and for how long.
    fn rest_as_asked(&self, response: &Message, turn: &mut Turn<'_>) {
        if let Some((_, hop)) = self.hop()
            && let Some(asked) = retry_after(response)
        {
            let hops = &mut turn.table.hops;
            hops.rest_as_asked(hop.id(), asked, turn.now.ticks);
        }
    }

    fn deliver_provisional(
        &mut self,
        index: u8,
        status: u16,
        message: &Message,
        turn: &mut Turn<'_>,
    ) {
        // RFC 3261 §16.7: "a stateful proxy MUST NOT forward any 100 (Trying) response."
        if status != 100 {
            match self.answering.is_some() {
                true => self.answer_came(status, message, turn),
                false => self.pass_ringing(status, message, turn),
            }
        }
        if matches!(self.cancellation, Cancellation::Asked(_)) {
            self.send_cancel(index, turn);
        }
        self.slim(index);
    }

    /// A provisional response goes back, as long as there is no final one.
    pub(super) fn pass_ringing(&mut self, status: u16, message: &Message, turn: &mut Turn<'_>) {
        if matches!(self.stage, Stage::Forwarding(_))
            && let Some(response) = self.onward(message, turn)
        {
            self.note_partners(message, turn);
            self.pass_provisional(status, response, turn);
        }
    }

    /// What was too large for UDP went by UDP all the same.
    fn fell_back(&mut self, turn: &mut Turn<'_>) {
        turn.event(Event::OversizeFellBack { id: self.id });
        if let Some(address) = self.hop().map(|(_, hop)| hop.address) {
            turn.table.hops.found_without_tcp(address, turn.now.ticks);
        }
    }

    fn give_up_hop(&mut self, failure: Failure, turn: &mut Turn<'_>) {
        self.hop_failed(failure, turn);
        self.fail_over(Candidate::Ours(failure), turn);
    }

    /// The next hop could not rebuild what our PASSporT left out: it gets all of it, once.
    // RFC 8224 §6.1.1: "If the authentication service did not originally send the full form of the PASSporT object in the Identity header
    // field, it SHOULD retry the request with the full form after receiving a 438 response; however, implementations SHOULD NOT retry the
    // request more than once. Authentication services implemented at proxy servers would retry such a request as a sequential fork".
    fn retry_in_full(&mut self, turn: &mut Turn<'_>) -> Option<()> {
        let hop = self.hop()?.1.clone();
        let Stage::Forwarding(forwarding) = &mut self.stage else {
            return None;
        };
        let full = forwarding.full.take()?;
        if matches!(self.cancellation, Cancellation::Asked(_)) {
            return None;
        }
        forwarding.copy = Some(*full);
        self.open_branch(&hop, turn).ok()
    }

    /// A next hop could not do it: another may, unless the caller has given up.
    fn fail_over(&mut self, candidate: Candidate, turn: &mut Turn<'_>) {
        if !matches!(self.stage, Stage::Forwarding(_)) {
            return;
        }
        let failed = self.hop().map(|(_, hop)| (hop.id(), candidate.failure()));
        match self.cancellation {
            Cancellation::Asked(_) => self.consider(candidate, turn),
            Cancellation::None => {
                self.keep_better(candidate);
                self.try_next_hop(turn);
            }
        }
        if let Some((hop, failure)) = failed {
            let next = self.hop().map(|(_, hop)| hop.id());
            turn.event(Event::HopFailed { hop, failure, next });
        }
    }

    /// Nothing more is tried: the best response there is goes back.
    fn consider(&mut self, candidate: Candidate, turn: &mut Turn<'_>) {
        if matches!(self.stage, Stage::Forwarding(_)) {
            self.keep_better(candidate);
            self.answer_best(turn);
        }
    }

    fn keep_better(&mut self, candidate: Candidate) {
        let is_better = self
            .best
            .as_ref()
            .is_none_or(|best| candidate.rank() <= best.rank());
        if is_better {
            self.best = Some(candidate);
        }
    }

    fn answer_best(&mut self, turn: &mut Turn<'_>) {
        let best = self
            .best
            .take()
            .unwrap_or(Candidate::Ours(Failure::NoNextHop));
        // RFC 4320 §4.2: "A transaction-stateful SIP element MUST NOT send a response with Status-Code of 408 to a non-INVITE request."
        if best.status() == 408 && !self.is_invite() {
            return self.abandon(turn);
        }
        if self.is_given_up_with(best.status()) {
            return self.answer_unproven(turn);
        }
        match best {
            Candidate::Ours(Failure::TimedOut)
                if matches!(self.cancellation, Cancellation::Asked(_)) =>
            {
                self.answer_terminated(turn);
            }
            Candidate::Ours(failure) => self.answer_failure(failure, turn),
            // RFC 3261 §16.7: "If the only response that was received is a 503, the proxy SHOULD generate a 500 response and forward that
            // upstream."
            Candidate::Received { status: 503, .. } => {
                self.answer(500, "Server Internal Error", &[], turn);
            }
            Candidate::Received { status, response } => match self.onward(&response, turn) {
                Some(response) => self.pass_final(status, response, turn),
                None => self.answer_failure(Failure::BadAnswer, turn),
            },
        }
    }

    fn answer_failure(&mut self, failure: Failure, turn: &mut Turn<'_>) {
        let (status, reason, extra) = failure.answer();
        self.answer(status, reason, extra, turn);
    }

    pub(super) fn answer_terminated(&mut self, turn: &mut Turn<'_>) {
        self.answer(487, "Request Terminated", &[], turn);
    }

    /// Opens a branch to the first of the remaining next hops that can have the request; if there is none, it is answered.
    fn try_next_hop(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Stage::Forwarding(forwarding) = &mut self.stage else {
                return;
            };
            let place = forwarding.others.pop_front();
            let hop = place.and_then(|place| Some((place, self.hop_at(place)?.clone())));
            let Some((place, hop)) = hop else {
                return self.answer_best(turn);
            };
            self.at(place);
            match self.open_branch(&hop, turn) {
                Ok(()) => return,
                Err(failure) => self.keep_better(Candidate::Ours(failure)),
            }
        }
    }

    fn at(&mut self, place: usize) {
        if let Stage::Forwarding(forwarding) = &mut self.stage {
            forwarding.hop = place;
        }
        if let Some(crossing) = &mut self.crossing {
            crossing.place = place;
        }
    }

    fn open_branch(&mut self, hop: &NextHop, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let Stage::Forwarding(Forwarding {
            copy: Some(copy), ..
        }) = &self.stage
        else {
            return Ok(());
        };
        let method = self.request.method().unwrap_or(Method::Invite);
        if !is_secure_enough(&self.request, hop) {
            return Err(Failure::NotSecure);
        }
        let via_branch = turn.tokens.branch(self.shape);
        let connection = self.peer().and_then(|peer| peer.connection);
        let lines = self.record_route(hop, turn);
        let sending = sendings(copy, (hop, connection), &via_branch, &lines, turn)?;
        let by = self.next_sender();
        let branch = Branch::open(
            by,
            Purpose::Forward,
            method,
            via_branch.as_bytes(),
            sending,
            turn,
        );
        self.branches.push(Some(branch));
        self.record.next_hop = Some((hop.transport, hop.address));
        Ok(())
    }

    /// What keeps us on the path of the dialog that the request may begin, if the trunk wants that.
    fn record_route(&self, hop: &NextHop, turn: &Turn<'_>) -> String {
        let wanted = self.trunk.record_route == RecordRoute::Added && self.crossing.is_none();
        if !wanted {
            return String::new();
        }
        let general = &turn.options.names.sent_by;
        let incoming = Side {
            transport: self.transport,
            name: turn.options.names.at(self.transport, self.arrived_at),
        };
        let outgoing = Side {
            transport: hop.transport,
            name: hop.sent_by.as_ref().unwrap_or(general).clone(),
        };
        record_route::lines(&self.request, &incoming, &outgoing)
    }

    /// There are never more branches than next hops and a CANCEL for each.
    fn next_sender(&self) -> Sender {
        Sender::new(
            self.id,
            u8::try_from(self.branches.len()).unwrap_or(u8::MAX),
        )
    }

    pub(super) fn cancel_branches(&mut self, turn: &mut Turn<'_>) {
        for index in 0..self.next_sender().branch {
            self.send_cancel(index, turn);
        }
    }

    /// Cancels one branch, if it can be cancelled now.
    fn send_cancel(&mut self, index: u8, turn: &mut Turn<'_>) {
        let reasons = match &self.cancellation {
            Cancellation::Asked(reasons) => reasons.clone(),
            Cancellation::None => Vec::new(),
        };
        let by = self.next_sender();
        let Some(branch) = self
            .branch(index)
            .filter(|branch| branch.purpose() == Purpose::Forward)
        else {
            return;
        };
        let Some(sending) = branch.cancel(&reasons, turn) else {
            return;
        };
        let Some(via_branch) = branch.request().and_then(|request| our_branch(&request)) else {
            return;
        };
        let cancel = Branch::open(
            by,
            Purpose::Cancel,
            Method::Cancel,
            &via_branch,
            (sending, None),
            turn,
        );
        self.branches.push(Some(cancel));
    }
}

// RFC 3261 §16.6: "Furthermore, if the Request-URI contains a SIPS URI, TLS MUST be used to communicate with that proxy."
pub(super) fn is_secure_enough(request: &Message, hop: &NextHop) -> bool {
    security(request) == Security::Sip || hop.transport == Transport::Tls
}

/// What the Request-URI asks for.
pub(super) fn security(request: &Message) -> Security {
    match request.request_uri().map(Uri::parse) {
        Some(Ok(Uri::Sip(uri))) => uri.security,
        _ => Security::Sip,
    }
}

/// The request for a next hop, and the one that is sent if it gets no answer.
fn sendings(
    copy: &Copy,
    (hop, connection): (&NextHop, Option<ConnectionId>),
    via_branch: &str,
    lines: &str,
    turn: &Turn<'_>,
) -> Result<(Sending, Option<Sending>), Failure> {
    let sent_by = hop.sent_by.as_ref().unwrap_or(&turn.options.names.sent_by);
    // RFC 3261 §18.1.1: "If this causes a change in the transport protocol from the one indicated in the top Via, the value in the top Via
    // MUST be changed."
    let by = |transport| Sending {
        bytes: copy.with_via_and(transport, sent_by, via_branch, lines),
        target: Target {
            transport,
            remote: hop.address,
            name: hop.name.clone(),
            local: hop.local,
            connection: connection.filter(|_| transport == hop.transport),
        },
    };
    let usual = by(hop.transport);
    if hop.transport != Transport::Udp || usual.bytes.len() <= MAX_UDP_REQUEST {
        return Ok((usual, None));
    }
    match hop.oversize {
        Oversize::Fragment => Ok((usual, None)),
        Oversize::Refuse => Err(Failure::TooLarge),
        Oversize::Tcp if turn.table.hops.may_speak_tcp(hop.address, turn.now.ticks) => {
            Ok((by(Transport::Tcp), Some(usual)))
        }
        Oversize::Tcp => Ok((usual, None)),
    }
}

/// How long the sender of a response wants to be left alone: RFC 3261 §20.33, delta-seconds before a comment or parameters.
fn retry_after(response: &Message) -> Option<Duration> {
    let value = response.header(Name::RetryAfter)?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
    let text: String = digits.map(|byte| char::from(*byte)).collect();
    text.parse().ok().map(Duration::from_secs)
}

fn our_branch(request: &Message) -> Option<Vec<u8>> {
    use crate::header::Branch as ViaBranch;
    match request.top_via().ok()?.branch() {
        ViaBranch::Unique(branch) => Some(branch.to_vec()),
        ViaBranch::Rfc2543 => None,
    }
}

/// RFC 3261 §16.7 step 3; `None` if nothing is left to be forwarded to.
fn without_our_via(response: &Message, turn: &mut Turn<'_>) -> Option<Bytes> {
    // RFC 3261 §16.7: "If no Via header field values remain in the response, the response was meant for this element and MUST NOT be
    // forwarded."
    Via::parse(response.elements(Name::Via).nth(1)?).ok()?;
    let mut patch = Patch::default();
    patch.remove_first_element(response, Name::Via);
    match patch.apply(response) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            turn.event(Event::Dropped(DropCause::OwnFault(error)));
            None
        }
    }
}
