//! `w_stir_claim_constraints_contradict`: No claim is both demanded and excluded.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "w_stir_claim_constraints_contradict",
    source: Source::Rfc9118,
    clause: "§8",
    audience: Audience::Any,
    meaning: "No claim is both demanded and excluded.",
    check,
};

// RFC 9118 §8: "an entry in mustInclude and an entry in mustExclude for the same claim will prevent successful validation on
// any PASSporT."
fn check(certificate: &Certificate) -> Check {
    let excluded = claims::must_exclude(certificate);
    if excluded.is_empty() {
        return Ok(Answer::NotThere);
    }
    keep(
        !claims::has_any(&claims::must_include(certificate), &excluded),
        || "one claim is both demanded and excluded: no PASSporT can be valid".to_owned(),
    )
}
