//! `w_stir_must_exclude_rcdi`: No constraint excludes the integrity of rich call data.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "w_stir_must_exclude_rcdi",
    source: Source::Rfc9118,
    clause: "§8",
    audience: Audience::Any,
    meaning: "No constraint excludes the integrity of rich call data.",
    check,
};

// RFC 9118 §8: "Certificate issuers SHOULD NOT include an entry in mustExclude for the "rcdi" claim for a certificate that
// will be used with the PASSporT Extension for Rich Call Data"
fn check(certificate: &Certificate) -> Check {
    let excluded = claims::must_exclude(certificate);
    if excluded.is_empty() {
        return Ok(Answer::NotThere);
    }
    keep(!claims::has_any(&excluded, &["rcdi"]), || {
        "rcdi is excluded: rich call data would go unprotected".to_owned()
    })
}
