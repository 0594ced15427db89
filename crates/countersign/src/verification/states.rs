//! One verification, from the first glance to the verdict, without a socket.
//!
//! ```text
//!    begin ──► Open ──poll──► Needs ──answer──► poll ──► … ──► Done(report)
//!                └──────────────── expire, or the deadline ───────┘
//! ```
//!
//! [`VerificationService::begin`] inspects everything that costs nothing. [`Verification::poll`] tells what is still needed, all
//! needs of all PASSporTs at once, or the report. Answers come in any order, or never: it always ends.

use super::Malformed;
use super::answering::Answering;
use super::archive::Archive;
use super::chains::{self, Chains, Comparing};
use super::check::{Check, Evidence};
use super::fault::Fault;
use super::findings::{Checks, Findings};
use super::inspect::{Inspected, Message, Support, When, compare, inspect, is_announced_as_answer};
use super::need::{
    Answer, MAX_TN_AUTH_LIST, Need, NeedId, NeedKind, NeedLimit, Refresh, Source, Unavailable,
};
use super::policy::{Replay, Thoroughness, VerificationPolicy, X5c};
use super::proof::{Bench, Judged, Provenance, conclude};
use super::replay::ReplayMemory;
use super::report::{PassportReport, Report};
use super::rich::integrity::Showing;
use super::scope::{Asking, Question};
use super::status::{self, Inquiry};
use super::supporters::Supporters;
use crate::call::{Call, CallReference};
use crate::certificate::CertificateChain;
use crate::certificate::chain::MAX_CHAIN_BYTES;
use crate::certificate::ocsp::MAX_RESPONSE;
use crate::crypto::VerifyingKeys;
use crate::passport::{self, Presented};
use crate::path::PathCache;
use crate::time::{Now, Ticks, UnixTime};
use crate::trust::Trust;
use std::sync::Arc;
use std::time::Duration;

/// Begins verifications: a policy and what all of them share. Cheap to clone.
#[derive(Clone)]
pub struct VerificationService {
    shared: Arc<Shared>,
    /// The same with an archive, for what was stored and for nothing else.
    stored: Option<Arc<Shared>>,
}

struct Shared {
    policy: VerificationPolicy,
    keys: Arc<dyn VerifyingKeys>,
    paths: Arc<PathCache>,
    replay: Arc<dyn ReplayMemory>,
    supporters: Option<Arc<dyn Supporters>>,
    archive: Option<Archive>,
}

impl Shared {
    /// The same, for a service that differs in something.
    fn copied(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            keys: Arc::clone(&self.keys),
            paths: Arc::clone(&self.paths),
            replay: Arc::clone(&self.replay),
            supporters: self.supporters.clone(),
            archive: self.archive.clone(),
        }
    }

    #[inline]
    fn begin(
        self: &Arc<Self>,
        call: &Call,
        presented: Vec<Result<Presented, Malformed>>,
        trust: &Arc<Trust>,
        now: Now,
    ) -> Verification {
        let policy = &self.policy;
        let state =
            if presented.iter().filter(|one| counts(one)).count() > policy.max_identity_headers {
                State::Done(Report::unjudged(Fault::TooManyIdentityHeaders))
            } else {
                let until = now
                    .ticks
                    .after(Duration::from_millis(policy.deadline.into()));
                let comparing = Comparing {
                    call,
                    policy,
                    when: When::of(now.unix, self.archive.as_ref()),
                    ours: 0,
                };
                State::Open(Open::begin(presented, until, comparing))
            };
        let reference = match policy.replay {
            Replay::Off => None,
            Replay::Enforce | Replay::Observe => call.reference.clone(),
        };
        Verification {
            shared: Arc::clone(self),
            trust: Arc::clone(trust),
            reference,
            state,
        }
    }
}

impl VerificationService {
    /// A service. `paths` and `replay` may be shared with others, whatever their policies.
    pub fn new(
        policy: VerificationPolicy,
        keys: Arc<dyn VerifyingKeys>,
        paths: Arc<PathCache>,
        replay: Arc<dyn ReplayMemory>,
    ) -> Self {
        let shared = Shared {
            policy,
            keys,
            paths,
            replay,
            supporters: None,
            archive: None,
        };
        Self {
            shared: Arc::new(shared),
            stored: None,
        }
    }

    /// The policy.
    pub fn policy(&self) -> &VerificationPolicy {
        &self.shared.policy
    }

    /// Begins to verify a call with the PASSporTs that it presents, one for each Identity header. An empty token is none.
    pub fn begin(
        &self,
        call: &Call,
        presented: Vec<Result<Presented, Malformed>>,
        trust: &Arc<Trust>,
        now: Now,
    ) -> Verification {
        self.shared.begin(call, presented, trust, now)
    }

    /// The report of a call that no trust domain judges: its PASSporTs, if it presents any, are not looked at.
    pub fn decline(&self, presented: &[Result<Presented, Malformed>]) -> Report {
        let policy = &self.shared.policy;
        match presented.iter().any(is_there) {
            true => Report::unjudged(Fault::NoTrustDomain),
            false => Report::sum(Vec::new(), policy.order, policy.identity),
        }
    }
}

/// An empty token is none.
fn is_there(presented: &Result<Presented, Malformed>) -> bool {
    presented
        .as_ref()
        .map_or(true, |presented| !presented.token.is_empty())
}

/// What no request has costs none its judgement.
fn counts(presented: &Result<Presented, Malformed>) -> bool {
    let is_answer = presented.as_ref().is_ok_and(is_announced_as_answer);
    is_there(presented) && !is_answer
}

/// What a verification has come to.
#[derive(Debug)]
pub enum Poll<'a> {
    /// It is over.
    Done(Report),
    /// It waits for all of these, in any order; those answered are not among them.
    Needs(&'a [Need]),
}

/// One verification on its way.
pub struct Verification {
    shared: Arc<Shared>,
    trust: Arc<Trust>,
    reference: Option<CallReference>,
    state: State,
}

enum State {
    Open(Open),
    /// Decided, and not told yet.
    Done(Report),
    /// Told. The verdict stays; the evidence went with the report.
    Told(Report),
}

/// Something is still undecided, or answers are not looked at yet.
struct Open {
    /// One for each Identity header; those that wait are not complete.
    reports: Vec<PassportReport>,
    waiting: Vec<Waiting>,
    needs: Needs,
    answers: Vec<(NeedId, Answer)>,
    keeper: Keeper,
}

/// Who keeps what was found of PASSporTs that depend on each other: none of these is concluded before all are judged.
enum Keeper {
    /// Of an answer.
    Answering(Box<Answering>),
    /// Of a diverted call.
    Chains(Box<Chains>),
    /// Of any other call, each is concluded when it is judged.
    Nobody,
}

impl Keeper {
    /// Keeps what was found, or gives it back.
    fn keep(&mut self, at: usize, report: &PassportReport, findings: Findings) -> Option<Findings> {
        match self {
            Self::Answering(answering) => answering.keep(at, report, findings),
            Self::Chains(chains) => chains.keep(at, findings),
            Self::Nobody => Some(findings),
        }
    }

    /// Whether it is our own word, which nothing is fetched for.
    fn is_ours(&self, at: usize) -> bool {
        match self {
            Self::Answering(answering) => answering.is_ours(at),
            Self::Chains(_) | Self::Nobody => false,
        }
    }

    /// What the PASSporTs came in.
    const fn message(&self) -> Message {
        match self {
            Self::Answering(_) => Message::Answer,
            Self::Chains(_) | Self::Nobody => Message::Request,
        }
    }
}

/// How long a verification goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Until it is decided, or the deadline has come.
    Deadline,
    /// It ends now.
    None,
}

/// A report that waits for something.
struct Waiting {
    /// Where it stands among the reports.
    report: usize,
    findings: Findings,
    stage: Stage,
}

/// What a report waits for.
enum Stage {
    /// The certificate.
    Certificate { need: NeedId, refresh: Refresh },
    /// What the path leaves open, and what is to be asked then.
    Scope(Question, Option<Box<Inquiry>>),
    /// What its rich call data refers to; the verdict stands.
    Showing(Showing),
    /// Whether the certificate is still good.
    Status(NeedId, Box<Inquiry>),
}

/// How far a report is.
enum Progress {
    /// Nothing is left to do.
    Complete,
    /// All that can be said of it alone is found.
    Judged(Findings),
    Waiting,
}

/// What is needed by whoever waits.
pub(super) struct Needs {
    open: Vec<Need>,
    next: u32,
    until: Ticks,
}

impl Verification {
    /// Looks at what was answered and tells what is needed, or the report. At the deadline it ends by itself.
    ///
    /// The report is given once; polled again, verdict and code stay, without the evidence.
    pub fn poll(&mut self, now: Now) -> Poll<'_> {
        self.advance(now, Patience::Deadline);
        match &mut self.state {
            State::Open(open) => Poll::Needs(&open.needs.open),
            state => Poll::Done(state.tell()),
        }
    }

    /// Answers a need. Answers to what is not needed, or not needed any more, are ignored. They are looked at by the next
    /// [`Verification::poll`].
    pub fn answer(&mut self, need: NeedId, answer: Answer) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        if open.needs.close(need) {
            open.answers.push((need, answer));
        }
    }

    /// Ends it with what is known: what is undecided is not validated.
    pub fn expire(&mut self, now: Now) -> Report {
        self.advance(now, Patience::None);
        self.state.tell()
    }

    /// When it ends by itself, if it has not ended yet.
    pub fn deadline(&self) -> Option<Ticks> {
        match &self.state {
            State::Open(open) => Some(open.needs.until),
            State::Done(_) | State::Told(_) => None,
        }
    }

    fn advance(&mut self, now: Now, patience: Patience) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        let bench = Bench {
            policy: &self.shared.policy,
            keys: &*self.shared.keys,
            paths: &self.shared.paths,
            replay: &*self.shared.replay,
            trust: &self.trust,
            reference: self.reference.as_ref(),
            message: open.keeper.message(),
            archive: self.shared.archive.as_ref(),
            now: now.unix,
        };
        open.digest_answers(&bench);
        let is_over = patience == Patience::None || now.ticks >= open.needs.until;
        if is_over {
            open.give_up(&bench);
        }
        open.close(&bench);
        if is_over || open.waiting.is_empty() {
            let passports = std::mem::take(&mut open.reports);
            let keeper = std::mem::replace(&mut open.keeper, Keeper::Nobody);
            self.end(keeper, passports, now.unix);
        }
    }

    fn end(&mut self, keeper: Keeper, passports: Vec<PassportReport>, now: UnixTime) {
        let policy = &self.shared.policy;
        let report = match keeper {
            Keeper::Answering(answering) => self.shared.sum_answer(&answering, passports, now),
            Keeper::Chains(_) | Keeper::Nobody => {
                Report::sum(passports, policy.order, policy.identity)
            }
        };
        self.state = State::Done(report);
    }
}

impl State {
    /// The report, or what is left of it. Of an open verification it would be nothing that anybody may rely on.
    fn tell(&mut self) -> Report {
        let rest = match self {
            Self::Done(report) => Report {
                verdict: report.verdict,
                code: report.code,
                passports: Vec::new(),
                answer: report.answer.clone(),
            },
            Self::Told(rest) => return rest.clone(),
            Self::Open(_) => return Report::unjudged(Fault::NotExamined),
        };
        match std::mem::replace(self, Self::Told(rest)) {
            Self::Done(report) => report,
            Self::Open(_) | Self::Told(_) => Report::unjudged(Fault::NotExamined),
        }
    }
}

impl Open {
    /// Inspects what is presented, compares it with the call and takes it up.
    fn begin(
        presented: Vec<Result<Presented, Malformed>>,
        until: Ticks,
        comparing: Comparing<'_>,
    ) -> Self {
        let Comparing {
            call, policy, when, ..
        } = comparing;
        let mut open = Self::new(until, presented.len());
        let mut presented = presented.into_iter().filter(is_there);
        let Some(first) = presented.next() else {
            return open;
        };
        let mut first = inspect(first, call, policy, Message::Request);
        let second = presented.next();
        // The usual call has one, and pays nothing for the others.
        if second.is_none() && !chains::is_diversion(&first) {
            compare(&mut first, call, policy, when);
            open.take_up(first, policy);
            return open;
        }
        let others = second.into_iter().chain(presented);
        let mut inspected = vec![first];
        inspected.extend(others.map(|one| inspect(one, call, policy, Message::Request)));
        if inspected.iter().any(chains::is_diversion) {
            let chains = chains::link(&mut inspected, comparing);
            open.keeper = Keeper::Chains(Box::new(chains));
        } else {
            for one in &mut inspected {
                compare(one, call, policy, when);
            }
        }
        for one in inspected {
            open.take_up(one, policy);
        }
        open
    }

    fn new(until: Ticks, headers: usize) -> Self {
        Self {
            reports: Vec::with_capacity(headers),
            waiting: Vec::with_capacity(headers),
            needs: Needs {
                open: Vec::with_capacity(headers),
                next: 0,
                until,
            },
            answers: Vec::new(),
            keeper: Keeper::Nobody,
        }
    }

    /// Takes up what the first stages left of one Identity header.
    // What is inspected is large, so it is moved once, to where it stays.
    fn take_up(&mut self, mut inspected: Inspected, policy: &VerificationPolicy) {
        let at = self.reports.len();
        let stage = match inspected.support {
            Support::Ignored => None,
            Support::Known if self.keeper.is_ours(at) => None,
            Support::Known => {
                self.certificate_of(&inspected.report, &mut inspected.findings, policy)
            }
        };
        match (inspected.support, stage) {
            (Support::Ignored, _) => inspected.report.checks = Checks::of(inspected.findings),
            (Support::Known, None) => {
                let (report, findings) = (&inspected.report, inspected.findings);
                if let Some(findings) = self.keeper.keep(at, report, findings) {
                    conclude(&mut inspected.report, findings, policy);
                }
            }
            (Support::Known, Some(stage)) => self.waiting.push(Waiting {
                report: at,
                findings: inspected.findings,
                stage,
            }),
        }
        self.reports.push(inspected.report);
    }

    /// Where the certificate comes from, if it is worth a look: out of the token, or from where its URL leads.
    fn certificate_of(
        &mut self,
        report: &PassportReport,
        findings: &mut Findings,
        policy: &VerificationPolicy,
    ) -> Option<Stage> {
        match report.x5c().filter(|_| policy.x5c == X5c::Auto) {
            None => {
                let url = url_to_fetch(report, findings, policy)?;
                Some(Stage::certificate(url, Refresh::No, &mut self.needs))
            }
            Some(_) if !is_worth_a_look(findings, policy) => None,
            Some(x5c) => match chain_in(x5c) {
                Ok(chain) => {
                    findings.pass_with(Check::Certificate, Evidence::InToken);
                    // It is answered before anybody could ask.
                    let need = self.needs.number();
                    let answer = Answer::Certificate(Arc::new(chain), Source::Fetched);
                    self.answers.push((need, answer));
                    let refresh = Refresh::No;
                    Some(Stage::Certificate { need, refresh })
                }
                Err(evidence) => {
                    findings.fault(Check::Certificate, Fault::X5cInvalid, evidence);
                    None
                }
            },
        }
    }

    fn digest_answers(&mut self, bench: &Bench<'_>) {
        let Self {
            reports,
            waiting,
            needs,
            answers,
            keeper,
        } = self;
        for (id, answer) in answers.drain(..) {
            waiting.retain_mut(|one| match reports.get_mut(one.report) {
                Some(report) if one.stage.awaits(id) => {
                    match one.digest(report, id, &answer, needs, bench) {
                        Progress::Complete => false,
                        Progress::Judged(findings) => {
                            match keeper.keep(one.report, report, findings) {
                                Some(findings) => {
                                    bench.conclude(report, findings);
                                    one.show(Showing::begin(report, needs, bench.policy))
                                }
                                None => false,
                            }
                        }
                        Progress::Waiting => true,
                    }
                }
                _ => true,
            });
        }
    }

    /// Concludes those that depend on others, if all that they depend on is judged.
    fn close(&mut self, bench: &Bench<'_>) {
        if matches!(self.keeper, Keeper::Nobody) {
            return;
        }
        let mut stages = self.waiting.iter().map(|one| &one.stage);
        if !stages.all(|stage| matches!(stage, Stage::Showing(_))) {
            return;
        }
        let concluded = match std::mem::replace(&mut self.keeper, Keeper::Nobody) {
            Keeper::Answering(mut answering) => {
                answering.close(&mut self.reports, bench);
                self.keeper = Keeper::Answering(answering);
                return;
            }
            Keeper::Chains(chains) => chains.close(&mut self.reports, bench),
            Keeper::Nobody => return,
        };
        for at in concluded {
            let Some(report) = self.reports.get_mut(at) else {
                continue;
            };
            if let Some(showing) = Showing::begin(report, &mut self.needs, bench.policy) {
                self.waiting.push(Waiting {
                    report: at,
                    findings: Findings::new(),
                    stage: Stage::Showing(showing),
                });
            }
        }
    }

    /// What is undecided is not validated.
    fn give_up(&mut self, bench: &Bench<'_>) {
        let policy = bench.policy;
        for mut one in self.waiting.drain(..) {
            let Some(report) = self.reports.get_mut(one.report) else {
                continue;
            };
            let check = match &one.stage {
                Stage::Certificate { .. } => Some(Check::Certificate),
                Stage::Scope(..) => Some(Check::Authority),
                Stage::Showing(_) => continue,
                // What a responder that says nothing leaves of a proof is the trust domain's to say.
                Stage::Status(_, inquiry) => {
                    let mut asking = Asking {
                        policy,
                        now: bench.now,
                        report,
                        findings: &mut one.findings,
                        needs: &mut self.needs,
                    };
                    let answer = Answer::Unavailable(Unavailable::TimedOut);
                    inquiry.take(&answer, &mut asking, bench);
                    None
                }
            };
            if let Some(check) = check {
                let fault = Fault::DeadlineExpired;
                one.findings.fault(check, fault, Evidence::Nothing);
            }
            if let Some(findings) = self.keeper.keep(one.report, report, one.findings) {
                conclude(report, findings, policy);
            }
        }
    }
}

/// Where the certificate is, if it is worth a look: nothing has failed, or every check is wanted and the URL is a good one.
fn url_to_fetch<'a>(
    report: &'a PassportReport,
    findings: &Findings,
    policy: &VerificationPolicy,
) -> Option<&'a str> {
    let fetchable = is_worth_a_look(findings, policy) && findings.has_passed(Check::X5u);
    report.x5u().filter(|_| fetchable)
}

fn is_worth_a_look(findings: &Findings, policy: &VerificationPolicy) -> bool {
    !findings.has_failed() || policy.thoroughness == Thoroughness::EveryCheck
}

// RFC 7515 §4.1.6: "The certificate containing the public key corresponding to the key used to digitally sign the JWS MUST be the
// first certificate."
fn chain_in(x5c: &passport::X5c) -> Result<CertificateChain, Evidence> {
    match x5c {
        passport::X5c::Malformed(why) => Err(Evidence::X5c(*why)),
        passport::X5c::Certificates(ders) => {
            CertificateChain::from_der(ders.iter().map(|der| &**der)).map_err(Evidence::Chain)
        }
    }
}

impl Stage {
    fn certificate(url: &str, refresh: Refresh, needs: &mut Needs) -> Self {
        let url = url.into();
        let need = needs.open(NeedKind::Certificate { url, refresh });
        Self::Certificate { need, refresh }
    }

    /// Asks whether the certificate is still good, if that is still worth knowing.
    fn status(inquiry: Option<Box<Inquiry>>, asking: &mut Asking<'_>) -> Option<Self> {
        let (need, inquiry) = inquiry?.ask(asking)?;
        Some(Self::Status(need, inquiry))
    }

    fn awaits(&self, id: NeedId) -> bool {
        match self {
            Self::Certificate { need, .. } => *need == id,
            Self::Scope(question, _) => question.awaits(id),
            Self::Showing(showing) => showing.awaits(id),
            Self::Status(need, _) => *need == id,
        }
    }
}

impl Waiting {
    /// Judges under an answer, as far as it goes.
    fn digest(
        &mut self,
        report: &mut PassportReport,
        id: NeedId,
        answer: &Answer,
        needs: &mut Needs,
        bench: &Bench<'_>,
    ) -> Progress {
        let mut findings = self.findings.take();
        let mut asking = Asking {
            policy: bench.policy,
            now: bench.now,
            report,
            findings: &mut findings,
            needs,
        };
        // What stands here for a moment is written over, or never looked at again.
        let none = Stage::Certificate {
            need: id,
            refresh: Refresh::No,
        };
        let next = match std::mem::replace(&mut self.stage, none) {
            Stage::Certificate { refresh, .. } => {
                judge_certificate(answer, refresh, &mut asking, bench)
            }
            Stage::Scope(question, inquiry) => match question.take(id, answer, &mut asking) {
                Some(question) => Some(Stage::Scope(question, inquiry)),
                None => Stage::status(inquiry, &mut asking),
            },
            Stage::Status(_, inquiry) => {
                inquiry.take(answer, &mut asking, bench);
                None
            }
            Stage::Showing(showing) => {
                let open = showing.take(id, answer, report, needs, bench.policy);
                return match self.show(open) {
                    true => Progress::Waiting,
                    false => Progress::Complete,
                };
            }
        };
        match next {
            Some(stage) => {
                self.stage = stage;
                self.findings = findings;
                Progress::Waiting
            }
            None => Progress::Judged(findings),
        }
    }

    /// Whether there is something to be shown, which it waits for then.
    fn show(&mut self, open: Option<Showing>) -> bool {
        let is_waiting = open.is_some();
        if let Some(showing) = open {
            self.stage = Stage::Showing(showing);
        }
        is_waiting
    }
}

/// The stages from Certificate on; what to wait for next, if anything.
fn judge_certificate(
    answer: &Answer,
    refresh: Refresh,
    asking: &mut Asking<'_>,
    bench: &Bench<'_>,
) -> Option<Stage> {
    let (chain, provenance) = match (answer, refresh) {
        (Answer::Certificate(chain, source), Refresh::No) => (chain, Provenance::of(*source)),
        // Whoever was asked to ask the origin has done so, or has done so a moment ago.
        (Answer::Certificate(chain, _), Refresh::Conditional) => (chain, Provenance::Final),
        (other, _) => {
            let cause = match other {
                Answer::Unavailable(cause) => *cause,
                // An answer to something else is none.
                _ => Unavailable::BadResponse,
            };
            let evidence = Evidence::Unavailable(cause);
            let fault = Fault::CertificateUnavailable;
            asking.findings.fault(Check::Certificate, fault, evidence);
            return None;
        }
    };
    match bench.judge(asking.report, asking.findings, chain, provenance) {
        Judged::Decided => None,
        Judged::Outdated => {
            let url = asking.report.x5u().unwrap_or_default();
            Some(Stage::certificate(url, Refresh::Conditional, asking.needs))
        }
        Judged::Unscoped => {
            let inquiry = status::begin(asking, bench, chain);
            match Question::ask(asking) {
                Some(question) => Some(Stage::Scope(question, inquiry)),
                None => Stage::status(inquiry, asking),
            }
        }
    }
}

impl Needs {
    /// The need of this kind: one for all who need the same.
    pub(super) fn open(&mut self, kind: NeedKind) -> NeedId {
        if let Some(same) = self.open.iter().find(|need| need.kind == kind) {
            return same.id;
        }
        let id = self.number();
        let bytes = match &kind {
            NeedKind::Certificate { .. } => MAX_CHAIN_BYTES,
            NeedKind::NumberAuthority { .. } => 0,
            NeedKind::Resource { kind, .. } => kind.limit(),
            NeedKind::Status { .. } => MAX_RESPONSE,
            NeedKind::TnAuthList { .. } => MAX_TN_AUTH_LIST,
        };
        self.open.push(Need {
            id,
            kind,
            limit: NeedLimit {
                bytes,
                until: self.until,
            },
        });
        id
    }

    /// The number of the next need.
    fn number(&mut self) -> NeedId {
        let id = NeedId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }

    /// Whether the need was open; it is not any more.
    fn close(&mut self, id: NeedId) -> bool {
        let at = self.open.iter().position(|need| need.id == id);
        at.map(|at| self.open.swap_remove(at)).is_some()
    }
}

mod answers;
mod stored;
#[cfg(test)]
mod tests;
