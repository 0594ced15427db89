//! Where a PASSporT stands among those that take part in chains, and what it must name and how old it may be there.
//!
//! Who takes part, and what they are worth together, is decided above; who refers to whom is found in [`super::links`].

use super::links::{Fault as LinkFault, Links};
use super::{Comparing, Hope, Role, Worth};
use crate::call::{Call, DestSource};
use crate::identity::Identity;
use crate::passport::Claims;
use crate::verification::check::{Check, Evidence};
use crate::verification::fault::Fault;
use crate::verification::findings::Findings;
use crate::verification::inspect::{When, match_dest};
use crate::verification::policy::{DivertedTo, VerificationPolicy};
use crate::verification::purpose::Purpose;
use crate::verification::report::PassportReport;

/// A called party, and where the call names it.
type Party = (Identity, DestSource);

/// Whom the call is for now, and whom else it names.
pub(super) struct Called {
    /// Those whom it is for come first.
    parties: Vec<Party>,
    /// How many these are.
    targets: usize,
}

impl Called {
    /// That the call was diverted is known, even of a chain that proves nothing: To is for nobody then.
    pub(super) fn diverted(comparing: Comparing<'_>) -> Self {
        let is_target = |party: &Party| match (party.1, comparing.policy.diverted_to) {
            (DestSource::Given | DestSource::RequestUri, _) | (_, DivertedTo::AnyCalled) => true,
            (DestSource::To, DivertedTo::RequestUri) => false,
        };
        let called = comparing.call.dest.iter().cloned();
        let (mut parties, others): (Vec<_>, Vec<_>) = called.partition(is_target);
        let targets = parties.len();
        parties.extend(others);
        Self { parties, targets }
    }

    /// Of a call that nobody diverted.
    pub(super) fn undiverted(call: &Call) -> Self {
        Self {
            parties: call.dest.clone(),
            targets: call.dest.len(),
        }
    }

    /// Whom it is for now, and whom else it names.
    fn split(&self) -> (&[Party], &[Party]) {
        let split = self.parties.split_at_checked(self.targets);
        split.unwrap_or((&self.parties, &[]))
    }
}

/// The places of PASSporTs that are linked so.
pub(super) struct View<'a> {
    pub(super) links: &'a Links,
    pub(super) called: &'a Called,
    pub(super) policy: &'a VerificationPolicy,
    pub(super) when: When,
    pub(super) ours: usize,
}

fn names(claims: &Claims, parties: &[Party]) -> bool {
    parties.iter().any(|(one, _)| claims.dest.contains(one))
}

impl View<'_> {
    /// Whether it names whom the call is for now.
    pub(super) fn names_target(&self, claims: &Claims) -> bool {
        names(claims, self.called.split().0)
    }

    /// For each, whether it is connected with a way from an original to whom the call is for, on which nothing has failed yet.
    pub(super) fn hopes<'r>(
        &self,
        each: impl Iterator<Item = (&'r PassportReport, &'r Findings)>,
    ) -> Vec<Hope> {
        let mut hopes = Vec::new();
        let mut open = Vec::new();
        let mut ends = Vec::new();
        for (at, (report, findings)) in each.enumerate() {
            let names_target = report.claims().is_some_and(|one| self.names_target(one));
            let is_good = !findings.has_failed() && !self.links.is_ignored(at);
            ends.push(is_good.then_some(names_target));
            hopes.push(Hope::None);
            if is_good && !names_target && report.purpose != Purpose::Diversion {
                open.extend(self.links.referred_by(at));
            }
        }
        let mut seen = vec![false; ends.len()];
        let mut hopeful = Vec::new();
        while let Some(at) = open.pop() {
            let (Some(seen), Some(Some(is_end))) = (seen.get_mut(at), ends.get(at)) else {
                continue;
            };
            if !std::mem::replace(seen, true) {
                open.extend(self.links.referred_by(at));
                if *is_end {
                    hopeful.push(at);
                }
            }
        }
        while let Some(at) = hopeful.pop() {
            if let Some(hope) = hopes.get_mut(at).filter(|hope| **hope == Hope::None) {
                *hope = Hope::Some;
                hopeful.extend(self.links.refers_to(at));
                hopeful.extend(self.links.referred_by(at));
            }
        }
        hopes
    }

    /// Compares it with whom the call is for now if it is an outermost one, with the next one if it is not.
    pub(super) fn place(
        &self,
        at: usize,
        report: &PassportReport,
        findings: &mut Findings,
    ) -> (Role, Option<DestSource>) {
        let Some(claims) = report.claims() else {
            return (Role::Alone, None);
        };
        let (targets, others) = self.called.split();
        let is_diversion = report.purpose == Purpose::Diversion;
        let is_outermost = self.is_outermost(at);
        let (role, dest_from) = match (is_diversion, is_outermost) {
            (true, true) => (Role::Diversion, match_dest(claims, targets, findings)),
            (true, false) => {
                findings.pass_with(Check::Dest, self.diverted(at));
                (Role::Diversion, None)
            }
            (false, _) if names(claims, targets) => {
                (Role::Alone, match_dest(claims, targets, findings))
            }
            (false, false) => {
                findings.pass_with(Check::Dest, self.diverted(at));
                (Role::Original, None)
            }
            // It was made for whom To still names. Who diverted the call from there is not told, or not by anybody who could be understood.
            (false, true) if names(claims, others) => {
                let fault = Fault::ChainIncomplete;
                findings.fault(Check::Chain, fault, Evidence::Nothing);
                (Role::Alone, match_dest(claims, others, findings))
            }
            (false, true) => (Role::Alone, match_dest(claims, targets, findings)),
        };
        if role != Role::Alone {
            self.tell_fault(at, findings);
        }
        (role, dest_from)
    }

    /// How old it may be there, in seconds.
    pub(super) fn window(&self, at: usize, role: Role) -> u32 {
        match (role, self.is_outermost(at)) {
            (Role::Alone, _) | (_, true) => self.policy.freshness,
            (Role::Diversion | Role::Open | Role::Original, false) => {
                self.policy.longest_freshness()
            }
        }
    }

    /// Judges its age anew, which was judged by the longest window.
    pub(super) fn judge_age(
        &self,
        at: usize,
        report: &PassportReport,
        role: Role,
        findings: &mut Findings,
    ) {
        let Some(claimed) = report.iat().filter(|_| at >= self.ours) else {
            return;
        };
        let now = self.when.nearest(claimed);
        if now.abs_diff(claimed) > u64::from(self.when.window(self.window(at, role))) {
            findings.fault(
                Check::Iat,
                Fault::IatStale,
                Evidence::Times { claimed, now },
            );
        }
    }

    /// What it could be worth there at most.
    pub(super) fn worth_of_place(&self, at: usize, report: &PassportReport) -> Worth {
        match self.links.fault(at) {
            Some(LinkFault::Incomplete) => return Worth::NotValidated,
            Some(LinkFault::Broken(_) | LinkFault::Elsewhere) if self.arrives(at) => {
                return Worth::NotValidated;
            }
            Some(LinkFault::Broken(_) | LinkFault::Elsewhere) => return Worth::Failed,
            None => {}
        }
        let Some(claims) = report.claims().filter(|_| self.is_outermost(at)) else {
            return Worth::Passed;
        };
        let age = self.when.nearest(claims.iat).abs_diff(claims.iat);
        let is_fresh = age <= u64::from(self.when.window(self.policy.freshness));
        match is_fresh && self.names_target(claims) {
            true => Worth::Passed,
            false => Worth::Failed,
        }
    }

    fn is_outermost(&self, at: usize) -> bool {
        self.links.referred_by(at).is_empty()
    }

    /// Whether the call that was somebody's twice came to whom it is for now.
    fn arrives(&self, at: usize) -> bool {
        let mut targets = self.called.split().0.iter();
        let end = self.links.end(at);
        end.is_some_and(|end| targets.any(|(target, _)| target == end))
    }

    fn diverted(&self, at: usize) -> Evidence {
        Evidence::Diverted(self.links.called_from(at).into())
    }

    fn tell_fault(&self, at: usize, findings: &mut Findings) {
        let (fault, evidence) = match self.links.fault(at) {
            None if !self.links.is_ignored(at) => return,
            // What it refers to counts as if it were not there.
            None | Some(LinkFault::Incomplete) => (Fault::ChainIncomplete, Evidence::Nothing),
            // Nobody has lied, as far as can be seen; but in which order it all was cannot be seen.
            Some(LinkFault::Broken(_) | LinkFault::Elsewhere) if self.arrives(at) => {
                (Fault::ChainUnclear, Evidence::Nothing)
            }
            Some(LinkFault::Broken(cause)) => (Fault::ChainInvalid, Evidence::Diversion(cause)),
            Some(LinkFault::Elsewhere) => (
                Fault::ChainBroken,
                Evidence::ElsewhereInChain(Fault::ChainInvalid),
            ),
        };
        findings.fault(Check::Chain, fault, evidence);
    }
}
