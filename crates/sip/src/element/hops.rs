//! What is remembered of next hops: which of them rest because they were silent, and which of them took a call.
//!
//! A silent next hop costs the call that finds it out 64*T1. The calls after it try that hop last for a while. And what comes
//! later in a call goes first to where the call went, which knows its dialog; that is only written down where it is not the first
//! next hop, so there is little to remember where all is well.
//!
//! Where hosts share the calls by weight, one is drawn for each call. The draw is a digest of its Call-ID and our secret, so all that
//! comes later in the call draws the same, in every shard, and nobody remembers it.

use super::tokens::Tokens;
use crate::message::{Message, Name};
use crate::probe::Standing;
use crate::trunk::{HopId, MAX_LOCATED, MAX_NEXT_HOPS, NextHop, Share, Trunk};
use countersign::time::Ticks;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a next hop that was silent or could not be reached is tried last. Long enough that few calls pay for finding out that it
/// is silent still; short enough that one that is back gets its calls back soon.
pub const HOP_REST: Duration = Duration::from_secs(60);

/// Longest rest that a next hop may ask for with Retry-After. A 503 with a slip of the pen must not take it out for a day.
pub const MAX_ASKED_REST: Duration = Duration::from_secs(3_600);

/// Most calls that are remembered because another next hop than the first took them. The oldest go first.
pub const MAX_DIVERTED: usize = 16_384;

/// Longest names of a call that are remembered, in bytes: Call-ID, From tag and trunk are below 150 together, as a rule.
const MAX_CALL_KEY: usize = 512;

/// What is remembered of next hops.
#[derive(Default)]
pub(super) struct Hops {
    /// Who is down, as probes found out.
    standing: Arc<Standing>,
    /// Until when those that rest are tried last, and why.
    resting: HashMap<HopId, (Ticks, Rest)>,
    /// Until when these are taken for hops that speak UDP alone.
    without_tcp: HashMap<SocketAddr, Ticks>,
    /// Which next hop took a call.
    diverted: HashMap<CallKey, HopId>,
    /// The same calls, the oldest first.
    oldest: VecDeque<CallKey>,
}

/// Why a next hop rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It asked for it: 503 with Retry-After.
    Asked,
    /// It was silent, or could not be reached.
    Silent,
}

/// Whether a request may disregard that a next hop asked for rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// An emergency call: a hop that has too much to do may have room for this one, and its 503 comes at once. One that was silent
    /// is tried last all the same: nobody in need waits half a minute for it.
    Emergency,
    /// All else.
    Ordinary,
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
    pub(super) fn order(
        &self,
        request: &Message,
        trunk: &Trunk,
        urgency: Urgency,
        tokens: &Tokens,
        now: Ticks,
    ) -> VecDeque<usize> {
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        let took_it = match in_dialog {
            true => self.diverted_to(request, trunk),
            false => None,
        };
        let mut order: Vec<_> = drawn(request, trunk, tokens)
            .into_iter()
            .filter_map(|place| Some((place, trunk.next_hops.get(place)?.id())))
            .collect();
        order.sort_by_key(|(_, hop)| {
            let rests = !in_dialog && self.rests(*hop, urgency, now);
            (Some(hop) != took_it, rests)
        });
        let places = order.into_iter().map(|(place, _)| place);
        places.take(MAX_NEXT_HOPS).collect()
    }

    /// Who took the call, if that was not the usual next hop.
    fn diverted_to(&self, request: &Message, trunk: &Trunk) -> Option<&HopId> {
        // Where all is well no call is, and none need be named.
        if self.diverted.is_empty() {
            return None;
        }
        self.diverted.get(&CallKey::of(request, trunk)?)
    }

    /// A next hop was silent, or could not be reached.
    pub(super) fn rest(&mut self, hop: HopId, now: Ticks) {
        self.rest_until(hop, now.after(HOP_REST), Rest::Silent, now);
    }

    /// A next hop asked for rest.
    // RFC 3261 §21.5.4: "A client (proxy or UAC) receiving a 503 (Service Unavailable) SHOULD attempt to forward the request to an alternate
    // server.  It SHOULD NOT forward any other requests to that server for the duration specified in the Retry-After header field, if
    // present."
    pub(super) fn rest_as_asked(&mut self, hop: HopId, asked: Duration, now: Ticks) {
        let until = now.after(asked.min(MAX_ASKED_REST));
        self.rest_until(hop, until, Rest::Asked, now);
    }

    fn rest_until(&mut self, hop: HopId, until: Ticks, why: Rest, now: Ticks) {
        self.resting.retain(|_, (until, _)| now < *until);
        self.resting.insert(hop, (until, why));
    }

    /// A next hop was heard. That ends no rest that it asked for.
    pub(super) fn wake(&mut self, hop: HopId) {
        let silent = |(_, why): &(Ticks, Rest)| *why == Rest::Silent;
        if self.resting.get(&hop).is_some_and(silent) {
            self.resting.remove(&hop);
        }
    }

    /// A next hop of UDP did not answer by TCP what was too large for UDP: for a while none of the others that are too large tries it.
    /// Each would cost a connection, and its call the time of finding out.
    pub(super) fn found_without_tcp(&mut self, address: SocketAddr, now: Ticks) {
        self.without_tcp.retain(|_, until| now < *until);
        self.without_tcp.insert(address, now.after(HOP_REST));
    }

    /// Whether it is worth a try by TCP.
    pub(super) fn may_speak_tcp(&self, address: SocketAddr, now: Ticks) -> bool {
        let mut deaf = self.without_tcp.get(&address).into_iter();
        deaf.all(|until| *until <= now)
    }

    /// A next hop accepted an INVITE.
    pub(super) fn took(&mut self, invite: &Message, trunk: &Trunk, hop: HopId, tokens: &Tokens) {
        let usual = drawn(invite, trunk, tokens).first().copied();
        let usual = usual.and_then(|place| trunk.next_hops.get(place));
        if usual.map(NextHop::id) == Some(hop) && self.diverted_to(invite, trunk).is_none() {
            return;
        }
        let Some(key) = CallKey::of(invite, trunk) else {
            return;
        };
        if self.diverted.insert(key.clone(), hop).is_some() {
            return;
        }
        self.oldest.push_back(key);
        if self.oldest.len() > MAX_DIVERTED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.diverted.remove(&oldest);
        }
    }

    /// From now on these are down.
    pub(super) fn stand(&mut self, standing: Arc<Standing>) {
        self.standing = standing;
    }

    fn rests(&self, hop: HopId, urgency: Urgency, now: Ticks) -> bool {
        let rests = |(until, why): &(Ticks, Rest)| {
            now < *until && (urgency, *why) != (Urgency::Emergency, Rest::Asked)
        };
        self.standing.is_down(hop) || self.resting.get(&hop).is_some_and(rests)
    }
}

/// The places of a trunk's next hops in the order that their places and shares give them, where all are well.
fn drawn(request: &Message, trunk: &Trunk, tokens: &Tokens) -> Vec<usize> {
    let hops: Vec<_> = trunk
        .next_hops
        .iter()
        .take(MAX_LOCATED)
        .enumerate()
        .collect();
    let shared = |hop: &NextHop| hop.share.map(|share| share.group);
    let mut order = Vec::with_capacity(hops.len());
    let mut dice = None;
    for group in
        hops.chunk_by(|(_, one), (_, other)| shared(one).is_some() && shared(one) == shared(other))
    {
        if group.len() == 1 {
            order.extend(group.iter().map(|(place, _)| *place));
        } else {
            let dice = dice.get_or_insert_with(|| Dice(tokens.draw(request)));
            draw(group, dice, &mut order);
        }
    }
    order
}

/// Orders one group.
// RFC 2782: "arrange all SRV RRs (that have not been ordered yet) in any order, except that all those with weight 0 are placed at the
// beginning of the list. Compute the sum of the weights of those RRs, and with each RR associate the running sum in the selected
// order. Then choose a uniform random number between 0 and the sum computed (inclusive), and select the RR whose running sum value is
// the first in the selected order which is greater than or equal to the random number selected."
fn draw(group: &[(usize, &NextHop)], dice: &mut Dice, order: &mut Vec<usize>) {
    let share = |hop: &NextHop| hop.share.unwrap_or(Share::NONE);
    let mut hosts: Vec<_> = group
        .chunk_by(|(_, one), (_, other)| share(one).host == share(other).host)
        .filter_map(|host| Some((share(host.first()?.1).weight, host)))
        .collect();
    hosts.sort_by_key(|(weight, _)| *weight != 0);
    while !hosts.is_empty() {
        let sum: u64 = hosts.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let chosen = dice.up_to(sum);
        let mut running = 0;
        let reaches = |(weight, _): &(u16, _)| {
            running += u64::from(*weight);
            running >= chosen
        };
        let (_, host) = hosts.remove(hosts.iter().position(reaches).unwrap_or(0));
        order.extend(host.iter().map(|(place, _)| *place));
    }
}

/// Numbers that follow from the first: splitmix64.
struct Dice(u64);

impl Dice {
    /// A number from 0 to `most`, inclusive. Sums of weights are so small beside 2^64 that the remainder is fair.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % (most + 1)
    }
}

#[cfg(test)]
mod tests;
