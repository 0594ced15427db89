//! What is settled before a key is used: the draft is signed with a throw-away key, and asked what the profiles ask.

use super::trouble::CaTrouble;
use countersign::certificate::Certificate;
use countersign::certificate::lint::{self, Severity};
use countersign::crypto::EcdsaP256Key;
use countersign_ca::{Draft, IssuanceError};

/// That a certificate of this draft would break no rule.
pub(super) fn rehearse(draft: &Draft) -> Result<(), CaTrouble> {
    let throw_away = EcdsaP256Key::generate().map_err(|_| CaTrouble::NoRandomness)?;
    let der = draft.sign(&throw_away).map_err(IssuanceError::from)?;
    let rehearsed = Certificate::parse(&der).map_err(|_| IssuanceError::BadAuthority)?;
    let findings = lint::run(&rehearsed).into_iter();
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|finding| finding.name).collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(CaTrouble::Lint(errors)),
    }
}
