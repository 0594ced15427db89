//! `e_stir_claim_constraints_twice`: Of the two extensions that constrain claims there is one at most.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_stir_claim_constraints_twice",
    source: Source::Rfc9118,
    clause: "§6",
    audience: Audience::Any,
    meaning: "Of the two extensions that constrain claims there is one at most.",
    check,
};

// RFC 9118 §6: "The EnhancedJWTClaimConstraints extension specified in this document and the JWTClaimConstraints extension
// specified in [RFC8226] MUST NOT both appear in the same certificate."
fn check(certificate: &Certificate) -> Check {
    let constraints = claims::extensions(certificate);
    if constraints.is_empty() {
        return Ok(Answer::NotThere);
    }
    keep(constraints.len() == 1, || {
        "both kinds of claim constraints are there".to_owned()
    })
}
