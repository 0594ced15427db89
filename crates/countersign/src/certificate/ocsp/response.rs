//! The answer: [RFC 6960 §4.2](https://www.rfc-editor.org/rfc/rfc6960#section-4.2).
//!
//! An answer names its responder, says something about each certificate, and is signed as a whole. The signed part is remembered as
//! it was received.

use super::request::{Nonce, nonce, number, version};
use super::{BASIC, CertId, MAX_OCSP_EXTENSIONS, MAX_RESPONSE, MAX_SINGLES, OcspError};
use crate::certificate::crl::Reason;
use crate::certificate::name::MAX_NAME;
use crate::certificate::parse::{algorithm, time};
use crate::certificate::signature::Signed;
use crate::certificate::walk::{Malformed, Walk, constructed, octets, only, primitive};
use crate::certificate::{Certificate, DistinguishedName, SignatureAlgorithm};
use crate::number::TelephoneNumber;
use crate::time::UnixTime;
use der::Tag;
use std::fmt;

const _: () = assert!(MAX_OCSP_EXTENSIONS > 1, "a number and a nonce fit");

/// What a responder sends.
#[derive(Clone, Debug)]
pub enum OcspResponse {
    /// An answer.
    Answered(Box<BasicResponse>),
    /// None, and why.
    Refused(Refusal),
}

/// Why a responder does not answer: [RFC 6960 §4.2.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// "Illegal confirmation request"
    MalformedRequest,
    /// "Internal error in issuer"
    InternalError,
    /// "Try again later"
    TryLater,
    /// "Must sign the request"
    SigRequired,
    /// "Request unauthorized": it is not a responder for that certificate.
    Unauthorized,
}

impl Refusal {
    /// The value of `OCSPResponseStatus`.
    pub fn code(self) -> u8 {
        match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::SigRequired => 5,
            Self::Unauthorized => 6,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        let all = [
            Self::MalformedRequest,
            Self::InternalError,
            Self::TryLater,
            Self::SigRequired,
            Self::Unauthorized,
        ];
        all.into_iter().find(|one| one.code() == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedRequest => "the responder cannot read the question",
            Self::InternalError => "the responder has an internal error",
            Self::TryLater => "the responder asks to try later",
            Self::SigRequired => "the responder wants the question signed",
            Self::Unauthorized => "the responder does not answer for this certificate",
        })
    }
}

/// `BasicOCSPResponse`: parsed, not believed.
#[derive(Clone)]
pub struct BasicResponse {
    tbs: Box<[u8]>,
    algorithm: SignatureAlgorithm,
    signature: Box<[u8]>,
    /// Who says to answer.
    pub responder: ResponderId,
    /// When the answer was signed.
    pub produced_at: UnixTime,
    /// What is said of each certificate.
    pub singles: Vec<Single>,
    /// The nonce of the question.
    pub nonce: Option<Nonce>,
    /// Certificates that may help to verify the signature.
    pub certificates: Vec<Certificate>,
}

/// Who says to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponderId {
    /// Whose certificate has this subject.
    Name(DistinguishedName),
    /// Whose key has this hash: SHA-1, or SHA-256 cut to 160 bits.
    Key(Box<[u8]>),
}

/// What is said of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Single {
    /// Of which.
    pub certificate: CertId,
    /// What.
    pub status: CertStatus,
    /// Since when it is known to be so.
    pub this_update: UnixTime,
    /// When there will be something newer.
    pub next_update: Option<UnixTime>,
    /// The number that the certificate still speaks for.
    pub number: Option<TelephoneNumber>,
}

/// What is said of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// It is not revoked.
    Good,
    /// It is.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why.
        reason: Reason,
    },
    /// The responder does not know it.
    Unknown,
}

impl OcspResponse {
    /// Reads a response in DER, nothing after it.
    ///
    /// # Errors
    /// [`OcspError`] if it is not one.
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        if der.len() > MAX_RESPONSE {
            return Err(OcspError::TooLarge);
        }
        let mut fields = Walk::over(only(der, Tag::Sequence)?)?;
        let status = match fields.content(Tag::Enumerated)? {
            [status] => *status,
            _ => return Err(OcspError::Malformed),
        };
        let bytes = fields.content_if(constructed(0))?;
        fields.finish()?;
        match (status, bytes) {
            (0, Some(explicit)) => {
                let mut bytes = Walk::over(only(explicit, Tag::Sequence)?)?;
                if bytes.oid()? != BASIC {
                    return Err(OcspError::Version);
                }
                let response = bytes.content(Tag::OctetString)?;
                bytes.finish()?;
                Ok(Self::Answered(Box::new(BasicResponse::read(response)?)))
            }
            // RFC 6960 §4.2.1: "If the value of responseStatus is one of the error conditions, the responseBytes field is not set."
            (_, None) => Refusal::from_code(status)
                .map(Self::Refused)
                .ok_or(OcspError::Malformed),
            (_, Some(_)) => Err(OcspError::Malformed),
        }
    }
}

impl BasicResponse {
    /// `SEQUENCE { tbsResponseData, signatureAlgorithm, signature BIT STRING, certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }`
    fn read(der: &[u8]) -> Result<Self, OcspError> {
        let mut outer = Walk::over(only(der, Tag::Sequence)?)?;
        let tbs = outer.whole(Tag::Sequence)?;
        let algorithm = algorithm(outer.whole(Tag::Sequence)?)?;
        let signature = octets(outer.content(Tag::BitString)?)?;
        let certificates = match outer.content_if(constructed(0))? {
            Some(explicit) => certificates(only(explicit, Tag::Sequence)?)?,
            None => Vec::new(),
        };
        outer.finish()?;
        let mut fields = Walk::over(only(tbs, Tag::Sequence)?)?;
        version(&mut fields)?;
        let responder = responder(&mut fields)?;
        let produced_at = generalized_time(&mut fields)?;
        let singles = singles(fields.content(Tag::Sequence)?)?;
        let nonce = match fields.content_if(constructed(1))? {
            Some(explicit) => nonce(only(explicit, Tag::Sequence)?)?,
            None => None,
        };
        fields.finish()?;
        Ok(Self {
            tbs: tbs.into(),
            algorithm,
            signature: signature.into(),
            responder,
            produced_at,
            singles,
            nonce,
            certificates,
        })
    }

    /// The signed part with its signature, for [`signature::verify`](crate::certificate::signature::verify).
    pub fn signed(&self) -> Signed<'_> {
        Signed {
            message: &self.tbs,
            algorithm: self.algorithm,
            signature: &self.signature,
        }
    }
}

impl fmt::Debug for BasicResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            responder,
            produced_at,
            singles,
            ..
        } = self;
        write!(
            f,
            "BasicResponse({responder:?}, {produced_at}, {singles:?})"
        )
    }
}

fn certificates(content: &[u8]) -> Result<Vec<Certificate>, OcspError> {
    let mut list = Walk::over(content)?;
    let mut all = Vec::new();
    while !list.at_end() {
        if all.len() == MAX_SINGLES {
            return Err(OcspError::TooMany);
        }
        let der = list.whole(Tag::Sequence)?;
        all.push(Certificate::parse(der).map_err(|_| OcspError::Malformed)?);
    }
    Ok(all)
}

/// `ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }`, both EXPLICIT.
fn responder(fields: &mut Walk<'_>) -> Result<ResponderId, OcspError> {
    if let Some(explicit) = fields.content_if(constructed(1))? {
        if explicit.len() > MAX_NAME {
            return Err(OcspError::TooLarge);
        }
        return Ok(ResponderId::Name(DistinguishedName::from_der(explicit)?));
    }
    let explicit = fields.content(constructed(2))?;
    Ok(ResponderId::Key(only(explicit, Tag::OctetString)?.into()))
}

/// A time as RFC 6960 §4.2.2.1 wants it.
// RFC 6960 §4.2.1: "The format for GeneralizedTime is as specified in Section 4.1.2.5.2 of [RFC5280]."
fn generalized_time(fields: &mut Walk<'_>) -> Result<UnixTime, Malformed> {
    match fields.peek() {
        Some(Tag::GeneralizedTime) => time(fields),
        _ => Err(Malformed),
    }
}

/// `SEQUENCE OF SingleResponse`.
fn singles(content: &[u8]) -> Result<Vec<Single>, OcspError> {
    let mut list = Walk::over(content)?;
    let mut all = Vec::new();
    while !list.at_end() {
        if all.len() == MAX_SINGLES {
            return Err(OcspError::TooMany);
        }
        let mut fields = list.enter(Tag::Sequence)?;
        let certificate = CertId::read(&mut fields)?;
        let status = status(&mut fields)?;
        let this_update = generalized_time(&mut fields)?;
        let next_update = match fields.content_if(constructed(0))? {
            Some(explicit) => {
                let mut explicit = Walk::over(explicit)?;
                let at = generalized_time(&mut explicit)?;
                explicit.finish()?;
                Some(at)
            }
            None => None,
        };
        let number = match fields.content_if(constructed(1))? {
            Some(explicit) => number(only(explicit, Tag::Sequence)?)?,
            None => None,
        };
        fields.finish()?;
        all.push(Single {
            certificate,
            status,
            this_update,
            next_update,
            number,
        });
    }
    Ok(all)
}

/// `CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT UnknownInfo }`
fn status(fields: &mut Walk<'_>) -> Result<CertStatus, OcspError> {
    let empty = |content: &[u8], status| match content {
        [] => Ok(status),
        _ => Err(OcspError::Malformed),
    };
    if let Some(content) = fields.content_if(primitive(0))? {
        return empty(content, CertStatus::Good);
    }
    if let Some(content) = fields.content_if(primitive(2))? {
        return empty(content, CertStatus::Unknown);
    }
    let mut info = Walk::over(fields.content(constructed(1))?)?;
    let at = generalized_time(&mut info)?;
    let reason = match info.content_if(constructed(0))? {
        Some(explicit) => match only(explicit, Tag::Enumerated)? {
            [code] => Reason::from_code(*code),
            _ => return Err(OcspError::Malformed),
        },
        None => Reason::Unspecified,
    };
    info.finish()?;
    Ok(CertStatus::Revoked { at, reason })
}
