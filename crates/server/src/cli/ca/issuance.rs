//! What is settled before a key is used: the draft is signed with a throw-away key, and asked what the profiles ask.

use super::trouble::CaTrouble;
use countersign::certificate::Certificate;
use countersign::crypto::EcdsaP256Key;
use countersign_ca::{Draft, IssuanceError, conformity};

/// That a certificate of this draft would break no lint but those that do not bind it, or that somebody chose to break.
pub(super) fn rehearse(
    draft: &Draft,
    is_exempt: impl Fn(&'static str) -> bool,
) -> Result<(), CaTrouble> {
    let throw_away = EcdsaP256Key::generate().map_err(|_| CaTrouble::NoRandomness)?;
    let der = draft.sign(&throw_away).map_err(IssuanceError::from)?;
    let rehearsed = Certificate::parse(&der).map_err(|_| IssuanceError::BadAuthority)?;
    let broken = conformity::breaches(&rehearsed, is_exempt);
    match broken.is_empty() {
        true => Ok(()),
        false => Err(CaTrouble::Lint(broken.into())),
    }
}
