//! `e_atis_ext_not_specified_ca`: An authority has no extension that the profile does not name.

use crate::certificate::Certificate;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_not_specified_ca",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Fields",
    audience: Audience::Authority,
    meaning: "An authority has no extension that the profile does not name.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::specified(certificate, &[])
}
