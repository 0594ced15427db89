//! Who asks, and whether the request is sound: [RFC 8555 §6](https://www.rfc-editor.org/rfc/rfc8555#section-6), in its order.
//!
//! ```text
//!     §6.3 method ─ §6.2 media type, JWS, algorithm, jwk or kid, key ─ signature ─ §6.4 url ─ §6.5 nonce ─ §7.3.6 account
//! ```
//!
//! `admit` ends with `Admitted`: a payload, and who has signed it. What is asked for is not looked at here.

use super::desk::{Account, Desk};
use super::limits::MAX_BODY;
use super::name::Name;
use super::nonce::{NonceStanding, Nonces};
use super::practice::{Dialect, Practice};
use super::problem::{Kind, Problem, Refusal};
use super::resource::Resource;
use countersign::crypto::{Point, VerifyingKeys};
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::json::Value;
use countersign::jose::jwk::{Jwk, JwkFault};
use countersign::jose::jws::ES256;

/// The media type of every signed request.
const JOSE_JSON: &str = "application/jose+json";

/// A request as it came over HTTPS.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method, as it stands in the request.
    pub method: &'a str,
    /// What follows [`Practice::base`] in the URL: path and query, nothing decoded.
    pub path: &'a str,
    /// The value of Content-Type.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// A request that is signed by somebody we know, or by a key that it brings.
#[derive(Clone, Debug)]
pub(super) struct Admitted<'a> {
    /// The JWS.
    pub(super) jws: FlattenedJws,
    /// The URL it was sent to.
    pub(super) url: String,
    /// Who signed it.
    pub(super) signer: Signer<'a>,
}

/// Who signed a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signer<'a> {
    /// An account.
    Account(Name, &'a Account),
    /// Whoever has this key.
    Key(Point),
}

/// How a request says who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// By `jwk` or by `kid`.
    Either,
    /// By `jwk`: the key itself.
    Jwk,
    /// By `kid`: the URL of an account.
    Kid,
}

/// Strikes the nonce of a request, whatever comes of the request.
pub fn strike(nonces: &mut Nonces, asked: &Asked<'_>) -> NonceStanding {
    let jws = FlattenedJws::parse(body(asked)).ok();
    let nonce = jws.as_ref().and_then(|jws| jws.header().get("nonce"));
    match nonce {
        None => NonceStanding::Absent,
        Some(nonce) => match nonce.as_str() {
            Some(nonce) => nonces.strike(Some(nonce)),
            None => NonceStanding::NotBase64Url,
        },
    }
}

fn body<'a>(asked: &Asked<'a>) -> &'a [u8] {
    match asked.body.len() > MAX_BODY {
        true => &[],
        false => asked.body,
    }
}

/// Admits a signed request, or says what is wrong with it.
pub(super) fn admit<'a>(
    desk: &'a Desk,
    practice: &Practice,
    asked: &Asked<'_>,
    resource: Resource,
    nonce: NonceStanding,
) -> Result<Admitted<'a>, Refusal> {
    check_method(asked)?;
    check_media_type(asked)?;
    if asked.body.len() > MAX_BODY {
        let problem = Problem::malformed(format!("a request has at most {MAX_BODY} bytes"));
        return Err(Refusal::from(problem).with_status(413));
    }
    let jws = FlattenedJws::parse(asked.body)
        .map_err(|fault| Problem::malformed(format!("the body is no flattened JWS: {fault}")))?;
    check_algorithm(&jws)?;
    let signer = signer(desk, practice, &jws, resource)?;
    if !is_signed_alone(practice, &jws, signer.key()) {
        check_signature(&jws, signer.key(), practice.authority.keys())?;
    }
    let url = practice.url(resource);
    check_url(&jws, &url)?;
    check_nonce(nonce)?;
    if let Signer::Account(_, account) = signer {
        check_account(account)?;
    }
    Ok(Admitted { jws, url, signer })
}

// RFC 8555 §6.3: "Except for the cases described in this section, if the server receives a GET request, it MUST return an error
// with status code 405 (Method Not Allowed) and type "malformed"."
fn check_method(asked: &Asked<'_>) -> Result<(), Refusal> {
    if asked.method == "POST" {
        return Ok(());
    }
    let problem = Problem::malformed("this resource is asked for by a signed POST");
    Err(Refusal::from(problem)
        .with_status(405)
        .with_header("Allow", "POST"))
}

// RFC 8555 §6.2: "they must have the Content-Type header field set to "application/jose+json". If a request does not meet this
// requirement, then the server MUST return a response with status code 415 (Unsupported Media Type)."
fn check_media_type(asked: &Asked<'_>) -> Result<(), Refusal> {
    let media_type = asked.content_type.unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(JOSE_JSON) {
        return Ok(());
    }
    let problem = Problem::malformed(format!("a signed request is {JOSE_JSON}"));
    Err(Refusal::from(problem).with_status(415))
}

// RFC 8555 §6.2: "If the client sends a JWS signed with an algorithm that the server does not support, then the server MUST return
// an error with status code 400 (Bad Request) and type "urn:ietf:params:acme:error:badSignatureAlgorithm"."
fn check_algorithm(jws: &FlattenedJws) -> Result<(), Problem> {
    match jws.header().get("alg").map(Value::as_str) {
        None => Err(Problem::malformed("the header has no alg")),
        Some(Some(ES256)) => Ok(()),
        Some(_) => Err(Problem::new(
            Kind::BadSignatureAlgorithm,
            "requests are signed with ES256",
        )),
    }
}

/// How a request to `resource` names its signer.
// RFC 8555 §6.2: "For newAccount requests, and for revokeCert requests authenticated by a certificate key, there MUST be a "jwk"
// field." and "For all other requests, the request is signed using an existing account, and there MUST be a "kid" field."
fn naming(resource: Resource) -> Naming {
    match resource {
        Resource::NewAccount => Naming::Jwk,
        Resource::RevokeCert => Naming::Either,
        _ => Naming::Kid,
    }
}

fn signer<'a>(
    desk: &'a Desk,
    practice: &Practice,
    jws: &FlattenedJws,
    resource: Resource,
) -> Result<Signer<'a>, Problem> {
    let header = jws.header();
    match (header.get("jwk"), header.get("kid"), naming(resource)) {
        // RFC 8555 §6.2: "The "jwk" and "kid" fields are mutually exclusive. Servers MUST reject requests that contain both."
        (Some(_), Some(_), _) => Err(Problem::malformed("the header has both jwk and kid")),
        (Some(jwk), None, Naming::Jwk | Naming::Either) => {
            Ok(Signer::Key(key_of(jwk, practice.authority.keys())?))
        }
        (None, Some(kid), Naming::Kid | Naming::Either) => account(desk, practice, kid),
        (None, _, Naming::Jwk) => Err(Problem::malformed("the header has no jwk")),
        (_, None, Naming::Kid) => Err(Problem::malformed("the header has no kid")),
        (None, None, Naming::Either) => {
            Err(Problem::malformed("the header has neither jwk nor kid"))
        }
    }
}

/// The key that a request brings.
// RFC 8555 §6.2: "If the server supports the signature algorithm "alg" but either does not support or chooses to reject the public
// key "jwk", then the server MUST return an error with status code 400 (Bad Request) and type
// "urn:ietf:params:acme:error:badPublicKey". The problem document detail SHOULD describe the reason for rejecting the public key".
pub(super) fn key_of(jwk: &Value<'_>, keys: &dyn VerifyingKeys) -> Result<Point, Problem> {
    match Jwk::parse_with(jwk, keys) {
        Ok(key) => Ok(*key.point()),
        Err(fault @ (JwkFault::NotAnObject | JwkFault::Member)) => {
            Err(Problem::malformed(format!("jwk: {fault}")))
        }
        Err(fault) => Err(Problem::new(Kind::BadPublicKey, format!("jwk: {fault}"))),
    }
}

// RFC 8555 §6.2: "This field MUST contain the account URL received by POSTing to the newAccount resource."
fn account<'a>(
    desk: &'a Desk,
    practice: &Practice,
    kid: &Value<'_>,
) -> Result<Signer<'a>, Problem> {
    let kid = kid
        .as_str()
        .ok_or_else(|| Problem::malformed("kid is not a string"))?;
    let found = match practice.resource(kid) {
        Some(Resource::Account(name)) => desk.account(&name).map(|account| (name, account)),
        _ => None,
    };
    match found {
        Some((name, account)) => Ok(Signer::Account(name, account)),
        None => Err(Problem::new(
            Kind::AccountDoesNotExist,
            "kid is not the URL of an account here",
        )),
    }
}

// RFC 8555 §6.2: "The server MUST verify the JWS before processing the request."
pub(super) fn check_signature(
    jws: &FlattenedJws,
    key: &Point,
    keys: &dyn VerifyingKeys,
) -> Result<(), Problem> {
    let verified = match Jwk::of(key).verifying_key(keys) {
        Ok(key) => jws.verify(&*key).map_err(|fault| fault.to_string()),
        Err(fault) => Err(fault.to_string()),
    };
    verified.map_err(|fault| Problem::malformed(format!("the JWS does not verify: {fault}")))
}

/// Whether the header alone was signed, without the dot behind it, as a deployed client of SHAKEN does where it has nothing to say. Such
/// a signature cannot stand for anything else: what is signed otherwise has a dot.
fn is_signed_alone(practice: &Practice, jws: &FlattenedJws, key: &Point) -> bool {
    if practice.dialect == Dialect::Rfc || !jws.payload().is_empty() {
        return false;
    }
    let header = jws.signing_input().trim_end_matches('.');
    let key = Jwk::of(key).verifying_key(practice.authority.keys());
    match (key, jws.signature()) {
        (Ok(key), Ok(signature)) => key.verify(header.as_bytes(), &signature).is_ok(),
        _ => false,
    }
}

// RFC 8555 §6.4: "On receiving such an object in an HTTP request, the server MUST compare the "url" header parameter to the request
// URL. If the two do not match, then the server MUST reject the request as unauthorized."
pub(super) fn check_url(jws: &FlattenedJws, url: &str) -> Result<(), Problem> {
    let named = jws.header().get("url");
    let named = named.ok_or_else(|| Problem::malformed("the header has no url"))?;
    match named.as_str() {
        None => Err(Problem::malformed("url is not a string")),
        Some(named) if named == url => Ok(()),
        Some(_) => Err(Problem::unauthorized(format!(
            "the request is signed for another url than {url}"
        ))),
    }
}

// RFC 8555 §6.5: "When a server rejects a request because its nonce value was unacceptable (or not present), it MUST provide HTTP
// status code 400 (Bad Request), and indicate the ACME error type "urn:ietf:params:acme:error:badNonce"."
fn check_nonce(nonce: NonceStanding) -> Result<(), Problem> {
    match nonce {
        NonceStanding::Fresh => Ok(()),
        NonceStanding::Absent => Err(Problem::new(Kind::BadNonce, "the header has no nonce")),
        NonceStanding::NotBase64Url => Err(Problem::malformed("the nonce is not base64url")),
        NonceStanding::Unacceptable => Err(Problem::new(
            Kind::BadNonce,
            "the nonce is not ours, too old or used",
        )),
    }
}

// RFC 8555 §7.3.6: "If a server receives a POST or POST-as-GET from a deactivated account, it MUST return an error response with
// status code 401 (Unauthorized) and type "urn:ietf:params:acme:error:unauthorized"."
pub(super) fn check_account(account: &Account) -> Result<(), Refusal> {
    match account.closed {
        None => Ok(()),
        Some(_) => {
            let problem = Problem::unauthorized("the account is closed");
            Err(Refusal::from(problem).with_status(401))
        }
    }
}

impl Signer<'_> {
    /// The key it was signed with.
    pub(super) fn key(&self) -> &Point {
        match self {
            Self::Account(_, account) => &account.key,
            Self::Key(point) => point,
        }
    }
}
