//! `e_atis_ext_key_usage_ee`: The key of an end entity signs, and has no other use.

use crate::certificate::Certificate;
use crate::certificate::lint::field::KeyUsages;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source, field};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_key_usage_ee",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The key of an end entity signs, and has no other use.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let Some(usage) = field::key_usage(certificate) else {
        return Ok(Answer::NotThere);
    };
    keep(usage == KeyUsages::DIGITAL_SIGNATURE, || {
        "the key usage is not digitalSignature alone".to_owned()
    })
}
