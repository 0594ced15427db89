//! The priority that a request leaves with: what was proven, what it is, and what its sender may ask for. All else goes, where priority
//! is judged at all.

use super::{Additions, Urgency};
use crate::message::{Message, Name};
use crate::patch::Patch;
use crate::resource_priority::{self, PriorityFate};
use crate::trunk::{Trunk, UnsignedPriority};
use countersign::priority::{PriorityMark, ResourceValue};
use countersign::verification::{Callback, Consequences, SignedPriority};

/// What may stay in one request.
struct Allowed<'a> {
    trunk: &'a Trunk,
    urgency: Urgency,
    proven: Option<&'a Consequences>,
}

impl<'a> Allowed<'a> {
    fn of(trunk: &'a Trunk, additions: &'a Additions) -> Self {
        Self {
            trunk,
            urgency: additions.urgency,
            proven: additions.consequences.as_deref(),
        }
    }

    /// Whether everything stays.
    fn is_everything(&self) -> bool {
        let is_judged = |proven: &Consequences| proven.priority == SignedPriority::Judged;
        let trusts = self.trunk.priority_unsigned() == UnsignedPriority::TrustPeer;
        trusts && !self.proven.is_some_and(is_judged)
    }

    /// What a mark of a call-back is, on a request that has one.
    fn mark(&self) -> PriorityFate {
        let is_proven = |proven: &Consequences| proven.callback == Callback::Proven;
        match self.urgency {
            _ if self.proven.is_some_and(is_proven) => PriorityFate::CallbackProven,
            Urgency::ListedCallback => PriorityFate::CallbackListed,
            Urgency::Emergency | Urgency::Ordinary if self.is_everything() => PriorityFate::Kept,
            Urgency::Emergency | Urgency::Ordinary => PriorityFate::CallbackStripped,
        }
    }

    /// What becomes of one value.
    fn value(&self, value: &ResourceValue) -> PriorityFate {
        let is_honoured = |proven: &Consequences| proven.honoured.contains(value);
        let is_emergency = self.urgency == Urgency::Emergency;
        // RFC 9027 §3: values of emergency services are for calls to them and back from them, whoever may have them signed.
        let is_theirs = is_emergency || self.urgency == Urgency::ListedCallback;
        let is_of_emergency = value.is_of_emergency_services();
        let may_be_signed = self.trunk.signs() && self.trunk.signed_priority.contains(value);
        if self.proven.is_some_and(is_honoured) {
            PriorityFate::Honoured
        } else if self.is_everything()
            || (is_emergency && is_of_emergency)
            || (may_be_signed && (is_theirs || !is_of_emergency))
        {
            PriorityFate::Kept
        } else {
            PriorityFate::Stripped
        }
    }
}

/// Takes out what may not stay.
pub(super) fn write(request: &Message, trunk: &Trunk, additions: &Additions, patch: &mut Patch) {
    let allowed = Allowed::of(trunk, additions);
    if allowed.is_everything() {
        return;
    }
    if allowed.mark() == PriorityFate::CallbackStripped {
        resource_priority::unmark(request, patch);
    }
    resource_priority::strip(request, patch, |value| {
        allowed.value(value) != PriorityFate::Stripped
    });
}

/// What becomes of what the request asks for, each outcome once; nothing if it asks for nothing.
pub(crate) fn fates(request: &Message, trunk: &Trunk, additions: &Additions) -> Vec<PriorityFate> {
    let asks = [Name::ResourcePriority, Name::Priority];
    if asks.iter().all(|name| request.header(*name).is_none()) {
        return Vec::new();
    }
    let asked = resource_priority::requested(request);
    let allowed = Allowed::of(trunk, additions);
    let marked = (asked.mark == PriorityMark::PsapCallback).then(|| allowed.mark());
    let mut fates: Vec<_> = asked
        .values
        .iter()
        .map(|value| allowed.value(value))
        .collect();
    fates.extend(marked);
    fates.sort_unstable();
    fates.dedup();
    fates
}
