//! What is remembered of a call until it is over: the evidence behind its log line.

use super::services::Services;
use countersign::authentication::{Authenticated, Refusal};
use countersign::call::Call;
use countersign::identity::Identity;
use countersign::passport::OrigId;
use countersign::time::{Now, Ticks};
use countersign::verification::report::Report;
use countersign::verification::{Code, Verdict, Verstat};
use countersign_sip::proxy::{Finished, Handling, SignatureFate};
use countersign_sip::trunk::Role;

use crate::log::CallLine;

/// The evidence of one call.
#[derive(Debug, Default)]
pub struct Record {
    orig: Option<Identity>,
    dest: Option<Identity>,
    attest: Option<&'static str>,
    basis: Option<&'static str>,
    refusal: Option<Refusal>,
    origid: Option<OrigId>,
    x5u: Option<Box<str>>,
    signer: Option<Box<str>>,
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
                self.basis = Some(
                    evidence
                        .basis
                        .map_or_else(|| evidence.reason.name(), |basis| basis.name()),
                );
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
        self.signer = passport
            .signer
            .as_ref()
            .map(|signer| signer.subject().into());
    }

    /// Writes the line and counts the call.
    pub fn close(self, finished: &Finished, services: &Services) {
        if !matches!(finished.handling, Handling::Call | Handling::Emergency) {
            return;
        }
        let trunk = &finished.trunk;
        let verstat = finished
            .verdict
            .map(|verdict| verdict.verstat(trunk.verstat.profile));
        let (done, why) = (self.outcome(finished), self.cause(finished));
        let origid = self.origid.map(|origid| origid.to_string());
        services.calls.write(&CallLine {
            trunk: &trunk.name,
            role: role(trunk.role),
            call_id: &finished.call_id,
            orig: self.orig.as_ref(),
            dest: self.dest.as_ref(),
            verdict: done,
            fault: why,
            detail: self.detail.as_deref(),
            code: self.code,
            verstat: verstat.map(Verstat::text),
            attest: self.attest,
            basis: self.basis,
            origid: origid.as_deref(),
            x5u: self.x5u.as_deref(),
            signer: self.signer.as_deref(),
            status: finished.status,
            took: self
                .decided
                .unwrap_or(finished.answered)
                .since(finished.received),
        });
        self.count(finished, verstat, services);
    }

    /// The name of what was decided.
    fn outcome(&self, finished: &Finished) -> &'static str {
        match (finished.handling, finished.verdict, finished.signature) {
            (Handling::Emergency, _, _) => "emergency",
            (_, Some(verdict), SignatureFate::NotAsked | SignatureFate::Kept) => verdict.name(),
            (_, _, SignatureFate::Added) => "signed",
            (_, _, SignatureFate::Refused) => "not-signed",
            (_, _, SignatureFate::Late) => "signed-too-late",
            (_, _, SignatureFate::Kept) => "kept",
            (_, None, SignatureFate::NotAsked) => "undecided",
        }
    }

    fn cause(&self, finished: &Finished) -> Option<&'static str> {
        let fault = finished
            .verdict
            .and_then(Verdict::fault)
            .map(|fault| fault.name());
        fault.or(self.refusal.map(Refusal::name))
    }

    fn count(&self, finished: &Finished, verstat: Option<Verstat>, services: &Services) {
        let (metrics, trunk) = (&services.metrics, &*finished.trunk.name);
        let took = self.decided.map(|decided| decided.since(finished.received));
        if let Some(verdict) = finished.verdict {
            let fault = verdict.fault().map_or("", |fault| fault.name());
            let told = verstat.map_or("", Verstat::text);
            metrics.calls.increment(
                trunk,
                [role(finished.trunk.role), verdict.name(), fault, told],
            );
            took.into_iter()
                .for_each(|took| metrics.judge_latency.observe(took));
        }
        if finished.signature != SignatureFate::NotAsked {
            let why = self
                .refusal
                .map_or_else(|| self.outcome(finished), Refusal::name);
            let attest = self.attest.unwrap_or("");
            metrics.signings.increment(trunk, [why, attest]);
            took.into_iter()
                .for_each(|took| metrics.sign_latency.observe(took));
        }
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
