//! `e_atis_subject_key_identifier`: An end entity has a subject key identifier.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_key_identifier",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "An end entity has a subject key identifier.",
    check: profile::subject_key,
};
