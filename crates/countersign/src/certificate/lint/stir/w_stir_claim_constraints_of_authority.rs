//! `w_stir_claim_constraints_of_authority`: Only end entities have claim constraints.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "w_stir_claim_constraints_of_authority",
    source: Source::Rfc9118,
    clause: "§3",
    audience: Audience::Authority,
    meaning: "Only end entities have claim constraints.",
    check,
};

// RFC 9118 §3: "The Enhanced JWT Claim Constraints certificate extension is non-critical, applicable only to end-entity
// certificates"
fn check(certificate: &Certificate) -> Check {
    keep(claims::extensions(certificate).is_empty(), || {
        "an authority has claim constraints, which constrain nothing".to_owned()
    })
}
