//! `e_repository_private_key`: a private key stands where certificates are read.

use super::Rule;

// RFC 5280 §9: "The protection afforded private keys is a critical security factor."
pub(super) const RULE: Rule = Rule {
    name: "e_repository_private_key",
    document: "RFC 5280",
    clause: "9",
    meaning: "No private key stands in it.",
    check: |offer| {
        offer
            .contents
            .has_private_key
            .then(|| "a private key stands in it: whoever reads it can sign".to_owned())
    },
};
