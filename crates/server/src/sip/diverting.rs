//! Signing that a call goes somewhere else, and telling what came of it.
//!
//! Nothing here holds a call up: one whose diversion cannot be signed goes on without, and its line in the log says why.

use super::record::Record;
use super::state::TrunkSigner;
use countersign::authentication::{Diverted, Refusal};
use countersign::certificate::Coverage;
use countersign::identity::Identity;
use countersign::passport::{Extension, SignedPassport};
use countersign::time::{Now, UnixTime};
use countersign_sip::element::Sign;

/// The Identity headers that a diverted call gets. `own` are the PASSporTs that it got a moment ago; what it had is in `sign`.
pub(super) fn diverted(
    sign: &Sign,
    own: Vec<SignedPassport>,
    signer: &TrunkSigner,
    record: &mut Record,
    now: Now,
) -> Vec<Box<str>> {
    let Some(diversion) = &sign.diversion else {
        return Vec::new();
    };
    let mut existing = diversion.existing.clone();
    existing.extend(own);
    let history = diversion.history.as_deref();
    let service = &signer.service;
    let outcome = service
        .divert(&existing, &diversion.target, history, now.unix)
        .and_then(|made| ours(made, signer, now.unix));
    record.diverted(outcome.as_ref().map(Vec::len), now);
    let made = outcome.unwrap_or_default().into_iter();
    made.map(|one| one.identity.into_boxed_str()).collect()
}

/// Those whose number we know to be a customer's. A `div` has no attestation that could tell less: a PASSporT of a stranger that is
/// pasted into another call must not find somebody here who vouches for the way it went.
fn ours(
    made: Vec<Diverted>,
    signer: &TrunkSigner,
    now: UnixTime,
) -> Result<Vec<Diverted>, Refusal> {
    let had_some = !made.is_empty();
    let known: Vec<_> = made
        .into_iter()
        .filter(|one| is_ours(&one.passport, signer, now))
        .collect();
    match had_some && known.is_empty() {
        true => Err(Refusal::Unlisted),
        false => Ok(known),
    }
}

fn is_ours(passport: &SignedPassport, signer: &TrunkSigner, now: UnixTime) -> bool {
    let from = match &passport.claims().extension {
        Extension::Div(div) => &div.from,
        Extension::DivO(div) => &div.div.from,
        _ => return false,
    };
    let service = &signer.service;
    let is_listed = match from {
        Identity::Number(number) => service.inventory().basis(*number).is_some(),
        Identity::Uri(_) => false,
    };
    let service = service.acting_for(from, now);
    is_listed || service.signer().authority().covers(from) == Coverage::Covered
}
