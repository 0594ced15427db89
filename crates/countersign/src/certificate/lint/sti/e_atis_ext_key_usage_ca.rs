//! `e_atis_ext_key_usage_ca`: An authority's key signs certificates, perhaps CRLs, perhaps other things, and has no other use.

use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};
use crate::certificate::{Certificate, KeyUsage};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_key_usage_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "An authority's key signs certificates, perhaps CRLs, perhaps other things, and has no other use.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    let Some(usage) = certificate.key_usage() else {
        return Ok(Answer::NotThere);
    };
    let others = usage.bits() & !(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::CRL_SIGN);
    keep(others == KeyUsage::KEY_CERT_SIGN, || {
        "the key usage is not keyCertSign, with or without digitalSignature and cRLSign".to_owned()
    })
}
