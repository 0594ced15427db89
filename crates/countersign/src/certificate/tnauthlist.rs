//! The TN Authorization List: which numbers a certificate may speak for,
//! [RFC 8226 §9](https://www.rfc-editor.org/rfc/rfc8226#section-9).
//!
//! A [`TnAuthList`] keeps its entries as they were received and, beside them, their union in a form that can be asked
//! ([`super::numbers`]): `authorizes` costs a binary search however long the list is. A service provider code names a
//! provider, never a number; what follows from one is decided over the whole path in [`super::authority`].
//!
//! What lives elsewhere: where a list by reference is ([`super::access`]), whether one list lies within another
//! ([`super::delegation`]), claim constraints.

use super::encode;
use super::numbers::NumberSet;
use super::walk::{Malformed, Walk, constructed, unsigned};
use crate::number::{TelephoneNumber, TelephoneNumberRange};
use der::Tag;
use std::fmt;
use std::sync::Arc;

/// Longest service provider code we hold, in bytes. RFC 8226 §9 sets no bound; an OCN has 4 characters and no identifier of
/// the telephone network comes near this one.
pub const MAX_SERVICE_PROVIDER_CODE: usize = 64;

/// A code that names a service provider: an OCN, a SPID or the like. Compared byte by byte; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceProviderCode(Arc<str>);

impl ServiceProviderCode {
    /// Makes a code of text.
    ///
    /// # Errors
    /// [`NotAServiceProviderCode`] if `text` is empty, longer than [`MAX_SERVICE_PROVIDER_CODE`], or has other characters than
    /// printable ASCII. RFC 8226 §9 allows every IA5String; codes stand in logs and names, so control characters are refused.
    pub fn new(text: &str) -> Result<Self, NotAServiceProviderCode> {
        let fits = !text.is_empty()
            && text.len() <= MAX_SERVICE_PROVIDER_CODE
            && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(NotAServiceProviderCode)
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServiceProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceProviderCode({self})")
    }
}

impl std::str::FromStr for ServiceProviderCode {
    type Err = NotAServiceProviderCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// Some text is no service provider code: empty, too long, or not printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAServiceProviderCode;

impl fmt::Display for NotAServiceProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a service provider code is 1 to {MAX_SERVICE_PROVIDER_CODE} printable ASCII characters"
        )
    }
}

impl std::error::Error for NotAServiceProviderCode {}

/// One entry of a list: `TNEntry` of RFC 8226 §9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TnEntry {
    /// A provider, and so indirectly its numbers.
    Spc(ServiceProviderCode),
    /// A block of at least two numbers.
    Range(TelephoneNumberRange),
    /// One number.
    One(TelephoneNumber),
}

impl fmt::Display for TnEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spc(code) => write!(f, "SPC {code}"),
            Self::Range(range) => range.fmt(f),
            Self::One(number) => number.fmt(f),
        }
    }
}

/// A TN Authorization List: at least one entry; what it authorizes is the union of them.
///
/// # Example
/// ```
/// use countersign::certificate::tnauthlist::{TnAuthList, TnEntry};
/// let list = TnAuthList::from_der(&[0x30, 0x08, 0xa0, 0x06, 0x16, 0x04, b'7', b'0', b'9', b'J'])?;
/// assert_eq!(list.entries(), [TnEntry::Spc("709J".parse().unwrap())]);
/// assert!(!list.authorizes("12025550100".parse().unwrap()), "a provider is not a number");
/// # Ok::<(), countersign::certificate::tnauthlist::MalformedTnAuthList>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TnAuthList {
    entries: Box<[TnEntry]>,
    providers: Box<[ServiceProviderCode]>,
    numbers: NumberSet,
}

impl TnAuthList {
    /// Makes a list of entries.
    ///
    /// # Errors
    /// [`MalformedTnAuthList`] if there is none, or a range has fewer than two numbers.
    pub fn new(entries: Vec<TnEntry>) -> Result<Self, MalformedTnAuthList> {
        // RFC 8226 §9: "TNAuthorizationList ::= SEQUENCE SIZE (1..MAX) OF TNEntry"
        let fits =
            |entry: &TnEntry| !matches!(entry, TnEntry::Range(range) if range.count() < MIN_COUNT);
        if entries.is_empty() || !entries.iter().all(fits) {
            return Err(MalformedTnAuthList);
        }
        let mut providers: Vec<_> = entries.iter().filter_map(provider).collect();
        providers.sort();
        providers.dedup();
        let numbers = NumberSet::union_of(entries.iter().filter_map(|entry| match entry {
            TnEntry::Spc(_) => None,
            TnEntry::Range(range) => Some((range.start(), range.count())),
            TnEntry::One(number) => Some((*number, 1)),
        }));
        Ok(Self {
            entries: entries.into(),
            providers: providers.into(),
            numbers,
        })
    }

    /// Reads the value of the extension.
    ///
    /// # Errors
    /// [`MalformedTnAuthList`] if it is anything but the DER of RFC 8226 §9.
    pub fn from_der(der: &[u8]) -> Result<Self, MalformedTnAuthList> {
        Self::new(read(der).map_err(|Malformed| MalformedTnAuthList)?)
    }

    /// The value of the extension.
    pub fn to_der(&self) -> Vec<u8> {
        let entries: Vec<_> = self.entries.iter().map(write_entry).collect();
        encode::sequence(&entries)
    }

    /// The entries, in the order received.
    pub fn entries(&self) -> &[TnEntry] {
        &self.entries
    }

    /// The providers it names: sorted, each once.
    pub fn providers(&self) -> &[ServiceProviderCode] {
        &self.providers
    }

    /// The numbers it names, providers left out.
    pub fn numbers(&self) -> &NumberSet {
        &self.numbers
    }

    /// Whether it lists `number`, alone or in a range. The numbers behind a provider code are not known here.
    pub fn authorizes(&self, number: TelephoneNumber) -> bool {
        self.numbers.contains(number)
    }

    /// The list of the entries of both.
    // RFC 9060 §4.1: "the permission semantics of the TNAuthList [RFC8226] are additive"
    pub fn union(&self, other: &Self) -> Self {
        let mut providers = [self.providers(), other.providers()].concat();
        providers.sort_unstable();
        providers.dedup();
        Self {
            entries: [self.entries(), other.entries()].concat().into(),
            providers: providers.into(),
            numbers: self.numbers.union(&other.numbers),
        }
    }
}

impl fmt::Debug for TnAuthList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter()).finish()
    }
}

impl fmt::Display for TnAuthList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{entry}")?;
        }
        Ok(())
    }
}

fn provider(entry: &TnEntry) -> Option<ServiceProviderCode> {
    match entry {
        TnEntry::Spc(code) => Some(code.clone()),
        TnEntry::Range(_) | TnEntry::One(_) => None,
    }
}

/// The bytes are no TN Authorization List.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedTnAuthList;

impl fmt::Display for MalformedTnAuthList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a TN Authorization List in the DER of RFC 8226 §9")
    }
}

impl std::error::Error for MalformedTnAuthList {}

// RFC 8226 §9: "count INTEGER (2..MAX)"
const MIN_COUNT: u64 = 2;

fn read(der: &[u8]) -> Result<Vec<TnEntry>, Malformed> {
    let mut outer = Walk::over(der)?;
    let mut list = outer.enter(Tag::Sequence)?;
    outer.finish()?;
    let mut entries = Vec::new();
    while !list.at_end() {
        entries.push(read_entry(&mut list)?);
    }
    Ok(entries)
}

/// The module of RFC 8226 Appendix A has EXPLICIT TAGS: each alternative is a whole element inside its context tag.
fn read_entry(list: &mut Walk<'_>) -> Result<TnEntry, Malformed> {
    let (tag, content) = list.any()?;
    let mut inner = Walk::over(content)?;
    let entry = if tag == constructed(0) {
        let code = std::str::from_utf8(inner.content(Tag::Ia5String)?).map_err(|_| Malformed)?;
        TnEntry::Spc(ServiceProviderCode::new(code).map_err(|_| Malformed)?)
    } else if tag == constructed(1) {
        TnEntry::Range(read_range(inner.enter(Tag::Sequence)?)?)
    } else if tag == constructed(2) {
        TnEntry::One(read_number(&mut inner)?)
    } else {
        return Err(Malformed);
    };
    inner.finish()?;
    Ok(entry)
}

fn read_range(mut fields: Walk<'_>) -> Result<TelephoneNumberRange, Malformed> {
    let start = read_number(&mut fields)?;
    let count = unsigned(fields.content(Tag::Integer)?)?;
    // The type is extensible ("..."): what a later version adds after `count` is read over.
    while !fields.at_end() {
        fields.any()?;
    }
    if count < MIN_COUNT {
        return Err(Malformed);
    }
    TelephoneNumberRange::new(start, count).map_err(|_| Malformed)
}

// RFC 8226 §9: "TelephoneNumber ::= IA5String (SIZE (1..15)) (FROM ("0123456789#*"))"
fn read_number(fields: &mut Walk<'_>) -> Result<TelephoneNumber, Malformed> {
    TelephoneNumber::from_canonical(fields.content(Tag::Ia5String)?).map_err(|_| Malformed)
}

fn write_entry(entry: &TnEntry) -> Vec<u8> {
    let text = |text: &[u8]| encode::element(encode::IA5_STRING, text);
    match entry {
        TnEntry::Spc(code) => {
            encode::element(encode::constructed(0), &text(code.as_str().as_bytes()))
        }
        TnEntry::Range(range) => {
            let count = encode::integer(&range.count().to_be_bytes());
            let range = encode::sequence(&[text(range.start().as_bytes()), count]);
            encode::element(encode::constructed(1), &range)
        }
        TnEntry::One(number) => encode::element(encode::constructed(2), &text(number.as_bytes())),
    }
}

#[cfg(test)]
mod tests;
