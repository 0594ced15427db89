//! `e_us_cp_subject_sn_shall_ca`: Under the certificate policy 1.3 the subject of an authority has not two serialNumbers.

use crate::certificate::lint::{Audience, Lint, Source, subject};

pub(crate) const LINT: Lint = Lint {
    name: "e_us_cp_subject_sn_shall_ca",
    source: Source::UsCp13,
    clause: "§3.1",
    audience: Audience::Authority,
    meaning: "Under the certificate policy 1.3 the subject of an authority has not two serialNumbers.",
    check: subject::serial_number_of_authority,
};
