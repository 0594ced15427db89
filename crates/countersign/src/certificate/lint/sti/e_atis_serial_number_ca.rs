//! `e_atis_serial_number_ca`: The serial number of an authority's certificate is greater than zero.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_serial_number_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Fields",
    audience: Audience::Authority,
    meaning: "The serial number of an authority's certificate is greater than zero.",
    check: profile::positive_serial,
};
