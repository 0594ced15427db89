//! `e_atis_subject_public_key_ca`: The key of an authority is one of P-256; since the certificate policy 1.4, P-384 is a warning.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_subject_public_key_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "The key of an authority is one of P-256; since the certificate policy 1.4, P-384 is a warning.",
    check: profile::p256_key,
};
