//! Calls that are signed for the priority that they ask for: which values a trunk may have signed, and for which calls. What such a
//! PASSporT may say is `countersign::authentication`'s.

use super::state::TrunkSigner;
use countersign::passport::Sph;
use countersign::priority::{PriorityMark, ResourceValue};
use countersign::time::Now;
use countersign_sip::element::Sign;

/// The Identity header about the priority of a call: of those values that it asks for and its trunk may have signed. Values of emergency
/// services are left out where the call is neither to these nor marked as one back from them.
pub(super) fn prioritized(sign: &Sign, signer: &TrunkSigner, now: Now) -> Option<Box<str>> {
    let may = &sign.trunk.signed_priority;
    if may.is_empty() || sign.call.priority.values.is_empty() {
        return None;
    }
    let asked = sign.call.priority.values.iter();
    let mut auth: Vec<_> = asked.filter(|value| may.contains(value)).cloned().collect();
    auth.dedup();
    let sign_these = |auth: &[ResourceValue]| {
        let is_callback = sign.call.priority.mark == PriorityMark::PsapCallback;
        let is_theirs = auth.iter().any(ResourceValue::is_of_emergency_services);
        let sph = (is_callback && is_theirs).then_some(Sph::PsapCallback);
        signer.service.prioritize(&sign.call, auth, sph, now.unix)
    };
    let signed = sign_these(&auth).or_else(|_| {
        auth.retain(|value| !value.is_of_emergency_services());
        sign_these(&auth)
    });
    signed.ok().map(|signed| signed.identity.into_boxed_str())
}
