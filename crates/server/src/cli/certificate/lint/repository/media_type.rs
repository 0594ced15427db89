//! `e_repository_media_type`: the answer is not called what it is.

use super::Rule;

/// RFC 8555 §9.1.
const PEM_CHAIN: &str = "application/pem-certificate-chain";
/// RFC 2585 §4.1, and RFC 8224 §7.4 for a single certificate in DER.
const PKIX_CERT: &str = "application/pkix-cert";

pub(super) const RULE: Rule = Rule {
    name: "e_repository_media_type",
    document: "RFC 8555",
    clause: "9.1",
    meaning: "The answer is called what it is: `application/pem-certificate-chain`, or `application/pkix-cert` for one in DER.",
    check: |offer| {
        let visit = offer.visit.filter(|visit| visit.status == 200)?;
        let right = match offer.contents.is_der {
            true => PKIX_CERT,
            false => PEM_CHAIN,
        };
        let found = match &*visit.media_type {
            "" => "none",
            found => found,
        };
        (found != right).then(|| format!("the media type is {found}; it should be {right}"))
    },
};
