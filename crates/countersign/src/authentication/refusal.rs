//! Why we do not speak for a call.

use super::DATE_TOLERANCE_SECONDS;
use crate::passport::Unsignable;
use std::fmt;

/// Why we do not speak for a call. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The request names no called party.
    CalledPartyUnknown,
    /// The caller is not a telephone number.
    CallerNotANumber,
    /// The request names no caller.
    CallerUnknown,
    /// Our certificate has expired.
    CertificateExpired,
    /// Our certificate is not valid yet.
    CertificateNotYetValid,
    /// Our certificate forbids a claim that we would sign, or demands one that we do not.
    ConstraintsViolated,
    /// A diversion to where the call has been before: nobody would believe the chain.
    DiversionLoops,
    /// Somebody else was reached than was called, and nothing in the request tells how.
    DiversionUnproven,
    /// Somebody else was reached than was called, and the caller is not to learn how.
    DiversionWithheld,
    /// The issuer of rich call data is not who our certificate names.
    IssuerNotOurs,
    /// The call has no media keys that could be secured.
    NoMediaKeys,
    /// Nothing is to be said of the caller beside the number.
    NoRichData,
    /// Our certificate does not cover who is to be signed for: the caller, who diverts, or who answers.
    NotCovered,
    /// Nobody spoke for the caller of a request that is to be answered.
    NothingToAnswer,
    /// There is no PASSporT to which a diversion could refer.
    NothingToDivert,
    /// A value of Resource-Priority, or the mark of a call-back, on a call that must not have it.
    PriorityMisused,
    /// A value of Resource-Priority that the request does not ask for, or none at all.
    PriorityNotRequested,
    /// Rich call data that nobody would believe: without a name, or with a URL and no digest.
    RichDataIncomplete,
    /// The key could not sign: a fault of ours.
    SigningFailed,
    /// The Date header is more than [`DATE_TOLERANCE_SECONDS`] from now.
    StaleDate,
    /// More called parties, or longer ones, than a PASSporT may have, or more PASSporTs than are answered.
    TooLarge,
    /// The number is not in the inventory, and such calls are not signed.
    Unlisted,
    /// The Date header tells no time.
    UnusableDate,
    /// A called party is not a usable URI.
    UnusableUri,
}

impl Refusal {
    pub(super) fn of(cause: Unsignable) -> Self {
        match cause {
            Unsignable::NoDestination => Self::CalledPartyUnknown,
            Unsignable::TooLong | Unsignable::TooManyDestinations => Self::TooLarge,
            Unsignable::Extension | Unsignable::Uri => Self::UnusableUri,
        }
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CalledPartyUnknown => "called-party-unknown",
            Self::CallerNotANumber => "caller-not-a-number",
            Self::CallerUnknown => "caller-unknown",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::ConstraintsViolated => "constraints-violated",
            Self::DiversionLoops => "diversion-loops",
            Self::DiversionUnproven => "diversion-unproven",
            Self::DiversionWithheld => "diversion-withheld",
            Self::IssuerNotOurs => "issuer-not-ours",
            Self::NoMediaKeys => "no-media-keys",
            Self::NoRichData => "no-rich-data",
            Self::NotCovered => "not-covered",
            Self::NothingToAnswer => "nothing-to-answer",
            Self::NothingToDivert => "nothing-to-divert",
            Self::PriorityMisused => "priority-misused",
            Self::PriorityNotRequested => "priority-not-requested",
            Self::RichDataIncomplete => "rich-data-incomplete",
            Self::SigningFailed => "signing-failed",
            Self::StaleDate => "stale-date",
            Self::TooLarge => "too-large",
            Self::Unlisted => "unlisted",
            Self::UnusableDate => "unusable-date",
            Self::UnusableUri => "unusable-uri",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CalledPartyUnknown => "the request names no called party",
            Self::CallerNotANumber => "the caller is not a telephone number",
            Self::CallerUnknown => "the request names no caller",
            Self::CertificateExpired => "our certificate has expired",
            Self::CertificateNotYetValid => "our certificate is not valid yet",
            Self::ConstraintsViolated => "our certificate forbids the claims, or demands others",
            Self::DiversionLoops => "the call has been there before",
            Self::DiversionUnproven => {
                "another was reached than was called, and no PASSporT tells how"
            }
            Self::DiversionWithheld => {
                "another was reached than was called, and diversions are not told"
            }
            Self::IssuerNotOurs => "the issuer is not who our certificate names",
            Self::NoMediaKeys => "the call has no media keys",
            Self::NoRichData => "nothing is to be said of the caller beside the number",
            Self::NotCovered => "our certificate does not cover who is to be signed for",
            Self::NothingToAnswer => "the request has no PASSporT that speaks for the caller",
            Self::NothingToDivert => "there is no PASSporT to which a diversion could refer",
            Self::PriorityMisused => "a call like this must not have that priority",
            Self::PriorityNotRequested => "the request does not ask for that priority",
            Self::RichDataIncomplete => "the rich call data lacks a name, or the digest of a URL",
            Self::SigningFailed => "the key could not sign",
            Self::StaleDate => {
                return write!(
                    f,
                    "the Date is more than {DATE_TOLERANCE_SECONDS} s from now"
                );
            }
            Self::TooLarge => "more or longer called parties than a PASSporT may have",
            Self::Unlisted => "the number is not in the inventory",
            Self::UnusableDate => "the Date tells no time",
            Self::UnusableUri => "a called party is not a usable URI",
        })
    }
}

impl std::error::Error for Refusal {}
