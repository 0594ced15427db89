//! `e_atis_tn_auth_list_ca`: An authority has no TNAuthList.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_tn_auth_list_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "An authority has no TNAuthList.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::absent(certificate, oid::TN_AUTH_LIST, "TNAuthList")
}
