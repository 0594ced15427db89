//! `e_atis_ext_certificate_policies_ca`: An intermediate has one certificate policy, not marked critical.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_certificate_policies_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Intermediate,
    meaning: "An intermediate has one certificate policy, not marked critical.",
    check: profile::one_policy,
};
