//! Problem documents: what an ACME server says when it says no ([RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7),
//! in the form of [RFC 7807](https://www.rfc-editor.org/rfc/rfc7807)).
//!
//! Why something is refused is decided where it is refused; here is which words and which status it gets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// The namespace of the kinds.
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The algorithms we verify.
// RFC 8555 §6.2: "The problem document returned with the error MUST include an "algorithms" field with an array of supported
// "alg" values."
const ALGORITHMS: [&str; 1] = ["ES256"];

/// The kinds of problem that RFC 8555 §6.7 lists, as far as this server has them.
// RFC 8555 §6.7: "Servers MUST NOT use the ACME URN namespace for errors not listed in the appropriate IANA registry"
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The account of the request does not exist.
    AccountDoesNotExist,
    /// The certificate has been revoked before.
    AlreadyRevoked,
    /// The certification request is not acceptable.
    #[serde(rename = "badCSR")]
    BadCsr,
    /// The nonce is missing, old, used or not ours.
    BadNonce,
    /// The key is of a kind that we do not take.
    BadPublicKey,
    /// The reason of a revocation is not one that clients may give.
    BadRevocationReason,
    /// The JWS is signed with an algorithm that we do not verify.
    BadSignatureAlgorithm,
    /// The certificate of a token could not be fetched.
    Connection,
    /// A new account must name an external one.
    ExternalAccountRequired,
    /// The token does not fit the challenge.
    IncorrectResponse,
    /// A contact URL is not valid.
    InvalidContact,
    /// The request is malformed.
    Malformed,
    /// The order cannot be finalized in its state.
    OrderNotReady,
    /// Too much in too little time.
    RateLimited,
    /// We do not issue for this identifier.
    RejectedIdentifier,
    /// Our fault.
    ServerInternal,
    /// Not allowed to whoever asks.
    Unauthorized,
    /// A contact URL has a scheme that we do not take.
    UnsupportedContact,
    /// An identifier is of a type that we do not take.
    UnsupportedIdentifier,
    /// A human must do something first.
    UserActionRequired,
}

impl Kind {
    /// The name after the namespace.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountDoesNotExist => "accountDoesNotExist",
            Self::AlreadyRevoked => "alreadyRevoked",
            Self::BadCsr => "badCSR",
            Self::BadNonce => "badNonce",
            Self::BadPublicKey => "badPublicKey",
            Self::BadRevocationReason => "badRevocationReason",
            Self::BadSignatureAlgorithm => "badSignatureAlgorithm",
            Self::Connection => "connection",
            Self::ExternalAccountRequired => "externalAccountRequired",
            Self::IncorrectResponse => "incorrectResponse",
            Self::InvalidContact => "invalidContact",
            Self::Malformed => "malformed",
            Self::OrderNotReady => "orderNotReady",
            Self::RateLimited => "rateLimited",
            Self::RejectedIdentifier => "rejectedIdentifier",
            Self::ServerInternal => "serverInternal",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedContact => "unsupportedContact",
            Self::UnsupportedIdentifier => "unsupportedIdentifier",
            Self::UserActionRequired => "userActionRequired",
        }
    }

    /// The HTTP status it has where nothing else is said. RFC 8555 names those of accountDoesNotExist, alreadyRevoked, badNonce,
    /// badPublicKey, badSignatureAlgorithm, orderNotReady and userActionRequired.
    pub fn status(self) -> u16 {
        match self {
            Self::AccountDoesNotExist
            | Self::AlreadyRevoked
            | Self::BadCsr
            | Self::BadNonce
            | Self::BadPublicKey
            | Self::BadRevocationReason
            | Self::BadSignatureAlgorithm
            | Self::Connection
            | Self::IncorrectResponse
            | Self::InvalidContact
            | Self::Malformed
            | Self::RejectedIdentifier
            | Self::UnsupportedContact
            | Self::UnsupportedIdentifier => 400,
            Self::ExternalAccountRequired
            | Self::OrderNotReady
            | Self::Unauthorized
            | Self::UserActionRequired => 403,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One problem: what kind, and a sentence for a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// What exactly, in a sentence.
    pub detail: Box<str>,
}

impl Problem {
    /// A problem.
    pub fn new(kind: Kind, detail: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// [`Kind::Malformed`].
    pub fn malformed(detail: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    /// [`Kind::Unauthorized`].
    pub fn unauthorized(detail: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Unauthorized, detail)
    }

    /// The document, with the status it is sent with.
    pub fn document(&self, status: u16) -> Value {
        let mut members = Map::new();
        members.insert("type".into(), json!(format!("{NAMESPACE}{}", self.kind)));
        members.insert("detail".into(), json!(self.detail));
        members.insert("status".into(), json!(status));
        if self.kind == Kind::BadSignatureAlgorithm {
            members.insert("algorithms".into(), json!(ALGORITHMS));
        }
        Value::Object(members)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

/// A problem on its way to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The problem.
    pub problem: Problem,
    /// The HTTP status.
    pub status: u16,
    /// Header fields besides those that every answer has.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// The same with another status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with one more header field.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            status: problem.kind.status(),
            problem,
            headers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_the_members_of_rfc_8555() {
        let problem = Problem::new(Kind::BadCsr, "the key is that of an account");
        let document = problem.document(400);
        assert_eq!(document["type"], "urn:ietf:params:acme:error:badCSR");
        assert_eq!(document["detail"], "the key is that of an account");
        assert_eq!(document["status"], 400);
        assert!(document.get("algorithms").is_none());
        let problem = Problem::new(Kind::BadSignatureAlgorithm, "RS256");
        assert_eq!(problem.document(400)["algorithms"], json!(["ES256"]));
    }

    #[test]
    fn events_keep_a_kind_by_the_name_that_clients_see() {
        for kind in [Kind::BadCsr, Kind::IncorrectResponse, Kind::Unauthorized] {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("{:?}", kind.name()));
            assert_eq!(serde_json::from_str::<Kind>(&text).unwrap(), kind);
        }
    }
}
