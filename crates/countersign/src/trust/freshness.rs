//! Whether the certificate of a signer is still good, and still for the number: whose word on it is taken, and what follows from
//! having none. [RFC 8226 §10](https://www.rfc-editor.org/rfc/rfc8226#section-10), [RFC 6960](https://www.rfc-editor.org/rfc/rfc6960).
//!
//! What an answer is worth is judged in [`crate::certificate::ocsp`], what it makes of a call in `verification`. Revocation lists are
//! another matter: [`super::revocation`].

use crate::certificate::Certificate;
use crate::certificate::ocsp::Responders;

/// What a trust domain makes of the word of responders.
#[derive(Clone, Debug, Default)]
pub struct FreshnessRule {
    /// Whose word is taken, and whether anybody is asked.
    pub mode: FreshnessMode,
    /// What a good certificate is when nobody says that the number is still one of its numbers.
    pub scope_unknown: ScopeUnknown,
    /// What follows when there is no word.
    pub missing: MissingStatus,
    /// Responders that are believed because whoever runs this says so.
    pub responders: Responders,
}

/// Whose word is taken.
// RFC 8226 §10: "Acquiring online status information for certificates has the potential to disclose private information [RFC7258] if
// proper precautions are not taken." A question that names a number tells the responder who calls, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FreshnessMode {
    /// That of a responder who is asked during the call, whatever the token brings along.
    Live,
    /// Nobody's.
    Off,
    /// That which the token brings along; nobody is ever asked. The default.
    #[default]
    StapleOnly,
    /// That which the token brings along; where it brings none, or an old one, a responder is asked.
    StapleOrLive,
}

/// What a good certificate is when nobody says that the number is still one of its numbers. Certificates that have numbers by provider
/// code only are not asked that: whose number it is is the number authority's to say.
// draft-ietf-stir-certificates-ocsp (2017): "If the TNQuery is absent from a response to a query containing a TNQuery in its
// singleRequestExtension, then the server is not able to validate that the number is still in the scope of authority of the certificate."
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScopeUnknown {
    /// Good.
    Accept,
    /// Not validated. The default.
    #[default]
    NotValidated,
}

/// What follows when there is no word, or an old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissingStatus {
    /// The proof is not validated.
    Hard,
    /// The proof passes, and the check is shown as not made. The default: hardly anybody staples.
    #[default]
    Soft,
}

impl FreshnessRule {
    pub(super) fn described(&self) -> Vec<u8> {
        let mode = match self.mode {
            FreshnessMode::Live => 0,
            FreshnessMode::Off => 1,
            FreshnessMode::StapleOnly => 2,
            FreshnessMode::StapleOrLive => 3,
        };
        let scope_unknown = match self.scope_unknown {
            ScopeUnknown::Accept => 0,
            ScopeUnknown::NotValidated => 1,
        };
        let missing = match self.missing {
            MissingStatus::Hard => 0,
            MissingStatus::Soft => 1,
        };
        let mut words = vec![mode, scope_unknown, missing];
        words.extend(self.responders.0.iter().flat_map(Certificate::sha256));
        words
    }
}
