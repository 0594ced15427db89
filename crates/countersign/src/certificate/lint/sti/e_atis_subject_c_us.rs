//! `e_atis_subject_c_us`: Under the certificate policy 1.4 the subject of an end entity is in the United States.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_c_us",
    source: Source::UsCp14,
    clause: "§3.1",
    audience: Audience::EndEntity,
    meaning: "Under the certificate policy 1.4 the subject of an end entity is in the United States.",
    check: subject::united_states,
};
