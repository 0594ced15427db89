//! `e_atis_ext_crl_distribution_struct`: Under the certificate policy 1.4 the distribution point of an end entity names who issues the CRL.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_crl_distribution_struct",
    source: Source::Atis1000080V004,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "Under the certificate policy 1.4 the distribution point of an end entity names who issues the CRL.",
    check: profile::crl_issuer,
};
