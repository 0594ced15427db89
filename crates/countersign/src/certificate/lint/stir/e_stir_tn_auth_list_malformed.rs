//! `e_stir_tn_auth_list_malformed`: The TNAuthList can be read.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_stir_tn_auth_list_malformed",
    source: Source::Rfc8226,
    clause: "§9",
    audience: Audience::Any,
    meaning: "The TNAuthList can be read.",
    check,
};

// RFC 8226 §9: "TNAuthorizationList ::= SEQUENCE SIZE (1..MAX) OF TNEntry"
fn check(certificate: &Certificate) -> Check {
    if certificate.extension(oid::TN_AUTH_LIST).is_none() {
        return Ok(Answer::NotThere);
    }
    keep(certificate.tn_auth_list().is_some(), || {
        "the TNAuthList is not the DER of one".to_owned()
    })
}
