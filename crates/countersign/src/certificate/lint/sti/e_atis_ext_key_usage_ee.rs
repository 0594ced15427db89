//! `e_atis_ext_key_usage_ee`: The key of an end entity signs, and has no other use.

use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};
use crate::certificate::{Certificate, KeyUsage};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_key_usage_ee",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The key of an end entity signs, and has no other use.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let Some(usage) = certificate.key_usage() else {
        return Ok(Answer::NotThere);
    };
    keep(usage.bits() == KeyUsage::DIGITAL_SIGNATURE, || {
        "the key usage is not digitalSignature alone".to_owned()
    })
}
