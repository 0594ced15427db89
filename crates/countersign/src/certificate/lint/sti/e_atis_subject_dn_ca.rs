//! `e_atis_subject_dn_ca`: The subject of an authority has a country and a common name.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_dn_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "The subject of an authority has a country and a common name.",
    check: subject::country_and_name,
};
