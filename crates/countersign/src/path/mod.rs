//! From a list of certificates to an anchor: the path of [RFC 5280 §6](https://www.rfc-editor.org/rfc/rfc5280#section-6), as
//! rigid as [RFC 9060 §6](https://www.rfc-editor.org/rfc/rfc9060#section-6) makes it.
//!
//! - [`verify`] judges a [`CertificateChain`] against a [`Trust`] at a time and makes a [`VerifiedPath`], the only proof that a
//!   key may be believed; `grep '::assertion('` finds the one place that makes it.
//! - [`PathFault`] names what is wrong, with the certificate it is wrong with.
//! - [`RevocationEvidence`] is what is known about revocation on a path; `Crl::verify` ([`crl`]) makes a revocation list one
//!   that is heard.
//! - [`PathCache`] remembers both outcomes.
//!
//! The list is taken as it is: each certificate certified by the next, the last one an anchor or certified by one. Nothing is
//! looked up elsewhere and no other order is tried. [`walk`] is the same for other purposes. This is a first version: policy
//! constraints and mappings, name constraints and extended key usage are not processed (name constraints and
//! whatever is critical refuse the path), and any policy will do.

pub mod fault;
mod revocation;
pub mod crl;
pub mod cache;

pub use cache::PathCache;
pub use crl::{CrlFault, CrlIssuer};
pub use fault::{KeyPurpose, PathFault, Step};
pub use revocation::RevocationEvidence;

use crate::certificate::extensions::oid;
use crate::certificate::signature::{self, SignatureFault};
use crate::certificate::{
    Authority, Certificate, CertificateChain, PathRules, PublicKey, ServiceProviderCode, Version,
};
use crate::crypto::{VerifyingKey, VerifyingKeys};
use crate::time::{UnixTime, Validity};
use crate::trust::revocation::Gap;
use crate::trust::{Anchor, Neighbour, Standing, Trust};
use std::fmt;
use std::sync::Arc;

/// Most anchors of one name that are tried with their key: a root and the ones it was renewed as.
pub const MAX_ANCHOR_TRIES: usize = 4;

/// Judges a list of certificates at the time `at`.
///
/// # Errors
/// [`PathFault`], the first one found: what costs nothing is looked at before any signature.
pub fn verify(
    chain: &CertificateChain,
    trust: &Trust,
    at: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<VerifiedPath, PathFault> {
    let verdict = verify_under(chain, trust, at, keys);
    // An anchor of another domain may bear the name of one of ours.
    let Err(PathFault::Untrusted { .. } | PathFault::BadSignature { .. }) = &verdict else {
        return verdict;
    };
    let leads_to = |domain: &&Neighbour| verify_under(chain, domain.trust(), at, keys).is_ok();
    match trust.neighbours().iter().find(leads_to) {
        Some(domain) => Err(PathFault::WrongTrustDomain {
            domain: domain.domain().into(),
        }),
        None => verdict,
    }
}

/// The same, with the anchors of one trust domain only.
fn verify_under(
    chain: &CertificateChain,
    trust: &Trust,
    at: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<VerifiedPath, PathFault> {
    let certificates = chain.certificates();
    let anchor = walk(
        certificates,
        trust.anchors(),
        Purpose::Passport,
        trust.rules(),
        at,
        keys,
    )?
    .anchor;
    let authority = authority(certificates, Some(anchor))?;
    let key = usable_key(chain.end_entity(), Step::EndEntity, keys)?;
    let revocation = revocation::judge(certificates, anchor, trust, at)?;
    Ok(VerifiedPath::assertion(Proven {
        key,
        authority,
        claim_constraints: claim_constraints(certificates, anchor),
        validity: common_validity(certificates, anchor),
        revocation,
        subject: chain.end_entity().subject().to_string().into(),
        anchor: anchor.certificate().sha256(),
        standing: anchor.standing(),
    }))
}

/// What the certificate at the end of a path is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Whatever it may be: nothing is asked of it beyond RFC 5280 §6.1.
    Any,
    /// Signing CRLs.
    CrlIssuer,
    /// Signing PASSporTs.
    Passport,
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked<'t> {
    /// The anchor that the path leads to.
    pub anchor: &'t Anchor,
    /// When every certificate of the path is valid, the anchor's included.
    pub validity: Validity,
}

/// Walks the path of [RFC 5280 §6.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1) from the last certificate, which is an
/// anchor or certified by one, to the first, whose key is wanted for `purpose`. Revocation is not asked about here, nor what the
/// first certificate lets its holder say.
///
/// # Errors
/// [`PathFault`], the first one found: what costs nothing is looked at before any signature.
pub fn walk<'t>(
    certificates: &[Certificate],
    anchors: &'t [Anchor],
    purpose: Purpose,
    rules: &PathRules,
    at: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<Walked<'t>, PathFault> {
    inspect_target(certificates, purpose)?;
    inspect_order(certificates)?;
    let candidates = candidate_anchors(certificates, anchors)?;
    inspect_each(certificates, &candidates, at)?;
    let anchor = verify_signatures(certificates, &candidates, rules, at, keys)?;
    Ok(Walked {
        anchor,
        validity: common_validity(certificates, anchor),
    })
}

/// Looks at a list as far as that can be done without anchors, clock and keys, for those who publish one; what it lets its
/// holder say, if no anchor above it says less.
///
/// # Errors
/// [`PathFault`], the first one found: what makes [`verify`] refuse the list wherever and whenever.
pub fn inspect(chain: &CertificateChain) -> Result<Authority, PathFault> {
    let certificates = chain.certificates();
    inspect_target(certificates, Purpose::Passport)?;
    inspect_order(certificates)?;
    for (index, certificate) in certificates.iter().enumerate() {
        inspect_version(certificate, Step::of_index(index))?;
        inspect_extensions(certificate, Step::of_index(index))?;
    }
    authority(certificates, None)
}

/// A path that leads to an anchor: proof that the key of its end entity may be believed, and how far.
#[derive(Clone)]
pub struct VerifiedPath(Proven);

/// What a [`VerifiedPath`] is made of.
#[derive(Clone)]
pub(crate) struct Proven {
    pub(crate) key: Arc<dyn VerifyingKey>,
    pub(crate) authority: Authority,
    pub(crate) claim_constraints: ClaimConstraints,
    pub(crate) validity: Validity,
    pub(crate) revocation: RevocationEvidence,
    pub(crate) subject: Box<str>,
    pub(crate) anchor: [u8; 32],
    pub(crate) standing: Standing,
}

/// Whether a path limits the claims of what is signed at its end, beyond the scope of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimConstraints {
    /// No certificate of the path does.
    Absent,
    /// One does. What it demands is not read yet.
    Unread,
}

impl VerifiedPath {
    /// Makes the proof. Only for [`verify`], and for tests that stand in for it.
    pub(crate) fn assertion(proven: Proven) -> Self {
        Self(proven)
    }

    /// The key of the end entity.
    pub fn key(&self) -> &Arc<dyn VerifyingKey> {
        &self.0.key
    }

    /// What the end entity may say.
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// Whether the path limits the claims.
    pub fn claim_constraints(&self) -> ClaimConstraints {
        self.0.claim_constraints
    }

    /// When every certificate of the path is valid, the anchor's included.
    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// What is known about revocation.
    pub fn revocation(&self) -> RevocationEvidence {
        self.0.revocation
    }

    /// How long the proof may be remembered: while every certificate is valid and no revocation list that it rests on is out of
    /// date, nor one that it could have rested on has come into force.
    pub fn lifetime(&self) -> Validity {
        match self.0.revocation {
            RevocationEvidence::Good(fresh) => self.0.validity.intersection(fresh),
            RevocationEvidence::Unknown {
                gap: Gap::NotYet { this_update },
                ..
            } => Validity {
                not_after: this_update
                    .saturating_add(-1)
                    .min(self.0.validity.not_after),
                ..self.0.validity
            },
            _ => self.0.validity,
        }
    }

    /// The subject of the end entity, as text for people.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The providers whose numbers the end entity may speak for.
    pub fn providers(&self) -> &[ServiceProviderCode] {
        self.0.authority.providers()
    }

    /// SHA-256 of the anchor's certificate.
    pub fn anchor(&self) -> [u8; 32] {
        self.0.anchor
    }

    /// What the anchor is worth.
    pub fn standing(&self) -> Standing {
        self.0.standing
    }
}

impl fmt::Debug for VerifiedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedPath({})", self.0.subject)
    }
}

/// What must be true of the first certificate, and of no other.
fn inspect_target(certificates: &[Certificate], purpose: Purpose) -> Result<(), PathFault> {
    let Some(target) = certificates.first() else {
        return Err(PathFault::Untrusted {
            issuer: Box::default(),
        });
    };
    match purpose {
        Purpose::Any => Ok(()),
        Purpose::CrlIssuer => inspect_crl_issuer(target),
        Purpose::Passport => inspect_end_entity(certificates, target),
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
        _ => Ok(()),
    }
}

/// Each certificate must be certified by the next.
// RFC 9060 §7: "The certificate path [RFC5280] ordering MUST be ordered from the signer to the trust anchor."
fn inspect_order(certificates: &[Certificate]) -> Result<(), PathFault> {
    for (index, pair) in certificates.windows(2).enumerate() {
        let [subject, issuer] = pair else { continue };
        if !subject.issuer().matches(issuer.subject()) {
            let step = Step::of_index(index);
            let elsewhere = certificates
                .iter()
                .any(|one| one != subject && one.subject().matches(subject.issuer()));
            return Err(if elsewhere {
                PathFault::OutOfOrder { step }
            } else {
                let issuer = subject.issuer().to_string().into();
                PathFault::IssuerMissing { step, issuer }
            });
        }
        inspect_key_identifiers(subject, issuer, index)?;
    }
    Ok(())
}

// RFC 9060 §7: "The key identifier in the Authority Key Identifier extension in the first certificate MUST appear in the Subject
// Key Identifier extension in the second certificate. The key identifier pairing MUST match in this way throughout the entire
// chain of certificates." Below a certificate without a TN Authorization List that section does not apply, and identifiers may
// be absent; where both are there they must agree everywhere.
fn inspect_key_identifiers(
    subject: &Certificate,
    issuer: &Certificate,
    index: usize,
) -> Result<(), PathFault> {
    let step = Step::of_index(index);
    match (subject.aki(), issuer.ski()) {
        (Some(wanted), Some(found)) if wanted != found => {
            Err(PathFault::KeyIdentifierMismatch { step })
        }
        (Some(_), Some(_)) => Ok(()),
        _ if issuer.has_scope() => Err(PathFault::KeyIdentifierMissing { step }),
        _ => Ok(()),
    }
}

/// The anchors that may certify the list: the last certificate itself, or those that bear the name of its issuer.
fn candidate_anchors<'t>(
    certificates: &[Certificate],
    anchors: &'t [Anchor],
) -> Result<Vec<&'t Anchor>, PathFault> {
    let Some((last, below)) = certificates.split_last() else {
        return Err(PathFault::Untrusted {
            issuer: Box::default(),
        });
    };
    if let Some(anchor) = anchors.iter().find(|anchor| anchor.certificate() == last) {
        return Ok(vec![anchor]);
    }
    let candidates: Vec<_> = anchors
        .iter()
        .filter(|anchor| anchor.certificate().subject().matches(last.issuer()))
        .filter(|anchor| key_identifiers_agree(last, anchor.certificate()))
        .take(MAX_ANCHOR_TRIES)
        .collect();
    if !candidates.is_empty() {
        return Ok(candidates);
    }
    let is_anchor = |one: &Certificate| anchors.iter().any(|anchor| anchor.certificate() == one);
    // RFC 9060 §6: "It MUST then validate all of the credentials in the list"
    Err(match below.iter().position(is_anchor) {
        Some(index) => PathFault::ExtraCertificates {
            step: Step::of_index(index + 1),
        },
        None => PathFault::Untrusted {
            issuer: last.issuer().to_string().into(),
        },
    })
}

fn key_identifiers_agree(subject: &Certificate, issuer: &Certificate) -> bool {
    match (subject.aki(), issuer.ski()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    }
}

/// What must be true of every certificate by itself, from the signer's up.
fn inspect_each(
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

fn inspect_any(certificate: &Certificate, step: Step, at: UnixTime) -> Result<(), PathFault> {
    inspect_version(certificate, step)?;
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
fn inspect_version(certificate: &Certificate, step: Step) -> Result<(), PathFault> {
    match certificate.version() {
        Version::V3 => Ok(()),
        version => Err(PathFault::Version { step, version }),
    }
}

fn inspect_extensions(certificate: &Certificate, step: Step) -> Result<(), PathFault> {
    if let Some(extension) = certificate.malformed_extensions().first() {
        return Err(PathFault::MalformedExtension {
            step,
            extension: *extension,
        });
    }
    if let Some(conflict) = certificate.no_rev_avail_conflict() {
        return Err(PathFault::NoRevAvail { step, conflict });
    }
    // Name constraints must be critical (RFC 5280 §4.2.1.10); where they are not, they still mean what they say, and we do not
    // process them yet.
    if certificate.extensions().contains(&oid::NAME_CONSTRAINTS) {
        return Err(PathFault::NameConstraints { step });
    }
    // RFC 5280 §4.2: "A certificate-using system MUST reject the certificate if it encounters a critical extension it does not
    // recognize or a critical extension that contains information that it cannot process."
    if let Some(extension) = certificate.unknown_critical().first() {
        return Err(PathFault::UnknownCriticalExtension {
            step,
            extension: *extension,
        });
    }
    Ok(())
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

/// Verifies each signature with the key of the next certificate, the last one's with an anchor's; the anchor that fits.
fn verify_signatures<'t>(
    certificates: &[Certificate],
    candidates: &[&'t Anchor],
    rules: &PathRules,
    at: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<&'t Anchor, PathFault> {
    for (index, pair) in certificates.windows(2).enumerate() {
        let [subject, issuer] = pair else { continue };
        let (above, below) = (Step::of_index(index + 1), Step::of_index(index));
        verify_one((subject, below), (issuer, above), rules, keys)?;
    }
    let mut outcome = Err(PathFault::Untrusted {
        issuer: Box::default(),
    });
    let Some((last, below)) = certificates.split_last() else {
        return outcome;
    };
    for anchor in candidates {
        outcome = verify_anchored(last, below, anchor, rules, at, keys).map(|()| *anchor);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// The last certificate of the list under an anchor: it is the anchor, or the anchor has signed it.
fn verify_anchored(
    last: &Certificate,
    below: &[Certificate],
    anchor: &Anchor,
    rules: &PathRules,
    at: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<(), PathFault> {
    let root = anchor.certificate();
    if last == root {
        return Ok(());
    }
    inspect_any(root, Step::Anchor, at)?;
    let intermediates = below.iter().chain([last]).skip(1);
    let counted = intermediates.filter(|one| !one.is_self_issued()).count();
    inspect_constraints(root, Step::Anchor, counted as u64)?;
    inspect_signing(root, Step::Anchor, Place::Anchor)?;
    let step = Step::of_index(below.len());
    verify_one((last, step), (root, Step::Anchor), rules, keys)
}

fn verify_one(
    (subject, below): (&Certificate, Step),
    (issuer, above): (&Certificate, Step),
    rules: &PathRules,
    keys: &dyn VerifyingKeys,
) -> Result<(), PathFault> {
    let allowed = rules.authority_algorithms;
    signature::verify(subject.signed(), issuer.public_key(), allowed, keys).map_err(|fault| {
        match fault {
            SignatureFault::Bad => PathFault::BadSignature { step: below },
            SignatureFault::UnsupportedAlgorithm(algorithm) => PathFault::UnsupportedAlgorithm {
                step: below,
                algorithm,
            },
            SignatureFault::UnsupportedKey(algorithm) => PathFault::UnsupportedKey {
                step: above,
                algorithm,
            },
            SignatureFault::UnusableKey => PathFault::UnusableKey { step: above },
        }
    })
}

// RFC 8226 §4: the keys must suit ES256, which RFC 8225 §4.2 and §8 make the one algorithm of PASSporTs.
fn usable_key(
    certificate: &Certificate,
    step: Step,
    keys: &dyn VerifyingKeys,
) -> Result<Arc<dyn VerifyingKey>, PathFault> {
    match certificate.public_key() {
        PublicKey::P256(point) => keys
            .p256(point.as_slice())
            .map_err(|_| PathFault::UnusableKey { step }),
        other => Err(PathFault::UnsupportedKey {
            step,
            algorithm: other.kind(),
        }),
    }
}

fn authority(
    certificates: &[Certificate],
    anchor: Option<&Anchor>,
) -> Result<Authority, PathFault> {
    let root = anchor.map(Anchor::certificate);
    let above = root.filter(|root| certificates.last() != Some(*root));
    let length = certificates.len() + usize::from(above.is_some());
    let path = above.into_iter().chain(certificates.iter().rev());
    Authority::of_path(path).map_err(|gap| PathFault::DelegationGap {
        step: Step::of_index(length - 1 - gap.index),
    })
}

fn claim_constraints(certificates: &[Certificate], anchor: &Anchor) -> ClaimConstraints {
    let mut extensions = certificates
        .iter()
        .chain([anchor.certificate()])
        .flat_map(Certificate::extensions);
    match extensions.any(|extension| oid::CLAIM_CONSTRAINTS.contains(extension)) {
        true => ClaimConstraints::Unread,
        false => ClaimConstraints::Absent,
    }
}

fn common_validity(certificates: &[Certificate], anchor: &Anchor) -> Validity {
    let validities = certificates.iter().map(Certificate::validity);
    validities.fold(anchor.certificate().validity(), Validity::intersection)
}
