//! What several rules look at in the constraints of claims, [`crate::certificate::constraints`].

use crate::certificate::Certificate;
use crate::certificate::constraints::ConstraintList;
use crate::certificate::extensions::oid;
use const_oid::ObjectIdentifier;

/// The extensions that constrain claims.
const CONSTRAINTS: [ObjectIdentifier; 2] = [
    oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
    oid::JWT_CLAIM_CONSTRAINTS,
];

/// Which of the extensions that constrain claims are there, readable or not.
pub(super) fn extensions(certificate: &Certificate) -> Vec<ObjectIdentifier> {
    let is_there = |kind: &ObjectIdentifier| certificate.extension(*kind).is_some();
    CONSTRAINTS.into_iter().filter(is_there).collect()
}

/// The claims that must be there.
pub(super) fn must_include(certificate: &Certificate) -> Vec<&str> {
    names(certificate, |list| &list.must_include)
}

/// The claims that must not be there.
pub(super) fn must_exclude(certificate: &Certificate) -> Vec<&str> {
    names(certificate, |list| &list.must_exclude)
}

/// Whether one of `wanted` is among `names`.
pub(super) fn has_any(names: &[&str], wanted: &[&str]) -> bool {
    names.iter().any(|name| wanted.contains(name))
}

fn names(certificate: &Certificate, part: impl Fn(&ConstraintList) -> &[Box<str>]) -> Vec<&str> {
    let constraints = certificate.claim_constraints();
    let lists = constraints.map(|both| [&both.plain, &both.enhanced]);
    let lists = lists.into_iter().flatten().flatten();
    lists.flat_map(part).map(|name| &**name).collect()
}
