//! The claims: what a PASSporT says about a call, read from JSON with the types that
//! [RFC 8225 §5](https://www.rfc-editor.org/rfc/rfc8225#section-5) gives them.
//!
//! Claims that we do not know are no defect.
//! [RFC 8225 §8.1](https://www.rfc-editor.org/rfc/rfc8225#section-8.1): "Implementations of PASSporT MUST support the baseline
//! claims defined in Section 5.2 and MAY support extended claims."
//! [RFC 8224 §9](https://www.rfc-editor.org/rfc/rfc8224#section-9): "optional claims may be added to any PASSporT object without
//! requiring the use of "ppt"". They stay in the payload, where
//! [`SignedPassport::payload`](super::SignedPassport::payload) has them.

use super::error::{Claim, PassportError};
use super::shaken::{SHAKEN, Shaken};
use crate::identity::{Dest, Identity, MAX_URI, Orig};
use crate::jose::json::{Object, Value};
use crate::number::TelephoneNumber;
use crate::time::UnixTime;

/// Most identities in `dest`. RFC 8225 has no limit; a call has one or two, and every one is compared with the signalling.
/// Own decision.
pub const MAX_DESTINATIONS: usize = 64;

/// What a PASSporT says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who calls.
    pub orig: Orig,
    /// Who is called; in a token received, in the order received.
    pub dest: Dest,
    /// When the call originated.
    pub iat: UnixTime,
    /// What the extension named by `ppt` adds.
    pub extension: Extension,
}

/// The extension that a PASSporT is of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension {
    /// None: no `ppt`.
    Base,
    /// `shaken`.
    Shaken(Shaken),
    /// One that we do not support, by its `ppt`: such a PASSporT is never valid.
    // RFC 8225 §8.1: "Relying parties MUST fail to validate PASSporT objects containing an unsupported "ppt"."
    Unsupported(Box<str>),
}

impl Extension {
    /// The value of `ppt` for this extension.
    pub fn ppt(&self) -> Option<&str> {
        match self {
            Self::Base => None,
            Self::Shaken(_) => Some(SHAKEN),
            Self::Unsupported(ppt) => Some(ppt),
        }
    }
}

/// How `iat` may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IatForm {
    /// As an integer only. The default.
    #[default]
    Integer,
    /// As an integer or, as several RFCs print it by mistake, as a string of digits (`docs/divergences.md`).
    IntegerOrString,
}

impl Claims {
    /// Reads the claims that a PASSporT with this `ppt` must have.
    pub(super) fn read(
        payload: &Object<'_>,
        ppt: Option<&str>,
        iat_form: IatForm,
    ) -> Result<Self, PassportError> {
        let claims = Members::collect(payload)?;
        // All that must be there is looked for before any of it is judged: what is missing is the plainer defect.
        let dest = claims.dest.ok_or(missing(Claim::Dest))?;
        let iat = claims.iat.ok_or(missing(Claim::Iat))?;
        let orig = claims.orig.ok_or(missing(Claim::Orig))?;
        let extension = match ppt {
            None => Extension::Base,
            Some(SHAKEN) => Extension::Shaken(read_shaken(
                claims.attest.ok_or(missing(Claim::Attest))?,
                claims.origid.ok_or(missing(Claim::OrigId))?,
            )?),
            Some(other) => Extension::Unsupported(other.into()),
        };
        Ok(Self {
            orig: read_orig(orig)?,
            dest: read_dest(dest)?,
            iat: read_iat(iat, iat_form)?,
            extension,
        })
    }
}

const fn missing(claim: Claim) -> PassportError {
    PassportError::ClaimMissing(claim)
}

#[derive(Default)]
struct Members<'o, 'a> {
    attest: Option<&'o Value<'a>>,
    dest: Option<&'o Value<'a>>,
    iat: Option<&'o Value<'a>>,
    orig: Option<&'o Value<'a>>,
    origid: Option<&'o Value<'a>>,
}

impl<'o, 'a> Members<'o, 'a> {
    fn collect(payload: &'o Object<'a>) -> Result<Self, PassportError> {
        let mut members = Self::default();
        for (name, value) in payload.iter() {
            match name {
                "attest" => members.attest = Some(value),
                "dest" => members.dest = Some(value),
                "iat" => members.iat = Some(value),
                "orig" => members.orig = Some(value),
                "origid" => members.origid = Some(value),
                // RFC 8225 §5: "For PASSporT, any claim names MUST use the ASCII character set."
                other if !other.is_ascii() => return Err(PassportError::ClaimNameNotAscii),
                _ => {}
            }
        }
        Ok(members)
    }
}

fn read_shaken(attest: &Value<'_>, origid: &Value<'_>) -> Result<Shaken, PassportError> {
    let attest = attest
        .as_str()
        .ok_or(PassportError::ClaimShape(Claim::Attest))?;
    // RFC 8588 §5: "The value of "origid" claim is a Universally Unique Identifier (UUID) as defined in [RFC4122]."
    let origid = origid
        .as_str()
        .ok_or(PassportError::ClaimShape(Claim::OrigId))?;
    Ok(Shaken {
        attest: attest.parse().map_err(|_| PassportError::AttestInvalid)?,
        origid: origid.parse().map_err(|_| PassportError::OrigIdInvalid)?,
    })
}

fn read_orig(value: &Value<'_>) -> Result<Orig, PassportError> {
    let object = value
        .as_object()
        .ok_or(PassportError::ClaimShape(Claim::Orig))?;
    // RFC 8225 §5.2.1: "There MUST be exactly one "orig" claim with exactly one identity claim object in a PASSporT object."
    let mut members = object.iter();
    let (Some((kind, identity)), None) = (members.next(), members.next()) else {
        return Err(PassportError::OrigNotOne);
    };
    match kind {
        "tn" => read_number(identity, Claim::Orig).map(Identity::Number),
        "uri" => read_uri(identity, Claim::Orig).map(Identity::Uri),
        _ => Err(PassportError::IdentityType(Claim::Orig)),
    }
}

fn read_dest(value: &Value<'_>) -> Result<Dest, PassportError> {
    let object = value
        .as_object()
        .ok_or(PassportError::ClaimShape(Claim::Dest))?;
    let mut dest = Dest::default();
    for (kind, identities) in object.iter() {
        // RFC 8225 §5.2.1: "The "dest" claim value is an array containing one or more identity claim JSON objects". The
        // examples of §5.2.1.4, and everybody, have an object of arrays.
        match kind {
            "tn" => {
                dest.numbers = read_array(identities, |one| read_number(one, Claim::Dest))?;
            }
            "uri" => dest.uris = read_array(identities, |one| read_uri(one, Claim::Dest))?,
            _ => return Err(PassportError::IdentityType(Claim::Dest)),
        }
    }
    // RFC 8225 §5.2.1: "MUST have at least one identity claim object"
    if dest.is_empty() {
        return Err(PassportError::DestEmpty);
    }
    if dest.numbers.len() + dest.uris.len() > MAX_DESTINATIONS {
        return Err(PassportError::DestTooMany);
    }
    Ok(dest)
}

fn read_array<T>(
    value: &Value<'_>,
    read_one: impl Fn(&Value<'_>) -> Result<T, PassportError>,
) -> Result<Vec<T>, PassportError> {
    let elements = value.as_array().ok_or(PassportError::DestNotArray)?;
    match elements.len() {
        0 => Err(PassportError::DestEmpty),
        1..=MAX_DESTINATIONS => elements.iter().map(read_one).collect(),
        _ => Err(PassportError::DestTooMany),
    }
}

/// RFC 8225 §5.2.1.1: "The claim value for the "tn" claim is the telephone number and MUST be canonicalized according to the
/// procedures specified in [RFC8224], Section 8.3."
fn read_number(value: &Value<'_>, claim: Claim) -> Result<TelephoneNumber, PassportError> {
    let text = value.as_str().ok_or(PassportError::ClaimShape(claim))?;
    TelephoneNumber::from_canonical(text.as_bytes())
        .map_err(|_| PassportError::TnNotCanonical(claim))
}

fn read_uri(value: &Value<'_>, claim: Claim) -> Result<Box<str>, PassportError> {
    let text = value.as_str().ok_or(PassportError::ClaimShape(claim))?;
    if !is_uri(text, MAX_URI) {
        return Err(PassportError::UriMalformed(claim));
    }
    Ok(text.into())
}

/// Whether `text` could be a URI of at most `limit` bytes: a scheme, a colon, and only characters that
/// [RFC 3986 §2](https://www.rfc-editor.org/rfc/rfc3986#section-2) knows. So it can stand between angle brackets.
pub(super) fn is_uri(text: &str, limit: usize) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    // RFC 3986 §3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let never_in_a_uri = |byte: u8| {
        matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
    };
    text.len() <= limit
        && scheme_fits
        && !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !never_in_a_uri(byte))
}

fn read_iat(value: &Value<'_>, form: IatForm) -> Result<UnixTime, PassportError> {
    // RFC 7519 §4.1.6: "Its value MUST be a number containing a NumericDate value." And RFC 8225 §9: "JSON numbers are to be
    // encoded as integers unless the field is defined to be encoded otherwise."
    let seconds = match (value, form) {
        (Value::String(digits), IatForm::IntegerOrString) => digits_only(digits),
        _ => value.as_i64(),
    };
    seconds
        .map(UnixTime::from_secs)
        .ok_or(PassportError::IatNotInteger)
}

fn digits_only(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}
