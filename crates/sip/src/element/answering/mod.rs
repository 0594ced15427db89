//! Answers of trunks with connected identity ([RFC 9970](https://www.rfc-editor.org/rfc/rfc9970)): they are signed, or judged, before they go
//! back; and where a proof is required and there is none, they do not.
//!
//! ```text
//!   101 to 299 ──▶ known already? ── as before ──────────────────────────────▶ back
//!                       │
//!                       ├─ nobody signed it, we may ─▶ sign ─▶ waits ─▶ signed ─▶ back
//!                       ├─ b2bua, 2xx or required ───▶ judge ─▶ waits ─┬─ proven ─▶ back
//!                       │                                              ├─ required and not, and only rings: back without SDP
//!                       │                                              └─ required and not: refused (ACK and BYE), maybe given up
//!                       ├─ proxy ────────────────────▶ judge, and back at once; required and disproved: CANCEL, if it is not too late
//!                       └─ required, SDP, unreliable ▶ back without SDP
//! ```
//!
//! What waits goes back in the order it came. Each wait ends at the deadline of the trunk: then an answer goes on without signature, and
//! one that was not judged is *not validated*, which is nobody's proof.
//!
//! - `forks`: what is known of each party that a call has reached
//! - `keys`: what becomes of answers whose media keys are not proven
//! - `questions`: what the host is asked, and what follows from its answers
//! - `refusing`: answers that the caller does not get, and calls that end for it
//! - `seals`: signatures that were shown by somebody else before
//! - `unheard`: answers that the caller gets without what could be heard of them
//!
//! Not here: what is asked and told (`connected`), how an answer goes back (`outgoing`, `ending`), what the judgement is.

mod forks;
mod keys;
mod questions;
mod refusing;
mod seals;
mod unheard;

use super::context::{Context, Stage};
use super::event::Event;
use super::{AnswerFate, AnswerId, ConnectedAnswer, Turn};
use crate::b2bua::{Guard, Partners, Side};
use crate::call;
use crate::grammar::{number, trim};
use crate::identity_header;
use crate::message::{Framing, Message, Name};
use crate::proxy::{Copy, Urgency};
use crate::trunk::{AnswerChecking, AnswerSigning, Connected, MediaSecurity, NextHopTrust};
use countersign::certificate::ServiceProviderCode;
use countersign::identity::{Identity, Role};
use countersign::time::{Ticks, UnixTime};
use countersign::verification::answer::Pin;
use countersign::verification::{Purpose, Verdict};
use forks::{Forks, Outcome};
use questions::{Question, Watched};
use seals::Seals;
use std::collections::VecDeque;
use std::sync::Arc;
use unheard::rings_otherwise;
pub(super) use unheard::without_body;

/// Most questions to the host about the answers to one call. One call has two, or as many as the phones that it rings; whoever sends more
/// wants to have us compute.
pub const MAX_ANSWERS_ASKED: u32 = 64;

/// Most answers of one call that wait.
const MAX_WAITING: usize = 32;

/// What a PASSporT in compact form has in the place of its claims: RFC 8225 §7.
const COMPACT: &str = "..";

/// Values of Identity.
type Values = Arc<[Box<str>]>;

/// What a call has of connected identity.
pub(super) struct Answering {
    /// The values of Identity that the INVITE came with, and ours.
    asked: Values,
    /// Those that it was sent on with.
    sent_with: Values,
    /// Whom its Request-URI named when it went on.
    called: Option<Identity>,
    /// Who calls, if there are two dialogs that they may speak in.
    caller: Option<Identity>,
    /// The key that signed for whoever calls, where that is told.
    caller_key: Option<Box<[u8; 32]>>,
    /// Their provider code, likewise.
    caller_provider: Option<ServiceProviderCode>,
    /// When it went on.
    sent: UnixTime,
    signs: Signs,
    checks: Checks,
    /// Whether somebody could prove who answers.
    provable: Provable,
    /// What its call asks for.
    media: MediaSecurity,
    forks: Forks,
    seals: Seals,
    /// In the order they came.
    waiting: VecDeque<Waiting>,
    /// What is asked about answers that have gone back.
    watched: Vec<Watched>,
    /// How many questions there were.
    questions: u32,
    refusal: Refusal,
    /// An answer was refused: until when somebody else may begin to answer.
    others: Option<Ticks>,
}

/// Whether answers are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signs {
    /// The INVITE had an Identity when it came, and the trunk wants its answers signed.
    Answers,
    Nothing,
}

/// Whether answers are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checks {
    Nothing,
    /// What contradicts the media keys that were signed is refused. What else is found is told.
    Keys,
    /// What is found is told.
    Reported,
    /// What is not proven is refused.
    Required,
}

/// Whether the call was given up, of one who can only cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    None,
    /// The far side was told, and has not answered.
    Pending,
}

/// An answer that waits, for itself or for those before it.
struct Waiting {
    answer: Arriving,
    /// What it waits for; nothing if only for those before it.
    question: Option<Question>,
}

/// An answer on its way back.
#[derive(Clone)]
struct Arriving {
    /// Whose it is: the To tag.
    tag: Box<[u8]>,
    kind: Kind,
    status: u16,
    response: Message,
}

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A 2xx.
    Final,
    /// Provisional, and repeated until it is acknowledged, with this RSeq: RFC 3262.
    Reliable(u32),
    /// Provisional.
    Ringing,
}

/// What is done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// It waits until it is judged.
    Judge,
    Pass,
    Sign,
    Strip,
    /// It goes back, and is judged.
    Watch,
}

/// Whether a call may go on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provable {
    /// Its trunk requires a proof of who answers, and nobody could give it.
    Never,
    /// It can be proven, or need not be.
    Perhaps,
}

impl Answering {
    /// What is done about the answers to a request that is sent on as `copy`, if anything is.
    fn of(connected: &Connected, context: &Context, copy: &Copy, sent: UnixTime) -> Option<Self> {
        let (asked, sent_with) = lists(&context.request, copy);
        let policy = &context.trunk.call;
        let called = copy
            .request_uri()
            .and_then(|uri| std::str::from_utf8(uri).ok())
            .and_then(|uri| Identity::from_uri(uri, Role::Dest, policy.identity).ok());
        // RFC 9970 §13: "PASSporTs can only be present in responses to requests carrying a PASSporT".
        // What says that it is an answer is none of them (§9: "MUST be ignored"), and costs nobody a question.
        let presented = identity_header::presented(&context.request).into_iter();
        let has_identity = presented
            .flatten()
            .any(|one| Purpose::announced(one.ppt.as_deref()) != Purpose::Answer);
        let signs = match connected.sign {
            AnswerSigning::All | AnswerSigning::OwnNumbers if has_identity => Signs::Answers,
            _ => Signs::Nothing,
        };
        let is_provable = can_be_answered(&sent_with) && called.is_some();
        let media = keys::asked(connected, context);
        let checks = match connected.check {
            _ if connected.requires(called.as_ref()) => Checks::Required,
            _ if media == MediaSecurity::Required => Checks::Required,
            _ if media == MediaSecurity::Opportunistic && is_provable => Checks::Keys,
            AnswerChecking::Report | AnswerChecking::Require if is_provable => Checks::Reported,
            _ => Checks::Nothing,
        };
        let is_off = (signs, checks) == (Signs::Nothing, Checks::Nothing);
        (!is_off).then(|| Self {
            asked,
            sent_with,
            caller: context.crossing.as_ref().and_then(|_| caller_of(context)),
            caller_key: context.record.key.clone(),
            caller_provider: context.record.provider.clone(),
            called,
            sent,
            signs,
            checks,
            provable: match is_provable {
                true => Provable::Perhaps,
                false => Provable::Never,
            },
            media,
            forks: Forks::default(),
            seals: Seals::default(),
            waiting: VecDeque::new(),
            watched: Vec::new(),
            questions: 0,
            refusal: Refusal::None,
            others: None,
        })
    }

    fn provable(&self, context: &Context) -> Provable {
        if self.media == MediaSecurity::Required && keys::are_hopeless(context) {
            return Provable::Never;
        }
        match self.checks {
            Checks::Required => self.provable,
            Checks::Keys | Checks::Nothing | Checks::Reported => Provable::Perhaps,
        }
    }

    /// Whether nothing is under way.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.watched.is_empty()
    }

    /// The bytes that it holds beyond itself, about.
    fn bytes(&self) -> usize {
        let lists = self.asked.iter().chain(&*self.sent_with);
        let values: usize = lists.map(|value| value.len()).sum();
        let waiting = self.waiting.iter();
        let waiting: usize = waiting.map(|one| one.answer.response.bytes().len()).sum();
        values + waiting + self.forks.bytes() + self.seals.bytes()
    }

    /// Another question to the host about an answer of this kind, if there may be one. Who only rings leaves half of them to who answers.
    fn next_question(&mut self, kind: Kind) -> Option<AnswerId> {
        let most = match kind {
            Kind::Final => MAX_ANSWERS_ASKED,
            Kind::Reliable(_) | Kind::Ringing => MAX_ANSWERS_ASKED / 2,
        };
        if self.questions >= most {
            return None;
        }
        self.questions += 1;
        Some(AnswerId(self.questions))
    }

    /// Whoever answers counts for more than one who only rings: there is room for it among those who are remembered, if that can be.
    fn make_room_for(&mut self, tag: &[u8]) {
        let waiting = self.waiting.iter().map(|one| &*one.answer.tag);
        let waiting: Vec<_> = waiting
            .chain(self.watched.iter().map(Watched::tag))
            .collect();
        let is_waiting = |tag: &[u8]| waiting.contains(&tag);
        self.forks.make_room_for(tag, is_waiting);
    }

    /// Whether this answer waits already.
    fn has_waiting(&self, arriving: &Arriving) -> bool {
        let mut waiting = self.waiting.iter().map(|one| &one.answer);
        arriving.kind != Kind::Ringing
            && waiting.any(|one| one.kind == arriving.kind && one.tag == arriving.tag)
    }
}

impl Arriving {
    fn of(status: u16, response: &Message) -> Self {
        let tag = response.to().ok().and_then(|to| to.tag());
        Self {
            tag: tag.unwrap_or_default().into(),
            kind: Kind::of(status, response),
            status,
            response: response.clone(),
        }
    }

    fn is_final(&self) -> bool {
        self.kind == Kind::Final
    }

    fn has_body(&self) -> bool {
        !self.response.body().is_empty()
    }

    /// Whether somebody has signed it.
    fn has_rsp(&self) -> bool {
        // What cannot be read is nobody's signature, and keeps ours away as little as it keeps the caller from reading ours.
        let mut presented = identity_header::presented(&self.response)
            .into_iter()
            .flatten();
        presented.any(|one| Purpose::announced(one.ppt.as_deref()) == Purpose::Answer)
    }
}

impl Kind {
    // RFC 3262 §3: "The provisional response to be sent reliably is constructed by the UAS core according to the procedures of Section
    // 8.2.6 of RFC 3261.  In addition, it MUST contain a Require header field containing the option tag 100rel, and MUST include an RSeq
    // header field."
    fn of(status: u16, response: &Message) -> Self {
        if status >= 200 {
            return Self::Final;
        }
        let mut required = response.elements(Name::Require);
        let is_reliable = required.any(|tag| tag.eq_ignore_ascii_case(b"100rel"));
        let sequence = response.header(Name::RSeq).map(trim).and_then(number);
        match sequence.filter(|_| is_reliable) {
            Some(sequence) => Self::Reliable(sequence),
            None => Self::Ringing,
        }
    }
}

impl Context {
    /// The request is about to be sent on as `copy`, with whole PASSporTs, and is as urgent.
    pub(super) fn begin_answering(
        &mut self,
        copy: &Copy,
        urgency: Urgency,
        turn: &mut Turn<'_>,
    ) -> Provable {
        // Most trunks have none, and pay nothing more.
        if self.trunk.connected.is_none() {
            return Provable::Perhaps;
        }
        let begins = self.is_invite() && !self.is_inside_a_call() && !self.is_in_dialog();
        // Nobody in need waits for a proof, nor whoever calls them back.
        let is_call = begins && urgency == Urgency::Ordinary;
        let connected = self.trunk.connected.as_deref().filter(|_| is_call);
        let answering =
            connected.and_then(|connected| Answering::of(connected, self, copy, turn.now.unix));
        self.answering = answering.map(Box::new);
        let call = self.crossing.as_ref().map(|crossing| crossing.call);
        if self.requires_proof()
            && let Some(call) = call.and_then(|call| turn.table.calls.get_mut(call))
        {
            call.guard = Guard::ProofRequired;
        }
        self.answering
            .as_ref()
            .map_or(Provable::Perhaps, |answering| answering.provable(self))
    }

    /// The bytes that answers hold.
    pub(super) fn answering_bytes(&self) -> usize {
        self.answering
            .as_ref()
            .map_or(0, |answering| answering.bytes())
    }

    /// Whether nothing is under way about an answer.
    pub(super) fn is_answering_idle(&self) -> bool {
        self.answering
            .as_ref()
            .is_none_or(|answering| answering.is_idle())
    }

    /// Whether there is something about an answer that ends by time.
    pub(super) fn awaits_about_answers(&self) -> bool {
        let answering = self.answering.as_ref();
        answering.is_some_and(|answering| !answering.is_idle() || answering.others.is_some())
    }

    /// An answer came: a response of 101 to 299.
    pub(super) fn answer_came(&mut self, status: u16, message: &Message, turn: &mut Turn<'_>) {
        let arriving = Arriving::of(status, message);
        if arriving.is_final() && self.is_refused_anyway(message, turn) {
            self.unheard_answer(status, message);
            return self.deliver_success(status, message, turn);
        }
        let Some(answering) = &mut self.answering else {
            return;
        };
        if !arriving.is_final() && !matches!(self.stage, Stage::Forwarding(_)) {
            return answering.seals.shown_in(&arriving.tag, message);
        }
        if answering.has_waiting(&arriving) {
            return;
        }
        let fork = answering.forks.get(&arriving.tag);
        let known = fork.and_then(|fork| fork.known(arriving.kind));
        if known.is_some() {
            answering.seals.shown_in(&arriving.tag, message);
        }
        match known {
            Some(Outcome::Passed(response)) => {
                if let Ok(response) = Message::parse(response.clone(), Framing::Datagram) {
                    let again = Arriving {
                        response,
                        ..arriving
                    };
                    self.send_back(again, turn);
                }
            }
            Some(Outcome::Refused) if arriving.is_final() => {
                self.refuse_answer(&arriving.response, None, turn);
            }
            Some(Outcome::Refused) => {}
            None => self.new_answer(arriving, turn),
        }
    }

    /// An answer came that goes nowhere: what it shows was shown all the same.
    pub(super) fn unheard_answer(&mut self, status: u16, message: &Message) {
        if let Some(answering) = &mut self.answering
            && matches!(status, 101..=299)
        {
            let tag = message.to().ok().and_then(|to| to.tag());
            answering.seals.shown_in(tag.unwrap_or_default(), message);
        }
    }

    /// An answer came that is not the same as one before.
    fn new_answer(&mut self, arriving: Arriving, turn: &mut Turn<'_>) {
        let holds = self.holds_answers();
        let Some(answering) = &mut self.answering else {
            return;
        };
        if arriving.is_final() {
            answering.make_room_for(&arriving.tag);
        }
        let plan = match answering.forks.enter(&arriving.tag) {
            Some(_) => plan(&arriving, answering.signs, answering.checks, holds),
            None if arriving.is_final() => return self.answer_beyond(arriving, turn),
            // Nobody rings so many phones.
            None if holds && answering.checks == Checks::Required => {
                return answering.seals.shown_in(&arriving.tag, &arriving.response);
            }
            None => Plan::Pass,
        };
        match plan {
            Plan::Judge => self.judge_answer(arriving, turn),
            Plan::Pass => self.line_up(arriving, None, turn),
            Plan::Sign => self.sign_answer(arriving, turn),
            Plan::Strip => self.strip_answer(arriving, turn),
            Plan::Watch => self.watch_answer(arriving, turn),
        }
    }

    /// Whether an answer can wait until it is judged.
    fn holds_answers(&self) -> bool {
        self.trunk.b2bua().is_some()
    }

    /// An answer waits for a question, or for those before it.
    fn line_up(&mut self, answer: Arriving, question: Option<Question>, turn: &mut Turn<'_>) {
        let Some(answering) = &mut self.answering else {
            return;
        };
        // Most wait for nobody.
        if question.is_none() && answering.waiting.is_empty() {
            return self.pass_answer(answer, turn);
        }
        // There are only so many questions; and a 2xx is repeated.
        if answering.waiting.len() < MAX_WAITING || question.is_some() {
            let waiting = Waiting { answer, question };
            answering.waiting.push_back(waiting);
        }
        self.pass_ready(turn);
    }

    /// What waits for nothing any more goes back.
    fn pass_ready(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(answering) = &mut self.answering else {
                return;
            };
            let first = answering.waiting.front();
            if first.is_none_or(|first| first.question.is_some()) {
                return;
            }
            let Some(Waiting { answer, .. }) = answering.waiting.pop_front() else {
                return;
            };
            if answering.waiting.is_empty() {
                answering.waiting = VecDeque::new();
            }
            self.pass_answer(answer, turn);
        }
    }

    /// An answer goes back, and the same once more will go back so.
    fn pass_answer(&mut self, answer: Arriving, turn: &mut Turn<'_>) {
        let answering = self.answering.as_mut();
        if let Some(fork) = answering.and_then(|answering| answering.forks.enter(&answer.tag)) {
            fork.passed(answer.kind, &answer.response);
        }
        self.send_back(answer, turn);
    }

    /// An answer goes back.
    fn send_back(&mut self, answer: Arriving, turn: &mut Turn<'_>) {
        match answer.kind {
            Kind::Final => self.deliver_success(answer.status, &answer.response, turn),
            Kind::Reliable(_) | Kind::Ringing => {
                self.pass_ringing(answer.status, &answer.response, turn);
            }
        }
    }

    /// A response has made a dialog: who speaks in it is known from now on.
    pub(super) fn note_partners(&self, response: &Message, turn: &mut Turn<'_>) {
        let Some((answering, crossing)) = self.answering.as_ref().zip(self.crossing.as_ref())
        else {
            return;
        };
        let Some(far_tag) = response.to().ok().and_then(|to| to.tag()) else {
            return;
        };
        let partners = answering
            .forks
            .get(far_tag)
            .and_then(|fork| fork.partners.clone());
        let call = turn.table.calls.get_mut(crossing.call);
        let dialog = call.and_then(|call| call.dialog_mut_of(far_tag));
        if let Some((dialog, partners)) = dialog.zip(partners) {
            dialog.partners = Some(partners);
        }
    }

    /// Who was reached, as far as we know: whom the request named that went on, unless the called side says otherwise.
    // RFC 9970 §5: "If no "div" PASSporTs were received in a dialog-forming request with a different "dest" value than the original PASSporT
    // claimed, then "rsp" PASSporTs MUST NOT be used in responses." Who was reached behind us without a div of ours was reached so.
    fn reached(&self, response: &Message) -> Option<Identity> {
        let called = self.answering.as_ref()?.called.clone()?;
        let asserted = match self.trunk.next_hop_trust {
            NextHopTrust::Inside => call::asserted(response, self.trunk.call.identity),
            NextHopTrust::Outside => None,
        };
        asserted
            .is_none_or(|asserted| asserted == called)
            .then_some(called)
    }

    /// Tells what became of an answer.
    fn told(&self, answer: Option<AnswerId>, status: u16, fate: AnswerFate, turn: &mut Turn<'_>) {
        let called = self.answering.as_ref().and_then(|one| one.called.clone());
        turn.event(Event::Answer(Box::new(ConnectedAnswer {
            id: self.id,
            answer,
            trunk: Arc::clone(&self.trunk),
            call_id: self.request.header(Name::CallId).unwrap_or_default().into(),
            called,
            status,
            fate,
        })));
    }
}

/// What is done with an answer.
fn plan(arriving: &Arriving, signs: Signs, checks: Checks, holds: bool) -> Plan {
    let has_rsp = || arriving.has_rsp();
    if checks == Checks::Required && holds {
        return match arriving.kind {
            Kind::Final => Plan::Judge,
            _ if has_rsp() => Plan::Judge,
            _ if !arriving.has_body() && rings_otherwise(&arriving.response) => Plan::Strip,
            _ if !arriving.has_body() => Plan::Pass,
            // Whoever acknowledges it has an offer, or an answer: it is proven now or never.
            Kind::Reliable(_) => Plan::Judge,
            Kind::Ringing => Plan::Strip,
        };
    }
    // RFC 9970 §13: "The use of PASSporTs within responses creates a novel potential vector for amplification attacks, as many responses may
    // be sent in response to a single SIP request". So what need not arrive is not signed.
    let may_sign = arriving.kind != Kind::Ringing;
    // Where a proof is required it is not for us to give it.
    if signs == Signs::Answers && checks != Checks::Required && may_sign && !has_rsp() {
        return Plan::Sign;
    }
    match (checks, arriving.kind) {
        (Checks::Nothing, _) => Plan::Pass,
        (_, Kind::Final) if holds => Plan::Judge,
        (Checks::Keys, _) if holds && arriving.has_body() && has_rsp() => Plan::Judge,
        (_, Kind::Final) => Plan::Watch,
        // RFC 9970 §4: "provisional responses may be consumed (without forwarding) by intermediaries under a variety of conditions. In short,
        // their delivery is not guaranteed." Nobody misses a PASSporT that may get lost.
        (_, Kind::Reliable(_) | Kind::Ringing) if has_rsp() => Plan::Watch,
        (_, Kind::Reliable(_) | Kind::Ringing) => Plan::Pass,
    }
}

/// The values of Identity, as texts.
fn identity_values<'a>(lines: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = Box<str>> {
    let values = lines.flat_map(identity_header::values);
    let values = values.take(identity_header::MAX_PRESENTED);
    values.filter_map(|value| std::str::from_utf8(trim(value)).ok().map(Box::from))
}

/// Whether somebody speaks for the caller in whole words, so that an answer can be held against them: a PASSporT in compact form names
/// nobody whom an answer could name.
fn can_be_answered(sent_with: &[Box<str>]) -> bool {
    let mut sent_with = sent_with.iter();
    sent_with.any(|value| {
        identity_header::parse(value.as_bytes()).is_ok_and(|one| {
            let purpose = Purpose::announced(one.ppt.as_deref());
            let may_speak = matches!(purpose, Purpose::Caller | Purpose::RichData);
            may_speak && !one.token.contains(COMPACT)
        })
    })
}

/// What a request came with and what we add, and what it was sent on with. The two differ where ours takes the place of others.
pub(super) fn lists(request: &Message, copy: &Copy) -> (Values, Values) {
    let lines = request.headers(Name::Identity).map(|line| line.value);
    let came: Vec<_> = identity_values(lines).collect();
    let sent_with: Values = identity_values(copy.values(Name::Identity)).collect();
    if came.iter().all(|value| sent_with.contains(value)) {
        return (Arc::clone(&sent_with), sent_with);
    }
    let ours: Vec<_> = sent_with
        .iter()
        .filter(|value| !came.contains(value))
        .cloned()
        .collect();
    let asked = came.into_iter().chain(ours).collect();
    (asked, sent_with)
}

/// Who calls: what requests inside the dialog are held against. Somebody who does not say who it is is only so far somebody as their
/// provider has signed for them.
fn caller_of(context: &Context) -> Option<Identity> {
    let is_proven = context.record.verdict == Some(Verdict::Passed);
    let is_judged = context.trunk.verifies();
    let caller = call::speaker(&context.request, &context.trunk.call).0?;
    let is_somebody = !caller.is_anonymous() || is_proven || !is_judged;
    is_somebody.then_some(caller)
}

/// Who speaks in the dialog of an answer.
fn partners(answering: &Answering, reached: Identity, foreign: Side) -> Box<Partners> {
    let caller = answering.caller.clone();
    let pin = match foreign {
        Side::Near => caller.clone().zip(answering.caller_key.as_deref().copied()),
        Side::Far => None,
    };
    Box::new(Partners {
        caller,
        reached,
        pin: pin.map(|(identity, key)| Pin {
            identity,
            key,
            provider: answering.caller_provider.clone(),
        }),
        foreign,
    })
}
