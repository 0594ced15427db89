//! Whose number is whose, as the authority is told: the file of a number authority, read again when it is another.
//!
//! What is too old is not known, and `unknown_numbers` says what follows. A file that cannot be read, or that is older than the one before it,
//! changes nothing: the one before it goes on until it is too old itself.

use crate::clock::Clock;
use crate::files::{self, FileFault};
use arc_swap::ArcSwap;
use countersign::certificate::delegation::{ProviderNumbers, Recent};
use countersign::certificate::number_records::{NumberRecords, RecordsError};
use countersign::certificate::numbers::NumberSet;
use countersign::certificate::tnauthlist::ServiceProviderCode;
use countersign::time::UnixTime;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The table of a number authority, as it is now.
pub struct NumberTable {
    path: PathBuf,
    /// Seconds.
    max_age: i64,
    clock: Arc<dyn Clock>,
    records: ArcSwap<NumberRecords>,
    stamps: Mutex<Stamps>,
}

/// By what a file is known to be another.
type Stamp = (u64, Option<SystemTime>);

/// The file as it was read last, and as it was seen last: one that somebody writes is left alone until it stands still.
#[derive(Clone, Copy)]
struct Stamps {
    read: Option<Stamp>,
    seen: Option<Stamp>,
    last: Last,
}

/// What has become of the last look at something new.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The file is not there.
    Gone,
    /// It was not taken.
    Refused,
    /// It was taken.
    Taken,
}

/// What has become of a look at the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Another one is in force, as of this time.
    Replaced(UnixTime),
    /// Another one was there, and is not taken.
    Refused(NoTable),
    /// Nothing is new, or it is not all there yet.
    Unchanged,
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTable {
    /// It cannot be read.
    File(Box<str>),
    /// It is not there any more.
    Gone,
    /// It is older than the one that is in force, which is of this time.
    Older(UnixTime),
    /// It is something else.
    Records(RecordsError),
}

impl fmt::Display for NoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(fault) => f.write_str(fault),
            Self::Gone => f.write_str("the file is gone"),
            Self::Older(at) => write!(f, "it is older than the one in force, of {at}"),
            Self::Records(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for NoTable {}

/// Why there is no table at all.
#[derive(Debug)]
pub enum Unreadable {
    /// The file cannot be used.
    File(FileFault),
    /// It is something else.
    Records(RecordsError),
}

impl NumberTable {
    /// Reads the table of a file; what is older than `max_age` seconds will not be known.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn open(path: &Path, max_age: i64, clock: Arc<dyn Clock>) -> Result<Self, Unreadable> {
        let stamp = stamp(path);
        let text = files::read_text(path).map_err(Unreadable::File)?;
        let records = NumberRecords::parse(&text).map_err(Unreadable::Records)?;
        Ok(Self {
            path: path.into(),
            max_age,
            clock,
            records: ArcSwap::from_pointee(records),
            stamps: Mutex::new(Stamps {
                read: stamp,
                seen: stamp,
                last: Last::Taken,
            }),
        })
    }

    /// Looks whether the file is another, and takes it if it is whole and not older. It waits for the disk.
    pub fn look(&self) -> Looked {
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.path);
        let stands_still = std::mem::replace(&mut stamps.seen, now) == now;
        // A file that is gone once says nothing: whoever replaces it may not be done.
        if now == stamps.read || !stands_still {
            return Looked::Unchanged;
        }
        stamps.read = now;
        let read = match now {
            Some(_) => self.read_again(),
            None => Err(NoTable::Gone),
        };
        stamps.last = match &read {
            Ok(_) => Last::Taken,
            Err(NoTable::Gone) => Last::Gone,
            Err(_) => Last::Refused,
        };
        match read {
            Ok(records) => {
                let as_of = records.as_of();
                self.records.store(Arc::new(records));
                Looked::Replaced(as_of)
            }
            Err(why) => Looked::Refused(why),
        }
    }

    fn read_again(&self) -> Result<NumberRecords, NoTable> {
        let text = files::read_text(&self.path);
        let text = text.map_err(|fault| NoTable::File(fault.to_string().into()))?;
        let records = NumberRecords::parse(&text).map_err(NoTable::Records)?;
        let before = self.records.load().as_of();
        match before <= records.as_of() {
            true => Ok(records),
            false => Err(NoTable::Older(before)),
        }
    }

    /// Whether what the table says is too old to be known.
    pub fn is_stale(&self) -> bool {
        self.records.load().as_of() < self.since()
    }

    /// Whether the file that is there is the one in force, and not too old.
    pub fn is_well(&self) -> bool {
        let stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        stamps.last == Last::Taken && !self.is_stale()
    }

    /// When what the table says was true.
    pub fn as_of(&self) -> UnixTime {
        self.records.load().as_of()
    }

    /// Where it is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn since(&self) -> UnixTime {
        self.clock.now().unix.saturating_add(-self.max_age)
    }
}

/// Length and time of a file, if it is there.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

impl ProviderNumbers for NumberTable {
    fn as_of(&self) -> Option<UnixTime> {
        Some(Self::as_of(self))
    }

    fn held(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Option<NumberSet> {
        let records = self.records.load();
        let recent = Recent {
            providers: records.as_ref(),
            since: self.since(),
        };
        recent.held(provider, numbers)
    }

    fn nobodys(&self, numbers: &NumberSet) -> NumberSet {
        self.records.load().nobodys(numbers)
    }
}

impl fmt::Debug for NumberTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "NumberTable({} of {})",
            self.path.display(),
            self.as_of()
        )
    }
}
