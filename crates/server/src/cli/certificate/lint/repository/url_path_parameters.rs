//! `e_repository_url_path_parameters`: the URL has path parameters.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_path_parameters",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The URL has no path parameters.",
    check: |offer| offer.breaks(UrlFault::PathParameters),
};
