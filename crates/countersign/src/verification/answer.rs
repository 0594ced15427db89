//! What is told of an answer: who picked up, as far as somebody proved it.
//! [RFC 9970](https://www.rfc-editor.org/rfc/rfc9970), connected identity.
//!
//! ```text
//!    caller ── INVITE, orig A, dest B ──► called            what was sent is a Dialled
//!           ◄── 183 or 200, rsp: orig A, dest B or C ──     what came back is judged against it
//! ```
//!
//! How it is judged: `answering`. What is done about it is for whoever holds the call.

use super::fault::Fault;
use super::purpose::Purpose;
use super::replay::Seal;
use crate::call::CallReference;
use crate::certificate::ServiceProviderCode;
use crate::identity::Identity;
use crate::passport::SignedPassport;
use crate::time::UnixTime;
use std::fmt;

/// A call as it was sent on: what its answers are judged against. Everything in it is our own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// The PASSporT that speaks for the caller, as it was sent.
    pub passport: SignedPassport,
    /// The diversions that were sent with it.
    pub diversions: Vec<SignedPassport>,
    /// Whom the request was for when it was sent: its Request-URI.
    pub called: Identity,
    /// When it was sent.
    pub sent: UnixTime,
    /// What is accepted.
    pub policy: AnswerPolicy,
}

impl Dialled {
    /// A call that was sent with these PASSporTs, in the order of their headers: the first one that speaks for the caller, and every
    /// diversion. `None` if nobody speaks for the caller, so that nobody can answer.
    // RFC 9970 §13: PASSporTs "can only be present in responses to requests that" had one.
    pub fn of(sent_with: Vec<SignedPassport>, called: Identity, sent: UnixTime) -> Option<Self> {
        let (mut speaking, mut diversions) = (None, Vec::new());
        for passport in sent_with {
            match Purpose::of(passport.claims()) {
                Purpose::Caller if speaking.is_none() => speaking = Some(passport),
                Purpose::Diversion => diversions.push(passport),
                _ => {}
            }
        }
        Some(Self {
            passport: speaking?,
            diversions,
            called,
            sent,
            policy: AnswerPolicy::default(),
        })
    }

    /// What tells the call from another one, should the same answer be shown again: the PASSporT that it was sent with, which stays the same
    /// through every retry, fork and spiral, and which no other call has.
    pub(super) fn reference(&self) -> CallReference {
        CallReference {
            call_id: self.passport.signature().as_slice().into(),
            from_tag: Box::default(),
            within: None,
        }
    }

    /// Whether an answer of this identity is one of whom was called.
    // RFC 9970 §5: what needs a diversion beside it is "a different "dest" than the one that appeared in the PASSporT of the dialog-forming
    // request"; and whom we sent the request to is who we called.
    pub fn is_for(&self, reached: &Identity) -> bool {
        self.called == *reached || self.passport.claims().dest.contains(reached)
    }
}

/// What is accepted as an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerPolicy {
    /// What an answer of somebody else is, to whom the call was diverted.
    pub diverted: DivertedAnswer,
}

/// What an answer of somebody else than was called is, when it is proven how the call came there.
// RFC 9970 §5: "Some stricter systems may not want to trust any "rsp" that differs from the "dest" in the PASSporT of the original
// request."
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DivertedAnswer {
    /// An answer. The default.
    #[default]
    Accepted,
    /// Unexpected, and what it brings along is not looked at.
    Refused,
}

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerReport {
    /// What it is.
    pub standing: AnswerStanding,
    /// Who was reached: `None` if that was not proven.
    pub reached: Option<Identity>,
    /// What later requests of the one who was reached are held against; `None` if that was not proven.
    pub pin: Option<Pin>,
    /// What is known of the keys that protect the media.
    pub media: MediaStanding,
    /// What tells the signatures that prove it from others; none if nothing is proven, or replays are no matter ([`Replay::Off`]).
    ///
    /// [`Replay::Off`]: super::policy::Replay::Off
    pub seals: Vec<Seal>,
    /// Nobody has signed, and whoever was called has done so before: when that was proven last.
    pub regression: Option<UnixTime>,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerStanding {
    /// Nobody has signed it.
    Absent,
    /// Somebody else has answered, and whoever was called has signed for how the call came there.
    Diverted,
    /// Whoever was called has answered.
    Matching,
    /// Somebody has signed, and whether that is good could not be told.
    NotValidated(Fault),
    /// Somebody has signed, and that is not good.
    Unexpected(Fault),
}

impl AnswerStanding {
    /// Whether it is proven who answered, and that this is as it should be.
    pub const fn is_proven(self) -> bool {
        matches!(self, Self::Diverted | Self::Matching)
    }

    /// Why it is not proven; `None` if it is.
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Absent => Some(Fault::AnswerAbsent),
            Self::Diverted | Self::Matching => None,
            Self::NotValidated(fault) | Self::Unexpected(fault) => Some(fault),
        }
    }

    /// The standing of a further answer in a dialog where `first` was reached before.
    // RFC 9970 §6: "the "dest" element value in any requests or responses sent in the backwards direction during this dialog MUST be the
    // same as the "dest" element value in the first response to the dialog-forming request that contains a PASSporT".
    pub fn after(self, first: &Identity, reached: Option<&Identity>) -> Self {
        match reached {
            Some(reached) if self.is_proven() && reached != first => {
                Self::Unexpected(Fault::AnswerUnexpected)
            }
            _ => self,
        }
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Diverted => "diverted",
            Self::Matching => "matching",
            Self::NotValidated(_) => "not-validated",
            Self::Unexpected(_) => "unexpected",
        }
    }
}

/// Who was reached, and with which key they sign: what later requests of theirs are held against.
// RFC 9970 §6: "The dialog initiator can then treat the certificate that signed that "rsp" PASSporT as the appropriate certificate to sign
// any further mid-dialog or dialog-terminating requests received in the backwards direction."
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    /// Who.
    pub identity: Identity,
    /// SHA-256 of the SubjectPublicKeyInfo of their certificate, in DER.
    pub key: [u8; 32],
    /// The provider code by which they sign, where their certificate has one: it covers every number, so the number alone tells nobody apart.
    pub provider: Option<ServiceProviderCode>,
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({}, ", self.identity)?;
        self.key
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// What is known of the keys that protect the media of a call: `a=fingerprint` of its SDP, and `mky` of who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaStanding {
    /// They are those that were signed.
    Bound,
    /// Others were signed: somebody on the way has changed them.
    Mismatch,
    /// There are none, and none were signed.
    NoKeys,
    /// There are some, and nobody whose signature is good has signed them.
    NotSigned,
}

impl MediaStanding {
    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Mismatch => "mismatch",
            Self::NoKeys => "no-keys",
            Self::NotSigned => "not-signed",
        }
    }
}
