//! `e_repository_status`: the repository answers with another status than 200 (a redirect has a rule of its own).

use super::{ATIS_1000074, Rule};

pub(super) const RULE: Rule = Rule {
    name: "e_repository_status",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The status of the answer is 200.",
    check: |offer| match offer.visit?.status {
        200 | 300..=399 => None,
        status => Some(format!("the HTTP status is {status}")),
    },
};
