//! `w_repository_cache_control`: verifiers are not told how long the answer may be kept.

use super::{ATIS_1000074, Rule};

// ATIS-1000074 §5.3.1: where there is no usable directive, verifiers keep the answer for 24 hours whatever happens to it.
pub(super) const RULE: Rule = Rule {
    name: "w_repository_cache_control",
    document: ATIS_1000074,
    clause: "5.3.1",
    meaning: "The answer says how long it may be kept, and that it may. Verifiers keep any for 24 hours.",
    check: |offer| {
        let visit = offer.visit.filter(|visit| visit.status == 200)?;
        match visit.freshness.directive {
            None => Some(
                "no Cache-Control or Expires that can be used, so verifiers keep it for 24 hours"
                    .to_owned(),
            ),
            Some(seconds) if seconds <= 0 => {
                Some("the answer may not be kept, but verifiers keep it for 24 hours".to_owned())
            }
            Some(_) => None,
        }
    },
};
