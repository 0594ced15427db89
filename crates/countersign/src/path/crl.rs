//! From a revocation list to proof: who signed it, and may they? [RFC 5280 §6.3.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.3.3)
//! (f) and (g).
//!
//! [`Crl::verify`] finds the certificate of the signer among those it is given and the anchors of the trust domain, and makes a
//! [`VerifiedCrl`]. What the list then means is judged in [`crate::trust::revocation`].

use super::revocation::{self, Occasion};
use super::{PathFault, Purpose, walk};
use crate::certificate::crl::Obstacle;
use crate::certificate::signature::{self, SignatureFault};
use crate::certificate::{Certificate, CertificateChain, Crl};
use crate::crypto::VerifyingKeys;
use crate::time::{UnixTime, Validity};
use crate::trust::revocation::{ListProof, VerifiedCrl};
use crate::trust::{Anchor, Trust};
use std::{fmt, slice};

/// Most certificates of one name that are tried: a signer, and the ones it was renewed as.
pub const MAX_ISSUER_TRIES: usize = 8;

/// A certificate that may have signed a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlIssuer {
    /// The first certificate of the list has signed, if the list leads to an anchor.
    Chain(CertificateChain),
    /// Whoever runs this says that lists signed by it are to be believed.
    Pinned(Box<Certificate>),
}

impl Crl {
    /// Verifies the list with the certificate of one of `issuers`, or of an anchor of `trust`, that bears the name of its issuer. If
    /// `trust` has lists already, no signer counts that they call revoked.
    ///
    /// # Errors
    /// [`CrlFault`]: why nothing may be concluded from the list, or why the last certificate tried does not prove it.
    pub fn verify(
        self,
        issuers: &[CrlIssuer],
        trust: &Trust,
        at: UnixTime,
        keys: &dyn VerifyingKeys,
    ) -> Result<VerifiedCrl, CrlFault> {
        if let Some(obstacle) = self.obstacle() {
            return Err(CrlFault::Obstacle(obstacle));
        }
        let mut fault = CrlFault::IssuerUnknown;
        let given = issuers.iter().map(Candidate::of);
        let anchors = trust.anchors().iter().map(Candidate::anchor);
        let named = given.chain(anchors).filter(|one| one.is_named_by(&self));
        for candidate in named.take(MAX_ISSUER_TRIES) {
            match candidate.prove(&self, trust, at, keys) {
                Ok((proof, signer)) => {
                    let certificate = candidate.certificate;
                    return Ok(VerifiedCrl::assertion(self, proof, certificate, signer));
                }
                Err(refused) => fault = refused,
            }
        }
        Err(fault)
    }
}

/// A certificate that may have signed a list.
struct Candidate<'a> {
    certificate: &'a Certificate,
    /// The certificates that lead to an anchor, this one first; nothing for a pinned one.
    path: Option<&'a [Certificate]>,
}

impl<'a> Candidate<'a> {
    fn of(issuer: &'a CrlIssuer) -> Self {
        match issuer {
            CrlIssuer::Chain(chain) => Self {
                certificate: chain.end_entity(),
                path: Some(chain.certificates()),
            },
            CrlIssuer::Pinned(certificate) => Self {
                certificate,
                path: None,
            },
        }
    }

    fn anchor(anchor: &'a Anchor) -> Self {
        let certificate = anchor.certificate();
        Self {
            certificate,
            path: Some(slice::from_ref(certificate)),
        }
    }

    // RFC 5280 §5.2.1: "The authority key identifier extension provides a means of identifying the public key corresponding to the
    // private key used to sign a CRL."
    fn is_named_by(&self, crl: &Crl) -> bool {
        let same_key = match (crl.aki(), self.certificate.ski()) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        same_key && self.certificate.subject().matches(crl.issuer())
    }

    /// How it is proven that it has signed the list, and how long it is valid itself.
    fn prove(
        &self,
        crl: &Crl,
        trust: &Trust,
        at: UnixTime,
        keys: &dyn VerifyingKeys,
    ) -> Result<(ListProof, Validity), CrlFault> {
        let proven = match self.path {
            Some(path) => prove_path(path, trust, at, keys)?,
            None => (ListProof::Pinned, self.inspect_pinned(at)?),
        };
        // RFC 5280 §6.3.3 (g): "Validate the signature on the complete CRL using the public key validated in step (f)."
        let allowed = trust.rules().authority_algorithms;
        signature::verify(crl.signed(), self.certificate.public_key(), allowed, keys)
            .map_err(CrlFault::Signature)?;
        Ok(proven)
    }

    fn inspect_pinned(&self, at: UnixTime) -> Result<Validity, CrlFault> {
        let validity = self.certificate.validity();
        if !validity.contains(at) {
            return Err(CrlFault::IssuerNotValid(validity));
        }
        // RFC 5280 §6.3.3 (f): "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit is
        // set."
        match self.certificate.key_usage() {
            Some(usage) if !usage.crl_sign() => Err(CrlFault::IssuerKeyUsage),
            _ => Ok(validity),
        }
    }
}

// RFC 5280 §6.3.3 (f): "Obtain and validate the certification path for the issuer of the complete CRL."
fn prove_path(
    path: &[Certificate],
    trust: &Trust,
    at: UnixTime,
    keys: &dyn VerifyingKeys,
) -> Result<(ListProof, Validity), CrlFault> {
    let refused = |fault| CrlFault::IssuerPath(Box::new(fault));
    let purpose = Purpose::CrlIssuer;
    let walked = walk(path, trust.anchors(), purpose, trust.rules(), at, keys).map_err(refused)?;
    // What the lists in use do not know of the signer, only the next list may tell.
    match revocation::judge(path, walked.anchor, trust, Occasion::Now(at)) {
        Err(fault @ PathFault::Revoked { .. }) => Err(refused(fault)),
        _ => {
            let anchor = walked.anchor.certificate().sha256();
            Ok((ListProof::Anchored(anchor), walked.validity))
        }
    }
}

/// Why a revocation list is not believed. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlFault {
    /// The key of whom it names is not for signing lists.
    IssuerKeyUsage,
    /// The pinned certificate of whom it names is not valid now, but then.
    IssuerNotValid(Validity),
    /// The certificate of whom it names leads to no anchor, or not for signing lists.
    IssuerPath(Box<PathFault>),
    /// No certificate here bears the name of its issuer.
    IssuerUnknown,
    /// Something in the list forbids conclusions from it.
    Obstacle(Obstacle),
    /// The signature is not of the key of whom it names.
    Signature(SignatureFault),
}

impl fmt::Display for CrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerKeyUsage => {
                f.write_str("the key of the list's issuer is not for signing lists")
            }
            Self::IssuerNotValid(validity) => write!(
                f,
                "the certificate of the list's issuer is valid from {} to {} only",
                validity.not_before, validity.not_after
            ),
            Self::IssuerPath(fault) => write!(f, "the issuer of the list (the signer): {fault}"),
            Self::IssuerUnknown => {
                f.write_str("no certificate here bears the name of the list's issuer")
            }
            Self::Obstacle(obstacle) => obstacle.fmt(f),
            Self::Signature(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for CrlFault {}
