//! `e_atis_subject_o_required_ca`: The subject of an authority has one organization.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_o_required_ca",
    source: Source::Atis1000080V004,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "The subject of an authority has one organization.",
    check: subject::organization,
};
