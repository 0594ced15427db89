//! Requests that come: to the context they belong to, to a new one, or to nobody.
//!
//! What needs no memory gets none: OPTIONS, CANCEL, requests other than INVITE that are refused, and everything when there is
//! no room. RFC 3261 §8.2.7 lets a UAS answer without state if the same request always gets the same answer; our tags do.

use super::context::{Arrival, Context, reckoned};
use super::crossing::Inside;
use super::decision::is_emergency;
use super::event::{DropCause, Event, Handling};
use super::hops::Urgency;
use super::outgoing::is_secure_enough;
use super::redirection;
use super::server_side::AckFate;
use super::tokens::LocalTag;
use super::validation::{Refusal, is_for_us, validate, validate_ours};
use super::{ContextId, EMERGENCY_RESERVE, Element, Options, Output, UnknownSource};
use crate::defect::Defect;
use crate::flow::{Flow, Target};
use crate::message::{MAX_MESSAGE, Message, Method, Name, ParseError};
use crate::patch::{Patch, PatchError};
use crate::proxy::{Additions, Copy};
use crate::response::{ToTag, build};
use crate::transaction::matching::ServerKey;
use crate::trunk::{Mode, Trunk};
use countersign::time::Now;
use std::sync::Arc;

/// What we say to OPTIONS: RFC 3261 §11.2.
const CAPABILITIES: [(&str, &[u8]); 2] = [
    ("Allow", b"INVITE, ACK, CANCEL, BYE, OPTIONS"),
    ("Accept", b"application/sdp"),
];

/// Seconds after which one may try again when there was no room: half the time a context takes to end.
const RETRY_AFTER: (&str, &[u8]) = ("Retry-After", b"16");

impl Element {
    /// A request came by a trunk.
    pub(super) fn request(
        &mut self,
        flow: Flow,
        message: Message,
        trunk: Arc<Trunk>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let key = match ServerKey::of(&message) {
            Ok(key) => key,
            Err(defect) => return self.refuse_unkeyed(flow, &message, defect, now, out),
        };
        match message.method() {
            Some(Method::Ack) => self.ack(&key, flow, &message, &trunk, now, out),
            Some(Method::Cancel) => self.cancel(flow, &message, &trunk, now, out),
            _ => match self.table.servers.get(&key).copied() {
                Some(id) => self.with(id, now, out, Context::receive_retransmission),
                None => self.new_request(flow, message, key, trunk, now, out),
            },
        }
    }

    /// A request came from nobody we know.
    pub(super) fn unknown_source(
        &mut self,
        flow: Flow,
        message: &Message,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let answers = self.options.unknown_source == UnknownSource::Forbid;
        if answers && message.method() != Some(Method::Ack) {
            self.answer(flow, message, (403, "Forbidden"), &[], now, out);
        }
        drop_for(DropCause::UnknownSource, out);
    }

    /// Bytes came that are no message. A request that can be answered is; nothing is said to strangers.
    pub(super) fn unreadable(
        &mut self,
        flow: Flow,
        error: &ParseError,
        trunk: Option<&Arc<Trunk>>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let defect = error.defect();
        match (error.answerable(), trunk) {
            (Some(request), Some(_)) => {
                let answer = (defect.status(), defect.reason());
                self.answer(flow, request, answer, &[], now, out);
                refused(defect.status(), Some(defect), out);
            }
            _ => drop_for(DropCause::Defect(defect), out),
        }
    }

    /// A request so malformed that no transaction can be told.
    fn refuse_unkeyed(
        &mut self,
        flow: Flow,
        message: &Message,
        defect: Defect,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        if message.method() == Some(Method::Ack) || message.top_via().is_err() {
            return drop_for(DropCause::Defect(defect), out);
        }
        let answer = (defect.status(), defect.reason());
        self.answer(flow, message, answer, &[], now, out);
        refused(defect.status(), Some(defect), out);
    }

    fn new_request(
        &mut self,
        flow: Flow,
        message: Message,
        key: ServerKey,
        trunk: Arc<Trunk>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let is_options = message.method() == Some(Method::Options);
        if is_options && is_for_us(&message) {
            if let Err(refusal) = validate_ours(&message) {
                return self.refuse(flow, &message, &refusal, now, out);
            }
            self.answer(flow, &message, (200, "OK"), &CAPABILITIES, now, out);
            return out.push(Output::Event(Event::OptionsAnswered));
        }
        if !self.has_room(&message, &trunk) {
            let busy = (503, "Service Unavailable");
            self.answer(flow, &message, busy, &[RETRY_AFTER], now, out);
            return out.push(Output::Event(Event::Overloaded));
        }
        let inside = match self.crossing(&message, &trunk) {
            Ok(inside) => inside,
            Err(refusal) => return self.refuse(flow, &message, &refusal, now, out),
        };
        if matches!(inside, Some(Inside::Begins)) && !self.has_room_for_call(&message, &trunk) {
            let busy = (503, "Service Unavailable");
            self.answer(flow, &message, busy, &[RETRY_AFTER], now, out);
            return out.push(Output::Event(Event::Overloaded));
        }
        let shape = self.tokens.shape(&message, &trunk.name);
        let refusal = match trunk.mode {
            Mode::Redirect(_) => redirection::validate(&message).err(),
            Mode::B2bua(_) | Mode::Http | Mode::Proxy => {
                validate(&message, &self.tokens, shape).err()
            }
        };
        let is_invite = message.method() == Some(Method::Invite);
        match refusal {
            Some(refusal) if !is_invite => self.refuse(flow, &message, &refusal, now, out),
            refusal => {
                let request = match stamped(&message, flow) {
                    Ok(request) => request,
                    Err(cause) => return drop_for(cause, out),
                };
                let arrival = Arrival {
                    flow,
                    trunk,
                    original: message,
                    request,
                    key,
                    shape,
                    inside,
                };
                self.begin(arrival, refusal, now, out);
            }
        }
    }

    /// The context of a request that came before, or of the INVITE that it cancels or acknowledges.
    pub(super) fn context_of(&self, request: &Message) -> Option<ContextId> {
        let key = match request.method() {
            Some(Method::Cancel) => ServerKey::of_cancelled(request),
            _ => ServerKey::of(request),
        };
        self.table.servers.get(&key.ok()?).copied()
    }

    /// Whether another context fits. For an emergency call more does, and for what goes on inside a call of two dialogs: who cannot
    /// hang up keeps the room of everybody else. Of proxied calls nothing is remembered that a To tag could be compared with.
    fn has_room(&self, request: &Message, trunk: &Trunk) -> bool {
        let within = |count: usize, bytes: usize| {
            self.contexts.len() < count && self.context_bytes + reckoned(request) <= bytes
        };
        let Options {
            max_contexts: count,
            max_context_bytes: bytes,
            ..
        } = self.options;
        within(count, bytes)
            || (within(with_reserve(count), with_reserve(bytes))
                && (self.table.calls.place(request, &self.tokens).is_some()
                    || is_emergency(request, trunk, &self.options)))
    }

    /// Whether another call of a back-to-back trunk fits.
    fn has_room_for_call(&self, request: &Message, trunk: &Trunk) -> bool {
        let (calls, limit) = (self.table.calls.len(), self.options.max_dialogs);
        calls < limit
            || (calls < with_reserve(limit) && is_emergency(request, trunk, &self.options))
    }

    fn begin(
        &mut self,
        arrival: Arrival,
        refusal: Option<Refusal>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let id = self.table.next_id();
        let context = Context::begin(id, arrival, &mut self.turn(now, out));
        self.context_bytes += context.bytes();
        self.contexts.insert(id, Box::new(context));
        self.with(id, now, out, |context, turn| match refusal {
            Some(refusal) => {
                context.record.handling = Handling::Refused;
                context.answer(refusal.status(), refusal.reason(), &refusal.extra(), turn);
            }
            None => context.decide(turn),
        });
    }

    fn refuse(
        &mut self,
        flow: Flow,
        message: &Message,
        refusal: &Refusal,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let answer = (refusal.status(), refusal.reason());
        self.answer(flow, message, answer, &refusal.extra(), now, out);
        let defect = match refusal {
            Refusal::Defect(defect) => Some(*defect),
            _ => None,
        };
        refused(refusal.status(), defect, out);
    }

    // RFC 3261 §16.10: "If a matching response context is found, the element MUST immediately return a 200 (OK) response to the CANCEL
    // request." Where none is, 481 (`docs/divergences.md`): we forward no INVITE without state.
    fn cancel(
        &mut self,
        flow: Flow,
        message: &Message,
        trunk: &Trunk,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let id = ServerKey::of_cancelled(message)
            .ok()
            .and_then(|key| self.table.servers.get(&key).copied())
            .filter(|id| {
                let context = self.contexts.get(id);
                context.is_some_and(|context| context.is_cancelled_by(message, trunk, flow.remote))
            });
        let Some(id) = id else {
            let unknown = (481, "Call Leg/Transaction Does Not Exist");
            return self.answer(flow, message, unknown, &[], now, out);
        };
        self.answer(flow, message, (200, "OK"), &[], now, out);
        let reasons = message.headers(Name::Reason);
        let reasons = reasons.map(|line| line.value.into()).collect();
        self.with(id, now, out, |context, turn| context.cancel(reasons, turn));
    }

    fn ack(
        &mut self,
        key: &ServerKey,
        flow: Flow,
        message: &Message,
        trunk: &Trunk,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let mut fate = AckFate::ToBeForwarded;
        if let Some(id) = self.table.servers.get(key).copied() {
            self.with(id, now, out, |context, turn| {
                fate = context.receive_ack(turn)
            });
        } else if self.answered_without_state(message) {
            fate = AckFate::Absorbed;
        }
        if fate == AckFate::ToBeForwarded && !self.cross_ack(message, trunk, flow, now, out) {
            self.forward_ack(flow, message, trunk, now, out);
        }
    }

    // RFC 3261 §8.2.7: "A stateless UAS MUST ignore ACK requests."
    pub(super) fn answered_without_state(&self, ack: &Message) -> bool {
        let tag = ack.to().ok().and_then(|to| to.tag());
        let tag = tag.filter(|tag| LocalTag::may_be(tag));
        tag.is_some_and(|tag| tag == self.tokens.local_tag(ack).as_bytes())
    }

    /// The ACK for a 2xx is forwarded without state, to one next hop.
    fn forward_ack(
        &self,
        flow: Flow,
        message: &Message,
        trunk: &Trunk,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let shape = self.tokens.shape(message, &trunk.name);
        let (hops, tokens) = (&self.table.hops, &self.tokens);
        let order = hops.order(message, trunk, Urgency::Ordinary, tokens, now.ticks);
        let hop = order
            .into_iter()
            .filter_map(|place| trunk.next_hops.get(place))
            .find(|hop| is_secure_enough(message, hop));
        let (Ok(()), Some(hop)) = (validate(message, &self.tokens, shape), hop) else {
            return drop_for(DropCause::Ack, out);
        };
        let request = match stamped(message, flow) {
            Ok(request) => request,
            Err(cause) => return drop_for(cause, out),
        };
        match Copy::of(&request, trunk, &Additions::default(), &self.options.names) {
            Ok(copy) => {
                let branch = self.tokens.stateless_branch(message, shape);
                let sent_by = hop.sent_by.as_ref().unwrap_or(&self.options.names.sent_by);
                out.push(Output::Send {
                    target: Target {
                        transport: hop.transport,
                        remote: hop.address,
                        name: hop.name.clone(),
                        local: hop.local,
                        connection: None,
                    },
                    bytes: copy.with_via(hop.transport, sent_by, &branch),
                    by: None,
                });
            }
            Err(error) => drop_for(DropCause::OwnFault(error), out),
        }
    }

    /// Answers a request without remembering it.
    pub(super) fn answer(
        &mut self,
        flow: Flow,
        request: &Message,
        (status, reason): (u16, &str),
        extra: &[(&str, &[u8])],
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let tag = self.tokens.local_tag(request);
        let request = match stamped(request, flow) {
            Ok(request) => request,
            Err(cause) => return drop_for(cause, out),
        };
        let bytes = build(&request, status, reason, ToTag::Ours(tag.as_bytes()), extra);
        self.turn(now, out).send(flow.back(&request), bytes, None);
    }
}

/// A limit, and what is left for emergency calls beyond it.
fn with_reserve(limit: usize) -> usize {
    limit.saturating_add(limit.div_ceil(EMERGENCY_RESERVE))
}

/// The request with what RFC 3261 §18.2.1 and RFC 3581 §4 have us note in its Via.
pub(super) fn stamped(request: &Message, flow: Flow) -> Result<Message, DropCause> {
    let mut patch = Patch::default();
    patch.stamp_received(request, flow.remote);
    if patch.is_empty() {
        return Ok(request.clone());
    }
    let bytes = patch.apply(request).map_err(DropCause::OwnFault)?;
    if bytes.len() > MAX_MESSAGE {
        return Err(DropCause::Defect(Defect::TooLarge));
    }
    // Only its top Via has grown: it need not be read again.
    let via = request.headers(Name::Via).next();
    via.map(|via| request.with_value(via.index, bytes))
        .ok_or(DropCause::OwnFault(PatchError::NotThere))
}

pub(super) fn drop_for(cause: DropCause, out: &mut Vec<Output>) {
    out.push(Output::Event(Event::Dropped(cause)));
}

fn refused(status: u16, defect: Option<Defect>, out: &mut Vec<Output>) {
    out.push(Output::Event(Event::Refused { status, defect }));
}
