//! The claims: what a PASSporT says about a call, read from JSON with the types that
//! [RFC 8225 §5](https://www.rfc-editor.org/rfc/rfc8225#section-5) gives them.
//!
//! Claims that we do not know are no defect.
//! [RFC 8225 §8.1](https://www.rfc-editor.org/rfc/rfc8225#section-8.1): "Implementations of PASSporT MUST support the baseline
//! claims defined in Section 5.2 and MAY support extended claims."
//! [RFC 8224 §9](https://www.rfc-editor.org/rfc/rfc8224#section-9): "optional claims may be added to any PASSporT object without
//! requiring the use of "ppt"". They stay in the payload, where
//! [`SignedPassport::payload`](super::SignedPassport::payload) has them.

use super::compact::CompactPassport;
use super::div::{DIV, DIV_O, Div, DivO};
use super::error::{Claim, PassportError};
use super::mky::{self, MSEC, MediaKeys};
use super::rcd::{self, RCD, RichClaims};
use super::rph::{RPH, Rph};
use super::rsp::RSP;
use super::shaken::{SHAKEN, Shaken};
use super::staple::{STPL, Staple};
use super::value::{read_number, read_uri};
use crate::identity::{Dest, Identity, Orig};
use crate::jose::json::{Object, Value};
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
    /// What is said about the caller beyond the number, under any `ppt`.
    pub rich: Option<Box<RichClaims>>,
    /// The media keys of the call, under any `ppt`: `mky`.
    pub media_keys: Option<Box<MediaKeys>>,
    /// The word of a responder that the certificate of the signer is still good, under any `ppt`: `stpl`. Never in compact form.
    pub staple: Option<Box<Staple>>,
}

/// The extension that a PASSporT is of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension {
    /// None: no `ppt`.
    Base,
    /// `div`
    // In a box, as whatever is larger than the claims of the usual call.
    Div(Box<Div>),
    /// `div-o`
    DivO(Box<DivO>),
    /// `msec`: all that it asks for is in [`Claims::media_keys`].
    Msec,
    /// `rcd`: all that it adds is in [`Claims::rich`].
    Rcd,
    /// `rph`
    Rph(Box<Rph>),
    /// `rsp`: the claims of a call, said by the one who was reached.
    Rsp,
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
            Self::Div(_) => Some(DIV),
            Self::DivO(_) => Some(DIV_O),
            Self::Msec => Some(MSEC),
            Self::Rcd => Some(RCD),
            Self::Rph(_) => Some(RPH),
            Self::Rsp => Some(RSP),
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
    /// Who says so, where it is a third party: `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.rich.as_deref()?.issuer.as_deref()
    }

    /// Whom the signer speaks for: the caller, who was called before a diversion, who was reached; `None` where it is nobody's number or
    /// address, but values of Resource-Priority or the word of a third party.
    pub fn speaks_for(&self) -> Option<Identity> {
        match &self.extension {
            Extension::Div(div) => Some(div.from.clone()),
            Extension::DivO(div) => Some(div.div.from.clone()),
            Extension::Rph(_) => None,
            Extension::Rcd if self.issuer().is_some() => None,
            Extension::Rsp => self.dest.iter().next(),
            Extension::Base
            | Extension::Msec
            | Extension::Rcd
            | Extension::Shaken(_)
            | Extension::Unsupported(_) => Some(self.orig.clone()),
        }
    }

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
            Some(DIV) => {
                // RFC 8946 §3: "PASSporTs of type "div" MUST NOT contain an "opt" (see Section 6) element in their payload."
                if claims.opt.is_some() {
                    return Err(PassportError::ClaimShape(Claim::Opt));
                }
                let div = Div::read(claims.div.ok_or(missing(Claim::Div))?)?;
                Extension::Div(Box::new(div))
            }
            Some(DIV_O) => Extension::DivO(Box::new(DivO {
                div: Div::read(claims.div.ok_or(missing(Claim::Div))?)?,
                opt: read_opt(claims.opt.ok_or(missing(Claim::Opt))?)?,
            })),
            Some(MSEC) => Extension::Msec,
            // RFC 9795 §8: the claims of such a PASSporT are rcd, crn, or both.
            Some(RCD) if claims.rich.rcd.is_none() && claims.rich.crn.is_none() => {
                return Err(missing(Claim::Rcd));
            }
            Some(RCD) => Extension::Rcd,
            Some(RPH) => Extension::Rph(Box::new(Rph::read(
                claims.rph.ok_or(missing(Claim::Rph))?,
                claims.sph,
            )?)),
            Some(RSP) => Extension::Rsp,
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
            rich: claims.rich.read()?,
            media_keys: claims.mky.map(mky::read).transpose()?,
            staple: claims.stpl.map(|stpl| Box::new(Staple::read(stpl))),
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
    div: Option<&'o Value<'a>>,
    iat: Option<&'o Value<'a>>,
    mky: Option<&'o Value<'a>>,
    opt: Option<&'o Value<'a>>,
    orig: Option<&'o Value<'a>>,
    origid: Option<&'o Value<'a>>,
    rich: rcd::Members<'o, 'a>,
    rph: Option<&'o Value<'a>>,
    sph: Option<&'o Value<'a>>,
    stpl: Option<&'o Value<'a>>,
}

impl<'o, 'a> Members<'o, 'a> {
    fn collect(payload: &'o Object<'a>) -> Result<Self, PassportError> {
        let mut members = Self::default();
        for (name, value) in payload.iter() {
            match name {
                "attest" => members.attest = Some(value),
                "crn" => members.rich.crn = Some(value),
                "dest" => members.dest = Some(value),
                "div" => members.div = Some(value),
                "iat" => members.iat = Some(value),
                "iss" => members.rich.iss = Some(value),
                "mky" => members.mky = Some(value),
                "opt" => members.opt = Some(value),
                "orig" => members.orig = Some(value),
                "origid" => members.origid = Some(value),
                "rcd" => members.rich.rcd = Some(value),
                "rcdi" => members.rich.rcdi = Some(value),
                "rph" => members.rph = Some(value),
                "sph" => members.sph = Some(value),
                STPL => members.stpl = Some(value),
                // RFC 8225 §5: "For PASSporT, any claim names MUST use the ASCII character set."
                other if !other.is_ascii() => return Err(PassportError::ClaimNameNotAscii),
                _ => {}
            }
        }
        Ok(members)
    }
}

// RFC 8946 §6: ""opt" MUST contain a quoted full-form PASSporT, as specified by [RFC8225], Appendix A; it MUST NOT contain a compact
// form PASSporT."
fn read_opt(value: &Value<'_>) -> Result<Box<str>, PassportError> {
    let token = value
        .as_str()
        .filter(|token| !CompactPassport::recognise(token));
    Ok(token.ok_or(PassportError::ClaimShape(Claim::Opt))?.into())
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
