//! From DER to [`Crl`], field by field in the order of [RFC 5280 §5.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.1).

use super::entries::{Builder, Entries, Entry, Reason};
use super::{Crl, CrlError, CrlNumber, MAX_CRL_EXTENSIONS, Obstacle, Said};
use crate::certificate::DistinguishedName;
use crate::certificate::distribution::{ListIssuers, ListScope, general_names, list_scope};
use crate::certificate::extensions::{BadExtensions, authority_key, each, oid};
use crate::certificate::name::MAX_NAME;
use crate::certificate::parse::{algorithm, time};
use crate::certificate::walk::{Malformed, Walk, constructed, magnitude, octets, only, unsigned};
use crate::time::UnixTime;
use const_oid::ObjectIdentifier;
use der::Tag;

/// INTEGER of `Version ::= INTEGER { v1(0), v2(1), v3(2) }`.
const VERSION_2: u64 = 1;

/// RFC 5280 §5.3.1: "removeFromCRL (8)".
const REMOVE_FROM_CRL: u8 = 8;

const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const CRL_REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const DELTA_CRL_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

impl From<Malformed> for CrlError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<BadExtensions> for CrlError {
    fn from(bad: BadExtensions) -> Self {
        match bad {
            BadExtensions::Duplicate(kind) => Self::DuplicateExtension(kind),
            BadExtensions::Malformed => Self::Malformed,
            BadExtensions::TooMany => Self::TooManyExtensions,
        }
    }
}

/// `CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue BIT STRING }`
pub(super) fn list(der: &[u8], digest: [u8; 32]) -> Result<Crl, CrlError> {
    let mut outer = Walk::over(only(der, Tag::Sequence)?)?;
    let tbs = outer.whole(Tag::Sequence)?;
    let outer_algorithm = outer.whole(Tag::Sequence)?;
    let signature = octets(outer.content(Tag::BitString)?)?;
    outer.finish()?;
    let mut walk = Walk::over(only(tbs, Tag::Sequence)?)?;
    version(&mut walk)?;
    // RFC 5280 §5.1.1.2: "This field MUST contain the same algorithm identifier as the signature field in the sequence
    // tbsCertList"
    if walk.whole(Tag::Sequence)? != outer_algorithm {
        return Err(CrlError::AlgorithmMismatch);
    }
    let issuer = issuer(walk.whole(Tag::Sequence)?)?;
    let this_update = time(&mut walk)?;
    let next_update = next_update(&mut walk)?;
    let entries = match walk.content_if(Tag::Sequence)? {
        Some(content) => Reading::entries(content, &issuer)?,
        None => Reading::nothing(&issuer),
    };
    let extensions = match walk.content_if(constructed(0))? {
        Some(content) => ListExtensions::read(content)?,
        None => ListExtensions::default(),
    };
    walk.finish()?;
    let scope = extensions.scope.unwrap_or(ListScope::unlimited());
    if entries.names_others && scope.issuers == ListIssuers::Own {
        return Err(CrlError::ForeignEntry);
    }
    Ok(Crl {
        tbs: tbs.into(),
        algorithm: algorithm(outer_algorithm)?,
        signature: signature.into(),
        authority_key: extensions.authority_key,
        obstacle: extensions.obstacle.or(entries.obstacle),
        said: Said {
            digest,
            issuer,
            this_update,
            next_update,
            number: extensions.number.ok_or(CrlError::NumberMissing)?,
            scope,
            entries: entries.read,
        },
    })
}

// RFC 5280 §5.1.2.1: "When extensions are used, as required by this profile, this field MUST be present and MUST specify version 2
// (the integer value is 1)."
fn version(walk: &mut Walk<'_>) -> Result<(), CrlError> {
    match walk.content_if(Tag::Integer)? {
        Some(content) if unsigned(content)? == VERSION_2 => Ok(()),
        _ => Err(CrlError::Version),
    }
}

// RFC 5280 §5.1.2.3: "The issuer field MUST contain a non-empty X.500 distinguished name (DN)."
fn issuer(der: &[u8]) -> Result<DistinguishedName, CrlError> {
    let name = name(der)?;
    match name.is_empty() {
        true => Err(CrlError::EmptyIssuer),
        false => Ok(name),
    }
}

fn name(der: &[u8]) -> Result<DistinguishedName, Malformed> {
    match der.len() {
        0..=MAX_NAME => DistinguishedName::from_der(der),
        _ => Err(Malformed),
    }
}

// RFC 5280 §5.1.2.5: "Conforming CRL issuers MUST include the nextUpdate field in all CRLs." What a list is worth that does not say
// how long, "is not specified by this profile": nothing.
fn next_update(walk: &mut Walk<'_>) -> Result<UnixTime, CrlError> {
    match walk.peek() {
        Some(Tag::UtcTime | Tag::GeneralizedTime) => Ok(time(walk)?),
        _ => Err(CrlError::NextUpdateMissing),
    }
}

/// The entries while they are read.
struct Reading {
    read: Entries,
    obstacle: Option<Obstacle>,
    /// Whether an entry names whose certificate it is about.
    names_others: bool,
}

impl Reading {
    fn nothing(issuer: &DistinguishedName) -> Self {
        Self {
            read: Builder::new(issuer).finish(),
            obstacle: None,
            names_others: false,
        }
    }

    /// `SEQUENCE OF SEQUENCE { userCertificate CertificateSerialNumber, revocationDate Time, crlEntryExtensions Extensions OPTIONAL }`
    fn entries(content: &[u8], issuer: &DistinguishedName) -> Result<Self, CrlError> {
        let mut reading = Self::nothing(issuer);
        let mut builder = Builder::new(issuer);
        let mut list = Walk::over(content)?;
        while !list.at_end() {
            builder.count()?;
            let mut fields = list.enter(Tag::Sequence)?;
            let serial = fields.content(Tag::Integer)?;
            let at = time(&mut fields)?;
            let extensions = match fields.content_if(Tag::Sequence)? {
                Some(content) => EntryExtensions::read(content)?,
                None => EntryExtensions::default(),
            };
            fields.finish()?;
            if let Some(issuer) = &extensions.issuer {
                builder.turn_to(issuer)?;
                reading.names_others = true;
            }
            if let Some(kind) = extensions.unknown_critical {
                let obstacle = Obstacle::UnknownEntryExtension(kind);
                reading.obstacle = reading.obstacle.or(Some(obstacle));
            }
            let reason = extensions.reason.unwrap_or_default();
            // RFC 5280 §6.3.3 (k): "If (cert_status is removeFromCRL), then set cert_status to UNREVOKED."
            if serial.is_empty() {
                return Err(CrlError::Malformed);
            } else if reason != REMOVE_FROM_CRL {
                let reason = Reason::from_code(reason);
                builder.push(serial, Entry { at, reason })?;
            }
        }
        reading.read = builder.finish();
        Ok(reading)
    }
}

/// `crlEntryExtensions` of one entry.
#[derive(Default)]
struct EntryExtensions {
    issuer: Option<DistinguishedName>,
    reason: Option<u8>,
    unknown_critical: Option<ObjectIdentifier>,
}

impl EntryExtensions {
    fn read(content: &[u8]) -> Result<Self, CrlError> {
        let mut found = Self::default();
        each::<MAX_CRL_EXTENSIONS, _>(content, |kind, critical, value| {
            match kind {
                CERTIFICATE_ISSUER => found.issuer = Some(certificate_issuer(value)?),
                CRL_REASON => match only(value, Tag::Enumerated)? {
                    [code] => found.reason = Some(*code),
                    _ => return Err(CrlError::Malformed),
                },
                INVALIDITY_DATE => {}
                // RFC 5280 §5.3: "If a CRL contains a critical CRL entry extension that the application cannot process, then the
                // application MUST NOT use that CRL to determine the status of any certificates."
                _ if critical => found.unknown_critical = Some(kind),
                _ => {}
            }
            Ok(())
        })?;
        Ok(found)
    }
}

// RFC 5280 §5.3.3: "Conforming CRL issuers MUST include in this extension the distinguished name (DN) from the issuer field of the
// certificate that corresponds to this CRL entry."
fn certificate_issuer(value: &[u8]) -> Result<DistinguishedName, Malformed> {
    let names = general_names(only(value, Tag::Sequence)?)?;
    let mut directory = names.iter().filter_map(|name| name.directory());
    match (directory.next(), directory.next()) {
        (Some(issuer), None) => name(issuer.as_der()),
        _ => Err(Malformed),
    }
}

/// `crlExtensions` of the list.
#[derive(Default)]
struct ListExtensions {
    authority_key: Option<Box<[u8]>>,
    number: Option<CrlNumber>,
    obstacle: Option<Obstacle>,
    scope: Option<ListScope>,
}

impl ListExtensions {
    fn read(explicit: &[u8]) -> Result<Self, CrlError> {
        let mut found = Self::default();
        each::<MAX_CRL_EXTENSIONS, _>(only(explicit, Tag::Sequence)?, |kind, critical, value| {
            match kind {
                oid::AUTHORITY_KEY_IDENTIFIER => found.authority_key = authority_key(value)?,
                // RFC 5280 §5.2.3: "CRL issuers conforming to this profile MUST include this extension in all CRLs and MUST mark
                // this extension as non-critical."
                CRL_NUMBER if critical => return Err(CrlError::NumberCritical),
                CRL_NUMBER => {
                    let number = magnitude(only(value, Tag::Integer)?)?;
                    found.number = Some(CrlNumber::of_magnitude(number));
                }
                // RFC 5280 §5.2.4: "The delta CRL indicator is a critical CRL extension that identifies a CRL as being a delta
                // CRL."
                DELTA_CRL_INDICATOR => found.obstacle = Some(Obstacle::Delta),
                ISSUING_DISTRIBUTION_POINT => found.scope = Some(list_scope(value)?),
                // RFC 5280 §5.2: "If a CRL contains a critical extension that the application cannot process, then the application
                // MUST NOT use that CRL to determine the status of certificates."
                _ if critical => {
                    let obstacle = Obstacle::UnknownExtension(kind);
                    found.obstacle = found.obstacle.or(Some(obstacle));
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(found)
    }
}
