//! `e_incorrect_ku_encoding`: The key usage is written without zeros at its end.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field};

pub(crate) const LINT: Lint = Lint {
    name: "e_incorrect_ku_encoding",
    source: Source::Rfc5280,
    clause: "Appendix B",
    audience: Audience::Any,
    meaning: "The key usage is written without zeros at its end.",
    check,
};

// RFC 5280 Appendix B: "When DER encoding a named bit list, trailing zeros MUST be omitted."
fn check(certificate: &Certificate) -> Check {
    let Some(extension) = certificate.extension(oid::KEY_USAGE) else {
        return Ok(Answer::NotThere);
    };
    keep(field::is_shortest_bit_list(extension.value), || {
        "the key usage has zero bits after its last one".to_owned()
    })
}
