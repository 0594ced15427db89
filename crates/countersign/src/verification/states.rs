//! One verification, from the first glance to the verdict, without a socket.
//!
//! ```text
//!    begin ──► Open ──poll──► Needs ──answer──► poll ──► … ──► Done(report)
//!                └──────────────── expire, or the deadline ───────┘
//! ```
//!
//! [`VerificationService::begin`] inspects everything that costs nothing. [`Verification::poll`] tells what is still needed, all
//! needs of all PASSporTs at once, or the report. Answers come in any order, or never: it always ends.

use super::check::{Check, Evidence};
use super::fault::{Code, Fault};
use super::findings::{Checks, Findings};
use super::inspect::{Inspected, Support, inspect};
use super::need::{Need, NeedId, NeedKind, NeedLimit, Refresh, Source, Unavailable};
use super::policy::{Replay, Thoroughness, VerificationPolicy};
use super::proof::{Bench, Judged, Provenance, conclude};
use super::replay::ReplayMemory;
use super::report::{PassportReport, Report};
use super::{Malformed, Verdict};
use crate::call::{Call, CallReference};
use crate::certificate::CertificateChain;
use crate::certificate::chain::MAX_CHAIN_BYTES;
use crate::crypto::VerifyingKeys;
use crate::passport::Presented;
use crate::path::PathCache;
use crate::time::{Now, Ticks};
use crate::trust::Trust;
use std::sync::Arc;
use std::time::Duration;

/// Begins verifications: a policy and what all of them share. Cheap to clone.
#[derive(Clone)]
pub struct VerificationService {
    shared: Arc<Shared>,
}

struct Shared {
    policy: VerificationPolicy,
    keys: Arc<dyn VerifyingKeys>,
    paths: Arc<PathCache>,
    replay: Arc<dyn ReplayMemory>,
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
        };
        Self {
            shared: Arc::new(shared),
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
        let policy = &self.shared.policy;
        let state =
            if presented.iter().filter(|one| is_there(one)).count() > policy.max_identity_headers {
                State::Done(Report::unjudged(Fault::TooManyIdentityHeaders))
            } else {
                let until = now
                    .ticks
                    .after(Duration::from_millis(policy.deadline.into()));
                let mut open = Open::new(until, presented.len());
                for one in presented.into_iter().filter(is_there) {
                    let inspected = inspect(one, call, policy, now.unix);
                    open.take_up(inspected, policy);
                }
                State::Open(open)
            };
        let reference = match policy.replay {
            Replay::Off => None,
            Replay::Enforce | Replay::Observe => call.reference.clone(),
        };
        Verification {
            shared: Arc::clone(&self.shared),
            trust: Arc::clone(trust),
            reference,
            state,
        }
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

/// What a need is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The chain, and whether it came from a cache.
    Certificate(Arc<CertificateChain>, Source),
    /// It could not be had.
    Unavailable(Unavailable),
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
    Told {
        verdict: Verdict,
        code: Option<Code>,
    },
}

/// Something is still undecided, or answers are not looked at yet.
struct Open {
    /// One for each Identity header; those that wait are not complete.
    reports: Vec<PassportReport>,
    waiting: Vec<Waiting>,
    needs: Needs,
    answers: Vec<(NeedId, Answer)>,
}

/// A report that waits for a certificate.
struct Waiting {
    /// Where it stands among the reports.
    report: usize,
    findings: Findings,
    need: NeedId,
    refresh: Refresh,
}

/// What is needed by whoever waits.
struct Needs {
    open: Vec<Need>,
    next: u32,
    until: Ticks,
}

impl Verification {
    /// Looks at what was answered and tells what is needed, or the report. At the deadline it ends by itself.
    ///
    /// The report is given once; polled again, verdict and code stay, without the evidence.
    pub fn poll(&mut self, now: Now) -> Poll<'_> {
        self.advance(now);
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
        self.advance(now);
        if let State::Open(open) = &mut self.state {
            open.give_up(&self.shared.policy);
            let passports = std::mem::take(&mut open.reports);
            self.end(passports);
        }
        self.state.tell()
    }

    /// When it ends by itself, if it has not ended yet.
    pub fn deadline(&self) -> Option<Ticks> {
        match &self.state {
            State::Open(open) => Some(open.needs.until),
            State::Done(_) | State::Told { .. } => None,
        }
    }

    fn advance(&mut self, now: Now) {
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
            now: now.unix,
        };
        open.digest_answers(&bench);
        if now.ticks >= open.needs.until {
            open.give_up(&self.shared.policy);
        }
        if open.waiting.is_empty() {
            let passports = std::mem::take(&mut open.reports);
            self.end(passports);
        }
    }

    fn end(&mut self, passports: Vec<PassportReport>) {
        let policy = &self.shared.policy;
        let report = Report::sum(passports, policy.order, policy.identity);
        self.state = State::Done(report);
    }
}

impl State {
    /// The report, or what is left of it. Of an open verification it would be nothing that anybody may rely on.
    fn tell(&mut self) -> Report {
        let (verdict, code) = match self {
            Self::Done(report) => (report.verdict, report.code),
            Self::Told { verdict, code } => (*verdict, *code),
            Self::Open(_) => return Report::unjudged(Fault::NotExamined),
        };
        match std::mem::replace(self, Self::Told { verdict, code }) {
            Self::Done(report) => report,
            Self::Open(_) | Self::Told { .. } => Report {
                verdict,
                code,
                passports: Vec::new(),
            },
        }
    }
}

impl Open {
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
        }
    }

    /// Takes up what the first stages left of one Identity header.
    fn take_up(&mut self, inspected: Inspected, policy: &VerificationPolicy) {
        let Inspected {
            mut report,
            findings,
            support,
        } = inspected;
        match url_to_fetch(&report, &findings, policy) {
            _ if support == Support::Ignored => report.checks = Checks::of(findings),
            None => conclude(&mut report, findings, policy),
            Some(url) => self.waiting.push(Waiting {
                report: self.reports.len(),
                findings,
                need: self.needs.open(url, Refresh::No),
                refresh: Refresh::No,
            }),
        }
        self.reports.push(report);
    }

    fn digest_answers(&mut self, bench: &Bench<'_>) {
        let Self {
            reports,
            waiting,
            needs,
            answers,
        } = self;
        for (id, answer) in answers.drain(..) {
            waiting.retain_mut(|one| match reports.get_mut(one.report) {
                Some(report) if one.need == id => match one.digest(report, &answer, bench) {
                    Judged::Decided => false,
                    Judged::Outdated => {
                        one.refresh = Refresh::Conditional;
                        one.need = needs.open(report.x5u().unwrap_or_default(), one.refresh);
                        true
                    }
                },
                _ => true,
            });
        }
    }

    /// What is undecided is not validated.
    fn give_up(&mut self, policy: &VerificationPolicy) {
        for mut one in self.waiting.drain(..) {
            let fault = Fault::DeadlineExpired;
            one.findings
                .fault(Check::Certificate, fault, Evidence::Nothing);
            if let Some(report) = self.reports.get_mut(one.report) {
                conclude(report, one.findings, policy);
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
    let wanted = !findings.has_failed() || policy.thoroughness == Thoroughness::EveryCheck;
    let fetchable = wanted && findings.has_passed(Check::X5u);
    report.x5u().filter(|_| fetchable)
}

impl Waiting {
    /// Judges under an answer. What comes out decided is complete.
    fn digest(
        &mut self,
        report: &mut PassportReport,
        answer: &Answer,
        bench: &Bench<'_>,
    ) -> Judged {
        let (chain, provenance) = match (answer, self.refresh) {
            (Answer::Certificate(chain, source), Refresh::No) => (chain, Provenance::of(*source)),
            // Whoever was asked to ask the origin has done so, or has done so a moment ago.
            (Answer::Certificate(chain, _), Refresh::Conditional) => (chain, Provenance::Final),
            (Answer::Unavailable(cause), _) => {
                let evidence = Evidence::Unavailable(*cause);
                let fault = Fault::CertificateUnavailable;
                self.findings.fault(Check::Certificate, fault, evidence);
                conclude(report, self.findings.take(), bench.policy);
                return Judged::Decided;
            }
        };
        let judged = bench.judge(report, &mut self.findings, chain, provenance);
        if judged == Judged::Decided {
            bench.conclude(report, self.findings.take());
        }
        judged
    }
}

impl Needs {
    /// The need of this URL: one for all who need it.
    fn open(&mut self, url: &str, refresh: Refresh) -> NeedId {
        let is_same = |need: &&Need| match &need.kind {
            NeedKind::Certificate {
                url: other,
                refresh: how,
            } => **other == *url && *how == refresh,
        };
        if let Some(same) = self.open.iter().find(is_same) {
            return same.id;
        }
        let id = NeedId(self.next);
        self.next = self.next.wrapping_add(1);
        self.open.push(Need {
            id,
            kind: NeedKind::Certificate {
                url: url.into(),
                refresh,
            },
            limit: NeedLimit {
                bytes: MAX_CHAIN_BYTES,
                until: self.until,
            },
        });
        id
    }

    /// Whether the need was open; it is not any more.
    fn close(&mut self, id: NeedId) -> bool {
        let at = self.open.iter().position(|need| need.id == id);
        at.map(|at| self.open.swap_remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests;
