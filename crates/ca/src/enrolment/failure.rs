//! Why it comes to nothing, and where it did.

use super::documents::Problem;
use countersign::certificate::ChainError;
use std::fmt;

/// What is being asked for. In the order of an enrolment; the last two are errands of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Where everything is.
    Directory,
    /// A nonce.
    Nonce,
    /// The account of our key.
    Account,
    /// The order.
    Order,
    /// What is to be proven.
    Authorization,
    /// A token from the token authority.
    Token,
    /// The proof.
    Challenge,
    /// The certificate for our request.
    Finalization,
    /// The chain.
    Download,
    /// Another key for the account.
    KeyChange,
    /// The revocation of a certificate.
    Revocation,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "the account",
            Self::Authorization => "the authorization",
            Self::Challenge => "the challenge",
            Self::Directory => "the directory",
            Self::Download => "the chain",
            Self::Finalization => "the certificate",
            Self::KeyChange => "the new account key",
            Self::Nonce => "a nonce",
            Self::Order => "the order",
            Self::Revocation => "the revocation",
            Self::Token => "the token",
        })
    }
}

/// Why it comes to nothing. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What was to be proven is not: what the server says about it.
    Authorization(Option<Problem>),
    /// The server wants the account bound to one elsewhere, and no key for that was given.
    BindingNeeded,
    /// What came is not the certificate that was asked for.
    Certificate(CertificateFault),
    /// A URL that may not be asked: which, and what whoever asks for us says.
    Forbidden(Box<str>, Box<str>),
    /// The server offers no challenge that can be met.
    NoChallenge,
    /// A URL that was given is not one of https.
    NotHttps(Box<str>),
    /// A key did not sign.
    NotSigned,
    /// The order has failed: what the server says about it.
    Order(Option<Problem>),
    /// The server still works on the order when the time is over.
    Processing,
    /// The server says no.
    Refused(Stage, Problem),
    /// The server wants its terms agreed to: where they are.
    Terms(Box<str>),
    /// It was not done in the time given: what was in the way last.
    TimedOut(Option<Problem>),
    /// The token does not fit.
    Token(TokenMismatch),
    /// What the server says cannot be read.
    Unreadable(Stage),
}

impl Failure {
    /// Whether the same may come to something another time, with nothing changed by anybody here.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Processing | Self::TimedOut(_) => true,
            Self::Authorization(problem) | Self::Order(problem) => {
                let kind = problem.as_ref().map(|problem| &*problem.kind);
                matches!(kind, None | Some("connection" | "serverInternal"))
            }
            Self::BindingNeeded
            | Self::Certificate(_)
            | Self::Forbidden(..)
            | Self::NoChallenge
            | Self::NotHttps(_)
            | Self::NotSigned
            | Self::Refused(..)
            | Self::Terms(_)
            | Self::Token(_)
            | Self::Unreadable(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization(Some(problem)) => write!(f, "the proof was refused: {problem}"),
            Self::Authorization(None) => f.write_str("the proof was refused"),
            Self::BindingNeeded => {
                f.write_str("the server wants the account bound to one elsewhere")
            }
            Self::Certificate(fault) => fault.fmt(f),
            Self::Forbidden(url, why) => write!(f, "{url}: {why}"),
            Self::NoChallenge => f.write_str("the server offers no challenge that can be met"),
            Self::NotHttps(url) => write!(f, "{url}: not an https URL"),
            Self::NotSigned => f.write_str("the key did not sign"),
            Self::Order(Some(problem)) => write!(f, "the order has failed: {problem}"),
            Self::Order(None) => f.write_str("the order has failed"),
            Self::Processing => f.write_str(
                "the authority has the order and works on it; where somebody has to approve it, they have not yet",
            ),
            Self::Refused(stage, problem) => write!(f, "{stage} was refused: {problem}"),
            Self::Terms(url) => write!(f, "the server wants its terms agreed to: {url}"),
            Self::TimedOut(Some(problem)) => write!(f, "not done in time: {problem}"),
            Self::TimedOut(None) => f.write_str("not done in time: no answer"),
            Self::Token(mismatch) => mismatch.fmt(f),
            Self::Unreadable(stage) => {
                write!(f, "what the server says about {stage} cannot be read")
            }
        }
    }
}

impl std::error::Error for Failure {}

/// What came is not the certificate that was asked for. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is for another key than that of the request.
    OtherKey,
    /// It lists other numbers than the request.
    OtherNumbers,
    /// It cannot be read.
    Unreadable(ChainError),
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKey => f.write_str("the certificate is for another key"),
            Self::OtherNumbers => f.write_str("the certificate is for other numbers"),
            Self::Unreadable(cause) => write!(f, "the certificate cannot be read: {cause}"),
        }
    }
}

/// Why a token is not worth sending: the server would refuse it. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMismatch {
    /// It has expired.
    Expired,
    /// It is for another account key.
    OtherAccount,
    /// It is for other numbers.
    OtherNumbers,
    /// It is for the certificate of an authority, or is not, where the request is the opposite.
    OtherPermission,
    /// It is no authority token.
    Unreadable,
}

impl fmt::Display for TokenMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the token has expired",
            Self::OtherAccount => "the token is for another account key",
            Self::OtherNumbers => "the token is for other numbers than the request",
            Self::OtherPermission => {
                "of token and request one is for an authority and the other is not"
            }
            Self::Unreadable => "the token cannot be read",
        })
    }
}
