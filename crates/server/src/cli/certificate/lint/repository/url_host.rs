//! `e_repository_url_host`: the URL has no host, or not the form of one.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_host",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The URL has a host.",
    check: |offer| offer.breaks(UrlFault::Host),
};
