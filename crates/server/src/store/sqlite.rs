//! A store in one SQLite file on this machine, open to several processes at once.
//!
//! The file is in WAL mode with `synchronous = FULL`: what [`EventStore::append`] has returned for is on the disk, by fdatasync(2) where
//! it was built in this workspace (`.cargo/config.toml`), by fsync(2) elsewhere. A transaction that a killed process leaves behind is
//! rolled back by whoever opens the file next. Processes that put records on at the same time wait for each other, and all but one
//! are told of the conflict.
//!
//! A copy is made by [`SqliteStore::backup`] while the file is in use; copying the file itself, without its `-wal`, is no copy.

use super::{AppendError, EventStore, Unavailable};
use crate::files;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one process waits for another one's transaction. Own decision: a commit takes milliseconds, and a disk that takes
/// longer than this is as good as none.
const PATIENCE: Duration = Duration::from_secs(5);

/// `PRAGMA application_id`: "CSGN".
const APPLICATION: i32 = 0x4353_474e;

/// `PRAGMA user_version`: the form of the tables below.
const VERSION: i32 = 1;

const TABLES: &str = "CREATE TABLE record (
    stream TEXT NOT NULL, position INTEGER NOT NULL, line BLOB NOT NULL, PRIMARY KEY (stream, position)
) STRICT, WITHOUT ROWID;";

/// Only its owner may read or write the file; SQLite gives those beside it the same mode.
const FILE_MODE: u32 = 0o600;

/// An SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    open: Mutex<Open>,
}

/// The connection, and where it knows streams to end.
#[derive(Debug)]
struct Open {
    connection: Connection,
    ends: Ends,
}

/// Where streams end, as long as nobody else has changed the file: to look costs more than to put on.
#[derive(Debug, Default)]
struct Ends {
    /// `PRAGMA data_version` when they were looked up: another one says that another connection has written.
    version: i64,
    heads: BTreeMap<Box<str>, u64>,
}

impl Ends {
    /// Where a stream ends, inside a transaction that nobody else can write beside.
    fn of(&mut self, transaction: &Connection, stream: &str) -> rusqlite::Result<u64> {
        let version = transaction.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if self.version != version {
            self.heads.clear();
            self.version = version;
        }
        match self.heads.get(stream) {
            Some(known) => Ok(*known),
            None => head(transaction, stream),
        }
    }
}

impl SqliteStore {
    /// Opens the file; makes it if it is not there.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be opened, is something else, or its folder can be written by everybody.
    pub fn open(path: &Path) -> Result<Self, Unavailable> {
        let folder = path.parent().unwrap_or(Path::new("."));
        files::refuse_folder_of_all(folder).map_err(|fault| unavailable(&fault))?;
        make(path).map_err(|error| unavailable(&error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        prepare(&mut connection)?;
        let ends = Ends::default();
        Ok(Self {
            open: Mutex::new(Open { connection, ends }),
        })
    }

    /// Opens a file that is there.
    ///
    /// # Errors
    /// [`Unavailable`] if it is not there, too.
    pub fn open_existing(path: &Path) -> Result<Self, Unavailable> {
        match path.is_file() {
            true => Self::open(path),
            false => Err(Unavailable("there is no such file".into())),
        }
    }

    /// Lets the file grow to so many bytes and no further, through this connection: the rest of the disk is for others. What is in
    /// it stays, whatever the limit.
    ///
    /// # Errors
    /// [`Unavailable`] if the file cannot be read.
    pub fn limit(&self, bytes: u64) -> Result<(), Unavailable> {
        let connection = &self.opened().connection;
        let size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let size = u64::try_from(size).unwrap_or_default().max(1);
        let pragma = format!("PRAGMA max_page_count = {}", (bytes / size).max(1));
        connection.query_row(&pragma, [], |_| Ok(()))?;
        Ok(())
    }

    /// Copies everything, as it is at one moment, into a new file.
    ///
    /// # Errors
    /// [`Unavailable`] if the file is there already, or cannot be written; then there is none.
    pub fn backup(&self, to: &Path) -> Result<(), Unavailable> {
        if to.exists() {
            return Err(Unavailable("there is a file of this name already".into()));
        }
        let beside = beside(to);
        let copied = self.copy(&beside, to);
        if copied.is_err() {
            // Half a copy is worse than none; if it cannot be removed, nothing takes it for a whole one.
            let _ = fs::remove_file(&beside);
        }
        copied
    }

    fn copy(&self, beside: &Path, to: &Path) -> Result<(), Unavailable> {
        let failed = |error: io::Error| unavailable(&error);
        match fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        make(beside).map_err(failed)?;
        let name = beside
            .to_str()
            .ok_or_else(|| Unavailable("the name of the copy has to be text in UTF-8".into()))?;
        // SQLite takes an empty file for one that is not there.
        self.opened().connection.execute("VACUUM INTO ?1", [name])?;
        File::open(beside)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        fs::rename(beside, to).map_err(failed)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        folder.and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// Asks SQLite whether the file is whole.
    ///
    /// # Errors
    /// [`Unavailable`] with what it has found.
    pub fn check(&self) -> Result<(), Unavailable> {
        let connection = &self.opened().connection;
        let found: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        match found.as_str() {
            "ok" => Ok(()),
            _ => Err(Unavailable(found.into())),
        }
    }

    fn opened(&self) -> MutexGuard<'_, Open> {
        // A transaction that was open when somebody panicked was rolled back when it was dropped.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventStore for SqliteStore {
    fn append(&self, stream: &str, expected: u64, records: &[Vec<u8>]) -> Result<(), AppendError> {
        let Open { connection, ends } = &mut *self.opened();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let actual = ends.of(&transaction, stream)?;
        // What comes of a commit that fails is not known before somebody looks.
        ends.heads.remove(stream);
        if actual != expected {
            return Err(AppendError::Conflict { actual });
        }
        {
            let mut insert = transaction.prepare("INSERT INTO record VALUES (?1, ?2, ?3)")?;
            for (position, line) in (expected + 1..).zip(records) {
                insert.execute((stream, place(position), line))?;
            }
        }
        transaction.commit()?;
        let end = expected.saturating_add(records.len() as u64);
        ends.heads.insert(stream.into(), end);
        Ok(())
    }

    fn read(&self, stream: &str, after: u64, limit: usize) -> Result<Vec<Vec<u8>>, Unavailable> {
        let connection = &self.opened().connection;
        let mut select = connection.prepare(
            "SELECT line FROM record WHERE stream = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let lines = select.query_map((stream, place(after), limit), |row| row.get(0))?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    fn head(&self, stream: &str) -> Result<u64, Unavailable> {
        Ok(head(&self.opened().connection, stream)?)
    }
}

fn head(connection: &Connection, stream: &str) -> rusqlite::Result<u64> {
    let mut select = connection
        .prepare("SELECT position FROM record WHERE stream = ?1 ORDER BY position DESC LIMIT 1")?;
    let last: Option<i64> = select.query_row([stream], |row| row.get(0)).optional()?;
    Ok(last.map_or(0, |last| u64::try_from(last).unwrap_or_default()))
}

/// SQLite counts in signed integers; nobody gets that far.
fn place(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// Makes an empty file that only its owner may read, unless there is one.
fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(FILE_MODE);
    options.open(path).map(drop)
}

/// Where a copy lies until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Sets what a connection has to have, and makes the tables.
fn prepare(connection: &mut Connection) -> Result<(), Unavailable> {
    connection.busy_timeout(PATIENCE)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |query: &str| transaction.query_row(query, [], |row| row.get::<_, i32>(0));
    let marks = (
        number("PRAGMA application_id")?,
        number("PRAGMA user_version")?,
    );
    match marks {
        (APPLICATION, VERSION) => {}
        (0, 0) if number("SELECT count(*) FROM sqlite_schema")? == 0 => {
            let marks =
                format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};");
            transaction.execute_batch(&format!("{TABLES} {marks}"))?;
        }
        _ => {
            return Err(Unavailable(
                "the file belongs to another program, or to a later version of this one".into(),
            ));
        }
    }
    transaction.commit()?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unavailable(
            "the file system cannot hold a write-ahead log".into(),
        ));
    }
    Ok(connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")?)
}

fn unavailable(why: &dyn std::fmt::Display) -> Unavailable {
    Unavailable(why.to_string().into())
}

impl From<rusqlite::Error> for Unavailable {
    fn from(error: rusqlite::Error) -> Self {
        unavailable(&error)
    }
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Unavailable(error.into()),
        }
    }
}
