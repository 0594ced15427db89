//! What can be wrong with a token: one variant per defect, so that whoever judges it can name it.

use super::{MAX_DESTINATIONS, MAX_TOKEN};
use crate::crypto::SIGNATURE_LEN;
use crate::jose::json::{JsonCause, JsonError};
use std::fmt;

/// Why some text is no PASSporT for us.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassportError {
    /// `attest` is not `"A"`, `"B"` or `"C"`.
    AttestInvalid,
    /// A part is not base64url without padding.
    Base64(Part),
    /// A claim that the PASSporT must have is not there.
    ClaimMissing(Claim),
    /// The name of a claim has characters outside ASCII.
    ClaimNameNotAscii,
    /// A claim has a JSON type that it cannot have.
    ClaimShape(Claim),
    /// A claim is longer, or has more in it, than is read here.
    ClaimTooLarge(Claim),
    /// The compact form, `..` and a signature: header and claims are not in it.
    CompactForm,
    /// The header makes something critical that we do not know.
    CriticalHeader,
    /// `dest` names nobody.
    DestEmpty,
    /// `dest.tn` or `dest.uri` is not an array.
    DestNotArray,
    /// `dest` names more than [`MAX_DESTINATIONS`].
    DestTooMany,
    /// A member name occurs twice in an object.
    DuplicateMember(Part),
    /// A header parameter that every PASSporT has is not there.
    HeaderMissing(HeaderName),
    /// A header parameter is not a string.
    HeaderShape(HeaderName),
    /// `iat` is not an integer: a string, a fraction, beyond 64 bits.
    IatNotInteger,
    /// An identity is neither `tn` nor `uri`.
    IdentityType(Claim),
    /// A part is not JSON.
    Json(Part, JsonError),
    /// A part is JSON, but not an object.
    NotAnObject(Part),
    /// There are not exactly two dots.
    NotThreeParts,
    /// `orig` has no identity, or more than one.
    OrigNotOne,
    /// `origid` is not a UUID.
    OrigIdInvalid,
    /// The signature has this many bytes; ES256 has 64.
    SignatureLength(usize),
    /// A `tn` is not a telephone number in canonical form.
    TnNotCanonical(Claim),
    /// Longer than [`MAX_TOKEN`].
    TooLong,
    /// The signature is not as long as ES256's, and `alg` is not ES256 either.
    UnsupportedAlg(Box<str>),
    /// `ppt` names an extension that we do not know, and the claims cannot be read without knowing it.
    UnsupportedPpt(Box<str>),
    /// A `uri` is no URI.
    UriMalformed(Claim),
}

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first: the JOSE header.
    Header,
    /// The second: the claims.
    Payload,
    /// The third.
    Signature,
}

/// A header parameter of [RFC 8225 §4](https://www.rfc-editor.org/rfc/rfc8225#section-4) and
/// [RFC 8225 §8.1](https://www.rfc-editor.org/rfc/rfc8225#section-8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderName {
    /// `alg`
    Alg,
    /// `ppt`
    Ppt,
    /// `typ`
    Typ,
    /// `x5u`
    X5u,
}

/// A claim of [RFC 8225 §5](https://www.rfc-editor.org/rfc/rfc8225#section-5) or of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `attest`
    Attest,
    /// `crn`
    Crn,
    /// `dest`
    Dest,
    /// `div`
    Div,
    /// `iat`
    Iat,
    /// `iss`
    Iss,
    /// `mky`
    Mky,
    /// `opt`
    Opt,
    /// `orig`
    Orig,
    /// `origid`
    OrigId,
    /// `rcd`
    Rcd,
    /// `rcdi`
    Rcdi,
    /// `rph`
    Rph,
    /// `sph`
    Sph,
}

impl HeaderName {
    /// The name as it is written in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alg => "alg",
            Self::Ppt => "ppt",
            Self::Typ => "typ",
            Self::X5u => "x5u",
        }
    }
}

impl Claim {
    /// The name as it is written in the payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attest => "attest",
            Self::Crn => "crn",
            Self::Dest => "dest",
            Self::Div => "div",
            Self::Iat => "iat",
            Self::Iss => "iss",
            Self::Mky => "mky",
            Self::Opt => "opt",
            Self::Orig => "orig",
            Self::OrigId => "origid",
            Self::Rcd => "rcd",
            Self::Rcdi => "rcdi",
            Self::Rph => "rph",
            Self::Sph => "sph",
        }
    }
}

impl PassportError {
    /// Of a JSON defect: duplicates have a name of their own, because two readers may take them for two calls.
    pub(super) fn json(part: Part, error: JsonError) -> Self {
        match error.cause {
            JsonCause::DuplicateMember => Self::DuplicateMember(part),
            _ => Self::Json(part, error),
        }
    }
}

impl fmt::Display for PassportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttestInvalid => f.write_str("attest is not A, B or C"),
            Self::Base64(part) => write!(f, "the {part} is not base64url without padding"),
            Self::ClaimMissing(claim) => write!(f, "the claim {claim} is missing"),
            Self::ClaimNameNotAscii => f.write_str("the name of a claim is not ASCII"),
            Self::ClaimShape(claim) => write!(f, "the claim {claim} has the wrong type"),
            Self::ClaimTooLarge(claim) => write!(f, "the claim {claim} is beyond our limits"),
            Self::CompactForm => f.write_str("the compact form, without header and claims"),
            Self::CriticalHeader => f.write_str("the header makes something unknown critical"),
            Self::DestEmpty => f.write_str("dest names nobody"),
            Self::DestNotArray => f.write_str("the identities of dest are not an array"),
            Self::DestTooMany => write!(f, "dest names more than {MAX_DESTINATIONS}"),
            Self::DuplicateMember(part) => write!(f, "a member name occurs twice in the {part}"),
            Self::HeaderMissing(name) => write!(f, "the header has no {name}"),
            Self::HeaderShape(name) => write!(f, "the header's {name} is not a string"),
            Self::IatNotInteger => f.write_str("iat is not an integer"),
            Self::IdentityType(claim) => write!(f, "{claim} has an identity of unknown type"),
            Self::Json(part, error) => write!(f, "the {part} is not JSON: {error}"),
            Self::NotAnObject(part) => write!(f, "the {part} is not a JSON object"),
            Self::NotThreeParts => f.write_str("not three parts separated by dots"),
            Self::OrigNotOne => f.write_str("orig does not have exactly one identity"),
            Self::OrigIdInvalid => f.write_str("origid is not a UUID"),
            Self::SignatureLength(length) => write!(
                f,
                "the signature has {length} bytes, ES256 has {SIGNATURE_LEN}"
            ),
            Self::TnNotCanonical(claim) => {
                write!(f, "a telephone number in {claim} is not canonical")
            }
            Self::TooLong => write!(f, "longer than {MAX_TOKEN} bytes"),
            Self::UnsupportedAlg(alg) => write!(f, "alg is {alg:?}, not ES256"),
            Self::UnsupportedPpt(ppt) => write!(f, "ppt is {ppt:?}, which is not supported"),
            Self::UriMalformed(claim) => write!(f, "a URI in {claim} is malformed"),
        }
    }
}

impl std::error::Error for PassportError {}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
