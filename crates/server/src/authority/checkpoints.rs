//! Signed heads of a journal, one a line, in a file outside the database: who cuts the journal has to reach this file, too, and the
//! operator may copy it to where nobody does.

use crate::files::{self, FileFault};
use countersign::crypto::{AwsLc, Point, SigningKey, VerifyingKeys as _};
use countersign::time::UnixTime;
use countersign_ca::journal::{Broken, Checkpoint, Head, Why};
use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Only its owner may write the file.
const FILE_MODE: u32 = 0o644;

/// Longest line, in bytes: a checkpoint has some three hundred.
const LONGEST_LINE: u64 = 4_096;

/// How much of the end of the file is read where only the last checkpoints matter, in bytes: each of them stands for all records
/// before it. Own decision: some two hundred lines, because a line may be older than the one before it, where two processes write.
const LATEST: u64 = 64 * 1024;

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
        options.create(true).append(true).read(true);
        let mut file = options.mode(FILE_MODE).open(&self.path)?;
        // The command line writes beside the server; the lock ends with the file.
        flock(&file, FlockOperation::LockExclusive)?;
        let end = without_half_a_line(&mut file)?;
        let line = format!("{line}\n");
        let written = file
            .write_all(line.as_bytes())
            .and_then(|()| file.sync_all());
        if written.is_err() {
            // The disk took half of it, maybe: whoever writes next takes it away, if it cannot be now.
            let _ = file.set_len(end);
        }
        written
    }

    /// Every checkpoint of the file; none if there is no file.
    ///
    /// # Errors
    /// [`BadCheckpoints`].
    pub fn read(&self) -> Result<Vec<Checkpoint>, BadCheckpoints> {
        read(&self.path, &[self.key.public_key()])
    }
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoints({})", self.path.display())
    }
}

/// Takes half a line from the end of the file, which a killed process or a full disk has left there; how long the file is then.
fn without_half_a_line(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut tail)?;
    let end = match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => from + at as u64 + 1,
        None if from == 0 => 0,
        // No checkpoint is that long: somebody else's words, which are not ours to take away.
        None => length,
    };
    if end < length {
        file.set_len(end)?;
    }
    Ok(end)
}

/// Every checkpoint in a file that one of `keys` has signed; none if there is no file. Of a file longer than the longest that is read
/// ([`files::MAX_FILE`]), those at its end.
///
/// # Errors
/// [`BadCheckpoints`] if the file cannot be read, or a line in it is not one of these keys. Half a line at the end is what a killed
/// process leaves behind: it is no checkpoint and no fault.
pub fn read(path: &Path, keys: &[Point]) -> Result<Vec<Checkpoint>, BadCheckpoints> {
    read_end(path, keys, files::MAX_FILE)
}

/// The last checkpoints in a file, the furthest among them: enough to tell that a journal is not cut off.
///
/// # Errors
/// As [`read`].
pub fn latest(path: &Path, keys: &[Point]) -> Result<Vec<Checkpoint>, BadCheckpoints> {
    read_end(path, keys, LATEST)
}

fn read_end(path: &Path, keys: &[Point], most: u64) -> Result<Vec<Checkpoint>, BadCheckpoints> {
    let unreadable = |error| BadCheckpoints::File(FileFault::Unreadable(error));
    let bytes = match end_of(path, most) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(unreadable)?,
    };
    let keys: Result<Vec<_>, _> = keys.iter().map(|key| AwsLc.p256(key)).collect();
    let keys = keys.map_err(|_| BadCheckpoints::Key)?;
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // What stands behind the last end of line: nothing, or half a line.
    lines.pop();
    let read = |(number, line): (usize, &&[u8])| {
        let text = std::str::from_utf8(line).ok();
        let open = |text| {
            let mut opened = keys.iter();
            opened.find_map(|key| Checkpoint::open(text, key.as_ref()).ok())
        };
        text.and_then(open).ok_or(BadCheckpoints::Line(number + 1))
    };
    lines.iter().enumerate().map(read).collect()
}

/// The last `most` bytes of a file, from the beginning of a line.
fn end_of(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(most);
    // The byte before tells whether a line begins here.
    file.seek(SeekFrom::Start(from.saturating_sub(1)))?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if from > 0 {
        let begin = bytes.iter().position(|byte| *byte == b'\n');
        bytes.drain(..begin.map_or(bytes.len(), |at| at + 1));
    }
    Ok(bytes)
}

/// Checkpoints that a journal has to meet while it is read.
#[derive(Clone, Debug)]
pub struct Ahead<'a> {
    /// Those still to be met; the next one is the last.
    ahead: Vec<&'a Checkpoint>,
    met: usize,
}

impl<'a> Ahead<'a> {
    /// Those of this journal.
    pub fn of(stream: &str, checkpoints: &'a [Checkpoint]) -> Self {
        let of_this = checkpoints
            .iter()
            .filter(|checkpoint| *checkpoint.stream == *stream);
        let mut ahead: Vec<_> = of_this.collect();
        ahead.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.position));
        Self { ahead, met: 0 }
    }

    /// Compares the head of a journal that is being read with the checkpoints of this position.
    ///
    /// # Errors
    /// [`Broken`] if one of them was signed for another record.
    pub fn meet(&mut self, head: Head) -> Result<(), Broken> {
        let mut met = Ok(());
        while let Some(checkpoint) = self
            .ahead
            .pop_if(|checkpoint| checkpoint.position == head.position)
        {
            match checkpoint.head() == head {
                true => self.met += 1,
                false => {
                    met = Err(Broken {
                        position: head.position,
                        why: Why::Checkpoint,
                    });
                }
            }
        }
        met
    }

    /// How many agree with the journal.
    pub fn met(&self) -> usize {
        self.met
    }

    /// That nothing is missing at the end of the journal.
    ///
    /// # Errors
    /// [`Broken`] if a checkpoint was signed for a record behind it.
    pub fn end(&self) -> Result<(), Broken> {
        match self.ahead.first() {
            Some(furthest) => Err(Broken {
                position: furthest.position,
                why: Why::CutOff,
            }),
            None => Ok(()),
        }
    }
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
