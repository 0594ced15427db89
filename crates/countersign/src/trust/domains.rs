//! Trust domains side by side: which trunks and which calling numbers each may judge.
//!
//! A provider of Canada is proven by Canadian anchors, and by those only: an authority says nothing about numbers that are not its
//! business. [`TrustDomains::select`] picks the domain of a call before anything is judged, and each domain knows the others as
//! [`Neighbour`]s, so that a path into the wrong one is called by its name.

use super::Trust;
use crate::certificate::NumberScope;
use crate::identity::Identity;
use std::sync::Arc;

/// A trust domain and what it may judge.
#[derive(Clone, Debug)]
pub struct TrustDomain {
    /// Whom it believes.
    pub trust: Arc<Trust>,
    /// The trunks whose calls it judges.
    pub trunks: TrunkScope,
    /// The calling numbers it judges.
    pub numbers: NumberScope,
}

/// Several trust domains, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct TrustDomains(Box<[TrustDomain]>);

impl TrustDomains {
    /// These domains. Each is told of all others ([`Trust::with_neighbours`]).
    pub fn new(domains: Vec<TrustDomain>) -> Self {
        let neighbours: Vec<_> = domains
            .iter()
            .map(|domain| Neighbour::of(&domain.trust))
            .collect();
        let beside = |domain: &TrustDomain| {
            let others = neighbours
                .iter()
                .filter(|one| one.domain() != domain.trust.domain());
            let trust = Trust::clone(&domain.trust).with_neighbours(others.cloned().collect());
            TrustDomain {
                trust: Arc::new(trust),
                ..domain.clone()
            }
        };
        Self(domains.iter().map(beside).collect())
    }

    /// The first domain that judges calls from this trunk and, if the caller is known, from this identity.
    pub fn select(&self, trunk: &str, orig: Option<&Identity>) -> Option<Arc<Trust>> {
        let judges = |domain: &&TrustDomain| {
            let number = orig.is_none_or(|orig| domain.numbers.contains(orig));
            number && domain.trunks.contains(trunk)
        };
        let domain = self.0.iter().find(judges)?;
        Some(Arc::clone(&domain.trust))
    }

    /// The domains in order.
    pub fn iter(&self) -> impl Iterator<Item = &TrustDomain> {
        self.0.iter()
    }
}

/// A set of trunks, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkScope(Option<Box<[Box<str>]>>);

impl TrunkScope {
    /// Every trunk.
    pub fn all() -> Self {
        Self(None)
    }

    /// The trunks of these names.
    pub fn of(names: &[&str]) -> Self {
        Self(Some(names.iter().map(|name| Box::from(*name)).collect()))
    }

    /// Whether `trunk` is one of them.
    pub fn contains(&self, trunk: &str) -> bool {
        let names = self.0.as_deref();
        names.is_none_or(|names| names.iter().any(|name| **name == *trunk))
    }
}

/// The anchors of another domain, for telling whose a path is.
#[derive(Clone, Debug)]
pub struct Neighbour(Trust);

impl Neighbour {
    /// What others need to know of a domain: its name, its anchors and its rules.
    pub fn of(trust: &Trust) -> Self {
        let anchors = trust.anchors.to_vec();
        Self(Trust::new(&trust.domain, 0, anchors).with_rules(trust.rules.clone()))
    }

    /// The name of the domain.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// Its anchors, as a snapshot without lists and neighbours.
    pub(crate) fn trust(&self) -> &Trust {
        &self.0
    }

    pub(super) fn description(&self) -> Vec<u8> {
        self.0.fingerprint.to_vec()
    }
}
