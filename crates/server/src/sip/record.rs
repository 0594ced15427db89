//! What is remembered of a call until it is over: the evidence behind its log line.

use countersign::authentication::{Authenticated, Refusal};
use countersign::call::{Call, DestSource};
use countersign::certificate::{Coverage, ServiceProviderCode};
use countersign::identity::Identity;
use countersign::passport::OrigId;
use countersign::time::{Now, Ticks, UnixTime};
use countersign::verification::answer::AnswerReport;
use countersign::verification::report::Report;
use countersign::verification::{Code, Complaint, Fault, Sighting, Verdict, Verstat};
use countersign_sip::element::{Finished, Handling, SignatureFate};
use countersign_sip::flow::Transport;
use countersign_sip::resource_priority::PriorityFate;
use countersign_sip::trunk::{BypassCause, Role, Trunk};
use std::net::SocketAddr;

use super::label;
use crate::log::{CallLine, CallLog};
use crate::metrics::Metrics;

/// What became of a call, at whichever door.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// How it came.
    pub trunk: &'a Trunk,
    /// The method of its request, if it came by SIP.
    pub method: Option<&'a [u8]>,
    /// By which transport it came, and from where.
    pub source: Option<(Transport, SocketAddr)>,
    /// Where it went last.
    pub next_hop: Option<(Transport, SocketAddr)>,
    /// Why it went on with a bypass token.
    pub bypass: Option<BypassCause>,
    /// What it is called in the log: its Call-ID, or the X-RequestID.
    pub reference: &'a [u8],
    /// The Call-ID on its other side, if that is another one.
    pub other_call_id: Option<&'a [u8]>,
    /// How it was handled.
    pub handling: Handling,
    /// The verdict, if it was judged.
    pub verdict: Option<Verdict>,
    /// Whether the verdict was told to anybody: a call that is rejected leaves with none.
    pub verdict_left: bool,
    /// What became of its signature.
    pub signature: SignatureFate,
    /// What became of the priority that it asked for.
    pub priority: &'a [PriorityFate],
    /// What was answered.
    pub status: Option<u16>,
    /// When it came.
    pub received: Ticks,
    /// When it was answered.
    pub answered: Ticks,
}

impl<'a> From<&'a Finished> for Ending<'a> {
    fn from(finished: &'a Finished) -> Self {
        Self {
            trunk: &finished.trunk,
            method: Some(&finished.method),
            source: Some(finished.source),
            next_hop: finished.next_hop,
            bypass: finished.bypass,
            reference: &finished.call_id,
            other_call_id: finished.other_call_id.as_deref(),
            handling: finished.handling,
            verdict: finished.verdict,
            verdict_left: finished.forwarded.is_some(),
            signature: finished.signature,
            priority: &finished.priority,
            status: finished.status,
            received: finished.received,
            answered: finished.answered,
        }
    }
}

/// The evidence of one call.
#[derive(Debug, Default)]
pub struct Record {
    orig: Option<Identity>,
    dest: Option<Identity>,
    attest: Option<&'static str>,
    basis: Option<&'static str>,
    reason: Option<&'static str>,
    refusal: Option<Refusal>,
    diversion: Option<&'static str>,
    origid: Option<OrigId>,
    x5u: Option<Box<str>>,
    signer: Option<Box<str>>,
    spc: Option<ServiceProviderCode>,
    covers: Option<&'static str>,
    matched: Option<&'static str>,
    replay: Option<&'static str>,
    detail: Option<Box<str>>,
    code: Option<u16>,
    /// What is wrong with whose PASSporTs, as far as an anchor vouches for them.
    errors: Vec<(Box<str>, Fault)>,
    complaints: Option<Box<str>>,
    /// Its answer, if that was judged.
    answer: Option<Box<JudgedAnswer>>,
    decided: Option<Ticks>,
}

/// How an answer stands, and who has signed it.
#[derive(Debug)]
struct JudgedAnswer {
    standing: &'static str,
    reached: Option<Identity>,
    /// By provider code, or else by the subject of the certificate.
    signer: Option<Box<str>>,
    /// When whoever was called has signed last, if now nobody has.
    regression: Option<UnixTime>,
}

impl Record {
    /// Of a call that is to be signed or judged.
    pub fn of(call: &Call) -> Self {
        Self {
            orig: call.orig.clone(),
            dest: call.dest.first().map(|(identity, _)| identity.clone()),
            ..Self::default()
        }
    }

    /// What signing came to.
    pub fn signed(
        &mut self,
        outcome: &Result<Authenticated, Refusal>,
        origid: OrigId,
        x5u: &str,
        now: Now,
    ) {
        self.decided = Some(now.ticks);
        match outcome {
            Ok(authenticated) => {
                let evidence = &authenticated.attestation;
                self.attest = Some(evidence.signed.as_str());
                self.basis = evidence.basis.map(|basis| basis.name());
                self.reason = Some(evidence.reason.name());
                self.origid = Some(origid);
                self.x5u = Some(x5u.into());
            }
            Err(refusal) => self.refusal = Some(*refusal),
        }
    }

    /// What signing without an extension came to.
    pub fn signed_base(&mut self, refusal: Option<&Refusal>, x5u: &str, now: Now) {
        self.decided = Some(now.ticks);
        match refusal {
            None => self.x5u = Some(x5u.into()),
            Some(refusal) => self.refusal = Some(*refusal),
        }
    }

    /// What signing a diversion came to: how many were signed.
    pub fn diverted(&mut self, outcome: Result<usize, &Refusal>, now: Now) {
        self.decided = Some(now.ticks);
        self.diversion = match outcome {
            Ok(0) => None,
            Ok(_) => Some("signed"),
            Err(refusal) => Some(refusal.name()),
        };
    }

    /// What judging came to.
    pub fn judged(&mut self, report: &Report, now: Now) {
        self.decided = Some(now.ticks);
        self.code = report.code.map(Code::number);
        self.detail = report.detail().map(String::into_boxed_str);
        let vouched = report.erring().filter_map(|(passport, fault)| {
            let signer = passport.signer.as_ref()?;
            Some((label_of(signer.spc(), signer.subject()).into(), fault))
        });
        self.errors = vouched.collect();
        self.complaints = listed(&report.complaints());
        let Some(passport) = report.deciding().or(report.passports.first()) else {
            return;
        };
        self.attest = passport.attest().map(|attest| attest.as_str());
        self.origid = passport.origid();
        self.x5u = passport.x5u().map(Box::from);
        self.matched = passport.dest_from.map(part_of_request);
        self.replay = passport.sighting.and_then(replay);
        if let Some(signer) = &passport.signer {
            self.signer = Some(signer.subject().into());
            self.spc = signer.spc().cloned();
            self.covers = signer.coverage.as_ref().map(covers);
        }
    }

    /// What judging its last answer came to.
    pub fn answered(&mut self, answer: &AnswerReport, report: &Report) {
        let passport = report.deciding().or(report.passports.first());
        let signer = passport.and_then(|passport| passport.signer.as_ref());
        let signer = signer.map(|signer| label_of(signer.spc(), signer.subject()).into());
        self.answer = Some(Box::new(JudgedAnswer {
            standing: answer.standing.name(),
            reached: answer.reached.clone(),
            signer,
            regression: answer.regression,
        }));
    }

    /// Writes the line and counts the call.
    pub fn close(self, ending: &Ending<'_>, calls: &CallLog, metrics: &Metrics) {
        if !matches!(ending.handling, Handling::Call | Handling::Emergency) {
            return;
        }
        let trunk = ending.trunk;
        // What was rejected left with no verstat.
        let verdict = ending.verdict.filter(|_| ending.verdict_left);
        let verstat = verdict.map(|verdict| verdict.verstat(trunk.verstat.profile));
        let (done, why) = (self.outcome(ending), self.cause(ending));
        let answer = self.answer.as_deref();
        calls.write(&CallLine {
            trunk: &trunk.name,
            role: role(trunk.role),
            method: ending.method,
            source: ending.source.map(named),
            next_hop: ending.next_hop.map(named),
            call_id: ending.reference,
            other_call_id: ending.other_call_id,
            orig: self.orig.as_ref(),
            dest: self.dest.as_ref(),
            verdict: done,
            signing: signing(ending.signature),
            fault: why,
            detail: self.detail.as_deref(),
            code: self.code,
            verstat: verstat.map(Verstat::text),
            attest: self.attest,
            basis: self.basis,
            reason: self.reason,
            origid: self.origid,
            x5u: self.x5u.as_deref(),
            signer: self.signer.as_deref(),
            spc: self.spc.as_ref().map(ServiceProviderCode::as_str),
            covers: self.covers,
            matched: self.matched,
            replay: self.replay,
            diversion: self.diversion,
            priority: named_fates(ending.priority).as_deref(),
            complaints: self.complaints.as_deref(),
            bypass: ending.bypass.map(BypassCause::name),
            answer: answer.map(|answer| answer.standing),
            reached: answer.and_then(|answer| answer.reached.as_ref()),
            answer_signer: answer.and_then(|answer| answer.signer.as_deref()),
            answer_regression: answer.and_then(|answer| answer.regression),
            status: ending.status,
            answered: ending
                .method
                .map(|_| ending.answered.since(ending.received)),
            took: self
                .decided
                .unwrap_or(ending.answered)
                .since(ending.received),
        });
        self.count(ending, verstat, metrics);
    }

    /// The name of what was decided.
    fn outcome(&self, ending: &Ending<'_>) -> &'static str {
        match (ending.handling, ending.verdict) {
            (Handling::Emergency, _) => "emergency",
            (_, Some(verdict)) => verdict.name(),
            // Cancelled, or refused before it was its turn.
            (_, None) => {
                let diverted = self.diversion.map(|_| "diverted");
                signing(ending.signature)
                    .or(diverted)
                    .unwrap_or("undecided")
            }
        }
    }

    /// Why it is not better: the fault of a call that was judged, or why one was not signed.
    fn cause(&self, ending: &Ending<'_>) -> Option<&'static str> {
        let fault = ending.verdict.and_then(Verdict::fault);
        let fault = fault.map(|fault| fault.name());
        fault.or(self.refusal.map(Refusal::name))
    }

    /// Who signed, if an anchor of ours vouches for it: the provider code, or else the subject of the certificate.
    fn signer_label(&self) -> Option<&str> {
        let subject = self.signer.as_deref()?;
        Some(label_of(self.spc.as_ref(), subject))
    }

    fn count(&self, ending: &Ending<'_>, verstat: Option<Verstat>, metrics: &Metrics) {
        let trunk = &*ending.trunk.name;
        let took = self.decided.map(|decided| decided.since(ending.received));
        if ending.verdict.is_some() || ending.handling == Handling::Emergency {
            let fault = ending.verdict.and_then(Verdict::fault);
            let values = [
                role(ending.trunk.role),
                self.outcome(ending),
                fault.map_or("", |fault| fault.name()),
                verstat.map_or("", Verstat::text),
            ];
            metrics.calls.increment(trunk, values);
        }
        if ending.verdict.is_some() {
            took.into_iter()
                .for_each(|took| metrics.judge_latency.observe(took));
        }
        if let (Some(verdict), Some(signer)) = (ending.verdict, self.signer_label()) {
            metrics.signers.increment(signer, verdict);
        }
        for (signer, fault) in &self.errors {
            metrics.signers.err(signer, *fault);
        }
        for fate in ending.priority {
            metrics.priorities.increment(trunk, [fate.name()]);
        }
        if self.replay == replay(Sighting::OtherCall) {
            metrics.sip_events.increment(["replay-seen"]);
        }
        if let Some(diversion) = self.diversion {
            metrics.diversions.increment(trunk, [diversion]);
        }
        if let Some(signing) = signing(ending.signature) {
            let why = self.refusal.map_or(signing, Refusal::name);
            let attest = self
                .attest
                .filter(|_| ending.signature == SignatureFate::Added);
            metrics
                .signings
                .increment(trunk, [why, attest.unwrap_or("")]);
            took.into_iter()
                .for_each(|took| metrics.sign_latency.observe(took));
        }
    }
}

/// The provider code, or else the subject of the certificate.
fn label_of<'a>(spc: Option<&'a ServiceProviderCode>, subject: &'a str) -> &'a str {
    spc.map_or(subject, ServiceProviderCode::as_str)
}

/// The outcomes by name; `None` if there are none.
fn named_fates(fates: &[PriorityFate]) -> Option<String> {
    let names: Vec<_> = fates.iter().map(|fate| fate.name()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// Characters of a signature that tell one PASSporT of a call from another. It cannot be used with so few.
const SHORT_SIGNATURE: usize = 12;

/// The code of each complaint, and the beginning of the signature that it is about: `438 ..MEUCIQDx`; `None` if there are none.
fn listed(complaints: &[Complaint]) -> Option<Box<str>> {
    let one = |complaint: &Complaint| {
        let code = complaint.code.number();
        match complaint.ppi.as_deref() {
            Some(ppi) => format!("{code} {}", ppi.get(..SHORT_SIGNATURE + 2).unwrap_or(ppi)),
            None => code.to_string(),
        }
    };
    let all: Vec<_> = complaints.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join(",").into())
}

fn named((transport, address): (Transport, SocketAddr)) -> (&'static str, SocketAddr) {
    (label(transport), address)
}

/// The name of what signing came to; `None` if nobody asked.
fn signing(fate: SignatureFate) -> Option<&'static str> {
    match fate {
        SignatureFate::Added => Some("signed"),
        SignatureFate::Kept => Some("kept"),
        SignatureFate::Late => Some("signed-too-late"),
        SignatureFate::NotAsked => None,
        SignatureFate::Refused => Some("not-signed"),
    }
}

/// What a certificate has of whom it speaks for, as the log names it.
pub(super) fn covers(coverage: &Coverage) -> &'static str {
    match coverage {
        Coverage::ByProvider(_) => "by-provider",
        Coverage::Covered => "covered",
        Coverage::NotCovered => "not-covered",
    }
}

fn part_of_request(source: DestSource) -> &'static str {
    match source {
        DestSource::Given => "given",
        DestSource::RequestUri => "request-uri",
        DestSource::To => "to",
    }
}

/// Whether a proof was seen before, as the log names it.
pub(super) fn replay(sighting: Sighting) -> Option<&'static str> {
    match sighting {
        Sighting::Again => Some("again"),
        Sighting::First => None,
        Sighting::OtherCall => Some("other-call"),
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Both => "both",
        Role::None => "none",
        Role::Sign => "sign",
        Role::Verify => "verify",
    }
}
