//! `e_atis_subject_cn_ca`: The word SHAKEN stands in the common name of an authority.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_cn_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "The word SHAKEN stands in the common name of an authority.",
    check: subject::shaken,
};
