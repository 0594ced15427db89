//! `e_repository_url_scheme`: the URL has a scheme other than https.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_scheme",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The URL is https.",
    check: |offer| offer.breaks(UrlFault::Scheme),
};
