//! Calls that we send somewhere else: `div` and `div-o`,
//! [RFC 8946 §3 to §5](https://www.rfc-editor.org/rfc/rfc8946#section-3).
//!
//! What is signed is drawn from the PASSporTs that the call has already, and from where it goes now. Whether those are worth
//! anything is not asked: [`crate::verification`] does that, here or at the other end. The originals stay in the request; what
//! comes out of here is added.

use super::originate::called_parties;
use super::{AuthenticationService, DATE_TOLERANCE_SECONDS, Form, Refusal};
use crate::call::{Call, DateHeader};
use crate::certificate::Coverage;
use crate::identity::{Dest, Identity};
use crate::passport::{Claims, Div, DivO, Extension, SignedPassport};
use crate::time::UnixTime;

/// How long after its origination a call may be retargeted, in seconds, without the one who does so having to sign it anew as its
/// own. Own decision: an INVITE waits for an answer no longer than Timer C of RFC 3261 §16.6, three minutes; older PASSporTs
/// would be given a new life (docs/divergences.md).
pub const RETARGET_WINDOW_SECONDS: u64 = 180;

/// A PASSporT that was signed for a diversion.
#[derive(Clone, Debug)]
pub struct Diverted {
    /// The PASSporT.
    pub passport: SignedPassport,
    /// The value of the Identity header: `token;info=<x5u>;alg=ES256;ppt=div`.
    pub identity: String,
}

/// Whether the PASSporT before stands beside the new one or in it.
#[derive(Clone, Copy)]
enum Original {
    Beside,
    Inside,
}

impl AuthenticationService {
    /// Signs that a call goes to `target` now, for each chain of PASSporTs that it has: those that share caller and destination
    /// get one together. `existing` are the tokens of its Identity headers, in any order; `history` is the index of History-Info
    /// that tells of this diversion, if one does. Nothing is signed for a PASSporT whose destination the target is already.
    ///
    /// # Errors
    /// [`Refusal`] if nothing could be signed: no PASSporT there, none to a destination that our certificate covers, a time of
    /// origination more than [`RETARGET_WINDOW_SECONDS`] ago.
    pub fn divert(
        &self,
        existing: &[SignedPassport],
        target: &Identity,
        history: Option<&str>,
        now: UnixTime,
    ) -> Result<Vec<Diverted>, Refusal> {
        // RFC 8946 §4.1: "Provided that these PASSporTs share the same "orig" and "dest" values, the retargeting entity's
        // authentication service SHOULD generate only one "div" PASSporT. If the "orig" or "dest" of these PASSporTs differ,
        // however, one "div" PASSporT SHOULD be generated for each non-"div" PASSporT."
        let mut ends: Vec<&SignedPassport> = Vec::new();
        for end in ends_of(existing)? {
            if !ends.iter().any(|other| is_same_call(other, end)) {
                ends.push(end);
            }
        }
        self.divert_each(&ends, existing, Original::Beside, target, history, now)
    }

    /// The same as `div-o`, for where only one PASSporT can be conveyed: each has the one before inside.
    ///
    /// # Errors
    /// As [`AuthenticationService::divert`].
    // RFC 8946 §5.1: "retargeting authentication services that handle calls with one or more existing PASSporTs will create a
    // corresponding "div-o" PASSporT for each received PASSporT."
    pub fn divert_nested(
        &self,
        existing: &[SignedPassport],
        target: &Identity,
        history: Option<&str>,
        now: UnixTime,
    ) -> Result<Vec<Diverted>, Refusal> {
        let ends = ends_of(existing)?;
        self.divert_each(&ends, existing, Original::Inside, target, history, now)
    }

    /// Signs that a call which went to `div.from` goes now to whom `call` names as called, where only that is known and not the
    /// PASSporTs it has: on the word of the one who asks, who must have checked that there are some. `call` has the time of
    /// origination as its Date.
    ///
    /// # Errors
    /// [`Refusal`]: [`Refusal::DiversionLoops`] if it goes to where it went before, [`Refusal::NotCovered`] if our certificate does
    /// not cover who diverts.
    pub fn divert_call(&self, call: &Call, div: Div, now: UnixTime) -> Result<Diverted, Refusal> {
        let orig = call.orig.clone().ok_or(Refusal::CallerUnknown)?;
        let dest = called_parties(call);
        // RFC 8946 §3: "If the canonical form of the "dest" identifier is not changed during retargeting, then a new PASSporT
        // with a "div" claim MUST NOT be produced."
        if dest.contains(&div.from) {
            return Err(Refusal::DiversionLoops);
        }
        let own = self.acting_for(&div.from, now);
        if own.signer.authority().covers(&div.from) == Coverage::NotCovered {
            return Err(Refusal::NotCovered);
        }
        let iat = match call.date {
            DateHeader::Absent => now,
            DateHeader::At(date) => retained(date, now)?,
            DateHeader::Unusable => return Err(Refusal::UnusableDate),
        };
        own.check_validity(iat)?;
        own.check_validity(now)?;
        own.diverted(Claims {
            orig,
            dest,
            iat,
            extension: Extension::Div(Box::new(div)),
            rich: None,
            media_keys: None,
            staple: None,
        })
    }

    /// Signs these claims about a diversion.
    fn diverted(&self, claims: Claims) -> Result<Diverted, Refusal> {
        let passport = self.sign(claims, Form::Full)?;
        Ok(Diverted {
            identity: self
                .signer
                .identity(passport.token(), &passport.claims().extension),
            passport,
        })
    }

    fn divert_each(
        &self,
        ends: &[&SignedPassport],
        existing: &[SignedPassport],
        original: Original,
        target: &Identity,
        history: Option<&str>,
        now: UnixTime,
    ) -> Result<Vec<Diverted>, Refusal> {
        let (mut made, mut refused) = (Vec::new(), None);
        for end in ends {
            // RFC 8946 §3: "If the canonical form of the "dest" identifier is not changed during retargeting, then a new PASSporT
            // with a "div" claim MUST NOT be produced."
            if end.claims().dest.contains(target) {
                continue;
            }
            if existing.iter().any(|other| was_there(other, end, target)) {
                refused.get_or_insert(Refusal::DiversionLoops);
                continue;
            }
            match self.divert_one(end, original, target, history, now) {
                Ok(diverted) => made.push(diverted),
                Err(refusal) => {
                    refused.get_or_insert(refusal);
                }
            }
        }
        match refused {
            Some(refusal) if made.is_empty() => Err(refusal),
            _ => Ok(made),
        }
    }

    fn divert_one(
        &self,
        end: &SignedPassport,
        original: Original,
        target: &Identity,
        history: Option<&str>,
        now: UnixTime,
    ) -> Result<Diverted, Refusal> {
        let claims = end.claims();
        let own = self.diverting(&claims.dest, now);
        let from = own.diverted_from(&claims.dest)?;
        let iat = retained(claims.iat, now)?;
        own.check_validity(iat)?;
        own.check_validity(now)?;
        let div = Div::new(from, history);
        let extension = match original {
            Original::Beside => Extension::Div(Box::new(div)),
            Original::Inside => Extension::DivO(Box::new(DivO {
                div,
                opt: end.token().into(),
            })),
        };
        // RFC 8946 §3: "The "orig" object MUST be copied into the new PASSporT from the original PASSporT received by the
        // retargeting entity." And: "No other claims or extensions are to be copied from the original PASSporT to the "div"
        // PASSporT."
        own.diverted(Claims {
            orig: claims.orig.clone(),
            dest: Dest::one(target.clone()),
            iat,
            extension,
            rich: None,
            media_keys: None,
            staple: None,
        })
    }

    /// Who may say that the call was for one of these.
    fn diverting(&self, dest: &Dest, now: UnixTime) -> &Self {
        let mut able = dest.iter().map(|one| (self.acting_for(&one, now), one));
        let covers =
            |own: &Self, one: &Identity| own.signer.authority().covers(one) != Coverage::NotCovered;
        able.find(|(own, one)| covers(own, one))
            .map_or(self, |(own, _)| own)
    }

    /// The one destination for which we speak.
    // RFC 8946 §3: "the retargeting entity MUST select only one identifier from the value(s) of the "dest" object to occupy the
    // value of the "div" field in the new PASSporT. Moreover, it MUST select an identifier that is within the scope of the
    // credential that the retargeting entity will specify in the "x5u" of the PASSporT header".
    fn diverted_from(&self, dest: &Dest) -> Result<Identity, Refusal> {
        let authority = self.signer.authority();
        let covered = dest.iter().filter_map(|one| {
            let is_listed = match &one {
                Identity::Number(number) => self.inventory.basis(*number).is_some(),
                Identity::Uri(_) => false,
            };
            match authority.covers(&one) {
                Coverage::Covered => Some(((!is_listed, false), one)),
                Coverage::ByProvider(_) => Some(((!is_listed, true), one)),
                Coverage::NotCovered => None,
            }
        });
        // One that is our customer's for certain before one that merely may be; else in the order of the claim.
        let best = covered.min_by_key(|(doubts, _)| *doubts);
        best.map(|(_, one)| one).ok_or(Refusal::NotCovered)
    }
}

/// The last PASSporTs of the chains in a request: those whose destination no other one diverts from.
// RFC 8946 §4.1: "the subsequent retargeting entity SHOULD generate one "div" PASSporT for each previous "div" PASSporT in the
// request that contains a "dest" object with the value of the current target -- but not for "div" PASSporTs with earlier targets."
fn ends_of(existing: &[SignedPassport]) -> Result<Vec<&SignedPassport>, Refusal> {
    // RFC 8946 §4.1: "it MUST NOT add a "div" PASSporT to an INVITE that contains no Identity header field."
    if existing.is_empty() {
        return Err(Refusal::NothingToDivert);
    }
    let is_end = |one: &&SignedPassport| !existing.iter().any(|other| diverts(other, one));
    let ends: Vec<_> = existing.iter().filter(is_end).collect();
    match ends.is_empty() {
        true => Err(Refusal::DiversionLoops),
        false => Ok(ends),
    }
}

/// Whether `later` refers to `earlier`.
fn diverts(later: &SignedPassport, earlier: &SignedPassport) -> bool {
    let from = match &later.claims().extension {
        Extension::Div(div) => &div.from,
        Extension::DivO(div) => &div.div.from,
        _ => return false,
    };
    later.claims().orig == earlier.claims().orig && earlier.claims().dest.contains(from)
}

fn is_same_call(one: &SignedPassport, other: &SignedPassport) -> bool {
    let (one, other) = (one.claims(), other.claims());
    one.orig == other.orig && one.dest == other.dest
}

/// Whether the call that `end` is about has been at `target` before.
fn was_there(other: &SignedPassport, end: &SignedPassport, target: &Identity) -> bool {
    other.claims().orig == end.claims().orig && other.claims().dest.contains(target)
}

/// The `iat` of a diversion.
// RFC 8946 §3: "The retargeting entity SHOULD retain the "iat" object from the original PASSporT, though if in the underlying
// signaling protocol (e.g., SIP) the retargeting entity changes the date and time information in the retargeted request, the new
// PASSporT should instead reflect that date and time." §4.2 then wants the outermost one to be fresh, so one that is so no more,
// because a telephone has rung before, is not retained.
fn retained(iat: UnixTime, now: UnixTime) -> Result<UnixTime, Refusal> {
    match iat.abs_diff(now) {
        0..=DATE_TOLERANCE_SECONDS => Ok(iat),
        ..=RETARGET_WINDOW_SECONDS if iat < now => Ok(now),
        _ => Err(Refusal::StaleDate),
    }
}
