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
mod place;

use self::links::{Links, Node};
use self::place::{Called, View};
use super::Verdict;
use super::check::{Check, Evidence};
use super::diversion::ChainBreak;
use super::fault::{Fault, Standing};
use super::findings::Findings;
use super::inspect::{
    Inspected, Message, Support, When, inspect, judge_freshness, judge_media, match_orig,
};
use super::policy::{InfoRequirement, VerificationPolicy};
use super::proof::Bench;
use super::purpose::Purpose;
use super::report::{PassportReport, Token};
use crate::call::Call;
use crate::passport::{Extension, Presented, SignedPassport};

/// What the PASSporTs of a diverted call are compared with.
#[derive(Clone, Copy)]
pub(super) struct Comparing<'a> {
    pub(super) call: &'a Call,
    pub(super) policy: &'a VerificationPolicy,
    pub(super) when: When,
    /// How many of them, the first ones, are our own: what was sent with a call that is answered. They are what they say.
    pub(super) ours: usize,
}

/// The chains of one call on their way. Its members are told apart by the place of their reports.
pub(super) struct Chains {
    members: Vec<Member>,
    /// Who refers to whom: at first among all, in the end among those that a chain was found of.
    links: Links,
    nested_in: Vec<Option<usize>>,
    called: Called,
    when: When,
    ours: usize,
}

struct Member {
    role: Role,
    support: Support,
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
    /// That is seen when all are judged.
    Open,
    /// It was made for somebody from whom the call was diverted.
    Original,
}

/// Puts the PASSporTs of a call together and compares each with the call. Those that are inside of others come behind them all.
pub(super) fn link(inspected: &mut Vec<Inspected>, comparing: Comparing<'_>) -> Chains {
    let nested_in = unfold(inspected, comparing);
    let everybody = inspected.iter().map(|one| (&one.report.token, one.support));
    let links = find_links(everybody, &nested_in);
    let is_live = |(at, one): (usize, &Inspected)| {
        is_diversion(one) && one.support == Support::Known && !links.is_ignored(at)
    };
    let called = match inspected.iter().enumerate().any(is_live) {
        true => Called::diverted(comparing),
        false => Called::undiverted(comparing.call),
    };
    let view = View {
        links: &links,
        called: &called,
        policy: comparing.policy,
        when: comparing.when,
        ours: comparing.ours,
    };
    let reports = inspected.iter().map(|one| (&one.report, &one.findings));
    let hopes = view.hopes(reports);
    let mut members = Vec::with_capacity(inspected.len());
    for (at, (one, hope)) in inspected.iter_mut().zip(hopes).enumerate() {
        if links.is_ignored(at) && one.support == Support::Known {
            one.support = Support::Ignored;
            let findings = &mut one.findings;
            findings.fault(Check::Chain, Fault::PptUnsupported, Evidence::Nothing);
        }
        let role = compare(one, at, hope, &view, comparing);
        let nested_in = nested_in.get(at).copied().flatten();
        if role != Role::Alone || nested_in.is_some() || !links.referred_by(at).is_empty() {
            one.report.chain = Some(Box::new(links.report(at, nested_in)));
        }
        members.push(Member {
            role,
            support: one.support,
            settled: None,
        });
    }
    Chains {
        members,
        links,
        nested_in,
        called,
        when: comparing.when,
        ours: comparing.ours,
    }
}

/// Compares one with the call. Where it stands is told now, if no other's proof could change that.
fn compare(
    one: &mut Inspected,
    at: usize,
    hope: Hope,
    view: &View<'_>,
    comparing: Comparing<'_>,
) -> Role {
    let Comparing { call, policy, .. } = comparing;
    let Inspected {
        report,
        findings,
        support,
    } = one;
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
    let is_ours = at < comparing.ours;
    if !is_ours {
        report.orig_from = match_orig(claims, call, findings);
    }
    let is_open = match hope {
        Hope::None => false,
        Hope::Some => report.purpose == Purpose::Diversion || !view.names_target(claims),
    };
    let (role, dest_from) = match is_open {
        true => {
            // What it must name depends on where it stands.
            findings.pass(Check::Dest);
            (Role::Open, None)
        }
        false => view.place(at, report, findings),
    };
    report.dest_from = dest_from;
    let window = match is_open {
        true => policy.longest_freshness(),
        false => view.window(at, role),
    };
    let claims = passport.claims();
    if !is_ours {
        judge_freshness(claims, call.date, policy, window, comparing.when, findings);
        judge_media(claims, call, policy, findings);
    }
    role
}

/// Whether there is a way from an original to whom the call is for, among those that are connected, if all on it are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hope {
    None,
    Some,
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
                inspected.push(inspect(
                    Ok(presented),
                    comparing.call,
                    &policy,
                    Message::Request,
                ));
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

/// Finds who refers to whom. Of whom nothing may be read, the token is left out.
fn find_links<'a>(
    everybody: impl Iterator<Item = (&'a Token, Support)> + Clone,
    nested_in: &[Option<usize>],
) -> Links {
    // RFC 8946 §4.2: "if the innermost PASSporT contains an unsupported "ppt", its chain MUST be ignored". To know which chain is its own,
    // its claims are read, which nobody else does.
    let unsupported = everybody.clone().map(|one| match one {
        (Token::Sealed(envelope), Support::Ignored) => SignedPassport::parse(envelope.token()).ok(),
        _ => None,
    });
    let unsupported: Vec<Option<SignedPassport>> = unsupported.collect();
    let nodes = everybody.zip(&unsupported).zip(nested_in);
    let nodes: Vec<Node<'_>> = nodes
        .map(|(((token, support), unsupported), nested_in)| Node {
            token: token.as_str(),
            claims: token
                .passport()
                .or(unsupported.as_ref())
                .map(SignedPassport::claims),
            support,
            nested_in: *nested_in,
        })
        .collect();
    Links::find(&nodes)
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
    /// Whether it could still come out that the first one leads to whom the call is for.
    pub(super) fn may_lead_on(&self) -> bool {
        let first = self.members.first();
        first.is_some_and(|member| member.role == Role::Open)
    }

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

    /// All are judged: tells each member where it stands and what the others are worth, and concludes it. Which they are is given back.
    // RFC 8946 §4.2: "The verification service MUST inspect and validate the signatures on each and every PASSporT object in the chain
    // between the outermost "div" PASSporT and the innermost PASSporT."
    pub(super) fn close(mut self, reports: &mut [PassportReport], bench: &Bench<'_>) -> Vec<usize> {
        self.place(reports, bench);
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
                if let Some(worth) = worth {
                    tell_worth(worth, culprit, &mut findings);
                }
                bench.conclude(report, findings);
                concluded.push(at);
            }
        }
        concluded
    }

    /// Puts those in their places whose places could not be told before.
    fn place(&mut self, reports: &mut [PassportReport], bench: &Bench<'_>) {
        if self.members.iter().all(|member| member.role != Role::Open) {
            return;
        }
        let verdicts = self.verdicts(reports, bench);
        let own: Vec<Worth> = verdicts.iter().map(|one| Worth::of(*one)).collect();
        let mut least = Worth::Failed;
        if own.iter().any(|worth| *worth != Worth::Passed) {
            if let Some((links, of)) = self.without_junk(&own, reports, bench) {
                self.links = links;
                least = of;
            }
            let each = own.iter().enumerate();
            let bad = each.filter(|(_, worth)| **worth == Worth::Failed);
            self.links.close_ways(bad.map(|(at, _)| at));
        }
        let Self {
            members,
            links,
            nested_in,
            called,
            when,
            ours,
        } = self;
        let view = View {
            links,
            called,
            policy: bench.policy,
            when: *when,
            ours: *ours,
        };
        let everybody = members.iter_mut().zip(reports).zip(own).zip(nested_in);
        for (at, (((member, report), own), nested_in)) in everybody.enumerate() {
            let (Role::Open, Some(findings)) = (member.role, &mut member.settled) else {
                continue;
            };
            // What is bad, or not judged, and is left out by that, is judged alone.
            member.role = Role::Alone;
            if own >= least {
                (member.role, report.dest_from) = view.place(at, report, findings);
                view.judge_age(at, report, member.role, findings);
                report.chain = Some(Box::new(view.links.report(at, *nested_in)));
            }
        }
    }

    /// The links among those that are good, if these alone prove a caller; else among all but the bad ones, if these leave it open. And
    /// what a PASSporT is worth at least that takes part in them.
    // RFC 8946 §4.2: "a verification service needs to inspect all of the valid Identity header field values associated with a request".
    // Anybody on the way can add one that is not (docs/divergences.md).
    fn without_junk(
        &self,
        own: &[Worth],
        reports: &[PassportReport],
        bench: &Bench<'_>,
    ) -> Option<(Links, Worth)> {
        [Worth::Passed, Worth::NotValidated]
            .into_iter()
            .find_map(|least| {
                let everybody = reports.iter().zip(&self.members).zip(own);
                let among = everybody.map(|((report, member), own)| {
                    let is_in = member.support == Support::Ignored || *own >= least;
                    (
                        if is_in { &report.token } else { &Token::None },
                        member.support,
                    )
                });
                let links = find_links(among, &self.nested_in);
                let view = View {
                    links: &links,
                    called: &self.called,
                    policy: bench.policy,
                    when: self.when,
                    ours: self.ours,
                };
                (self.outlook(&view, own, reports) == least).then_some((links, least))
            })
    }

    /// What the best proof of a caller would be worth that was diverted.
    fn outlook(&self, view: &View<'_>, own: &[Worth], reports: &[PassportReport]) -> Worth {
        let placed = reports.iter().zip(own).enumerate();
        let placed: Vec<Worth> = placed
            .map(|(at, (report, own))| view.worth_of_place(at, report).min(*own))
            .collect();
        let on = along(&placed, |at| view.links.referred_by(at));
        let each = self.members.iter().zip(reports).zip(placed).zip(on);
        let callers = each.enumerate().filter(|(at, (((member, report), _), _))| {
            member.role == Role::Open
                && report.purpose == Purpose::Caller
                && !view.links.referred_by(*at).is_empty()
        });
        let worths = callers.map(|(_, ((_, placed), on))| placed.min(on));
        worths.max().unwrap_or(Worth::Failed)
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
        let back = along(&own, |at| self.links.refers_to(at));
        let on = along(&own, |at| self.links.referred_by(at));
        let each = self.members.iter().zip(back).zip(on);
        each.map(|((member, back), on)| match member.role {
            Role::Diversion => Some(back.min(on)),
            Role::Original => Some(on),
            Role::Alone | Role::Open => None,
        })
        .collect()
    }

    /// The worst fault of those that are connected with it.
    fn culprit(&self, at: usize, verdicts: &[Verdict]) -> Option<Fault> {
        let mut seen = vec![false; self.members.len()];
        let mut open = vec![at];
        let mut worst: Option<Fault> = None;
        while let Some(next) = open.pop() {
            let Some(seen) = seen.get_mut(next) else {
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
            open.extend(self.links.refers_to(next));
            open.extend(self.links.referred_by(next));
        }
        worst
    }
}

/// What the PASSporTs are worth that follow each one in a direction, along the best way; where none follow, nothing is missing.
fn along<'a>(own: &[Worth], next: impl Fn(usize) -> &'a [usize]) -> Vec<Worth> {
    let ends = (0..own.len()).map(|at| match next(at).is_empty() {
        true => Worth::Passed,
        false => Worth::Failed,
    });
    let mut worth: Vec<Worth> = ends.collect();
    // It only ever rises, one step at least in each round, and a loop never rises.
    for _ in 0..own.len() {
        let mut has_risen = false;
        for at in 0..own.len() {
            let ways = next(at).iter();
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

fn tell_worth(worth: Worth, culprit: Option<Fault>, findings: &mut Findings) {
    // What is bad by itself needs no other's fault.
    if findings.has_failed() {
        return;
    }
    let evidence = culprit.map_or(Evidence::Nothing, Evidence::ElsewhereInChain);
    match worth {
        Worth::Passed => findings.pass(Check::Chain),
        Worth::NotValidated => findings.fault(Check::Chain, Fault::ChainUnproven, evidence),
        Worth::Failed => findings.fault(Check::Chain, Fault::ChainBroken, evidence),
    }
}
