//! `e_atis_ext_certificate_policies`: An end entity has one certificate policy, not marked critical.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_certificate_policies",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "An end entity has one certificate policy, not marked critical.",
    check: profile::one_policy,
};
