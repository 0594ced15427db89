//! The account of a key: opened or found, bound to one elsewhere if need be
//! ([RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).

use super::documents::{Directory, is_https};
use super::exchange::HttpResponse;
use super::failure::{Failure, Stage};
use aws_lc_rs::hmac;
use countersign::crypto::Point;
use countersign::jose::base64url;
use countersign::jose::json::write_string;
use countersign::jose::jwk::Jwk;
use serde_json::{Map, Value, json};
use std::fmt;

/// What an account says of itself when it is opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Contact URLs.
    pub contact: Vec<Box<str>>,
    /// Whether the server's terms are agreed to.
    pub terms: Terms,
    /// The account elsewhere.
    pub binding: Option<ExternalAccount>,
}

/// Whether the server's terms are agreed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terms {
    /// They are.
    Agreed,
    /// Not by us: a server that wants it is told no.
    #[default]
    NotAgreed,
}

/// An account elsewhere, by the key that its holder was given: RFC 8555 §7.3.4.
#[derive(Clone)]
pub struct ExternalAccount {
    /// The identifier of the MAC key.
    pub kid: Box<str>,
    /// The MAC key.
    pub key: Box<[u8]>,
}

impl fmt::Debug for ExternalAccount {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalAccount({})", self.kid)
    }
}

impl Opening {
    /// What is sent to open the account of `key`, or to find it.
    // RFC 8555 §7.3.1: "If the server receives a newAccount request signed with a key for which it already has an account registered with
    // the provided account key, then it MUST return a response with status code 200 (OK) and provide the URL of that account in the
    // Location header field."
    pub(super) fn payload(&self, directory: &Directory, key: &Point) -> Result<String, Failure> {
        let mut members = Map::new();
        match (&directory.terms, self.terms) {
            (Some(url), Terms::NotAgreed) => return Err(Failure::Terms(url.clone())),
            (_, Terms::Agreed) => {
                members.insert("termsOfServiceAgreed".into(), json!(true));
            }
            (None, Terms::NotAgreed) => {}
        }
        if !self.contact.is_empty() {
            members.insert("contact".into(), json!(self.contact));
        }
        match &self.binding {
            Some(account) => {
                let binding = account.bind(&directory.new_account, key);
                members.insert("externalAccountBinding".into(), binding);
            }
            None if directory.external_account_required => return Err(Failure::BindingNeeded),
            None => {}
        }
        Ok(Value::Object(members).to_string())
    }
}

impl ExternalAccount {
    /// The binding of the account key to this account.
    // RFC 8555 §7.3.4: "The ACME client then computes a binding JWS to indicate the external account holder's approval of the ACME account
    // key. The payload of this JWS is the ACME account key being registered, in JWK form."
    fn bind(&self, url: &str, key: &Point) -> Value {
        let mut header = String::from(r#"{"alg":"HS256","kid":"#);
        write_string(&self.kid, &mut header);
        header.push_str(r#","url":"#);
        write_string(url, &mut header);
        header.push('}');
        let mut jwk = String::new();
        Jwk::of(key).write(&mut jwk);
        let protected = base64url::encode(header.as_bytes());
        let payload = base64url::encode(jwk.as_bytes());
        let mac = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &self.key),
            format!("{protected}.{payload}").as_bytes(),
        );
        json!({
            "protected": protected,
            "payload": payload,
            "signature": base64url::encode(mac.as_ref()),
        })
    }
}

/// The URL of what was opened, ordered or found.
pub(super) fn location(answer: &HttpResponse, stage: Stage) -> Result<Box<str>, Failure> {
    let url = answer.header("Location").filter(|url| is_https(url));
    url.map(Box::from).ok_or(Failure::Unreadable(stage))
}
