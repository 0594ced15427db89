//! `e_stir_delegate_without_authority_key`: A delegate certificate names its parent by the identifier of its key.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_stir_delegate_without_authority_key",
    source: Source::Rfc9060,
    clause: "§4",
    audience: Audience::Any,
    meaning: "A delegate certificate names its parent by the identifier of its key.",
    check,
};

// RFC 9060 §4: "Every STIR delegate certificate identifies its parent certificate with a standard Authority Key Identifier
// extension [RFC5280]."
fn check(certificate: &Certificate) -> Check {
    // One certificate alone does not say whether its parent has a TNAuthList. Numbers are given by delegation only, and so is a
    // list that an authority has.
    let numbers = certificate
        .tn_auth_list()
        .is_some_and(|list| !list.numbers().is_empty());
    let is_delegate = numbers || (certificate.is_ca() && certificate.has_scope());
    if !is_delegate || certificate.is_self_issued() {
        return Ok(Answer::NotThere);
    }
    keep(certificate.aki().is_some(), || {
        "a delegate certificate does not say who its parent is".to_owned()
    })
}
