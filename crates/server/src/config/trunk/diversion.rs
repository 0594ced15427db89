//! The keys of diversions: whether calls that go somewhere else are signed as such, and which ones we send there.

use super::super::place::{Cause, Placed};
use super::super::reader::Reader;
use std::path::{Path, PathBuf};

/// Whose diversions are signed, as configured.
#[derive(Clone, Debug)]
pub struct DiversionSettings {
    /// Where the table of forwards is; without one only those are signed that the peer made.
    pub forwards_file: Option<Placed<PathBuf>>,
}

pub(super) fn read(reader: &mut Reader<'_>, directory: &Path) -> Option<DiversionSettings> {
    let signs = reader.boolean("sign_diversions", false);
    let forwards_file = reader.text("forwards_file");
    if !signs.value {
        if let Some(file) = forwards_file {
            let cause = Cause::Requires("sign_diversions = true");
            reader.note("forwards_file", &file.place, cause);
        }
        return None;
    }
    if reader.written_items("tenant").0 == 0 {
        let cause = Cause::Requires("tenant");
        reader.note("sign_diversions", &signs.place, cause);
    }
    Some(DiversionSettings {
        forwards_file: forwards_file.map(|file| file.map(|file| directory.join(file))),
    })
}
