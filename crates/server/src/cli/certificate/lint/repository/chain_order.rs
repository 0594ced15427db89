//! `e_repository_chain_order`: the certificates do not stand from the signer's to the anchor's, each certified by the next.

use super::{Link, Rule};

// RFC 9060 §7: "The certificate path [RFC5280] ordering MUST be ordered from the signer to the trust anchor." Of a file only if
// it looks like a chain, with one end entity: others are collections.
pub(super) const RULE: Rule = Rule {
    name: "e_repository_chain_order",
    document: "RFC 9060",
    clause: "7",
    meaning: "The certificates stand from the signer's up, each certified by the next. Of a file only if it has exactly one end entity.",
    check: |offer| {
        let links = &offer.contents.links;
        let end_entities = links.iter().filter(|link| !link.is_ca).count();
        if offer.url.is_none() && end_entities != 1 {
            return None;
        }
        let [first, ..] = links.as_slice() else {
            return None;
        };
        if first.is_ca {
            return Some(
                "the first certificate is one of an authority; the signer's goes first".to_owned(),
            );
        }
        let stray = links.windows(2).position(|pair| !is_certified(pair))?;
        Some(format!(
            "certificate {} is not certified by the one behind it",
            stray + 1
        ))
    },
};

fn is_certified(pair: &[Link]) -> bool {
    match pair {
        [subject, issuer] => subject.issuer.matches(&issuer.subject),
        _ => true,
    }
}
