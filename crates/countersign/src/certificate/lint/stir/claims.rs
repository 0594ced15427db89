//! The names of claims that constraints speak of: JWTClaimConstraints of RFC 8226 §8, EnhancedJWTClaimConstraints of RFC 9118 §3.

use crate::certificate::extensions::oid;
use crate::certificate::walk::{Malformed, Walk, constructed};
use crate::certificate::{Certificate, RawExtension};
use der::Tag;

/// RFC 9118 §3: "The baseline PASSporT claims ("iat", "orig", and "dest") are always permitted".
pub(super) const BASELINE: [&[u8]; 3] = [b"iat", b"orig", b"dest"];

/// Most names of one list that a rule looks at; there are about twenty claims.
const MAX_NAMES: usize = 64;

/// The extensions that constrain claims.
pub(super) fn constraints(certificate: &Certificate) -> Vec<RawExtension<'_>> {
    let kinds = [
        oid::JWT_CLAIM_CONSTRAINTS,
        oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
    ]
    .into_iter();
    kinds
        .filter_map(|kind| certificate.extension(kind))
        .collect()
}

/// The claims that must be there.
pub(super) fn must_include(certificate: &Certificate) -> Vec<&[u8]> {
    part(certificate, 0)
}

/// The claims that must not be there.
pub(super) fn must_exclude(certificate: &Certificate) -> Vec<&[u8]> {
    part(certificate, 2)
}

/// Whether one of `wanted` is among `names`.
pub(super) fn has_any(names: &[&[u8]], wanted: &[&[u8]]) -> bool {
    names.iter().any(|name| wanted.contains(name))
}

/// The names in the part `[number]` of the constraints, as far as they can be read.
fn part(certificate: &Certificate, number: u32) -> Vec<&[u8]> {
    let each = constraints(certificate).into_iter();
    each.flat_map(|extension| names(extension.value, number).unwrap_or_default())
        .collect()
}

/// RFC 9118 §3: "mustInclude [0] JWTClaimNames OPTIONAL", "mustExclude [2] JWTClaimNames OPTIONAL", with explicit tags.
fn names(value: &[u8], number: u32) -> Result<Vec<&[u8]>, Malformed> {
    let mut parts = Walk::over(value)?.enter(Tag::Sequence)?;
    let mut found = Vec::new();
    while !parts.at_end() {
        let (tag, content) = parts.any()?;
        if tag == constructed(number) {
            let mut list = Walk::over(content)?.enter(Tag::Sequence)?;
            while !list.at_end() && found.len() < MAX_NAMES {
                found.push(list.content(Tag::Ia5String)?);
            }
        }
    }
    Ok(found)
}
