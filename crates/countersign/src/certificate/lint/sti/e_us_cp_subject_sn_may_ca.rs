//! `e_us_cp_subject_sn_may_ca`: Under the certificate policy 1.4 the subject of an authority may have a serialNumber, and not two.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_us_cp_subject_sn_may_ca",
    source: Source::UsCp14,
    clause: "§3.1",
    audience: Audience::Authority,
    meaning: "Under the certificate policy 1.4 the subject of an authority may have a serialNumber, and not two.",
    check: subject::serial_number_may_be,
};
