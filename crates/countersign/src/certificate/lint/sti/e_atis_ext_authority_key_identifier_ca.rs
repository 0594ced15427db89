//! `e_atis_ext_authority_key_identifier_ca`: An intermediate has an authority key identifier.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_authority_key_identifier_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Intermediate,
    meaning: "An intermediate has an authority key identifier.",
    check: profile::authority_key,
};
