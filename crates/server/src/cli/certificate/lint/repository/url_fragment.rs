//! `e_repository_url_fragment`: the URL has a fragment, even an empty one.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_fragment",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The URL has no fragment, not even an empty one.",
    check: |offer| offer.breaks(UrlFault::Fragment),
};
