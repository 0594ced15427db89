//! Certification requests: PKCS #10, [RFC 2986](https://www.rfc-editor.org/rfc/rfc2986).
//!
//! [`CertificationRequest`] is parsed, and proves one thing only: whoever made it has the key. Whether anybody may have what it
//! asks for is the certification authority's matter, and so is writing one.

use super::extensions::{BadExtensions, BasicConstraints, Extensions, KeyUsage};
use super::extensions::{RawExtension, SubjectAltName};
use super::walk::{Malformed, Walk, constructed, octets, unsigned};
use super::{DistinguishedName, MAX_CERTIFICATE, PublicKey, SignatureAlgorithm, TnAuthList};
use super::{parse, signature};
use crate::crypto::{AwsLc, Point, VerifyingKeys};
use const_oid::ObjectIdentifier;
use der::Tag;
use std::fmt;

/// Largest request we read, in bytes: what it asks for has to fit into a certificate.
pub const MAX_REQUEST: usize = MAX_CERTIFICATE;

/// Most attributes that are looked at. Own decision: three are in use (extensions, a password, a name for it).
pub const MAX_ATTRIBUTES: usize = 16;

/// pkcs-9-at-extensionRequest: RFC 2985 §5.4.2.
pub const EXTENSION_REQUEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

/// A certification request, signed by the key that it is for.
#[derive(Clone)]
pub struct CertificationRequest {
    der: Box<[u8]>,
    subject: DistinguishedName,
    public_key: Point,
    extensions: Extensions,
}

impl CertificationRequest {
    /// Reads a request, DER with nothing after it, and verifies its signature.
    ///
    /// # Errors
    /// [`CsrFault`], the first defect found.
    pub fn parse(der: &[u8]) -> Result<Self, CsrFault> {
        Self::parse_with(der, &AwsLc)
    }

    /// The same with other keys than the library's.
    ///
    /// # Errors
    /// [`CsrFault`], the first defect found.
    // RFC 2986 §4.2: "CertificationRequest ::= SEQUENCE { certificationRequestInfo CertificationRequestInfo, signatureAlgorithm
    // AlgorithmIdentifier{{ SignatureAlgorithms }}, signature BIT STRING }"
    pub fn parse_with(der: &[u8], keys: &dyn VerifyingKeys) -> Result<Self, CsrFault> {
        if der.len() > MAX_REQUEST {
            return Err(CsrFault::TooLarge);
        }
        let mut file = Walk::over(der)?;
        let mut outer = file.enter(Tag::Sequence)?;
        file.finish()?;
        let info = outer.whole(Tag::Sequence)?;
        let algorithm = parse::algorithm(outer.whole(Tag::Sequence)?)?;
        let signature = octets(outer.content(Tag::BitString)?)?;
        outer.finish()?;
        let request = Self::read_info(info, der)?;
        if algorithm != SignatureAlgorithm::EcdsaWithSha256 {
            return Err(CsrFault::Algorithm(algorithm.oid()));
        }
        // RFC 2986 §3: "The signature on the certification request prevents an entity from requesting a certificate with another
        // party's public key."
        let key = keys.p256(&request.public_key);
        let key = key.map_err(|_| CsrFault::Key(super::extensions::oid::SECP256R1))?;
        let fixed = signature::fixed_from_der(signature).ok_or(CsrFault::Signature)?;
        key.verify(info, &fixed).map_err(|_| CsrFault::Signature)?;
        Ok(request)
    }

    // RFC 2986 §4.1: "CertificationRequestInfo ::= SEQUENCE { version INTEGER { v1(0) } (v1,...), subject Name, subjectPKInfo
    // SubjectPublicKeyInfo{{ PKInfoAlgorithms }}, attributes [0] Attributes{{ CRIAttributes }} }"
    fn read_info(info: &[u8], der: &[u8]) -> Result<Self, CsrFault> {
        let mut fields = Walk::over(info)?.enter(Tag::Sequence)?;
        if unsigned(fields.content(Tag::Integer)?)? != 0 {
            return Err(CsrFault::Version);
        }
        let subject = fields.whole(Tag::Sequence)?;
        let subject = parse::name(subject).map_err(|_| CsrFault::Malformed)?;
        let public_key = match parse::public_key(fields.content(Tag::Sequence)?)? {
            PublicKey::P256(point) => *point,
            other => return Err(CsrFault::Key(other.kind())),
        };
        let attributes = fields.content(constructed(0))?;
        fields.finish()?;
        let extensions = match requested_extensions(attributes)? {
            Some(list) => Extensions::read(list, der)?,
            None => Extensions::default(),
        };
        // In a certificate an extension that cannot be read is for the path to judge; here we are the ones who would write it.
        if let Some(kind) = extensions.malformed.first() {
            return Err(CsrFault::Extension(*kind));
        }
        Ok(Self {
            der: der.into(),
            subject,
            public_key,
            extensions,
        })
    }

    /// The request as received.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// For whom.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// For which key.
    pub fn public_key(&self) -> &Point {
        &self.public_key
    }

    /// The extensions it asks for, as they stand there, in order.
    pub fn extensions(&self) -> impl Iterator<Item = RawExtension<'_>> {
        self.extensions.located.iter().map(|one| RawExtension {
            kind: one.kind,
            criticality: one.criticality,
            value: self.der.get(one.value.clone()).unwrap_or_default(),
        })
    }

    /// The extension `kind`, if it asks for it.
    pub fn extension(&self, kind: ObjectIdentifier) -> Option<RawExtension<'_>> {
        self.extensions().find(|one| one.kind == kind)
    }

    /// The basic constraints it asks for.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.extensions.basic_constraints
    }

    /// Whether it asks for the certificate of a certification authority.
    // RFC 5280 §4.2.1.9: cA is a BOOLEAN DEFAULT FALSE, and without the extension there is no authority either.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints()
            .is_some_and(|constraints| constraints.ca)
    }

    /// The key usage it asks for.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// The TN Authorization List it asks for, and the DER of it as received.
    pub fn tn_auth_list(&self) -> Option<(&TnAuthList, &[u8])> {
        let list = self.extensions.tn_auth_list.as_deref()?;
        let raw = self.extension(super::extensions::oid::TN_AUTH_LIST)?;
        Some((list, raw.value))
    }

    /// The alternative names it asks for.
    pub fn subject_alt_name(&self) -> Option<&SubjectAltName> {
        self.extensions.subject_alt_name.as_ref()
    }
}

impl fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificationRequest({})", self.subject)
    }
}

/// The value of the extensionRequest, if there is one. Other attributes say nothing about the certificate.
// RFC 2986 §4.1: "Attribute { ATTRIBUTE:IOSet } ::= SEQUENCE { type ATTRIBUTE.&id({IOSet}), values SET SIZE(1..MAX) OF
// ATTRIBUTE.&Type({IOSet}{@type}) }"
fn requested_extensions(attributes: &[u8]) -> Result<Option<&[u8]>, CsrFault> {
    let mut attributes = Walk::over(attributes)?;
    let (mut found, mut count) = (None, 0);
    while !attributes.at_end() {
        count += 1;
        if count > MAX_ATTRIBUTES {
            return Err(CsrFault::TooManyAttributes);
        }
        let mut attribute = attributes.enter(Tag::Sequence)?;
        let kind = attribute.oid()?;
        let mut values = attribute.enter(Tag::Set)?;
        attribute.finish()?;
        if kind != EXTENSION_REQUEST {
            continue;
        }
        // RFC 2985 §5.4.2: "SINGLE VALUE TRUE"
        let list = values.whole(Tag::Sequence)?;
        values.finish()?;
        if found.replace(list).is_some() {
            return Err(CsrFault::TwoLists);
        }
    }
    Ok(found)
}

/// Why some bytes are no certification request that we would look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrFault {
    /// It is signed with another algorithm than ecdsa-with-SHA256.
    Algorithm(ObjectIdentifier),
    /// It asks for an extension twice.
    DuplicateExtension(ObjectIdentifier),
    /// It asks for an extension that cannot be read.
    Extension(ObjectIdentifier),
    /// It is for another kind of key than P-256, or for no point of it.
    Key(ObjectIdentifier),
    /// Not the DER of a request.
    Malformed,
    /// It was not signed by the key it is for.
    Signature,
    /// Larger than [`MAX_REQUEST`].
    TooLarge,
    /// More than [`MAX_ATTRIBUTES`] attributes.
    TooManyAttributes,
    /// More extensions than a certificate may have.
    TooManyExtensions,
    /// Two lists of extensions.
    TwoLists,
    /// A version that no standard has.
    Version,
}

impl From<Malformed> for CsrFault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<BadExtensions> for CsrFault {
    fn from(bad: BadExtensions) -> Self {
        match bad {
            BadExtensions::Duplicate(kind) => Self::DuplicateExtension(kind),
            BadExtensions::Malformed => Self::Malformed,
            BadExtensions::TooMany => Self::TooManyExtensions,
        }
    }
}

impl fmt::Display for CsrFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(kind) => {
                write!(
                    f,
                    "the request is signed with {kind}, not ecdsa-with-SHA256"
                )
            }
            Self::DuplicateExtension(kind) => {
                write!(f, "the request asks for the extension {kind} twice")
            }
            Self::Extension(kind) => write!(f, "the requested extension {kind} cannot be read"),
            Self::Key(kind) => write!(f, "the request is for a key of {kind}, not P-256"),
            Self::Malformed => f.write_str("not a certification request in DER"),
            Self::Signature => f.write_str("the request was not signed by the key it is for"),
            Self::TooLarge => write!(f, "the request has more than {MAX_REQUEST} bytes"),
            Self::TooManyAttributes => {
                write!(f, "the request has more than {MAX_ATTRIBUTES} attributes")
            }
            Self::TooManyExtensions => f.write_str("the request asks for too many extensions"),
            Self::TwoLists => f.write_str("the request has two lists of extensions"),
            Self::Version => f.write_str("the request has a version that no standard has"),
        }
    }
}

impl std::error::Error for CsrFault {}
