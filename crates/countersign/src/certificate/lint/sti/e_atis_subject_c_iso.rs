//! `e_atis_subject_c_iso`: The subject of an end entity has one country, by its code of ISO 3166-1.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_c_iso",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The subject of an end entity has one country, by its code of ISO 3166-1.",
    check: subject::country,
};
