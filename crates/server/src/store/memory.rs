//! A store in memory: what it keeps is gone with the process.

use super::{AppendError, EventStore, Unavailable};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Streams in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    streams: Mutex<Streams>,
}

type Streams = BTreeMap<Box<str>, Vec<Vec<u8>>>;

impl MemoryStore {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        // Nothing panics between two steps of a change.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventStore for MemoryStore {
    fn append(&self, stream: &str, expected: u64, records: &[Vec<u8>]) -> Result<(), AppendError> {
        let mut streams = self.streams();
        let kept = streams.entry(stream.into()).or_default();
        match kept.len() as u64 {
            actual if actual == expected => {
                kept.extend_from_slice(records);
                Ok(())
            }
            actual => Err(AppendError::Conflict { actual }),
        }
    }

    fn read(&self, stream: &str, after: u64, limit: usize) -> Result<Vec<Vec<u8>>, Unavailable> {
        let streams = self.streams();
        let kept = streams.get(stream).map_or(&[][..], Vec::as_slice);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(kept.iter().skip(after).take(limit).cloned().collect())
    }

    fn head(&self, stream: &str) -> Result<u64, Unavailable> {
        let streams = self.streams();
        Ok(streams.get(stream).map_or(0, |kept| kept.len() as u64))
    }
}
