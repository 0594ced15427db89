//! Answers that we sign: `rsp`, [RFC 9970 §4 and §5](https://www.rfc-editor.org/rfc/rfc9970#section-4): who was reached by a call that
//! somebody else signed.
//!
//! What is signed is drawn from the PASSporTs of the request and from who was reached. Whether those PASSporTs are worth anything is not
//! asked: who sent them knows. In which responses an answer may stand is said by [`may_stand_in`]; which of those get one is known by
//! whoever writes them.

use super::{AuthenticationService, Form, Refusal};
use crate::certificate::Coverage;
use crate::identity::{Dest, Identity};
use crate::media_keys::MediaKeys;
use crate::passport::{Claims, Extension, RichClaims, SignedPassport};
use crate::time::UnixTime;
use std::sync::Arc;

/// Most PASSporTs of a request that is answered. Own decision: a call has one or two and one more for each diversion; a way is sought among
/// them, and it must not take long to find that there is none.
pub const MAX_ASKED: usize = 32;

/// A PASSporT of the request that is answered.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The PASSporT.
    pub passport: &'a SignedPassport,
    /// The value of its Identity header, as received.
    pub value: &'a str,
}

/// What is answered, and what is to be said.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// The PASSporTs of the request as it reached the one who answers, in any order.
    pub asked: &'a [Asked<'a>],
    /// Who was reached.
    pub reached: &'a Identity,
    /// The media keys of the answer.
    pub media_keys: Option<&'a MediaKeys>,
    /// What is told to the caller of the one reached, beside the number. Only with the consent of the one reached: RFC 9970 §12.
    pub rich: Option<&'a Arc<RichClaims>>,
    /// What the caller may learn of diversions.
    pub reflection: Reflection,
    /// For whom we answer.
    pub numbers: AnswersFor,
}

/// What the caller may learn of the diversions that led to the one who answers.
// RFC 9970 §5: "the called party can make a policy determination about reflecting those "div" PASSporTs back to the caller".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reflection {
    /// All of them: they are sent back. Without them the answer of somebody else proves nothing.
    #[default]
    Reflected,
    /// None: a call that was diverted is not answered with a signature.
    Withheld,
}

/// For whom we answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AnswersFor {
    /// For whoever our certificate lists; of the numbers that it has by provider code only, for those that the inventory lists.
    Covered,
    /// Of numbers, for those only that the inventory lists.
    #[default]
    Inventory,
}

/// Whether an answer may stand in a response with this status.
// RFC 9970 §4: "While it might seem attractive to provide identity for SIP failure response codes (4XX, 5XX, 6XX), those explicitly do not
// form dialogs or connections and are thus outside the scope of this specification. The same applies to SIP redirect (3XX) response codes".
// It allows 100, too, which goes no further than one hop and is nobody's answer (docs/divergences.md).
pub const fn may_stand_in(status: u16) -> bool {
    matches!(status, 101..=299)
}

/// An answer that we signed.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The PASSporT of the answer.
    pub passport: SignedPassport,
    /// The values of the Identity headers of the response: that of the answer, then the diversions back to the one who was called, the
    /// latest first, byte for byte as received.
    pub identities: Vec<Box<str>>,
}

impl AuthenticationService {
    /// Signs who was reached, in full form, at `now`.
    ///
    /// # Errors
    /// [`Refusal`]: above all [`Refusal::NothingToAnswer`] for a request in which nobody spoke for the caller,
    /// [`Refusal::DiversionUnproven`] and [`Refusal::DiversionWithheld`] if somebody else was reached than was called, and
    /// [`Refusal::NotCovered`]; [`Refusal::TooLarge`] for more than [`MAX_ASKED`].
    pub fn respond(&self, answering: &Answering<'_>, now: UnixTime) -> Result<Answered, Refusal> {
        let Answering { asked, reached, .. } = *answering;
        if asked.len() > MAX_ASKED {
            return Err(Refusal::TooLarge);
        }
        let (caller, diversions) = way_to(asked, reached)?;
        // RFC 9970 §5: "An "rsp" PASSporT that signs a different "dest" than the one that appeared in the PASSporT of the dialog-forming
        // request MUST send at least one "div" PASSporT with it."
        if !diversions.is_empty() && answering.reflection == Reflection::Withheld {
            return Err(Refusal::DiversionWithheld);
        }
        let signing = self.acting_for(reached, now);
        signing.check_reached(reached, answering.numbers)?;
        signing.check_validity(now)?;
        // RFC 9970 §5: "In this case, the "dest" signed in the "rsp" PASSporT MUST be the address-of-record of the party who was reached
        // rather than the "dest" of the PASSporT received in the dialog-initiating INVITE."
        let passport = signing.sign(
            Claims {
                orig: caller.passport.claims().orig.clone(),
                dest: Dest::one(reached.clone()),
                iat: now,
                extension: Extension::Rsp,
                rich: answering.rich.map(|rich| Box::new(RichClaims::clone(rich))),
                media_keys: answering.media_keys.cloned().map(Box::new),
                staple: None,
            },
            Form::Full,
        )?;
        let own = signing.signer.identity(passport.token(), &Extension::Rsp);
        let reflected = diversions
            .iter()
            .map(|diversion| Box::from(diversion.value));
        Ok(Answered {
            identities: std::iter::once(own.into()).chain(reflected).collect(),
            passport,
        })
    }

    // RFC 9970 §4: "If the terminating side does not possess an appropriate credential to sign for the value of the "dest" element value in
    // the PASSporT, it MUST NOT sign and send an "rsp" PASSporT in the backwards direction."
    fn check_reached(&self, reached: &Identity, numbers: AnswersFor) -> Result<(), Refusal> {
        // A provider code covers every number there is, also those of who is reached through us.
        let asks_inventory = match self.signer.authority().covers(reached) {
            Coverage::NotCovered => return Err(Refusal::NotCovered),
            Coverage::ByProvider(_) => true,
            Coverage::Covered => numbers == AnswersFor::Inventory,
        };
        match reached {
            Identity::Number(number)
                if asks_inventory && self.inventory.basis(*number).is_none() =>
            {
                Err(Refusal::Unlisted)
            }
            _ => Ok(()),
        }
    }
}

/// The PASSporT that spoke for the caller, and the diversions from its destination to `reached`, the latest first.
fn way_to<'a>(
    asked: &'a [Asked<'a>],
    reached: &Identity,
) -> Result<(&'a Asked<'a>, Vec<&'a Asked<'a>>), Refusal> {
    let mut callers = asked.iter().filter(|one| speaks_for_caller(one));
    // RFC 9970 §13 has it that they are only in responses to requests that carried one.
    if callers.clone().next().is_none() {
        return Err(Refusal::NothingToAnswer);
    }
    if let Some(caller) = callers.clone().find(|one| one.leads_to(reached)) {
        return Ok((caller, Vec::new()));
    }
    // RFC 9970 §5: "If no "div" PASSporTs were received in a dialog-forming request with a different "dest" value than the original
    // PASSporT claimed, then "rsp" PASSporTs MUST NOT be used in responses."
    let found = callers.find_map(|caller| Some((caller, chain_to(caller, asked, reached)?)));
    found.ok_or(Refusal::DiversionUnproven)
}

/// The diversions from the destination of `caller` to `reached`, the latest first: the shortest way.
fn chain_to<'a>(
    caller: &Asked<'_>,
    asked: &'a [Asked<'a>],
    reached: &Identity,
) -> Option<Vec<&'a Asked<'a>>> {
    let orig = &caller.passport.claims().orig;
    // Each step of the way with the one before it; a diversion is gone once, so this ends after as many rounds as there are.
    let mut steps: Vec<(&Asked<'a>, Option<usize>)> = Vec::new();
    let mut next = 0;
    let (mut before, mut at) = (caller, None);
    loop {
        for one in asked {
            let is_new = !steps.iter().any(|(step, _)| std::ptr::eq(*step, one));
            if is_new && one.passport.claims().orig == *orig && one.follows(before) {
                steps.push((one, at));
            }
        }
        let (step, _) = *steps.get(next)?;
        (before, at) = (step, Some(next));
        if step.leads_to(reached) {
            return Some(way_back(&steps, next));
        }
        next += 1;
    }
}

fn way_back<'a>(steps: &[(&'a Asked<'a>, Option<usize>)], last: usize) -> Vec<&'a Asked<'a>> {
    let mut way = Vec::new();
    let mut at = Some(last);
    while let Some((step, before)) = at.and_then(|at| steps.get(at)) {
        way.push(*step);
        at = *before;
    }
    way
}

impl Asked<'_> {
    fn leads_to(&self, reached: &Identity) -> bool {
        self.passport.claims().dest.contains(reached)
    }

    /// Whether this diverts from where `before` went.
    fn follows(&self, before: &Asked<'_>) -> bool {
        match &self.passport.claims().extension {
            Extension::Div(div) => before.leads_to(&div.from),
            _ => false,
        }
    }
}

/// Whether a PASSporT is one that speaks for the caller; others tell of diversions, of priority, of what a third party knows.
// RFC 9970 §9: "Any "rsp" PASSporTs received in requests MUST be ignored."
fn speaks_for_caller(asked: &Asked<'_>) -> bool {
    let claims = asked.passport.claims();
    match claims.extension {
        Extension::Base | Extension::Msec | Extension::Shaken(_) => true,
        Extension::Rcd => claims.issuer().is_none(),
        _ => false,
    }
}
