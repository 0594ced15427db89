//! `[connected]`: what is remembered of those who answer.

use super::reader::Reader;
use std::path::{Path, PathBuf};

/// `[connected]`.
#[derive(Clone, Debug, Default)]
pub struct ConnectedSettings {
    /// Where those outlive a restart who proved that they answer.
    pub memory_file: Option<PathBuf>,
}

pub(super) fn read(mut reader: Reader<'_>, directory: &Path) -> ConnectedSettings {
    let memory_file = reader.text("memory_file");
    reader.finish();
    ConnectedSettings {
        memory_file: memory_file.map(|name| directory.join(name.value)),
    }
}
