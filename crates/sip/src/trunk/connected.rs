//! Connected identity on one trunk: whether the answers to its calls are signed, and whether those that come are checked
//! ([RFC 9970](https://www.rfc-editor.org/rfc/rfc9970)). Data, and what follows from it for one answer; done by `crate::element`.
//!
//! A trunk is the arrangement with whoever sends us requests, so both sides of a call have theirs on the trunk that its INVITE came by:
//! the provider of the caller checks there what comes back, the provider of the called signs there what goes back.

use super::redirect::RejectionStatus;
use countersign::identity::Identity;
use countersign::number::TelephoneNumberRange;

/// What the caller is told whose call was given up because its answer was not proven.
///
/// No code is meant for it. 403 says that somebody on the way refused, and that asking again is no use; a 6xx would end the attempts
/// by other routes, on which the right party may be; 608 demands a redress address (RFC 8688 §3.1).
pub const DEFAULT_REFUSAL: RejectionStatus = RejectionStatus::Forbidden;

/// Connected identity on one trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Whether answers to its calls are signed.
    pub sign: AnswerSigning,
    /// Whether the diversions that a call came with are shown to the caller.
    pub reflection: Reflecting,
    /// Whether rich data of the called goes back.
    pub rich: RichBackwards,
    /// Whether answers to its calls are checked.
    pub check: AnswerChecking,
    /// Which calls end whose answer is not proven, where answers are checked as [`AnswerChecking::Require`] says.
    pub require: Required,
    /// Whether an answer by somebody whom the call was diverted to is as good as one of the called.
    pub diverted: DivertedAnswers,
    /// What is done with requests inside dialogs that were established with it.
    pub mid_dialog: MidDialog,
    /// What of the answerer has to stay the same in a dialog.
    pub pin: Pinning,
    /// Who may ask by a probe who would answer.
    pub probes: Probes,
    /// What is made of media keys.
    pub media: MediaSecurity,
    /// What the caller is told whose call was given up because its answer was not proven.
    pub refusal: RejectionStatus,
}

impl Connected {
    /// What a border controller needs that just turns it on: every answer is signed, every answer is checked, nothing is refused.
    pub const fn on() -> Self {
        Self {
            sign: AnswerSigning::All,
            reflection: Reflecting::Reflected,
            rich: RichBackwards::Never,
            check: AnswerChecking::Report,
            require: Required::Never,
            diverted: DivertedAnswers::Accepted,
            mid_dialog: MidDialog::Reported,
            pin: Pinning::Identity,
            probes: Probes::Never,
            media: MediaSecurity::Off,
            refusal: DEFAULT_REFUSAL,
        }
    }

    /// Whether a call to this party ends if its answer is not proven; `None` is somebody whom nobody can name.
    pub fn requires(&self, called: Option<&Identity>) -> bool {
        self.check == AnswerChecking::Require && self.require.covers(called)
    }
}

impl Default for Connected {
    /// Nothing is signed, nothing is checked, nobody is asked.
    fn default() -> Self {
        Self {
            sign: AnswerSigning::Off,
            check: AnswerChecking::Off,
            mid_dialog: MidDialog::Off,
            pin: Pinning::Off,
            ..Self::on()
        }
    }
}

/// Which answers are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerSigning {
    /// Those of every number that the tenant's certificate lists; of those that it has by provider code only, those of the inventory.
    All,
    /// None.
    #[default]
    Off,
    /// Those of numbers in the tenant's inventory.
    OwnNumbers,
}

/// Whether the diversions of a call are shown to its caller.
// RFC 9970 §5: "the called party can make a policy determination about reflecting those "div" PASSporTs back to the caller".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reflecting {
    /// They are: a diverted answer can be proven.
    #[default]
    Reflected,
    /// They are not: of a diverted call nothing is signed.
    Withheld,
}

/// Whose rich data goes back with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RichBackwards {
    /// That of every brand: institutions answer here.
    Institutions,
    /// Nobody's.
    #[default]
    Never,
    /// That of brands whose configuration says so.
    OptIn,
}

/// Which answers are checked, and what follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerChecking {
    /// None.
    #[default]
    Off,
    /// All; what is found is told to the operator.
    Report,
    /// All; and calls that [`Connected::require`] names end if their answer is not proven.
    Require,
}

/// Which calls end whose answer is not proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// All.
    Always,
    /// Those to these numbers. Whom nobody can name is on no list: the caller, whom this protects, has named them.
    Listed(Vec<TelephoneNumberRange>),
    /// None.
    #[default]
    Never,
}

impl Required {
    fn covers(&self, called: Option<&Identity>) -> bool {
        match self {
            Self::Always => true,
            Self::Listed(ranges) => called
                .and_then(Identity::number)
                .is_some_and(|number| ranges.iter().any(|range| range.contains(number))),
            Self::Never => false,
        }
    }
}

/// Whether somebody may answer whom the call was diverted to, if every step of the way is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DivertedAnswers {
    /// It is as good as an answer of the called.
    #[default]
    Accepted,
    /// It is not.
    Refused,
}

/// What is done with requests inside dialogs that were established with connected identity: re-INVITE, UPDATE and BYE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MidDialog {
    /// Ours are signed; those of the other side are judged, and answered 438 if they are not of whom they should be.
    Enforced,
    /// Nothing.
    #[default]
    Off,
    /// Ours are signed; those of the other side are judged, and told to the operator if they are not of whom they should be.
    Reported,
    /// Ours are signed.
    Signed,
}

/// What of whoever answered has to stay the same in a dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Who it is. Certificates that live for days only roll over.
    Identity,
    /// Who it is, and with which key.
    Key,
    /// Nothing.
    #[default]
    Off,
}

/// Who may ask by a probe who would answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Probes {
    /// Also who does not say who it is.
    Anonymous,
    /// Whoever proves who it is.
    Authenticated,
    /// Whoever proves who it is, but not here: a next hop answers, which has to know what it is asked.
    Forwarded,
    /// These numbers, proven.
    Listed(Vec<TelephoneNumberRange>),
    /// Nobody.
    #[default]
    Never,
}

/// What is made of media keys: the modes of [RFC 8862 §4.4](https://www.rfc-editor.org/rfc/rfc8862#section-4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaSecurity {
    /// Nothing is asked for. Keys that are there are signed and checked all the same.
    #[default]
    Off,
    /// Secured media is asked for; without it the call goes on.
    Opportunistic,
    /// An answer whose keys are not proven is refused.
    Required,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> Identity {
        Identity::Number(digits.parse().unwrap())
    }

    /// This test verifies that nothing is done unless it is turned on, and that turning it on refuses nobody.
    #[test]
    fn off_is_off_and_on_refuses_nobody() {
        let off = Connected::default();
        assert_eq!(
            (off.sign, off.check),
            (AnswerSigning::Off, AnswerChecking::Off)
        );
        assert_eq!(
            (off.mid_dialog, &off.probes),
            (MidDialog::Off, &Probes::Never)
        );
        let on = Connected::on();
        assert!(!on.requires(Some(&number("12025550101"))));
    }

    /// This test verifies that a posture is of a destination, and only where it is to be followed.
    #[test]
    fn a_proof_is_required_of_those_who_are_listed() {
        let range = TelephoneNumberRange::new("12025550100".parse().unwrap(), 10).unwrap();
        let mut connected = Connected {
            check: AnswerChecking::Require,
            require: Required::Listed(vec![range]),
            ..Connected::on()
        };
        assert!(connected.requires(Some(&number("12025550109"))));
        assert!(!connected.requires(Some(&number("12025550110"))));
        assert!(!connected.requires(None));
        connected.check = AnswerChecking::Report;
        assert!(!connected.requires(Some(&number("12025550109"))));
        connected.check = AnswerChecking::Require;
        connected.require = Required::Always;
        assert!(connected.requires(None));
    }
}
