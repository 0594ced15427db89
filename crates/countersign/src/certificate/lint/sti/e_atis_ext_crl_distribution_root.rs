//! `e_atis_ext_crl_distribution_root`: A root names no CRL distribution point.

use crate::certificate::Certificate;
use crate::certificate::extensions::oid;
use crate::certificate::lint::rule::Check;
use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_ext_crl_distribution_root",
    source: Source::Atis1000080V005,
    clause: "STI Certificate Requirements",
    audience: Audience::Root,
    meaning: "A root names no CRL distribution point.",
    check,
};

fn check(certificate: &Certificate) -> Check {
    profile::absent(
        certificate,
        oid::CRL_DISTRIBUTION_POINTS,
        "CRL distribution points",
    )
}
