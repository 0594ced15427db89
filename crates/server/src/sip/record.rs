//! What is remembered of a call until it is over: the evidence behind its log line.

use countersign::authentication::{Authenticated, Refusal};
use countersign::call::{Call, DestSource};
use countersign::certificate::{Coverage, ServiceProviderCode};
use countersign::identity::Identity;
use countersign::passport::OrigId;
use countersign::time::{Now, Ticks};
use countersign::verification::report::Report;
use countersign::verification::{Code, Sighting, Verdict, Verstat};
use countersign_sip::element::{Finished, Handling, SignatureFate};
use countersign_sip::trunk::Role;

use crate::log::{CallLine, CallLog};
use crate::metrics::Metrics;

/// The evidence of one call.
#[derive(Debug, Default)]
pub struct Record {
    orig: Option<Identity>,
    dest: Option<Identity>,
    attest: Option<&'static str>,
    basis: Option<&'static str>,
    reason: Option<&'static str>,
    refusal: Option<Refusal>,
    origid: Option<OrigId>,
    x5u: Option<Box<str>>,
    signer: Option<Box<str>>,
    spc: Option<ServiceProviderCode>,
    covers: Option<&'static str>,
    matched: Option<&'static str>,
    replay: Option<&'static str>,
    detail: Option<Box<str>>,
    code: Option<u16>,
    decided: Option<Ticks>,
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

    /// What judging came to.
    pub fn judged(&mut self, report: &Report, now: Now) {
        self.decided = Some(now.ticks);
        self.code = report.code.map(Code::number);
        self.detail = report.detail().map(String::into_boxed_str);
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

    /// Writes the line and counts the call.
    pub fn close(self, finished: &Finished, calls: &CallLog, metrics: &Metrics) {
        if !matches!(finished.handling, Handling::Call | Handling::Emergency) {
            return;
        }
        let trunk = &finished.trunk;
        // What was rejected left with no verstat.
        let verdict = finished.verdict.filter(|_| finished.forwarded.is_some());
        let verstat = verdict.map(|verdict| verdict.verstat(trunk.verstat.profile));
        let (done, why) = (self.outcome(finished), self.cause(finished));
        let origid = self.origid.map(|origid| origid.to_string());
        calls.write(&CallLine {
            trunk: &trunk.name,
            role: role(trunk.role),
            call_id: &finished.call_id,
            orig: self.orig.as_ref(),
            dest: self.dest.as_ref(),
            verdict: done,
            signing: signing(finished.signature),
            fault: why,
            detail: self.detail.as_deref(),
            code: self.code,
            verstat: verstat.map(Verstat::text),
            attest: self.attest,
            basis: self.basis,
            reason: self.reason,
            origid: origid.as_deref(),
            x5u: self.x5u.as_deref(),
            signer: self.signer.as_deref(),
            spc: self.spc.as_ref().map(ServiceProviderCode::as_str),
            covers: self.covers,
            matched: self.matched,
            replay: self.replay,
            status: finished.status,
            took: self
                .decided
                .unwrap_or(finished.answered)
                .since(finished.received),
        });
        self.count(finished, verstat, metrics);
    }

    /// The name of what was decided.
    fn outcome(&self, finished: &Finished) -> &'static str {
        match (finished.handling, finished.verdict) {
            (Handling::Emergency, _) => "emergency",
            (_, Some(verdict)) => verdict.name(),
            // Cancelled, or refused before it was its turn.
            (_, None) => signing(finished.signature).unwrap_or("undecided"),
        }
    }

    /// Why it is not better: the fault of a call that was judged, or why one was not signed.
    fn cause(&self, finished: &Finished) -> Option<&'static str> {
        let fault = finished.verdict.and_then(Verdict::fault);
        let fault = fault.map(|fault| fault.name());
        fault.or(self.refusal.map(Refusal::name))
    }

    /// Who signed, if an anchor of ours vouches for it: the provider code, or else the subject of the certificate.
    fn signer_label(&self) -> Option<&str> {
        let spc = self.spc.as_ref().map(ServiceProviderCode::as_str);
        spc.or(self.signer.as_deref())
    }

    fn count(&self, finished: &Finished, verstat: Option<Verstat>, metrics: &Metrics) {
        let trunk = &*finished.trunk.name;
        let took = self.decided.map(|decided| decided.since(finished.received));
        if finished.verdict.is_some() || finished.handling == Handling::Emergency {
            let fault = finished.verdict.and_then(Verdict::fault);
            let values = [
                role(finished.trunk.role),
                self.outcome(finished),
                fault.map_or("", |fault| fault.name()),
                verstat.map_or("", Verstat::text),
            ];
            metrics.calls.increment(trunk, values);
        }
        if finished.verdict.is_some() {
            took.into_iter()
                .for_each(|took| metrics.judge_latency.observe(took));
        }
        if let (Some(verdict), Some(signer)) = (finished.verdict, self.signer_label()) {
            metrics.signers.increment(signer, verdict);
        }
        if self.replay == replay(Sighting::OtherCall) {
            metrics.sip_events.increment(["replay-seen"]);
        }
        if let Some(signing) = signing(finished.signature) {
            let why = self.refusal.map_or(signing, Refusal::name);
            let attest = self
                .attest
                .filter(|_| finished.signature == SignatureFate::Added);
            metrics
                .signings
                .increment(trunk, [why, attest.unwrap_or("")]);
            took.into_iter()
                .for_each(|took| metrics.sign_latency.observe(took));
        }
    }
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

fn covers(coverage: &Coverage) -> &'static str {
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

fn replay(sighting: Sighting) -> Option<&'static str> {
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
