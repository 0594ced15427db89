//! Asks who would answer, without ringing; or places the call that it was about, and hangs up when it is answered.
//!
//! ```text
//!             ┌── 1xx, not reliable ──┐
//!   INVITE ──▶│ waiting: every answer │── judged: enough ──▶ leaving ── CANCEL ──▶ 487, ACK ──▶ ended
//!             │ is told, a reliable   │── 180 to an inquiry ──▶ "  (once its PRACK is answered)
//!             │ one gets its PRACK    │── 2xx ──▶ ACK, BYE ─────────────────────────────────▶ ended
//!             └───────────────────────┘── 3xx to 6xx ──▶ ACK ─────────────────────────────▶ ended
//! ```
//!
//! One asker is one INVITE. It takes what comes from the network and the time, and says what is to be done as [`Step`]s. Every answer is
//! handed out to be judged ([`Step::Judge`]) and the word about it comes back ([`Asker::judged`]), at once or later; what is not judged
//! in time ends with [`Question::patience`].
//!
//! - `hearing`: what comes from the network
//! - `requests`: the requests as bytes
//! - `fork`: what is known of each that answers
//!
//! Not here: the proof of an answer (`countersign::verification`), sockets, names.

mod fork;
mod hearing;
mod requests;

use super::session::Offer;
use crate::flow::{Flow, Target};
use crate::hop_by_hop;
use crate::message::{Message, Method};
use crate::transaction::{InviteClient, NonInviteClient, Timer, Timing};
use crate::trunk::SentBy;
use bytes::Bytes;
use countersign::time::{Ticks, UnixTime};
use fork::Fork;
use requests::{Writer, Written};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// Most that may answer one INVITE; what more answer is not heard. A fork of a call to a company's telephones has a dozen.
pub const MAX_FORKS: usize = 32;

/// How long others may still answer, after an answer that was not what is wanted.
pub const FORK_GRACE: Duration = Duration::from_secs(1);

/// How long an open PRACK may hold up the CANCEL.
pub const PRACK_GRACE: Duration = Duration::from_millis(500);

/// What is asked, of whom, and as whom.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whom it is about: Request-URI and To.
    pub uri: Box<str>,
    /// Who asks: the URI of From.
    pub from: Box<str>,
    /// The Identity header values that prove it.
    pub identities: Vec<Box<str>>,
    /// The Date header: that of the signature.
    pub date: UnixTime,
    /// Where the INVITE goes.
    pub next_hop: Target,
    /// Where we are: Via and Contact.
    pub sent_by: SentBy,
    /// Random, for this question alone: Call-ID, tag and branches are made of it.
    pub unique: [u8; 16],
    /// Whether somebody's telephone shall ring.
    pub purpose: Purpose,
    /// How long an answer is waited for.
    pub patience: Duration,
    /// The estimates that timers scale with.
    pub timing: Timing,
}

/// Whether somebody's telephone shall ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Yes.
    Call,
    /// No.
    Inquiry,
}

/// A URI is none, or an Identity breaks its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAQuestion;

impl fmt::Display for NotAQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whom it is about, or who asks, is no URI")
    }
}

impl std::error::Error for NotAQuestion {}

/// What an asker wants done, in this order.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is over. What was heard was told before. Requests of ours may still be open: [`Asker::is_done`].
    Ended(Ended),
    /// Somebody answers: judge it, and say what follows with [`Asker::judged`].
    Judge(Answer),
    /// Send bytes.
    Send(Target, Bytes),
}

/// Somebody's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response.
    pub response: Message,
    /// Who answers: the same for all responses of one.
    pub fork: usize,
    /// Whether it was acknowledged with PRACK.
    pub delivery: Delivery,
    /// What it offers.
    pub offer: Offer,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.response.status().unwrap_or_default()
    }

    /// Whether somebody's telephone rings.
    pub fn is_alerting(&self) -> bool {
        self.status() == RINGING
    }
}

/// How a response came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A 2xx: acknowledged with ACK.
    Final,
    /// With RSeq: acknowledged with PRACK.
    Reliable,
    /// Without, though it was required.
    Unreliable,
}

/// What follows from a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// This is what was wanted, or the end of patience: CANCEL, or BYE.
    Enough,
    /// Others may still answer.
    GoOn,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Answered with 2xx, and ended with BYE.
    Answered,
    /// We ended it before anybody answered with 2xx.
    Cancelled,
    /// 3xx: the contacts that were named.
    Redirected(Vec<Box<str>>),
    /// 4xx to 6xx.
    Refused(Refused),
    /// No answer in time.
    Silent,
    /// It could not be sent.
    Unreachable,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub status: u16,
    /// Its reason phrase.
    pub phrase: Box<str>,
    /// Whether it says that provisional responses cannot be reliable there: 420 with `Unsupported: 100rel`.
    pub lacks_reliability: bool,
}

/// 180 (Ringing): RFC 3261 §21.1.2: "The UA receiving the INVITE is trying to alert the user."
const RINGING: u16 = 180;

/// One INVITE and what follows.
pub struct Asker {
    writer: Writer,
    invite: InviteClient,
    /// As it was sent.
    request: Written,
    parsed: Message,
    /// The ACK for a refusal.
    ack: Option<Bytes>,
    forks: Vec<Fork>,
    /// PRACK, CANCEL, BYE.
    own: Vec<Own>,
    stage: Stage,
    cancel: Cancel,
    due: BTreeSet<(Ticks, Due)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// For answers.
    Waiting,
    /// Enough is known; it is to end.
    Leaving,
    /// It has been told how it ended.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    NotSent,
    Sent,
}

struct Own {
    what: What,
    machine: NonInviteClient,
    written: Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Bye,
    Cancel,
    Prack,
}

impl What {
    const fn method(self) -> Method<'static> {
        match self {
            Self::Bye => Method::Bye,
            Self::Cancel => Method::Cancel,
            Self::Prack => Method::Prack,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// 64*T1 after a CANCEL.
    Cancelled,
    /// [`FORK_GRACE`].
    Forks,
    Invite(Timer),
    Own(usize, Timer),
    Patience,
    /// [`PRACK_GRACE`].
    Pracks,
}

impl Asker {
    /// Sends the INVITE.
    ///
    /// # Errors
    /// [`NotAQuestion`].
    pub fn start(
        question: Question,
        now: Ticks,
        out: &mut Vec<Step>,
    ) -> Result<Self, NotAQuestion> {
        let (timing, patience) = (question.timing, question.patience);
        let reliability = question.next_hop.transport.reliability();
        let mut writer = Writer::new(question)?;
        let (request, parsed) = writer.invite()?;
        let mut actions = Vec::new();
        let mut asker = Self {
            writer,
            invite: InviteClient::start(timing, reliability, now, &mut actions),
            request,
            parsed,
            ack: None,
            forks: Vec::new(),
            own: Vec::new(),
            stage: Stage::Waiting,
            cancel: Cancel::NotSent,
            due: BTreeSet::from([(now.after(patience), Due::Patience)]),
        };
        asker.run(&actions, None, now, out);
        Ok(asker)
    }

    /// When [`Asker::fire`] has something to do.
    pub fn next(&self) -> Option<Ticks> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Whether it has ended and nothing of ours is unanswered.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Over && self.own.iter().all(|own| !own.is_open())
    }

    /// A message came.
    pub fn receive(&mut self, flow: &Flow, message: &Message, now: Ticks, out: &mut Vec<Step>) {
        let is_request = message.method().is_some();
        let party = match is_request {
            true => message.to(),
            false => message.from(),
        };
        let tag = party.ok().and_then(|party| party.tag());
        if !self
            .writer
            .is_ours(message.call_id().unwrap_or_default(), tag)
        {
            return;
        }
        match is_request {
            true => self.requested(flow, message, now, out),
            false => self.responded(message, now, out),
        }
    }

    /// What follows from an answer that was to be judged.
    pub fn judged(&mut self, word: Word, now: Ticks, out: &mut Vec<Step>) {
        match (word, self.stage) {
            (Word::Enough, Stage::Waiting) => self.leave(now, out),
            (Word::GoOn, Stage::Waiting) if self.is_inquiry() => {
                let is_set = self.due.iter().any(|(_, due)| *due == Due::Forks);
                if !is_set {
                    self.due.insert((now.after(FORK_GRACE), Due::Forks));
                }
            }
            _ => {}
        }
    }

    /// Something could not be sent.
    pub fn transport_failed(&mut self, now: Ticks, out: &mut Vec<Step>) {
        if self.invite.is_calling() && self.stage != Stage::Over {
            self.invite.terminate();
            self.end(Ended::Unreachable, now, out);
        }
    }

    /// Does what is due.
    pub fn fire(&mut self, now: Ticks, out: &mut Vec<Step>) {
        while let Some((at, due)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            let mut actions = Vec::new();
            match due {
                Due::Invite(timer) => {
                    self.invite.fire(timer, now, &mut actions);
                    self.run(&actions, None, now, out);
                }
                Due::Own(index, timer) => {
                    if let Some(own) = self.own.get_mut(index) {
                        own.machine.fire(timer, now, &mut actions);
                    }
                    self.run_own(index, &actions, now, out);
                }
                Due::Cancelled => {
                    self.invite.terminate();
                    self.end(Ended::Cancelled, now, out);
                }
                Due::Forks | Due::Patience => self.give_up(now, out),
                Due::Pracks => self.end_invite(now, out),
            }
        }
    }

    fn is_inquiry(&self) -> bool {
        self.writer.question().purpose == Purpose::Inquiry
    }

    /// Nobody else is waited for.
    fn give_up(&mut self, now: Ticks, out: &mut Vec<Step>) {
        if self.stage == Stage::Waiting && self.invite.is_calling() {
            self.invite.terminate();
            return self.end(Ended::Silent, now, out);
        }
        self.leave(now, out);
    }

    /// Enough is known.
    fn leave(&mut self, now: Ticks, out: &mut Vec<Step>) {
        if self.stage != Stage::Waiting {
            return;
        }
        self.stage = Stage::Leaving;
        match self.has_open(What::Prack) {
            true => {
                self.due.insert((now.after(PRACK_GRACE), Due::Pracks));
            }
            false => self.end_invite(now, out),
        }
    }

    /// Ends the INVITE, or what it began.
    fn end_invite(&mut self, now: Ticks, out: &mut Vec<Step>) {
        if self.stage != Stage::Leaving {
            return;
        }
        self.hang_up(now, out);
        // RFC 3261 §9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent; rather, the client MUST wait
        // for the arrival of a provisional response before sending the request."
        if !self.invite.is_proceeding() || self.cancel == Cancel::Sent {
            return;
        }
        self.cancel = Cancel::Sent;
        // RFC 3261 §9.1: "The destination address, port, and transport for the CANCEL MUST be identical to those used to send the
        // original request."
        let written = Written {
            branch: self.request.branch.clone(),
            bytes: hop_by_hop::cancel(&self.parsed, &[]),
            target: self.request.target.clone(),
        };
        // RFC 3261 §9.1: "If there is no final response for the original request in 64*T1 seconds (T1 is defined in Section 17.1.1.1), the
        // client SHOULD then consider the original transaction cancelled and SHOULD destroy the client transaction handling the original
        // request."
        let patience = self.writer.question().timing.patience();
        self.due.insert((now.after(patience), Due::Cancelled));
        self.send_own(What::Cancel, written, now, out);
    }

    /// Ends every call that was answered.
    fn hang_up(&mut self, now: Ticks, out: &mut Vec<Step>) {
        for index in 0..self.forks.len() {
            let Some(fork) = self.forks.get_mut(index) else {
                return;
            };
            if let Some(inside) = fork.bye() {
                let written = self.writer.inside(inside);
                self.send_own(What::Bye, written, now, out);
            }
        }
    }

    fn has_open(&self, what: What) -> bool {
        self.own.iter().any(|own| own.what == what && own.is_open())
    }

    fn end(&mut self, ended: Ended, now: Ticks, out: &mut Vec<Step>) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        self.due
            .retain(|(_, due)| matches!(due, Due::Invite(_) | Due::Own(..)));
        // Nobody waits any more for what these acknowledge.
        let pracks = self.own.iter_mut().filter(|own| own.what == What::Prack);
        pracks.for_each(|own| own.machine.terminate());
        out.push(Step::Ended(ended));
        self.hang_up(now, out);
    }
}

impl Own {
    /// Whether it has no final response yet.
    fn is_open(&self) -> bool {
        self.machine.is_open()
    }
}

#[cfg(test)]
mod tests;
