//! TNAuthList Authority Tokens: [RFC 9447](https://www.rfc-editor.org/rfc/rfc9447), [RFC 9448](https://www.rfc-editor.org/rfc/rfc9448).
//!
//! A token authority says by one that the holder of an ACME account may have a certificate for these numbers.
//! [`AuthorityToken`] is parsed, not believed; [`validation`] has the nine steps after which it is. Who may have which token is
//! [`crate::token_authority`]'s matter.

pub mod fingerprint;
mod issuer;
pub mod validation;

pub use fingerprint::{Fingerprint, FingerprintRule};

use countersign::crypto::{Signature, SigningFailed, SigningKey};
use countersign::jose::base64url;
use countersign::jose::json::{self, Number, Object, Value, write_string};
use countersign::jose::jws::{CompactJws, ES256, check_crit};
use countersign::passport::x5c::{MAX_X5C, X5c};
use countersign::time::UnixTime;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest token we read, in bytes. Own decision: what fits into one JSON text, which is how it comes.
pub const MAX_TOKEN: usize = json::MAX_JSON_BYTES;

/// Longest `jti` and longest `iss`, in bytes: they are kept. Own decision; those in use have fewer than a hundred.
pub const MAX_NAME: usize = 256;

/// The one kind of token there is.
// RFC 9448 §5.4: "a "tktype" key with a string value equal to "TNAuthList" to represent a TNAuthList profile"
pub const TN_AUTH_LIST: &str = "TNAuthList";

/// Whether a certificate of a certification authority may be had for a token.
// RFC 9447 §4: "If the "ca" element is absent, the Token Authority is explicitly withholding permission."
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// `"ca":true`: a certificate of an authority, and no other.
    Authority,
    /// A certificate of an end entity, and no other.
    #[default]
    EndEntity,
}

impl Permission {
    /// The permission of a `ca` element.
    pub fn of_ca(ca: bool) -> Self {
        match ca {
            true => Self::Authority,
            false => Self::EndEntity,
        }
    }

    /// The `ca` element.
    pub fn ca(self) -> bool {
        self == Self::Authority
    }
}

/// How an element was spelled that ought to be base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As RFC 9448 §3 wants it.
    Exact,
    /// With padding or in the other alphabet, as the samples of RFC 9447 and some in the field have it.
    Loose,
}

/// The `atc` claim: RFC 9448 §5.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atc {
    /// `tktype`.
    pub tk_type: Box<str>,
    /// What `tkvalue` encodes: the DER of a TN Authorization List.
    pub tk_value: Box<[u8]>,
    /// How `tkvalue` was spelled.
    pub spelling: Spelling,
    /// `ca`.
    pub permission: Permission,
    /// `fingerprint`.
    pub fingerprint: Fingerprint,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// For whom it is audible, if it says so.
    pub aud: Box<[Box<str>]>,
    /// What it is about.
    pub atc: Atc,
    /// Until when it is good.
    pub exp: UnixTime,
    /// Who issued it, if it says so.
    pub iss: Option<Box<str>>,
    /// Its identifier.
    pub jti: Box<str>,
    /// From when on it is good, if it says so.
    pub nbf: Option<UnixTime>,
}

/// Where the certificate of the issuer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Certificates in DER, the signer's first.
    pub x5c: Option<Box<[Box<[u8]>]>>,
    /// A URL.
    pub x5u: Option<Box<str>>,
}

/// An authority token as received: parsed, not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityToken {
    /// What it says.
    pub claims: Claims,
    /// Where the certificate of its issuer is.
    pub header: Header,
    text: Box<str>,
    signed: usize,
    signature: Signature,
}

impl AuthorityToken {
    /// Reads a token: a compact JWS of ES256 with every mandatory claim (steps 1 and 7 of [`validation`] as far as form goes).
    ///
    /// # Errors
    /// [`MalformedToken`], the first defect found.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        if text.len() > MAX_TOKEN {
            return Err(MalformedToken::TooLong);
        }
        let jws = CompactJws::split(text).map_err(|_| MalformedToken::NotAJws)?;
        let header = jws.header_bytes().map_err(|_| MalformedToken::NotAJws)?;
        let header = read_header(&header)?;
        let payload = jws.payload_bytes().map_err(|_| MalformedToken::NotAJws)?;
        let payload = json::parse(&payload).map_err(|_| MalformedToken::Payload)?;
        let payload = payload.as_object().ok_or(MalformedToken::Payload)?;
        Ok(Self {
            claims: Claims::read(payload)?,
            header,
            text: text.into(),
            signed: jws.signing_input().len(),
            signature: jws.signature().map_err(|_| MalformedToken::Signature)?,
        })
    }

    /// Signs `claims`: the token.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key does not.
    pub fn issue(
        header: &Header,
        claims: &Claims,
        key: &dyn SigningKey,
    ) -> Result<String, SigningFailed> {
        let mut text = base64url::encode(header.to_json().as_bytes());
        text.push('.');
        base64url::encode_into(claims.to_json().as_bytes(), &mut text);
        let signature = key.sign(text.as_bytes())?;
        text.push('.');
        base64url::encode_into(&signature, &mut text);
        Ok(text)
    }

    /// The token as received.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What was signed.
    pub fn signing_input(&self) -> &str {
        self.text.get(..self.signed).unwrap_or_default()
    }

    /// By whom, is not known yet.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

// RFC 9448 §5: "The TNAuthList Authority Token protected header MUST comply with "Request Authentication" (Section 6.2 of
// [RFC8555])." Every example lacks nonce and url; what is meant is the algorithm: no "none", no MAC (docs/divergences.md).
fn read_header(bytes: &[u8]) -> Result<Header, MalformedToken> {
    let value = json::parse(bytes).map_err(|_| MalformedToken::Header)?;
    let header = value.as_object().ok_or(MalformedToken::Header)?;
    check_crit(header, &[]).map_err(|_| MalformedToken::Crit)?;
    if header.get("alg").and_then(Value::as_str) != Some(ES256) {
        return Err(MalformedToken::Algorithm);
    }
    // RFC 7519 §5.1: "If present, it is RECOMMENDED that its value be "JWT"", and "While media type names are not case sensitive,
    // it is RECOMMENDED that "JWT" always be spelled using uppercase characters for compatibility with legacy implementations."
    let is_jwt = |typ: &Value<'_>| {
        typ.as_str()
            .is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"))
    };
    if !header.get("typ").is_none_or(is_jwt) {
        return Err(MalformedToken::Type);
    }
    let x5u = match header.get("x5u") {
        Some(value) => Some(value.as_str().ok_or(MalformedToken::X5u)?.into()),
        None => None,
    };
    let x5c = match header.get("x5c").map(X5c::read) {
        Some(X5c::Certificates(certificates)) => Some(certificates),
        Some(X5c::Malformed(_)) => return Err(MalformedToken::X5c),
        None => None,
    };
    Ok(Header { x5c, x5u })
}

impl Header {
    fn to_json(&self) -> String {
        let mut text = format!(r#"{{"alg":"{ES256}","typ":"JWT""#);
        if let Some(certificates) = &self.x5c {
            text.push_str(r#","x5c":["#);
            for (position, der) in certificates.iter().take(MAX_X5C).enumerate() {
                text.push_str(if position == 0 { "\"" } else { ",\"" });
                text.push_str(&X5c::encoded(der));
                text.push('"');
            }
            text.push(']');
        }
        if let Some(url) = &self.x5u {
            text.push_str(r#","x5u":"#);
            write_string(url, &mut text);
        }
        text.push('}');
        text
    }
}

impl Claims {
    fn read(payload: &Object<'_>) -> Result<Self, MalformedToken> {
        // RFC 9448 §5: "The TNAuthList Authority Token Payload MUST include the mandatory claims "exp", "jti", and "atc""
        let atc = payload.get("atc").and_then(Value::as_object);
        let exp = payload.get("exp").and_then(numeric_date);
        let nbf = match payload.get("nbf") {
            Some(value) => Some(numeric_date(value).ok_or(MalformedToken::Claim)?),
            None => None,
        };
        Ok(Self {
            aud: read_audience(payload.get("aud"))?,
            atc: Atc::read(atc.ok_or(MalformedToken::Atc)?)?,
            exp: exp.ok_or(MalformedToken::Exp)?,
            iss: match payload.get("iss") {
                Some(value) => Some(name(value).ok_or(MalformedToken::Claim)?),
                None => None,
            },
            jti: payload
                .get("jti")
                .and_then(name)
                .ok_or(MalformedToken::Jti)?,
            nbf,
        })
    }

    fn to_json(&self) -> String {
        let mut text = String::from(r#"{"atc":"#);
        self.atc.write(&mut text);
        if !self.aud.is_empty() {
            let strings = self.aud.iter().map(|one| Value::String((&**one).into()));
            text.push_str(r#","aud":"#);
            Value::Array(strings.collect()).write(&mut text);
        }
        text.push_str(&format!(r#","exp":{}"#, self.exp.as_secs()));
        if let Some(issuer) = &self.iss {
            text.push_str(r#","iss":"#);
            write_string(issuer, &mut text);
        }
        text.push_str(r#","jti":"#);
        write_string(&self.jti, &mut text);
        if let Some(from) = self.nbf {
            text.push_str(&format!(r#","nbf":{}"#, from.as_secs()));
        }
        text.push('}');
        text
    }
}

impl Atc {
    /// Reads the object: in a token, and in a request for one.
    ///
    /// # Errors
    /// [`MalformedToken::Atc`] if a mandatory element is missing, or an element is not of its type.
    // RFC 9447 §4: "The JWT payload MUST also contain a new JWT claim, "atc", for Authority Token Challenge, which contains three
    // mandatory elements in a JSON map: the ATC identifier type ("tktype"), the identifier value ("tkvalue"), and the binding
    // ("fingerprint")."
    pub fn read(atc: &Object<'_>) -> Result<Self, MalformedToken> {
        let text = |name| atc.get(name).and_then(Value::as_str);
        let tk_type = text("tktype").ok_or(MalformedToken::Atc)?;
        let (tk_value, spelling) = read_value(text("tkvalue").ok_or(MalformedToken::Atc)?)?;
        let fingerprint = text("fingerprint").ok_or(MalformedToken::Atc)?;
        let permission = match atc.get("ca") {
            None => Permission::EndEntity,
            Some(Value::Bool(ca)) => Permission::of_ca(*ca),
            Some(_) => return Err(MalformedToken::Atc),
        };
        Ok(Self {
            tk_type: tk_type.into(),
            tk_value,
            spelling,
            permission,
            fingerprint: fingerprint
                .parse()
                .map_err(|_| MalformedToken::Fingerprint)?,
        })
    }

    /// Appends the object; `ca` always said. A `tkvalue` that was spelled loosely is written in the base64 of RFC 4648 §4, as those want it
    /// who spell so: they compare texts.
    pub fn write(&self, text: &mut String) {
        let ca = self.permission.ca();
        text.push_str(&format!(
            r#"{{"ca":{ca},"fingerprint":"{}","#,
            self.fingerprint
        ));
        text.push_str(r#""tktype":"#);
        write_string(&self.tk_type, text);
        text.push_str(r#","tkvalue":""#);
        let value = base64url::encode(&self.tk_value);
        match self.spelling {
            Spelling::Exact => text.push_str(&value),
            Spelling::Loose => {
                text.push_str(&value.replace('-', "+").replace('_', "/"));
                let missing = value.len().next_multiple_of(4) - value.len();
                text.push_str(&"=".repeat(missing));
            }
        }
        text.push_str(r#""}"#);
    }
}

// RFC 9448 §3: "The base64url encoding MUST NOT include any padding characters". The samples of RFC 9447 §4 are; whether that is taken, the profile says.
fn read_value(text: &str) -> Result<(Box<[u8]>, Spelling), MalformedToken> {
    if let Ok(der) = base64url::decode(text) {
        return Ok((der.into(), Spelling::Exact));
    }
    let unpadded = text.trim_end_matches('=');
    if text.len() - unpadded.len() > 2 {
        return Err(MalformedToken::Value);
    }
    let exact = unpadded.replace('+', "-").replace('/', "_");
    let der = base64url::decode(&exact).map_err(|_| MalformedToken::Value)?;
    Ok((der.into(), Spelling::Loose))
}

// RFC 7519 §2, NumericDate: "A JSON numeric value representing the number of seconds from 1970-01-01T00:00:00Z UTC until the
// specified UTC date/time, ignoring leap seconds", "in which non-integer values can be represented": fractions are dropped.
fn numeric_date(value: &Value<'_>) -> Option<UnixTime> {
    match value {
        Value::Number(Number::Integer(seconds)) => Some(UnixTime::from_secs(*seconds)),
        Value::Number(Number::Text(text)) => {
            let (seconds, fraction) = text.split_once('.')?;
            let plain = fraction.bytes().all(|digit| digit.is_ascii_digit());
            let seconds = seconds.parse().ok().filter(|_| plain);
            seconds.map(UnixTime::from_secs)
        }
        _ => None,
    }
}

/// A string that is neither empty nor long.
fn name(value: &Value<'_>) -> Option<Box<str>> {
    let text = value.as_str()?;
    (1..=MAX_NAME).contains(&text.len()).then(|| text.into())
}

/// Most values of `aud`. Own decision.
const MAX_AUDIENCE: usize = 16;

// RFC 7519 §4.1.3: "In the general case, the "aud" value is an array of case-sensitive strings, each containing a StringOrURI
// value. In the special case when the JWT has one audience, the "aud" value MAY be a single case-sensitive string"
fn read_audience(value: Option<&Value<'_>>) -> Result<Box<[Box<str>]>, MalformedToken> {
    match value {
        None => Ok(Box::default()),
        Some(Value::Array(all)) if all.len() <= MAX_AUDIENCE => {
            let names: Option<_> = all.iter().map(name).collect();
            names.ok_or(MalformedToken::Claim)
        }
        Some(one) => Ok([name(one).ok_or(MalformedToken::Claim)?].into()),
    }
}

/// Why some text is no authority token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedToken {
    /// `alg` is not ES256.
    Algorithm,
    /// `atc` is missing, no object, or lacks a mandatory element.
    Atc,
    /// An optional claim is not of its type.
    Claim,
    /// The header makes something critical that we do not know.
    Crit,
    /// `exp` is missing or no date.
    Exp,
    /// `fingerprint` is not in its printed form.
    Fingerprint,
    /// The header is no JSON object.
    Header,
    /// `jti` is missing, empty or too long.
    Jti,
    /// Not three parts of base64url.
    NotAJws,
    /// The payload is no JSON object.
    Payload,
    /// The third part is no ES256 signature.
    Signature,
    /// Longer than [`MAX_TOKEN`].
    TooLong,
    /// `typ` is not `JWT`.
    Type,
    /// `tkvalue` is not base64url.
    Value,
    /// `x5c` is no array of certificates.
    X5c,
    /// `x5u` is no string.
    X5u,
}

impl fmt::Display for MalformedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "the algorithm of the token is not ES256",
            Self::Atc => "the token has no well-formed atc claim",
            Self::Claim => "a claim of the token is not of its type",
            Self::Crit => "the token makes something critical that is not understood",
            Self::Exp => "the token does not say when it expires",
            Self::Fingerprint => return fingerprint::NotAFingerprint.fmt(f),
            Self::Header => "the header of the token is not a JSON object",
            Self::Jti => "the token has no identifier (jti)",
            Self::NotAJws => "the token is not a compact JWS",
            Self::Payload => "the payload of the token is not a JSON object",
            Self::Signature => "the token has no ES256 signature",
            Self::TooLong => return write!(f, "the token is longer than {MAX_TOKEN} bytes"),
            Self::Type => "the token is not a JWT by its typ",
            Self::Value => "the tkvalue of the token is not base64url",
            Self::X5c => "the x5c of the token is not a list of certificates",
            Self::X5u => "the x5u of the token is not a string",
        })
    }
}

impl std::error::Error for MalformedToken {}
