//! Signed heads of a journal, one a line, in a file outside the database: who cuts the journal has to reach this file, too, and the
//! operator may copy it to where nobody does.

use crate::files::{self, FileFault};
use countersign::crypto::{AwsLc, Point, SigningKey, VerifyingKeys as _};
use countersign::time::UnixTime;
use countersign_ca::journal::{Checkpoint, Head};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Only its owner may write the file.
const FILE_MODE: u32 = 0o644;

/// A file of checkpoints and the key that signs them.
#[derive(Clone)]
pub struct Checkpoints {
    path: PathBuf,
    key: Arc<dyn SigningKey>,
}

impl Checkpoints {
    /// The file at `path`, signed with `key`. Nothing is touched.
    pub fn new(path: &Path, key: Arc<dyn SigningKey>) -> Self {
        Self {
            path: path.to_owned(),
            key,
        }
    }

    /// Signs that the journal goes up to `head` now, and keeps it.
    ///
    /// # Errors
    /// If the key does not sign, or the disk does not take it.
    pub fn put(&self, stream: &str, head: Head, now: UnixTime) -> io::Result<()> {
        let checkpoint = Checkpoint::of(stream, head, now);
        let line = checkpoint
            .sign(self.key.as_ref())
            .map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(FILE_MODE);
        let mut file = options.open(&self.path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    }

    /// Every checkpoint of the file; none if there is no file.
    ///
    /// # Errors
    /// [`BadCheckpoints`].
    pub fn read(&self) -> Result<Vec<Checkpoint>, BadCheckpoints> {
        read(&self.path, &self.key.public_key())
    }
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoints({})", self.path.display())
    }
}

/// Every checkpoint in a file that `key` has signed; none if there is no file.
///
/// # Errors
/// [`BadCheckpoints`] if the file cannot be read, or a line in it is not one of this key. Half a line at the end is what a killed
/// process leaves behind: it is no checkpoint and no fault.
pub fn read(path: &Path, key: &Point) -> Result<Vec<Checkpoint>, BadCheckpoints> {
    let bytes = match files::read(path) {
        Err(FileFault::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        read => read.map_err(BadCheckpoints::File)?,
    };
    let key = AwsLc.p256(key).map_err(|_| BadCheckpoints::Key)?;
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // What stands behind the last end of line: nothing, or half a line.
    lines.pop();
    let read = |(number, line): (usize, &&[u8])| {
        let text = std::str::from_utf8(line).ok();
        let opened = text.and_then(|text| Checkpoint::open(text, key.as_ref()).ok());
        opened.ok_or(BadCheckpoints::Line(number + 1))
    };
    lines.iter().enumerate().map(read).collect()
}

/// Why checkpoints cannot be used.
#[derive(Debug)]
pub enum BadCheckpoints {
    /// The file cannot be read.
    File(FileFault),
    /// The key is not one.
    Key,
    /// This line is not a checkpoint, or another key has signed it.
    Line(usize),
}

impl fmt::Display for BadCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(fault) => write!(f, "the checkpoints: {fault}"),
            Self::Key => f.write_str("the key of the checkpoints is not a P-256 key"),
            Self::Line(line) => write!(f, "line {line} is not a checkpoint of this key"),
        }
    }
}

impl std::error::Error for BadCheckpoints {}
