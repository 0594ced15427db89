//! `e_atis_ext_crl_distribution_struct_ca`: Under the certificate policy 1.4 the distribution point of an intermediate names who issues the CRL.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_crl_distribution_struct_ca",
    source: Source::Atis1000080V004,
    clause: "STI Certificate Requirements",
    audience: Audience::Intermediate,
    meaning: "Under the certificate policy 1.4 the distribution point of an intermediate names who issues the CRL.",
    check: profile::crl_issuer,
};
