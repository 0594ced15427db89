//! A list of anchors that a policy administrator has signed, in the form of the STI-PA: a compact JWS over
//! `{"version", "sequence", "exp", "trustList"}`, each certificate in PEM or in base64 of its DER.
//!
//! - [`CaList`] is raw: taken apart, not believed. [`CaList::verify`] checks it with a key that is *pinned*: whatever the token
//!   says about its own signer (`x5u`) is not looked at.
//! - [`VerifiedCaList`] has the anchors. It takes the place of another only if [`VerifiedCaList::succeeds`] says so: its sequence
//!   number never goes backwards. One that is out of date is kept as long as there is no other, and whoever keeps it tells
//!   ([`VerifiedCaList::is_expired`]); to lose every anchor would help nobody but forgers.

use super::{Anchor, AnchorError, MAX_ANCHORS, Standing};
use crate::certificate::{Certificate, CertificateError, pem};
use crate::crypto::{Point, VerifyingKey, VerifyingKeys};
use crate::jose::json::{self, JsonError, Object, Value};
use crate::jose::jws::{CompactJws, JwsFault};
use crate::time::UnixTime;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::sync::Arc;

/// Largest list we read, in bytes: [`MAX_ANCHORS`] certificates of 2 KiB in PEM, and base64url around them.
pub const MAX_CA_LIST_BYTES: usize = 1024 * 1024;

/// A signed list of anchors as it was received: nothing believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaList {
    token: Box<str>,
}

/// Who signs lists of anchors: told by whoever runs this, never by the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Administrator {
    /// The holder of the key in this certificate, while it is valid.
    Certificate(Box<Certificate>),
    /// The holder of this P-256 key.
    Key(Box<Point>),
}

impl CaList {
    /// Takes a list: a compact JWS, blanks around it allowed.
    ///
    /// # Errors
    /// [`CaListFault`] if it is too large or does not have three parts.
    pub fn parse(token: &str) -> Result<Self, CaListFault> {
        if token.len() > MAX_CA_LIST_BYTES {
            return Err(CaListFault::TooLarge);
        }
        let token = token.trim_ascii();
        CompactJws::split(token).map_err(|_| CaListFault::Malformed)?;
        Ok(Self {
            token: token.into(),
        })
    }

    /// Verifies the list with the key of `administrator` at the time `at`. Its anchors get `standing`.
    ///
    /// # Errors
    /// [`CaListFault`], the first one found.
    pub fn verify(
        &self,
        administrator: &Administrator,
        standing: Standing,
        at: UnixTime,
        keys: &dyn VerifyingKeys,
    ) -> Result<VerifiedCaList, CaListFault> {
        let jws = CompactJws::split(&self.token).map_err(|_| CaListFault::Malformed)?;
        let key = administrator.key(at, keys)?;
        let payload = jws.verify(key.as_ref()).map_err(CaListFault::Jws)?;
        let value = json::parse_within(&payload, MAX_CA_LIST_BYTES).map_err(CaListFault::Json)?;
        let claims = value.as_object().ok_or(CaListFault::NotAnObject)?;
        let (anchors, skipped) = anchors(claims, standing)?;
        Ok(VerifiedCaList::assertion(Listed {
            version: text_or_number(claims, "version")
                .ok_or(CaListFault::Claim(ListClaim::Version))?,
            sequence: text_or_number(claims, "sequence")
                .and_then(|text| text.parse().ok())
                .ok_or(CaListFault::Claim(ListClaim::Sequence))?,
            expires: claims
                .get("exp")
                .and_then(Value::as_i64)
                .map(UnixTime::from_secs)
                .ok_or(CaListFault::Claim(ListClaim::Exp))?,
            anchors,
            skipped,
        }))
    }
}

impl Administrator {
    fn key(
        &self,
        at: UnixTime,
        keys: &dyn VerifyingKeys,
    ) -> Result<Arc<dyn VerifyingKey>, CaListFault> {
        let point = match self {
            Self::Certificate(certificate) => {
                if !certificate.validity().contains(at) {
                    return Err(CaListFault::AdministratorNotValid);
                }
                // RFC 5280 §4.2.1.3: "The digitalSignature bit is asserted when the subject public key is used for verifying
                // digital signatures, other than signatures on certificates (bit 5) and CRLs (bit 6)".
                if certificate
                    .key_usage()
                    .is_some_and(|usage| !usage.digital_signature())
                {
                    return Err(CaListFault::AdministratorKey);
                }
                certificate.public_key().p256()
            }
            Self::Key(point) => Some(&**point),
        };
        let point = point.ok_or(CaListFault::AdministratorKey)?;
        keys.p256(point).map_err(|_| CaListFault::AdministratorKey)
    }
}

/// A list of anchors that its administrator has signed.
#[derive(Clone, Debug)]
pub struct VerifiedCaList(Listed);

#[derive(Clone, Debug)]
struct Listed {
    version: Box<str>,
    sequence: u64,
    expires: UnixTime,
    anchors: Vec<Anchor>,
    skipped: Vec<Skipped>,
}

/// A certificate of a list that cannot be an anchor. The others still can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which one, counted from 0.
    pub index: usize,
    /// Why.
    pub cause: SkippedCause,
}

/// Why a certificate of a list cannot be an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkippedCause {
    /// It cannot be one.
    Anchor(AnchorError),
    /// It is no certificate.
    Certificate(CertificateError),
    /// It is neither PEM nor base64.
    Encoding,
}

impl VerifiedCaList {
    /// Makes the proof. Only for [`CaList::verify`].
    fn assertion(listed: Listed) -> Self {
        Self(listed)
    }

    /// The version of the form, as the list has it.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The number of the list: higher for every new one.
    pub fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// When there must be a newer one.
    pub fn expires(&self) -> UnixTime {
        self.0.expires
    }

    /// Whether there should have been a newer one by now.
    pub fn is_expired(&self, at: UnixTime) -> bool {
        at > self.0.expires
    }

    /// The anchors, none twice.
    pub fn anchors(&self) -> &[Anchor] {
        &self.0.anchors
    }

    /// What of the list cannot be an anchor.
    pub fn skipped(&self) -> &[Skipped] {
        &self.0.skipped
    }

    /// Whether this list may take the place of `previous`. The same list may.
    ///
    /// # Errors
    /// [`Backwards`] if its sequence number is lower, or the same with other anchors or an earlier end.
    pub fn succeeds(&self, previous: &Self) -> Result<(), Backwards> {
        let (own, before) = (&self.0, &previous.0);
        if own.sequence < before.sequence {
            return Err(Backwards::Sequence {
                sequence: own.sequence,
                previous: before.sequence,
            });
        }
        let changed = own.anchors != before.anchors || own.expires < before.expires;
        match own.sequence == before.sequence && changed {
            true => Err(Backwards::SameSequence(own.sequence)),
            false => Ok(()),
        }
    }
}

/// Reads `trustList`.
fn anchors(
    claims: &Object<'_>,
    standing: Standing,
) -> Result<(Vec<Anchor>, Vec<Skipped>), CaListFault> {
    let list = claims
        .get("trustList")
        .and_then(Value::as_array)
        .ok_or(CaListFault::Claim(ListClaim::TrustList))?;
    if list.len() > MAX_ANCHORS {
        return Err(CaListFault::TooManyAnchors);
    }
    let (mut anchors, mut skipped) = (Vec::new(), Vec::new());
    for (index, entry) in list.iter().enumerate() {
        let text = entry
            .as_str()
            .ok_or(CaListFault::Claim(ListClaim::TrustList))?;
        match anchor(text, standing) {
            Ok(anchor) if anchors.contains(&anchor) => {}
            Ok(anchor) => anchors.push(anchor),
            Err(cause) => skipped.push(Skipped { index, cause }),
        }
    }
    // Whoever signs a list of nothing has made a mistake, and nobody may lose all anchors by it.
    match anchors.is_empty() {
        true => Err(CaListFault::NoAnchors),
        false => Ok((anchors, skipped)),
    }
}

fn anchor(text: &str, standing: Standing) -> Result<Anchor, SkippedCause> {
    let der = match pem::blocks(text.as_bytes()).next() {
        Some(block) if block.label() == pem::CERTIFICATE => block.der().ok(),
        Some(_) => None,
        None => STANDARD.decode(text.trim_ascii()).ok(),
    };
    let der = der.ok_or(SkippedCause::Encoding)?;
    let certificate = Certificate::parse(&der).map_err(SkippedCause::Certificate)?;
    Anchor::new(certificate, standing).map_err(SkippedCause::Anchor)
}

/// A claim that some write as a number and some as a string.
fn text_or_number(claims: &Object<'_>, name: &str) -> Option<Box<str>> {
    match claims.get(name)? {
        Value::String(text) => Some(text.as_ref().into()),
        value => value.as_i64().map(|number| number.to_string().into()),
    }
}

/// A claim of a list of anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListClaim {
    /// When there must be a newer one.
    Exp,
    /// The number of the list.
    Sequence,
    /// The certificates.
    TrustList,
    /// The version of the form.
    Version,
}

/// Why a list of anchors is not believed. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaListFault {
    /// The key of the administrator is not P-256, or not for signing such things.
    AdministratorKey,
    /// The certificate of the administrator is not valid now.
    AdministratorNotValid,
    /// A claim is missing or is not what it must be.
    Claim(ListClaim),
    /// The payload is no JSON.
    Json(JsonError),
    /// The signature does not verify.
    Jws(JwsFault),
    /// Not a compact JWS.
    Malformed,
    /// No certificate in it can be an anchor.
    NoAnchors,
    /// The payload is JSON, but not an object.
    NotAnObject,
    /// Larger than [`MAX_CA_LIST_BYTES`].
    TooLarge,
    /// More than [`MAX_ANCHORS`] certificates.
    TooManyAnchors,
}

/// Why a list of anchors may not take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backwards {
    /// Its sequence number is the same, and it says something else.
    SameSequence(u64),
    /// Its sequence number is lower.
    Sequence {
        /// The number refused.
        sequence: u64,
        /// The number in use.
        previous: u64,
    },
}

impl fmt::Display for SkippedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor(error) => error.fmt(f),
            Self::Certificate(error) => error.fmt(f),
            Self::Encoding => f.write_str("neither PEM nor base64 of a certificate"),
        }
    }
}

impl fmt::Display for CaListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdministratorKey => {
                f.write_str("the key of the list's administrator cannot be used for it")
            }
            Self::AdministratorNotValid => {
                f.write_str("the certificate of the list's administrator is not valid now")
            }
            Self::Claim(claim) => {
                let name = match claim {
                    ListClaim::Exp => "exp",
                    ListClaim::Sequence => "sequence",
                    ListClaim::TrustList => "trustList",
                    ListClaim::Version => "version",
                };
                write!(f, "the claim {name} of the list is missing or wrong")
            }
            Self::Json(error) => write!(f, "the payload is not JSON: {error}"),
            Self::Jws(fault) => fault.fmt(f),
            Self::Malformed => f.write_str("not a compact JWS"),
            Self::NoAnchors => f.write_str("no certificate of the list can be an anchor"),
            Self::NotAnObject => f.write_str("the payload is not a JSON object"),
            Self::TooLarge => write!(f, "the list has more than {MAX_CA_LIST_BYTES} bytes"),
            Self::TooManyAnchors => write!(f, "the list has more than {MAX_ANCHORS} certificates"),
        }
    }
}

impl fmt::Display for Backwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameSequence(sequence) => {
                write!(f, "another list has the sequence number {sequence}, too")
            }
            Self::Sequence { sequence, previous } => {
                write!(f, "sequence number {sequence} does not follow {previous}")
            }
        }
    }
}

impl std::error::Error for CaListFault {}
impl std::error::Error for Backwards {}
