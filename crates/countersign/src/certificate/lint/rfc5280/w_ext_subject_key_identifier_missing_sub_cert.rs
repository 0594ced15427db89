//! `w_ext_subject_key_identifier_missing_sub_cert`: An end entity has a subject key identifier.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "w_ext_subject_key_identifier_missing_sub_cert",
    source: Source::Rfc2459,
    clause: "§4.2.1.2",
    audience: Audience::EndEntity,
    meaning: "An end entity has a subject key identifier.",
    check,
};

// RFC 5280 §4.2.1.2: "To assist applications in identifying the appropriate end entity certificate, this extension SHOULD be
// included in all end entity certificates."
fn check(certificate: &Certificate) -> Check {
    profile::subject_key(certificate)
}
