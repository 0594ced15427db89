//! `e_repository_url_character`: the URL has a character that no path of a URL has.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_character",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The path of the URL has only the characters that a path has.",
    check: |offer| offer.breaks(UrlFault::Character),
};
