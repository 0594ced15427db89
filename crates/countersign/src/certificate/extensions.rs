//! The extensions of a certificate that a path rests on, [RFC 5280 §4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)
//! and [RFC 8226 §9](https://www.rfc-editor.org/rfc/rfc8226#section-9).
//!
//! Read here: basicConstraints, keyUsage, extendedKeyUsage, the four about policies, nameConstraints, subject and authority key
//! identifier, subjectAltName, TNAuthList, authority information access, cRLDistributionPoints, noRevAvail, claim constraints. What is critical and
//! not read here is remembered, and refuses the path; an extension we know but cannot read is remembered, too: the certificate
//! parses, and no path goes through it.

use super::access::Access;
use super::constraints::{ClaimConstraints, ConstraintList};
use super::distribution::{self, DistributionPoint};
use super::name_constraints::NameConstraints;
use super::policies::{self, Policies, PolicyLimits, Qualifiers};
use super::tnauthlist::TnAuthList;
use super::walk::{Malformed, Walk, boolean, only, primitive, unsigned};
use const_oid::ObjectIdentifier;
use der::Tag;
use std::ops::Range;
use std::sync::Arc;

/// Most extensions in one certificate: ours has at most ten kinds, the widest profiles about twenty.
pub const MAX_EXTENSIONS: usize = 64;

/// OBJECT IDENTIFIERs of extensions, and of what stands in them.
pub mod oid {
    use const_oid::ObjectIdentifier;

    /// RFC 5280 §4.2.2.1.
    pub const AUTHORITY_INFORMATION_ACCESS: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
    /// RFC 5280 §4.2.1.1.
    pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.5.29.35");
    /// RFC 5280 §4.2.1.9.
    pub const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
    /// RFC 5280 §4.2.1.4.
    pub const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
    /// RFC 5280 §4.2.1.13.
    pub const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
    /// RFC 5280 §4.2.1.12.
    pub const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
    /// RFC 5280 §4.2.1.15.
    pub const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");
    /// id-pe-eJWTClaimConstraints of RFC 9118 §3.
    pub const ENHANCED_JWT_CLAIM_CONSTRAINTS: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.33");
    /// id-pe-JWTClaimConstraints of RFC 8226 §8.
    pub const JWT_CLAIM_CONSTRAINTS: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.27");
    /// RFC 5280 §4.2.1.3.
    pub const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
    /// RFC 5280 §4.2.1.14.
    pub const INHIBIT_ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.54");
    /// RFC 5280 §4.2.1.10.
    pub const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
    /// RFC 9608 §2.
    pub const NO_REV_AVAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.56");
    /// RFC 5280 §4.2.1.11.
    pub const POLICY_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.36");
    /// RFC 5280 §4.2.1.5.
    pub const POLICY_MAPPINGS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.33");
    /// RFC 3279 §2.3.1.
    pub const RSA_ENCRYPTION: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    /// P-256: RFC 5480 §2.1.1.1, as the next two.
    pub const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    /// P-384.
    pub const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    /// P-521.
    pub const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
    /// RFC 5280 §4.2.1.6.
    pub const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
    /// RFC 5280 §4.2.1.2.
    pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
    /// RFC 8226 §9: "id-pe-TNAuthList OBJECT IDENTIFIER ::= { id-pe 26 }".
    pub const TN_AUTH_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.26");
}

/// Whether the subject is a certification authority: RFC 5280 §4.2.1.9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The cA boolean.
    pub ca: bool,
    /// The most intermediate certificates that may follow it, self-issued ones not counted.
    pub path_len: Option<u64>,
}

/// What the key may be used for: RFC 5280 §4.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// cRLSign alone, in [`KeyUsage::bits`].
    pub const CRL_SIGN: u16 = 1 << 9;
    /// digitalSignature alone.
    pub const DIGITAL_SIGNATURE: u16 = 1 << 15;
    /// keyCertSign alone.
    pub const KEY_CERT_SIGN: u16 = 1 << 10;

    /// Signatures other than those on certificates and CRLs: a PASSporT's.
    pub fn digital_signature(self) -> bool {
        self.has(0)
    }

    /// Signatures on certificates.
    pub fn key_cert_sign(self) -> bool {
        self.has(5)
    }

    /// Signatures on CRLs.
    pub fn crl_sign(self) -> bool {
        self.has(6)
    }

    /// The BIT STRING, its bit 0 the highest.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Bit `number` of the BIT STRING, counted from its start.
    fn has(self, number: u32) -> bool {
        self.0 >> (15 - number) & 1 == 1
    }
}

/// The names of a subjectAltName that RFC 5922 §7.1 looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltName {
    /// dNSName values.
    pub dns: Vec<Box<str>>,
    /// uniformResourceIdentifier values.
    pub uris: Vec<Box<str>>,
}

/// One extension as it stands in the certificate, whatever it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawExtension<'a> {
    /// Which.
    pub kind: ObjectIdentifier,
    /// Whether whoever does not know it must refuse the certificate.
    pub criticality: Criticality,
    /// The content of extnValue: DER.
    pub value: &'a [u8],
}

/// RFC 5280 §4.2: "Each extension in a certificate is designated as either critical or non-critical."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// Whoever does not know it refuses the certificate.
    Critical,
    /// Whoever does not know it reads over it.
    NonCritical,
}

/// Where an extension stands in the DER of its certificate.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) kind: ObjectIdentifier,
    pub(super) criticality: Criticality,
    pub(super) value: Range<usize>,
}

/// What was read out of the extensions of one certificate.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) access: Option<Access>,
    pub(super) authority_key: Option<Box<[u8]>>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) claim_constraints: ClaimConstraints,
    pub(super) distribution_points: Box<[DistributionPoint]>,
    pub(super) extended_key_usage: Box<[ObjectIdentifier]>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) name_constraints: Option<Box<NameConstraints>>,
    pub(super) policy_limits: Option<Box<PolicyLimits>>,
    pub(super) subject_alt_name: Option<SubjectAltName>,
    pub(super) subject_key: Option<Box<[u8]>>,
    pub(super) tn_auth_list: Option<Arc<TnAuthList>>,
    /// Extensions we know and could not read.
    pub(super) malformed: Vec<ObjectIdentifier>,
    pub(super) policies: Vec<ObjectIdentifier>,
    /// Every extension there is, in order, with where it stands.
    pub(super) located: Vec<Located>,
    /// Extensions that are critical and are not read here.
    pub(super) unknown_critical: Vec<ObjectIdentifier>,
}

/// Why the run of extensions itself cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadExtensions {
    Duplicate(ObjectIdentifier),
    Malformed,
    TooMany,
}

impl From<Malformed> for BadExtensions {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Extensions {
    /// Reads `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`.
    /// `certificate` is the DER that `der` is a part of.
    pub(super) fn read(der: &[u8], certificate: &[u8]) -> Result<Self, BadExtensions> {
        let mut outer = Walk::over(der)?;
        let mut list = outer.enter(Tag::Sequence)?;
        outer.finish()?;
        if list.at_end() {
            return Err(BadExtensions::Malformed);
        }
        let mut extensions = Self::default();
        while !list.at_end() {
            let (kind, critical, value) = read_one(list.enter(Tag::Sequence)?)?;
            // RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular extension."
            if extensions.located.iter().any(|one| one.kind == kind) {
                return Err(BadExtensions::Duplicate(kind));
            }
            if extensions.located.len() == MAX_EXTENSIONS {
                return Err(BadExtensions::TooMany);
            }
            extensions.located.push(Located {
                kind,
                criticality: match critical {
                    true => Criticality::Critical,
                    false => Criticality::NonCritical,
                },
                value: position(value, certificate),
            });
            match extensions.take(kind, value) {
                Ok(Known::Yes) => {}
                Ok(Known::No) if critical => extensions.unknown_critical.push(kind),
                Ok(Known::No) => {}
                Err(Malformed) => extensions.malformed.push(kind),
            }
        }
        Ok(extensions)
    }

    fn take(&mut self, kind: ObjectIdentifier, value: &[u8]) -> Result<Known, Malformed> {
        match kind {
            oid::AUTHORITY_INFORMATION_ACCESS => self.access = Some(Access::read(value)?),
            oid::AUTHORITY_KEY_IDENTIFIER => self.authority_key = authority_key(value)?,
            oid::BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(value)?),
            oid::CERTIFICATE_POLICIES => {
                let Policies { found, qualifiers } = policies::policies(value)?;
                self.policies = found;
                // RFC 5280 §4.2.1.4: "If this extension is critical, the path validation software MUST be able to interpret this
                // extension (including the optional qualifier), or MUST reject the certificate."
                if qualifiers == Qualifiers::Unknown {
                    return Ok(Known::No);
                }
            }
            oid::CRL_DISTRIBUTION_POINTS => self.distribution_points = distribution::points(value)?,
            oid::ENHANCED_JWT_CLAIM_CONSTRAINTS => {
                let list = ConstraintList::from_der(value).map_err(|_| Malformed)?;
                self.claim_constraints.enhanced = Some(list);
            }
            oid::JWT_CLAIM_CONSTRAINTS => {
                let list = ConstraintList::plain_from_der(value).map_err(|_| Malformed)?;
                self.claim_constraints.plain = Some(list);
            }
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage = extended_key_usage(value)?,
            oid::INHIBIT_ANY_POLICY => {
                self.limits().inhibit_any = Some(policies::inhibit_any(value)?)
            }
            oid::KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            oid::NAME_CONSTRAINTS => {
                self.name_constraints = Some(Box::new(NameConstraints::read(value)?))
            }
            // RFC 9608 §2: the value is NULL.
            oid::NO_REV_AVAIL => match only(value, Tag::Null)? {
                [] => {}
                _ => return Err(Malformed),
            },
            oid::POLICY_CONSTRAINTS => {
                let (explicit, mapping) = policies::constraints(value)?;
                self.limits().require_explicit = explicit;
                self.limits().inhibit_mapping = mapping;
            }
            oid::POLICY_MAPPINGS => self.limits().mappings = policies::mappings(value)?,
            oid::SUBJECT_ALT_NAME => self.subject_alt_name = Some(subject_alt_name(value)?),
            oid::SUBJECT_KEY_IDENTIFIER => {
                self.subject_key = Some(only(value, Tag::OctetString)?.into())
            }
            oid::TN_AUTH_LIST => {
                let list = TnAuthList::from_der(value).map_err(|_| Malformed)?;
                self.tn_auth_list = Some(Arc::new(list));
            }
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    }

    /// What the certificate asks of policies; few ask anything.
    fn limits(&mut self) -> &mut PolicyLimits {
        self.policy_limits.get_or_insert_default()
    }
}

/// Where `part`, a slice of `whole`, begins and ends in it.
fn position(part: &[u8], whole: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    start..start.wrapping_add(part.len())
}

enum Known {
    No,
    Yes,
}

/// `Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }`, RFC 5280 §4.1.
pub(super) fn read_one(mut fields: Walk<'_>) -> Result<(ObjectIdentifier, bool, &[u8]), Malformed> {
    let kind = fields.oid()?;
    let critical = match fields.content_if(Tag::Boolean)? {
        Some(content) => boolean(content)?,
        None => false,
    };
    let value = fields.content(Tag::OctetString)?;
    fields.finish()?;
    Ok((kind, critical, value))
}

/// `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`, without its outermost tag, as lists and status responses have them: each
/// with what it is, whether it is critical, and its value; at most `MOST` of them, none twice.
// A list of revoked certificates has hundreds of thousands of such runs: what was seen stays on the stack.
pub(super) fn each<'a, const MOST: usize, E: From<BadExtensions> + From<Malformed>>(
    content: &'a [u8],
    mut take: impl FnMut(ObjectIdentifier, bool, &'a [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut list = Walk::over(content)?;
    let mut seen = [None; MOST];
    let mut count = 0;
    while !list.at_end() {
        let (kind, critical, value) = read_one(list.enter(Tag::Sequence)?)?;
        let before = seen.get(..count).unwrap_or_default();
        if before.contains(&Some(kind)) {
            return Err(BadExtensions::Duplicate(kind).into());
        }
        *seen.get_mut(count).ok_or(BadExtensions::TooMany)? = Some(kind);
        count += 1;
        take(kind, critical, value)?;
    }
    Ok(())
}

/// RFC 5280 §4.2.1.1: the `[0] keyIdentifier`; the issuer and serial number beside it are not used for STIR paths.
pub(super) fn authority_key(value: &[u8]) -> Result<Option<Box<[u8]>>, Malformed> {
    let mut fields = Walk::over(only(value, Tag::Sequence)?)?;
    let key = fields.content_if(primitive(0))?;
    while !fields.at_end() {
        fields.any()?;
    }
    Ok(key.map(Box::from))
}

/// RFC 5280 §4.2.1.9: "BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }"
fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, Malformed> {
    let mut fields = Walk::over(only(value, Tag::Sequence)?)?;
    // An explicit FALSE is not DER, but common, and says the same.
    let ca = match fields.content_if(Tag::Boolean)? {
        Some(content) => boolean(content)?,
        None => false,
    };
    let path_len = match fields.content_if(Tag::Integer)? {
        Some(content) => Some(unsigned(content)?),
        None => None,
    };
    fields.finish()?;
    Ok(BasicConstraints { ca, path_len })
}

/// RFC 5280 §4.2.1.3: "KeyUsage ::= BIT STRING", nine named bits.
fn key_usage(value: &[u8]) -> Result<KeyUsage, Malformed> {
    match *only(value, Tag::BitString)? {
        // RFC 5280 §4.2.1.3: "When the keyUsage extension appears in a certificate, at least one of the bits MUST be set to 1."
        [unused @ 0..=7, first] if first != 0 && first.trailing_zeros() >= u32::from(unused) => {
            Ok(KeyUsage(u16::from_be_bytes([first, 0])))
        }
        [unused @ 0..=7, first, second] if second.trailing_zeros() >= u32::from(unused) => {
            match u16::from_be_bytes([first, second]) {
                0 => Err(Malformed),
                bits => Ok(KeyUsage(bits)),
            }
        }
        _ => Err(Malformed),
    }
}

/// RFC 5280 §4.2.1.12: "ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId"
fn extended_key_usage(value: &[u8]) -> Result<Box<[ObjectIdentifier]>, Malformed> {
    let mut purposes = Walk::over(only(value, Tag::Sequence)?)?;
    let mut found = Vec::new();
    while !purposes.at_end() {
        found.push(purposes.oid()?);
    }
    match found.is_empty() {
        true => Err(Malformed),
        false => Ok(found.into()),
    }
}

/// RFC 5280 §4.2.1.6: `[2] dNSName` and `[6] uniformResourceIdentifier`; the other kinds of name are read over.
fn subject_alt_name(value: &[u8]) -> Result<SubjectAltName, Malformed> {
    let mut names = Walk::over(only(value, Tag::Sequence)?)?;
    let mut found = SubjectAltName::default();
    while !names.at_end() {
        let (tag, content) = names.any()?;
        let text = || match std::str::from_utf8(content) {
            Ok(text) if text.is_ascii() => Ok(Box::from(text)),
            _ => Err(Malformed),
        };
        if tag == primitive(2) {
            found.dns.push(text()?);
        } else if tag == primitive(6) {
            found.uris.push(text()?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_usage_bits_are_counted_from_the_left() {
        let signing = key_usage(&[3, 2, 7, 0x80]).unwrap();
        assert!(signing.digital_signature() && !signing.key_cert_sign() && !signing.crl_sign());
        let authority = key_usage(&[3, 2, 1, 0x06]).unwrap();
        assert!(
            !authority.digital_signature() && authority.key_cert_sign() && authority.crl_sign()
        );
        let decipher_only = key_usage(&[3, 3, 7, 0, 0x80]).unwrap();
        assert!(!decipher_only.digital_signature() && decipher_only.has(8));
        for bad in [
            &[3, 1, 0][..],
            &[3, 2, 0, 0],
            &[3, 2, 8, 0x80],
            &[3, 2, 7, 0xc0],
            &[3, 4, 0, 1, 1, 1],
            &[4, 2, 7, 0x80],
        ] {
            assert_eq!(key_usage(bad), Err(Malformed), "{bad:02x?}");
        }
    }

    /// `[critical, ]qualifier` of policy 2.5.29.32.0 (any policy), as the one extension.
    fn with_qualifier(critical: &[u8], qualifier: u8) -> Extensions {
        let tlv = |tag: u8, parts: &[&[u8]]| {
            let content = parts.concat();
            [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat()
        };
        let kind = tlv(6, &[&[0x2b, 6, 1, 5, 5, 7, 2, qualifier]]);
        let qualifiers = tlv(0x30, &[&tlv(0x30, &[&kind, &[0x16, 1, b'x']])]);
        let policy = tlv(0x30, &[&[6, 4, 0x55, 0x1d, 0x20, 0], &qualifiers]);
        let value = tlv(4, &[&tlv(0x30, &[&policy])]);
        let extension = tlv(0x30, &[&[6, 3, 0x55, 0x1d, 0x20], critical, &value]);
        let der = tlv(0x30, &[&extension]);
        Extensions::read(&der, &der).unwrap()
    }

    #[test]
    fn a_policy_qualifier_must_be_understood_where_it_is_critical() {
        const CRITICAL: &[u8] = &[1, 1, 0xff];
        let (cps, notice, other) = (1, 2, 9);
        for (critical, qualifier, refused) in [
            (&[][..], cps, 0),
            (&[], notice, 0),
            (&[], other, 0),
            (CRITICAL, cps, 0),
            (CRITICAL, notice, 0),
            (CRITICAL, other, 1),
        ] {
            let read = with_qualifier(critical, qualifier);
            assert_eq!(read.unknown_critical.len(), refused, "{qualifier}");
            assert!(read.malformed.is_empty(), "{qualifier}");
        }
    }

    #[test]
    fn basic_constraints_in_every_form() {
        let form = |bytes: &[u8]| basic_constraints(bytes).map(|found| (found.ca, found.path_len));
        assert_eq!(form(&[0x30, 0]), Ok((false, None)));
        assert_eq!(form(&[0x30, 3, 1, 1, 0]), Ok((false, None)));
        assert_eq!(form(&[0x30, 3, 1, 1, 0xff]), Ok((true, None)));
        assert_eq!(form(&[0x30, 6, 1, 1, 0xff, 2, 1, 0]), Ok((true, Some(0))));
        for bad in [
            &[0x30, 3, 1, 1, 1][..],
            &[0x30, 6, 1, 1, 0xff, 2, 1, 0x80],
            &[0x30, 0, 0],
            &[0x31, 0],
        ] {
            assert_eq!(form(bad), Err(Malformed), "{bad:02x?}");
        }
    }
}
