//! `e_ext_subject_key_identifier_missing_ca`: An authority has a subject key identifier.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_ext_subject_key_identifier_missing_ca",
    source: Source::Rfc2459,
    clause: "§4.2.1.2",
    audience: Audience::Authority,
    meaning: "An authority has a subject key identifier.",
    check,
};

// RFC 5280 §4.2.1.2: "To facilitate certification path construction, this extension MUST appear in all conforming CA
// certificates"
fn check(certificate: &Certificate) -> Check {
    profile::subject_key(certificate)
}
