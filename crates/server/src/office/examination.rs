//! What a start would find wrong, told without starting anything: for `check-config`.
//!
//! What stops `serve` is looked at here in the same way, by the same code. Keys in files are opened; those in devices stay closed, because
//! whoever checks a configuration may have no PIN, and a device may count how often it is asked.

use super::anchors::AnchorList;
use super::lists::ListMaker;
use super::{Office, OfficeFault, Presence, practice};
use crate::clock::Clock;
use crate::config::ca::CaSettings;
use crate::files;
use crate::keys::KeyPlace;
use std::path::Path;
use std::sync::Arc;

/// What would stop the authority of these settings. Nothing is written, and no journal is made.
pub fn examine(settings: &CaSettings, clock: &Arc<dyn Clock>) -> Vec<OfficeFault> {
    match Office::open_by(settings, clock.clone()) {
        Ok(office) => office.examined(clock),
        Err(fault) => vec![fault],
    }
}

impl Office {
    fn examined(&self, clock: &Arc<dyn Clock>) -> Vec<OfficeFault> {
        let settings = &self.settings;
        let issuers = settings.token_issuers.iter();
        let mut faults: Vec<_> = issuers
            .filter_map(|issuer| practice::token_issuer(issuer).err())
            .collect();
        faults.extend(practice::external(settings).err());
        let own = is_file(&settings.key.value).then(|| self.authority());
        let own_signs = matches!(own, Some(Ok(_)));
        faults.extend(own.and_then(Result::err));
        // Where nobody else does it, it is done with the authority's own key: that is told once.
        let signs = |delegate: Option<&KeyPlace>| delegate.map_or(own_signs, is_file);
        if settings.crl.issuer.is_some() || own_signs {
            faults.extend(self.list_fault());
        }
        let responder = settings.ocsp.responder.as_ref();
        if signs(responder.map(|(_, key)| &key.value)) {
            faults.extend(self.responder().err());
        }
        for former in &self.former {
            if is_file(&former.settings.key.value) {
                let answers = former.responder(self).err();
                faults.extend(answers.or_else(|| ListMaker::of_former(self, former).err()));
            }
        }
        let tokens = settings.token_authority.as_ref();
        if tokens.is_some_and(|tokens| is_file(&tokens.key.value)) {
            let published = practice::tokens(self)
                .and_then(|desk| AnchorList::open(self, desk.as_ref(), clock.now().unix));
            faults.extend(published.err());
        }
        faults.extend(self.examined_journal(clock).err());
        faults
    }

    /// Why no revocation list can be signed, as far as that is known without a device.
    pub fn list_fault(&self) -> Option<OfficeFault> {
        let settings = &self.settings;
        let issuer = settings.crl.issuer.as_ref();
        let key = issuer.map_or(&settings.key, |(_, key)| key);
        let tried = is_file(&key.value).then(|| ListMaker::of(self));
        tried.and_then(Result::err)
    }

    /// A journal that is there is read to its end; one that is not there can be made.
    fn examined_journal(&self, clock: &Arc<dyn Clock>) -> Result<(), OfficeFault> {
        let path = &self.settings.store_file.value;
        if path.exists() {
            return self.book(Presence::Required, clock.clone()).map(drop);
        }
        if !self.read_checkpoints()?.is_empty() {
            return Err(OfficeFault::JournalGone(path.clone()));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let bad = |fault| OfficeFault::File(folder.into(), fault);
        std::fs::metadata(folder).map_err(|error| bad(files::FileFault::Unreadable(error)))?;
        files::refuse_folder_of_all(folder).map_err(bad)
    }
}

fn is_file(place: &KeyPlace) -> bool {
    matches!(place, KeyPlace::File(_))
}
