//! What there is to think about connected identity.

use std::fmt;

/// What there is to think about who picks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerConcern {
    /// Something has to be proven that every provider can prove.
    AnyProvider,
    /// Media keys have to be proven, and what is changed inside the call is not seen.
    KeysOnce,
    /// Answers have to be proven, and those that have passed cannot be taken back.
    NotHeld,
    /// Answers are checked of calls that nobody here signs.
    OfOthers,
}

impl fmt::Display for AnswerConcern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyProvider => {
                "a proof is required, and any provider whose certificate has a provider code can give it for any number: verification.number_authority_file says whose a number is"
            }
            Self::KeysOnce => {
                "a proxy knows no dialogs: media keys are required of the answer, and whoever brings others inside the call is not noticed; mode = \"b2bua\" judges them"
            }
            Self::NotHeld => {
                "a proxy passes answers on as they come: it can cancel before a call is answered, and only report after that; mode = \"b2bua\" holds them"
            }
            Self::OfOthers => {
                "answers are checked, and its calls are not signed here: only those that come signed can be answered by proof"
            }
        })
    }
}
