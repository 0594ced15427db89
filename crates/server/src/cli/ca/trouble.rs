//! Why a verb of `ca` did not do its work. What was asked and is refused is exit code 1, what could not be tried is 2.

use super::super::Outcome;
use crate::files::FileFault;
use crate::keys::uri::BadTokenUri;
use crate::keys::{KeyFault, KeyPlace};
use countersign::certificate::ChainError;
use countersign::path::PathFault;
use countersign_ca::IssuanceError;
use countersign_ca::csr::CsrFault;
use countersign_ca::subject::NotASubject;
use std::fmt;
use std::path::PathBuf;

/// Why a verb did not do its work. Alphabetical.
#[derive(Debug)]
pub(super) enum CaTrouble {
    /// A file of certificates holds something else.
    Chain(PathBuf, ChainError),
    /// There is a file already where a new one is to be made.
    Exists(PathBuf),
    /// A file cannot be used.
    File(PathBuf, FileFault),
    /// The authority does not issue that.
    Issuance(IssuanceError),
    /// The key cannot be used.
    Key(KeyPlace, KeyFault),
    /// What names a key is no place of one.
    KeyPlace(Box<str>, BadTokenUri),
    /// The certificate would break these rules.
    Lint(Vec<&'static str>),
    /// The system gives no randomness.
    NoRandomness,
    /// The key did not sign.
    NotSigned(KeyPlace),
    /// The certificates do not lead from the first to the last.
    Path(PathBuf, PathFault),
    /// A file holds no request that can be met.
    Request(PathBuf, CsrFault),
    /// What should be a provider code or numbers is not.
    Scope(Box<str>),
    /// The names make no subject.
    Subject(NotASubject),
    /// A file cannot be written.
    Unwritable(PathBuf, std::io::Error),
}

impl CaTrouble {
    /// What it makes of the run.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Issuance(_) | Self::Lint(_) | Self::Path(..) | Self::Request(..) => {
                Outcome::Failed
            }
            Self::Chain(..)
            | Self::Exists(_)
            | Self::File(..)
            | Self::Key(..)
            | Self::KeyPlace(..)
            | Self::NoRandomness
            | Self::NotSigned(_)
            | Self::Scope(_)
            | Self::Subject(_)
            | Self::Unwritable(..) => Outcome::Unable,
        }
    }
}

impl fmt::Display for CaTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(path, cause) => {
                write!(f, "{}: {cause}; give certificates in PEM", path.display())
            }
            Self::Exists(path) => write!(
                f,
                "{}: it is there already, and nothing is written over; name another file",
                path.display()
            ),
            Self::File(path, fault) => write!(f, "{}: {fault}; {}", path.display(), fault.fix()),
            Self::Issuance(cause) => write!(f, "not issued: {cause}"),
            Self::Key(place, fault) => write!(f, "{place}: {fault}; {}", fault.fix()),
            Self::KeyPlace(text, fault) => write!(f, "{text}: {fault}"),
            Self::Lint(names) => write!(
                f,
                "not issued: the certificate would break {}; see `countersign certificate lint --help`",
                names.join(", ")
            ),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::NotSigned(place) => write!(f, "{place}: the key did not sign"),
            Self::Path(path, cause) => write!(
                f,
                "{}: {cause}; give the new certificate first and each one's issuer after it",
                path.display()
            ),
            Self::Request(path, cause) => write!(f, "{}: {cause}", path.display()),
            Self::Scope(text) => write!(
                f,
                "{text}: give a provider code, a number such as 12025550100, or 12025550100-12025550149"
            ),
            Self::Subject(cause) => cause.fmt(f),
            Self::Unwritable(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for CaTrouble {}

impl From<IssuanceError> for CaTrouble {
    fn from(cause: IssuanceError) -> Self {
        Self::Issuance(cause)
    }
}
