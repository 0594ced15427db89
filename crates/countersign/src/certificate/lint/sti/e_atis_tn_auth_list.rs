//! `e_atis_tn_auth_list`: An end entity has a TNAuthList of one entry, a service provider code.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::{Answer, Check};
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_tn_auth_list",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "An end entity has a TNAuthList of one entry, a service provider code.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::provider_code(certificate)?;
    Ok(Answer::Kept)
}
