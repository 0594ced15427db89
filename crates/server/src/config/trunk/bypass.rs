//! The keys of the bypass token: what is put on calls that our service failed.

use super::super::place::{Cause, Placed};
use super::super::reader::Reader;
use super::header_name;
use countersign_sip::trunk::{BypassCause, DEFAULT_BYPASS_HEADER};
use std::path::{Path, PathBuf};

/// What is put on calls that our service failed, as configured.
#[derive(Clone, Debug)]
pub struct BypassSettings {
    /// Where the token is.
    pub token_file: Placed<PathBuf>,
    /// The name of the header.
    pub header: Box<str>,
    /// When it is put there.
    pub on: Vec<BypassCause>,
}

const CAUSES: [BypassCause; 3] = [
    BypassCause::SigningFailed,
    BypassCause::DeadlineExpired,
    BypassCause::NotVerifiable,
];

pub(super) fn read(reader: &mut Reader<'_>, directory: &Path) -> Option<BypassSettings> {
    let token_file = reader.text("bypass_token_file");
    let header = header_name(reader, "bypass_header");
    let form = "one of \"signing-failed\", \"deadline-expired\", \"not-verifiable\"";
    let on = reader.list("bypass_on", form, |text| {
        CAUSES.into_iter().find(|cause| cause.name() == text)
    });
    if token_file.is_none() {
        for key in ["bypass_header", "bypass_on"] {
            let (written, place) = reader.written_items(key);
            if written > 0 {
                reader.note(key, &place, Cause::Requires("bypass_token_file"));
            }
        }
    }
    let on = on.map(|on| on.into_iter().map(|cause| cause.value).collect());
    Some(BypassSettings {
        token_file: token_file?.map(|file| directory.join(file)),
        header: header.unwrap_or_else(|| DEFAULT_BYPASS_HEADER.into()),
        on: on.unwrap_or_else(|| CAUSES.to_vec()),
    })
}
