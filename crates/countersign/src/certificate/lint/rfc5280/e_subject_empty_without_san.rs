//! `e_subject_empty_without_san`: Who has no subject name has an alternative name.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_subject_empty_without_san",
    source: Source::Rfc2459,
    clause: "§4.2.1.6",
    audience: Audience::Any,
    meaning: "Who has no subject name has an alternative name.",
    check,
};

// RFC 5280 §4.2.1.6: "if the only subject identity included in the certificate is an alternative name form (e.g., an
// electronic mail address), then the subject distinguished name MUST be empty (an empty sequence), and the subjectAltName
// extension MUST be present."
fn check(certificate: &Certificate) -> Check {
    let named = !certificate.subject().is_empty();
    keep(
        named || certificate.extension(oid::SUBJECT_ALT_NAME).is_some(),
        || "the subject is empty, and there is no alternative name".to_owned(),
    )
}
