//! `e_atis_ext_authority_key_identifier`: An end entity has an authority key identifier.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_authority_key_identifier",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "An end entity has an authority key identifier.",
    check: profile::authority_key,
};
