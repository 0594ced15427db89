//! `w_stir_tn_auth_list_twice`: A TNAuthList is given by value or by reference, not both.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "w_stir_tn_auth_list_twice",
    source: Source::Rfc8226,
    clause: "§10.1",
    audience: Audience::Any,
    meaning: "A TNAuthList is given by value or by reference, not both.",
    check,
};

// RFC 8226 §10.1: "acquiring the TN Authorization List by reference, that is, through dereferencing a URL in the
// certificate, rather than including the value of the TN Authorization List in the certificate itself."
fn check(certificate: &Certificate) -> Check {
    if !certificate.has_scope() {
        return Ok(Answer::NotThere);
    }
    let by_value = certificate.tn_auth_list().is_some();
    keep(!by_value || certificate.tn_list_url().is_none(), || {
        "the TNAuthList is given by value and by reference, and what counts is their union"
            .to_owned()
    })
}
