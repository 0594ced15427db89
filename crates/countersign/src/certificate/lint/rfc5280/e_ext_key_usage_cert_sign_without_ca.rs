//! `e_ext_key_usage_cert_sign_without_ca`: Only an authority's key signs certificates.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_ext_key_usage_cert_sign_without_ca",
    source: Source::Rfc3280,
    clause: "§4.2.1.9",
    audience: Audience::Any,
    meaning: "Only an authority's key signs certificates.",
    check,
};

// RFC 5280 §4.2.1.9: "If the cA boolean is not asserted, then the keyCertSign bit in the key usage extension MUST NOT be
// asserted."
fn check(certificate: &Certificate) -> Check {
    let Some(usage) = certificate.key_usage() else {
        return Ok(Answer::NotThere);
    };
    keep(certificate.is_ca() || !usage.key_cert_sign(), || {
        "keyCertSign is set, and cA is not".to_owned()
    })
}
