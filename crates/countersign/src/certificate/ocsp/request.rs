//! The question: [RFC 6960 §4.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.1).
//!
//! Signatures over questions are read over: whoever asks is served, and knowing who asks would be knowing too much.

use super::{
    CertId, MAX_ASKED, MAX_OCSP_EXTENSIONS, MAX_REQUEST, NONCE, OcspError, TN_QUERY, extension,
    read_tn_query, tn_query,
};
use crate::certificate::encode::{constructed, element, octet_string, sequence};
use crate::certificate::extensions::each;
use crate::certificate::walk::{self, Walk, only, unsigned};
use crate::number::TelephoneNumber;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::Tag;

/// Octets of the nonces that we ask with.
// RFC 9654 §2.1: "An OCSP requester that implements the extension in this document MUST use a minimum length of 32 octets for Nonce
// in the Nonce extension."
pub const NONCE_LENGTH: usize = 32;

/// A question about certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    /// About which.
    pub asked: Vec<Asked>,
    /// What the answer is to repeat, so that it cannot be an old one.
    pub nonce: Option<Nonce>,
}

/// A question about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub certificate: CertId,
    /// And whether it still speaks for this number.
    pub number: Option<TelephoneNumber>,
}

/// The octets of a nonce, as many as there were.
pub type Nonce = Box<[u8]>;

impl OcspRequest {
    /// Reads a request in DER, nothing after it.
    ///
    /// A nonce is read whatever its length; how long it may be is for the responder to say.
    ///
    /// # Errors
    /// [`OcspError`] if it is not one.
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        if der.len() > MAX_REQUEST {
            return Err(OcspError::TooLarge);
        }
        let mut outer = Walk::over(only(der, Tag::Sequence)?)?;
        let mut fields = outer.enter(Tag::Sequence)?;
        outer.content_if(walk::constructed(0))?;
        outer.finish()?;
        version(&mut fields)?;
        fields.content_if(walk::constructed(1))?;
        let asked = asked(fields.content(Tag::Sequence)?)?;
        let nonce = match fields.content_if(walk::constructed(2))? {
            Some(explicit) => nonce(only(explicit, Tag::Sequence)?)?,
            None => None,
        };
        fields.finish()?;
        Ok(Self { asked, nonce })
    }

    /// Writes it in DER, without a signature.
    pub fn to_der(&self) -> Vec<u8> {
        let asked: Vec<_> = self.asked.iter().map(Asked::to_der).collect();
        let nonce = self.nonce.as_ref().map(|nonce| {
            let extension = extension(&NONCE, &octet_string(nonce));
            element(constructed(2), &sequence(&[extension]))
        });
        let tbs = sequence(&[sequence(&asked), nonce.unwrap_or_default()]);
        sequence(&[tbs])
    }
}

/// The URL that asks `request` (DER) of the responder at `url`, by GET.
// RFC 6960 A.1: "GET {url}/{url-encoding of base-64 encoding of the DER encoding of the OCSPRequest}"
pub fn question_url(url: &str, request: &[u8]) -> String {
    let mut question = url.trim_end_matches('/').to_owned();
    question.push('/');
    for character in STANDARD.encode(request).chars() {
        match character {
            '+' => question.push_str("%2B"),
            '/' => question.push_str("%2F"),
            '=' => question.push_str("%3D"),
            other => question.push(other),
        }
    }
    question
}

impl Asked {
    fn to_der(&self) -> Vec<u8> {
        let number = self.number.map(|number| {
            let extension = extension(&TN_QUERY, &tn_query(number));
            element(constructed(0), &sequence(&[extension]))
        });
        sequence(&[self.certificate.to_der(), number.unwrap_or_default()])
    }
}

/// `[0] EXPLICIT Version DEFAULT v1`, of requests and of responses.
pub(super) fn version(fields: &mut Walk<'_>) -> Result<(), OcspError> {
    match fields.content_if(walk::constructed(0))? {
        None => Ok(()),
        Some(explicit) if unsigned(only(explicit, Tag::Integer)?)? == 0 => Ok(()),
        Some(_) => Err(OcspError::Version),
    }
}

/// `SEQUENCE OF Request`, at least one.
fn asked(content: &[u8]) -> Result<Vec<Asked>, OcspError> {
    let mut list = Walk::over(content)?;
    let mut all = Vec::new();
    while !list.at_end() {
        if all.len() == MAX_ASKED {
            return Err(OcspError::TooMany);
        }
        let mut fields = list.enter(Tag::Sequence)?;
        let certificate = CertId::read(&mut fields)?;
        let number = match fields.content_if(walk::constructed(0))? {
            Some(explicit) => number(only(explicit, Tag::Sequence)?)?,
            None => None,
        };
        fields.finish()?;
        all.push(Asked {
            certificate,
            number,
        });
    }
    match all.is_empty() {
        true => Err(OcspError::Malformed),
        false => Ok(all),
    }
}

/// The number out of the extensions of one question, or of one answer.
// RFC 6960 §4.1.2: "Unrecognized extensions MUST be ignored (unless they have the critical flag set and are not understood)."
pub(super) fn number(content: &[u8]) -> Result<Option<TelephoneNumber>, OcspError> {
    let mut number = None;
    each::<MAX_OCSP_EXTENSIONS, OcspError>(content, |kind, critical, value| {
        match kind {
            TN_QUERY => number = Some(read_tn_query(value)?),
            _ if critical => return Err(OcspError::Critical(kind)),
            _ => {}
        }
        Ok(())
    })?;
    Ok(number)
}

/// The nonce out of the extensions of a whole request or response.
pub(super) fn nonce(content: &[u8]) -> Result<Option<Nonce>, OcspError> {
    let mut nonce = None;
    each::<MAX_OCSP_EXTENSIONS, OcspError>(content, |kind, critical, value| {
        match kind {
            NONCE => nonce = Some(only(value, Tag::OctetString)?.into()),
            _ if critical => return Err(OcspError::Critical(kind)),
            _ => {}
        }
        Ok(())
    })?;
    Ok(nonce)
}
