//! What several rules of the SHAKEN profile ask in the same words, of end entities and of authorities.

use super::field;
use super::rule::{Answer, Breach, Check, keep};
use crate::certificate::{Certificate, RawExtension, extensions::oid};
use const_oid::ObjectIdentifier;

/// The extension `kind`, which must be there.
pub(super) fn required<'a>(
    certificate: &'a Certificate,
    kind: ObjectIdentifier,
    name: &str,
) -> Result<RawExtension<'a>, Breach> {
    certificate
        .extension(kind)
        .ok_or_else(|| Breach::new(format!("there is no {name} extension")))
}

/// There is an authority key identifier.
pub(super) fn authority_key(certificate: &Certificate) -> Check {
    required(
        certificate,
        oid::AUTHORITY_KEY_IDENTIFIER,
        "authority key identifier",
    )?;
    Ok(Answer::Kept)
}

/// The version is 3.
pub(super) fn version_3(certificate: &Certificate) -> Check {
    let version = field::version(certificate);
    keep(version == 3, || format!("the version is {version}"))
}
