//! What is settled before a key is used: the draft is signed with a throw-away key, and asked what the profiles ask.

use super::names::ProfileChoice;
use super::trouble::CaTrouble;
use crate::office::BROKEN_BY_DELEGATES;
use countersign::certificate::Certificate;
use countersign::certificate::lint::{self, Severity};
use countersign::crypto::EcdsaP256Key;
use countersign_ca::{Draft, IssuanceError};

/// The rules that a certificate of this kind may break.
pub(super) const fn broken_by(profile: ProfileChoice) -> &'static [&'static str] {
    match profile {
        ProfileChoice::Delegate | ProfileChoice::DelegateCa => &BROKEN_BY_DELEGATES,
        ProfileChoice::CrlIssuer | ProfileChoice::EndEntity | ProfileChoice::Intermediate => &[],
    }
}

/// That a certificate of this draft would break no rule but those that somebody chose to break.
pub(super) fn rehearse(draft: &Draft, broken: &[&str]) -> Result<(), CaTrouble> {
    let throw_away = EcdsaP256Key::generate().map_err(|_| CaTrouble::NoRandomness)?;
    let der = draft.sign(&throw_away).map_err(IssuanceError::from)?;
    let rehearsed = Certificate::parse(&der).map_err(|_| IssuanceError::BadAuthority)?;
    let findings = lint::run(&rehearsed).into_iter();
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    let errors = errors.map(|finding| finding.name);
    let errors: Vec<_> = errors.filter(|name| !broken.contains(name)).collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(CaTrouble::Lint(errors)),
    }
}
