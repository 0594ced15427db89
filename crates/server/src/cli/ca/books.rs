//! The books of the authority, which a configuration names: what the verbs that look into them and write into them share.

use super::super::console::Console;
use super::trouble::CaTrouble;
use crate::authority::book::Book;
use crate::authority::checkpoints::Checkpoints;
use crate::clock::SystemClock;
use crate::config;
use crate::office::{Office, Presence, STREAM};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Which authority.
#[derive(Debug, Args)]
pub(super) struct ConfigFlag {
    /// The configuration with the section [ca]
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/countersign/countersign.toml"
    )]
    config: PathBuf,
}

impl ConfigFlag {
    /// The office that the configuration describes. No key is opened.
    pub(super) fn office(&self) -> Result<Office, CaTrouble> {
        let config = config::load(&self.config, std::env::vars(), &[]);
        let config = config.map_err(CaTrouble::Config)?;
        let settings = config
            .ca
            .ok_or_else(|| CaTrouble::NoAuthority(self.config.clone()))?;
        Ok(Office::open(&settings)?)
    }
}

/// The book, which may be new.
pub(super) fn open(office: &Office, presence: Presence) -> Result<Book, CaTrouble> {
    Ok(office.book(presence, Arc::new(SystemClock::start()))?)
}

/// Signs that the journal goes as far as it does now, where checkpoints are written. What was done is done, with or without: a server
/// that runs signs within a minute, too.
pub(super) fn checkpoint(office: &Office, book: &Book, console: &mut Console) {
    let put = |checkpoints: Checkpoints| checkpoints.put(STREAM, book.head(), book.now());
    match office.checkpoints() {
        Ok(checkpoints) => {
            if let Some(Err(error)) = checkpoints.map(put) {
                console.warning(format_args!("no checkpoint was written: {error}"));
            }
        }
        Err(fault) => console.warning(format_args!("no checkpoint was signed: {fault}")),
    }
}

/// Says so if no list can be signed: what is revoked is then known to nobody else.
pub(super) fn doubt_lists(office: &Office, console: &mut Console) {
    if let Some(fault) = office.list_fault() {
        console.warning(format_args!("no revocation list is published: {fault}"));
    }
}

/// Who is at the keyboard, if nobody says otherwise.
pub(super) fn whoever(by: Option<&str>) -> Result<Box<str>, CaTrouble> {
    let user = || std::env::var("USER").ok().filter(|user| !user.is_empty());
    let by = by.map(str::to_owned).or_else(user);
    by.map(Box::from).ok_or(CaTrouble::Nobody)
}
