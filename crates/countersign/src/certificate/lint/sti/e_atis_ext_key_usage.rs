//! `e_atis_ext_key_usage`: There is a key usage, and it is critical.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_key_usage",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Any,
    meaning: "There is a key usage, and it is critical.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::critical(certificate, oid::KEY_USAGE, "key usage")
}
