//! `e_atis_subject_o_required`: The subject of an end entity has one organization.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_o_required",
    source: Source::Atis1000080V004,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The subject of an end entity has one organization.",
    check: subject::organization,
};
