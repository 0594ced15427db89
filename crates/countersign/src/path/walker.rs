//! The walk of [RFC 5280 §6.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1), over the certificates as they were received.

use super::{PathFault, Step, names, policies, requirements};
use crate::certificate::chain::MAX_CHAIN_CERTIFICATES;
use crate::certificate::signature::{self, SignatureFault};
use crate::certificate::{Certificate, PathRules};
use crate::crypto::VerifyingKeys;
use crate::time::{UnixTime, Validity};
use crate::trust::Anchor;

/// Most anchors of one name that are tried with their key: a root and the ones it was renewed as.
pub const MAX_ANCHOR_TRIES: usize = 4;

/// Most signatures that are checked for one list: those in it, the last one under every anchor of its issuer's name, and as many
/// again to find out whether it belongs to another trust domain.
pub const MAX_SIGNATURE_CHECKS: usize = 2 * (MAX_CHAIN_CERTIFICATES - 1 + MAX_ANCHOR_TRIES);

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
    let mut walker = Walker::new(at, keys);
    walker.walk(certificates, anchors, purpose, rules)
}

/// Walks paths at one time, within one budget.
pub(super) struct Walker<'k> {
    pub(super) at: UnixTime,
    pub(super) keys: &'k dyn VerifyingKeys,
    /// How many signatures may still be checked.
    signatures: usize,
}

impl<'k> Walker<'k> {
    pub(super) fn new(at: UnixTime, keys: &'k dyn VerifyingKeys) -> Self {
        let signatures = MAX_SIGNATURE_CHECKS;
        Self {
            at,
            keys,
            signatures,
        }
    }

    /// See [`walk`].
    pub(super) fn walk<'t>(
        &mut self,
        certificates: &[Certificate],
        anchors: &'t [Anchor],
        purpose: Purpose,
        rules: &PathRules,
    ) -> Result<Walked<'t>, PathFault> {
        if certificates.len() > MAX_CHAIN_CERTIFICATES {
            return Err(PathFault::TooManyCertificates);
        }
        requirements::inspect_target(certificates, purpose)?;
        inspect_order(certificates)?;
        let candidates = candidate_anchors(certificates, anchors)?;
        requirements::inspect_each(certificates, &candidates, self.at)?;
        let anchor = self.verify_signatures(certificates, &candidates, rules)?;
        // RFC 9618 §6.1: "X.509 validators SHOULD verify signatures in certification paths before or in conjunction with policy
        // verification."
        let links = Links::new(certificates, anchor.certificate());
        names::judge(&links)?;
        policies::judge(&links, &rules.policies)?;
        Ok(Walked {
            anchor,
            validity: common_validity(certificates, anchor),
        })
    }

    /// Verifies each signature with the key of the next certificate, the last one's with an anchor's; the anchor that fits.
    fn verify_signatures<'t>(
        &mut self,
        certificates: &[Certificate],
        candidates: &[&'t Anchor],
        rules: &PathRules,
    ) -> Result<&'t Anchor, PathFault> {
        for (index, pair) in certificates.windows(2).enumerate() {
            let [subject, issuer] = pair else { continue };
            let (above, below) = (Step::of_index(index + 1), Step::of_index(index));
            self.verify_one((subject, below), (issuer, above), rules)?;
        }
        let mut outcome = Err(untrusted());
        for anchor in candidates {
            outcome = self
                .verify_anchored(certificates, anchor, rules)
                .map(|()| *anchor);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// The last certificate of the list under an anchor: it is the anchor, or the anchor has signed it.
    fn verify_anchored(
        &mut self,
        certificates: &[Certificate],
        anchor: &Anchor,
        rules: &PathRules,
    ) -> Result<(), PathFault> {
        let root = anchor.certificate();
        let (index, last) = certificates
            .iter()
            .enumerate()
            .next_back()
            .ok_or(untrusted())?;
        if last == root {
            return Ok(());
        }
        requirements::inspect_anchor(root, certificates, self.at)?;
        self.verify_one((last, Step::of_index(index)), (root, Step::Anchor), rules)
    }

    fn verify_one(
        &mut self,
        (subject, below): (&Certificate, Step),
        (issuer, above): (&Certificate, Step),
        rules: &PathRules,
    ) -> Result<(), PathFault> {
        let left = self.signatures.checked_sub(1);
        self.signatures = left.ok_or(PathFault::TooManySignatures)?;
        let allowed = rules.authority_algorithms;
        let verified = signature::verify(subject.signed(), issuer.public_key(), allowed, self.keys);
        verified.map_err(|fault| match fault {
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
        })
    }
}

/// A path whose signatures hold: what RFC 5280 §6.1 counts from 1 to n, and the anchor above it.
pub(super) struct Links<'a> {
    pub(super) anchor: &'a Certificate,
    /// From the target up.
    below: &'a [Certificate],
}

/// One certificate of a path.
pub(super) struct Link<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) step: Step,
    pub(super) is_final: bool,
}

impl<'a> Links<'a> {
    fn new(certificates: &'a [Certificate], anchor: &'a Certificate) -> Self {
        let below = match certificates.split_last() {
            Some((last, below)) if last == anchor => below,
            _ => certificates,
        };
        Self { anchor, below }
    }

    pub(super) fn len(&self) -> usize {
        self.below.len()
    }

    /// From the one that the anchor has signed down to the target.
    pub(super) fn downwards(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        let places = self.below.iter().enumerate().rev();
        places.map(|(index, certificate)| Link {
            certificate,
            step: Step::of_index(index),
            is_final: index == 0,
        })
    }
}

fn untrusted() -> PathFault {
    PathFault::Untrusted {
        issuer: Box::default(),
    }
}

/// Each certificate must be certified by the next.
// RFC 9060 §7: "The certificate path [RFC5280] ordering MUST be ordered from the signer to the trust anchor."
pub(super) fn inspect_order(certificates: &[Certificate]) -> Result<(), PathFault> {
    for (index, pair) in certificates.windows(2).enumerate() {
        let [subject, issuer] = pair else { continue };
        // RFC 5280 §6.1: "A certificate MUST NOT appear more than once in a prospective certification path."
        if certificates
            .iter()
            .skip(index + 1)
            .any(|one| one == subject)
        {
            let step = Step::of_index(index);
            return Err(PathFault::Repeated { step });
        }
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
    let (last, below) = certificates.split_last().ok_or(untrusted())?;
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

fn common_validity(certificates: &[Certificate], anchor: &Anchor) -> Validity {
    let validities = certificates.iter().map(Certificate::validity);
    validities.fold(anchor.certificate().validity(), Validity::intersection)
}
