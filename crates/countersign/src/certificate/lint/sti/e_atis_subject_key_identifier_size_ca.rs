//! `e_atis_subject_key_identifier_size_ca`: The subject key identifier of an authority has the 160 bits of a SHA-1 hash.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_key_identifier_size_ca",
    source: Source::Atis1000080V004,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "The subject key identifier of an authority has the 160 bits of a SHA-1 hash.",
    check: profile::subject_key_size,
};
