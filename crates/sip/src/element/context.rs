//! The response context of RFC 3261 §16.2: one request, its server transaction, and its branches.
//!
//! What it does next depends on its [`Stage`]; what happened so far is in its record. The steps live in other rooms: `decision`
//! for signing and judging, `outgoing` for branches and responses.

use super::answering::Answering;
use super::branch::Branch;
use super::crossing::{Crossing, Inside, begin_call};
use super::decision::Deciding;
use super::ending::Held;
use super::event::{Event, Finished, Handling, SignatureFate};
use super::inquiring::Inquiry;
use super::outgoing::Candidate;
use super::reporting::Reports;
use super::server_side::{AckFate, ServerNews, ServerSide};
use super::tokens::Shape;
use super::{ContextId, Part, Turn};
use crate::b2bua::Side;
use crate::flow::{Flow, Transport};
use crate::header::{Branch as ViaBranch, NameAddr};
use crate::message::{Framing, Message, Method, Name};
use crate::proxy::Copy;
use crate::query;
use crate::resource_priority::PriorityFate;
use crate::response::{ToTag, build};
use crate::transaction::matching::ServerKey;
use crate::trunk::{BypassCause, Trunk};
use bytes::Bytes;
use countersign::certificate::ServiceProviderCode;
use countersign::time::Ticks;
use countersign::verification::Verdict;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) struct Context {
    pub(super) id: ContextId,
    pub(super) trunk: Arc<Trunk>,
    /// As it came, with what RFC 3581 has us note in its Via.
    pub(super) request: Message,
    pub(super) shape: Shape,
    /// How it came.
    pub(super) transport: Transport,
    /// Our address that it came to.
    pub(super) arrived_at: SocketAddr,
    /// Where it came from.
    pub(super) source: SocketAddr,
    /// Whether the request named a trunk group; what it is slimmed to may not.
    names_group: bool,
    pub(super) stage: Stage,
    /// In the order they were opened; `None` once over.
    pub(super) branches: Vec<Option<Branch>>,
    /// The best response so far, of those that were not forwarded at once.
    pub(super) best: Option<Candidate>,
    pub(super) cancellation: Cancellation,
    /// Which call it belongs to, if that is one of a back-to-back trunk.
    pub(super) crossing: Option<Crossing>,
    pub(super) record: Record,
    /// What responses tell of PASSporTs.
    pub(super) reports: Reports,
    /// What is done about its answers, of a trunk with connected identity.
    pub(super) answering: Option<Box<Answering>>,
    /// What it is if it is no call, but asks who would answer.
    pub(super) inquiry: Option<Box<Inquiry>>,
    /// Whether what is not needed any more of the request is gone.
    pub(super) is_slim: bool,
    pub(super) server: ServerSide,
    /// What finds this context: its transaction, and the ACK of a client that sends no branch.
    keys: Vec<ServerKey>,
    /// The request as it came, if its transaction is known by headers and not by branch.
    without_branch: Option<Message>,
}

/// How far a request has come.
pub(super) enum Stage {
    /// The final response was passed, or there will be none.
    Answered,
    /// Nothing was decided.
    Arrived,
    /// It waits for a signature or a judgement.
    Deciding(Deciding),
    /// It is at one of the next hops.
    Forwarding(Forwarding),
    /// A next hop has accepted it, and the host is asked whether that may pass.
    Held(Held),
    /// It asks who would answer, and is told or will be.
    Inquired,
}

/// It is at one of the next hops.
pub(super) struct Forwarding {
    /// As long as there may be another next hop.
    pub(super) copy: Option<Copy>,
    /// The same with whole PASSporTs, as long as it may be asked for.
    pub(super) full: Option<Box<Copy>>,
    /// The next hop it is at, by its place in the trunk.
    pub(super) hop: usize,
    /// Those that come after, in their order.
    pub(super) others: VecDeque<usize>,
}

/// Whether the caller has given up.
pub(super) enum Cancellation {
    None,
    /// A CANCEL came, with these Reason values.
    Asked(Vec<Box<[u8]>>),
}

/// What the context of a request costs in bytes: the request as it came, as it is sent on, as it is kept for one branch, a response
/// of about its length, and what is around them.
pub(super) fn reckoned(request: &Message) -> usize {
    const AROUND: usize = 2048;
    AROUND + 4 * request.bytes().len()
}

/// Whether a request says which trunk group it comes from.
pub(super) fn names_group(request: &Message) -> bool {
    query::trunk_groups(request).next().is_some()
}

/// What is told when it is over.
pub(super) struct Record {
    pub(super) handling: Handling,
    pub(super) verdict: Option<Verdict>,
    /// The key of who signed for the caller, where that is told.
    pub(super) key: Option<Box<[u8; 32]>>,
    /// Their provider code, likewise.
    pub(super) provider: Option<ServiceProviderCode>,
    pub(super) signature: SignatureFate,
    /// What became of the priority that it asked for.
    pub(super) priority: Vec<PriorityFate>,
    /// Why it went on with a bypass token.
    pub(super) bypass: Option<BypassCause>,
    pub(super) forwarded: Option<Ticks>,
    /// Where it was sent last.
    pub(super) next_hop: Option<(Transport, SocketAddr)>,
    pub(super) received: Ticks,
    /// The final response that was passed.
    pub(super) status: Option<u16>,
}

/// A request that has just come, and begins a context.
pub(super) struct Arrival {
    pub(super) flow: Flow,
    pub(super) trunk: Arc<Trunk>,
    /// As it came.
    pub(super) original: Message,
    /// With its Via stamped.
    pub(super) request: Message,
    pub(super) key: ServerKey,
    pub(super) shape: Shape,
    pub(super) inside: Option<Inside>,
}

impl Context {
    /// Begins a context; an INVITE gets its 100 (Trying) before anything else is done.
    pub(super) fn begin(id: ContextId, arrival: Arrival, turn: &mut Turn<'_>) -> Self {
        let Arrival {
            flow,
            trunk,
            original,
            request,
            key,
            shape,
            inside,
        } = arrival;
        let method = request.method().unwrap_or(Method::Invite);
        let back = flow.back(&request);
        let crossing = inside.map(|inside| match inside {
            Inside::Begins => begin_call(id, &request, &trunk, (back.clone(), flow.local), turn),
            Inside::Goes(crossing) => {
                turn.table.from_far += usize::from(crossing.to == Side::Near);
                crossing
            }
        });
        let server = ServerSide::open(id, method, back, turn);
        turn.table.servers.insert(key.clone(), id);
        let by_headers = original
            .top_via()
            .is_ok_and(|via| via.branch() == ViaBranch::Rfc2543);
        let names_group = names_group(&request);
        let mut context = Self {
            id,
            trunk,
            request,
            shape,
            transport: flow.transport,
            arrived_at: flow.local,
            source: flow.remote,
            names_group,
            stage: Stage::Arrived,
            branches: Vec::new(),
            best: None,
            cancellation: Cancellation::None,
            crossing,
            record: Record {
                handling: Handling::Passed,
                verdict: None,
                key: None,
                provider: None,
                signature: SignatureFate::NotAsked,
                priority: Vec::new(),
                bypass: None,
                forwarded: None,
                next_hop: None,
                received: turn.now.ticks,
                status: None,
            },
            reports: Reports::default(),
            answering: None,
            inquiry: None,
            is_slim: false,
            server,
            keys: vec![key],
            without_branch: by_headers.then_some(original),
        };
        if context.is_invite() {
            // RFC 3261 §17.2.1: "The server transaction MUST generate a 100 (Trying) response unless it knows that the TU will
            // generate a provisional or final response within 200 ms".
            let trying = context.trying();
            context.server.pass(100, trying, turn);
        }
        context
    }

    /// Whether a CANCEL is of whom the call is. Nobody cancels a call of another trunk; but it has no Contact, so where that tells trunks
    /// of one peer apart it looks like another trunk's, and has to come from where the INVITE came from.
    pub(super) fn is_cancelled_by(
        &self,
        cancel: &Message,
        trunk: &Trunk,
        remote: SocketAddr,
    ) -> bool {
        let lost_its_group = || self.names_group && !names_group(cancel);
        self.is_of(trunk) || (self.source == remote && lost_its_group())
    }

    /// What it is reckoned at.
    pub(super) fn bytes(&self) -> usize {
        // What is left for another next hop is not slim.
        let (copy, full) = match &self.stage {
            Stage::Forwarding(forwarding) => (
                forwarding.copy.as_ref().filter(|_| self.is_slim),
                forwarding.full.as_deref(),
            ),
            _ => (None, None),
        };
        let answers = self.answering_bytes();
        reckoned(&self.request) + copy.map_or(0, Copy::len) + full.map_or(0, Copy::len) + answers
    }

    /// Whether whoever comes by `trunk` may cancel it. A request from the far side comes by none, or by another.
    fn is_of(&self, trunk: &Trunk) -> bool {
        let crossing = self.crossing.as_ref();
        let is_from_far = crossing.is_some_and(|crossing| crossing.to == Side::Near);
        is_from_far || self.trunk.name == trunk.name
    }

    pub(super) fn is_invite(&self) -> bool {
        self.server.is_invite()
    }

    /// Answers the request ourselves.
    pub(super) fn answer(
        &mut self,
        status: u16,
        reason: &str,
        extra: &[(&str, &[u8])],
        turn: &mut Turn<'_>,
    ) {
        let tag = turn.tokens.local_tag(&self.request);
        let tag = ToTag::Ours(tag.as_bytes());
        let told = self.told_by_answer(status);
        let told = told
            .iter()
            .map(|value| (Name::Reason.as_str(), value.as_slice()));
        let response = match told.len() {
            0 => build(&self.request, status, reason, tag, extra),
            _ => {
                let extra: Vec<_> = extra.iter().copied().chain(told).collect();
                build(&self.request, status, reason, tag, &extra)
            }
        };
        self.pass_final(status, response, turn);
    }

    /// Passes a provisional response of somebody else.
    pub(super) fn pass_provisional(&mut self, status: u16, response: Bytes, turn: &mut Turn<'_>) {
        self.server.pass(status, response, turn);
    }

    /// Passes a final response, ours or somebody else's. More than one is passed only of 2xx.
    pub(super) fn pass_final(&mut self, status: u16, response: Bytes, turn: &mut Turn<'_>) {
        self.expect_ack(status, &response, turn);
        self.server.pass(status, response, turn);
        self.finish(Some(status), turn);
    }

    /// There will never be an answer: RFC 4320 §4.2.
    pub(super) fn abandon(&mut self, turn: &mut Turn<'_>) {
        self.server.abandon();
        self.finish(None, turn);
    }

    /// The request came once more.
    pub(super) fn receive_retransmission(&mut self, turn: &mut Turn<'_>) {
        turn.event(Event::Retransmission(self.id));
        self.server.receive_retransmission(turn);
    }

    pub(super) fn receive_ack(&mut self, turn: &mut Turn<'_>) -> AckFate {
        self.server.receive_ack(turn)
    }

    /// A timer is due.
    pub(super) fn fire(&mut self, part: Part, turn: &mut Turn<'_>) {
        match part {
            Part::Answers => self.answers_due(turn),
            Part::Branch(index, timer) => self.branch_fired(index, timer, turn),
            // The timer of its call has another way.
            Part::Call => {}
            Part::Inquiry => self.inquiry_due(turn),
            Part::Decision => {
                self.deadline_passed(turn);
                self.held_too_long(turn);
            }
            Part::Server(timer) => match self.server.fire(timer, turn) {
                ServerNews::AckMissing => turn.event(Event::AckMissing(self.id)),
                ServerNews::Nothing => {}
                ServerNews::TryingDue => {
                    let trying = self.trying();
                    self.server.send_trying(trying, turn);
                }
            },
        }
    }

    // RFC 3261 §16.7: "The proxy MUST maintain the response context until all of its associated transactions have been terminated, even
    // after forwarding a final response."
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Answered)
            && self.server.is_over()
            && self.branches.iter().all(Option::is_none)
            && self.is_answering_idle()
    }

    /// Nothing will find this context any more.
    pub(super) fn leave(&self, turn: &mut Turn<'_>) {
        for key in &self.keys {
            turn.table.servers.remove(key);
        }
        self.leave_inquiry(turn);
        self.leave_call(turn);
    }

    fn trying(&self) -> Bytes {
        build(&self.request, 100, "Trying", ToTag::None, &[])
    }

    /// Once only: a second 2xx finishes nothing.
    fn finish(&mut self, status: Option<u16>, turn: &mut Turn<'_>) {
        if matches!(self.stage, Stage::Answered) {
            return;
        }
        if !matches!(status, Some(200..300)) {
            self.drop_answers(None, turn);
        }
        self.stage = Stage::Answered;
        self.record.status = status;
        let other_call_id = self.other_call_id(turn);
        self.finish_crossing(status, turn);
        let method = self.request.method().map_or(&[][..], Method::as_bytes);
        turn.event(Event::Finished(Box::new(Finished {
            id: self.id,
            trunk: Arc::clone(&self.trunk),
            method: method.into(),
            other_call_id,
            source: (self.transport, self.source),
            next_hop: self.record.next_hop,
            call_id: self.request.header(Name::CallId).unwrap_or_default().into(),
            handling: self.record.handling,
            verdict: self.record.verdict,
            signature: self.record.signature,
            priority: std::mem::take(&mut self.record.priority),
            bypass: self.record.bypass,
            status,
            received: self.record.received,
            forwarded: self.record.forwarded,
            answered: turn.now.ticks,
        })));
    }

    /// Has the ACK for a rejection find its way here, where no branch tells it.
    fn expect_ack(&mut self, status: u16, response: &Bytes, turn: &mut Turn<'_>) {
        let Some(invite) = self.without_branch.take() else {
            return;
        };
        if status < 300 || !self.is_invite() {
            return;
        }
        let response = Message::parse(response.clone(), Framing::Datagram).ok();
        let to = response
            .as_ref()
            .and_then(|response| response.header(Name::To));
        let tag = to.and_then(NameAddr::parse).and_then(|to| to.tag());
        if let Ok(Some(key)) = ServerKey::of_expected_ack(&invite, tag.unwrap_or_default()) {
            turn.table.servers.insert(key.clone(), self.id);
            self.keys.push(key);
        }
    }
}
