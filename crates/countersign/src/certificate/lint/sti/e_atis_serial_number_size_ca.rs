//! `e_atis_serial_number_size_ca`: The serial number of an authority's certificate has at least 64 bits.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_serial_number_size_ca",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Fields",
    audience: Audience::Authority,
    meaning: "The serial number of an authority's certificate has at least 64 bits.",
    check: profile::long_serial,
};
