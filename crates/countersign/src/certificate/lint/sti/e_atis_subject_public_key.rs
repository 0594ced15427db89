//! `e_atis_subject_public_key`: The key of an end entity is one of P-256.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_public_key",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::EndEntity,
    meaning: "The key of an end entity is one of P-256.",
    check: profile::p256_key,
};
