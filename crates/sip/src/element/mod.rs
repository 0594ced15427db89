//! A transaction-stateful proxy that has calls signed and judged: [RFC 3261 §16](https://www.rfc-editor.org/rfc/rfc3261#section-16)
//! without sockets, clock and luck.
//!
//! [`Element::handle`] takes one [`Input`] and the time, and pushes what is to be done as [`Output`]s. One element is one shard; a host
//! that has several sends all messages of one Call-ID to the same. Nothing here waits: a signature or a judgement is asked for
//! with [`Output::Sign`] or [`Output::Judge`] and comes back as [`Input::Signed`] or [`Input::Judged`], at once or later, and no
//! call waits longer than its trunk's deadline.
//!
//! ```text
//!   INVITE ──▶ incoming ──▶ validation ──▶ context ──▶ decision ⇄ host (sign, judge)
//!                 │ ACK, CANCEL              │  ▲          │
//!                 ▼                          │  │          ▼
//!           the INVITE's context             │  └──── forwarding: the copy, one branch per next hop
//!                                            ▼                     │
//!   ◀────────────────────────────── server transaction ◀── outgoing: responses, timers, failures
//! ```
//!
//! - `incoming`: requests, to the context they belong to or a new one
//! - `validation`: RFC 3261 §16.3
//! - `context`: the response context, which owns one server transaction and its branches
//! - `decision`: whether a call is signed, judged or passed, and what follows from the answer
//! - `redirection`: the answer of redirect mode, where nothing is sent on
//! - `reporting`: what responses tell of errors of PASSporTs
//! - `outgoing`: branches and their ends, the choice of the response, RFC 3261 §16.7 to §16.10
//! - `server_side`, `branch`: a transaction machine with its bytes and addresses
//! - `hops`: which next hop is tried first
//! - `answering`: answers that are signed or judged before they go back
//! - `inquiring`: who would answer, told without ringing
//! - `calls`, `crossing`: the calls of back-to-back trunks, and their messages between two dialogs
//! - `ending`, `own`: answers held back, calls ended, and the BYE and ACK that this takes
//! - `mid_dialog`: requests inside dialogs that were established with connected identity
//! - `slim`: what is forgotten of a call that rings
//! - `asked`: what the host is asked, and what it answers
//! - `tokens`: branches, tags and the loop check
//! - `connected`: what is asked and told about answers
//! - `event`: what the host logs and counts
//! - `excess`: requests that must not begin
//!
//! Not here: which trunk a source is ([`crate::trunk::Trunks`]), addresses of names, connections.
//!
//! It adds no Record-Route unless its trunk wants it: mid-dialog requests do not come here unless their sender has us as its outbound proxy, and then they
//! pass. It never forks: next hops are tried one after another.

mod answering;
mod asked;
mod branch;
mod by_context;
mod calls;
mod connected;
mod context;
mod crossing;
mod decision;
mod ending;
mod event;
mod excess;
mod hops;
mod incoming;
mod inquiring;
mod mid_dialog;
mod outgoing;
mod own;
mod redirection;
mod reporting;
mod server_side;
mod slim;
mod tokens;
mod validation;

use crate::flow::{Flow, Target};
use crate::message::{Message, Method, ParseError};
use crate::probe::Standing;
use crate::transaction::matching::{ClientKey, ServerKey};
use crate::transaction::{Timer, Timing};
use crate::trunk::{OurNames, SentBy, Trunk};
use branch::Branch;
use by_context::ByContext;
use bytes::Bytes;
use calls::Calls;
use context::Context;
use countersign::time::{Now, Ticks};
use hops::Hops;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokens::{Digits, Tokens};

pub use answering::MAX_ANSWERS_ASKED;
pub use asked::{Answer, Ending, Judge, Judgement, Sign, Subject};
pub use connected::{
    AnswerFate, AnswerId, AnswerJudgement, ConnectedAnswer, JudgeAnswer, SignAnswer, Unsigned,
};
pub use event::{
    CallEnded, DropCause, EndedBy, Event, Finished, Handling, HopFailure, Reported, ReportedOn,
    SignatureFate,
};
pub use excess::{Needed, Rank, Unanswered};
pub use hops::{HOP_REST, MAX_ASKED_REST, MAX_DIVERTED};
pub use inquiring::{Inquired, InquiryFate, LONGEST_INQUIRY};
pub use mid_dialog::{MidDialogFate, MidDialogRequest, Unproven};

/// Most response contexts that one proxy holds; requests beyond are answered 503.
///
/// A call over UDP keeps its context for 32 s after its answer (Timers H, J, L): this many are 2,000 calls a second in one shard.
pub const DEFAULT_MAX_CONTEXTS: usize = 65_536;

/// Most bytes that one proxy's response contexts are reckoned at; requests beyond are answered 503. [`DEFAULT_MAX_CONTEXTS`] of the
/// usual 1.3 kB fit, but not as many of the longest messages, which would be 16 GiB.
pub const DEFAULT_MAX_CONTEXT_BYTES: usize = 512 * 1024 * 1024;

/// Most calls of back-to-back trunks that one element holds; INVITEs beyond are answered 503. Each takes about 1 kB while people talk:
/// this many are 10,000 calls a minute of thirteen minutes each.
pub const DEFAULT_MAX_DIALOGS: usize = 131_072;

/// What is left for emergency calls, and inside calls, when there is no room for others: this part of both limits on top of them.
const EMERGENCY_RESERVE: usize = 16;

/// Timer C. RFC 3261 §16.6: "The timer MUST be larger than 3 minutes."
pub const TIMER_C: Duration = Duration::from_secs(181);

/// What the host still has to answer after [`Output::Expire`]; then the proxy decides alone.
pub const EXPIRE_GRACE: Duration = Duration::from_millis(20);

/// How long a request that went by TCP only for its size may stay unanswered, until it goes by UDP.
pub const TCP_SILENCE: Duration = Duration::from_millis(200);

/// What an element is told once.
#[derive(Clone, Debug)]
pub struct Options {
    /// What others call us.
    pub names: OurNames,
    /// Random, new at each start, the same in all shards: branches and tags are made of it, so that nobody can guess them.
    pub secret: [u8; 16],
    /// Which shard this is; no two may have the same number.
    pub shard: u32,
    /// The estimates that timers scale with.
    pub timing: Timing,
    /// Most response contexts at a time.
    pub max_contexts: usize,
    /// Most bytes that they are reckoned at.
    pub max_context_bytes: usize,
    /// Most calls of back-to-back trunks at a time.
    pub max_dialogs: usize,
    /// What happens to requests that come by no trunk.
    pub unknown_source: UnknownSource,
}

impl Options {
    /// The defaults, for a proxy of one shard.
    pub fn new(sent_by: SentBy, secret: [u8; 16]) -> Self {
        Self {
            names: OurNames {
                sent_by,
                also_known_as: Vec::new(),
                listeners: Vec::new(),
            },
            secret,
            shard: 0,
            timing: Timing::default(),
            max_contexts: DEFAULT_MAX_CONTEXTS,
            max_context_bytes: DEFAULT_MAX_CONTEXT_BYTES,
            max_dialogs: DEFAULT_MAX_DIALOGS,
            unknown_source: UnknownSource::default(),
        }
    }
}

/// What happens to requests that come by no trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownSource {
    /// Nothing: whoever scans the network learns nothing.
    #[default]
    Drop,
    /// 403, but no answer to ACK.
    Forbid,
}

/// One request that is being handled, and the call it may be. Never used twice by one proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(u64);

impl ContextId {
    /// A number for logs.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// What happens to a proxy.
#[derive(Clone, Debug)]
pub enum Input {
    /// The host judged what [`Output::JudgeAnswer`] asked.
    AnswerJudged {
        /// Which call.
        id: ContextId,
        /// Which of its answers.
        answer: AnswerId,
        /// What came of it.
        judgement: AnswerJudgement,
    },
    /// The host signed what [`Output::SignAnswer`] asked, or did not.
    AnswerSigned {
        /// Which call.
        id: ContextId,
        /// Which of its answers.
        answer: AnswerId,
        /// The values of the Identity headers to add; none if the service refused, for reasons that the host keeps.
        identities: Vec<Box<str>>,
    },
    /// The host ends a call of a back-to-back trunk, whatever it is at: an INVITE without answer is answered and cancelled, an answer
    /// that is held is refused, a call that was answered gets a BYE on both sides.
    End {
        /// Which call: the context of its INVITE, [`Answer::id`] or [`Finished::id`].
        id: ContextId,
        /// What both sides are told.
        ending: Ending,
    },
    /// A request came that must not begin, because the host is too busy or is about to end: it gets 503, and nothing is remembered.
    Excess {
        /// On which way.
        flow: Flow,
        /// The request.
        message: Message,
    },
    /// The host judged what [`Output::Judge`] asked.
    Judged {
        /// Which call.
        id: ContextId,
        /// What came of it.
        judgement: Judgement,
    },
    /// A message came.
    Received {
        /// On which way.
        flow: Flow,
        /// The message.
        message: Message,
        /// The trunk of its sender; `None` if it has none. Responses need none.
        trunk: Option<Arc<Trunk>>,
    },
    /// The host lets the answer pass that [`Output::Answered`] asked about.
    Release(ContextId),
    /// The host signed what [`Output::Sign`] asked, or did not.
    Signed {
        /// Which call.
        id: ContextId,
        /// The values of the Identity headers to add; none if the service refused, for reasons that the host keeps.
        identities: Vec<Box<str>>,
    },
    /// The host signed what [`Output::Sign`] asked in a form that the next hop has to rebuild.
    SignedCompact {
        /// Which call.
        id: ContextId,
        /// The value of the Identity header.
        compact: Box<str>,
        /// The same whole, for a next hop that answers 438: it is tried there once.
        full: Box<str>,
    },
    /// The host should have signed what [`Output::Sign`] asked, and could not: no fault of the caller's.
    SigningFailed {
        /// Which call.
        id: ContextId,
    },
    /// These next hops are down, and no others.
    Standing(Arc<Standing>),
    /// The time of [`Output::SetTimer`] has come. Late is fine, early is not.
    Timer(TimerId),
    /// Something could not be sent: refused, reset, unreachable, name of TLS wrong.
    TransportFailed {
        /// What [`Output::Send`] said.
        by: Sender,
        /// Where it should have gone.
        target: Target,
    },
    /// Of what [`Output::Judge`] asked for an inquiry, there is too much: nobody hears anything.
    TooManyInquiries(ContextId),
    /// Bytes came that are no message.
    Unreadable {
        /// On which way.
        flow: Flow,
        /// What is wrong with them.
        error: Box<ParseError>,
        /// The trunk of their sender; `None` if it has none.
        trunk: Option<Arc<Trunk>>,
    },
}

/// What a proxy wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// A call was answered, and the answer is held until [`Input::Release`] or [`Input::End`], or until the deadline lets it pass.
    Answered(Answer),
    /// Something to log or count.
    Event(Event),
    /// The deadline has passed: judge with what is known, now. An answer after [`EXPIRE_GRACE`] is not waited for.
    Expire(ContextId),
    /// The same of an answer to a call.
    ExpireAnswer {
        /// Which call.
        id: ContextId,
        /// Which of its answers.
        answer: AnswerId,
    },
    /// Nobody waits for the signature or judgement any more: forget it, but let a fetch that is under way end.
    Forget(ContextId),
    /// The same of the signature or judgement of an answer.
    ForgetAnswer {
        /// Which call.
        id: ContextId,
        /// Which of its answers.
        answer: AnswerId,
    },
    /// Judge a call.
    Judge(Judge),
    /// Judge an answer to a call: connected identity.
    JudgeAnswer(Box<JudgeAnswer>),
    /// Send bytes.
    Send {
        /// Where to.
        target: Target,
        /// What.
        bytes: Bytes,
        /// Who must be told if it fails; nobody if there is none.
        by: Option<Sender>,
    },
    /// Give back [`Input::Timer`] at this tick or soon after. Another tick for the same timer replaces nothing: both may fire.
    SetTimer {
        /// Which timer.
        id: TimerId,
        /// When.
        at: Ticks,
    },
    /// Sign a call.
    Sign(Sign),
    /// Sign an answer to a call: connected identity.
    SignAnswer(Box<SignAnswer>),
}

/// Names a timer. To be given back as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    context: ContextId,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    /// Questions about answers, and who else may answer.
    Answers,
    Branch(u8, BranchTimer),
    /// The longest call, or its session timer.
    Call,
    Decision,
    /// A reliable response that is not acknowledged yet, and the end of an inquiry.
    Inquiry,
    Server(Timer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum BranchTimer {
    /// Timer C of RFC 3261 §16.6.
    C,
    /// 64*T1 after a CANCEL: RFC 3261 §9.1.
    Cancelled,
    /// [`TCP_SILENCE`].
    Silence,
    Transaction(Timer),
}

/// Names who sent something. To be given back as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    context: ContextId,
    branch: u8,
}

/// The element of one shard.
///
/// # Example
/// ```
/// use countersign::time::Now;
/// use countersign_sip::flow::{Flow, Transport};
/// use countersign_sip::message::{Framing, Message};
/// use countersign_sip::element::{Input, Options, Output, Element};
/// use countersign_sip::trunk::{NextHop, SentBy, Trunk};
/// use std::sync::Arc;
///
/// let mut element = Element::new(Options::new(SentBy::new("proxy.example", None)?, [7; 16]));
/// let trunk = Trunk::new("customer", vec![NextHop::new(Transport::Udp, "192.0.2.20:5060".parse()?)]);
/// let request = "OPTIONS sip:proxy.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;rport;branch=z9hG4bK1\r\n\
///     From: <sip:a@a.example>;tag=1\r\nTo: <sip:proxy.example>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// let input = Input::Received {
///     flow: Flow {
///         transport: Transport::Udp,
///         local: "192.0.2.1:5060".parse()?,
///         remote: "192.0.2.10:40000".parse()?,
///         connection: None,
///     },
///     message: Message::parse(request.into(), Framing::Datagram)?,
///     trunk: Some(Arc::new(trunk)),
/// };
/// let mut out = Vec::new();
/// element.handle(input, Now::default(), &mut out);
/// let Some(Output::Send { target, bytes, .. }) = out.first() else { panic!("an answer") };
/// assert!(bytes.starts_with(b"SIP/2.0 200 OK\r\n"));
/// assert_eq!(target.remote.to_string(), "192.0.2.10:40000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Element {
    options: Options,
    contexts: ByContext<Box<Context>>,
    /// What they are reckoned at.
    context_bytes: usize,
    table: Table,
    tokens: Tokens,
}

/// What an element has to do at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests under way: response contexts.
    pub contexts: usize,
    /// What these are reckoned at, in bytes.
    pub context_bytes: usize,
    /// Transactions towards who asks.
    pub server_transactions: usize,
    /// Transactions towards next hops.
    pub client_transactions: usize,
    /// Calls of back-to-back trunks, ringing or answered.
    pub calls: usize,
}

/// Which transaction is whose, and what next hops are worth.
#[derive(Default)]
struct Table {
    servers: HashMap<ServerKey, ContextId>,
    branches: HashMap<ClientKey, (ContextId, u8)>,
    hops: Hops,
    calls: Calls,
    /// Inquiries that were answered, by the names of their dialogs.
    inquiries: HashMap<Digits, ContextId>,
    /// How many contexts are of requests from the far side of a call.
    from_far: usize,
    /// Our own BYEs.
    own: ByContext<Branch>,
    /// Those that wait for their signature.
    unsigned: ByContext<own::Waiting>,
    last_id: u64,
}

impl Table {
    fn next_id(&mut self) -> ContextId {
        self.last_id += 1;
        ContextId(self.last_id)
    }
}

/// What one call of [`Element::handle`] works with, besides the context it is about.
struct Turn<'a> {
    options: &'a Options,
    table: &'a mut Table,
    tokens: &'a mut Tokens,
    now: Now,
    out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    fn send(&mut self, target: Target, bytes: Bytes, by: Option<Sender>) {
        self.out.push(Output::Send { target, bytes, by });
    }

    fn set_timer(&mut self, context: ContextId, part: Part, at: Ticks) {
        let id = TimerId { context, part };
        self.out.push(Output::SetTimer { id, at });
    }

    fn event(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }
}

impl Element {
    /// An element that has nothing to do yet.
    pub fn new(options: Options) -> Self {
        Self {
            tokens: Tokens::new(&options),
            options,
            contexts: ByContext::default(),
            context_bytes: 0,
            table: Table::default(),
        }
    }

    /// From now on these hosts and ports mean us, instead of [`OurNames::also_known_as`].
    pub fn rename(&mut self, also_known_as: Vec<SentBy>) {
        self.options.names.also_known_as = also_known_as;
    }

    /// Whether a request belongs to the far side of a call that we carry, whoever sends it.
    pub fn carries(&self, request: &Message) -> bool {
        self.trunk_of_call(request).is_some() || self.inquiry_of(request).is_some()
    }

    /// Whether a request only goes on with what has begun: its transaction is known, or it is inside a dialog, or ends something.
    /// An INVITE inside a dialog says so itself and is signed or judged like the first, so its word is not taken.
    pub fn goes_on_with(&self, request: &Message) -> bool {
        let known = ServerKey::of(request).is_ok_and(|key| self.table.servers.contains_key(&key));
        let inside = || request.to().is_ok_and(|to| to.tag().is_some());
        known
            || self.table.calls.place(request, &self.tokens).is_some()
            || match request.method() {
                Some(Method::Ack | Method::Cancel) => true,
                Some(Method::Invite) | None => false,
                Some(_) => inside(),
            }
    }

    /// Deals with one input; what is to be done is appended to `out`.
    pub fn handle(&mut self, input: Input, now: Now, out: &mut Vec<Output>) {
        match input {
            Input::Excess { flow, message } => self.turn_away(flow, &message, now, out),
            Input::Received {
                flow,
                message,
                trunk,
            } => self.received(flow, message, trunk, now, out),
            Input::Unreadable { flow, error, trunk } => {
                self.unreadable(flow, &error, trunk.as_ref(), now, out);
            }
            Input::AnswerJudged {
                id,
                answer,
                judgement,
            } => self.with(id, now, out, |context, turn| {
                context.answer_judged(answer, judgement, turn);
            }),
            Input::AnswerSigned {
                id,
                answer,
                identities,
            } => self.with(id, now, out, |context, turn| {
                context.answer_signed(answer, &identities, turn);
            }),
            Input::End { id, ending } => self.end(id, &ending, now, out),
            Input::Judged { id, judgement } => {
                self.with(id, now, out, |context, turn| {
                    context.judged(judgement, turn);
                });
            }
            Input::Release(id) => self.with(id, now, out, Context::release),
            Input::SigningFailed { id } => {
                if !self.own_signed(id, &[], now, out) {
                    self.with(id, now, out, Context::not_signed);
                }
            }
            Input::Standing(standing) => self.table.hops.stand(standing),
            Input::Signed { id, identities } => {
                if !self.own_signed(id, &identities, now, out) {
                    self.with(id, now, out, |context, turn| {
                        context.signed(identities, turn)
                    });
                }
            }
            Input::SignedCompact { id, compact, full } => {
                self.with(id, now, out, |context, turn| {
                    context.signed_compact(compact, full, turn);
                });
            }
            Input::Timer(timer) => self.timer(timer, now, out),
            Input::TooManyInquiries(id) => self.with(id, now, out, Context::too_many_inquiries),
            Input::TransportFailed { by, target } => {
                let failed = |branch: &mut Branch, turn: &mut Turn<'_>| {
                    branch.transport_failed(target.clone(), turn)
                };
                if !self.own_request(by.context, now, out, failed) {
                    self.with(by.context, now, out, |context, turn| {
                        context.transport_failed(by.branch, target, turn);
                    });
                }
            }
        }
    }

    /// A message came.
    fn received(
        &mut self,
        flow: Flow,
        message: Message,
        trunk: Option<Arc<Trunk>>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        match (message.method(), trunk) {
            (None, _) => self.response(&message, now, out),
            (Some(_), _) if self.inquiry_of(&message).is_some() || self.is_late_prack(&message) => {
                self.inside_inquiry(flow, &message, now, out);
            }
            // What comes from the far side of a call is of that call, and may come by no trunk, or by another.
            (Some(_), trunk) => match (self.trunk_of_call(&message), trunk) {
                (Some(trunk), _) => self.request(flow, message, trunk, now, out),
                (None, Some(trunk)) => {
                    let trunk = self.trunk_of_caller(&message, &flow, trunk);
                    self.request(flow, message, trunk, now, out);
                }
                (None, None) => self.unknown_source(flow, &message, now, out),
            },
        }
    }

    /// What there is to do.
    pub fn load(&self) -> Load {
        Load {
            contexts: self.contexts.len(),
            context_bytes: self.context_bytes,
            server_transactions: self.table.servers.len(),
            client_transactions: self.table.branches.len(),
            calls: self.table.calls.len(),
        }
    }

    fn timer(&mut self, TimerId { context: id, part }: TimerId, now: Now, out: &mut Vec<Output>) {
        let is_own = match part {
            Part::Branch(_, timer) => {
                self.own_request(id, now, out, |branch, turn| branch.fire(timer, turn))
            }
            Part::Call => return self.call_due(id, now, out),
            Part::Decision => self.own_due(id, now, out),
            Part::Answers | Part::Inquiry | Part::Server(_) => false,
        };
        if !is_own {
            self.with(id, now, out, |context, turn| context.fire(part, turn));
        }
    }

    /// How many response contexts there are.
    pub fn contexts(&self) -> usize {
        self.contexts.len()
    }

    /// Whether firing this timer may still do something. One that may not can be forgotten; it need not be.
    ///
    /// A host that answers a question at once need not set the timer that would have ended the wait: asked when all that follows from an
    /// input is done, this says so.
    pub fn awaits(&self, timer: TimerId) -> bool {
        let (id, table) = (timer.context, &self.table);
        let context = || self.contexts.get(&id).map(|context| &**context);
        let is_own = || table.own.contains_key(&id) || table.unsigned.contains_key(&id);
        match timer.part {
            Part::Answers => context().is_some_and(Context::awaits_about_answers),
            Part::Call => table.calls.has(id),
            Part::Decision => context().is_some_and(Context::awaits_decision) || is_own(),
            Part::Branch(..) | Part::Inquiry | Part::Server(_) => context().is_some() || is_own(),
        }
    }

    /// Whether no request is being handled.
    pub fn is_idle(&self) -> bool {
        self.contexts.is_empty()
            && self.context_bytes == 0
            && self.table.servers.is_empty()
            && self.table.branches.is_empty()
            && self.table.calls.is_empty()
            && self.table.own.is_empty()
            && self.table.inquiries.is_empty()
            && self.table.unsigned.is_empty()
    }

    /// How many calls of back-to-back trunks there are, ringing or answered.
    pub fn calls(&self) -> usize {
        self.table.calls.len()
    }

    /// Lets one context do something, and buries it if that was the last thing. What is late finds nothing here, and nothing is
    /// done.
    fn with(
        &mut self,
        id: ContextId,
        now: Now,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Context, &mut Turn<'_>),
    ) {
        let Some(context) = self.contexts.get_mut(&id) else {
            return;
        };
        let mut turn = Turn {
            options: &self.options,
            table: &mut self.table,
            tokens: &mut self.tokens,
            now,
            out,
        };
        let before = context.bytes();
        act(context, &mut turn);
        let after = context.bytes();
        self.context_bytes = (self.context_bytes + after).saturating_sub(before);
        if context.is_over() {
            context.leave(&mut turn);
            self.context_bytes = self.context_bytes.saturating_sub(context.bytes());
            self.contexts.remove(&id);
        }
    }

    fn turn<'a>(&'a mut self, now: Now, out: &'a mut Vec<Output>) -> Turn<'a> {
        Turn {
            options: &self.options,
            table: &mut self.table,
            tokens: &mut self.tokens,
            now,
            out,
        }
    }
}
