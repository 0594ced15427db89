//! `w_repository_url_length`: the URL is longer than what we sign or follow; no document has a limit.

use super::Rule;
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "w_repository_url_length",
    document: "Countersign",
    clause: "MAX_REPOSITORY_URL",
    meaning: "The URL is not longer than what we sign or follow. No document has a limit.",
    check: |offer| offer.breaks(UrlFault::TooLong),
};
