//! Several certificates of one tenant, and which of them signs: the keyring of
//! [RFC 9060 §8.2](https://www.rfc-editor.org/rfc/rfc9060#section-8.2).
//!
//! Picked by who is signed for. A certificate that lists the number goes before one that has it by a provider code only; among equals the
//! first in the order in which they were given. One that is not valid now is passed over, so that an old delegation stops no call that
//! another certificate may sign.

use super::AuthenticationService;
use crate::call::Call;
use crate::certificate::Coverage;
use crate::identity::Identity;
use crate::time::UnixTime;
use std::sync::Arc;

impl AuthenticationService {
    /// The same with further certificates of the tenant, each a service of its own; theirs are not looked at.
    // RFC 9060 §8.2: "This could lead to enterprises needing to maintain a sort of STIR keyring, with different certificates delegated to
    // them from different providers. These certificates are potentially issued by different CAs, which enterprises choose between when
    // signing a call."
    pub fn with_ring(self, others: impl IntoIterator<Item = Self>) -> Self {
        let alone = |one: Self| Self { ring: None, ..one };
        let ring: Arc<[Self]> = others.into_iter().map(alone).collect();
        Self {
            ring: (!ring.is_empty()).then_some(ring),
            ..self
        }
    }

    /// Who signs for this identity now: this service, or one of its ring. If nobody may, it is this one that says so.
    // Most tenants have one certificate, and pay one branch.
    #[inline]
    pub fn acting_for(&self, identity: &Identity, now: UnixTime) -> &Self {
        match &self.ring {
            None => self,
            Some(ring) => self.pick(ring, identity, now),
        }
    }

    /// The same for who calls.
    #[inline]
    pub fn acting_for_caller(&self, call: &Call, now: UnixTime) -> &Self {
        match &call.orig {
            Some(orig) => self.acting_for(orig, now),
            None => self,
        }
    }

    /// A domain that one of the certificates speaks for: whoever is anonymous is somebody of it.
    pub fn domain(&self) -> Option<&str> {
        let ring = self.ring.as_deref().unwrap_or_default();
        let mut all = std::iter::once(self).chain(ring);
        all.find_map(|one| one.signer.authority().domains().first())
            .map(AsRef::as_ref)
    }

    #[cold]
    fn pick<'a>(&'a self, ring: &'a [Self], identity: &Identity, now: UnixTime) -> &'a Self {
        let all = std::iter::once(self).chain(ring);
        let fit = all.filter_map(|one| {
            let is_valid = one.signer.validity().contains(now);
            match one.signer.authority().covers(identity) {
                _ if !is_valid => None,
                Coverage::Covered => Some((false, one)),
                Coverage::ByProvider(_) => Some((true, one)),
                Coverage::NotCovered => None,
            }
        });
        let best = fit.min_by_key(|(by_provider, _)| *by_provider);
        best.map_or(self, |(_, one)| one)
    }
}
