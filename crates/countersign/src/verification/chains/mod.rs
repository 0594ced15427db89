//! Chains of diversions: [RFC 8946 §4.2](https://www.rfc-editor.org/rfc/rfc8946#section-4.2), and §5.1 where one PASSporT has another inside.
//!
//! ```text
//!    shaken  orig A  dest B             innermost: speaks for the call as it began
//!       ▲
//!    div     orig A  div B  dest C      signed by who may speak for B
//!       ▲
//!    div     orig A  div C  dest D      outermost: D is whom the call is for now
//! ```
//!
//! Header fields are in no order, so the PASSporTs are put together by what they say ([`links`]). Each is then judged like any other, and
//! what none of them can tell alone is told when all are judged: an innermost one that was made for somebody else proves the caller
//! only if every PASSporT from it to an outermost one is good, and that one names whom the call is for now.
//!
//! A call without diversions never comes here.

mod links;

use self::links::{Fault as LinkFault, Links, Node};
use super::Verdict;
use super::check::{Check, Evidence};
use super::diversion::{ChainBreak, ChainReport};
use super::fault::{Fault, Standing};
use super::findings::Findings;
use super::inspect::{Inspected, Support, inspect, judge_freshness, match_dest, match_orig};
use super::policy::{DivertedTo, InfoRequirement, VerificationPolicy};
use super::proof::Bench;
use super::purpose::Purpose;
use super::report::{PassportReport, Token};
use crate::call::{Call, DestSource};
use crate::identity::Identity;
use crate::passport::{Extension, Presented, SignedPassport};
use crate::time::UnixTime;

/// What the PASSporTs of a diverted call are compared with.
#[derive(Clone, Copy)]
pub(super) struct Comparing<'a> {
    pub(super) call: &'a Call,
    pub(super) policy: &'a VerificationPolicy,
    pub(super) now: UnixTime,
}

/// The chains of one call on their way. Its members are told apart by the place of their reports.
pub(super) struct Chains {
    members: Vec<Member>,
}

struct Member {
    role: Role,
    refers_to: Vec<usize>,
    referred_by: Vec<usize>,
    /// What was found, once all that it can be judged by alone is judged.
    settled: Option<Findings>,
}

/// What a PASSporT has to do with chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Nothing that its verdict would depend on.
    Alone,
    /// It diverts the call.
    Diversion,
    /// It was made for somebody from whom the call was diverted.
    Original,
}

/// Puts the PASSporTs of a call together and compares each with the call. Those that are inside of others come behind them all.
pub(super) fn link(inspected: &mut Vec<Inspected>, comparing: Comparing<'_>) -> Chains {
    let nested_in = unfold(inspected, comparing);
    let links = find_links(inspected, &nested_in);
    let is_live = |(at, one): (usize, &Inspected)| {
        is_diversion(one) && one.support == Support::Known && !links.is_ignored(at)
    };
    let targets = match inspected.iter().enumerate().any(is_live) {
        true => targets(comparing),
        false => comparing.call.dest.clone(),
    };
    let mut members = Vec::with_capacity(inspected.len());
    for (at, one) in inspected.iter_mut().enumerate() {
        let place = Place {
            at,
            links: &links,
            targets: &targets,
        };
        let role = place.compare(one, comparing);
        let refers_to = links.refers_to(at).to_vec();
        let referred_by = links.referred_by(at).to_vec();
        let nested_in = nested_in.get(at).copied().flatten();
        if role != Role::Alone || nested_in.is_some() || !referred_by.is_empty() {
            one.report.chain = Some(Box::new(ChainReport {
                refers_to: refers_to.clone(),
                referred_by: referred_by.clone(),
                nested_in,
            }));
        }
        members.push(Member {
            role,
            refers_to,
            referred_by,
            settled: None,
        });
    }
    Chains { members }
}

/// Whether this is a PASSporT that makes the call a diverted one.
pub(super) fn is_diversion(inspected: &Inspected) -> bool {
    inspected.report.purpose == Purpose::Diversion
}

/// Inspects the PASSporTs that are inside of others, and those inside of these, as many as are judged in one call. Tells for each in
/// which it is.
fn unfold(inspected: &mut Vec<Inspected>, comparing: Comparing<'_>) -> Vec<Option<usize>> {
    // Beside a token in a claim there is no parameter.
    let policy = VerificationPolicy {
        info: InfoRequirement::Optional,
        ..comparing.policy.clone()
    };
    let mut nested_in = vec![None; inspected.len()];
    let mut at = 0;
    while let Some(outer) = inspected.get_mut(at) {
        if let Some(token) = inside(&outer.report.token) {
            if nested_in.len() < policy.max_identity_headers {
                let presented = Presented::bare(token);
                inspected.push(inspect(Ok(presented), comparing.call, &policy));
                nested_in.push(Some(at));
            } else {
                let evidence = Evidence::Diversion(ChainBreak::NestedTooDeep);
                let findings = &mut outer.findings;
                findings.fault(Check::Chain, Fault::BeyondLimits, evidence);
            }
        }
        at += 1;
    }
    nested_in
}

fn inside(token: &Token) -> Option<Box<str>> {
    match &token.passport()?.claims().extension {
        Extension::DivO(div) => Some(div.opt.clone()),
        _ => None,
    }
}

fn find_links(inspected: &[Inspected], nested_in: &[Option<usize>]) -> Links {
    // RFC 8946 §4.2: "if the innermost PASSporT contains an unsupported "ppt", its chain MUST be ignored". To know which chain is its own,
    // its claims are read, which nobody else does.
    let unsupported: Vec<Option<SignedPassport>> = inspected
        .iter()
        .map(|one| match (one.support, &one.report.token) {
            (Support::Ignored, Token::Sealed(envelope)) => {
                SignedPassport::parse(envelope.token()).ok()
            }
            _ => None,
        })
        .collect();
    let nodes = inspected.iter().zip(&unsupported).zip(nested_in);
    let nodes: Vec<Node<'_>> = nodes
        .map(|((one, unsupported), nested_in)| Node {
            token: one.report.token.as_str(),
            claims: one
                .report
                .claims()
                .or(unsupported.as_ref().map(SignedPassport::claims)),
            support: one.support,
            nested_in: *nested_in,
        })
        .collect();
    Links::find(&nodes)
}

/// Whom the call is for now. That it was diverted is known, even of a chain that proves nothing: To is for nobody then.
fn targets(comparing: Comparing<'_>) -> Vec<(Identity, DestSource)> {
    let called = comparing.call.dest.iter();
    let is_target = |source: DestSource| match (source, comparing.policy.diverted_to) {
        (DestSource::Given | DestSource::RequestUri, _) | (_, DivertedTo::AnyCalled) => true,
        (DestSource::To, DivertedTo::RequestUri) => false,
    };
    called.filter(|one| is_target(one.1)).cloned().collect()
}

/// One PASSporT among the others.
struct Place<'a> {
    at: usize,
    links: &'a Links,
    targets: &'a [(Identity, DestSource)],
}

impl Place<'_> {
    /// Compares it with the call: with whom it is for now if it is an outermost one, with the next one if it is not.
    fn compare(&self, inspected: &mut Inspected, comparing: Comparing<'_>) -> Role {
        let Comparing { call, policy, now } = comparing;
        if self.links.is_ignored(self.at) && inspected.support == Support::Known {
            inspected.support = Support::Ignored;
            let findings = &mut inspected.findings;
            findings.fault(Check::Chain, Fault::PptUnsupported, Evidence::Nothing);
        }
        let Inspected {
            report,
            findings,
            support,
        } = inspected;
        let Some(passport) = report.token.passport() else {
            return match (report.purpose, *support) {
                (Purpose::Diversion, Support::Known) => Role::Diversion,
                _ => Role::Alone,
            };
        };
        if *support == Support::Ignored {
            return Role::Alone;
        }
        let claims = passport.claims();
        let orig_from = match_orig(claims, call, findings);
        let is_outermost = self.links.referred_by(self.at).is_empty();
        let is_diversion = report.purpose == Purpose::Diversion;
        let names_target = self
            .targets
            .iter()
            .any(|(one, _)| claims.dest.contains(one));
        let (role, dest_from) = match (is_diversion, is_outermost) {
            (true, true) => (Role::Diversion, match_dest(claims, self.targets, findings)),
            (true, false) => {
                findings.pass_with(Check::Dest, self.diverted());
                (Role::Diversion, None)
            }
            (false, false) if !names_target => {
                findings.pass_with(Check::Dest, self.diverted());
                (Role::Original, None)
            }
            (false, _) => (Role::Alone, match_dest(claims, self.targets, findings)),
        };
        let window = match (role, is_outermost) {
            (Role::Alone, _) | (_, true) => policy.freshness,
            (Role::Diversion | Role::Original, false) => policy.longest_freshness(),
        };
        judge_freshness(claims, call.date, policy, window, now, findings);
        report.orig_from = orig_from;
        report.dest_from = dest_from;
        if role != Role::Alone {
            self.tell_fault(findings);
        }
        role
    }

    fn diverted(&self) -> Evidence {
        Evidence::Diverted(self.links.called_from(self.at).into())
    }

    fn tell_fault(&self, findings: &mut Findings) {
        let (fault, evidence) = match self.links.fault(self.at) {
            None => return,
            Some(LinkFault::Broken(cause)) => (Fault::ChainInvalid, Evidence::Diversion(cause)),
            Some(LinkFault::Incomplete) => (Fault::ChainIncomplete, Evidence::Nothing),
            Some(LinkFault::Elsewhere) => (
                Fault::ChainBroken,
                Evidence::ElsewhereInChain(Fault::ChainInvalid),
            ),
        };
        findings.fault(Check::Chain, fault, evidence);
    }
}

/// What PASSporTs are worth together: what the worst of them is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Failed,
    NotValidated,
    Passed,
}

impl Worth {
    const fn of(verdict: Verdict) -> Self {
        match verdict.fault() {
            None => Self::Passed,
            Some(fault) => match fault.standing() {
                Standing::Failed => Self::Failed,
                Standing::NotValidated => Self::NotValidated,
            },
        }
    }
}

impl Chains {
    /// Keeps what was found of a member until all are judged; what was found of anybody else is given back.
    pub(super) fn keep(&mut self, report: usize, findings: Findings) -> Option<Findings> {
        match self.members.get_mut(report) {
            Some(member) if member.role != Role::Alone => {
                member.settled = Some(findings);
                None
            }
            _ => Some(findings),
        }
    }

    /// All are judged: tells each member what the others are worth, and concludes it. Which they are is given back.
    // RFC 8946 §4.2: "The verification service MUST inspect and validate the signatures on each and every PASSporT object in the chain
    // between the outermost "div" PASSporT and the innermost PASSporT."
    pub(super) fn close(mut self, reports: &mut [PassportReport], bench: &Bench<'_>) -> Vec<usize> {
        let mut verdicts = self.verdicts(reports, bench);
        let mut worths = self.worths(&verdicts);
        // Only members of a whole chain are shown to the memory: what proves nothing leaves no trace there.
        for ((member, report), worth) in self.members.iter_mut().zip(&mut *reports).zip(&worths) {
            if let (Some(findings), Some(Worth::Passed)) = (&mut member.settled, worth) {
                bench.look_for_replay(report, findings);
            }
        }
        // One that was replayed breaks the chain of the others.
        let remembered = self.verdicts(reports, bench);
        if remembered != verdicts {
            worths = self.worths(&remembered);
            verdicts = remembered;
        }
        let mut concluded = Vec::new();
        for (at, (report, worth)) in reports.iter_mut().zip(worths).enumerate() {
            let culprit = self.culprit(at, &verdicts);
            let settled = self.members.get_mut(at).and_then(|one| one.settled.take());
            if let Some(mut findings) = settled {
                tell_worth(worth, culprit, &mut findings);
                bench.conclude(report, findings);
                concluded.push(at);
            }
        }
        concluded
    }

    /// What each PASSporT is worth by itself, as far as is known.
    fn verdicts(&self, reports: &[PassportReport], bench: &Bench<'_>) -> Vec<Verdict> {
        let each = self.members.iter().zip(reports);
        each.map(|(member, report)| match &member.settled {
            Some(findings) => findings.verdict(bench.policy.order),
            None => report.verdict,
        })
        .collect()
    }

    /// What the others are worth that each member depends on.
    fn worths(&self, verdicts: &[Verdict]) -> Vec<Option<Worth>> {
        let own: Vec<Worth> = verdicts.iter().map(|one| Worth::of(*one)).collect();
        let back = self.along(&own, |member| &member.refers_to);
        let on = self.along(&own, |member| &member.referred_by);
        let each = self.members.iter().zip(back).zip(on);
        each.map(|((member, back), on)| match member.role {
            Role::Diversion => Some(back.min(on)),
            Role::Original => Some(on),
            Role::Alone => None,
        })
        .collect()
    }

    /// What the PASSporTs are worth that follow each one in a direction, along the best way; where none follow, nothing is missing.
    fn along(&self, own: &[Worth], next: impl Fn(&Member) -> &[usize]) -> Vec<Worth> {
        let mut worth: Vec<Worth> = self
            .members
            .iter()
            .map(|member| match next(member).is_empty() {
                true => Worth::Passed,
                false => Worth::Failed,
            })
            .collect();
        // It only ever rises, one step at least in each round, and a loop never rises.
        for _ in 0..self.members.len() {
            let mut has_risen = false;
            for (at, member) in self.members.iter().enumerate() {
                let ways = next(member).iter();
                let best = ways
                    .filter_map(|other| Some(*own.get(*other)?.min(worth.get(*other)?)))
                    .max();
                if let (Some(best), Some(known)) = (best, worth.get_mut(at))
                    && best > *known
                {
                    *known = best;
                    has_risen = true;
                }
            }
            if !has_risen {
                break;
            }
        }
        worth
    }

    /// The worst fault of those that are connected with it.
    fn culprit(&self, at: usize, verdicts: &[Verdict]) -> Option<Fault> {
        let mut seen = vec![false; self.members.len()];
        let mut open = vec![at];
        let mut worst: Option<Fault> = None;
        while let Some(next) = open.pop() {
            let (Some(seen), Some(member)) = (seen.get_mut(next), self.members.get(next)) else {
                continue;
            };
            if std::mem::replace(seen, true) {
                continue;
            }
            let fault = verdicts.get(next).and_then(|verdict| verdict.fault());
            worst = match (worst, fault) {
                (None, fault) => fault,
                (Some(known), Some(fault))
                    if known.standing() == Standing::NotValidated
                        && fault.standing() == Standing::Failed =>
                {
                    Some(fault)
                }
                (known, _) => known,
            };
            open.extend(member.refers_to.iter().chain(&member.referred_by));
        }
        worst
    }
}

fn tell_worth(worth: Option<Worth>, culprit: Option<Fault>, findings: &mut Findings) {
    // What is bad by itself needs no other's fault.
    if findings.has_failed() {
        return;
    }
    let evidence = culprit.map_or(Evidence::Nothing, Evidence::ElsewhereInChain);
    match worth {
        Some(Worth::Passed) => findings.pass(Check::Chain),
        Some(Worth::NotValidated) => findings.fault(Check::Chain, Fault::ChainUnproven, evidence),
        Some(Worth::Failed) | None => findings.fault(Check::Chain, Fault::ChainBroken, evidence),
    }
}
