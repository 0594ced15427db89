//! How the verification of a stored message begins; from then on it is a verification like any other, with the service's archive at hand.

use super::{Shared, Verification, VerificationService};
use crate::call::{Call, CallReference};
use crate::passport::Presented;
use crate::time::Now;
use crate::trust::Trust;
use crate::verification::Malformed;
use crate::verification::archive::{Archive, ArchiveRefused};
use crate::verification::policy::Replay;
use std::sync::Arc;

impl VerificationService {
    /// The same service, which judges stored messages by this archive from now on.
    ///
    /// # Errors
    /// [`ArchiveRefused::DuplicatesUnseen`] if its policy has replays not looked for.
    pub fn with_archive(&self, archive: Archive) -> Result<Self, ArchiveRefused> {
        if self.shared.policy.replay == Replay::Off {
            return Err(ArchiveRefused::DuplicatesUnseen);
        }
        let shared = Shared {
            archive: Some(archive),
            ..self.shared.copied()
        };
        Ok(Self {
            shared: Arc::clone(&self.shared),
            stored: Some(Arc::new(shared)),
        })
    }

    /// The archive that stored messages are judged by, if there is one.
    pub fn archive(&self) -> Option<&Archive> {
        self.stored.as_ref()?.archive.as_ref()
    }

    /// Begins to verify a message that was stored, with the PASSporTs that came with it; `message` is what its request told, as of a call.
    /// Without an archive it is judged like a call: as of now.
    ///
    /// Only for what was kept since it came, and never for a call: everybody may write an old time into a token. The need of the certificate
    /// is to be answered with the one that was kept, if it was.
    pub fn begin_stored(
        &self,
        message: &Call,
        presented: Vec<Result<Presented, Malformed>>,
        trust: &Arc<Trust>,
        now: Now,
    ) -> Verification {
        let Some(shared) = &self.stored else {
            return self.begin(message, presented, trust, now);
        };
        let mut verification = shared.begin(message, presented, trust, now);
        // A duplicate is one whatever brings it.
        verification.reference.get_or_insert_with(unnamed);
        verification
    }
}

/// The reference of what has none.
fn unnamed() -> CallReference {
    CallReference {
        call_id: Box::default(),
        from_tag: Box::default(),
        within: None,
    }
}
