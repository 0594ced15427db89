//! A token as received, from outside to inside: first the header, then the claims.
//!
//! [`Envelope`] knows the header only. Whoever judges a call wants it before the claims: an unknown `ppt` makes the rest
//! nobody's business, and a wrong `typ` is worth telling even if a claim is missing, too. [`Envelope::open`] reads the claims;
//! what comes out is a [`SignedPassport`], well formed and not believed.

use super::MAX_TOKEN;
use super::claims::{Claims, Extension, IatForm};
use super::compact::CompactPassport;
use super::div::{DIV, DIV_O};
use super::error::{HeaderName, Part, PassportError};
use super::mky::MSEC;
use super::rcd::RCD;
use super::rph::RPH;
use super::rsp::RSP;
use super::shaken::SHAKEN;
use super::usual;
use super::x5c::X5c;
use crate::crypto::Signature;
use crate::jose::base64url;
use crate::jose::json::{self, Form, JsonCause, JsonError, Object, Value};
use crate::jose::jws::{CompactJws, ES256, SignatureFault, check_crit};
use std::ops::Range;

/// The value of `typ`: [RFC 8225 §4.1](https://www.rfc-editor.org/rfc/rfc8225#section-4.1), "the "typ" header MUST be the string
/// "passport"".
pub const PASSPORT: &str = "passport";

/// The header of a PASSporT, strings as received; nothing is judged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm.
    pub alg: Box<str>,
    /// The media type; [`PASSPORT`] in a PASSporT.
    pub typ: Box<str>,
    /// The extension.
    pub ppt: Option<Box<str>>,
    /// Where the certificate is.
    pub x5u: Option<Box<str>>,
    /// The certificates themselves; of many bytes where there are some, so in a box.
    pub x5c: Option<Box<X5c>>,
}

/// A token whose header is read and whose claims are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    token: Box<str>,
    payload_part: Range<usize>,
    header: Header,
    form: Form,
    signature: Result<Signature, SignatureFault>,
}

/// What an [`Envelope`] knows beside the token itself.
struct Outside {
    payload_part: Range<usize>,
    header: Header,
    form: Form,
    signature: Result<Signature, SignatureFault>,
}

impl Outside {
    fn read(token: &str) -> Result<Self, PassportError> {
        if token.len() > MAX_TOKEN {
            return Err(PassportError::TooLong);
        }
        let jws = CompactJws::split(token).map_err(|_| PassportError::NotThreeParts)?;
        if CompactPassport::recognise(token) {
            return Err(PassportError::CompactForm);
        }
        let text = decode(jws.header_part(), Part::Header)?;
        let (header, form) = match usual::header(&text) {
            Some(header) => (header, Form::Deterministic),
            None => read_header(&text)?,
        };
        let payload_at = jws.header_part().len() + 1;
        Ok(Self {
            payload_part: payload_at..payload_at + jws.payload_part().len(),
            header,
            form,
            signature: jws.signature(),
        })
    }

    fn of(self, token: Box<str>) -> Envelope {
        Envelope {
            token,
            payload_part: self.payload_part,
            header: self.header,
            form: self.form,
            signature: self.signature,
        }
    }
}

/// A token that could not be opened, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// The token, as far as it was read.
    pub envelope: Envelope,
    /// What is wrong with the rest.
    pub error: PassportError,
}

impl Envelope {
    /// Reads the header of a full-form token.
    ///
    /// # Errors
    /// [`PassportError`] for a token that is too long, compact, not of three parts, or whose header is no header. What is
    /// wrong with payload and signature is told by [`Envelope::open`].
    pub fn parse(token: &str) -> Result<Self, PassportError> {
        Ok(Outside::read(token)?.of(token.into()))
    }

    /// [`Envelope::parse`] for whoever gives the token away; with an error it comes back.
    pub(crate) fn take(token: Box<str>) -> Result<Self, (Box<str>, PassportError)> {
        match Outside::read(&token) {
            Ok(outside) => Ok(outside.of(token)),
            Err(error) => Err((token, error)),
        }
    }

    /// The token as received.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was signed: the bytes received, up to the second dot.
    pub fn signing_input(&self) -> &str {
        self.token.get(..self.payload_part.end).unwrap_or_default()
    }

    /// The signature, if it is one.
    ///
    /// # Errors
    /// [`SignatureFault`] if it is not.
    pub fn signature(&self) -> Result<&Signature, SignatureFault> {
        self.signature.as_ref().map_err(|fault| *fault)
    }

    /// Whether `ppt` names no extension or one that we support.
    pub fn is_supported(&self) -> bool {
        matches!(
            self.header.ppt.as_deref(),
            None | Some(SHAKEN | DIV | DIV_O | MSEC | RCD | RPH | RSP)
        )
    }

    /// Reads the claims and the signature.
    ///
    /// # Errors
    /// [`Unopened`] with the first defect found. Under an unsupported `ppt` the only defect is that: the extension may have
    /// rules for its claims that we do not know, and RFC 8224 §6.2 ignores the whole thing.
    pub fn open(self, iat: IatForm) -> Result<SignedPassport, Box<Unopened>> {
        let opened = self.read_payload(iat).and_then(|(payload, form, claims)| {
            let signature = self
                .signature
                .map_err(|fault| self.signature_error(fault))?;
            Ok((payload, form, claims, signature))
        });
        match opened {
            Ok((payload, form, claims, signature)) => Ok(SignedPassport {
                form: if form == self.form { form } else { Form::Free },
                signing_input: self.payload_part.end,
                token: self.token,
                header: self.header,
                payload,
                claims,
                signature,
            }),
            Err(error) => Err(Box::new(Unopened {
                error: self.unless_unsupported(error),
                envelope: self,
            })),
        }
    }

    fn read_payload(&self, iat: IatForm) -> Result<(String, Form, Claims), PassportError> {
        let part = self.token.get(self.payload_part.clone());
        let payload = decode(part.unwrap_or_default(), Part::Payload)?;
        if let Some(claims) = usual::claims(&payload, self.header.ppt.as_deref()) {
            return Ok((payload, Form::Deterministic, claims));
        }
        let parsed =
            json::parse_str(&payload).map_err(|error| PassportError::json(Part::Payload, error))?;
        let object = parsed
            .value
            .as_object()
            .ok_or(PassportError::NotAnObject(Part::Payload))?;
        let claims = Claims::read(object, self.header.ppt.as_deref(), iat)?;
        let form = parsed.form;
        Ok((payload, form, claims))
    }

    fn signature_error(&self, fault: SignatureFault) -> PassportError {
        match fault {
            SignatureFault::Base64 => PassportError::Base64(Part::Signature),
            // Other algorithms have other lengths; then the algorithm is what is wrong.
            SignatureFault::Length(_) if &*self.header.alg != ES256 => {
                PassportError::UnsupportedAlg(self.header.alg.clone())
            }
            SignatureFault::Length(length) => PassportError::SignatureLength(length),
        }
    }

    fn unless_unsupported(&self, error: PassportError) -> PassportError {
        match &self.header.ppt {
            Some(ppt) if !self.is_supported() => PassportError::UnsupportedPpt(ppt.clone()),
            _ => error,
        }
    }
}

fn decode(text: &str, part: Part) -> Result<String, PassportError> {
    let bytes = base64url::decode(text).map_err(|_| PassportError::Base64(part))?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let cause = JsonCause::Utf8;
        PassportError::Json(part, JsonError { cause, offset })
    })
}

pub(super) fn read_header(text: &str) -> Result<(Header, Form), PassportError> {
    let parsed = json::parse_str(text).map_err(|error| PassportError::json(Part::Header, error))?;
    let object = parsed
        .value
        .as_object()
        .ok_or(PassportError::NotAnObject(Part::Header))?;
    // RFC 7515 §4.1.11. The one extension parameter of PASSporT is "ppt", and it is understood; whether its value is, is told
    // by its own rule.
    check_crit(object, &[HeaderName::Ppt.as_str()]).map_err(|_| PassportError::CriticalHeader)?;
    let header = Header {
        alg: required(object, HeaderName::Alg)?.into(),
        typ: required(object, HeaderName::Typ)?.into(),
        ppt: optional(object, HeaderName::Ppt)?.map(Box::from),
        x5u: optional(object, HeaderName::X5u)?.map(Box::from),
        x5c: object.get("x5c").map(|value| Box::new(X5c::read(value))),
    };
    Ok((header, parsed.form))
}

fn required<'o>(object: &'o Object<'_>, name: HeaderName) -> Result<&'o str, PassportError> {
    optional(object, name)?.ok_or(PassportError::HeaderMissing(name))
}

fn optional<'o>(
    object: &'o Object<'_>,
    name: HeaderName,
) -> Result<Option<&'o str>, PassportError> {
    match object.get(name.as_str()) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(PassportError::HeaderShape(name)),
    }
}

/// A well-formed PASSporT: three parts, a header, claims, a signature. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPassport {
    pub(super) token: Box<str>,
    /// Where the signing input ends in the token.
    pub(super) signing_input: usize,
    pub(super) header: Header,
    pub(super) payload: String,
    pub(super) claims: Claims,
    pub(super) signature: Signature,
    pub(super) form: Form,
}

impl SignedPassport {
    /// Reads a token in full form with an integer `iat`.
    ///
    /// # Errors
    /// [`PassportError`] with the first defect found.
    pub fn parse(token: &str) -> Result<Self, PassportError> {
        Self::parse_with(token, IatForm::Integer)
    }

    /// [`SignedPassport::parse`] with a say in how `iat` may be written.
    ///
    /// # Errors
    /// [`PassportError`] with the first defect found.
    pub fn parse_with(token: &str, iat: IatForm) -> Result<Self, PassportError> {
        let envelope = Envelope::parse(token)?;
        envelope.open(iat).map_err(|unopened| unopened.error)
    }

    /// The token as received or signed.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims that we know.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// All claims: the payload as received, JSON.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// What was signed: the bytes received, up to the second dot.
    pub fn signing_input(&self) -> &str {
        self.token.get(..self.signing_input).unwrap_or_default()
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The same in compact form.
    pub fn compact(&self) -> CompactPassport {
        CompactPassport::of(self.signature)
    }

    /// Whether header and payload are written as RFC 8225 §9 prescribes, or merely mean the same.
    pub fn is_canonical(&self) -> bool {
        self.form == Form::Deterministic
    }

    /// Whether the extension is none or one that we support.
    pub fn is_supported(&self) -> bool {
        !matches!(self.claims.extension, Extension::Unsupported(_))
    }
}
