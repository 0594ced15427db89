//! `e_atis_serial_number`: The serial number of an end entity certificate is greater than zero.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_serial_number",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Fields",
    audience: Audience::EndEntity,
    meaning: "The serial number of an end entity certificate is greater than zero.",
    check: profile::positive_serial,
};
