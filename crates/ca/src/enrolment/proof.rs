//! How it is proven that the numbers are ours: an authority token ([RFC 9447](https://www.rfc-editor.org/rfc/rfc9447),
//! [RFC 9448](https://www.rfc-editor.org/rfc/rfc9448)), at hand or from a token authority.

use super::documents::{Authorization, Challenge};
use super::exchange::{HttpRequest, JSON, Method};
use super::failure::TokenMismatch;
use crate::csr::CertificationRequest;
use crate::token::{
    Atc, AuthorityToken, Fingerprint, FingerprintRule, Permission, Spelling, TN_AUTH_LIST,
};
use countersign::crypto::Point;
use countersign::jose::json::{self, Value, write_string};
use countersign::time::UnixTime;
use std::fmt;

/// Where a token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// A token authority.
    Authority(TokenAuthority),
    /// It is at hand.
    Given(Box<str>),
}

/// A token authority, and who we are to it: RFC 9448 §5.5.
#[derive(Clone)]
pub struct TokenAuthority {
    /// The URL of our account's tokens: `https://…/at/account/ID/token`.
    pub url: Box<str>,
    /// The value of `Authorization`.
    pub authorization: Option<Box<str>>,
    /// How the elements of the request are wrapped.
    pub wrapping: Wrapping,
    /// Which digest of the account key the token names.
    pub fingerprint: FingerprintRule,
}

impl fmt::Debug for TokenAuthority {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenAuthority({})", self.url)
    }
}

/// How the elements of a request for a token are wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrapping {
    /// As they are: RFC 9448 §5.5.
    Flat,
    /// In `atc`: RFC 9447 §5.1.
    #[default]
    Wrapped,
}

/// By which name a token is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseField {
    /// `atc`: deployed servers of SHAKEN.
    Atc,
    /// `tkauth`: RFC 9448 §4.
    #[default]
    Tkauth,
}

impl ResponseField {
    fn name(self) -> &'static str {
        match self {
            Self::Atc => "atc",
            Self::Tkauth => "tkauth",
        }
    }

    /// The response to a challenge with this token.
    pub(super) fn response(self, token: &str) -> String {
        let mut text = format!(r#"{{"{}":"#, self.name());
        write_string(token, &mut text);
        text.push('}');
        text
    }
}

/// The challenge that a token answers.
pub(super) fn challenge(authorization: &Authorization) -> Option<&Challenge> {
    let of_tokens = |challenge: &&Challenge| match &*challenge.kind {
        // RFC 9447 §3: "tkauth-type" names the kind of token; "atc" is the only one.
        "tkauth-01" => matches!(challenge.tkauth_type.as_deref(), None | Some("atc")),
        // What deployed servers of SHAKEN call it.
        "spc-token" => true,
        _ => false,
    };
    authorization.challenges.iter().find(of_tokens)
}

impl TokenAuthority {
    /// The request for a token for these numbers and this account key.
    pub(super) fn request(&self, request: &CertificationRequest, account: &Point) -> HttpRequest {
        let atc = Atc {
            tk_type: TN_AUTH_LIST.into(),
            tk_value: identifier(request).into(),
            spelling: Spelling::Exact,
            permission: Permission::of_ca(request.is_ca()),
            fingerprint: match self.fingerprint {
                FingerprintRule::Spki => Fingerprint::spki_of(account),
                FingerprintRule::Either | FingerprintRule::JwkThumbprint => {
                    Fingerprint::thumbprint_of(account)
                }
            },
        };
        let mut body = String::new();
        atc.write(&mut body);
        if self.wrapping == Wrapping::Wrapped {
            body = format!(r#"{{"atc":{body}}}"#);
        }
        HttpRequest {
            method: Method::Post,
            url: self.url.clone(),
            content_type: Some(JSON),
            authorization: self.authorization.clone(),
            body: body.into_bytes(),
        }
    }
}

/// The token in an answer of a token authority.
// RFC 9448 §5.5: "a JSON body that contains, at a minimum, the TNAuthList Authority Token as a JSON object with a key of "token""
pub(super) fn token_of(body: &[u8]) -> Option<Box<str>> {
    let value = json::parse(body).ok()?;
    let token = value.as_object()?.get("token").and_then(Value::as_str)?;
    Some(token.into())
}

/// Whether a token is worth sending: a token that does not fit makes the order invalid, and a new one is needed then.
pub(super) fn check(
    text: &str,
    request: &CertificationRequest,
    account: &Point,
    now: UnixTime,
) -> Result<(), TokenMismatch> {
    let token = AuthorityToken::parse(text).map_err(|_| TokenMismatch::Unreadable)?;
    let claims = &token.claims;
    if *claims.atc.tk_value != *identifier(request) {
        return Err(TokenMismatch::OtherNumbers);
    }
    if !claims
        .atc
        .fingerprint
        .is_of(account, FingerprintRule::Either)
    {
        return Err(TokenMismatch::OtherAccount);
    }
    if claims.atc.permission != Permission::of_ca(request.is_ca()) {
        return Err(TokenMismatch::OtherPermission);
    }
    match claims.exp <= now {
        true => Err(TokenMismatch::Expired),
        false => Ok(()),
    }
}

/// The list that a request asks for, DER; empty if it asks for none.
pub(super) fn identifier(request: &CertificationRequest) -> &[u8] {
    request.tn_auth_list().map_or(&[], |(_, der)| der)
}
