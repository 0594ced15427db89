//! `[hep]`: whether copies of SIP messages go to a collector.

use super::place::{Cause, Placed};
use super::reader::Reader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// `[hep]`.
#[derive(Clone, Debug)]
pub struct HepSettings {
    /// Where copies go; nowhere if there is none.
    pub collector: Option<Placed<SocketAddr>>,
    /// By which number the collector knows us.
    pub capture_id: u32,
    /// What the collector wants to see in each packet.
    pub password_file: Option<Placed<PathBuf>>,
}

/// The number that the collector sees if nobody says otherwise.
const DEFAULT_CAPTURE_ID: u32 = 1;

pub(super) fn read(mut reader: Reader<'_>, directory: &Path) -> HepSettings {
    let collector = reader.parsed("collector", "udp:ADDRESS:PORT", collector);
    let capture_id = reader.integer("capture_id", 0..=i64::from(u32::MAX));
    let password_file = reader.text("password_file");
    if let (Some(file), None) = (&password_file, &collector) {
        reader.note("password_file", &file.place, Cause::Requires("collector"));
    }
    let settings = HepSettings {
        collector,
        capture_id: capture_id
            .and_then(|id| u32::try_from(id).ok())
            .unwrap_or(DEFAULT_CAPTURE_ID),
        password_file: password_file.map(|file| file.map(|file| directory.join(file))),
    };
    reader.finish();
    settings
}

fn collector(text: &str) -> Option<SocketAddr> {
    let address: SocketAddr = text.strip_prefix("udp:")?.parse().ok()?;
    let usable = address.port() != 0 && !address.ip().is_unspecified();
    usable.then_some(address)
}
