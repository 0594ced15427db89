//! `e_ca_subject_field_empty`: An authority has a name.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_ca_subject_field_empty",
    source: Source::Rfc2459,
    clause: "§4.1.2.6",
    audience: Audience::Authority,
    meaning: "An authority has a name.",
    check,
};

// RFC 5280 §4.1.2.6: "If the subject is a CA (e.g., the basic constraints extension, as discussed in Section 4.2.1.9, is
// present and the value of cA is TRUE), then the subject field MUST be populated with a non-empty distinguished name"
fn check(certificate: &Certificate) -> Check {
    keep(!certificate.subject().is_empty(), || {
        "the subject is empty".to_owned()
    })
}
