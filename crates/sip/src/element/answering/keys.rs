//! Media keys of answers: what becomes of one whose keys are not proven, where the call asked for media security
//! ([RFC 8862 §4.4](https://www.rfc-editor.org/rfc/rfc8862#section-4.4)).
//!
//! Nothing here ends media: who does not get the answer has none. How keys are found in it is `crate::sdp`'s.

use super::forks::Fork;
use super::{Arriving, Kind};
use crate::element::AnswerJudgement;
use crate::element::context::Context;
use crate::element::event::SignatureFate;
use crate::sdp;
use crate::trunk::{Connected, MediaSecurity};
use countersign::media_keys::MediaKeys;
use countersign::verification::answer::MediaStanding;

/// What an answer shows of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It accepts the call, and shows none: it has shown them before, or never will.
    Accepted,
    /// Somebody rings, and it shows none.
    Ringing,
    /// It has a session description.
    Session,
}

impl Shown {
    pub(super) fn by(answer: &Arriving) -> Self {
        match answer.kind {
            _ if answer.has_body() => Self::Session,
            Kind::Final => Self::Accepted,
            Kind::Reliable(_) | Kind::Ringing => Self::Ringing,
        }
    }
}

/// What a call asks for that is for us to sign: elsewhere it is not for us to ask. What is required is so also of a call that we have
/// not signed, and should have.
pub(super) fn asked(connected: &Connected, context: &Context) -> MediaSecurity {
    match (context.record.signature, connected.media) {
        (SignatureFate::Added, media) => media,
        (SignatureFate::Late | SignatureFate::Refused, MediaSecurity::Required) => {
            MediaSecurity::Required
        }
        _ => MediaSecurity::Off,
    }
}

/// Whether nobody can secure the media of a call that asks for it: nobody has signed that it does, or it offers some without keys.
pub(super) fn are_hopeless(context: &Context) -> bool {
    context.record.signature != SignatureFate::Added || offers_none(context)
}

/// Whether a call offers media that nobody can secure. One without a description offers none yet.
fn offers_none(context: &Context) -> bool {
    let keys = sdp::fingerprints(&context.request);
    let has_keys = keys.is_some_and(|keys| !MediaKeys::is_untold(&keys));
    !context.request.body().is_empty() && !has_keys
}

/// Whether an answer that was judged so is refused for its keys.
// RFC 8862 §4.4: the caller's side may "shut down the dialog, if the policy of the UA requires that "msec" be supported by the terminating
// side for this dialog; or, if policy permits (e.g., an explicit acceptance by the user), allow the dialog to continue without media
// security." What contradicts a signature is neither.
pub(super) fn are_refused(
    asked: MediaSecurity,
    judgement: &AnswerJudgement,
    shown: Shown,
    fork: Option<&Fork>,
) -> bool {
    match (asked, judgement.media) {
        (MediaSecurity::Off, _) | (_, MediaStanding::Bound) => false,
        (_, MediaStanding::Mismatch) => true,
        (MediaSecurity::Opportunistic, _) => false,
        (MediaSecurity::Required, MediaStanding::NotSigned) => true,
        (MediaSecurity::Required, MediaStanding::NoKeys) => match shown {
            Shown::Accepted => !fork.is_some_and(Fork::is_bound),
            Shown::Ringing => false,
            Shown::Session => true,
        },
    }
}
