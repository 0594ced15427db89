//! The element that should be: the figures of RFC 3261 §17 for its transactions, and a few sentences of §16 for what lies between.
//!
//! It is shown every input and every output, in order, and objects to an output that is missing and to one that should not be. What
//! an element may choose (which next hop, whether a call is signed) it takes as it comes, and checks what must follow.
//!
//! - A *leg* is a request of a caller, with its server transaction.
//! - A *branch* is a request to a next hop, with its client transaction.
//! - What *must* be sent is known from the input ([`coming`]). What else is sent ([`going`]), a leg *volunteers*: a new branch, a final
//!   response of its own.

mod coming;
mod going;

use super::text::first_line;
use crate::transactions::model::Model;
use countersign_sip::flow::{Target, Transport};
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
    /// Whether its sender was told of an error, and in a final response.
    pub(super) told_of_error: Option<bool>,
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
}
