//! `e_repository_url_userinfo`: the URL has a user name in front of the host.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_userinfo",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The URL names no user.",
    check: |offer| offer.breaks(UrlFault::Userinfo),
};
