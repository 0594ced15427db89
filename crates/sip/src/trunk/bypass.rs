//! The bypass token: how whoever comes after us knows that a call without proof is none of the caller's doing.
//!
//! A header with a token that both sides know is put on a call that our service failed. Border controllers have it by the name of
//! `P-Identity-Bypass`. What somebody else wrote under that name never goes on.

use std::fmt;

/// The header that is used if nobody says otherwise.
pub const DEFAULT_BYPASS_HEADER: &str = "P-Identity-Bypass";

/// What is put on calls that our service failed.
#[derive(Clone, PartialEq, Eq)]
pub struct Bypass {
    /// The name of the header.
    pub header: Box<str>,
    /// Its value: a secret.
    pub token: Box<str>,
    /// When it is put there.
    pub on: Vec<BypassCause>,
}

impl Bypass {
    /// Whether a call that was failed so gets the token.
    pub fn covers(&self, cause: BypassCause) -> bool {
        self.on.contains(&cause)
    }
}

impl fmt::Debug for Bypass {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bypass")
            .field("header", &self.header)
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}

/// How our service failed a call. That the caller or its number deserves no signature is none of these, nor is a bad proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BypassCause {
    /// The signature or the verdict did not come in time.
    DeadlineExpired,
    /// There was a proof, and what it takes to check it could not be had.
    NotVerifiable,
    /// The call should have been signed, and we could not.
    SigningFailed,
}

impl BypassCause {
    /// The name in configuration and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeadlineExpired => "deadline-expired",
            Self::NotVerifiable => "not-verifiable",
            Self::SigningFailed => "signing-failed",
        }
    }
}
