//! Inquiries, [RFC 9970 §8](https://www.rfc-editor.org/rfc/rfc9970#section-8): who would answer, told by us in place of the called side,
//! so that nobody's telephone rings.
//!
//! ```text
//!   INVITE ──▶ who may ask, here? ──▶ judge ──▶ (diverted: sign div) ──▶ sign ──▶ 183, again until its PRACK ──▶ CANCEL, BYE: 487
//!                │ nobody: 420          │ not proven: its code                    │ no PRACK: 504
//!                                       │ not who may: 403, too many: 480         │ nobody ends it: 480
//! ```
//!
//! It is answered where calls of the trunk are judged and answers to them are signed; elsewhere an inquiry is an INVITE like any other,
//! and somebody behind us may know what it is. Where it is answered nothing of it goes on to a next hop, whatever happens. A trunk may have
//! it judged and counted here and answered there ([`Probes::Forwarded`]).
//!
//! What an inquiry and its response look like is `crate::inquiry::responder`'s. How many there may be is for the host to say.

use super::answering::lists;
use super::context::{Context, Stage};
use super::decision::is_emergency;
use super::event::Event;
use super::tokens::{Digits, LocalTag};
use super::{AnswerId, ContextId, Element, Judgement, Output, Part, SignAnswer, Turn};
use crate::flow::{Flow, Transport};
use crate::inquiry::reliable::Acknowledged;
use crate::inquiry::responder::{
    Due, PROGRESS, Responder, Told, is_inquiry, other_options, progress,
};
use crate::message::{Message, Method};
use crate::proxy::Additions;
use crate::trunk::{AnswerSigning, Mode, Probes, Trunk};
use bytes::Bytes;
use countersign::call::Call;
use countersign::identity::{Identity, Role};
use countersign::time::{Now, Ticks};
use countersign::verification::{Code, Verdict};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long an inquiry may last that was acknowledged: whoever sees the answer decides meanwhile whether to call (RFC 9970 §8: "to help them
/// decide if they want to place the call"). Proxies on the way give an INVITE three minutes.
pub const LONGEST_INQUIRY: Duration = Duration::from_secs(60);

/// Seconds after which one may ask again who has asked too often.
const RETRY_AFTER: (&str, &[u8]) = ("Retry-After", b"60");

/// An inquiry that is answered here.
#[derive(Default)]
pub(super) struct Inquiry {
    /// Who asks, as the signalling claims; proven once it is judged.
    asks: Option<Identity>,
    /// Whom it is about.
    called: Option<Identity>,
    /// When the signature is not waited for any more.
    due: Ticks,
    responder: Option<Responder>,
    /// What finds it.
    key: Option<Digits>,
}

/// What became of an inquiry.
#[derive(Clone, Debug)]
pub struct Inquired {
    /// Which one: the context of its INVITE.
    pub id: ContextId,
    /// How it came.
    pub trunk: Arc<Trunk>,
    /// Where it came from.
    pub source: SocketAddr,
    /// Who asked; `None` if they did not say.
    pub asks: Option<Identity>,
    /// Whom it was about.
    pub called: Option<Identity>,
    /// What was said.
    pub fate: InquiryFate,
}

/// What somebody was told who asked who would answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InquiryFate {
    /// Who would answer, signed.
    Answered,
    /// Nothing: this one may not ask.
    Forbidden,
    /// What a next hop says.
    Forwarded,
    /// Nothing: nobody may ask here.
    NotHere,
    /// Nothing: who asks is not proven.
    NotProven,
    /// Nothing: there are too many.
    TooMany,
    /// That somebody is there, unsigned: the number is not ours to sign for.
    Unsigned,
}

impl InquiryFate {
    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Forbidden => "forbidden",
            Self::Forwarded => "forwarded",
            Self::NotHere => "not-here",
            Self::NotProven => "not-proven",
            Self::TooMany => "too-many",
            Self::Unsigned => "unsigned",
        }
    }
}

impl Element {
    /// The inquiry that a request is inside of. What belongs to its INVITE finds it by its transaction.
    pub(super) fn inquiry_of(&self, request: &Message) -> Option<ContextId> {
        if self.table.inquiries.is_empty() {
            return None;
        }
        if matches!(
            request.method(),
            None | Some(Method::Ack | Method::Cancel | Method::Invite)
        ) {
            return None;
        }
        let (from, to) = (request.from().ok()?, request.to().ok()?);
        let (from, to) = (from.tag().unwrap_or_default(), to.tag()?);
        let key = self.tokens.dialog(request.call_id().ok()?, from, to);
        self.table.inquiries.get(&key).copied()
    }

    /// Whether a PRACK is for a response of ours to an inquiry that is over: nobody else knows what to do with it.
    pub(super) fn is_late_prack(&self, request: &Message) -> bool {
        if request.method() != Some(Method::Prack) {
            return false;
        }
        let to = request.to().ok();
        let tag = to
            .and_then(|to| to.tag())
            .filter(|tag| LocalTag::may_be(tag));
        tag.zip(Acknowledged::of(request))
            .is_some_and(|(tag, acknowledged)| {
                let sequence = acknowledged.request.sequence;
                self.tokens.local_tag_of(request, sequence).as_bytes() == tag
            })
    }

    /// Answers a request inside an inquiry. Whoever knows our tag is who we told it, by whatever way the request came.
    // RFC 3262 §3: "An element that can act as a proxy can also send reliable provisional responses.  In this case, it acts as a UAS for
    // purposes of that transaction."
    pub(super) fn inside_inquiry(
        &mut self,
        flow: Flow,
        request: &Message,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let Some(id) = self.inquiry_of(request) else {
            let unknown = (481, "Call/Transaction Does Not Exist");
            return self.answer(flow, request, unknown, &[], now, out);
        };
        let mut answer = (405, "Method Not Allowed");
        self.with(id, now, out, |context, _| {
            answer = context.said_inside(request)
        });
        let allow: &[(&str, &[u8])] = match answer.0 {
            405 => &[("Allow", b"ACK, CANCEL, BYE, PRACK")],
            _ => &[],
        };
        self.answer(flow, request, answer, allow, now, out);
        if request.method() == Some(Method::Bye) {
            self.with(id, now, out, Context::end_inquiry);
        }
    }
}

impl Context {
    /// Takes an inquiry that is answered here; whether it has been answered already.
    pub(super) fn is_answered_as_inquiry(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(connected) = self.trunk.connected.as_deref() else {
            return false;
        };
        let is_ours = connected.sign != AnswerSigning::Off
            && self.trunk.verifies()
            && matches!(self.trunk.mode, Mode::B2bua(_) | Mode::Proxy)
            && !self.is_inside_a_call()
            && is_inquiry(&self.request)
            && !is_emergency(&self.request, &self.trunk, turn.options);
        if !is_ours {
            return false;
        }
        let may_be_asked = connected.probes != Probes::Never;
        self.inquiry = Some(Box::default());
        if connected.probes == Probes::Forwarded {
            // What else is required of whoever answers is their affair.
            return false;
        }
        // RFC 3262 §3: "If the UAS is unwilling to do so, it MUST reject the initial request with a 420 (Bad Extension) and include an
        // Unsupported header field containing the option tag 100rel."
        let unsupported = match may_be_asked {
            true => other_options(&self.request),
            false => Some(b"100rel".to_vec()),
        };
        let Some(unsupported) = unsupported else {
            return false;
        };
        self.inquired(InquiryFate::NotHere, turn);
        self.answer(420, "Bad Extension", &[("Unsupported", &unsupported)], turn);
        true
    }

    /// Where an inquiry came from; who asks it is noted.
    pub(super) fn inquirer(&mut self, call: &Call) -> Option<SocketAddr> {
        let inquiry = self.inquiry.as_deref_mut()?;
        inquiry.asks.clone_from(&call.orig);
        inquiry.called = call.dest.last().map(|(called, _)| called.clone());
        Some(self.source)
    }

    /// Whether an inquiry that was judged goes on, as a call like any other.
    // RFC 9970 §8 speaks of a user agent that is asked; whoever stands before it may leave it to that one.
    pub(super) fn goes_on_as_call(&mut self, verdict: Verdict, turn: &mut Turn<'_>) -> bool {
        let connected = self.trunk.connected.as_deref();
        let is_forwarded = verdict == Verdict::Passed
            && connected.is_some_and(|connected| connected.probes == Probes::Forwarded);
        if is_forwarded {
            self.inquired(InquiryFate::Forwarded, turn);
            self.inquiry = None;
        }
        is_forwarded
    }

    /// An inquiry was judged that is answered here.
    pub(super) fn follow_inquiry(
        &mut self,
        code: Code,
        judgement: &Judgement,
        additions: Additions,
        turn: &mut Turn<'_>,
    ) {
        if judgement.verdict != Verdict::Passed {
            self.inquired(InquiryFate::NotProven, turn);
            return self.reject(code, judgement, turn);
        }
        if !self.may_ask() {
            self.inquired(InquiryFate::Forbidden, turn);
            return self.answer(403, "Forbidden", &[], turn);
        }
        self.pass(additions, turn);
    }

    /// Whether who asks, who is proven by now, may.
    fn may_ask(&self) -> bool {
        let probes = self
            .trunk
            .connected
            .as_deref()
            .map(|connected| &connected.probes);
        let asks = self
            .inquiry
            .as_deref()
            .and_then(|inquiry| inquiry.asks.as_ref());
        match (probes, asks) {
            (Some(Probes::Anonymous), Some(_)) => true,
            (Some(Probes::Authenticated), Some(asks)) => !asks.is_anonymous(),
            (Some(Probes::Listed(ranges)), Some(Identity::Number(number))) => {
                ranges.iter().any(|range| range.contains(*number))
            }
            (Some(Probes::Forwarded | Probes::Listed(_) | Probes::Never) | None, _) | (_, None) => {
                false
            }
        }
    }

    /// The host has counted too many.
    pub(super) fn too_many_inquiries(&mut self, turn: &mut Turn<'_>) {
        if self.inquiry.is_none() || !matches!(self.stage, Stage::Deciding(_)) {
            return;
        }
        self.inquired(InquiryFate::TooMany, turn);
        // Not 503: nobody else is to be kept from calling.
        self.answer(480, "Temporarily Unavailable", &[RETRY_AFTER], turn);
    }

    /// Has the answer to an inquiry signed that would go on as `additions` say.
    pub(super) fn answer_inquiry(&mut self, additions: &Additions, turn: &mut Turn<'_>) {
        // By whatever way it came here: who has not proven anything is told nothing.
        if self.record.verdict != Some(Verdict::Passed) {
            let code = Code::UseIdentityHeader;
            self.inquired(InquiryFate::NotProven, turn);
            return self.answer(code.number(), code.phrase(), &[], turn);
        }
        let Ok(copy) = self.copy(additions, turn) else {
            return self.answer(500, "Server Internal Error", &[], turn);
        };
        let (asked, _) = lists(&self.request, &copy);
        let uri = copy
            .request_uri()
            .and_then(|uri| std::str::from_utf8(uri).ok());
        let policy = self.trunk.call.identity;
        let reached = uri.and_then(|uri| Identity::from_uri(uri, Role::Dest, policy).ok());
        let due = turn.now.ticks.after(self.trunk.deadline);
        if let Some(inquiry) = self.inquiry.as_deref_mut() {
            inquiry.due = due;
        }
        self.stage = Stage::Inquired;
        turn.set_timer(self.id, Part::Inquiry, due);
        turn.out.push(Output::SignAnswer(Box::new(SignAnswer {
            id: self.id,
            answer: ANSWER,
            status: PROGRESS,
            asked,
            reached,
            verdict: self.record.verdict,
            media_keys: None,
            trunk: Arc::clone(&self.trunk),
            deadline: due,
        })));
    }

    /// The host has signed, or not.
    pub(super) fn inquiry_signed(&mut self, identities: &[Box<str>], turn: &mut Turn<'_>) {
        let is_waiting = matches!(self.stage, Stage::Inquired) && self.responder().is_none();
        if !is_waiting {
            return;
        }
        let fate = match identities.is_empty() {
            true => InquiryFate::Unsigned,
            false => InquiryFate::Answered,
        };
        self.inquired(fate, turn);
        self.record.forwarded = Some(turn.now.ticks);
        let tag = turn.tokens.local_tag(&self.request);
        let place = turn.options.names.at(self.transport, self.arrived_at);
        let contact = match self.transport {
            Transport::Tcp => format!("<sip:{place};transport=tcp>"),
            Transport::Tls => format!("<sips:{place}>"),
            Transport::Udp => format!("<sip:{place}>"),
        };
        let sequence = turn.tokens.response_number(&self.request);
        let told = Told {
            tag: tag.as_bytes(),
            contact: &contact,
            sequence,
            identities,
            host: place.host(),
        };
        let response = progress(&self.request, told);
        self.know_inquiry(tag.as_bytes(), turn);
        let invite = self.request.cseq().map_or(0, |cseq| cseq.sequence);
        let timing = turn.options.timing;
        let now = turn.now.ticks;
        let responder = Responder::new(
            response.clone(),
            (sequence, invite),
            timing,
            LONGEST_INQUIRY,
            now,
        );
        turn.set_timer(self.id, Part::Inquiry, responder.next());
        if let Some(inquiry) = self.inquiry.as_deref_mut() {
            inquiry.responder = Some(responder);
        }
        self.pass_provisional(PROGRESS, response, turn);
    }

    /// From now on requests inside of it are known.
    fn know_inquiry(&mut self, tag: &[u8], turn: &mut Turn<'_>) {
        let (Ok(call_id), Ok(from)) = (self.request.call_id(), self.request.from()) else {
            return;
        };
        let key = turn
            .tokens
            .dialog(call_id, from.tag().unwrap_or_default(), tag);
        turn.table.inquiries.insert(key, self.id);
        if let Some(inquiry) = self.inquiry.as_deref_mut() {
            inquiry.key = Some(key);
        }
    }

    /// Nothing finds it any more.
    pub(super) fn leave_inquiry(&self, turn: &mut Turn<'_>) {
        if let Some(key) = self.inquiry.as_deref().and_then(|inquiry| inquiry.key) {
            turn.table.inquiries.remove(&key);
        }
    }

    fn responder(&mut self) -> Option<&mut Responder> {
        self.inquiry.as_deref_mut()?.responder.as_mut()
    }

    /// What a request inside of it is answered.
    fn said_inside(&mut self, request: &Message) -> (u16, &'static str) {
        let is_prack = request.method() == Some(Method::Prack);
        let is_for_us = is_prack
            && self
                .responder()
                .is_some_and(|responder| responder.acknowledge(request));
        match request.method() {
            _ if is_for_us => (200, "OK"),
            _ if is_prack => (481, "Call/Transaction Does Not Exist"),
            // RFC 3261 §15: "The caller's UA MAY send a BYE for either confirmed or early dialogs".
            Some(Method::Bye) => (200, "OK"),
            _ => (405, "Method Not Allowed"),
        }
    }

    /// Its timer is due.
    pub(super) fn inquiry_due(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.stage, Stage::Inquired) {
            return;
        }
        let now = turn.now.ticks;
        let Some(responder) = self.responder() else {
            let due = self.inquiry.as_deref().map(|inquiry| inquiry.due);
            if due.is_some_and(|due| now >= due) {
                turn.out.push(forget(self.id));
                self.inquiry_signed(&[], turn);
            }
            return;
        };
        let (due, next) = (responder.fire(now), responder.next());
        let response: Bytes = responder.response().clone();
        match due {
            Due::Again => {
                self.pass_provisional(PROGRESS, response, turn);
                turn.set_timer(self.id, Part::Inquiry, next);
            }
            Due::Later => turn.set_timer(self.id, Part::Inquiry, next),
            Due::Over => self.answer(480, "Temporarily Unavailable", &[], turn),
            Due::Unacknowledged => self.answer(504, "Server Time-out", &[], turn),
        }
    }

    /// Who asked has heard enough, or gives up.
    pub(super) fn end_inquiry(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.stage, Stage::Inquired) {
            return;
        }
        if self.responder().is_none() {
            turn.out.push(forget(self.id));
        }
        self.answer(487, "Request Terminated", &[], turn);
    }

    /// Tells what became of it.
    fn inquired(&mut self, fate: InquiryFate, turn: &mut Turn<'_>) {
        let inquiry = self.inquiry.as_deref();
        turn.event(Event::Inquiry(Box::new(Inquired {
            id: self.id,
            trunk: Arc::clone(&self.trunk),
            source: self.source,
            asks: inquiry.and_then(|inquiry| inquiry.asks.clone()),
            called: inquiry.and_then(|inquiry| inquiry.called.clone()),
            fate,
        })));
    }
}

/// There is one answer to an inquiry.
const ANSWER: AnswerId = AnswerId(1);

fn forget(id: ContextId) -> Output {
    Output::ForgetAnswer { id, answer: ANSWER }
}
