//! Where revocations are published, as certificates and revocation lists both say it: cRLDistributionPoints of
//! [RFC 5280 §4.2.1.13](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.13), issuingDistributionPoint of
//! [RFC 5280 §5.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-5.2.5).
//!
//! Read here, and compared; whether a certificate was revoked is judged in [`crate::trust::revocation`].

use super::DistinguishedName;
use super::name::MAX_NAME;
use super::walk::{Malformed, Walk, boolean, constructed, only, primitive};
use der::Tag;
use std::ops::{BitAnd, BitOr};

/// Most distribution points in one certificate: SHAKEN has one; a list split by reasons has a handful.
pub const MAX_POINTS: usize = 16;

/// Most names in one distribution point: each is another way to the same list, and two (HTTP and LDAP) are usual.
pub const MAX_NAMES: usize = 16;

/// One place where revocations of a certificate are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionPoint {
    /// Where the list is.
    pub name: Option<PointName>,
    /// The reasons that the list speaks of: all, if the certificate does not say.
    pub reasons: Reasons,
    /// Who signs the list, where that is not the issuer of the certificate.
    pub crl_issuer: Box<[GeneralName]>,
}

/// What a revocation list speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListScope {
    /// The place it is published at; certificates that name another are none of its business.
    pub name: Option<PointName>,
    /// Which kind of certificate it speaks of.
    pub subjects: ListSubjects,
    /// The reasons it speaks of.
    pub reasons: Reasons,
    /// Whose certificates it speaks of.
    pub issuers: ListIssuers,
}

/// Which kind of certificate a revocation list speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListSubjects {
    /// Attribute certificates, of which we know nothing; or, by two contradicting marks, none at all.
    AttributeCertificates,
    /// Those of certification authorities.
    Authorities,
    /// Those of any public key.
    Every,
    /// Those of end entities.
    Users,
}

/// Whose certificates a revocation list speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListIssuers {
    /// Of any authority; each entry says whose: an indirect list.
    Any,
    /// Of the authority that signs the list.
    Own,
}

/// `DistributionPointName`: where a list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PointName {
    /// Each of the names leads to the same list.
    Full(Box<[GeneralName]>),
    /// The DER of attributes that go on behind the name of who signs the list. Conforming authorities do not write it
    /// (RFC 5280 §4.2.1.13); it is the same place only as the very same bytes.
    Relative(Box<[u8]>),
}

/// `GeneralName` of RFC 5280 §4.2.1.6, as far as it names who signs a list and where the list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    /// A distinguished name.
    Directory(DistinguishedName),
    /// A name of any other kind, in DER.
    Other(Box<[u8]>),
    /// A URI.
    Uri(Box<str>),
}

/// A set of reasons for revocation: `ReasonFlags` of RFC 5280 §4.2.1.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reasons(u16);

impl Reasons {
    /// Every reason there is.
    pub const ALL: Self = Self(0x7f80);
    /// No reason at all.
    pub const NONE: Self = Self(0);

    /// Whether every reason of `other` is one of these.
    pub fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// `ReasonFlags ::= BIT STRING { unused (0), keyCompromise (1), ... aACompromise (8) }`
    fn from_bit_string(content: &[u8]) -> Result<Self, Malformed> {
        let bits = match *content {
            [0] => 0,
            [unused @ 0..=7, first] if first.trailing_zeros() >= u32::from(unused) => {
                u16::from_be_bytes([first, 0])
            }
            [unused @ 0..=7, first, second] if second.trailing_zeros() >= u32::from(unused) => {
                u16::from_be_bytes([first, second])
            }
            _ => return Err(Malformed),
        };
        Ok(Self(bits & Self::ALL.0))
    }
}

impl BitAnd for Reasons {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Reasons {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl PointName {
    /// Whether both lead to the same list.
    // RFC 5280 §6.3.3 (b) (2) (i): "verify that one of the names in the IDP matches one of the names in the DP."
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Full(left), Self::Full(right)) => overlap(left, right),
            (Self::Relative(left), Self::Relative(right)) => left == right,
            _ => false,
        }
    }

    /// The URIs among the names.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::Full(names) => &**names,
            Self::Relative(_) => &[],
        };
        names.iter().filter_map(|name| match name {
            GeneralName::Uri(uri) => Some(&**uri),
            GeneralName::Directory(_) | GeneralName::Other(_) => None,
        })
    }
}

/// Whether one of the names on the left is one of those on the right.
pub fn overlap(left: &[GeneralName], right: &[GeneralName]) -> bool {
    left.iter()
        .any(|one| right.iter().any(|other| one.matches(other)))
}

impl GeneralName {
    /// Whether both name the same.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(left), Self::Directory(right)) => left.matches(right),
            (Self::Uri(left), Self::Uri(right)) => uris_match(left, right),
            _ => self == other,
        }
    }

    /// The distinguished name, if it is one.
    pub fn directory(&self) -> Option<&DistinguishedName> {
        match self {
            Self::Directory(name) => Some(name),
            Self::Other(_) | Self::Uri(_) => None,
        }
    }
}

/// RFC 5280 §7.4: "The scheme and host are normalized to lowercase". The rest is compared as it stands: RFC 5280 §5.2.5 wants "The
/// identical encoding" in list and certificate.
fn uris_match(left: &str, right: &str) -> bool {
    let split = |uri: &str| {
        let host = uri.find("://").map_or(0, |colon| colon + 3);
        let after = uri.get(host..).unwrap_or_default();
        host + after.find(['/', '?', '#']).unwrap_or(after.len())
    };
    let (at, other_at) = (split(left), split(right));
    let heads = (left.get(..at), right.get(..other_at));
    let same_head = matches!(heads, (Some(one), Some(other)) if one.eq_ignore_ascii_case(other));
    same_head && left.get(at..) == right.get(other_at..)
}

/// `CRLDistributionPoints ::= SEQUENCE SIZE (1..MAX) OF DistributionPoint`
pub(super) fn points(value: &[u8]) -> Result<Box<[DistributionPoint]>, Malformed> {
    let mut list = Walk::over(only(value, Tag::Sequence)?)?;
    let mut found = Vec::new();
    while !list.at_end() {
        if found.len() == MAX_POINTS {
            return Err(Malformed);
        }
        found.push(point(list.enter(Tag::Sequence)?)?);
    }
    match found.is_empty() {
        true => Err(Malformed),
        false => Ok(found.into()),
    }
}

/// `DistributionPoint ::= SEQUENCE { distributionPoint [0] DistributionPointName OPTIONAL, reasons [1] ReasonFlags OPTIONAL,
/// cRLIssuer [2] GeneralNames OPTIONAL }`
fn point(mut fields: Walk<'_>) -> Result<DistributionPoint, Malformed> {
    let name = point_name(&mut fields)?;
    let reasons = reasons(&mut fields, 1)?;
    let crl_issuer = match fields.content_if(constructed(2))? {
        Some(names) => general_names(names)?,
        None => Box::default(),
    };
    fields.finish()?;
    // RFC 5280 §4.2.1.13: "a DistributionPoint MUST NOT consist of only the reasons field; either distributionPoint or
    // cRLIssuer MUST be present."
    if name.is_none() && crl_issuer.is_empty() {
        return Err(Malformed);
    }
    Ok(DistributionPoint {
        name,
        reasons,
        crl_issuer,
    })
}

/// `IssuingDistributionPoint`, RFC 5280 §5.2.5. Booleans that say FALSE are not DER, but say what their absence says.
pub(super) fn list_scope(value: &[u8]) -> Result<ListScope, Malformed> {
    let mut fields = Walk::over(only(value, Tag::Sequence)?)?;
    let name = point_name(&mut fields)?;
    let users = flag(&mut fields, 1)?;
    let authorities = flag(&mut fields, 2)?;
    let reasons = reasons(&mut fields, 3)?;
    let indirect = flag(&mut fields, 4)?;
    let attributes = flag(&mut fields, 5)?;
    fields.finish()?;
    Ok(ListScope {
        name,
        // RFC 5280 §5.2.5: "at most one of onlyContainsUserCerts, onlyContainsCACerts, and onlyContainsAttributeCerts may be set
        // to TRUE."
        subjects: match (users, authorities, attributes) {
            (false, false, false) => ListSubjects::Every,
            (true, false, false) => ListSubjects::Users,
            (false, true, false) => ListSubjects::Authorities,
            (false, false, true) => ListSubjects::AttributeCertificates,
            _ => return Err(Malformed),
        },
        reasons,
        issuers: match indirect {
            true => ListIssuers::Any,
            false => ListIssuers::Own,
        },
    })
}

impl ListScope {
    /// Of a list that says nothing about itself: all that its signer has issued.
    pub(super) const fn unlimited() -> Self {
        Self {
            name: None,
            subjects: ListSubjects::Every,
            reasons: Reasons::ALL,
            issuers: ListIssuers::Own,
        }
    }
}

/// `[0] DistributionPointName`, EXPLICIT because it is a CHOICE.
fn point_name(fields: &mut Walk<'_>) -> Result<Option<PointName>, Malformed> {
    let Some(choice) = fields.content_if(constructed(0))? else {
        return Ok(None);
    };
    let mut choice = Walk::over(choice)?;
    let name = match choice.any()? {
        (tag, names) if tag == constructed(0) => PointName::Full(general_names(names)?),
        (tag, attributes) if tag == constructed(1) => PointName::Relative(attributes.into()),
        _ => return Err(Malformed),
    };
    choice.finish()?;
    Ok(Some(name))
}

fn reasons(fields: &mut Walk<'_>, number: u32) -> Result<Reasons, Malformed> {
    match fields.content_if(primitive(number))? {
        Some(flags) => Reasons::from_bit_string(flags),
        None => Ok(Reasons::ALL),
    }
}

fn flag(fields: &mut Walk<'_>, number: u32) -> Result<bool, Malformed> {
    match fields.content_if(primitive(number))? {
        Some(content) => boolean(content),
        None => Ok(false),
    }
}

/// `GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName`, without its outermost tag.
pub(super) fn general_names(content: &[u8]) -> Result<Box<[GeneralName]>, Malformed> {
    let mut names = Walk::over(content)?;
    let mut found = Vec::new();
    while !names.at_end() {
        if found.len() == MAX_NAMES {
            return Err(Malformed);
        }
        found.push(general_name(&mut names)?);
    }
    match found.is_empty() {
        true => Err(Malformed),
        false => Ok(found.into()),
    }
}

fn general_name(names: &mut Walk<'_>) -> Result<GeneralName, Malformed> {
    let tag = names.peek().ok_or(Malformed)?;
    if tag == constructed(4) {
        let der = names.content(tag)?;
        // Taken apart, a name needs many times its length, and in a revocation list it is read before any signature is verified.
        return match der.len() {
            0..=MAX_NAME => DistinguishedName::from_der(der).map(GeneralName::Directory),
            _ => Err(Malformed),
        };
    }
    if tag == primitive(6) {
        let text = std::str::from_utf8(names.content(tag)?).map_err(|_| Malformed)?;
        // RFC 5280 §4.2.1.6: "uniformResourceIdentifier [6] IA5String"
        return match text.is_ascii() {
            true => Ok(GeneralName::Uri(text.into())),
            false => Err(Malformed),
        };
    }
    names.whole(tag).map(|der| GeneralName::Other(der.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::encode::{element, sequence};

    fn uri(text: &str) -> GeneralName {
        GeneralName::Uri(text.into())
    }

    #[test]
    fn scheme_and_host_have_no_case_and_the_rest_has() {
        let list = uri("https://sti-pa.example/crl");
        assert!(list.matches(&uri("HTTPS://STI-PA.example/crl")));
        for other in [
            "https://sti-pa.example/CRL",
            "https://sti-pa.example",
            "https://sti-pa.example/crl/",
            "http://sti-pa.example/crl",
        ] {
            assert!(!list.matches(&uri(other)), "{other}");
        }
        assert!(!list.matches(&GeneralName::Other(Box::default())));
    }

    #[test]
    fn reasons_are_a_set() {
        let some = Reasons::from_bit_string(&[6, 0x40]).unwrap();
        assert!(Reasons::ALL.includes(some) && !some.includes(Reasons::ALL));
        let others = Reasons::from_bit_string(&[7, 0x3f, 0x80]).unwrap();
        assert_eq!(some & others, Reasons::NONE);
        assert_eq!(some | others, Reasons::ALL, "unused (0) is no reason");
        assert_eq!(Reasons::from_bit_string(&[7, 0xff, 0x80]), Ok(Reasons::ALL));
        for bad in [&[][..], &[8, 0x80], &[7, 0x40], &[0, 0, 0, 0]] {
            assert_eq!(Reasons::from_bit_string(bad), Err(Malformed), "{bad:02x?}");
        }
    }

    #[test]
    fn a_point_says_where_or_by_whom() {
        let only_reasons = sequence(&[sequence(&[element(0x81, &[6, 0x40])])]);
        assert_eq!(points(&only_reasons), Err(Malformed));
        assert_eq!(points(&sequence(&[])), Err(Malformed));
        let here = element(0xa0, &element(0xa0, &element(0x86, b"http://a.example/")));
        let one = sequence(std::slice::from_ref(&here));
        assert_eq!(
            points(&sequence(std::slice::from_ref(&one))).unwrap().len(),
            1
        );
        assert_eq!(
            points(&sequence(&vec![one.clone(); MAX_POINTS]))
                .unwrap()
                .len(),
            MAX_POINTS
        );
        assert_eq!(
            points(&sequence(&vec![one; MAX_POINTS + 1])),
            Err(Malformed)
        );
        let relative = element(0xa0, &element(0xa1, &[]));
        let relative = points(&sequence(&[sequence(&[relative])])).unwrap();
        let name = relative[0].name.as_ref().unwrap();
        assert!(name.overlaps(name) && name.uris().next().is_none());
    }

    #[test]
    fn what_a_list_speaks_of() {
        let scope = |fields: &[Vec<u8>]| list_scope(&sequence(fields));
        assert_eq!(scope(&[]), Ok(ListScope::unlimited()));
        let mark = |number: u8, value: u8| element(0x80 | number, &[value]);
        assert_eq!(
            scope(&[mark(1, 0xff)]).unwrap().subjects,
            ListSubjects::Users
        );
        assert_eq!(
            scope(&[mark(2, 0xff)]).unwrap().subjects,
            ListSubjects::Authorities
        );
        assert_eq!(scope(&[mark(4, 0xff)]).unwrap().issuers, ListIssuers::Any);
        assert_eq!(
            scope(&[mark(5, 0xff)]).unwrap().subjects,
            ListSubjects::AttributeCertificates
        );
        for bad in [
            &[mark(1, 0xff), mark(2, 0xff)][..],
            &[mark(2, 0xff), mark(1, 0xff)],
            &[mark(4, 1)],
            &[mark(6, 0xff)],
        ] {
            assert_eq!(scope(bad), Err(Malformed), "{bad:02x?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let wrapped = sequence(std::slice::from_ref(&bytes));
            for value in [&bytes, &wrapped] {
                let _ = (points(value), list_scope(value));
            }
        }
    }
}
