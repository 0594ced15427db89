//! `e_atis_subject_c_us_ca`: Under the certificate policy 1.4 the subject of an authority is in the United States.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_c_us_ca",
    source: Source::UsCp14,
    clause: "§3.1",
    audience: Audience::Authority,
    meaning: "Under the certificate policy 1.4 the subject of an authority is in the United States.",
    check: subject::united_states,
};
