//! A request for a token, decided: [RFC 9448 §5.5](https://www.rfc-editor.org/rfc/rfc9448#section-5.5).

use super::{Account, Credential, Event, Practice, Resources, State, TokenAccounts};
use crate::authority::UnknownNumbers;
use crate::token::TN_AUTH_LIST;
use crate::token::{Atc, AuthorityToken, Claims, Header, MalformedToken, Permission, Spelling};
use countersign::certificate::delegation::{self, Delegation};
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::{SigningFailed, SigningKey};
use countersign::jose::base64url;
use countersign::jose::json::{self, Value, write_string};
use countersign::time::UnixTime;
use std::fmt;

/// Whose words are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 9448: the reply has the token, a refusal is a problem document.
    Rfc,
    /// The policy administrator of SHAKEN: the reply has a status, and says where revocations are.
    StiPa,
}

/// What a client has shown of itself.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// An `Authorization` header: `Bearer` and the secret, or `Basic` with the account and the secret.
    Authorization(&'a str),
    /// The certificate it has in TLS, DER.
    Certificate(&'a [u8]),
    /// Nothing.
    Nothing,
    /// It has logged in to this account ([`super::sti_pa`]).
    Session(&'a str),
}

impl fmt::Debug for Proof<'_> {
    /// Not the secret: somebody may write it into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization(_) => f.write_str("Authorization(…)"),
            Self::Certificate(der) => write!(f, "Certificate({:?})", Credential::of(der)),
            Self::Nothing => f.write_str("Nothing"),
            Self::Session(account) => write!(f, "Session({account})"),
        }
    }
}

/// A request for a token.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The `:id` of the URL.
    pub account: &'a str,
    /// What the client has shown.
    pub proof: Proof<'a>,
    /// What it wants: JSON.
    pub body: &'a [u8],
    /// How it talks.
    pub dialect: Dialect,
}

/// A token may go out: after the event is durable.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What has to be durable first.
    pub event: Event,
    /// What goes out then.
    pub grant: Grant,
}

/// Decides a request at the time `now`; `random` becomes the identifier of the token.
///
/// # Errors
/// [`Refused`], with the reply.
pub fn decide(
    accounts: &TokenAccounts,
    practice: &Practice,
    asked: Asked<'_>,
    now: UnixTime,
    random: [u8; 16],
) -> Result<Decided, Refused> {
    let refuse = |why| Refused {
        why,
        dialect: asked.dialect,
    };
    let account = authenticate(accounts, asked.account, asked.proof).map_err(refuse)?;
    let atc = read_body(asked.body).map_err(refuse)?;
    let resources = inspect(account, practice, &atc).map_err(refuse)?;
    // RFC 6585 §4: "The response representations SHOULD include details explaining the condition, and MAY include a Retry-After header
    // indicating how long to wait before making a new request."
    if let Some(wait) = account.wait(practice.tokens_per_hour, now) {
        return Err(refuse(Refusal::TooMany(wait)));
    }
    let jti: Box<str> = base64url::encode(&random).into();
    let exp = practice.expiry(now);
    let event = Event::TokenIssued {
        account: asked.account.into(),
        jti: jti.clone(),
        exp: exp.as_secs(),
        resources: Resources(resources),
        permission: atc.permission,
        fingerprint: atc.fingerprint,
        at: Some(now.as_secs()),
    };
    let claims = Claims {
        aud: Box::default(),
        atc,
        exp,
        iss: practice.iss.clone(),
        jti,
        nbf: None,
    };
    let grant = Grant {
        claims,
        header: practice.header.clone(),
        dialect: asked.dialect,
        crl: practice.crl.clone(),
    };
    Ok(Decided { event, grant })
}

/// Whose request it is.
// RFC 9448 §5.5: "for the case that the authorization credentials are invalid or if the account identifier provided does not exist,
// the response code MUST be 403 (Forbidden)." No credentials at all are RFC 9447's "HTTPS-level challenge (e.g., a 401 HTTP
// response code)". Nobody learns which accounts there are.
fn authenticate<'a>(
    accounts: &'a TokenAccounts,
    id: &str,
    proof: Proof<'_>,
) -> Result<&'a Account, Refusal> {
    let account = accounts.get(id);
    let admits = |shown| account.filter(|account| account.admits(shown));
    let admitted = match proof {
        Proof::Authorization(header) => shown_secret(header, id).and_then(admits),
        Proof::Certificate(der) => admits(Credential::of(der)),
        Proof::Nothing => return Err(Refusal::NoCredentials),
        Proof::Session(holder) if holder == id => {
            account.filter(|account| account.state == State::Open)
        }
        Proof::Session(_) => None,
    };
    admitted.ok_or(Refusal::NotTheHolder)
}

/// The secret in an `Authorization` header: RFC 6750 §2.1, or RFC 7617 §2 with the account as user.
fn shown_secret(header: &str, account: &str) -> Option<Credential> {
    let (scheme, credentials) = header.split_once(' ')?;
    let credentials = credentials.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("Bearer") {
        return Some(Credential::of(credentials.as_bytes()));
    }
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let url_safe = credentials.replace('+', "-").replace('/', "_");
    let pair = base64url::decode(url_safe.trim_end_matches('=')).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (user, secret) = pair.split_at(colon);
    let secret = secret.get(1..).filter(|_| user == account.as_bytes())?;
    Some(Credential::of(secret))
}

/// Reads both forms of the body.
// RFC 9447 §5.1: "The body of the POST request MUST contain the Authority Token Challenge element (the key "atc", colon, and its
// value)"; RFC 9448 §5.5: "the body SHOULD contain a JSON object as follows", which has the elements and no "atc".
fn read_body(body: &[u8]) -> Result<Atc, Refusal> {
    let value = json::parse(body).map_err(|_| Refusal::NotJson)?;
    let outer = value.as_object().ok_or(Refusal::NotJson)?;
    let flat = match outer.get("atc") {
        Some(atc) => atc
            .as_object()
            .ok_or(Refusal::Malformed(MalformedToken::Atc))?,
        None => outer,
    };
    Atc::read(flat).map_err(Refusal::Malformed)
}

/// Whether the account may have what it asks for.
fn inspect(account: &Account, practice: &Practice, atc: &Atc) -> Result<TnAuthList, Refusal> {
    if &*atc.tk_type != TN_AUTH_LIST {
        return Err(Refusal::TokenType);
    }
    if atc.spelling == Spelling::Loose && practice.spelling == Spelling::Exact {
        return Err(Refusal::Malformed(MalformedToken::Value));
    }
    let asked = TnAuthList::from_der(&atc.tk_value).map_err(|_| Refusal::NotAList)?;
    // RFC 8226 §9 bounds ranges by a formula; a certificate with such a one would not be issued.
    let keeps = |entry: &TnEntry| !matches!(entry, TnEntry::Range(range) if !range.keeps_formula());
    if !asked.entries().iter().all(keeps) {
        return Err(Refusal::NotAList);
    }
    // RFC 9447 §5.1: "the JSON object MAY also contain an optional boolean element, "ca""
    if atc.permission == Permission::Authority && account.may_ask == Permission::EndEntity {
        return Err(Refusal::NoAuthority);
    }
    // RFC 9448 §5.7: "the client may also request an Authority Token with some subset of its own authority as the TNAuthList
    // provided in the "tkvalue" element"
    match delegation::judge(&account.resources, &asked, practice.providers.as_ref()) {
        Delegation::Encompassed => Ok(asked),
        Delegation::NotEncompassed(_) => Err(Refusal::NotHeld),
        Delegation::Unknown(_) => match practice.unknown {
            UnknownNumbers::Issue => Ok(asked),
            UnknownNumbers::Refuse => Err(Refusal::NotKnown),
        },
    }
}

/// A token that may be signed.
#[derive(Clone, Debug)]
pub struct Grant {
    claims: Claims,
    header: Header,
    dialect: Dialect,
    crl: Option<Box<str>>,
}

impl Grant {
    /// Signs the token: the text of it.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key does not.
    pub fn token(&self, key: &dyn SigningKey) -> Result<String, SigningFailed> {
        AuthorityToken::issue(&self.header, &self.claims, key)
    }

    /// Signs the token: the reply that has it.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key does not.
    // RFC 9448 §5.5: "the response to the POST request returns a 200 (OK) with a JSON body that contains, at a minimum, the
    // TNAuthList Authority Token as a JSON object with a key of "token""
    pub fn reply(&self, key: &dyn SigningKey) -> Result<Reply, SigningFailed> {
        let token = self.token(key)?;
        let mut body = match self.dialect {
            Dialect::Rfc => format!(r#"{{"token":"{token}"}}"#),
            Dialect::StiPa => format!(r#"{{"status":"success","token":"{token}"}}"#),
        };
        if let (Dialect::StiPa, Some(crl)) = (self.dialect, &self.crl) {
            body.pop();
            body.push_str(r#","crl":"#);
            write_string(crl, &mut body);
            body.push('}');
        }
        Ok(Reply::json(200, body))
    }
}

/// What goes back by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// How to authenticate, on a 401.
    pub www_authenticate: Option<&'static str>,
    /// In how many seconds it may be tried again, on a 429 or 503.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: String,
}

impl Reply {
    pub(super) fn json(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "application/json",
            www_authenticate: None,
            retry_after: None,
            body,
        }
    }
}

/// A request that gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// How the client talks.
    pub dialect: Dialect,
}

impl Refused {
    /// What goes back.
    pub fn reply(&self) -> Reply {
        let status = self.why.status();
        let mut body = match self.dialect {
            Dialect::Rfc => String::from(r#"{"detail":"#),
            Dialect::StiPa => String::from(r#"{"message":"#),
        };
        write_string(&self.why.to_string(), &mut body);
        match self.dialect {
            // RFC 9457 §3.1.1: without "type" it is "about:blank", the status code says what kind of problem it is.
            Dialect::Rfc => body.push_str(&format!(r#","status":{status}}}"#)),
            Dialect::StiPa => body.push_str(r#","status":"error"}"#),
        }
        Reply {
            content_type: match self.dialect {
                Dialect::Rfc => "application/problem+json",
                Dialect::StiPa => "application/json",
            },
            www_authenticate: (status == 401).then_some("Bearer, Basic realm=\"tokens\""),
            retry_after: match self.why {
                Refusal::TooMany(wait) => Some(wait),
                _ => None,
            },
            ..Reply::json(status, body)
        }
    }
}

/// Why a request gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An element is missing or is not what it should be.
    Malformed(MalformedToken),
    /// The account may not ask for the certificate of an authority.
    NoAuthority,
    /// The client has shown nothing.
    NoCredentials,
    /// `tkvalue` is no TN Authorization List.
    NotAList,
    /// The account does not hold what it asks for.
    NotHeld,
    /// The body is not a JSON object.
    NotJson,
    /// Nobody knows whether the account holds what it asks for.
    NotKnown,
    /// The client is not the holder of that account, or there is none.
    NotTheHolder,
    /// `tktype` is not `TNAuthList`.
    TokenType,
    /// It comes too often; in so many seconds it may come again.
    TooMany(u32),
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) | Self::NotAList | Self::NotJson | Self::TokenType => 400,
            Self::NoCredentials => 401,
            Self::NoAuthority | Self::NotHeld | Self::NotKnown | Self::NotTheHolder => 403,
            Self::TooMany(_) => 429,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed(MalformedToken::Value) => "tkvalue is not base64url without padding",
            Self::Malformed(MalformedToken::Fingerprint) => {
                "fingerprint is not \"SHA256 \" and 32 octets in hexadecimal with colons between"
            }
            Self::Malformed(_) => {
                "tktype, tkvalue and fingerprint are strings that have to be there, ca is a boolean"
            }
            Self::NoAuthority => "this account gets no tokens for certification authorities",
            Self::NoCredentials => "who is asking? (Authorization header or client certificate)",
            Self::NotAList => "tkvalue is not a TN Authorization List",
            Self::NotHeld => "this account does not hold everything that tkvalue lists",
            Self::NotJson => "the body is not a JSON object",
            Self::NotKnown => "nobody knows whether these numbers are those of this account",
            Self::NotTheHolder => "not the holder of this account",
            Self::TokenType => "the only tktype is TNAuthList",
            Self::TooMany(_) => "too often: see Retry-After",
        })
    }
}

/// The text of a member that is a string.
pub(super) fn member<'v>(value: &'v Value<'_>, name: &str) -> Option<&'v str> {
    value.as_object()?.get(name)?.as_str()
}
