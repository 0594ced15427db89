//! What metrics tell about trust. Times are told as they are: an age is `time()` minus one of them.

use super::domain::Domain;
use super::list::List;
use crate::metrics::Metrics;
use countersign::time::UnixTime;

/// Shows the domains as they are now, and nothing of those that were.
pub(super) fn show(domains: &[Domain], metrics: &Metrics) {
    let trust = &metrics.trust;
    trust.clear();
    for domain in domains {
        let name = &*domain.plan.name;
        trust.versions.set([name], signed(domain.trust.version()));
        let anchors = domain.trust.anchors().len();
        trust.anchors.set([name], signed(anchors as u64));
        for source in &domain.sources {
            let place = source.place.to_string();
            let labels = [name, &place];
            match &source.list {
                Some(List::CaList(list, _)) => {
                    trust.ca_list_sequences.set(labels, signed(list.sequence()));
                    trust.ca_list_ends.set(labels, seconds(list.expires()));
                }
                Some(List::Crl(list)) => {
                    trust
                        .crl_entries
                        .set(labels, signed(list.entries().len() as u64));
                    trust.crl_begins.set(labels, seconds(list.this_update()));
                    trust.crl_ends.set(labels, seconds(list.next_update()));
                }
                None => {}
            }
        }
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn seconds(at: UnixTime) -> i64 {
    at.as_secs()
}
