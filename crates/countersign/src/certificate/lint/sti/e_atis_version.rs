//! `e_atis_version`: An end entity certificate is X.509 version 3.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_version",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "An end entity certificate is X.509 version 3.",
    check: profile::version_3,
};
