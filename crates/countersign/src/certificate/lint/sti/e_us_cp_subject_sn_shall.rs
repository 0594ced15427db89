//! `e_us_cp_subject_sn_shall`: Under the certificate policy 1.3 the subject of an end entity has a serialNumber.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_us_cp_subject_sn_shall",
    source: Source::UsCp13,
    clause: "§3.1",
    audience: Audience::EndEntity,
    meaning: "Under the certificate policy 1.3 the subject of an end entity has a serialNumber.",
    check: subject::serial_number_must_be,
};
