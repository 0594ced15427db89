//! `e_stir_claim_constraints_malformed`: Constraints of claims can be read.

use super::claims;
use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_stir_claim_constraints_malformed",
    source: Source::Rfc8226,
    clause: "§8",
    audience: Audience::Any,
    meaning: "Constraints of claims can be read.",
    check,
};

// RFC 8226 §8: "JWTClaimConstraints ::= SEQUENCE {"; RFC 9118 §3: "EnhancedJWTClaimConstraints ::= SEQUENCE {"
fn check(certificate: &Certificate) -> Check {
    let extensions = claims::extensions(certificate);
    if extensions.is_empty() {
        return Ok(Answer::NotThere);
    }
    let malformed = certificate.malformed_extensions();
    keep(
        !extensions.iter().any(|kind| malformed.contains(kind)),
        || "constraints of claims are there, and are not the DER of any".to_owned(),
    )
}
