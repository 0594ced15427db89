//! Tests of the order in which next hops are tried.

use super::*;
use crate::element::Options;
use crate::flow::Transport;
use crate::message::Framing;
use crate::trunk::SentBy;

fn hop(last: u8) -> NextHop {
    NextHop::new(Transport::Udp, ([192, 0, 2, last], 5060).into())
}

fn trunk() -> Trunk {
    Trunk::new("t", (1..=3).map(hop).collect())
}

fn tokens() -> Tokens {
    Tokens::new(&Options::new(SentBy::new("h", None).unwrap(), [7; 16]))
}

fn request(call: usize, to_tag: &str) -> Message {
    let text = format!(
        "BYE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>{to_tag}\r\nCall-ID: {call}\r\n\r\n"
    );
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

/// A trunk and what is remembered of its hops.
struct Table {
    hops: Hops,
    trunk: Trunk,
    tokens: Tokens,
}

impl Table {
    fn new(trunk: Trunk) -> Self {
        let (hops, tokens) = (Hops::default(), tokens());
        Self {
            hops,
            trunk,
            tokens,
        }
    }

    fn order(&self, call: usize, to_tag: &str, now: Ticks) -> VecDeque<usize> {
        self.order_for(&request(call, to_tag), Urgency::Ordinary, now)
    }

    fn order_for(&self, request: &Message, urgency: Urgency, now: Ticks) -> VecDeque<usize> {
        let (trunk, tokens) = (&self.trunk, &self.tokens);
        self.hops.order(request, trunk, urgency, tokens, now)
    }

    fn id(&self, place: usize) -> HopId {
        self.trunk.next_hops[place].id()
    }

    fn took(&mut self, call: usize, to_tag: &str, place: usize) {
        let hop = self.id(place);
        let request = request(call, to_tag);
        self.hops.took(&request, &self.trunk, hop, &self.tokens);
    }
}

const NOW: Ticks = Ticks::from_millis(1_000);

#[test]
fn a_silent_hop_is_tried_last_until_it_is_heard_or_has_rested() {
    let mut table = Table::new(trunk());
    let first = table.id(0);
    assert_eq!(table.order(1, "", NOW), [0, 1, 2]);
    table.hops.rest(first, NOW);
    assert_eq!(table.order(1, "", NOW), [1, 2, 0]);
    assert_eq!(table.order(1, "", NOW.after(HOP_REST)), [0, 1, 2]);
    assert_eq!(
        table.order(1, ";tag=2", NOW),
        [0, 1, 2],
        "the first has taken this call"
    );
    table.hops.wake(first);
    assert_eq!(table.order(1, "", NOW), [0, 1, 2]);
    for place in 0..3 {
        table.hops.rest(table.id(place), NOW);
    }
    assert_eq!(table.order(1, "", NOW), [0, 1, 2], "none is left out");
}

#[test]
fn a_hop_that_asked_for_rest_has_it_whatever_else_it_says_but_not_from_emergency_calls() {
    let mut table = Table::new(trunk());
    let (first, request) = (table.id(0), request(1, ""));
    let asked = Duration::from_secs(30);
    table.hops.rest_as_asked(first, asked, NOW);
    table.hops.wake(first);
    assert_eq!(table.order(1, "", NOW), [1, 2, 0]);
    assert_eq!(
        table.order_for(&request, Urgency::Emergency, NOW),
        [0, 1, 2]
    );
    assert_eq!(table.order(1, "", NOW.after(asked)), [0, 1, 2]);
    let for_ever = Duration::from_secs(u64::MAX);
    table.hops.rest_as_asked(first, for_ever, NOW);
    assert_eq!(table.order(1, "", NOW.after(MAX_ASKED_REST)), [0, 1, 2]);
    table.hops.rest(first, NOW);
    assert_eq!(
        table.order_for(&request, Urgency::Emergency, NOW),
        [1, 2, 0],
        "silence would hold it up"
    );
}

#[test]
fn a_call_stays_with_who_took_it_and_old_calls_are_forgotten() {
    let mut table = Table::new(trunk());
    table.took(0, "", 2);
    table.hops.rest(table.id(2), NOW);
    assert_eq!(table.order(0, ";tag=2", NOW), [2, 0, 1]);
    assert_eq!(
        table.order(0, "", NOW),
        [0, 1, 2],
        "a new call with old names is a new call"
    );
    table.trunk.next_hops.swap(0, 2);
    assert_eq!(
        table.order(0, ";tag=2", NOW),
        [0, 1, 2],
        "wherever it stands"
    );
    table.trunk.next_hops.swap(0, 2);
    table.took(1, "", 0);
    assert_eq!(
        table.hops.diverted.len(),
        1,
        "the first is where all calls go"
    );
    for call in 1..=MAX_DIVERTED {
        table.took(call, "", 1);
        table.took(call, ";tag=2", 1);
    }
    assert_eq!(
        (table.hops.diverted.len(), table.hops.oldest.len()),
        (MAX_DIVERTED, MAX_DIVERTED)
    );
    assert_eq!(table.order(0, ";tag=2", NOW), [0, 1, 2]);
}

/// Hops 1 and 2 are two addresses of one host, then one of another, then one of no weight; hop 5 comes behind them all.
fn shared() -> Trunk {
    let hosts = [(0, 60), (0, 60), (1, 20), (2, 0)];
    let share = |(host, weight)| Share {
        group: 1,
        host,
        weight,
    };
    let mut hops: Vec<_> = (1..=5).map(hop).collect();
    for (hop, host) in hops.iter_mut().zip(hosts) {
        hop.share = Some(share(host));
    }
    Trunk::new("t", hops)
}

#[test]
fn hosts_share_calls_by_weight_and_one_call_draws_the_same_ever_after() {
    let mut table = Table::new(shared());
    let mut firsts = [0_u32; 5];
    for call in 0..4_000 {
        let order = table.order(call, "", NOW);
        assert_eq!(order.len(), 5);
        assert_eq!(order[4], 4, "the next group comes after");
        let of_first = order.iter().position(|place| *place == 0).unwrap();
        assert_eq!(
            order[of_first + 1],
            1,
            "addresses of one host stay together"
        );
        firsts[order[0]] += 1;
        assert_eq!(table.order(call, ";tag=2", NOW), order);
        table.took(call, "", order[0]);
    }
    assert!((2_850..3_150).contains(&firsts[0]), "{firsts:?}");
    assert!((850..1_150).contains(&firsts[2]), "{firsts:?}");
    assert!(
        (1..200).contains(&firsts[3]),
        "weight 0 is seldom: {firsts:?}"
    );
    assert!(table.hops.diverted.is_empty(), "nothing to remember");
}

#[test]
fn of_many_addresses_so_many_are_tried() {
    let table = Table::new(Trunk::new("t", (1..=100).map(hop).collect()));
    assert_eq!(table.order(1, "", NOW).len(), MAX_NEXT_HOPS);
    let equal = |last| NextHop {
        share: Some(Share {
            host: u16::from(last),
            ..Share::NONE
        }),
        ..hop(last)
    };
    let table = Table::new(Trunk::new("t", (1..=4).map(equal).collect()));
    let order: Vec<_> = (0..99).map(|call| table.order(call, "", NOW)[0]).collect();
    assert!(
        order.iter().all(|first| *first == 0),
        "all of no weight: as they stand"
    );
}
