//! What can be wrong with a path: one glossary, alphabetical, each with its evidence.
//!
//! What follows from a fault (a code, a verstat) is one table in the verification room.

use crate::certificate::crl::Reason;
use crate::certificate::no_rev_avail::NoRevAvailConflict;
use crate::certificate::{NameFault, Version};
use crate::time::UnixTime;
use crate::trust::revocation::Gap;
use const_oid::ObjectIdentifier;
use std::fmt;

/// Where on the path, counted from the signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The anchor, when it does not stand in the list itself.
    Anchor,
    /// The signer's certificate.
    EndEntity,
    /// Another certificate of the list: 1 has certified the signer's.
    Issuer(usize),
}

impl Step {
    /// The certificate at `index` of the list.
    pub(crate) fn of_index(index: usize) -> Self {
        match index {
            0 => Self::EndEntity,
            index => Self::Issuer(index),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor => f.write_str("the anchor"),
            Self::EndEntity => f.write_str("the signer's certificate"),
            Self::Issuer(index) => write!(f, "certificate {index} above the signer's"),
        }
    }
}

/// What a key must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// keyCertSign.
    CertificateSigning,
    /// cRLSign.
    CrlSigning,
    /// digitalSignature.
    DigitalSignature,
}

/// Why a list of certificates does not lead to an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathFault {
    /// The signature does not verify with the key of the certificate above, or is not DER.
    BadSignature {
        /// Whose signature.
        step: Step,
    },
    /// A certificate without a TN Authorization List stands below one that has a list.
    DelegationGap {
        /// The one without.
        step: Step,
    },
    /// A certificate does not say who issued it.
    EmptyIssuer {
        /// Which.
        step: Step,
    },
    /// The signer's certificate is one of a certification authority; only end entities sign PASSporTs.
    EndEntityIsAuthority,
    /// The signer's certificate names itself as issuer.
    EndEntitySelfIssued,
    /// The signer's key is restricted to purposes that signing PASSporTs is none of.
    ExtendedKeyUsage,
    /// The validity is over.
    Expired {
        /// Whose.
        step: Step,
        /// The last second of it.
        not_after: UnixTime,
    },
    /// The list goes on after an anchor, and what follows leads to none.
    ExtraCertificates {
        /// The first one after the anchor.
        step: Step,
    },
    /// The issuer of a certificate is not in the list.
    IssuerMissing {
        /// Whose issuer.
        step: Step,
        /// Its name.
        issuer: Box<str>,
    },
    /// The authority key identifier is not the subject key identifier of the certificate above.
    KeyIdentifierMismatch {
        /// Whose authority key identifier.
        step: Step,
    },
    /// A delegate's authority key identifier, or its parent's subject key identifier, is absent.
    KeyIdentifierMissing {
        /// The delegate.
        step: Step,
    },
    /// The key may not be used for what it was used for.
    KeyUsage {
        /// Whose key.
        step: Step,
        /// What it would have to be for.
        needed: KeyPurpose,
    },
    /// An extension that the path rests on cannot be read.
    MalformedExtension {
        /// Whose.
        step: Step,
        /// Which.
        extension: ObjectIdentifier,
    },
    /// A certificate has a name that an authority above it does not allow, or that we cannot judge.
    NameConstraints {
        /// Whose name.
        step: Step,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// No certificate policy holds for the path, and one must.
    NoPolicy {
        /// Down to where none holds any more.
        step: Step,
    },
    /// A certificate says that its revocation is never published, and something in it says otherwise (RFC 9608 §3).
    NoRevAvail {
        /// Whose.
        step: Step,
        /// What.
        conflict: NoRevAvailConflict,
    },
    /// The certificate has signed another and is not one of a certification authority.
    NotAnAuthority {
        /// Which.
        step: Step,
    },
    /// The validity has not begun.
    NotYetValid {
        /// Whose.
        step: Step,
        /// The first second of it.
        not_before: UnixTime,
    },
    /// The issuer of a certificate is in the list, but not next to it; or an authority stands first and the signer after it.
    OutOfOrder {
        /// Whose issuer, or who stands where the signer should.
        step: Step,
    },
    /// More certificates follow than the path length constraint allows.
    PathTooLong {
        /// Whose constraint.
        step: Step,
        /// How many it allows.
        limit: u64,
    },
    /// A certificate stands in the list twice.
    Repeated {
        /// Where it stands first.
        step: Step,
    },
    /// Nobody could say whether a certificate was revoked, and the trust domain wants it known.
    RevocationUnknown {
        /// Which.
        step: Step,
        /// Why.
        gap: Gap,
    },
    /// A certificate was revoked.
    Revoked {
        /// Which.
        step: Step,
        /// When.
        at: UnixTime,
        /// Why.
        reason: Reason,
    },
    /// More certificates than a list may have.
    TooManyCertificates,
    /// More signatures would have to be checked than one list is worth.
    TooManySignatures,
    /// A critical extension that we do not process.
    UnknownCriticalExtension {
        /// Whose.
        step: Step,
        /// Which.
        extension: ObjectIdentifier,
    },
    /// A signature of an algorithm that we do not verify, that the trust domain does not allow, or that is not the key's.
    UnsupportedAlgorithm {
        /// Whose signature.
        step: Step,
        /// Which algorithm.
        algorithm: ObjectIdentifier,
    },
    /// A key of an algorithm that we do not verify; of a signer, any but P-256.
    UnsupportedKey {
        /// Whose key.
        step: Step,
        /// Its algorithm, or its curve.
        algorithm: ObjectIdentifier,
    },
    /// The list ends at an issuer that is no anchor of ours.
    Untrusted {
        /// The issuer.
        issuer: Box<str>,
    },
    /// The key is not on its curve, or too small or too large.
    UnusableKey {
        /// Whose key.
        step: Step,
    },
    /// A certificate without extensions, which says nothing that a path could rest on.
    Version {
        /// Which.
        step: Step,
        /// Its version.
        version: Version,
    },
    /// The path leads to an anchor of another trust domain.
    WrongTrustDomain {
        /// Which domain.
        domain: Box<str>,
    },
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSignature { step } => write!(f, "the signature on {step} does not verify"),
            Self::EmptyIssuer { step } => write!(f, "{step} has no issuer name"),
            Self::EndEntitySelfIssued => f.write_str("the signer's certificate is self-issued"),
            Self::ExtendedKeyUsage => f.write_str(
                "the signer's key is for other purposes only, by its extended key usage",
            ),
            Self::Expired { step, not_after } => write!(f, "{step} expired at {not_after}"),
            Self::KeyUsage { step, needed } => write!(f, "the key of {step} is not for {needed}"),
            Self::MalformedExtension { step, extension } => {
                write!(f, "{step} has an unreadable extension {extension}")
            }
            Self::NameConstraints { step, fault } => write!(f, "{step} {fault}"),
            Self::NoPolicy { step } => {
                write!(
                    f,
                    "a certificate policy must hold for the path, and none does down to {step}"
                )
            }
            Self::NotAnAuthority { step } => {
                write!(f, "{step} signed a certificate and is no authority")
            }
            Self::NotYetValid { step, not_before } => {
                write!(f, "{step} is not valid before {not_before}")
            }
            Self::UnknownCriticalExtension { step, extension } => {
                write!(
                    f,
                    "{step} has a critical extension that is not known: {extension}"
                )
            }
            Self::UnsupportedAlgorithm { step, algorithm } => {
                write!(
                    f,
                    "{step} is signed with an algorithm that is not supported: {algorithm}"
                )
            }
            Self::UnsupportedKey { step, algorithm } => {
                write!(f, "the key of {step} is not supported: {algorithm}")
            }
            Self::DelegationGap { .. }
            | Self::EndEntityIsAuthority
            | Self::ExtraCertificates { .. }
            | Self::IssuerMissing { .. }
            | Self::KeyIdentifierMismatch { .. }
            | Self::KeyIdentifierMissing { .. }
            | Self::OutOfOrder { .. }
            | Self::PathTooLong { .. }
            | Self::Repeated { .. }
            | Self::TooManyCertificates
            | Self::TooManySignatures => self.write_list(f),
            Self::NoRevAvail { .. }
            | Self::RevocationUnknown { .. }
            | Self::Revoked { .. }
            | Self::Untrusted { .. }
            | Self::WrongTrustDomain { .. } => self.write_trust(f),
            Self::UnusableKey { step } => write!(f, "the key of {step} is not usable"),
            Self::Version { step, version } => {
                write!(f, "{step} is X.509 version {version}, not version 3")
            }
        }
    }
}

impl PathFault {
    /// What has to do with the list as a whole, in words.
    fn write_list(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DelegationGap { step } => {
                write!(f, "{step} has no TNAuthList below one that has")
            }
            Self::EndEntityIsAuthority => f.write_str(
                "the first certificate is a certification authority's, which signs no PASSporTs",
            ),
            Self::ExtraCertificates { step } => {
                write!(f, "{step} follows an anchor and leads to none")
            }
            Self::IssuerMissing { step, issuer } => {
                write!(f, "the issuer of {step} is not in the list: {issuer}")
            }
            Self::KeyIdentifierMismatch { step } => {
                write!(f, "{step} names another key than its issuer has")
            }
            Self::KeyIdentifierMissing { step } => {
                write!(f, "no key identifiers link {step} to its parent")
            }
            Self::OutOfOrder { step } => {
                write!(f, "the list is out of order at {step}")
            }
            Self::PathTooLong { step, limit } => write!(
                f,
                "{step} allows {limit} intermediate certificates below it"
            ),
            Self::Repeated { step } => write!(f, "{step} stands in the list twice"),
            Self::TooManyCertificates => f.write_str("the list has too many certificates"),
            Self::TooManySignatures => f.write_str("too many signatures would have to be checked"),
            _ => Ok(()),
        }
    }

    /// What has to do with revocation and trust domains, in words.
    fn write_trust(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRevAvail { step, conflict } => write!(
                f,
                "{step} says that its revocation is never published, but {conflict}"
            ),
            Self::RevocationUnknown { step, gap } => {
                write!(f, "whether {step} was revoked is not known: {gap}")
            }
            Self::Revoked { step, at, reason } => {
                write!(f, "{step} was revoked at {at}: {reason}")
            }
            Self::Untrusted { issuer } => write!(f, "no anchor of ours: {issuer}"),
            Self::WrongTrustDomain { domain } => {
                write!(
                    f,
                    "an anchor of the trust domain {domain}, which does not judge this call"
                )
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for KeyPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CertificateSigning => "signing certificates",
            Self::CrlSigning => "signing CRLs",
            Self::DigitalSignature => "digital signatures",
        })
    }
}

impl std::error::Error for PathFault {}
