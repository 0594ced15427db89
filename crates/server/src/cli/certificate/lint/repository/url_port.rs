//! `e_repository_url_port`: the URL has a port other than 443 and 8443.

use super::{ATIS_1000074, Rule};
use countersign::certificate::repository_url::UrlFault;

pub(super) const RULE: Rule = Rule {
    name: "e_repository_url_port",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The port is 443, 8443 or not written.",
    check: |offer| offer.breaks(UrlFault::Port),
};
