//! What is known of whether the certificate of a signer is still good, and still for the number: evidence, as it was found.
//!
//! What follows from it is the trust domain's rule ([`crate::trust::freshness`]).

use super::need::Unavailable;
use crate::certificate::ocsp::{OcspError, Standing};
use crate::passport::BadStaple;
use std::fmt;

/// How the word of a responder came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// A responder was asked.
    Asked,
    /// The token brought it along.
    Stapled,
}

/// What is known. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreshnessEvidence {
    /// The certificate has ended since the message was stored: nobody answers for it any more.
    Ended,
    /// Something that is no answer.
    NoAnswer(Told, OcspError),
    /// The certificate names no responder that may be asked: one with an https URL.
    NoResponder,
    /// The token brings nothing along, and nobody is asked.
    NoStaple,
    /// Nobody ever revokes the certificate: it says so.
    NotPublished,
    /// What the token brings along is no answer.
    NotStapled(BadStaple),
    /// An answer.
    Said(Told, Standing),
    /// The responder could not be asked.
    Unavailable(Unavailable),
}

impl fmt::Display for FreshnessEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the certificate has ended: nobody is asked about it"),
            Self::NoAnswer(told, error) => write!(f, "{told}: {error}"),
            Self::NoResponder => f.write_str("the certificate names no https responder"),
            Self::NoStaple => f.write_str("the token has no staple, and nobody is asked"),
            Self::NotPublished => f.write_str("the certificate is never revoked: it says so"),
            Self::NotStapled(why) => why.fmt(f),
            Self::Said(told, standing) => write!(f, "{told}: {standing}"),
            Self::Unavailable(why) => write!(f, "{}: {why}", Told::Asked),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "by the responder",
            Self::Stapled => "by the staple",
        })
    }
}
