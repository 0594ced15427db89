//! What follows from errors of PASSporTs besides `verstat`: whether a call goes on, what its sender is told
//! ([RFC 9410](https://www.rfc-editor.org/rfc/rfc9410)), and what of such reports is passed on. Data only; told and taken out is by
//! `crate::element`.

use countersign::verification::Code;

/// How errors of PASSporTs are reported on one trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reporting {
    /// What follows from each code, where that is not the trunk's treatment of all.
    pub on_error: OnError,
    /// How the PASSporT is named.
    pub named: Named,
    /// In which responses it is told.
    pub told: ToldIn,
    /// What becomes of reports of others, on their way back to the trunk's peer.
    pub others: OthersReports,
}

/// What follows from each code of RFC 8224 §6.2.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnError {
    stale_date: Option<Reaction>,
    use_identity_header: Option<Reaction>,
    bad_identity_info: Option<Reaction>,
    unsupported_credential: Option<Reaction>,
    invalid_identity_header: Option<Reaction>,
}

impl OnError {
    /// What follows from this code; `None` if the trunk's treatment says it.
    pub const fn of(&self, code: Code) -> Option<Reaction> {
        match code {
            Code::StaleDate => self.stale_date,
            Code::UseIdentityHeader => self.use_identity_header,
            Code::BadIdentityInfo => self.bad_identity_info,
            Code::UnsupportedCredential => self.unsupported_credential,
            Code::InvalidIdentityHeader => self.invalid_identity_header,
        }
    }

    /// This follows from this code.
    pub const fn set(&mut self, code: Code, reaction: Reaction) {
        let slot = match code {
            Code::StaleDate => &mut self.stale_date,
            Code::UseIdentityHeader => &mut self.use_identity_header,
            Code::BadIdentityInfo => &mut self.bad_identity_info,
            Code::UnsupportedCredential => &mut self.unsupported_credential,
            Code::InvalidIdentityHeader => &mut self.invalid_identity_header,
        };
        *slot = Some(reaction);
    }
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The call goes on, and nobody is told.
    ContinueSilently,
    /// The call goes on, and its sender is told.
    ContinueWithReason,
    /// The call is rejected, if no other PASSporT proves its caller; else as [`Reaction::ContinueWithReason`].
    Reject,
}

/// How a report names the PASSporT that it is about.
// RFC 9410 §5: "Compact form is the recommended form, as full form may include information that could have privacy or security
// implications in some call scenarios".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// By its signature.
    #[default]
    Compact,
    /// By all of it.
    Full,
    /// Not at all, where the call has only one; else by its signature.
    None,
}

/// In which responses of a call that goes on an error is told; never in a 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToldIn {
    /// In every provisional and final one: a provisional response over UDP may be lost.
    Both,
    /// In the final one.
    Final,
    /// In the next one, whichever that is.
    #[default]
    Next,
    /// In every provisional one.
    Provisional,
}

/// What becomes of reports about PASSporTs that we did not make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OthersReports {
    /// They are left for whoever made them.
    #[default]
    Kept,
    /// They end here: nobody on this side has made any.
    Removed,
}
