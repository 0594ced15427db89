//! `e_stir_must_exclude_baseline`: No constraint excludes a claim that every PASSporT has.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::constraints::BASELINE_CLAIMS;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_stir_must_exclude_baseline",
    source: Source::Rfc9118,
    clause: "§3",
    audience: Audience::Any,
    meaning: "No constraint excludes a claim that every PASSporT has.",
    check,
};

// RFC 9118 §3: "The baseline PASSporT claims ("iat", "orig", and "dest") are always permitted, and these claims MUST NOT be
// part of the mustExclude list."
fn check(certificate: &Certificate) -> Check {
    let excluded = claims::must_exclude(certificate);
    if excluded.is_empty() {
        return Ok(Answer::NotThere);
    }
    keep(!claims::has_any(&excluded, &BASELINE_CLAIMS), || {
        "a baseline claim is excluded, and so the whole extension counts as absent".to_owned()
    })
}
