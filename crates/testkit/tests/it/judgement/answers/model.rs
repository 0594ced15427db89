//! The judgement of answers beside a naive model of it.
//!
//! ```text
//!    any few of: rsp of anybody, good, forged, stale, of another call; div of anybody to anybody, good, forged, stale
//! ```
//!
//! This test verifies, for any handful of PASSporTs in any order, that who is told to have been reached has signed so, and that whoever was
//! called has signed for how the call came there; and that what is plainly good is told as good.

use super::super::chains::{CAROL, DAVE, ERIN, claims};
use super::*;
use countersign::verification::DivertedAnswer;
use proptest::prelude::*;

const PEOPLE: [&str; 4] = [BOB, CAROL, DAVE, MALLORY];

/// What is wrong with a PASSporT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Forged,
    OtherCall,
    Stale,
}

const FLAWS: [Flaw; 4] = [Flaw::None, Flaw::Forged, Flaw::OtherCall, Flaw::Stale];

#[derive(Clone, Debug)]
struct PlayingCard {
    /// Where the call comes from, if it is a diversion; where it comes to.
    from: Option<&'static str>,
    to: &'static str,
    flaw: Flaw,
    presented: Presented,
}

impl PlayingCard {
    fn draw(exchange: &Exchange, from: Option<&'static str>, to: &'static str, flaw: Flaw) -> Self {
        let good = match from {
            Some(from) => claims(from, to),
            None => answer(to, NOW),
        };
        let signer = from.unwrap_or(to);
        let claims = match flaw {
            Flaw::None | Flaw::Forged => good,
            Flaw::OtherCall => Claims {
                orig: number("12025550149"),
                ..good
            },
            Flaw::Stale => Claims {
                iat: NOW.saturating_add(-61),
                ..good
            },
        };
        let by = match flaw {
            Flaw::Forged => ERIN,
            _ => signer,
        };
        Self {
            from,
            to,
            flaw,
            presented: exchange.rsp_by(by, claims),
        }
    }

    fn is_good(&self) -> bool {
        self.flaw == Flaw::None
    }
}

struct Table {
    exchange: Exchange,
    deck: Vec<PlayingCard>,
}

fn table() -> Table {
    let exchange = Exchange::new();
    let mut deck = Vec::new();
    for flaw in FLAWS {
        for to in PEOPLE {
            deck.push(PlayingCard::draw(&exchange, None, to, flaw));
            for from in PEOPLE.into_iter().filter(|from| *from != to) {
                deck.push(PlayingCard::draw(&exchange, Some(from), to, flaw));
            }
        }
    }
    Table { exchange, deck }
}

/// Everybody whom the call may have come to in the end, by the good diversions, however these are put together.
fn ends<'a>(hand: &[&'a PlayingCard]) -> Vec<&'a str> {
    let good: Vec<_> = hand.iter().filter(|card| card.is_good()).collect();
    let mut reached = vec![BOB];
    while let Some(next) = good.iter().find(|card| {
        let from = card.from.is_some_and(|from| reached.contains(&from));
        from && !reached.contains(&card.to)
    }) {
        reached.push(next.to);
    }
    reached
}

/// The one way of these diversions, if they are one way and nothing else.
fn only_way<'a>(hand: &[&'a PlayingCard]) -> Option<&'a str> {
    let mut way: Vec<_> = hand.iter().filter(|card| card.from.is_some()).collect();
    let mut called = vec![BOB];
    while let Some(at) = way
        .iter()
        .position(|card| card.from == called.last().copied())
    {
        let card = way.swap_remove(at);
        if called.contains(&card.to) {
            return None;
        }
        called.push(card.to);
    }
    way.is_empty().then(|| called.pop()).flatten()
}

/// Judges a hand and compares what is told with what the model says.
fn judge(table: &Table, hand: &[&PlayingCard], diverted: DivertedAnswer) {
    let mut dialled = table.exchange.dialled.clone();
    dialled.policy.diverted = diverted;
    let presented = hand.iter().map(|card| Ok(card.presented.clone())).collect();
    let exchange = &table.exchange;
    let service = exchange.way.scene.verification();
    let report = exchange.judge_of(&dialled, &service, 0, presented);
    let standing = standing(&report);
    let good = || {
        hand.iter()
            .filter(|card| card.from.is_none() && card.is_good())
    };
    let says = |who: &str| good().any(|card| card.to == who);
    let who = |report: &Report| reached(report).map(ToString::to_string);
    let only = |at: &str| good().all(|card| card.to == at);
    match (standing, who(&report)) {
        (AnswerStanding::Matching, Some(who)) => {
            assert_eq!(who, BOB);
            assert!(says(BOB), "{hand:?}");
        }
        (AnswerStanding::Diverted, Some(who)) => {
            assert_ne!(who, BOB);
            assert!(says(&who) && ends(hand).contains(&&*who), "{hand:?}");
            assert_eq!(diverted, DivertedAnswer::Accepted);
            assert!(!says(BOB), "two would have been proven: {hand:?}");
        }
        (AnswerStanding::Absent, None) => {
            assert!(hand.iter().all(|card| card.from.is_some()), "{hand:?}");
        }
        (AnswerStanding::NotValidated(_) | AnswerStanding::Unexpected(_), None) => {
            // Whom we called has signed, and nobody else has.
            assert!(!(says(BOB) && only(BOB)), "{standing:?} {hand:?}");
            // One has signed, all is good, and there is one way and no other.
            let all_good = hand.iter().all(|card| card.is_good());
            let end = only_way(hand).filter(|_| all_good && diverted == DivertedAnswer::Accepted);
            let is_plain = end.is_some_and(|end| says(end) && only(end));
            assert!(!is_plain, "{standing:?} {hand:?}");
        }
        (other, who) => assert_eq!(other.is_proven(), who.is_some(), "{hand:?}"),
    }
}

thread_local! {
    static TABLE: Table = table();
}

fn hands() -> impl Strategy<Value = (Vec<usize>, bool)> {
    (prop::collection::vec(0..64_usize, 0..7), any::<bool>())
}

/// Hands of good cards only, where most of the ways are.
fn good_hands() -> impl Strategy<Value = (Vec<usize>, bool)> {
    (prop::collection::vec(0..16_usize, 0..6), any::<bool>())
}

fn play((hand, accepts): (Vec<usize>, bool)) {
    TABLE.with(|table| {
        assert_eq!(table.deck.len(), 64);
        let diverted = match accepts {
            true => DivertedAnswer::Accepted,
            false => DivertedAnswer::Refused,
        };
        let hand: Vec<_> = hand.iter().map(|at| &table.deck[*at]).collect();
        judge(table, &hand, diverted);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes_who_is_told_to_be_reached_has_signed_and_was_called(hand in hands()) {
        play(hand);
    }

    #[test]
    fn what_is_plainly_good_is_told_as_good(hand in good_hands()) {
        play(hand);
    }
}
