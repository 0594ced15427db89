//! `e_atis_signature_algorithm_ca`: An authority's certificate is signed with ECDSA and SHA-256; since the certificate policy 1.4, SHA-384 will do.

use crate::certificate::lint::{Audience, Lint, Source, profile};

pub(crate) const LINT: Lint = Lint {
    name: "e_atis_signature_algorithm_ca",
    source: Source::Atis1000080V003,
    clause: "STI Certificate Requirements",
    audience: Audience::Authority,
    meaning: "An authority's certificate is signed with ECDSA and SHA-256; since the certificate policy 1.4, SHA-384 will do.",
    check: profile::signature_algorithm,
};
