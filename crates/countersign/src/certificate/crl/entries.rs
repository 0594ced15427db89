//! The entries of a revocation list, kept so that one certificate is found among all of them in no time.
//!
//! Serial numbers stand one behind the other in one run of bytes; a record of fixed size points to each, sorted by issuer and
//! serial number. Looking one up is a binary search. Nothing of the list's DER is kept.

use super::{CrlError, MAX_CRL_ENTRIES, MAX_CRL_ISSUERS};
use crate::certificate::{DistinguishedName, MAX_SERIAL};
use crate::time::UnixTime;
use std::collections::HashMap;
use std::fmt;

/// The entries of one list.
#[derive(Clone, Default)]
pub struct Entries {
    issuers: HashMap<Box<[u8]>, u32>,
    serials: Box<[u8]>,
    records: Box<[Record]>,
}

/// Where a serial number stands, whose it is, and what became of it.
#[derive(Clone, Copy)]
struct Record {
    at: UnixTime,
    issuer: u32,
    start: u32,
    length: u8,
    reason: Reason,
}

/// What a list says of a certificate that is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was revoked.
    pub at: UnixTime,
    /// Why.
    pub reason: Reason,
}

impl Entry {
    /// Whether it tells against what was signed at the time `then`.
    // RFC 5280 §5.3.2: the date on which "the private key was compromised or [...] the certificate otherwise became invalid" "may be
    // earlier than the revocation date in the CRL entry, which is the date at which the CA processed the revocation". And whoever has the
    // key writes what time they like.
    pub const fn tells_against(&self, then: UnixTime) -> bool {
        self.at.as_secs() <= then.as_secs() || self.reason.reaches_back()
    }
}

/// Why a certificate was revoked: `CRLReason` of RFC 5280 §5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The key of the attribute authority is known to others.
    AaCompromise,
    /// The subject has another name or another employer.
    AffiliationChanged,
    /// The key of the authority is known to others.
    CaCompromise,
    /// For a while only.
    CertificateHold,
    /// It is not needed any more.
    CessationOfOperation,
    /// The key is known to others.
    KeyCompromise,
    /// The subject lost the right to it.
    PrivilegeWithdrawn,
    /// There is a new one.
    Superseded,
    /// Not said, or said with a number that no standard has.
    Unspecified,
}

/// Every reason, its number in RFC 5280 §5.3.1 and its name there.
const REASONS: [(Reason, u8, &str); 9] = [
    (Reason::Unspecified, 0, "unspecified"),
    (Reason::KeyCompromise, 1, "keyCompromise"),
    (Reason::CaCompromise, 2, "cACompromise"),
    (Reason::AffiliationChanged, 3, "affiliationChanged"),
    (Reason::Superseded, 4, "superseded"),
    (Reason::CessationOfOperation, 5, "cessationOfOperation"),
    (Reason::CertificateHold, 6, "certificateHold"),
    (Reason::PrivilegeWithdrawn, 9, "privilegeWithdrawn"),
    (Reason::AaCompromise, 10, "aACompromise"),
];

impl Reason {
    /// The number of `CRLReason`.
    pub fn code(self) -> u8 {
        let row = REASONS.iter().find(|(reason, _, _)| *reason == self);
        row.map_or(0, |(_, code, _)| *code)
    }

    /// Whether it leaves doubt about what was signed before: all do but those that say that the key is still nobody else's.
    pub const fn reaches_back(self) -> bool {
        match self {
            Self::AaCompromise
            | Self::CaCompromise
            | Self::CertificateHold
            | Self::KeyCompromise
            | Self::Unspecified => true,
            Self::AffiliationChanged
            | Self::CessationOfOperation
            | Self::PrivilegeWithdrawn
            | Self::Superseded => false,
        }
    }

    /// The reason with this number.
    pub fn from_code(code: u8) -> Self {
        let row = REASONS.iter().find(|(_, number, _)| *number == code);
        row.map_or(Self::Unspecified, |(reason, _, _)| *reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = REASONS.iter().find(|(reason, _, _)| reason == self);
        f.write_str(row.map_or("unspecified", |(_, _, name)| name))
    }
}

impl Entries {
    /// What is said of the certificate with this serial number (the content of its INTEGER) from this issuer.
    // RFC 5280 §6.3.3 (j): "If an entry is found that matches the certificate issuer and serial number as described in Section
    // 5.3.3"
    pub fn find(&self, issuer: &DistinguishedName, serial: &[u8]) -> Option<Entry> {
        self.find_canonical(&issuer.canonical(), serial)
    }

    /// The same for the canonical form of the issuer's name.
    pub(crate) fn find_canonical(&self, issuer: &[u8], serial: &[u8]) -> Option<Entry> {
        let issuer = *self.issuers.get(issuer)?;
        let wanted = (issuer, shortest(serial));
        let found = self
            .records
            .binary_search_by(|record| self.key(record).cmp(&wanted));
        let record = self.records.get(found.ok()?)?;
        Some(Entry {
            at: record.at,
            reason: record.reason,
        })
    }

    /// How many certificates are on the list.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes that the store holds, names of issuers included.
    pub fn bytes(&self) -> usize {
        let names: usize = self.issuers.keys().map(|name| name.len()).sum();
        let slots = self.issuers.capacity() * size_of::<(Box<[u8]>, u32)>();
        names + slots + self.serials.len() + size_of_val(&*self.records)
    }

    fn key(&self, record: &Record) -> (u32, &[u8]) {
        (record.issuer, serial(&self.serials, record))
    }
}

fn serial<'a>(serials: &'a [u8], record: &Record) -> &'a [u8] {
    let start = record.start as usize;
    serials
        .get(start..start + usize::from(record.length))
        .unwrap_or_default()
}

/// The content of an INTEGER without what X.690 §8.3.2 forbids in front, so that no encoding hides a number.
fn shortest(content: &[u8]) -> &[u8] {
    let mut rest = content;
    while let [first, after @ ..] = rest {
        match (first, after) {
            (0, [0..=0x7f, ..]) | (0xff, [0x80..=0xff, ..]) => rest = after,
            _ => break,
        }
    }
    rest
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({})", self.len())
    }
}

/// Collects entries in the order of the list.
pub(super) struct Builder {
    issuers: HashMap<Box<[u8]>, u32>,
    /// The issuer of the entry before, whose the next one is, too, unless it says otherwise.
    current: u32,
    serials: Vec<u8>,
    records: Vec<Record>,
    /// Entries seen, those not kept included.
    seen: usize,
}

impl Builder {
    // RFC 5280 §5.3.3: "If this extension is not present on the first entry in an indirect CRL, the certificate issuer defaults to
    // the CRL issuer."
    pub(super) fn new(crl_issuer: &DistinguishedName) -> Self {
        Self {
            issuers: HashMap::from([(crl_issuer.canonical(), 0)]),
            current: 0,
            serials: Vec::new(),
            records: Vec::new(),
            seen: 0,
        }
    }

    /// Another entry begins, whatever becomes of it.
    pub(super) fn count(&mut self) -> Result<(), CrlError> {
        if self.seen == MAX_CRL_ENTRIES {
            return Err(CrlError::TooManyEntries);
        }
        self.seen += 1;
        Ok(())
    }

    /// From here on the entries are about certificates of `issuer`.
    // RFC 5280 §5.3.3: "On subsequent entries in an indirect CRL, if this extension is not present, the certificate issuer for the
    // entry is the same as that for the preceding entry."
    pub(super) fn turn_to(&mut self, issuer: &DistinguishedName) -> Result<(), CrlError> {
        let next = self.issuers.len();
        let canonical = issuer.canonical();
        self.current = match self.issuers.get(&canonical) {
            Some(known) => *known,
            None if next > MAX_CRL_ISSUERS => return Err(CrlError::TooManyIssuers),
            None => {
                let index = u32::try_from(next).map_err(|_| CrlError::TooManyIssuers)?;
                self.issuers.insert(canonical, index);
                index
            }
        };
        Ok(())
    }

    pub(super) fn push(&mut self, serial: &[u8], entry: Entry) -> Result<(), CrlError> {
        let serial = shortest(serial);
        // No certificate with such a number is ever read (RFC 5280 §4.1.2.2), so nothing is lost with the entry.
        if serial.len() > MAX_SERIAL {
            return Ok(());
        }
        let start = u32::try_from(self.serials.len()).map_err(|_| CrlError::TooLarge)?;
        self.serials.extend_from_slice(serial);
        self.records.push(Record {
            at: entry.at,
            issuer: self.current,
            start,
            length: serial.len() as u8,
            reason: entry.reason,
        });
        Ok(())
    }

    /// Sorts them. Of several entries about one certificate the earliest revocation stands.
    pub(super) fn finish(self) -> Entries {
        let Self {
            issuers,
            serials,
            mut records,
            ..
        } = self;
        let key = |record: &Record| (record.issuer, serial(&serials, record));
        records.sort_unstable_by(|one, other| {
            let order = key(one).cmp(&key(other));
            order.then(one.at.cmp(&other.at))
        });
        records.dedup_by(|later, earlier| key(later) == key(earlier));
        Entries {
            issuers,
            serials: serials.into(),
            records: records.into(),
        }
    }
}
