//! How a back-to-back user agent treats the calls of a trunk. Data, no behaviour.

use std::time::Duration;

/// Two ends of two dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct B2buaMode {
    /// How the far dialog is called.
    pub names: Names,
    /// What becomes of answers.
    pub answers: Answers,
    /// A call that is longer is ended, on both sides.
    pub longest_call: Duration,
}

/// Longest call, if nobody says otherwise. Nobody speaks for half a day; whoever lost both BYEs would be charged for it.
pub const LONGEST_CALL: Duration = Duration::from_secs(12 * 3_600);

impl Default for B2buaMode {
    fn default() -> Self {
        Self {
            names: Names::default(),
            answers: Answers::default(),
            longest_call: LONGEST_CALL,
        }
    }
}

/// How the far dialog is called: its Call-ID and tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// As the near one.
    Kept,
    /// By names of ours, which tell nothing.
    #[default]
    Mapped,
}

/// What becomes of a 2xx to the INVITE that begins a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// The host is asked first, and not longer than [`super::Trunk::deadline`]; then it passes.
    Held,
    /// It passes.
    #[default]
    Passed,
}
