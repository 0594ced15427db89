//! Distinguished names: compared for name chaining, shown to people.
//!
//! The DER is kept as received. Two names are the same if [`DistinguishedName::matches`] says so: attribute by attribute, text
//! folded as far as [RFC 5280 §7.1](https://www.rfc-editor.org/rfc/rfc5280#section-7.1) asks, without the Unicode
//! normalization of RFC 4518 (`docs/divergences.md`). Name constraints live elsewhere.

use super::walk::{Malformed, Walk};
use const_oid::ObjectIdentifier;
use der::Tag;
use std::fmt::{self, Write};

/// Longest name in a certificate, in bytes of DER. RFC 5280 Appendix A bounds each attribute (64 characters of common name,
/// for one) and not their number; names in use have about a hundred bytes. Comparing sets of attributes costs the product of
/// their sizes, so a name without bound would be a weapon.
pub const MAX_NAME: usize = 4 * 1024;

/// A distinguished name, as it stands in a certificate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName(Box<[u8]>);

impl DistinguishedName {
    /// Takes a `Name` (RFC 5280 §4.1.2.4) in DER, tag and length included; `None` if it is not one.
    pub fn new(der: &[u8]) -> Option<Self> {
        Self::from_der(der).ok()
    }

    pub(super) fn from_der(der: &[u8]) -> Result<Self, Malformed> {
        let name = Self(der.into());
        let mut sets = name.sets()?;
        while !sets.at_end() {
            let mut set = sets.enter(Tag::Set)?;
            while !set.at_end() {
                Attribute::read(set.enter(Tag::Sequence)?)?;
            }
        }
        Ok(name)
    }

    /// The name in DER, as received.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// Whether it has no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.sets().is_ok_and(|sets| sets.at_end())
    }

    /// Whether both name the same entity.
    // RFC 5280 §7.1: "Two distinguished names DN1 and DN2 match if they have the same number of RDNs, for each RDN in DN1
    // there is a matching RDN in DN2, and the matching RDNs appear in the same order in both DNs."
    pub fn matches(&self, other: &Self) -> bool {
        // Most names that differ do so in one set: those that are the same bytes are not looked into.
        self.0 == other.0
            || self
                .begin_alike(other)
                .is_ok_and(|(left, right)| left.at_end() && right.at_end())
    }

    /// What is left of two names behind the sets that match.
    fn begin_alike<'a>(&'a self, other: &'a Self) -> Result<(Walk<'a>, Walk<'a>), Malformed> {
        let (mut left, mut right) = (self.sets()?, other.sets()?);
        while !left.at_end() && !right.at_end() {
            let before = (left.clone(), right.clone());
            let (own, wanted) = (left.content(Tag::Set)?, right.content(Tag::Set)?);
            if own != wanted && !sets_match(&attributes(own)?, &attributes(wanted)?) {
                return Ok(before);
            }
        }
        Ok((left, right))
    }

    /// One run of bytes for all names that [`DistinguishedName::matches`] calls the same: for maps of names.
    pub fn canonical(&self) -> Box<[u8]> {
        let mut canonical = Vec::with_capacity(self.0.len());
        for set in self.attributes().unwrap_or_default() {
            append(&mut canonical, &sorted(&set).concat());
        }
        canonical.into()
    }

    /// Whether it lies in the subtree below `base`: it begins with the same attributes.
    pub(super) fn is_within(&self, base: &Self) -> bool {
        self.begin_alike(base).is_ok_and(|(_, left)| left.at_end())
    }

    /// The values of emailAddress attributes, RFC 5280 §4.1.2.6.
    pub(super) fn mail_addresses(&self) -> impl Iterator<Item = &str> {
        let sets = self.attributes().unwrap_or_default();
        let attributes = sets.into_iter().flatten();
        attributes
            .filter(|attribute| attribute.kind == EMAIL_ADDRESS)
            .filter_map(|attribute| attribute.text())
    }

    /// The value of the first CN attribute, if it is text.
    pub fn common_name(&self) -> Option<String> {
        let sets = self.attributes().ok()?;
        let common_name = sets
            .iter()
            .flatten()
            .find(|attribute| attribute.kind == COMMON_NAME)?;
        common_name.text().map(str::to_owned)
    }

    /// The values of CN and O attributes, those that are text.
    pub fn names(&self) -> Box<[Box<str>]> {
        let parts = self.parts();
        let named = parts
            .iter()
            .filter(|part| matches!(part.kind, COMMON_NAME | ORGANIZATION));
        named
            .filter_map(|part| part.text().map(Box::from))
            .collect()
    }

    /// Every attribute in order, those of one set among them.
    pub fn parts(&self) -> Vec<Attribute<'_>> {
        let sets = self.attributes().unwrap_or_default();
        sets.into_iter().flatten().collect()
    }

    /// The sets of attributes, in order.
    fn sets(&self) -> Result<Walk<'_>, Malformed> {
        let mut outer = Walk::over(&self.0)?;
        let sets = outer.enter(Tag::Sequence)?;
        outer.finish()?;
        Ok(sets)
    }

    fn attributes(&self) -> Result<Vec<Vec<Attribute<'_>>>, Malformed> {
        let (mut walk, mut sets) = (self.sets()?, Vec::new());
        while !walk.at_end() {
            sets.push(attributes(walk.content(Tag::Set)?)?);
        }
        Ok(sets)
    }
}

/// The attributes of one set.
fn attributes(set: &[u8]) -> Result<Vec<Attribute<'_>>, Malformed> {
    let (mut walk, mut attributes) = (Walk::over(set)?, Vec::new());
    while !walk.at_end() {
        attributes.push(Attribute::read(walk.enter(Tag::Sequence)?)?);
    }
    Ok(attributes)
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// Attributes that people know by a short name: RFC 4514 §3, and serialNumber.
const SHORT_NAMES: [(&str, ObjectIdentifier); 7] = [
    ("C", ObjectIdentifier::new_unwrap("2.5.4.6")),
    ("CN", COMMON_NAME),
    ("L", ObjectIdentifier::new_unwrap("2.5.4.7")),
    ("O", ORGANIZATION),
    ("OU", ObjectIdentifier::new_unwrap("2.5.4.11")),
    ("ST", ObjectIdentifier::new_unwrap("2.5.4.8")),
    ("serialNumber", ObjectIdentifier::new_unwrap("2.5.4.5")),
];

/// One attribute of a name, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Which: countryName is 2.5.4.6.
    pub kind: ObjectIdentifier,
    /// The type of its value.
    pub tag: Tag,
    /// The content of its value.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    fn read(mut fields: Walk<'a>) -> Result<Self, Malformed> {
        let kind = fields.oid()?;
        let (tag, value) = fields.any()?;
        fields.finish()?;
        Ok(Self { kind, tag, value })
    }

    /// The value, if it is of a type whose text we compare and show: UTF8String, PrintableString or IA5String.
    pub fn text(&self) -> Option<&'a str> {
        match self.tag {
            Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
                std::str::from_utf8(self.value).ok()
            }
            _ => None,
        }
    }

    fn canonical(&self) -> Vec<u8> {
        let mut canonical = Vec::new();
        append(&mut canonical, self.kind.as_bytes());
        match self.text() {
            Some(text) => {
                append(&mut canonical, &[]);
                append(&mut canonical, folded(text).collect::<String>().as_bytes());
            }
            None => {
                append(&mut canonical, self.tag.to_string().as_bytes());
                append(&mut canonical, self.value);
            }
        }
        canonical
    }

    fn matches(&self, other: &Self) -> bool {
        if self.kind != other.kind {
            return false;
        }
        match (self.text(), other.text()) {
            (Some(left), Some(right)) => folded(left).eq(folded(right)),
            _ => self.tag == other.tag && self.value == other.value,
        }
    }
}

/// Adds `part` with its length in front, so that no two lists of parts make the same bytes.
fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
    bytes.extend_from_slice(part);
}

/// RFC 5280 §7.1: "Two relative distinguished names RDN1 and RDN2 match if they have the same number of naming attributes and
/// for each naming attribute in RDN1 there is a matching naming attribute in RDN2."
fn sets_match(left: &[Attribute<'_>], right: &[Attribute<'_>]) -> bool {
    match (left, right) {
        ([one], [other]) => one.matches(other),
        // Each in its own: `a+a` is not `a+b`, or a path would chain by names that a revocation list tells apart.
        _ => left.len() == right.len() && sorted(left) == sorted(right),
    }
}

fn sorted(set: &[Attribute<'_>]) -> Vec<Vec<u8>> {
    let mut attributes: Vec<_> = set.iter().map(Attribute::canonical).collect();
    attributes.sort_unstable();
    attributes
}

/// Text without case, without blanks at the ends, and with one blank for several: RFC 4518 §2.2 and §2.6.1 in short.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let words = text.split_whitespace().enumerate();
    words.flat_map(|(index, word)| {
        let blank = (index > 0).then_some(' ');
        blank
            .into_iter()
            .chain(word.chars().flat_map(char::to_lowercase))
    })
}

impl fmt::Display for DistinguishedName {
    /// `CN=SHAKEN 1234,O=Example,C=US`: the form of RFC 4514, the last attribute first. Control characters are shown escaped,
    /// whatever the certificate holds: this text stands in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets = self.attributes().unwrap_or_default();
        for (index, set) in sets.iter().rev().enumerate() {
            for (inner, attribute) in set.iter().enumerate() {
                f.write_str(match (index, inner) {
                    (0, 0) => "",
                    (_, 0) => ",",
                    _ => "+",
                })?;
                show(attribute, f)?;
            }
        }
        Ok(())
    }
}

fn show(attribute: &Attribute<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match SHORT_NAMES.iter().find(|(_, kind)| *kind == attribute.kind) {
        Some((short, _)) => write!(f, "{short}=")?,
        None => write!(f, "{}=", attribute.kind)?,
    }
    let Some(text) = attribute.text() else {
        f.write_char('#')?;
        return attribute
            .value
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"));
    };
    for character in text.chars() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => write!(f, "\\{character}")?,
            _ if character.is_control() => write!(f, "{}", character.escape_default())?,
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::encode;

    /// A name of one-attribute sets: (attribute of 2.5.4, string tag, text).
    fn name(parts: &[(u8, u8, &str)]) -> DistinguishedName {
        let tlv = |tag: u8, content: &[u8]| {
            [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
        };
        let sets: Vec<u8> = parts
            .iter()
            .flat_map(|(kind, tag, text)| {
                let attribute = [tlv(6, &[0x55, 4, *kind]), tlv(*tag, text.as_bytes())].concat();
                tlv(0x31, &tlv(0x30, &attribute))
            })
            .collect();
        DistinguishedName::from_der(&tlv(0x30, &sets)).unwrap()
    }

    const UTF8: u8 = 12;
    const PRINTABLE: u8 = 19;
    const T61: u8 = 20;

    #[test]
    fn case_blanks_and_string_type_do_not_matter() {
        let left = name(&[(6, PRINTABLE, "US"), (3, UTF8, "Example  SHAKEN Root ")]);
        assert!(left.matches(&name(&[
            (6, UTF8, "us"),
            (3, PRINTABLE, "EXAMPLE shaken root")
        ])));
        assert!(!left.matches(&name(&[
            (6, UTF8, "us"),
            (3, PRINTABLE, "EXAMPLE shakenroot")
        ])));
        assert!(
            !left.matches(&name(&[
                (3, PRINTABLE, "EXAMPLE shaken root"),
                (6, UTF8, "us")
            ])),
            "order matters"
        );
        assert!(!left.matches(&name(&[(6, PRINTABLE, "US")])));
        assert!(
            !name(&[(3, T61, "A")]).matches(&name(&[(3, T61, "a")])),
            "other types are compared by their bytes"
        );
    }

    #[test]
    fn shown_as_rfc_4514_writes_it() {
        let shown = name(&[
            (6, PRINTABLE, "US"),
            (10, UTF8, "A, B\n"),
            (3, UTF8, "SHAKEN 1234"),
        ]);
        assert_eq!(shown.to_string(), "CN=SHAKEN 1234,O=A\\, B\\n,C=US");
        assert_eq!(shown.common_name().as_deref(), Some("SHAKEN 1234"));
        assert_eq!(name(&[(99, T61, "x")]).to_string(), "2.5.4.99=#78");
    }

    /// A name of one set of common names.
    fn set_of(names: &[&str]) -> DistinguishedName {
        let attribute = |text: &&str| {
            let value = encode::element(UTF8, text.as_bytes());
            encode::sequence(&[encode::oid(&COMMON_NAME), value])
        };
        let attributes: Vec<_> = names.iter().map(attribute).collect();
        let set = encode::element(0x31, &attributes.concat());
        DistinguishedName::from_der(&encode::sequence(&[set])).unwrap()
    }

    /// This test verifies that a path chains by no name that a revocation list tells apart from the authority's.
    #[test]
    fn in_a_set_each_attribute_has_a_partner_of_its_own() {
        let authority = set_of(&["a", "b"]);
        assert!(authority.matches(&set_of(&["B", "a"])));
        for other in [
            &["a", "a"][..],
            &["b", "b"],
            &["a"],
            &["a", "b", "b"],
            &["a", "c"],
        ] {
            let other = set_of(other);
            assert!(!authority.matches(&other) && !other.matches(&authority));
            assert_ne!(authority.canonical(), other.canonical());
        }
    }

    proptest::proptest! {
        /// Names are the same exactly if their canonical forms are.
        #[test]
        fn the_canonical_form_tells_names_apart_as_matching_does(
            left in proptest::collection::vec((3_u8..5, 0_usize..3, "[aA ]{0,3}"), 0..3),
            right in proptest::collection::vec((3_u8..5, 0_usize..3, "[aA ]{0,3}"), 0..3),
        ) {
            let built = |parts: &[(u8, usize, String)]| {
                let tags = [UTF8, PRINTABLE, T61];
                let parts: Vec<_> = parts.iter().map(|(kind, tag, text)| (*kind, tags[*tag], &**text)).collect();
                name(&parts)
            };
            let (left, right) = (built(&left), built(&right));
            proptest::prop_assert_eq!(left.matches(&right), left.canonical() == right.canonical());
        }
    }
}
