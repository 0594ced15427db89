//! `e_issuer_field_empty`: The issuer has a name.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_issuer_field_empty",
    source: Source::Rfc2459,
    clause: "§4.1.2.4",
    audience: Audience::Any,
    meaning: "The issuer has a name.",
    check,
};

// RFC 5280 §4.1.2.4: "The issuer field MUST contain a non-empty distinguished name (DN)."
fn check(certificate: &Certificate) -> Check {
    keep(!certificate.issuer().is_empty(), || {
        "the issuer is empty".to_owned()
    })
}
