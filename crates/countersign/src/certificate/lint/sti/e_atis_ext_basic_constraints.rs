//! `e_atis_ext_basic_constraints`: There are basic constraints, and they are critical.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_basic_constraints",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Any,
    meaning: "There are basic constraints, and they are critical.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::critical(certificate, oid::BASIC_CONSTRAINTS, "basic constraints")
}
