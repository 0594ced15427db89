//! What is remembered of next hops: which of them rest because they were silent, and which of them took a call.
//!
//! A silent next hop costs the call that finds it out 64*T1. The calls after it try that hop last for a while. And what comes
//! later in a call goes first to where the call went, which knows its dialog; that is only written down where it is not the first
//! next hop, so there is little to remember where all is well.

use crate::message::{Message, Name};
use crate::trunk::{MAX_NEXT_HOPS, Trunk};
use countersign::time::Ticks;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a next hop that was silent or could not be reached is tried last. Long enough that few calls pay for finding out that it
/// is silent still; short enough that one that is back gets its calls back soon.
pub const HOP_REST: Duration = Duration::from_secs(60);

/// Most calls that are remembered because another next hop than the first took them. The oldest go first.
pub const MAX_DIVERTED: usize = 16_384;

/// Longest names of a call that are remembered, in bytes: Call-ID, From tag and trunk are below 150 together, as a rule.
const MAX_CALL_KEY: usize = 512;

/// What is remembered of next hops.
#[derive(Default)]
pub(super) struct Hops {
    /// Until when those that were silent are tried last.
    resting: HashMap<SocketAddr, Ticks>,
    /// Which next hop, counted from 0, took a call.
    diverted: HashMap<CallKey, usize>,
    /// The same calls, the oldest first.
    oldest: VecDeque<CallKey>,
}

/// A call as its caller names it in every request: trunk, Call-ID and From tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CallKey(Box<[u8]>);

impl CallKey {
    fn of(request: &Message, trunk: &Trunk) -> Option<Self> {
        let from = request.from().ok()?;
        let fields = [
            trunk.name.as_bytes(),
            request.header(Name::CallId)?,
            from.tag().unwrap_or_default(),
        ];
        // No field can have a line break.
        let key = fields.join(&b"\n"[..]);
        (key.len() <= MAX_CALL_KEY).then(|| Self(key.into()))
    }
}

impl Hops {
    /// In which order the next hops of a trunk are tried, each by its place in the trunk.
    ///
    /// Who knows a dialog is who took it, whether others found it silent meanwhile or not: a request inside one goes nowhere else first.
    pub(super) fn order(&self, request: &Message, trunk: &Trunk, now: Ticks) -> VecDeque<usize> {
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        let took_it = CallKey::of(request, trunk)
            .filter(|_| in_dialog)
            .and_then(|key| self.diverted.get(&key));
        let hops = trunk.next_hops.iter().take(MAX_NEXT_HOPS).enumerate();
        let mut order: Vec<_> = hops
            .map(|(place, hop)| {
                let rests = !in_dialog && self.rests(hop.address, now);
                (Some(&place) != took_it, rests, place)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, place)| place).collect()
    }

    /// A next hop was silent, or could not be reached.
    pub(super) fn rest(&mut self, hop: SocketAddr, now: Ticks) {
        self.resting.retain(|_, until| now < *until);
        self.resting.insert(hop, now.after(HOP_REST));
    }

    /// A next hop was heard.
    pub(super) fn wake(&mut self, hop: SocketAddr) {
        if !self.resting.is_empty() {
            self.resting.remove(&hop);
        }
    }

    /// A next hop accepted an INVITE.
    pub(super) fn took(&mut self, invite: &Message, trunk: &Trunk, place: usize) {
        let Some(key) = CallKey::of(invite, trunk) else {
            return;
        };
        if place == 0 && !self.diverted.contains_key(&key) {
            return;
        }
        if self.diverted.insert(key.clone(), place).is_some() {
            return;
        }
        self.oldest.push_back(key);
        if self.oldest.len() > MAX_DIVERTED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.diverted.remove(&oldest);
        }
    }

    fn rests(&self, hop: SocketAddr, now: Ticks) -> bool {
        self.resting.get(&hop).is_some_and(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Transport;
    use crate::message::Framing;
    use crate::trunk::NextHop;

    fn trunk() -> Trunk {
        let hop = |last: u8| NextHop::new(Transport::Udp, ([192, 0, 2, last], 5060).into());
        Trunk::new("t", (1..=3).map(hop).collect())
    }

    fn request(call: usize, to_tag: &str) -> Message {
        let text = format!(
            "BYE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>{to_tag}\r\nCall-ID: {call}\r\n\r\n"
        );
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    #[test]
    fn a_silent_hop_is_tried_last_until_it_is_heard_or_has_rested() {
        let (mut hops, trunk) = (Hops::default(), trunk());
        let now = Ticks::from_millis(1_000);
        let order = |hops: &Hops, at| hops.order(&request(1, ""), &trunk, at);
        let first = trunk.next_hops[0].address;
        assert_eq!(order(&hops, now), [0, 1, 2]);
        hops.rest(first, now);
        assert_eq!(order(&hops, now), [1, 2, 0]);
        assert_eq!(order(&hops, now.after(HOP_REST)), [0, 1, 2]);
        assert_eq!(
            hops.order(&request(1, ";tag=2"), &trunk, now),
            [0, 1, 2],
            "the first has taken this call"
        );
        hops.wake(first);
        assert_eq!(order(&hops, now), [0, 1, 2]);
        for hop in &trunk.next_hops {
            hops.rest(hop.address, now);
        }
        assert_eq!(order(&hops, now), [0, 1, 2], "none is left out");
    }

    #[test]
    fn a_call_stays_with_who_took_it_and_old_calls_are_forgotten() {
        let (mut hops, trunk) = (Hops::default(), trunk());
        let now = Ticks::from_millis(1_000);
        hops.took(&request(0, ""), &trunk, 2);
        hops.rest(trunk.next_hops[2].address, now);
        assert_eq!(hops.order(&request(0, ";tag=2"), &trunk, now), [2, 0, 1]);
        assert_eq!(
            hops.order(&request(0, ""), &trunk, now),
            [0, 1, 2],
            "a new call with old names is a new call"
        );
        hops.took(&request(1, ""), &trunk, 0);
        assert_eq!(hops.diverted.len(), 1, "the first is where all calls go");
        for call in 1..=MAX_DIVERTED {
            hops.took(&request(call, ""), &trunk, 1);
            hops.took(&request(call, ";tag=2"), &trunk, 1);
        }
        assert_eq!(
            (hops.diverted.len(), hops.oldest.len()),
            (MAX_DIVERTED, MAX_DIVERTED)
        );
        assert_eq!(hops.order(&request(0, ";tag=2"), &trunk, now), [0, 1, 2]);
    }
}
