//! `w_stir_must_include_baseline`: No constraint demands a claim that every PASSporT has.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::constraints::BASELINE_CLAIMS;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "w_stir_must_include_baseline",
    source: Source::Rfc9118,
    clause: "§3",
    audience: Audience::Any,
    meaning: "No constraint demands a claim that every PASSporT has.",
    check,
};

// RFC 9118 §3: "The baseline PASSporT claims ("iat", "orig", and "dest") are considered to be required by [RFC8225], and
// these claims SHOULD NOT be part of the mustInclude list."
fn check(certificate: &Certificate) -> Check {
    let included = claims::must_include(certificate);
    if included.is_empty() {
        return Ok(Answer::NotThere);
    }
    keep(!claims::has_any(&included, &BASELINE_CLAIMS), || {
        "a baseline claim is demanded, which every PASSporT has".to_owned()
    })
}
