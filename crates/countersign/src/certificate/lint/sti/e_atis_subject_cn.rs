//! `e_atis_subject_cn`: The word SHAKEN stands in the common name of an end entity.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_cn",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The word SHAKEN stands in the common name of an end entity.",
    check: subject::shaken,
};
