//! Which requests were turned away a while ago: their retransmissions are, too.
//!
//! A caller whose INVITE got 503 and whose retransmission of it then rang somewhere would have a call that it does not know of.
//! RFC 3261 §8.2.7 wants of answers without state that the same request gets the same answer.

use countersign::time::Ticks;
use countersign_sip::message::Message;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How long a request may still be repeated: Timer B of RFC 3261 §17.1.1.2, 64*T1. It is remembered for this at least and twice
/// this at most.
const REMEMBERED: Duration = Duration::from_secs(32);

/// Most that are remembered of one span, so that a storm costs no more than some 5 MB; then a new span begins early.
const MAX_REMEMBERED: usize = 262_144;

/// What was turned away in this span of time and the one before.
#[derive(Default)]
pub(super) struct TurnedAway {
    hasher: RandomState,
    now: HashSet<u64>,
    before: HashSet<u64>,
    since: Ticks,
}

impl TurnedAway {
    /// Notes a request.
    pub(super) fn note(&mut self, request: &Message, now: Ticks) {
        if now.since(self.since) >= REMEMBERED || self.now.len() >= MAX_REMEMBERED {
            self.before = std::mem::take(&mut self.now);
            self.since = now;
        }
        let print = self.print(request);
        self.now.insert(print);
    }

    /// Whether this request was turned away.
    pub(super) fn has(&self, request: &Message) -> bool {
        if self.now.is_empty() && self.before.is_empty() {
            return false;
        }
        let print = self.print(request);
        self.now.contains(&print) || self.before.contains(&print)
    }

    /// Forgets what is too old to come again.
    pub(super) fn forget(&mut self, now: Ticks) {
        if now.since(self.since) >= 2 * REMEMBERED
            && !(self.now.is_empty() && self.before.is_empty())
        {
            (self.now, self.before) = Default::default();
        }
    }

    /// The same for the same request; nobody outside can tell what it is.
    fn print(&self, request: &Message) -> u64 {
        let via = request.top_via().map_or(&[][..], |via| via.raw);
        self.hasher
            .hash_one((via, request.call_id().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::stage::{invite, message};

    #[test]
    fn what_was_turned_away_is_known_for_a_while() {
        let request = |call: &str| message(&invite("127.0.0.1:5060".parse().unwrap(), call, ""));
        let mut turned_away = TurnedAway::default();
        let at = |seconds: u64| Ticks::from_millis(1_000 * seconds);
        turned_away.note(&request("a"), at(100));
        assert!(turned_away.has(&request("a")));
        assert!(!turned_away.has(&request("b")));
        turned_away.note(&request("b"), at(131));
        turned_away.note(&request("c"), at(140));
        assert!(
            turned_away.has(&request("b")),
            "it may still come once more"
        );
        turned_away.note(&request("d"), at(180));
        assert!(!turned_away.has(&request("a")));
        turned_away.forget(at(200));
        assert!(turned_away.has(&request("d")));
        turned_away.forget(at(300));
        assert!(!turned_away.has(&request("d")));
    }
}
