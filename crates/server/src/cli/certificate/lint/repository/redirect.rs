//! `e_repository_redirect`: the repository points elsewhere, and verifiers do not follow.

use super::{ATIS_1000074, Rule};

pub(super) const RULE: Rule = Rule {
    name: "e_repository_redirect",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The repository answers itself; a redirect is not followed.",
    check: |offer| {
        let visit = offer.visit?;
        let location = visit.location.as_deref().unwrap_or("nowhere");
        matches!(visit.status, 300..=399).then(|| {
            format!(
                "status {} points to {location}; redirects are not followed",
                visit.status
            )
        })
    },
};
