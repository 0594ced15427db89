//! `e_atis_ext_authority_key_identifier_root`: A root's authority key identifier, if it has one, is its own subject key identifier.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::{Answer, Check, keep};
use crate::certificate::lint::{Audience, Lint, Source};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_authority_key_identifier_root",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Root,
    meaning: "A root's authority key identifier, if it has one, is its own subject key identifier.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    if certificate
        .extension(oid::AUTHORITY_KEY_IDENTIFIER)
        .is_none()
    {
        return Ok(Answer::NotThere);
    }
    keep(certificate.aki() == certificate.ski(), || {
        "the authority key identifier is not the subject key identifier".to_owned()
    })
}
