//! From a list of certificates to an anchor: the path of [RFC 5280 §6](https://www.rfc-editor.org/rfc/rfc5280#section-6), as
//! rigid as [RFC 9060 §6](https://www.rfc-editor.org/rfc/rfc9060#section-6) makes it.
//!
//! - [`verify`] judges a [`CertificateChain`] against a [`Trust`] at a time, [`verify_past`] as of an earlier one, and makes a [`VerifiedPath`], the only proof that a
//!   key may be believed; `grep '::assertion('` finds the one place that makes it.
//! - [`PathFault`] names what is wrong, with the certificate it is wrong with.
//! - [`RevocationEvidence`] is what is known about revocation on a path; `Crl::verify` ([`crl`]) makes a revocation list one
//!   that is heard.
//! - [`PathCache`] remembers both outcomes.
//!
//! The list is taken as it is: each certificate certified by the next, the last one an anchor or certified by one. Nothing is
//! looked up elsewhere and no other order is tried. [`walk`] is the same for other purposes. What cannot be judged (a critical
//! extension that is not known, a name constraint of another form) refuses the path.

pub mod fault;
mod names;
mod policies;
mod requirements;
pub mod walker;
mod revocation;
pub mod crl;
pub mod cache;

pub use cache::PathCache;
pub use crl::{CrlFault, CrlIssuer};
pub use fault::{KeyPurpose, PathFault, Step};
pub use revocation::RevocationEvidence;
pub use walker::{MAX_ANCHOR_TRIES, MAX_SIGNATURE_CHECKS, Purpose, Walked, walk};

use crate::certificate::{
    Authority, Certificate, CertificateChain, ClaimConstraints, PublicKey, ServiceProviderCode,
};
use crate::crypto::{VerifyingKey, VerifyingKeys};
use crate::time::{UnixTime, Validity};
use crate::trust::revocation::{Gap, MAX_AHEAD};
use crate::trust::{Anchor, Neighbour, Standing, Trust};
use revocation::Occasion;
use std::fmt;
use std::sync::Arc;
use walker::Walker;

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
    verify_on(chain, trust, Occasion::Now(at), keys)
}

/// Judges a list of certificates as of an earlier time, `then`, by what is known `now`: all of it must have been valid then, and none of
/// it revoked by then. Who is not trusted now was not trusted then.
///
/// # Errors
/// [`PathFault`], as [`verify`].
pub fn verify_past(
    chain: &CertificateChain,
    trust: &Trust,
    then: UnixTime,
    now: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<VerifiedPath, PathFault> {
    verify_on(chain, trust, Occasion::Past { then, now }, keys)
}

fn verify_on(
    chain: &CertificateChain,
    trust: &Trust,
    occasion: Occasion,
    keys: &dyn VerifyingKeys,
) -> Result<VerifiedPath, PathFault> {
    let mut walker = Walker::new(occasion.at(), keys);
    let verdict = verify_under(chain, trust, occasion, &mut walker);
    // An anchor of another domain may bear the name of one of ours.
    let Err(PathFault::Untrusted { .. } | PathFault::BadSignature { .. }) = &verdict else {
        return verdict;
    };
    let mut leads_to =
        |domain: &&Neighbour| verify_under(chain, domain.trust(), occasion, &mut walker).is_ok();
    match trust.neighbours().iter().find(&mut leads_to) {
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
    occasion: Occasion,
    walker: &mut Walker<'_>,
) -> Result<VerifiedPath, PathFault> {
    let certificates = chain.certificates();
    let Walked { anchor, validity } = walker.walk(
        certificates,
        trust.anchors(),
        Purpose::Passport,
        trust.rules(),
    )?;
    let authority = authority(certificates, Some(anchor))?;
    let key = usable_key(chain.end_entity(), walker.keys)?;
    let revocation = revocation::judge(certificates, anchor, trust, occasion)?;
    Ok(VerifiedPath::assertion(Proven {
        key_digest: chain
            .end_entity()
            .public_key()
            .p256_digest()
            .unwrap_or_default(),
        key,
        authority,
        claim_constraints: chain.end_entity().claim_constraints().cloned(),
        inherited_constraints: inherited_constraints(certificates, anchor),
        validity,
        revocation,
        subject: chain.end_entity().subject().to_string().into(),
        subject_names: chain.end_entity().subject().names(),
        anchor: anchor.certificate().sha256(),
        standing: anchor.standing(),
    }))
}

/// Looks at a list as far as that can be done without anchors, clock and keys, for those who publish one; what it lets its
/// holder say, if no anchor above it says less.
///
/// # Errors
/// [`PathFault`], the first one found: what makes [`verify`] refuse the list wherever and whenever, or makes it worthless.
pub fn inspect(chain: &CertificateChain) -> Result<Authority, PathFault> {
    let certificates = chain.certificates();
    requirements::inspect_target(certificates, Purpose::Passport)?;
    walker::inspect_order(certificates)?;
    for (index, certificate) in certificates.iter().enumerate() {
        requirements::inspect_basic_fields(certificate, Step::of_index(index))?;
        requirements::inspect_readable(certificate, Step::of_index(index))?;
        requirements::inspect_extensions(certificate, Step::of_index(index))?;
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
    pub(crate) key_digest: [u8; 32],
    pub(crate) authority: Authority,
    pub(crate) claim_constraints: Option<ClaimConstraints>,
    pub(crate) inherited_constraints: Box<[ClaimConstraints]>,
    pub(crate) validity: Validity,
    pub(crate) revocation: RevocationEvidence,
    pub(crate) subject: Box<str>,
    pub(crate) subject_names: Box<[Box<str>]>,
    pub(crate) anchor: [u8; 32],
    pub(crate) standing: Standing,
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

    /// SHA-256 of the SubjectPublicKeyInfo of the end entity, in DER.
    pub fn key_digest(&self) -> [u8; 32] {
        self.0.key_digest
    }

    /// What the end entity may say.
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// What the end entity's certificate holds its claims to.
    pub fn claim_constraints(&self) -> Option<&ClaimConstraints> {
        self.0.claim_constraints.as_ref()
    }

    /// What the certificates above it would hold them to. RFC 8226 §8 and RFC 9118 §3 make the extension "applicable only to
    /// end-entity certificates", so whether this means anything is policy.
    pub fn inherited_constraints(&self) -> &[ClaimConstraints] {
        &self.0.inherited_constraints
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
                    .saturating_add(-MAX_AHEAD - 1)
                    .min(self.0.validity.not_after),
                ..self.0.validity
            },
            _ => self.0.validity,
        }
    }

    /// The names in the subject of the end entity: common names and organizations, letter for letter.
    pub fn subject_names(&self) -> &[Box<str>] {
        &self.0.subject_names
    }

    /// Those of its names that may be trusted: none of a delegate, whose parent answers for numbers and codes and not for names.
    pub fn vouched_names(&self) -> &[Box<str>] {
        match self.0.authority.is_delegated() {
            true => &[],
            false => &self.0.subject_names,
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

// RFC 8226 §4: the keys must suit ES256, which RFC 8225 §4.2 and §8 make the one algorithm of PASSporTs.
fn usable_key(
    signer: &Certificate,
    keys: &dyn VerifyingKeys,
) -> Result<Arc<dyn VerifyingKey>, PathFault> {
    let step = Step::EndEntity;
    match signer.public_key() {
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

fn inherited_constraints(certificates: &[Certificate], anchor: &Anchor) -> Box<[ClaimConstraints]> {
    let root = anchor.certificate();
    let above = certificates.iter().skip(1).filter(|one| *one != root);
    let all = above.chain([root]);
    all.filter_map(Certificate::claim_constraints)
        .cloned()
        .collect()
}
