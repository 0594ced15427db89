//! What several rules of the SHAKEN profile ask in the same words, of end entities and of authorities: fields and extensions.
//! What they ask of names is in [`super::subject`].

use super::field::{self, is_critical};
use super::rule::{Answer, Breach, Check, Severity, keep};
use super::source::Source;
use crate::certificate::distribution::DistributionPoint;
use crate::certificate::extensions::oid;
use crate::certificate::{Certificate, PublicKey, RawExtension, SignatureAlgorithm, Version};
use const_oid::ObjectIdentifier;

/// Octets of a SHA-1 hash.
const SHA1_OCTETS: usize = 20;
/// Fewest bits of a serial number.
const MIN_SERIAL_BITS: u32 = 64;

/// The extensions that the profile specifies, but the TNAuthList.
const SPECIFIED: [ObjectIdentifier; 6] = [
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::BASIC_CONSTRAINTS,
    oid::CERTIFICATE_POLICIES,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::KEY_USAGE,
    oid::SUBJECT_KEY_IDENTIFIER,
];

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

/// The extension `kind` must not be there.
pub(super) fn absent(certificate: &Certificate, kind: ObjectIdentifier, name: &str) -> Check {
    keep(certificate.extension(kind).is_none(), || {
        format!("there is a {name} extension")
    })
}

/// The extension `kind` is there and critical.
pub(super) fn critical(certificate: &Certificate, kind: ObjectIdentifier, name: &str) -> Check {
    let extension = required(certificate, kind, name)?;
    keep(is_critical(&extension), || {
        format!("the {name} extension is not critical")
    })
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

/// There is a subject key identifier.
pub(super) fn subject_key(certificate: &Certificate) -> Check {
    required(
        certificate,
        oid::SUBJECT_KEY_IDENTIFIER,
        "subject key identifier",
    )?;
    Ok(Answer::Kept)
}

/// The subject key identifier has the length of a SHA-1 hash.
pub(super) fn subject_key_size(certificate: &Certificate) -> Check {
    required(
        certificate,
        oid::SUBJECT_KEY_IDENTIFIER,
        "subject key identifier",
    )?;
    let octets = certificate.ski().map_or(0, <[u8]>::len);
    keep(octets == SHA1_OCTETS, || {
        format!("the subject key identifier has {octets} octets")
    })
}

/// There is one certificate policy, not critical.
pub(super) fn one_policy(certificate: &Certificate) -> Check {
    let extension = required(
        certificate,
        oid::CERTIFICATE_POLICIES,
        "certificate policies",
    )?;
    if is_critical(&extension) {
        return Err(Breach::new(
            "the certificate policies extension is critical",
        ));
    }
    let count = certificate.policies().len();
    keep(count == 1, || {
        format!("there are {count} certificate policies")
    })
}

/// The one policy is that of version 1.3 or 1.4 of the certificate policy.
pub(super) fn shaken_policy(certificate: &Certificate) -> Check {
    match certificate.policies() {
        [field::oid::SHAKEN_POLICY_13 | field::oid::SHAKEN_POLICY_14] => Ok(Answer::Kept),
        [other] => Err(Breach::new(format!("the certificate policy is {other}"))),
        _ => Err(Breach::new("there is not exactly one certificate policy")),
    }
}

/// There is one distribution point, with one HTTP URL.
pub(super) fn one_crl(certificate: &Certificate) -> Check {
    required(
        certificate,
        oid::CRL_DISTRIBUTION_POINTS,
        "CRL distribution points",
    )?;
    let [point] = certificate.distribution_points() else {
        let count = certificate.distribution_points().len();
        return Err(Breach::new(format!(
            "there are {count} CRL distribution points"
        )));
    };
    let uris: Vec<&str> = field::uris(point).collect();
    keep(matches!(*uris, [uri] if is_http(uri)), || {
        "the CRL distribution point has not exactly one URL, of HTTP".to_owned()
    })
}

fn is_http(uri: &str) -> bool {
    let scheme = uri.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// The service provider code that the TNAuthList must hold, alone.
pub(super) fn provider_code(certificate: &Certificate) -> Result<&[u8], Breach> {
    let list = required(certificate, oid::TN_AUTH_LIST, "TNAuthList")?;
    field::provider_code(list.value).map_err(Breach::new)
}

/// Under the policy 1.4: every distribution point names the CRL issuer.
pub(super) fn crl_issuer(certificate: &Certificate) -> Check {
    let points = certificate.distribution_points();
    if points.is_empty() || !field::is_under(certificate, field::oid::SHAKEN_POLICY_14) {
        return Ok(Answer::NotThere);
    }
    let named = |point: &DistributionPoint| !point.crl_issuer.is_empty();
    keep(points.iter().all(named), || {
        "a CRL distribution point names no CRL issuer".to_owned()
    })
}

/// No extension but those of the profile and `also`.
pub(super) fn specified(certificate: &Certificate, also: &[ObjectIdentifier]) -> Check {
    let others: Vec<String> = certificate
        .extensions()
        .filter(|kind| !SPECIFIED.contains(kind) && !also.contains(kind))
        .map(|kind| kind.to_string())
        .collect();
    keep(others.is_empty(), || {
        format!("the profile has no extension {}", others.join(", "))
    })
}

/// The serial number is greater than zero.
pub(super) fn positive_serial(certificate: &Certificate) -> Check {
    let negative = certificate
        .serial()
        .first()
        .is_some_and(|byte| byte >> 7 == 1);
    keep(!negative && field::serial_bits(certificate) > 0, || {
        "the serial number is not greater than zero".to_owned()
    })
}

/// The serial number can hold 64 random bits.
pub(super) fn long_serial(certificate: &Certificate) -> Check {
    let bits = field::serial_bits(certificate);
    keep(bits >= MIN_SERIAL_BITS, || {
        format!("the serial number has {bits} bits")
    })
}

/// Signed with ecdsa-with-SHA256 or, since version 1.4 of the certificate policy, ecdsa-with-SHA384.
pub(super) fn signature_algorithm(certificate: &Certificate) -> Check {
    match certificate.signature_algorithm() {
        SignatureAlgorithm::EcdsaWithSha256 => Ok(Answer::Kept),
        SignatureAlgorithm::EcdsaWithSha384 if is_since_policy_14(certificate) => Ok(Answer::Kept),
        other => Err(Breach::new(format!("signed with {}", other.oid()))),
    }
}

/// A P-256 key; for authorities, one of P-384 is a warning since version 1.4 of the certificate policy.
pub(super) fn p256_key(certificate: &Certificate) -> Check {
    let larger_will_do = certificate.is_ca() && is_since_policy_14(certificate);
    match certificate.public_key() {
        PublicKey::P256(_) => Ok(Answer::Kept),
        PublicKey::P384(_) if larger_will_do => {
            Err(Breach::with(Severity::Warning, "the key is one of P-384"))
        }
        other => Err(Breach::new(format!("the key is one of {}", other.kind()))),
    }
}

fn is_since_policy_14(certificate: &Certificate) -> bool {
    certificate.validity().not_before >= Source::UsCp14.since()
}

/// The version is 3.
pub(super) fn version_3(certificate: &Certificate) -> Check {
    let version = certificate.version();
    keep(version == Version::V3, || {
        format!("the version is {version}")
    })
}
