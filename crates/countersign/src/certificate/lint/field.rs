//! What rules look at, read from the certificate as received.
//!
//! The path reads its own fields ([`crate::certificate::extensions`]) and refuses what it cannot read. A rule wants to say what
//! is wrong with a field, so the readers here take what is there: an empty list, two entries, a text of the wrong letters.

use crate::certificate::distribution::{DistributionPoint, GeneralName, PointName};
use crate::certificate::name::Attribute;
use crate::certificate::walk::{Malformed, Walk, constructed, only};
use crate::certificate::{Certificate, Criticality, RawExtension};
use const_oid::ObjectIdentifier;
use der::Tag;

/// OBJECT IDENTIFIERs that rules speak of and a path does not.
pub(super) mod oid {
    use const_oid::ObjectIdentifier;

    /// X.520 countryName, RFC 5280 Appendix A.
    pub(crate) const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
    /// X.520 commonName.
    pub(crate) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
    /// X.520 organizationName.
    pub(crate) const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
    /// X.520 serialNumber.
    pub(crate) const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
    /// The policy of the SHAKEN certificate policy 1.3.
    pub(crate) const SHAKEN_POLICY_13: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.114569.1.1.3");
    /// The policy of the SHAKEN certificate policy 1.4.
    pub(crate) const SHAKEN_POLICY_14: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.114569.1.1.4");
}

/// Whether `extension` is critical.
pub(super) fn is_critical(extension: &RawExtension<'_>) -> bool {
    extension.criticality == Criticality::Critical
}

/// The attributes `kind` of the subject.
pub(super) fn of_subject(certificate: &Certificate, kind: ObjectIdentifier) -> Vec<Attribute<'_>> {
    let mut parts = certificate.subject().parts();
    parts.retain(|part| part.kind == kind);
    parts
}

/// The text of the first CN of the subject; empty if there is none.
pub(super) fn common_name(certificate: &Certificate) -> &str {
    let names = of_subject(certificate, oid::COMMON_NAME);
    names.first().and_then(Attribute::text).unwrap_or_default()
}

/// Whether `policy` is one of the policies.
pub(super) fn is_under(certificate: &Certificate, policy: ObjectIdentifier) -> bool {
    certificate.policies().contains(&policy)
}

/// The URIs of a CRL distribution point.
pub(super) fn uris(point: &DistributionPoint) -> impl Iterator<Item = &str> {
    let names = match &point.name {
        Some(PointName::Full(names)) => &**names,
        Some(PointName::Relative(_)) | None => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::Uri(uri) => Some(&**uri),
        GeneralName::Directory(_) | GeneralName::Other(_) => None,
    })
}

/// The one service provider code of the TNAuthList, as its bytes; else what is wrong with it.
pub(super) fn provider_code(value: &[u8]) -> Result<&[u8], &'static str> {
    let one = || {
        let mut entries = Walk::over(only(value, Tag::Sequence)?)?;
        let entry = entries.any()?;
        entries.finish()?;
        Ok(entry)
    };
    let (tag, content) =
        one().map_err(|Malformed| "the TNAuthList is not the DER of exactly one entry")?;
    if tag != constructed(0) {
        return Err("the one entry of the TNAuthList is no service provider code");
    }
    match only(content, Tag::Ia5String) {
        Ok([]) => Err("the service provider code in the TNAuthList is empty"),
        Ok(code) => Ok(code),
        Err(Malformed) => Err("the service provider code in the TNAuthList cannot be read"),
    }
}

/// How many bits the serial number has, without sign and leading zeros.
pub(super) fn serial_bits(certificate: &Certificate) -> u32 {
    let mut bytes = certificate.serial().iter().skip_while(|byte| **byte == 0);
    match bytes.next() {
        Some(first) => {
            let rest = u32::try_from(bytes.count()).unwrap_or(u32::MAX / 8);
            rest.saturating_mul(8) + (8 - first.leading_zeros())
        }
        None => 0,
    }
}

/// Whether `value` is a BIT STRING whose last bit is set: the one form DER has for a list of named bits.
pub(super) fn is_shortest_bit_list(value: &[u8]) -> bool {
    match only(value, Tag::BitString) {
        Ok([0]) => true,
        Ok([unused @ 0..=7, .., last]) => last.trailing_zeros() == u32::from(*unused),
        _ => false,
    }
}
