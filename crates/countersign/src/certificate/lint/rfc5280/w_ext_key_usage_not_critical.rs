//! `w_ext_key_usage_not_critical`: The key usage is critical.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field};

pub(crate) const LINT: Lint = Lint {
    name: "w_ext_key_usage_not_critical",
    source: Source::Rfc5280,
    clause: "§4.2.1.3",
    audience: Audience::Any,
    meaning: "The key usage is critical.",
    check,
};

// RFC 5280 §4.2.1.3: "When present, conforming CAs SHOULD mark this extension as critical."
fn check(certificate: &Certificate) -> Check {
    let Some(extension) = certificate.extension(oid::KEY_USAGE) else {
        return Ok(Answer::NotThere);
    };
    keep(field::is_critical(&extension), || {
        "the key usage is not critical".to_owned()
    })
}
