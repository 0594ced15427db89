//! What may be shown of the caller, out of everything that was proven.

use super::{Content, RichReport};
use crate::jose::json::{Object, Value, parse_str};
use crate::passport::rcd::references::{CARD_ELSEWHERE, ICON, is_data};
use crate::passport::{Attestation, Card, RichClaims};
use crate::verification::Verdict;
use crate::verification::consequences::{ProvenCaller, ProvenCard, Reference};
use crate::verification::purpose::Purpose;
use crate::verification::report::PassportReport;
use std::borrow::Cow;

/// What may be shown, if the call passed: `None` if nothing may.
///
/// The face of a caller (name, number, picture, card) is of one PASSporT, the first of the caller's own that has any of it, else the
/// first of a third party; the reason is the first that there is, in the same order.
// RFC 9795 §10: "its RCD MUST NOT be used when a call lacks a first-party PASSporT that assures verification services that the calling
// party number is not spoofed." Attestation B and C do not say that (docs/divergences.md).
pub(in crate::verification) fn proven(
    verdict: Verdict,
    passports: &[PassportReport],
) -> Option<Box<ProvenCaller>> {
    if verdict != Verdict::Passed || passports.iter().all(|one| one.rich.is_none()) {
        return None;
    }
    let own = || passports.iter().filter(|one| assures(one));
    if !is_assured(passports) {
        return None;
    }
    let third = passports
        .iter()
        .filter(|one| one.purpose == Purpose::RichData);
    let mut caller = ProvenCaller::default();
    for one in own().chain(third).filter_map(shown) {
        let reason = caller.reason.take().or(one.reason.clone());
        let faceless = ProvenCaller {
            reason: None,
            ..caller.clone()
        } == ProvenCaller::default();
        if faceless {
            caller = one;
        }
        caller.reason = reason;
    }
    (caller != ProvenCaller::default()).then(|| Box::new(caller))
}

/// Whether somebody assures that the number is not spoofed, without whom nothing is shown.
fn is_assured(passports: &[PassportReport]) -> bool {
    passports.iter().any(assures)
}

/// The claims of one that is proven, as JSON, without the rich call data that may not be shown; `None` if it is not proven, or is
/// about nothing else.
pub(in crate::verification) fn claims<'r>(
    passport: &'r PassportReport,
    among: &[PassportReport],
) -> Option<Cow<'r, str>> {
    let proven = passport.token.proven()?.passport();
    let (payload, Some(known)) = (proven.payload(), passport.rich.as_deref()) else {
        return Some(proven.payload().into());
    };
    let is_anothers = passport.purpose == Purpose::RichData;
    let is_shown = is_assured(among) && (is_anothers || assures(passport));
    let parts = ["apn", "crn", "icn", "jcd", "nam"].map(|part| known.part(part));
    let is_whole = |part: &Content| matches!(part, Content::Absent | Content::Proven);
    match is_shown {
        true if parts.iter().all(is_whole) => Some(payload.into()),
        false if is_anothers => None,
        _ => without(payload, |part| !is_shown || !known.part(part).is_proven()),
    }
}

/// The claims without some parts of their rich call data, and without its digests: what is left needs none.
fn without<'r>(payload: &str, is_left_out: impl Fn(&str) -> bool) -> Option<Cow<'r, str>> {
    let payload = parse_str(payload).ok()?;
    let mut members = Vec::new();
    for (name, value) in payload.value.as_object()?.iter() {
        let value = match (name, value.as_object()) {
            ("rcdi", _) => continue,
            ("crn", _) if is_left_out("crn") => continue,
            ("rcd", Some(data)) => {
                let parts = data.iter().filter(|(part, _)| !is_left_out(part));
                let parts = parts.map(|(part, value)| (Cow::from(part), value.clone()));
                match Object::from_members(parts.collect()).ok()? {
                    parts if parts.is_empty() => continue,
                    parts => Value::Object(parts),
                }
            }
            _ => value.clone(),
        };
        members.push((Cow::from(name), value));
    }
    let mut text = String::new();
    Object::from_members(members).ok()?.write(&mut text);
    Some(text.into())
}

/// Whether it is the caller's own and assures that the number is not spoofed: of those that attest, only with attestation A.
fn assures(report: &PassportReport) -> bool {
    report.purpose == Purpose::Caller
        && report.verdict == Verdict::Passed
        && matches!(report.attest(), None | Some(Attestation::A))
}

/// What of one PASSporT may be shown.
fn shown(report: &PassportReport) -> Option<ProvenCaller> {
    if report.verdict != Verdict::Passed {
        return None;
    }
    let claims = report.token.proven()?.claims().rich.as_deref()?;
    let known = report.rich.as_deref()?;
    let data = claims.data.as_ref();
    Some(ProvenCaller {
        name: data
            .and_then(|data| data.name.clone())
            .filter(|_| known.name.is_proven()),
        alternate: data
            .and_then(|data| data.alternate)
            .filter(|_| known.alternate.is_proven()),
        icon: data
            .and_then(|data| data.icon.as_deref())
            .filter(|_| known.icon.is_proven())
            .map(|url| reference(url, ICON, claims)),
        card: card(claims, known),
        reason: claims.reason.clone().filter(|_| known.reason.is_proven()),
    })
}

fn card(claims: &RichClaims, known: &RichReport) -> Option<ProvenCard> {
    if !known.card.is_proven() {
        return None;
    }
    match claims.data.as_ref()?.card.as_ref()? {
        Card::At(url) => Some(ProvenCard::At(reference(url, CARD_ELSEWHERE, claims))),
        Card::Inline(json) => Some(ProvenCard::Inline(json.clone())),
    }
}

fn reference(url: &str, pointer: &str, claims: &RichClaims) -> Reference {
    let digests = claims.integrity.iter().flat_map(|claim| &claim.digests);
    let mut digests = digests.filter(|(at, _)| **at == *pointer && !is_data(url));
    Reference {
        url: url.into(),
        integrity: digests.next().map(|(_, digest)| digest.clone()),
    }
}
