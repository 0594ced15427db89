//! `e_atis_subject_c_iso_ca`: The subject of an authority has one country, by its code of ISO 3166-1.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_c_iso_ca",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "The subject of an authority has one country, by its code of ISO 3166-1.",
    check: subject::country,
};
