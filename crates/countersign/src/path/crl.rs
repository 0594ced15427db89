//! From a revocation list to proof: who signed it, and may they? [RFC 5280 §6.3.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.3.3)
//! (f) and (g).
//!
//! [`Crl::verify`] finds the certificate of the signer among those it is given and the anchors of the trust domain, and makes a
//! [`VerifiedCrl`]. What the list then means is judged in [`crate::trust::revocation`].

use crate::certificate::crl::Obstacle;
use crate::certificate::signature::{self, SignatureFault, Signed};
use crate::certificate::{Certificate, CertificateChain, Crl};
use crate::crypto::VerifyingKeys;
use crate::time::{UnixTime, Validity};
use crate::trust::Trust;
use crate::trust::revocation::{ListProof, VerifiedCrl};
use std::fmt;

/// A certificate that may have signed a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlIssuer {
    /// It is believed as long as it has the name of the list's issuer and leads to an anchor; further certificates lead there.
    Chain(CertificateChain),
    /// Whoever runs this says that its lists are to be believed.
    Pinned(Box<Certificate>),
}

impl Crl {
    /// Verifies the list with the certificate of one of `issuers`, or with an anchor of `trust` that signs lists itself.
    ///
    /// # Errors
    /// [`CrlFault`]: why nothing may be concluded from the list, or why the likeliest signer did not sign it.
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
        for candidate in candidates(&self, issuers, trust) {
            match candidate.prove(&self, trust, at, keys) {
                Ok(signer) => return Ok(VerifiedCrl::assertion(self, candidate.proof(), signer)),
                Err(refused) => fault = refused,
            }
        }
        Err(fault)
    }
}

/// A certificate that bears the name of the list's issuer.
enum Candidate<'a> {
    Anchor(&'a Certificate),
    Pinned(&'a Certificate),
}

fn candidates<'a>(crl: &Crl, issuers: &'a [CrlIssuer], trust: &'a Trust) -> Vec<Candidate<'a>> {
    let given = issuers.iter().filter_map(|issuer| match issuer {
        CrlIssuer::Pinned(certificate) => Some(Candidate::Pinned(certificate)),
        CrlIssuer::Chain(_) => None,
    });
    let anchors = trust.anchors().iter();
    let anchors = anchors.map(|anchor| Candidate::Anchor(anchor.certificate()));
    given
        .chain(anchors)
        .filter(|candidate| candidate.is_named_by(crl))
        .collect()
}

impl Candidate<'_> {
    fn certificate(&self) -> &Certificate {
        match self {
            Self::Anchor(certificate) | Self::Pinned(certificate) => certificate,
        }
    }

    // RFC 5280 §5.2.1: "The authority key identifier extension provides a means of identifying the public key corresponding to the
    // private key used to sign a CRL."
    fn is_named_by(&self, crl: &Crl) -> bool {
        let certificate = self.certificate();
        let same_key = match (crl.aki(), certificate.ski()) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        same_key && certificate.subject().matches(crl.issuer())
    }

    fn proof(&self) -> ListProof {
        match self {
            Self::Anchor(certificate) => ListProof::Anchored(certificate.sha256()),
            Self::Pinned(_) => ListProof::Pinned,
        }
    }

    /// Whether it has signed the list; how long it is valid.
    fn prove(
        &self,
        crl: &Crl,
        trust: &Trust,
        at: UnixTime,
        keys: &dyn VerifyingKeys,
    ) -> Result<Validity, CrlFault> {
        let certificate = self.certificate();
        let validity = certificate.validity();
        if !validity.contains(at) {
            return Err(CrlFault::IssuerNotValid(validity));
        }
        // RFC 5280 §6.3.3 (f): "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit is
        // set."
        if certificate
            .key_usage()
            .is_some_and(|usage| !usage.crl_sign())
        {
            return Err(CrlFault::IssuerKeyUsage);
        }
        verify_signature(crl, certificate, trust, keys)?;
        Ok(validity)
    }
}

// RFC 5280 §6.3.3 (g): "Validate the signature on the complete CRL using the public key validated in step (f)."
fn verify_signature(
    crl: &Crl,
    issuer: &Certificate,
    trust: &Trust,
    keys: &dyn VerifyingKeys,
) -> Result<(), CrlFault> {
    let allowed = trust.rules().authority_algorithms;
    let signed = Signed {
        message: crl.tbs(),
        algorithm: crl.signature_algorithm(),
        signature: crl.signature(),
    };
    signature::verify(signed, issuer.public_key(), allowed, keys).map_err(|fault| match fault {
        SignatureFault::Bad | SignatureFault::UnusableKey => CrlFault::BadSignature,
        SignatureFault::UnsupportedAlgorithm(_) | SignatureFault::UnsupportedKey(_) => {
            CrlFault::UnsupportedKey
        }
    })
}

/// Why a revocation list is not believed. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlFault {
    /// The signature is not of the key of whom it names.
    BadSignature,
    /// The key of whom it names is not for signing lists.
    IssuerKeyUsage,
    /// The certificate of whom it names is not valid now, but then.
    IssuerNotValid(Validity),
    /// No certificate here bears the name of its issuer.
    IssuerUnknown,
    /// Something in the list forbids conclusions from it.
    Obstacle(Obstacle),
    /// A signature of an algorithm that we do not verify.
    UnsupportedKey,
}

impl fmt::Display for CrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSignature => f.write_str("the signature on the list does not verify"),
            Self::IssuerKeyUsage => {
                f.write_str("the key of the list's issuer is not for signing lists")
            }
            Self::IssuerNotValid(validity) => write!(
                f,
                "the certificate of the list's issuer is valid from {} to {} only",
                validity.not_before, validity.not_after
            ),
            Self::IssuerUnknown => {
                f.write_str("no certificate here bears the name of the list's issuer")
            }
            Self::Obstacle(obstacle) => obstacle.fmt(f),
            Self::UnsupportedKey => {
                f.write_str("the list is signed with an algorithm that is not supported")
            }
        }
    }
}

impl std::error::Error for CrlFault {}
