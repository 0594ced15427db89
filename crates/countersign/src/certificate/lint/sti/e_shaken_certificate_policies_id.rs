//! `e_shaken_certificate_policies_id`: The policy of an end entity is that of the certificate policy 1.3 or 1.4.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_shaken_certificate_policies_id",
    source: Source::UsCp13,
    clause: "§1.2",
    audience: Audience::EndEntity,
    meaning: "The policy of an end entity is that of the certificate policy 1.3 or 1.4.",
    check: profile::shaken_policy,
};
