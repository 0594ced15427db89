//! `e_atis_serial_number_size`: The serial number of an end entity certificate has at least 64 bits.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_serial_number_size",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Fields",
    audience: Audience::EndEntity,
    meaning: "The serial number of an end entity certificate has at least 64 bits.",
    check: profile::long_serial,
};
