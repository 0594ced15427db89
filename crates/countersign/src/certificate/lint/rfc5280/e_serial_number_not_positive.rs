//! `e_serial_number_not_positive`: The serial number is greater than zero.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_serial_number_not_positive",
    source: Source::Rfc3280,
    clause: "§4.1.2.2",
    audience: Audience::Any,
    meaning: "The serial number is greater than zero.",
    check,
};

// RFC 5280 §4.1.2.2: "The serial number MUST be a positive integer assigned by the CA to each certificate."
fn check(certificate: &Certificate) -> Check {
    profile::positive_serial(certificate)
}
