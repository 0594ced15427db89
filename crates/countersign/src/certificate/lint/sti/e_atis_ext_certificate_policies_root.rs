//! `e_atis_ext_certificate_policies_root`: A root has no certificate policies.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_certificate_policies_root",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Requirements",
    audience: Audience::Root,
    meaning: "A root has no certificate policies.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::absent(
        certificate,
        oid::CERTIFICATE_POLICIES,
        "certificate policies",
    )
}
