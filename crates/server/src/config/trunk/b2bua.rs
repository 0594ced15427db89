//! The keys of `mode = "b2bua"`.

use super::super::place::Cause;
use super::super::reader::Reader;
use countersign_sip::trunk::{B2buaMode, Names};
use std::time::Duration;

const NAMES: [(&str, Names); 2] = [("mapped", Names::Mapped), ("kept", Names::Kept)];

/// Longest and shortest limit that may be set, in seconds: a week, and a minute.
const LONGEST_CALL_S: std::ops::RangeInclusive<i64> = 60..=604_800;

/// How the calls of a trunk are carried between two dialogs.
pub(super) fn mode(reader: &mut Reader<'_>) -> B2buaMode {
    let mut mode = B2buaMode {
        names: reader.choice("dialog_names", &NAMES).unwrap_or_default(),
        ..B2buaMode::default()
    };
    if let Some(seconds) = reader.integer("longest_call_s", LONGEST_CALL_S) {
        mode.longest_call = Duration::from_secs(seconds.unsigned_abs());
    }
    mode
}

/// Notes these keys in a trunk of another mode.
pub(super) fn is_elsewhere(reader: &mut Reader<'_>) {
    for key in ["dialog_names", "longest_call_s"] {
        let (written, place) = reader.written_items(key);
        if written > 0 {
            reader.note(key, &place, Cause::Requires("mode = \"b2bua\""));
        }
    }
    let _ = mode(reader);
}
