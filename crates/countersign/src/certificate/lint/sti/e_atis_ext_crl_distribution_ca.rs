//! `e_atis_ext_crl_distribution_ca`: An intermediate names one CRL distribution point, by an HTTP URL.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_crl_distribution_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Intermediate,
    meaning: "An intermediate names one CRL distribution point, by an HTTP URL.",
    check: profile::one_crl,
};
