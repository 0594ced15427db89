//! Certificate revocation lists, version 2, direct and indirect: [RFC 5280 §5](https://www.rfc-editor.org/rfc/rfc5280#section-5).
//!
//! - [`Crl`] is raw: parsed, not believed. Of its entries only what can be looked up is kept, in a compact store ([`entries`]).
//! - What is critical and not understood does not keep a list from being read; [`Crl::obstacle`] names it, and no such list is
//!   ever believed.
//!
//! The way from raw to proven is `Crl::verify` in [`crate::path`]; what proven lists say of a certificate is judged in
//! [`crate::trust::revocation`].

pub mod entries;
mod read;

pub use entries::{Entries, Entry, Reason};

use super::distribution::ListScope;
use super::signature::Signed;
use super::{DistinguishedName, SignatureAlgorithm, pem};
use crate::crypto::sha256;
use crate::time::UnixTime;
use const_oid::ObjectIdentifier;
use std::fmt;

/// Largest revocation list we read, in bytes of DER: 67 bytes, which is more than an entry with reason needs, for each of
/// [`MAX_CRL_ENTRIES`] entries.
pub const MAX_CRL_BYTES: usize = 32 * 1024 * 1024;

/// Most entries of a revocation list. SHAKEN signs with some ten thousand certificates at a time: this is each of them revoked
/// fifty times over.
pub const MAX_CRL_ENTRIES: usize = 500_000;

/// Most issuers that one indirect list may speak of; SHAKEN has some sixty certificates of authorities.
pub const MAX_CRL_ISSUERS: usize = 4_096;

/// Most extensions of a list, and of an entry: RFC 5280 defines seven and four.
pub const MAX_CRL_EXTENSIONS: usize = 32;

/// First byte of every list in DER, and of no text.
const DER_SEQUENCE: u8 = 0x30;

/// A revocation list as it was received: parsed, not believed.
#[derive(Clone)]
pub struct Crl {
    tbs: Box<[u8]>,
    algorithm: SignatureAlgorithm,
    signature: Box<[u8]>,
    authority_key: Option<Box<[u8]>>,
    obstacle: Option<Obstacle>,
    said: Said,
}

impl Crl {
    /// Reads one list: DER, or the one block `X509 CRL` of a PEM text.
    ///
    /// Time and memory grow with the bytes given, and what is beyond the limits is refused before it is read.
    ///
    /// # Errors
    /// [`CrlError`] if it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, CrlError> {
        if bytes.first() == Some(&DER_SEQUENCE) {
            return Self::from_der(bytes);
        }
        // Four characters of base64 for three bytes, and the ends of lines.
        if bytes.len() > MAX_CRL_BYTES / 2 * 3 {
            return Err(CrlError::TooLarge);
        }
        let mut blocks = pem::blocks(bytes).filter(|block| block.label() == pem::X509_CRL);
        let block = blocks.next().ok_or(CrlError::Malformed)?;
        if blocks.next().is_some() {
            return Err(CrlError::Several);
        }
        Self::from_der(&block.der().map_err(|_| CrlError::Malformed)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > MAX_CRL_BYTES {
            return Err(CrlError::TooLarge);
        }
        read::list(der, sha256(der))
    }

    /// SHA-256 of the DER: the fingerprint.
    pub fn sha256(&self) -> [u8; 32] {
        self.said.digest
    }

    /// The signed part with its signature, for [`signature::verify`](super::signature::verify).
    pub fn signed(&self) -> Signed<'_> {
        Signed {
            message: &self.tbs,
            algorithm: self.algorithm,
            signature: &self.signature,
        }
    }

    /// Who signed it, by its own word.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.said.issuer
    }

    /// When it was made.
    pub fn this_update(&self) -> UnixTime {
        self.said.this_update
    }

    /// When the next one is there at the latest.
    pub fn next_update(&self) -> UnixTime {
        self.said.next_update
    }

    /// The key identifier of the authority key identifier.
    pub fn aki(&self) -> Option<&[u8]> {
        self.authority_key.as_deref()
    }

    /// Its number: higher for every new list.
    pub fn number(&self) -> &CrlNumber {
        &self.said.number
    }

    /// What it speaks of.
    pub fn scope(&self) -> &ListScope {
        &self.said.scope
    }

    /// Why nothing may be concluded from it, if so.
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle
    }

    /// What was revoked.
    pub fn entries(&self) -> &Entries {
        &self.said.entries
    }

    /// Keeps what a proven list is asked for; the bytes it was read from go.
    pub(crate) fn into_said(self) -> Said {
        self.said
    }
}

/// What a list says, without what proves it.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) digest: [u8; 32],
    pub(crate) issuer: DistinguishedName,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    pub(crate) number: CrlNumber,
    pub(crate) scope: ListScope,
    pub(crate) entries: Entries,
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.said.entries.len();
        write!(f, "Crl({count} entries, issued by {})", self.said.issuer)
    }
}

/// The number of a list: its magnitude, big endian, without leading zeros.
// RFC 5280 §5.2.3: "CRL verifiers MUST be able to handle CRLNumber values up to 20 octets."
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrlNumber(Box<[u8]>);

impl CrlNumber {
    /// The number `value`.
    pub fn new(value: u64) -> Self {
        Self::of_magnitude(&value.to_be_bytes())
    }

    fn of_magnitude(magnitude: &[u8]) -> Self {
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        Self(magnitude.get(zeros..).unwrap_or_default().into())
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lengths = self.0.len().cmp(&other.0.len());
        lengths.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for CrlNumber {
    /// Decimal as far as 64 bits go, hexadecimal beyond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= size_of::<u64>() {
            let value = self
                .0
                .iter()
                .fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
            return value.fmt(f);
        }
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why nothing may be concluded from a list that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It only says what has changed since another list. We ask for complete ones.
    Delta,
    /// An entry has a critical extension that we do not know.
    UnknownEntryExtension(ObjectIdentifier),
    /// The list has a critical extension that we do not know.
    UnknownExtension(ObjectIdentifier),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta => f.write_str("a delta list, which says nothing by itself"),
            Self::UnknownEntryExtension(kind) => {
                write!(
                    f,
                    "an entry has a critical extension that is not known: {kind}"
                )
            }
            Self::UnknownExtension(kind) => {
                write!(
                    f,
                    "the list has a critical extension that is not known: {kind}"
                )
            }
        }
    }
}

/// Why some bytes are not a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlError {
    /// The algorithm beside the signature is not the one inside the signed part.
    AlgorithmMismatch,
    /// An extension stands twice in the list, or in one entry.
    DuplicateExtension(ObjectIdentifier),
    /// The issuer has no name.
    EmptyIssuer,
    /// A direct list has an entry about somebody else's certificate.
    ForeignEntry,
    /// Not the DER of a list, nor PEM with one.
    Malformed,
    /// It does not say when the next one will be there.
    NextUpdateMissing,
    /// The extension with its number is marked as critical, which no issuer may do.
    NumberCritical,
    /// It has no number.
    NumberMissing,
    /// There are several lists in the text; each is read by itself.
    Several,
    /// Larger than [`MAX_CRL_BYTES`].
    TooLarge,
    /// More than [`MAX_CRL_ENTRIES`] entries.
    TooManyEntries,
    /// More than [`MAX_CRL_EXTENSIONS`] extensions in the list, or in an entry.
    TooManyExtensions,
    /// More than [`MAX_CRL_ISSUERS`] issuers.
    TooManyIssuers,
    /// Not version 2.
    Version,
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmMismatch => f.write_str("the list names two signature algorithms"),
            Self::DuplicateExtension(kind) => write!(f, "the list has the extension {kind} twice"),
            Self::EmptyIssuer => f.write_str("the list has no issuer name"),
            Self::ForeignEntry => {
                f.write_str("a direct list has an entry about somebody else's certificate")
            }
            Self::Malformed => f.write_str("not a revocation list"),
            Self::NextUpdateMissing => {
                f.write_str("the list does not say when the next one will be there")
            }
            Self::NumberCritical => f.write_str("the number of the list is marked as critical"),
            Self::NumberMissing => f.write_str("the list has no number"),
            Self::Several => f.write_str("several revocation lists in one file"),
            Self::TooLarge => write!(f, "the list has more than {MAX_CRL_BYTES} bytes"),
            Self::TooManyEntries => write!(f, "the list has more than {MAX_CRL_ENTRIES} entries"),
            Self::TooManyExtensions => {
                write!(
                    f,
                    "more than {MAX_CRL_EXTENSIONS} extensions in the list or an entry"
                )
            }
            Self::TooManyIssuers => {
                write!(f, "the list speaks of more than {MAX_CRL_ISSUERS} issuers")
            }
            Self::Version => f.write_str("the list is not of version 2"),
        }
    }
}

impl std::error::Error for CrlError {}

#[cfg(test)]
mod tests;
