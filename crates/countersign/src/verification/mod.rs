//! The verification service of RFC 8224 §6.2: does this call prove who is calling?
//!
//! What lives here: the verdict and how it is reached. [`fault`] is the glossary with the one table, [`check`] what is looked at
//! and in which order, [`freshness`] what is known of certificates beside their path, [`report`] what is told; [`need`] is what the service asks of the world, [`policy`] what it may decide
//! for itself, [`replay`] its memory, [`archive`] how what was stored is judged later; [`states`] drives one verification from the first glance to the verdict. Answers to calls that we sent are
//! judged by the same machine: [`answer`] is what is told of them, [`supporters`] who has signed some before.
//!
//! What does not: fetching (the server does), parsing of Identity headers (`countersign-sip`), of tokens
//! (`crate::passport`), and the path to an anchor (`crate::certificate`).

pub mod fault;
pub mod need;
pub mod policy;
pub mod replay;
pub mod archive;
pub mod consequences;
pub mod diversion;
pub mod freshness;
pub mod check;
pub mod purpose;
pub mod rich;
pub mod priority;
pub mod answer;
pub mod supporters;
pub mod report;
mod findings;
mod rebuild;
mod inspect;
mod scope;
mod proof;
mod status;
mod chains;
mod answering;
pub mod states;

pub use answer::{
    AnswerPolicy, AnswerReport, AnswerStanding, Dialled, DivertedAnswer, MediaStanding, Pin,
};
pub use archive::{Archive, ArchiveRefused, Flag};
pub use check::{Check, CheckResult, Evidence, Outcome};
pub use consequences::{
    Callback, Complaint, Consequences, ProvenCaller, ProvenCard, Reference, SignedPriority,
};
pub use diversion::{ChainBreak, ChainReport};
pub use fault::{Code, Fault, Standing, Verstat, VerstatProfile};
pub use findings::Checks;
pub use freshness::{FreshnessEvidence, Told};
pub use need::{
    Answer, Holds, Need, NeedId, NeedKind, NeedLimit, NumberAuthority, Refresh, Resource,
    ResourceKind, Source, Unavailable,
};
pub use policy::VerificationPolicy;
pub use priority::PriorityReport;
pub use proof::path_fault;
pub use purpose::Purpose;
pub use replay::{MemoryReplay, ReplayMemory, Seal, Sighting};
pub use report::{PassportReport, ProviderWord, Report, SignerReport, Token};
pub use rich::{Content, RichReport, Unexamined};
pub use states::{Poll, Verification, VerificationService};
pub use supporters::{MemorySupporters, Supporters};

use std::fmt;

/// What a call's proof is worth. A bad call is a verdict, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The proof was checked and is bad.
    Failed(Fault),
    /// The proof could not be checked: neither good nor bad.
    NotValidated(Fault),
    /// The proof was checked and is good.
    Passed,
    /// There is no proof.
    Unsigned,
}

impl Verdict {
    /// What a fault makes of a proof.
    pub const fn of(fault: Fault) -> Self {
        match fault.standing() {
            Standing::Failed => Self::Failed(fault),
            Standing::NotValidated => Self::NotValidated(fault),
        }
    }

    /// The fault of a proof that failed.
    pub(crate) const fn failed(self) -> Option<Fault> {
        match self {
            Self::Failed(fault) => Some(fault),
            Self::NotValidated(_) | Self::Passed | Self::Unsigned => None,
        }
    }

    /// The fault of a proof that could not be validated.
    pub(crate) const fn not_validated(self) -> Option<Fault> {
        match self {
            Self::NotValidated(fault) => Some(fault),
            Self::Failed(_) | Self::Passed | Self::Unsigned => None,
        }
    }

    /// The fault, if there is one.
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Failed(fault) | Self::NotValidated(fault) => Some(fault),
            Self::Passed | Self::Unsigned => None,
        }
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::NotValidated(_) => "not-validated",
            Self::Passed => "passed",
            Self::Unsigned => "unsigned",
        }
    }

    /// What the called side is told.
    pub const fn verstat(self, profile: VerstatProfile) -> Verstat {
        match self {
            Self::Failed(fault) | Self::NotValidated(fault) => fault.verstat(profile),
            Self::Passed => Verstat::Passed,
            Self::Unsigned => Verstat::NoValidation,
        }
    }
}

/// Why an Identity header is not one: what the grammar of RFC 8224 §4, read generously, still refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// The `info` parameter is not a URI in angle brackets.
    Info,
    /// The form of RFC 4474: a quoted digest.
    Obsolete,
    /// A parameter that is none, or one of `info`, `alg` and `ppt` twice.
    Parameter,
    /// No token, or characters in it that no token has.
    Token,
    /// Longer than we read.
    TooLong,
}

impl Malformed {
    /// The fault that it is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::Info => Fault::InfoInvalid,
            Self::Obsolete | Self::Parameter | Self::Token => Fault::IdentityMalformed,
            Self::TooLong => Fault::BeyondLimits,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info is not a URI in angle brackets",
            Self::Obsolete => "the form of RFC 4474",
            Self::Parameter => "a parameter that is none, or is there twice",
            Self::Token => "no token, or characters that no token has",
            Self::TooLong => "longer than we read",
        })
    }
}
