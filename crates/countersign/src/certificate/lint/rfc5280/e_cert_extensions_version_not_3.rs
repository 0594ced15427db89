//! `e_cert_extensions_version_not_3`: A certificate with extensions is X.509 version 3.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check};
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_cert_extensions_version_not_3",
    source: Source::Rfc2459,
    clause: "§4.1.2.1",
    audience: Audience::Any,
    meaning: "A certificate with extensions is X.509 version 3.",
    check,
};

// RFC 5280 §4.1.2.1: "When extensions are used, as expected in this profile, version MUST be 3 (value is 2)."
fn check(certificate: &Certificate) -> Check {
    if certificate.extensions().len() == 0 {
        return Ok(Answer::NotThere);
    }
    profile::version_3(certificate)
}
