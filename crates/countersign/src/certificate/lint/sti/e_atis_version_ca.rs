//! `e_atis_version_ca`: An authority's certificate is X.509 version 3.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_version_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "An authority's certificate is X.509 version 3.",
    check: profile::version_3,
};
