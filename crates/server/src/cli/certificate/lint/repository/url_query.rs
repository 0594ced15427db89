//! `e_repository_url_query`: the URL has a query, even an empty one.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_query",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The URL has no query, not even an empty one.",
    check: |offer| offer.breaks(UrlFault::Query),
};
