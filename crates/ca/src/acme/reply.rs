//! What goes back: status, header fields, JSON.

use super::practice::Practice;
use super::problem::{PROBLEM_JSON, Problem, Refusal};
use super::resource::Resource;
use serde::Serialize;

/// The media type of most answers.
pub const JSON: &str = "application/json";

/// An answer over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields; content length is the server's matter.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer of JSON.
    pub fn json(status: u16, document: &impl Serialize) -> Self {
        match serde_json::to_vec(document) {
            Ok(body) => Self::of(status, JSON, body),
            // Documents are strings, numbers and lists of them: nothing that JSON cannot write.
            Err(_) => Self::empty(500),
        }
    }

    /// An answer of any type.
    pub fn of(status: u16, media_type: &str, body: Vec<u8>) -> Self {
        Self::empty(status)
            .with_body(body)
            .with_header("Content-Type", media_type)
    }

    /// The answer that says what is wrong.
    // RFC 8555 §6.7: "When the server responds with an error status, it SHOULD provide additional information using a problem document"
    pub fn refusing(refusal: &Refusal) -> Self {
        let document = refusal.problem.document(refusal.status);
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut reply =
            Self::of(refusal.status, PROBLEM_JSON, body).with_header("Content-Language", "en");
        reply.headers.extend(refusal.headers.iter().cloned());
        reply
    }

    fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// The same with one more header field.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, telling where the client may look again, and when.
    pub fn with_retry(self, seconds: u32) -> Self {
        self.with_header("Retry-After", seconds.to_string())
    }

    /// The value of a header field; names in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The same with a link to the directory.
    // RFC 8555 §7.1: "The "index" link relation is present on all resources other than the directory and indicates the URL of the
    // directory."
    pub(super) fn with_index(self, practice: &Practice) -> Self {
        let link = format!("<{}>;rel=\"index\"", practice.url(Resource::Directory));
        self.with_header("Link", link)
    }

    /// The same with a nonce for the next request, kept out of every cache.
    // RFC 8555 §6.5: "The server MUST include a Replay-Nonce header field in every successful response to a POST request and SHOULD
    // provide it in error responses as well."
    pub(super) fn with_nonce(self, nonce: String) -> Self {
        self.with_header("Replay-Nonce", nonce)
            .with_header("Cache-Control", "no-store")
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::refusing(&refusal)
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        Self::refusing(&problem.into())
    }
}
