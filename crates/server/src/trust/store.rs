//! The folder in which the last good lists lie, so that a restart begins where the last run ended.
//!
//! One file for each source: `DIGEST.list`, the digest being that of the domain and the place, the content what was received, byte for
//! byte. A file is written beside its place, flushed, and moved there: whoever reads finds the old one or the new one, and two processes
//! may write at once. What is
//! read back is parsed and proven again like everything that comes from outside.

use crate::files::{self, FileFault};
use countersign::crypto::sha256;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Only its owner may look into the folder or change it: whoever can write there can take us back.
const FOLDER_MODE: u32 = 0o700;

/// A folder of lists.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// One place in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot(Box<str>);

impl Slot {
    /// The place for what `domain` has from `source`.
    pub fn of(domain: &str, source: &str) -> Self {
        let digest = sha256(format!("{}\0{domain}\0{source}", domain.len()).as_bytes());
        let mut name = String::new();
        for byte in digest.iter().take(16) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self(format!("{name}.list").into())
    }
}

impl Store {
    /// The store in this folder. Nothing is touched.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Makes the folder if it is not there, and ours alone.
    ///
    /// # Errors
    /// If it is none, cannot be made, or is somebody else's.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(FOLDER_MODE))
    }

    /// What lies there; `None` if nothing does.
    ///
    /// # Errors
    /// [`FileFault`] if something does and cannot be read.
    pub fn read(&self, slot: &Slot) -> Result<Option<Vec<u8>>, FileFault> {
        match files::read(&self.folder.join(&*slot.0)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileFault::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Puts it there, in the place of what was.
    ///
    /// # Errors
    /// If the disk does not take it; then the old one is still there.
    pub fn write(&self, slot: &Slot, bytes: &[u8]) -> io::Result<()> {
        files::replace(&self.folder.join(&*slot.0), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The permissions of its files.
    const FILE_MODE: u32 = 0o600;

    fn folder(name: &str) -> PathBuf {
        let name = format!("countersign-store-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }

    fn made(folder: &Path) -> Store {
        let store = Store::at(folder);
        store.make().unwrap();
        store
    }

    #[test]
    fn what_was_put_there_last_is_there() {
        let folder = folder("last");
        let slot = Slot::of("us", "https://crl.example/a.crl");
        let store = made(&folder);
        assert!(store.read(&slot).unwrap().is_none());
        store.write(&slot, b"one").unwrap();
        store.write(&slot, b"two").unwrap();
        // A process that ended while it wrote left half a file; it is in nobody's way.
        fs::write(folder.join(format!("{}.new", slot.0)), b"thr").unwrap();
        fs::write(
            folder.join(format!("{}.0123456789abcdef.new", slot.0)),
            b"thr",
        )
        .unwrap();
        let store = Store::at(&folder);
        assert_eq!(store.read(&slot).unwrap().unwrap(), b"two");
        store.write(&slot, b"three").unwrap();
        assert_eq!(store.read(&slot).unwrap().unwrap(), b"three");
        assert_ne!(slot, Slot::of("u", "shttps://crl.example/a.crl"));
    }

    /// This test verifies that two processes that write at once are in nobody's way: one of both is there, whole, and each has succeeded.
    #[test]
    fn two_write_at_once() {
        let folder = folder("twice");
        let store = made(&folder);
        let slot = Slot::of("us", "https://crl.example/a.crl");
        std::thread::scope(|scope| {
            for byte in [b'a', b'b', b'c', b'd'] {
                let (store, slot) = (&store, &slot);
                scope.spawn(move || {
                    for _ in 0..50 {
                        store.write(slot, &[byte; 4_096]).unwrap();
                    }
                });
            }
        });
        let there = store.read(&slot).unwrap().unwrap();
        assert_eq!(there.len(), 4_096);
        assert!(there.iter().all(|byte| *byte == there[0]));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn nobody_else_looks_in() {
        let folder = folder("alone");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let store = made(&folder);
        let slot = Slot::of("us", "x");
        store.write(&slot, b"one").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), FOLDER_MODE);
        assert_eq!(mode(&folder.join(&*slot.0)), FILE_MODE);
    }

    #[test]
    fn a_file_is_no_folder() {
        let path = folder("file");
        fs::write(&path, b"x").unwrap();
        assert!(Store::at(&path).make().is_err());
    }
}
