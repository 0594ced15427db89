//! Where journals are kept: streams of records, put on at the end and never changed.
//!
//! - [`EventStore`]: what every engine promises; one suite of tests asks each for it (`tests/it/event_stores.rs`).
//! - [`sqlite`]: one file on this machine, open to several processes at once.
//! - [`memory`]: for tests and labs that begin anew.
//!
//! Engines wait for the disk, so they are called from threads of their own. What a record says, and that each follows the one
//! before, is the matter of [`countersign_ca::journal`].

pub mod memory;
pub mod sqlite;

use std::fmt;

/// Keeps streams of records. Positions count from 1; the head of a stream is its last position, 0 if it has no record.
pub trait EventStore: Send + Sync {
    /// Puts `records` on after position `expected`: all of them or none. When this returns they outlive a loss of power.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if the stream does not end at `expected` (somebody else has put records on: read them, decide
    /// again); [`AppendError::Full`], [`AppendError::Unavailable`]. After each of them nothing was put on, except that a store
    /// which became unavailable in the middle may have kept all of them: read the head before anything else.
    fn append(&self, stream: &str, expected: u64, records: &[Vec<u8>]) -> Result<(), AppendError>;

    /// At most `limit` records after position `after`, in order.
    ///
    /// # Errors
    /// [`Unavailable`] if the store cannot be read.
    fn read(&self, stream: &str, after: u64, limit: usize) -> Result<Vec<Vec<u8>>, Unavailable>;

    /// The last position of a stream.
    ///
    /// # Errors
    /// [`Unavailable`] if the store cannot be read.
    fn head(&self, stream: &str) -> Result<u64, Unavailable>;
}

/// Why records were not put on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The stream ends somewhere else.
    Conflict {
        /// Where it ends.
        actual: u64,
    },
    /// There is no room.
    Full,
    /// The store does not work now.
    Unavailable(Unavailable),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { actual } => write!(f, "the journal already ends at {actual}"),
            Self::Full => f.write_str("the journal has no room: the disk is full"),
            Self::Unavailable(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for AppendError {}

impl From<Unavailable> for AppendError {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// The store does not work, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub Box<str>);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal is not to be had: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}
