//! What must be true of each certificate of a path by itself.
//!
//! The first one is held against what it is wanted for, the others against what an authority's certificate must be. Nothing here
//! costs a signature.

use super::{KeyPurpose, PathFault, Purpose, Step};
use crate::certificate::extensions::{Criticality, oid};
use crate::certificate::{Certificate, Version};
use crate::time::{UnixTime, Validity};
use crate::trust::Anchor;
use const_oid::ObjectIdentifier;

/// anyExtendedKeyUsage of RFC 5280 §4.2.1.12, and id-kp-sipDomain of RFC 5924 §3: the purposes that a signer of PASSporTs may be
/// restricted to. None is registered for it alone.
const PASSPORT_PURPOSES: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.20"),
];

/// What must be true of the first certificate, and of no other.
pub(super) fn inspect_target(
    certificates: &[Certificate],
    purpose: Purpose,
) -> Result<(), PathFault> {
    match (certificates.first(), purpose) {
        (Some(target), Purpose::CrlIssuer) => inspect_crl_issuer(target),
        (Some(target), Purpose::Passport) => inspect_end_entity(certificates, target),
        _ => Ok(()),
    }
}

// RFC 5280 §6.3.3 (f): "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit is set."
fn inspect_crl_issuer(certificate: &Certificate) -> Result<(), PathFault> {
    match certificate.key_usage() {
        Some(usage) if !usage.crl_sign() => Err(PathFault::KeyUsage {
            step: Step::EndEntity,
            needed: KeyPurpose::CrlSigning,
        }),
        _ => Ok(()),
    }
}

/// What must be true of the signer's certificate, and of no other.
fn inspect_end_entity(
    certificates: &[Certificate],
    certificate: &Certificate,
) -> Result<(), PathFault> {
    // RFC 9060 §4: "only end-entity certificates can actually sign PASSporTs"
    if certificate.is_ca() {
        // RFC 8555 §9.1: "the first certificate MUST be an end-entity certificate"
        return Err(match certificates.iter().find(|one| !one.is_ca()) {
            Some(_) => PathFault::OutOfOrder {
                step: Step::EndEntity,
            },
            None => PathFault::EndEntityIsAuthority,
        });
    }
    if certificate.is_self_issued() {
        return Err(PathFault::EndEntitySelfIssued);
    }
    // RFC 5280 §4.2.1.3: "The digitalSignature bit is asserted when the subject public key is used for verifying digital
    // signatures, other than signatures on certificates (bit 5) and CRLs (bit 6)". Neither RFC 5280 nor RFC 8226 demands the
    // extension of an end entity; without one the key is not restricted (docs/divergences.md).
    match certificate.key_usage() {
        Some(usage) if !usage.digital_signature() => Err(PathFault::KeyUsage {
            step: Step::EndEntity,
            needed: KeyPurpose::DigitalSignature,
        }),
        _ => inspect_purposes(certificate),
    }
}

// RFC 5280 §4.2.1.12: "If the extension is present, then the certificate MUST only be used for one of the purposes indicated." It
// binds the key of the certificate that it stands in; what an authority's says about its own key says nothing about those below,
// nor about CRLs, for which no purpose is defined (docs/divergences.md).
fn inspect_purposes(certificate: &Certificate) -> Result<(), PathFault> {
    let purposes = certificate.extended_key_usage();
    match purposes.is_empty() || purposes.iter().any(|one| PASSPORT_PURPOSES.contains(one)) {
        true => Ok(()),
        false => Err(PathFault::ExtendedKeyUsage),
    }
}

/// What must be true of every certificate by itself, from the signer's up.
pub(super) fn inspect_each(
    certificates: &[Certificate],
    candidates: &[&Anchor],
    at: UnixTime,
) -> Result<(), PathFault> {
    let mut intermediates = 0;
    for (index, certificate) in certificates.iter().enumerate() {
        let step = Step::of_index(index);
        inspect_any(certificate, step, at)?;
        if index > 0 {
            inspect_constraints(certificate, step, intermediates)?;
            let is_anchor = candidates
                .iter()
                .any(|anchor| anchor.certificate() == certificate);
            inspect_signing(
                certificate,
                step,
                if is_anchor {
                    Place::Anchor
                } else {
                    Place::Below
                },
            )?;
            // RFC 5280 §4.2.1.9: "it gives the maximum number of non-self-issued intermediate certificates that may follow
            // this certificate in a valid certification path."
            intermediates += u64::from(!certificate.is_self_issued());
        }
    }
    Ok(())
}

/// What must be true of an anchor that does not stand in the list itself.
pub(super) fn inspect_anchor(
    root: &Certificate,
    certificates: &[Certificate],
    at: UnixTime,
) -> Result<(), PathFault> {
    inspect_any(root, Step::Anchor, at)?;
    let intermediates = certificates.iter().skip(1);
    let counted = intermediates.filter(|one| !one.is_self_issued()).count();
    inspect_constraints(root, Step::Anchor, counted as u64)?;
    inspect_signing(root, Step::Anchor, Place::Anchor)
}

fn inspect_any(certificate: &Certificate, step: Step, at: UnixTime) -> Result<(), PathFault> {
    inspect_basic_fields(certificate, step)?;
    // RFC 5280 §6.1.3 (a) (2): "The certificate validity period includes the current time."
    let Validity {
        not_before,
        not_after,
    } = certificate.validity();
    if at < not_before {
        return Err(PathFault::NotYetValid { step, not_before });
    }
    if at > not_after {
        return Err(PathFault::Expired { step, not_after });
    }
    inspect_extensions(certificate, step)
}

// RFC 8226 §9: the TN Authorization List is an extension; RFC 5280 §4.1.2.1: "When extensions are used, as expected in this
// profile, version MUST be 3 (value is 2)."
pub(super) fn inspect_basic_fields(certificate: &Certificate, step: Step) -> Result<(), PathFault> {
    match certificate.version() {
        Version::V3 => {}
        version => return Err(PathFault::Version { step, version }),
    }
    // RFC 5280 §4.1.2.4: "The issuer field MUST contain a non-empty distinguished name (DN)."
    match certificate.issuer().is_empty() {
        true => Err(PathFault::EmptyIssuer { step }),
        false => Ok(()),
    }
}

pub(super) fn inspect_extensions(certificate: &Certificate, step: Step) -> Result<(), PathFault> {
    let mut malformed = certificate.malformed_extensions().iter();
    if let Some(extension) = malformed.find(|one| !is_dispensable(certificate, step, one)) {
        return Err(PathFault::MalformedExtension {
            step,
            extension: *extension,
        });
    }
    if let Some(conflict) = certificate.no_rev_avail_conflict() {
        return Err(PathFault::NoRevAvail { step, conflict });
    }
    // RFC 5280 §4.2: "A certificate-using system MUST reject the certificate if it encounters a critical extension it does not
    // recognize or a critical extension that contains information that it cannot process."
    let unknown = certificate.unknown_critical().first().copied();
    if let Some(extension) = unknown.or_else(|| misplaced_critical(certificate, step)) {
        return Err(PathFault::UnknownCriticalExtension { step, extension });
    }
    Ok(())
}

/// Claim constraints that an authority's certificate calls critical: we know what they mean for end entities and nowhere else.
// RFC 9118 §3: "The Enhanced JWT Claim Constraints certificate extension is non-critical, applicable only to end-entity
// certificates"
fn misplaced_critical(certificate: &Certificate, step: Step) -> Option<ObjectIdentifier> {
    if step == Step::EndEntity {
        return None;
    }
    let constraints = [
        oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
        oid::JWT_CLAIM_CONSTRAINTS,
    ];
    constraints.into_iter().find(|kind| {
        let extension = certificate.extension(*kind);
        extension.is_some_and(|one| one.criticality == Criticality::Critical)
    })
}

/// What a verifier may read over is no less a defect for whoever publishes the certificate.
pub(super) fn inspect_readable(certificate: &Certificate, step: Step) -> Result<(), PathFault> {
    match certificate.malformed_extensions().first() {
        Some(extension) => Err(PathFault::MalformedExtension {
            step,
            extension: *extension,
        }),
        None => Ok(()),
    }
}

/// Whether the path stands without an extension that cannot be read: the list of an end entity lets it say something and forbids
/// nothing, so without it the end entity merely may say less (docs/divergences.md). Where a list stands above, it is missing.
// RFC 8226 §9: "The non-critical TN Authorization List certificate extension is included in the certificate's extension field"
fn is_dispensable(certificate: &Certificate, step: Step, extension: &ObjectIdentifier) -> bool {
    let criticality = || {
        let raw = certificate.extension(*extension);
        raw.map(|raw| raw.criticality)
    };
    step == Step::EndEntity
        && *extension == oid::TN_AUTH_LIST
        && criticality() == Some(Criticality::NonCritical)
}

/// Whether a certificate may certify others at all, and so many; `intermediates` is how many stand between it and the end
/// entity, self-issued ones not counted.
fn inspect_constraints(
    certificate: &Certificate,
    step: Step,
    intermediates: u64,
) -> Result<(), PathFault> {
    // RFC 5280 §6.1.4 (k): "If certificate i is a version 3 certificate, verify that the basicConstraints extension is present
    // and that cA is set to TRUE."
    let Some(constraints) = certificate
        .basic_constraints()
        .filter(|constraints| constraints.ca)
    else {
        return Err(PathFault::NotAnAuthority { step });
    };
    match constraints.path_len {
        Some(limit) if intermediates > limit => Err(PathFault::PathTooLong { step, limit }),
        _ => Ok(()),
    }
}

/// Where a certificate stands that certifies others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anchor,
    Below,
}

// RFC 5280 §6.1.4 (n): "If a key usage extension is present, verify that the keyCertSign bit is set." Below the anchor we want it
// present, as RFC 5280 §4.2.1.3 has it: "Conforming CAs MUST include this extension in certificates that contain public keys that
// are used to validate digital signatures on other public key certificates or CRLs." (docs/divergences.md)
fn inspect_signing(certificate: &Certificate, step: Step, place: Place) -> Result<(), PathFault> {
    match certificate.key_usage() {
        Some(usage) if usage.key_cert_sign() => Ok(()),
        None if place == Place::Anchor => Ok(()),
        _ => Err(PathFault::KeyUsage {
            step,
            needed: KeyPurpose::CertificateSigning,
        }),
    }
}
