//! What makes a PASSporT with rich call data invalid: the rules of [RFC 9795 §5 and §6](https://www.rfc-editor.org/rfc/rfc9795#section-5)
//! that can be judged from the claims alone.

use super::{Display, RichReport};
use crate::call::Presentation;
use crate::jcard::JCard;
use crate::passport::rcd::references::{CARD_INLINE, ICON, Reference, of_card, of_claim};
use crate::passport::{Card, RichClaims};
use crate::verification::check::{Check, Evidence};
use crate::verification::fault::Fault;
use crate::verification::findings::Findings;
use crate::verification::policy::{MissingDigest, NameRequirement, RichPolicy};
use std::sync::Arc;

/// Judges the claims, and begins the report of them.
// RFC 9795 §8.1: "It abides by all rules set forth in the proper construction of the claims defined in Section 5. [...] if any of the
// above criteria is not met, relying parties MUST NOT use any of the claims in the PASSporT."
pub(in crate::verification) fn judge(
    claims: &RichClaims,
    presentation: &Presentation,
    policy: &RichPolicy,
    findings: &mut Findings,
) -> Box<RichReport> {
    let card = claims.data.as_ref().and_then(|data| data.card.as_ref());
    let inline = match card {
        Some(Card::Inline(json)) => Some(JCard::parse(json.as_bytes()).map(Arc::new)),
        _ => None,
    };
    // A card that is none refers to nothing, and is not shown.
    let card = inline.as_ref().and_then(|card| card.as_deref().ok());
    if let Some(fault) = defect(claims, card, policy) {
        findings.fault(Check::Claims, fault, Evidence::Nothing);
    }
    let display = display(claims, presentation);
    Box::new(RichReport::unproven(display, inline))
}

fn defect(claims: &RichClaims, card: Option<&JCard>, policy: &RichPolicy) -> Option<Fault> {
    let name = claims.data.as_ref().and_then(|data| data.name.as_deref());
    // RFC 9795 §5.1.1: "This key MUST be included once as part of the "rcd" claim value JSON object." Samples of RFC 9796 lack it.
    if claims.data.is_some() && name.is_none() && policy.name == NameRequirement::Required {
        return Some(Fault::RichDataMissing);
    }
    // RFC 9795 §5.1.1: "The key syntax of "nam" MUST follow the display-name ABNF given in [RFC3261]." RFC 9796 §6 has a
    // quoted-string for the reason. Neither can hold a control character.
    let texts = [name, claims.reason.as_deref()];
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.contains(char::is_control))
    {
        return Some(Fault::RichDataInvalid);
    }
    (policy.digests == MissingDigest::Refuse && lacks_a_digest(claims, card))
        .then_some(Fault::RichDataInvalid)
}

/// Whether something that is referred to in the claims has no digest, though it must have one.
fn lacks_a_digest(claims: &RichClaims, card: Option<&JCard>) -> bool {
    let Some(data) = &claims.data else {
        return false;
    };
    let digests = claims
        .integrity
        .as_ref()
        .map(|integrity| &*integrity.digests);
    let has_digest = |reference: &Reference| {
        let mut digests = digests.unwrap_or_default().iter();
        digests.any(|(pointer, _)| *pointer == reference.pointer)
    };
    let in_card = card.into_iter().flat_map(|card| of_card(card, CARD_INLINE));
    // RFC 9795 §6.1.2 wants a digest of every icon elsewhere, and §8.3 has a sample without any, "no integrity protection over the
    // "icn" element": so it is wanted where there are digests at all. A card elsewhere, and what a card refers to, have no such
    // sample.
    let needs_one = |reference: &Reference| digests.is_some() || *reference.pointer != *ICON;
    let mut referred = of_claim(data).filter(needs_one).chain(in_card);
    referred.any(|reference| !has_digest(&reference))
}

fn display(claims: &RichClaims, presentation: &Presentation) -> Display {
    let signed = claims.data.as_ref().and_then(|data| data.name.as_deref());
    match (signed, presentation.name.as_deref()) {
        (Some(signed), Some(shown)) if signed == shown => Display::Same,
        (Some(_), Some(_)) => Display::Differs,
        _ => Display::NotCompared,
    }
}
