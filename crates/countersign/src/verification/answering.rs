//! An answer to a call that we sent is judged: who was reached, and how the call came there.
//! [RFC 9970 §4, §5](https://www.rfc-editor.org/rfc/rfc9970#section-4).
//!
//! ```text
//!    ours    orig A  dest B             what was sent: kept, not fetched, not judged
//!       ▲
//!    div     orig A  div B  dest C      brought along by the answer; as old as the request
//!       ▲
//!    rsp     orig A  dest C             signed by who may speak for C; as old as the answer
//! ```
//!
//! An `rsp` is judged like any other PASSporT. If it names somebody else than was called, the diversions beside it are judged as those of a
//! call that is for whom it names ([`chains`]), and begin with what we sent. All else that an answer presents is as if it were not there.

use super::Malformed;
use super::Verdict;
use super::answer::{AnswerReport, AnswerStanding, Dialled, DivertedAnswer, MediaStanding, Pin};
use super::chains::{self, Chains, Comparing};
use super::check::{Check, Evidence, Outcome};
use super::fault::{Fault, Standing};
use super::findings::Findings;
use super::inspect::{
    Inspected, Message, Support, When, inspect, judge_freshness, judge_media, match_orig,
};
use super::policy::{Replay, VerificationPolicy};
use super::proof::Bench;
use super::purpose::Purpose;
use super::replay::Seal;
use super::report::{PassportReport, Token};
use crate::call::{Call, DateHeader, DestSource, OrigSource, Presentation};
use crate::identity::Identity;
use crate::media_keys::MediaKeys;
use crate::passport::{Presented, SignedPassport};
use crate::priority::RequestedPriority;
use crate::time::{Now, UnixTime};
use std::sync::Arc;

/// One answer on its way. Its PASSporTs are told apart by the place of their reports.
pub(super) struct Answering {
    dialled: Arc<Dialled>,
    media: MediaStanding,
    chains: Option<Box<Chains>>,
    /// For each report where it was presented; `None` for what we sent, and for what was inside of another.
    places: Vec<Option<usize>>,
    /// How many of the reports, the first ones, are of what we sent.
    ours: usize,
    /// What was found of those who say who was reached, once all that each can be judged by alone is judged.
    settled: Vec<(usize, Findings)>,
}

/// An answer as it is presented, and what it is judged with.
struct Judging<'a> {
    dialled: &'a Dialled,
    call: Call,
    policy: &'a VerificationPolicy,
    now: UnixTime,
}

impl Answering {
    /// Inspects what is presented, compares it with the call that it answers, and puts it together. What we sent comes first.
    pub(super) fn begin(
        dialled: &Arc<Dialled>,
        presented: Vec<Result<Presented, Malformed>>,
        media_keys: Option<&MediaKeys>,
        policy: &VerificationPolicy,
        now: Now,
    ) -> (Self, Vec<Inspected>) {
        let judging = Judging {
            dialled,
            call: as_call(dialled, media_keys),
            policy,
            now: now.unix,
        };
        let (mut answers, mut way) = (Vec::new(), Vec::new());
        for (place, inspected) in judging.inspect(presented) {
            match inspected.report.purpose {
                Purpose::Diversion => way.push((place, inspected)),
                _ => answers.push((place, inspected)),
            }
        }
        let mut answering = Self {
            dialled: Arc::clone(dialled),
            media: match media_keys {
                None => MediaStanding::NoKeys,
                Some(_) => MediaStanding::NotSigned,
            },
            chains: None,
            places: Vec::new(),
            ours: 0,
            settled: Vec::new(),
        };
        let mut inspected = answering.join(&judging, &mut answers, way);
        answering.places.resize(inspected.len(), None);
        for (place, one) in answers {
            answering.places.push(Some(place));
            inspected.push(one);
        }
        (answering, inspected)
    }

    /// Puts those together who tell how the call came to somebody else, if that is of interest to anybody.
    fn join(
        &mut self,
        judging: &Judging<'_>,
        answers: &mut [(usize, Inspected)],
        way: Vec<(usize, Inspected)>,
    ) -> Vec<Inspected> {
        let reached = judging.reached_elsewhere(answers);
        let (places, mut brought): (Vec<usize>, Vec<Inspected>) = way.into_iter().unzip();
        let places = places.into_iter().map(Some);
        if reached.is_empty() {
            ignore(&mut brought);
            self.places.extend(places);
            return brought;
        }
        let mut group: Vec<Inspected> = ours(judging.dialled).collect();
        self.ours = group.len();
        self.places.extend(std::iter::repeat_n(None, self.ours));
        self.places.extend(places);
        group.append(&mut brought);
        let call = judging.diverted_to(&reached);
        let comparing = Comparing {
            call: &call,
            policy: judging.policy,
            when: When::since(judging.dialled.sent, judging.now),
            ours: self.ours,
        };
        let chains = chains::link(&mut group, comparing);
        if chains.may_lead_on() {
            self.chains = Some(Box::new(chains));
            return group;
        }
        let (_, brought) = group.split_at_mut_checked(self.ours).unwrap_or_default();
        for (_, one) in answers.iter_mut() {
            judging.refuse_elsewhere(one, brought);
        }
        ignore(&mut group);
        group
    }

    /// The call that it answers.
    pub(super) fn dialled(&self) -> &Dialled {
        &self.dialled
    }

    /// Whether a report is of what we sent, so that nothing is fetched for it.
    pub(super) fn is_ours(&self, report: usize) -> bool {
        report < self.ours
    }

    /// Keeps what was found until all are judged; what was found of anybody on whom nothing depends is given back.
    pub(super) fn keep(
        &mut self,
        at: usize,
        report: &PassportReport,
        findings: Findings,
    ) -> Option<Findings> {
        if report.purpose == Purpose::Answer {
            self.settled.push((at, findings));
            return None;
        }
        match &mut self.chains {
            None => Some(findings),
            Some(chains) => chains.keep(at, findings),
        }
    }

    /// All are judged: tells each who says who was reached whether it is shown how the call came there.
    pub(super) fn close(&mut self, reports: &mut [PassportReport], bench: &Bench<'_>) {
        let leads_on = self
            .chains
            .take()
            .map(|chains| chains.close(reports, bench));
        for (at, mut findings) in std::mem::take(&mut self.settled) {
            if leads_on.is_some()
                && let Some(reached) = reports.get(at).and_then(reached)
                && !self.dialled.is_for(&reached)
            {
                tell_way(way_to(reports, &reached), &mut findings);
            }
            if let Some(report) = reports.get_mut(at) {
                bench.conclude(report, findings);
            }
        }
    }

    /// What it all adds up to, and the reports of what was presented, in the order presented.
    pub(super) fn sum(
        &self,
        mut reports: Vec<PassportReport>,
        policy: &VerificationPolicy,
    ) -> (AnswerReport, Vec<PassportReport>) {
        let answer = self.answer(&reports, policy);
        let mut order: Vec<usize> = (self.ours..reports.len()).collect();
        let place = |at: &usize| {
            self.places
                .get(*at)
                .copied()
                .flatten()
                .unwrap_or(usize::MAX)
        };
        order.sort_by_key(place);
        let renumber = |old: &usize| order.iter().position(|at| at == old);
        for report in &mut reports {
            let Some(chain) = &mut report.chain else {
                continue;
            };
            chain.refers_to = chain.refers_to.iter().filter_map(renumber).collect();
            chain.referred_by = chain.referred_by.iter().filter_map(renumber).collect();
            chain.nested_in = chain.nested_in.as_ref().and_then(renumber);
        }
        let mut reports: Vec<Option<PassportReport>> = reports.into_iter().map(Some).collect();
        let ordered = order.iter().filter_map(|at| reports.get_mut(*at)?.take());
        (answer, ordered.collect())
    }

    // RFC 8224 §6.2.1: "If at least one Identity header field value is valid and from a trusted source, then relying parties can use that
    // header for authorization decisions regardless of whether other untrusted or invalid Identity headers appear": so here.
    fn answer(&self, reports: &[PassportReport], policy: &VerificationPolicy) -> AnswerReport {
        let said = || {
            let answers = reports.iter().filter(|one| one.purpose == Purpose::Answer);
            answers.filter(|one| one.verdict != Verdict::Unsigned)
        };
        let proven = || {
            let proven = said().filter(|one| one.verdict == Verdict::Passed);
            proven.filter_map(|one| Some((one, reached(one)?)))
        };
        let Some((first, who)) =
            proven().min_by_key(|(one, _)| media_of(one) != MediaStanding::Bound)
        else {
            let standing = unproven(said().map(|one| one.verdict), policy);
            let mut checks = said().map(|one| one.check(Check::Media).outcome);
            let media = match checks.any(|one| one == Outcome::Failed(Fault::MediaKeysMismatch)) {
                true => MediaStanding::Mismatch,
                false => self.media,
            };
            return nobody(standing, media);
        };
        if proven().any(|(_, other)| other != who) {
            return nobody(
                AnswerStanding::NotValidated(Fault::AnswerUnclear),
                self.media,
            );
        }
        let standing = match self.dialled.is_for(&who) {
            true => AnswerStanding::Matching,
            false => AnswerStanding::Diverted,
        };
        let pin = first.signer.as_ref().map(|signer| Pin {
            identity: who.clone(),
            key: signer.path.key_digest(),
            provider: signer.spc().cloned(),
        });
        AnswerReport {
            standing,
            reached: Some(who),
            pin,
            media: media_of(first),
            seals: match policy.replay {
                Replay::Off => Vec::new(),
                Replay::Enforce | Replay::Observe => proven().filter_map(seal).collect(),
            },
            regression: None,
        }
    }
}

/// The report of an answer by which nobody is proven to have been reached.
pub(super) const fn nobody(standing: AnswerStanding, media: MediaStanding) -> AnswerReport {
    AnswerReport {
        standing,
        reached: None,
        pin: None,
        media,
        seals: Vec::new(),
        regression: None,
    }
}

/// What an answer is that nobody proves.
fn unproven(
    verdicts: impl Iterator<Item = Verdict> + Clone,
    policy: &VerificationPolicy,
) -> AnswerStanding {
    let first = |of: fn(Verdict) -> Option<Fault>| {
        let faults = verdicts.clone().filter_map(of);
        faults.min_by_key(|fault| policy.order.rank(fault.code()))
    };
    if let Some(fault) = first(Verdict::not_validated) {
        return AnswerStanding::NotValidated(fault);
    }
    first(Verdict::failed).map_or(AnswerStanding::Absent, AnswerStanding::Unexpected)
}

/// What one that is proven says of the keys of the media.
fn media_of(report: &PassportReport) -> MediaStanding {
    let check = report.check(Check::Media);
    match (check.outcome, check.evidence) {
        (Outcome::Passed, Evidence::NotSigned) => MediaStanding::NotSigned,
        (Outcome::Passed, _) => MediaStanding::Bound,
        _ => MediaStanding::NoKeys,
    }
}

/// What tells the signature of one that is proven from others.
fn seal((report, _): (&PassportReport, Identity)) -> Option<Seal> {
    let passport = report.token.passport()?;
    Some(Seal::of(passport.signature()))
}

/// Who was reached, as one says that says it of one only.
fn reached(report: &PassportReport) -> Option<Identity> {
    let mut dest = report.dest()?.iter();
    let first = dest.next();
    first.filter(|_| dest.next().is_none())
}

/// The call that an answer is compared with.
fn as_call(dialled: &Dialled, media_keys: Option<&MediaKeys>) -> Call {
    Call {
        orig: Some(dialled.passport.claims().orig.clone()),
        orig_from: OrigSource::From,
        dest: vec![(dialled.called.clone(), DestSource::RequestUri)],
        date: DateHeader::Absent,
        presentation: Presentation::default(),
        priority: RequestedPriority::default(),
        media_keys: media_keys.cloned().map(Box::new),
        reference: None,
    }
}

/// What we sent, as if it had been judged.
fn ours(dialled: &Dialled) -> impl Iterator<Item = Inspected> + '_ {
    let sent = [&dialled.passport].into_iter().chain(&dialled.diversions);
    sent.map(|passport| {
        let purpose = Purpose::of(passport.claims());
        let token = Token::Opened(SignedPassport::clone(passport));
        Inspected {
            report: PassportReport::new(token, purpose),
            findings: Findings::of_ours(),
            support: Support::Known,
        }
    })
}

/// Nobody asks for these, so nothing is fetched for them.
fn ignore(inspected: &mut [Inspected]) {
    for one in inspected {
        one.support = Support::Ignored;
    }
}

impl Judging<'_> {
    /// Everything that is presented, with its place, but what we sent ourselves, and what says the same again.
    fn inspect(&self, presented: Vec<Result<Presented, Malformed>>) -> Vec<(usize, Inspected)> {
        let mut seen: Vec<Box<str>> = Vec::new();
        let mut inspected = Vec::with_capacity(presented.len());
        for (place, one) in presented.into_iter().enumerate() {
            if let Ok(one) = &one {
                if one.token.is_empty() || self.has_sent(&one.token) || seen.contains(&one.token) {
                    continue;
                }
                seen.push(one.token.clone());
            }
            let mut one = inspect(one, &self.call, self.policy, Message::Answer);
            self.compare(&mut one);
            inspected.push((place, one));
        }
        inspected
    }

    fn has_sent(&self, token: &str) -> bool {
        let sent = [&self.dialled.passport].into_iter();
        let mut sent = sent.chain(&self.dialled.diversions);
        sent.any(|passport| passport.token() == token)
    }

    /// Compares one who says who was reached with the call that was sent.
    fn compare(&self, inspected: &mut Inspected) {
        let Inspected {
            report,
            findings,
            support,
        } = inspected;
        // A parameter that contradicts the token was found already.
        if *support == Support::Known
            && !matches!(report.purpose, Purpose::Answer | Purpose::Diversion)
        {
            report.purpose = Purpose::Answer;
        }
        let Some(passport) = report.token.passport() else {
            return;
        };
        if report.purpose != Purpose::Answer || *support == Support::Ignored {
            return;
        }
        let claims = passport.claims();
        // RFC 9970 §9 leaves the claims to be those of a PASSporT: whoever answers the call answers its caller.
        let orig_from = match_orig(claims, &self.call, findings);
        judge_freshness(
            claims,
            DateHeader::Absent,
            self.policy,
            self.policy.freshness,
            When::of(self.now, None),
            findings,
        );
        judge_media(claims, &self.call, self.policy, findings);
        let dest_from = self.judge_reached(report, findings);
        report.orig_from = orig_from;
        report.dest_from = dest_from;
    }

    // RFC 9970 §5: "the "dest" signed in the "rsp" PASSporT MUST be the address-of-record of the party who was reached": of one.
    fn judge_reached(
        &self,
        report: &PassportReport,
        findings: &mut Findings,
    ) -> Option<DestSource> {
        let Some(who) = reached(report) else {
            findings.fault(Check::Dest, Fault::DestInvalid, Evidence::Nothing);
            return None;
        };
        if self.dialled.is_for(&who) {
            let source = DestSource::RequestUri;
            findings.pass_with(Check::Dest, Evidence::DestFrom(source));
            return Some(source);
        }
        match self.dialled.policy.diverted {
            // Whether it is shown how the call came there is seen when all are judged.
            DivertedAnswer::Accepted => findings.pass(Check::Dest),
            DivertedAnswer::Refused => self.tell_unexpected(report, findings),
        }
        None
    }

    fn tell_unexpected(&self, report: &PassportReport, findings: &mut Findings) {
        let called = vec![self.dialled.called.clone()];
        let evidence = report.dest().map_or(Evidence::Nothing, |claimed| {
            Evidence::DestDiffers(Box::new((claimed.clone(), called)))
        });
        findings.fault(Check::Dest, Fault::AnswerUnexpected, evidence);
    }

    /// Everybody else who was reached, by the word of those that may still be proven.
    fn reached_elsewhere(&self, answers: &[(usize, Inspected)]) -> Vec<Identity> {
        let mut elsewhere = Vec::new();
        for (_, one) in answers.iter().filter(|(_, one)| self.is_elsewhere(one)) {
            elsewhere.extend(reached(&one.report));
        }
        elsewhere
    }

    fn is_elsewhere(&self, one: &Inspected) -> bool {
        let is_answer = one.report.purpose == Purpose::Answer && one.support == Support::Known;
        let who = reached(&one.report);
        is_answer && !one.findings.has_failed() && who.is_some_and(|who| !self.dialled.is_for(&who))
    }

    /// The call as it came to them.
    fn diverted_to(&self, reached: &[Identity]) -> Call {
        let dest = reached.iter().cloned();
        Call {
            dest: dest.map(|one| (one, DestSource::Given)).collect(),
            // What a diversion would say of media is of the request's.
            orig_from: OrigSource::Given,
            media_keys: None,
            ..self.call.clone()
        }
    }

    /// Nothing that was brought along could show how the call came to somebody else.
    // RFC 9970 §5: "An "rsp" PASSporT that signs a different "dest" than the one that appeared in the PASSporT of the dialog-forming request
    // MUST send at least one "div" PASSporT with it."
    fn refuse_elsewhere(&self, one: &mut Inspected, brought: &[Inspected]) {
        if !self.is_elsewhere(one) {
            return;
        }
        let Inspected {
            report, findings, ..
        } = one;
        let order = self.policy.order;
        let bad = brought.iter().filter(|one| one.findings.has_failed());
        let bad = bad.filter_map(|one| one.findings.verdict(order).fault());
        // That it leads to somebody else is no defect of it.
        let mut bad = bad.filter(|fault| *fault != Fault::DestMismatch);
        let leads_here = |one: &Inspected| {
            let dest = one.report.dest();
            reached(report).is_some_and(|who| dest.is_some_and(|dest| dest.contains(&who)))
        };
        if let Some(fault) = bad.next() {
            let evidence = Evidence::ElsewhereInChain(fault);
            findings.fault(Check::Chain, Fault::ChainBroken, evidence);
        } else if brought.iter().any(leads_here) {
            findings.fault(Check::Chain, Fault::ChainIncomplete, Evidence::Nothing);
        } else {
            self.tell_unexpected(report, findings);
        }
    }
}

/// Whether it is proven that the call came to somebody: what is told of it, or the fault and what is told of that.
// RFC 9970 §6: "Relying parties who intended to trust an "rsp" PASSporT MUST validate any "div" chain back to the "rsp" PASSporT".
fn way_to(reports: &[PassportReport], who: &Identity) -> Result<Evidence, (Fault, Evidence)> {
    let ours = reports.first();
    if let Some(fault) = ours.and_then(|ours| ours.verdict.fault()) {
        let told = ours.and_then(|ours| ours.check_of(fault));
        let evidence = told.map_or(Evidence::Nothing, |told| told.evidence.clone());
        let fault = match fault.standing() {
            Standing::Failed => Fault::ChainBroken,
            Standing::NotValidated => fault,
        };
        return Err((fault, evidence));
    }
    match leads_to(reports, who) {
        true => Ok(ours.map_or(Evidence::Nothing, |ours| {
            ours.check(Check::Dest).evidence.clone()
        })),
        false => Err((Fault::AnswerUnexpected, Evidence::Nothing)),
    }
}

/// Whether good diversions lead from what we sent to one that nobody diverts any more, and that names them.
fn leads_to(reports: &[PassportReport], who: &Identity) -> bool {
    let mut seen = vec![false; reports.len()];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let (Some(seen), Some(report)) = (seen.get_mut(at), reports.get(at)) else {
            continue;
        };
        if std::mem::replace(seen, true) || report.verdict != Verdict::Passed {
            continue;
        }
        let on = report.chain.as_deref().map(|chain| &*chain.referred_by);
        let on = on.unwrap_or_default();
        if on.is_empty() && report.dest().is_some_and(|dest| dest.contains(who)) {
            return true;
        }
        open.extend(on);
    }
    false
}

fn tell_way(way: Result<Evidence, (Fault, Evidence)>, findings: &mut Findings) {
    match way {
        Ok(evidence) => {
            findings.pass_with(Check::Dest, evidence);
            findings.pass(Check::Chain);
        }
        // What is bad by itself needs no other's fault.
        Err(_) if findings.has_failed() => {}
        Err((fault, evidence)) => findings.fault(Check::Chain, fault, evidence),
    }
}
