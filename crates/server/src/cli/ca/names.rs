//! Flags that say for whom, with which key, for which numbers and how long; and the files that they name.

use super::trouble::CaTrouble;
use crate::files;
use crate::keys::uri::TokenUri;
use crate::keys::{KeyFault, KeyPlace};
use clap::{Args, ValueEnum};
use countersign::certificate::{CertificateChain, ServiceProviderCode, TnAuthList, TnEntry};
use countersign::crypto::{Point, SigningKey, system_random};
use countersign::number::{TelephoneNumber, TelephoneNumberRange};
use countersign::time::{UnixTime, Validity};
use countersign_ca::{Serial, Subject};
use std::path::Path;
use std::sync::Arc;

const DAY: i64 = 86_400;

/// Seconds of an hour.
pub(super) const HOUR: i64 = 3_600;

/// Clocks differ: what is issued now is valid since an hour ago.
const BACKDATE: i64 = 3_600;

/// Longest validity that may be asked for, in days: a century.
pub(super) const MAX_DAYS: i64 = 36_525;

/// Longest that may be asked for in hours: a leap year, what is longer is said in days.
pub(super) const MAX_HOURS: i64 = 8_784;

/// For whom.
#[derive(Debug, Args)]
pub(super) struct NameFlags {
    /// Country of the subject: two capital letters
    #[arg(long, value_name = "CC", default_value = "US")]
    country: String,
    /// Organization of the subject
    #[arg(long, value_name = "TEXT")]
    organization: String,
    /// Common name of the subject; SHAKEN wants the word SHAKEN in it, and in a root's the word ROOT
    #[arg(long, value_name = "TEXT")]
    name: String,
}

impl NameFlags {
    pub(super) fn subject(&self) -> Result<Subject, CaTrouble> {
        Subject::new(&self.country, &self.organization, &self.name).map_err(CaTrouble::Subject)
    }
}

/// With which key of ours.
#[derive(Debug, Args)]
pub(super) struct KeyFlags {
    /// Where the key is made: a file, or a pkcs11: URI
    #[arg(long, value_name = "FILE|URI")]
    key: String,
    /// The key is there already
    #[arg(long)]
    existing_key: bool,
}

impl KeyFlags {
    /// Where the key is, and the key.
    pub(super) fn make(&self) -> Result<(KeyPlace, Arc<dyn SigningKey>), CaTrouble> {
        let place = key_place(&self.key)?;
        let key = match self.there()? {
            Some(key) => Ok(key),
            None => place.generate(),
        };
        match key {
            Ok(key) => Ok((place, key)),
            Err(fault) => Err(CaTrouble::Key(place, fault)),
        }
    }

    /// The key, if it is said to be there already; nothing, if it is to be made and no file is in the way.
    pub(super) fn there(&self) -> Result<Option<Arc<dyn SigningKey>>, CaTrouble> {
        let place = key_place(&self.key)?;
        let key = match (self.existing_key, &place) {
            (true, _) => place.open().map(Some),
            (false, KeyPlace::File(path)) if path.exists() => Err(KeyFault::Exists),
            (false, _) => Ok(None),
        };
        key.map_err(|fault| CaTrouble::Key(place, fault))
    }

    /// That this file is not that of the key: what is written last would be all that is left.
    pub(super) fn is_apart(&self, path: &Path) -> Result<(), CaTrouble> {
        apart(&key_place(&self.key)?, path)
    }
}

/// For which providers and numbers.
#[derive(Debug, Args)]
pub(super) struct ScopeFlags {
    /// A service provider code; may be given several times
    #[arg(long, value_name = "CODE")]
    spc: Vec<String>,
    /// A number, or the first and last of a range; may be given several times
    #[arg(long, value_name = "TN|FIRST-LAST")]
    numbers: Vec<String>,
}

impl ScopeFlags {
    /// The list that they say; nothing, if they say nothing.
    pub(super) fn list(&self) -> Result<Option<TnAuthList>, CaTrouble> {
        let bad = |text: &String| CaTrouble::Scope(text.as_str().into());
        let mut entries = Vec::new();
        for text in &self.spc {
            let code = ServiceProviderCode::new(text).map_err(|_| bad(text))?;
            entries.push(TnEntry::Spc(code));
        }
        for text in &self.numbers {
            entries.push(numbers(text).ok_or_else(|| match is_backwards(text) {
                true => CaTrouble::Backwards(text.as_str().into()),
                false => bad(text),
            })?);
        }
        Ok(TnAuthList::new(entries).ok())
    }

    /// What may be meant otherwise than it is written.
    // ATIS-1000080 has the company code of the provider, four characters, as service provider code.
    pub(super) fn doubts(&self) -> impl Iterator<Item = String> {
        let fits = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        let of_shaken = move |code: &str| code.len() == 4 && code.bytes().all(fits);
        let codes = self.spc.iter().filter(move |code| !of_shaken(code));
        let codes = codes
            .map(|code| format!("{code}: codes of SHAKEN are four digits and capital letters"));
        // A number of North America without its country code has ten digits and begins with 2 to 9.
        let is_short = |text: &str| {
            let bytes = text.as_bytes();
            bytes.len() == 10 && bytes.iter().all(u8::is_ascii_digit) && bytes[0] >= b'2'
        };
        let numbers = self.numbers.iter();
        let numbers = numbers.filter(move |text| text.split('-').any(is_short)).map(|text| {
            format!("{text}: taken as it is, with its country code; a number of North America begins with 1")
        });
        codes.chain(numbers)
    }
}

/// Whether a range ends before it begins.
fn is_backwards(text: &str) -> bool {
    let swapped = text
        .split_once('-')
        .map(|(first, last)| format!("{last}-{first}"));
    swapped.is_some_and(|swapped| numbers(&swapped).is_some())
}

/// One number, or the first and the last of several.
fn numbers(text: &str) -> Option<TnEntry> {
    let number = |text: &str| {
        let text = text.strip_prefix('+').unwrap_or(text);
        text.parse::<TelephoneNumber>().ok()
    };
    let Some((first, last)) = text.split_once('-') else {
        return number(text).map(TnEntry::One);
    };
    let (first, last) = (number(first)?, number(last)?);
    let count = last
        .digits()?
        .checked_sub(first.digits()?)?
        .checked_add(1)?;
    match (first.len() == last.len(), count) {
        (false, _) => None,
        (true, 1) => Some(TnEntry::One(first)),
        (true, _) => TelephoneNumberRange::new(first, count)
            .ok()
            .map(TnEntry::Range),
    }
}

/// Which kind of certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ProfileChoice {
    // Doc comments on the values would make the help of every flag two lines longer.
    CrlIssuer,
    Delegate,
    DelegateCa,
    EndEntity,
    #[default]
    Intermediate,
    OcspResponder,
}

/// The key that a flag names.
pub(super) fn key_place(text: &str) -> Result<KeyPlace, CaTrouble> {
    KeyPlace::parse(text, Path::new(""))
        .map_err(|fault| CaTrouble::KeyPlace(TokenUri::shown(text).into(), fault))
}

/// That nothing is there yet, and something can be put there.
pub(super) fn is_new(path: &Path) -> Result<(), CaTrouble> {
    match path.exists() {
        true => Err(CaTrouble::Exists(path.into())),
        false => can_be_put(path),
    }
}

/// That something can be put there: who finds that out after a certificate was issued has a certificate that nobody has.
pub(super) fn can_be_put(path: &Path) -> Result<(), CaTrouble> {
    files::rehearse(path).map_err(|error| CaTrouble::Unwritable(path.into(), error))
}

/// That nothing is lost where a chain of this key is put: what is there is one of the same key, if there is anything. A key that is still
/// to be made has none.
pub(super) fn is_replaceable(path: &Path, key: Option<&Point>) -> Result<(), CaTrouble> {
    let file = |fault| CaTrouble::File(path.into(), fault);
    files::refuse_key(path).map_err(file)?;
    let there = match files::read(path) {
        Err(fault) if fault.is_missing() => return Ok(()),
        there => there.map_err(file)?,
    };
    let chain = CertificateChain::parse(&there).ok();
    let own = chain
        .as_ref()
        .and_then(|chain| chain.end_entity().public_key().p256());
    match there.is_empty() || (own.is_some() && own == key) {
        true => Ok(()),
        false => Err(CaTrouble::NotReplaced(path.into())),
    }
}

/// That a file is not that of a key.
pub(super) fn apart(place: &KeyPlace, path: &Path) -> Result<(), CaTrouble> {
    match place {
        KeyPlace::File(key) if is_same(key, path) => Err(CaTrouble::SamePlace(path.into())),
        KeyPlace::File(_) | KeyPlace::Token(_) => Ok(()),
    }
}

/// Whether two paths lead to one file, which need not be there yet.
fn is_same(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| {
        let there = path.canonicalize().ok();
        there.or_else(|| {
            let folder = Path::new(".").join(path.parent()?).canonicalize().ok()?;
            Some(folder.join(path.file_name()?))
        })
    };
    let leads = resolved(one);
    one == other || (leads.is_some() && leads == resolved(other))
}

/// The certificates of a file.
pub(super) fn chain(path: &Path) -> Result<CertificateChain, CaTrouble> {
    let bytes = files::read(path).map_err(|fault| CaTrouble::File(path.into(), fault))?;
    CertificateChain::parse(&bytes).map_err(|cause| CaTrouble::Chain(path.into(), cause))
}

/// From an hour ago, `days` long.
pub(super) fn validity(now: UnixTime, days: i64) -> Validity {
    Validity {
        not_before: now.saturating_add(-BACKDATE),
        not_after: now.saturating_add(days.saturating_mul(DAY)),
    }
}

/// From an hour ago, `hours` long if that is said, `days` otherwise.
pub(super) fn lasting(now: UnixTime, days: i64, hours: Option<i64>) -> Validity {
    let by_days = validity(now, days);
    let end = hours.map(|hours| now.saturating_add(hours.saturating_mul(HOUR)));
    Validity {
        not_after: end.unwrap_or(by_days.not_after),
        ..by_days
    }
}

/// The same, not before `issuer` begins: one that was made just now has begun an hour ago, too, and the second between them is no
/// reason to refuse. Its end is not moved: who asks for more than there is should know.
pub(super) fn within(validity: Validity, issuer: Validity) -> Validity {
    Validity {
        not_before: validity.not_before.max(issuer.not_before),
        ..validity
    }
}

/// A new serial number.
pub(super) fn serial() -> Result<Serial, CaTrouble> {
    let mut random = [0; 16];
    system_random(&mut random).map_err(|_| CaTrouble::NoRandomness)?;
    Ok(Serial::from_random(random))
}
