//! What an ACME server says, read: directory, account, order, authorization, problem.
//!
//! A server is believed only as far as it has to be: what is needed has to be there, URLs are https, and everything else is read
//! over.

use countersign::jose::json::{self, Object, Value};
use std::fmt;

/// The namespace of the kinds of problem: RFC 8555 §6.7.
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

/// Longest text of a server that is told on, in characters.
const MAX_DETAIL: usize = 500;

/// A document does not say what it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

fn object(body: &[u8]) -> Result<Object<'_>, Unreadable> {
    match json::parse(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Unreadable),
    }
}

fn text<'a>(members: &'a Object<'_>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

// RFC 8555 §6.1: "Use of HTTPS is REQUIRED."
fn url(text: &str) -> Result<Box<str>, Unreadable> {
    match is_https(text) {
        true => Ok(text.into()),
        false => Err(Unreadable),
    }
}

/// Whether a URL is one of https, and nothing but a URL.
pub(super) fn is_https(text: &str) -> bool {
    let scheme = text.get(.."https://".len());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Where everything is: RFC 8555 §7.1.1.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) new_nonce: Box<str>,
    pub(super) new_account: Box<str>,
    pub(super) new_order: Box<str>,
    pub(super) revoke_cert: Box<str>,
    pub(super) key_change: Box<str>,
    pub(super) terms: Option<Box<str>>,
    pub(super) external_account_required: bool,
}

impl Directory {
    pub(super) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let members = object(body)?;
        let place = |name| url(text(&members, name).ok_or(Unreadable)?);
        let meta = members.get("meta").and_then(Value::as_object);
        let terms = meta.and_then(|meta| text(meta, "termsOfService"));
        let required = meta.and_then(|meta| meta.get("externalAccountRequired"));
        Ok(Self {
            new_nonce: place("newNonce")?,
            new_account: place("newAccount")?,
            new_order: place("newOrder")?,
            revoke_cert: place("revokeCert")?,
            key_change: place("keyChange")?,
            terms: terms.map(Box::from),
            external_account_required: matches!(required, Some(Value::Bool(true))),
        })
    }
}

/// The states of orders, authorizations and challenges: RFC 8555 §7.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Deactivated, expired, revoked, or a word that nobody knows.
    Gone,
    Invalid,
    Pending,
    Processing,
    Ready,
    Valid,
}

impl State {
    fn of(members: &Object<'_>) -> Result<Self, Unreadable> {
        Ok(match text(members, "status").ok_or(Unreadable)? {
            "invalid" => Self::Invalid,
            "pending" => Self::Pending,
            "processing" => Self::Processing,
            "ready" => Self::Ready,
            "valid" => Self::Valid,
            _ => Self::Gone,
        })
    }
}

/// An order: RFC 8555 §7.1.3.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) state: State,
    pub(super) authorizations: Vec<Box<str>>,
    pub(super) finalize: Box<str>,
    pub(super) certificate: Option<Box<str>>,
    pub(super) x5u: Option<Box<str>>,
    pub(super) problem: Option<Problem>,
}

impl Order {
    pub(super) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let members = object(body)?;
        let authorizations = members.get("authorizations").and_then(Value::as_array);
        let authorizations = authorizations.ok_or(Unreadable)?;
        let place = |value: &Value<'_>| url(value.as_str().ok_or(Unreadable)?);
        let maybe = |name| text(&members, name).map(url).transpose();
        Ok(Self {
            state: State::of(&members)?,
            authorizations: authorizations.iter().map(place).collect::<Result<_, _>>()?,
            finalize: url(text(&members, "finalize").ok_or(Unreadable)?)?,
            certificate: maybe("certificate")?,
            x5u: maybe("x5u")?,
            problem: members.get("error").map(Problem::of),
        })
    }
}

/// An authorization: RFC 8555 §7.1.4.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) state: State,
    pub(super) challenges: Vec<Challenge>,
}

/// A challenge: RFC 8555 §8.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    pub(super) kind: Box<str>,
    /// RFC 9447 §3.
    pub(super) tkauth_type: Option<Box<str>>,
    pub(super) state: State,
    pub(super) url: Box<str>,
    pub(super) problem: Option<Problem>,
}

impl Authorization {
    pub(super) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let members = object(body)?;
        let challenges = members.get("challenges").and_then(Value::as_array);
        let challenges = challenges.ok_or(Unreadable)?.iter();
        Ok(Self {
            state: State::of(&members)?,
            // A challenge that cannot be read is one that nobody here can meet.
            challenges: challenges
                .filter_map(|one| Challenge::of(one).ok())
                .collect(),
        })
    }

    /// What a server has to say about what went wrong.
    pub(super) fn problem(&self) -> Option<Problem> {
        self.challenges.iter().find_map(|one| one.problem.clone())
    }
}

impl Challenge {
    fn of(value: &Value<'_>) -> Result<Self, Unreadable> {
        let members = value.as_object().ok_or(Unreadable)?;
        let state = match members.get("status") {
            None => State::Pending,
            Some(_) => State::of(members)?,
        };
        Ok(Self {
            kind: text(members, "type").ok_or(Unreadable)?.into(),
            tkauth_type: text(members, "tkauth-type").map(Box::from),
            state,
            url: url(text(members, "url").ok_or(Unreadable)?)?,
            problem: members.get("error").map(Problem::of),
        })
    }
}

/// What a server says when it says no: RFC 8555 §6.7, RFC 7807.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind after ACME's namespace, or the whole `type` of another; empty if there is none.
    pub kind: Box<str>,
    /// In words, made harmless to show.
    pub detail: Box<str>,
    /// The HTTP status it came with, or 0 if it stood in another document.
    pub status: u16,
}

impl Problem {
    /// What an answer says; one that is no problem document is told as it is.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let problem = match json::parse(body) {
            Ok(value @ Value::Object(_)) => Self::of(&value),
            _ => Self {
                kind: Box::default(),
                detail: harmless(&String::from_utf8_lossy(body)),
                status,
            },
        };
        Self { status, ..problem }
    }

    fn of(value: &Value<'_>) -> Self {
        let members = value.as_object();
        let text = |name| members.and_then(|members| text(members, name));
        let kind = text("type").unwrap_or_default();
        Self {
            kind: harmless(kind.strip_prefix(NAMESPACE).unwrap_or(kind)),
            detail: harmless(text("detail").or(text("title")).unwrap_or_default()),
            status: 0,
        }
    }
}

/// A text of a stranger, in one line and not too long.
fn harmless(text: &str) -> Box<str> {
    let shown = text.trim().chars().take(MAX_DETAIL);
    let visible = |character: char| match character.is_control() {
        true => ' ',
        false => character,
    };
    shown.map(visible).collect::<String>().into()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.kind, &*self.detail) {
            ("", "") => write!(f, "status {}", self.status),
            ("", detail) => write!(f, "status {}: {detail}", self.status),
            (kind, "") => f.write_str(kind),
            (kind, detail) => write!(f, "{kind}: {detail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_directory_is_https_or_none() {
        let directory = |scheme: &str| {
            format!(
                r#"{{"newNonce":"https://ca.example/n","newAccount":"{scheme}://ca.example/a","newOrder":"https://ca.example/o",
                "revokeCert":"https://ca.example/r","keyChange":"https://ca.example/k","meta":{{"externalAccountRequired":true}}}}"#
            )
        };
        let read = Directory::read(directory("https").as_bytes()).unwrap();
        assert!(read.external_account_required && read.terms.is_none());
        assert!(Directory::read(directory("http").as_bytes()).is_err());
        assert!(!is_https("https://ca.example/a\r\nX: y"));
    }

    #[test]
    fn problems_are_told_in_one_line() {
        let document = br#"{"type":"urn:ietf:params:acme:error:badCSR","detail":"no\nname"}"#;
        let problem = Problem::read(400, document);
        assert_eq!(problem.to_string(), "badCSR: no name");
        let page = Problem::read(502, b"<h1>Bad Gateway</h1>\r\n");
        assert_eq!(page.to_string(), "status 502: <h1>Bad Gateway</h1>");
        assert_eq!(Problem::read(500, b"").to_string(), "status 500");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(body in "\\PC{0,60}|\\{(\"(status|finalize|authorizations|challenges|url|type)\":(\"\\PC{0,12}\"|\\[\\]|\\{\\}),?){0,5}\\}") {
            let _ = Directory::read(body.as_bytes());
            let _ = Order::read(body.as_bytes());
            let _ = Authorization::read(body.as_bytes());
            prop_assert!(!Problem::read(400, body.as_bytes()).to_string().contains('\n'));
        }
    }
}
