//! `e_shaken_certificate_policies_id_ca`: The policy of an intermediate is that of the certificate policy 1.3 or 1.4.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_shaken_certificate_policies_id_ca",
    source: Source::UsCp13,
    clause: "§1.2",
    audience: Audience::Intermediate,
    meaning: "The policy of an intermediate is that of the certificate policy 1.3 or 1.4.",
    check: profile::shaken_policy,
};
