//! Messages that were stored and are judged later than they were sent: [RFC 9475 §3.2](https://www.rfc-editor.org/rfc/rfc9475#section-3.2)
//! and [§4](https://www.rfc-editor.org/rfc/rfc9475#section-4).
//!
//! ```text
//!      iat: signed     arrives, and is stored      the certificate ends      now: somebody reads it
//!    ──────┼─────────────────────┼───────────────────────────┼──────────────────────────┼────────►
//!          └── path and staple: as of here         what is known of revocation: as of here
//!          └──────────────── no older than the archive takes ───────────────────────────┘
//! ```
//!
//! An [`Archive`] belongs to a service ([`VerificationService::with_archive`](super::VerificationService::with_archive)), and only what is
//! handed in as stored ([`VerificationService::begin_stored`](super::VerificationService::begin_stored)) is judged by it: no call ever is.
//! Whoever hands it in answers for two things that nothing here can prove: that it was stored when it came, and that the certificate which
//! they answer the need with was kept since then. The time in a token is its signer's word.

use super::replay::ReplayMemory;
use std::fmt;
use std::sync::Arc;

/// The oldest that a stored message may be, in seconds: 63 weeks, the longest that a short message can ask to be kept for (TP-Validity-Period,
/// 3GPP TS 23.040 §9.2.3.12.1). RFC 9475 speaks of minutes or hours and names no limit.
pub const MAX_ARCHIVE_SECONDS: u32 = 63 * 7 * 86_400;

/// How messages are judged that were stored.
///
/// # Example
/// ```
/// use countersign::verification::{Archive, ArchiveRefused, MemoryReplay, VerificationService};
/// use std::sync::Arc;
/// /// A service that judges what lies in an inbox for a day at most.
/// fn for_inbox(
///     service: &VerificationService,
///     inbox: Arc<MemoryReplay>,
/// ) -> Result<VerificationService, ArchiveRefused> {
///     service.with_archive(Archive::new(86_400, inbox)?)
/// }
/// ```
// RFC 9475 §3.2: "The potential for replay attacks can, however, be largely mitigated by the timestamp in PASSporTs; duplicate messages are
// easily detected [...] Relaxing the expiry timer would require support for such features on the receiving side of the message." So there is
// no archive without a memory.
#[derive(Clone)]
pub struct Archive {
    longest_age: u32,
    memory: Arc<dyn ReplayMemory>,
}

impl Archive {
    /// Of messages that are at most `longest_age` seconds old. `memory` is that of one inbox, and of nothing else: a signature that comes a
    /// second time is a duplicate whatever brings it, and it must be remembered for as long as a message may be old.
    ///
    /// # Errors
    /// [`ArchiveRefused::Age`] if it takes nothing, or more than [`MAX_ARCHIVE_SECONDS`].
    pub fn new(longest_age: u32, memory: Arc<dyn ReplayMemory>) -> Result<Self, ArchiveRefused> {
        match longest_age {
            1..=MAX_ARCHIVE_SECONDS => Ok(Self {
                longest_age,
                memory,
            }),
            _ => Err(ArchiveRefused::Age),
        }
    }

    /// Seconds that a message may be old.
    pub const fn longest_age(&self) -> u32 {
        self.longest_age
    }

    pub(super) fn memory(&self) -> &dyn ReplayMemory {
        &*self.memory
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Archive({} s)", self.longest_age)
    }
}

/// Why there is no such archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveRefused {
    /// It would take messages of no age, or of more than [`MAX_ARCHIVE_SECONDS`].
    Age,
    /// Policy has duplicates not looked for ([`Replay::Off`](super::policy::Replay::Off)).
    DuplicatesUnseen,
}

impl fmt::Display for ArchiveRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age => write!(
                f,
                "a stored message may be 1 to {MAX_ARCHIVE_SECONDS} seconds old"
            ),
            Self::DuplicatesUnseen => {
                f.write_str("stored messages are judged only where duplicates are looked for")
            }
        }
    }
}

impl std::error::Error for ArchiveRefused {}

/// Something to be known of a PASSporT beside its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// Its certificate, or its age, counts as of its `iat` only: as a call it would not pass now.
    ArchivedCert,
}

impl Flag {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArchivedCert => "archived-cert",
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArchivedCert => f.write_str("judged as of iat, as a message that was stored"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::replay::MemoryReplay;

    #[test]
    fn an_archive_takes_something_and_not_everything() {
        let archive = |seconds| Archive::new(seconds, Arc::new(MemoryReplay::new(1)));
        for seconds in [1, 86_400, MAX_ARCHIVE_SECONDS] {
            let archive = archive(seconds).unwrap();
            assert_eq!(archive.longest_age(), seconds);
        }
        for seconds in [0, MAX_ARCHIVE_SECONDS + 1, u32::MAX] {
            let refused = archive(seconds).unwrap_err();
            assert_eq!(refused, ArchiveRefused::Age);
            assert!(refused.to_string().contains("38102400"), "{refused}");
        }
    }
}
