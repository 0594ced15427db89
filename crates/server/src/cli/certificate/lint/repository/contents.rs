//! `e_repository_contents`: a URL gives something other than certificates.

use super::Rule;

// RFC 8555 §9.1: "In order to provide easy interoperation with TLS, the first certificate MUST be an end-entity certificate. Each
// following certificate SHOULD directly certify the one preceding it." There is nothing else in the format.
pub(super) const RULE: Rule = Rule {
    name: "e_repository_contents",
    document: "RFC 8555",
    clause: "9.1",
    meaning: "There are certificates at the URL, and nothing else.",
    check: |offer| {
        offer.visit.filter(|visit| visit.status == 200)?;
        let contents = offer.contents;
        match (
            contents.strangers.first(),
            contents.unreadable,
            contents.links.len(),
        ) {
            (Some(label), _, _) => Some(format!(
                "there is something other than certificates in it: {label}"
            )),
            (None, 1.., _) => Some("there is a certificate in it that cannot be read".to_owned()),
            (None, 0, 0) => Some("there is no certificate in it".to_owned()),
            (None, 0, _) => None,
        }
    },
};
