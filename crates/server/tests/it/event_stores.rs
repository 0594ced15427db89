//! What every store of events promises, asked of each engine.
//!
//! ```text
//!     one suite ──▶ memory
//!              └──▶ SQLite ──▶ reopened, opened twice, copied while in use, full, damaged, another program's
//! ```

use crate::peers::Workspace;
use countersign_server::store::memory::MemoryStore;
use countersign_server::store::sqlite::SqliteStore;
use countersign_server::store::{AppendError, EventStore};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

fn line(text: impl AsRef<[u8]>) -> Vec<u8> {
    text.as_ref().to_vec()
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("journal.db")).unwrap()
}

/// Records are there in order, by position and in pages; streams do not see each other; an empty one has no head.
fn what_is_put_on_is_read(store: &dyn EventStore) {
    assert_eq!(store.head("a"), Ok(0));
    assert_eq!(store.read("a", 0, 10), Ok(vec![]));
    store.append("a", 0, &[line("one"), line("two")]).unwrap();
    store.append("a", 2, &[line("three\0\n\u{1F4DE}")]).unwrap();
    store.append("b", 0, &[line("other")]).unwrap();
    assert_eq!((store.head("a"), store.head("b")), (Ok(3), Ok(1)));
    assert_eq!(store.read("a", 0, 2), Ok(vec![line("one"), line("two")]));
    assert_eq!(store.read("a", 2, 9), Ok(vec![line("three\0\n\u{1F4DE}")]));
    assert_eq!(store.read("a", 3, 9), Ok(vec![]));
    assert_eq!(store.read("a", u64::MAX, 9), Ok(vec![]));
    store.append("a", 3, &[]).unwrap();
    assert_eq!(store.head("a"), Ok(3));
}

/// Whoever expects another end is told where it is, and nothing of theirs is kept.
fn a_conflict_keeps_nothing(store: &dyn EventStore) {
    let head = store.head("c").unwrap();
    store.append("c", head, &[line("x")]).unwrap();
    for expected in [head, head + 2] {
        let records = [line("y"), line("z")];
        for records in [&records[..], &records[..1], &[]] {
            let refused = store.append("c", expected, records);
            assert_eq!(refused, Err(AppendError::Conflict { actual: head + 1 }));
        }
    }
    assert_eq!(store.head("c"), Ok(head + 1));
}

/// Of those that put records on at the same place at the same time, exactly one is first, and what somebody puts on at once, one record or
/// a pair, is not torn apart.
fn one_is_first(stores: [Arc<dyn EventStore>; 4]) {
    race(&stores, "alone", &["a"]);
    race(&stores, "pairs", &["a", "b"]);
}

fn race(stores: &[Arc<dyn EventStore>; 4], stream: &str, at_once: &[&str]) {
    const EACH: usize = 25;
    let start = Barrier::new(stores.len());
    let start = &start;
    thread::scope(|scope| {
        for (who, store) in stores.iter().enumerate() {
            scope.spawn(move || {
                start.wait();
                let (mut done, mut expected) = (0, 0);
                while done < EACH {
                    let records = at_once
                        .iter()
                        .map(|one| line(format!("{who} {done} {one}")));
                    match store.append(stream, expected, &records.collect::<Vec<_>>()) {
                        Ok(()) => (done, expected) = (done + 1, expected + at_once.len() as u64),
                        Err(AppendError::Conflict { actual }) => expected = actual,
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    let all = stores[0].read(stream, 0, usize::MAX).unwrap();
    assert_eq!(all.len(), stores.len() * EACH * at_once.len());
    let mut seen = std::collections::BTreeSet::new();
    for together in all.chunks(at_once.len()) {
        let text = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
        let first = text(&together[0]);
        let (whose, _) = first.rsplit_once(' ').unwrap();
        for (record, one) in together.iter().zip(at_once) {
            assert_eq!(text(record), format!("{whose} {one}"));
        }
        assert!(seen.insert(first));
    }
}

#[test]
fn memory_keeps_what_every_store_promises() {
    let store = Arc::new(MemoryStore::default());
    what_is_put_on_is_read(store.as_ref());
    a_conflict_keeps_nothing(store.as_ref());
    one_is_first(std::array::from_fn(|_| {
        store.clone() as Arc<dyn EventStore>
    }));
}

/// This test verifies that a store which remembers where a stream ends looks again after anybody else has written to the file, however
/// they did.
#[test]
fn sqlite_notices_records_that_somebody_else_puts_on_or_takes_away() {
    let folder = Workspace::new("others");
    let (store, other) = (open(folder.path()), open(folder.path()));
    store.append("a", 0, &[line("one"), line("two")]).unwrap();
    other.append("b", 0, &[line("elsewhere")]).unwrap();
    store.append("a", 2, &[line("three")]).unwrap();
    other.append("a", 3, &[line("four")]).unwrap();
    let refused = store.append("a", 3, &[line("mine")]);
    assert_eq!(refused, Err(AppendError::Conflict { actual: 4 }));
    store.append("a", 4, &[line("five")]).unwrap();
    let intruder = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    let cut = intruder.execute("DELETE FROM record WHERE stream = 'a' AND position > 2", []);
    assert_eq!(cut, Ok(3));
    let refused = store.append("a", 5, &[line("mine")]);
    assert_eq!(refused, Err(AppendError::Conflict { actual: 2 }));
}

#[test]
fn sqlite_keeps_what_every_store_promises() {
    let folder = Workspace::new("store");
    what_is_put_on_is_read(&open(folder.path()));
    a_conflict_keeps_nothing(&open(folder.path()));
    // Each with a connection of its own, as processes have.
    one_is_first(std::array::from_fn(|_| {
        Arc::new(open(folder.path())) as Arc<dyn EventStore>
    }));
    let store = open(folder.path());
    store.check().unwrap();
    assert_eq!(
        (store.head("a"), store.head("c")),
        (Ok(3), Ok(1)),
        "kept for good"
    );
}

/// This test verifies that a copy made while others write is one moment of the journal, and that no copy is written over.
#[test]
fn a_copy_is_one_moment() {
    let folder = Workspace::new("store-copy");
    let store = Arc::new(open(folder.path()));
    let writer = store.clone();
    let writing = thread::spawn(move || {
        for position in 0..200 {
            writer
                .append("a", position, &[line(position.to_string())])
                .unwrap();
        }
    });
    let copies: Vec<_> = (0..5)
        .map(|n| folder.path().join(format!("copy-{n}.db")))
        .collect();
    for copy in &copies {
        store.backup(copy).unwrap();
    }
    writing.join().unwrap();
    for path in &copies {
        let copy = SqliteStore::open_existing(path).unwrap();
        copy.check().unwrap();
        let lines = copy.read("a", 0, usize::MAX).unwrap();
        let expected: Vec<_> = (0..lines.len()).map(|n| line(n.to_string())).collect();
        assert_eq!(lines, expected);
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
    assert!(
        store.backup(&copies[0]).is_err(),
        "a copy is never written over"
    );
    assert!(
        store
            .backup(&folder.path().join("no/such/folder.db"))
            .is_err()
    );
}

/// This test verifies that a store without room says so, keeps what it has, takes nothing by halves, and goes on once it has room.
#[test]
fn a_full_store_says_so() {
    let folder = Workspace::new("store-full");
    let store = open(folder.path());
    store.limit(200 * 1024).unwrap();
    let record = vec![b'x'; 3_000];
    let mut kept = 0;
    let error = loop {
        match store.append("a", kept, &[record.clone(), record.clone()]) {
            Ok(()) => kept += 2,
            Err(error) => break error,
        }
        assert!(kept < 1_000, "it is never full");
    };
    assert_eq!(error, AppendError::Full);
    assert!(kept > 10, "{kept}");
    assert_eq!(store.head("a"), Ok(kept));
    assert_eq!(store.read("a", 0, usize::MAX).unwrap().len() as u64, kept);
    store.check().unwrap();
    store.limit(100 * 1024 * 1024).unwrap();
    store.append("a", kept, &[record]).unwrap();
}

/// This test verifies that a file of another program, of a later version, in a folder of all, or not there, is not used.
#[test]
fn what_is_not_ours_is_not_used() {
    let folder = Workspace::new("store-other");
    let text = folder.write(
        "text.db",
        "this is no database, and long enough to be looked at. ".repeat(40),
    );
    assert!(SqliteStore::open(&text).is_err());
    let path = folder.path().join("journal.db");
    assert!(SqliteStore::open_existing(&path).is_err());
    drop(SqliteStore::open(&path).unwrap());
    for change in ["PRAGMA user_version = 2", "PRAGMA application_id = 7"] {
        let other = folder.path().join("changed.db");
        fs::copy(&path, &other).unwrap();
        let connection = rusqlite::Connection::open(&other).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        assert!(SqliteStore::open(&other).is_err(), "{change}");
    }
    let table = folder.path().join("table.db");
    let connection = rusqlite::Connection::open(&table).unwrap();
    connection
        .execute_batch("CREATE TABLE call (id INTEGER)")
        .unwrap();
    drop(connection);
    assert!(SqliteStore::open(&table).is_err());
    let all = folder.path().join("all");
    fs::create_dir(&all).unwrap();
    fs::set_permissions(&all, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(SqliteStore::open(&all.join("journal.db")).is_err());
}
