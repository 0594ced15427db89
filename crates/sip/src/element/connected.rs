//! What passes between an element and its host about answers: what is to be signed, what is to be judged, and what came of it.
//!
//! ```text
//!   caller ── INVITE ──▶ O ── Identity ──▶ T ──▶ called
//!                        │                 │◀── 183, 200
//!                        │                 ├─ SignAnswer ⇄ AnswerSigned
//!                        │◀──── rsp ───────┘
//!                        ├─ JudgeAnswer ⇄ AnswerJudged
//!          ◀── 183, 200 ─┘
//! ```
//!
//! An answer is a response of 101 to 299 to an INVITE that begins a call. What is done with one while it waits is `answering`'s.

use super::ContextId;
use crate::trunk::Trunk;
use countersign::identity::Identity;
use countersign::media_keys::MediaKeys;
use countersign::passport::Presented;
use countersign::time::{Ticks, UnixTime};
use countersign::verification::answer::{AnswerStanding, MediaStanding, Pin};
use countersign::verification::{Malformed, Seal, Verdict};
use std::sync::Arc;

/// One answer of a call; with its [`ContextId`] never used twice by one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerId(pub(super) u32);

impl AnswerId {
    /// A number for logs: the first question about an answer of a call is 1.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// An answer to sign: what `AuthenticationService::respond` takes.
#[derive(Clone, Debug)]
pub struct SignAnswer {
    /// Which call.
    pub id: ContextId,
    /// Which of its answers.
    pub answer: AnswerId,
    /// Its status code.
    pub status: u16,
    /// The values of Identity that the INVITE came with, byte for byte, and after them our own: whole ones, also where the next hop got
    /// them in compact form.
    pub asked: Arc<[Box<str>]>,
    /// Who was reached: whom the Request-URI named when the INVITE went on. `None` if it names nobody, or if the called side says that
    /// it was somebody else: then nothing may be signed (RFC 9970 §5).
    pub reached: Option<Identity>,
    /// What the call's own proof is worth, if it was judged.
    pub verdict: Option<Verdict>,
    /// The media keys that the answer has, if it has any.
    pub media_keys: Option<Box<MediaKeys>>,
    /// Whose tenant signs, and under which policy: that of the INVITE.
    pub trunk: Arc<Trunk>,
    /// The answer goes on without when this comes, and [`super::Output::ForgetAnswer`] says so.
    pub deadline: Ticks,
}

/// An answer to judge: what `VerificationService::begin_answer` takes.
#[derive(Clone, Debug)]
pub struct JudgeAnswer {
    /// Which call.
    pub id: ContextId,
    /// Which of its answers.
    pub answer: AnswerId,
    /// Its status code.
    pub status: u16,
    /// The values of Identity that the INVITE was sent on with, byte for byte and in their order: whole ones, also where the next hop
    /// got them in compact form. Never empty.
    pub asked: Arc<[Box<str>]>,
    /// Whom the Request-URI named when the INVITE went on.
    pub called: Identity,
    /// When it went on first.
    pub sent: UnixTime,
    /// Every PASSporT that the answer presents, in order.
    pub presented: Vec<Result<Presented, Malformed>>,
    /// The media keys that the answer has, if it has any.
    pub media_keys: Option<Box<MediaKeys>>,
    /// Whose trust and policy apply: that of the INVITE.
    pub trunk: Arc<Trunk>,
    /// When [`super::Output::ExpireAnswer`] will come.
    pub deadline: Ticks,
}

/// What came of judging an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerJudgement {
    /// What it is.
    pub standing: AnswerStanding,
    /// Who was reached, if that is proven.
    pub reached: Option<Identity>,
    /// What later requests of whoever was reached are held against, if that is proven.
    pub pin: Option<Pin>,
    /// What is known of its media keys.
    pub media: MediaStanding,
    /// What tells the signatures that prove it from others; none if replays are no matter.
    pub seals: Vec<Seal>,
}

/// What became of an answer to a call of a trunk with connected identity: one for each that was signed or judged, or should have been.
#[derive(Clone, Debug)]
pub struct ConnectedAnswer {
    /// Which call.
    pub id: ContextId,
    /// Which of its answers; what the host was asked about it by this number. `None` if it was not asked.
    pub answer: Option<AnswerId>,
    /// How the INVITE came.
    pub trunk: Arc<Trunk>,
    /// The Call-ID on the side of the caller.
    pub call_id: Box<[u8]>,
    /// Whom the Request-URI named when the INVITE went on.
    pub called: Option<Identity>,
    /// The status code of the answer; of a call that was given up, what the caller got.
    pub status: u16,
    /// What became of it.
    pub fate: AnswerFate,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerFate {
    /// Nobody who answered was proven, as the trunk requires, and the call was ended: its caller got this status.
    GivenUp,
    /// It was judged. It went on, or had gone on before.
    Passed(AnswerJudgement),
    /// It was judged, and is not what the trunk requires: the caller has not got it, or of what only rings nothing that is heard.
    Refused(AnswerJudgement),
    /// We signed it.
    Signed,
    /// What could be heard of it, a session description or Alert-Info, was taken out, because nobody has signed it and the trunk requires
    /// that. Told once for each party that rings.
    Stripped,
    /// It should have been signed, and went on without.
    Unsigned(Unsigned),
}

/// Why an answer was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// The signature did not come before the deadline.
    Late,
    /// The service refused, for reasons that the host keeps.
    Refused,
}
