//! The shelf: what is wanted is asked for, what is good is at hand, what is not is not sent along.

use super::*;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign_ca::ocsp::{Responder, Status, Statuses};
use countersign_ca::{Practice, Profile};
use countersign_testkit::lab::{Lab, NOW, chain, numbers};
use countersign_testkit::scene::{ALICE, BOB, X5U};

const OCSP: &str = "https://ocsp.example.org/ocsp";
const LIFETIME: u32 = 3_600;

struct Known(Status);

impl Statuses for Known {
    fn status(&self, _: &[u8]) -> Status {
        self.0
    }

    fn speaks_for(&self, _: &[u8], _: TelephoneNumber) -> bool {
        true
    }
}

/// A shelf for a certificate with this entry, and who answers for it.
fn shelf(entry: TnEntry) -> (Shelf, Responder) {
    let lab = Lab::new();
    let issuing = lab.intermediate().clone().with_practice(Practice {
        ocsp: Some(OCSP.into()),
        ..Practice::default()
    });
    let list = TnAuthList::new(vec![entry]).unwrap();
    let issued = lab.issue(&issuing, Profile::EndEntity, "SHAKEN stapled", Some(list));
    let (key, certificate) = issued.unwrap();
    let chain = chain(&[&certificate, issuing.certificate()]);
    let signer = Signer::new(X5U, key, chain).unwrap();
    let issuer = issuing.certificate().clone();
    let responder = Responder::of_issuer(issuer, issuing.shared_key(), LIFETIME).unwrap();
    (Shelf::of("acme", &signer).unwrap(), responder)
}

fn listed() -> (Shelf, Responder) {
    shelf(numbers(ALICE, 1))
}

fn number(digits: &str) -> About {
    Some(digits.parse().unwrap())
}

fn later(seconds: i64) -> UnixTime {
    NOW.saturating_add(seconds)
}

fn fill(
    shelf: &Shelf,
    responder: &Responder,
    about: About,
    status: Status,
    at: UnixTime,
) -> Result<(), NotStapled> {
    let question = shelf.question(about).unwrap();
    let answer = responder.answer(&question, &Known(status), at);
    shelf.take(about, Ok(&answer), at)
}

#[test]
fn a_number_that_calls_is_stapled_from_its_second_call_on() {
    let (shelf, responder) = listed();
    assert_eq!(shelf.due(NOW, 8), [], "nobody has called");
    assert_eq!(shelf.at_hand(number(ALICE), NOW), None);
    assert_eq!(shelf.due(NOW, 8), [number(ALICE)]);
    assert_eq!(shelf.due(NOW, 8), [], "it is under way");
    fill(&shelf, &responder, number(ALICE), Status::Good, NOW).unwrap();
    assert!(shelf.at_hand(number(ALICE), later(1)).is_some());
    // It is asked for again at half of its life, and not sent along in its last minutes.
    let half = i64::from(LIFETIME) / 2;
    assert_eq!(shelf.due(later(half - 2), 8), []);
    assert_eq!(shelf.due(later(half), 8), [number(ALICE)]);
    let last = i64::from(LIFETIME) - 1 - MARGIN;
    assert!(shelf.at_hand(number(ALICE), later(last)).is_some());
    assert_eq!(shelf.at_hand(number(ALICE), later(last + 1)), None);
    // Who calls no more is forgotten.
    assert_eq!(shelf.due(later(last + 2 + IDLE), 8), []);
    assert!(shelf.read().is_empty());
}

#[test]
fn one_answer_serves_all_numbers_of_a_provider() {
    let (shelf, responder) = shelf(TnEntry::Spc("1234".parse().unwrap()));
    assert_eq!(shelf.due(NOW, 8), [None], "before anybody has called");
    fill(&shelf, &responder, None, Status::Good, NOW).unwrap();
    for caller in [ALICE, BOB] {
        assert!(shelf.at_hand(number(caller), NOW).is_some());
    }
    assert_eq!(shelf.read().len(), 1);
}

#[test]
fn what_others_would_refuse_is_not_sent_along() {
    let (shelf, responder) = listed();
    shelf.at_hand(number(ALICE), NOW);
    fill(&shelf, &responder, number(ALICE), Status::Good, NOW).unwrap();
    let revoked = fill(&shelf, &responder, number(ALICE), Status::NotIssued, NOW);
    assert!(matches!(
        revoked,
        Err(NotStapled::NotGood(Standing::Revoked { .. }))
    ));
    assert_eq!(shelf.at_hand(number(ALICE), NOW), None);
    let (stranger, _) = listed();
    stranger.at_hand(number(ALICE), NOW);
    let of_another = fill(&stranger, &responder, number(ALICE), Status::Good, NOW);
    assert!(of_another.is_err());
    assert_eq!(stranger.at_hand(number(ALICE), NOW), None);
}

#[test]
fn a_responder_that_is_down_is_asked_less_and_less_and_what_is_good_stays() {
    let (shelf, responder) = listed();
    shelf.at_hand(number(ALICE), NOW);
    fill(&shelf, &responder, number(ALICE), Status::Good, NOW).unwrap();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let failed = shelf.take(number(ALICE), Err(Unavailable::Connect), NOW);
        assert_eq!(failed, Err(NotStapled::Unavailable(Unavailable::Connect)));
        let next = shelf.read()[&number(ALICE)].next;
        pauses.push(next.as_secs() - NOW.as_secs());
    }
    assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 900, 900]);
    assert!(shelf.at_hand(number(ALICE), NOW).is_some());
}

#[test]
fn a_reload_keeps_what_was_fetched_and_another_certificate_begins_anew() {
    let (shelf, responder) = listed();
    shelf.at_hand(number(ALICE), NOW);
    fill(&shelf, &responder, number(ALICE), Status::Good, NOW).unwrap();
    let same = reloaded(&shelf);
    let (other, _) = listed();
    let (old, same, other) = (Arc::new(shelf), Arc::new(same), Arc::new(other));
    // The other one first: what is not its own it leaves.
    succeed(&[other.clone(), same.clone()], &[old]);
    assert!(same.at_hand(number(ALICE), NOW).is_some());
    assert_eq!(other.at_hand(number(ALICE), NOW), None);
}

/// A shelf for the same certificate, as a reload makes it.
fn reloaded(shelf: &Shelf) -> Shelf {
    Shelf {
        tenant: "acme".into(),
        url: OCSP.into(),
        chain: shelf.chain.clone(),
        held: RwLock::default(),
    }
}

/// This test verifies that what is under way at a reload, whose answer nobody hears, is asked for again at once, and that what has failed or
/// is there is not.
#[test]
fn what_is_under_way_at_a_reload_is_asked_for_again() {
    let (shelf, responder) = listed();
    shelf.at_hand(number(ALICE), NOW);
    assert_eq!(shelf.due(NOW, 8), [number(ALICE)]);
    let second = reloaded(&shelf);
    second.inherit(&shelf);
    fill(&shelf, &responder, number(ALICE), Status::Good, NOW).unwrap();
    assert_eq!(second.due(later(1), 8), [number(ALICE)]);
    let failed = second.take(number(ALICE), Err(Unavailable::Connect), later(1));
    assert!(failed.is_err());
    let third = reloaded(&second);
    third.inherit(&second);
    assert_eq!(third.due(later(FIRST_PAUSE), 8), []);
    assert_eq!(third.due(later(FIRST_PAUSE + 1), 8), [number(ALICE)]);
    let (there, at) = (number(ALICE), later(20));
    fill(&third, &responder, there, Status::Good, at).unwrap();
    let fourth = reloaded(&third);
    fourth.inherit(&third);
    assert_eq!(fourth.due(later(60), 8), []);
    assert!(fourth.at_hand(there, later(60)).is_some());
}

/// This test verifies that whoever goes on calling is remembered, that whoever does not is not, and that the certificate itself always is.
#[test]
fn who_goes_on_calling_is_remembered() {
    let (provider, _) = shelf(TnEntry::Spc("1234".parse().unwrap()));
    let (shelf, responder) = listed();
    shelf.at_hand(number(ALICE), NOW);
    fill(&shelf, &responder, number(ALICE), Status::Good, NOW).unwrap();
    shelf.at_hand(number(ALICE), later(IDLE - 10));
    assert_eq!(shelf.due(later(IDLE + 10), 8), [number(ALICE)]);
    assert_eq!(shelf.due(later(2 * IDLE + 10), 8), []);
    assert!(shelf.read().is_empty());
    assert_eq!(provider.due(NOW, 8), [None]);
    assert_eq!(provider.due(later(9 * IDLE), 8), [None]);
}

/// This test verifies that an answer is about the number that was asked about: one about another number, or about none, is not sent along,
/// and numbers that are not the certificate's are not asked about.
#[test]
fn an_answer_is_about_the_number() {
    let (shelf, responder) = shelf(numbers(ALICE, 50));
    let (alice, other) = (number(ALICE), number(ALICE).map(next));
    for (asked, about) in [(other, alice), (None, alice)] {
        shelf.at_hand(about, NOW);
        let question = shelf.question(asked).unwrap();
        let answer = responder.answer(&question, &Known(Status::Good), NOW);
        let refused = shelf.take(about, Ok(&answer), NOW);
        assert!(
            matches!(refused, Err(NotStapled::NotGood(_))),
            "{refused:?}"
        );
        assert_eq!(shelf.at_hand(about, NOW), None);
    }
    let foreign = number("12025559999");
    assert_eq!(shelf.at_hand(foreign, NOW), None);
    assert!(!shelf.read().contains_key(&foreign));
}

fn next(number: TelephoneNumber) -> TelephoneNumber {
    let digits: u64 = number.to_string().trim_start_matches('+').parse().unwrap();
    (digits + 1).to_string().parse().unwrap()
}

/// This test verifies that after an answer the pauses begin anew, and that an answer near its end is no reason to ask each second.
#[test]
fn an_answer_ends_the_pauses() {
    let (shelf, responder) = listed();
    let about = number(ALICE);
    shelf.at_hand(about, NOW);
    for _ in 0..5 {
        let failed = shelf.take(about, Err(Unavailable::Connect), NOW);
        assert!(failed.is_err());
    }
    fill(&shelf, &responder, about, Status::Good, NOW).unwrap();
    let failed = shelf.take(about, Err(Unavailable::Connect), NOW);
    assert!(failed.is_err());
    assert_eq!(shelf.read()[&about].next, later(FIRST_PAUSE));
    let question = shelf.question(about).unwrap();
    let old = responder.answer(&question, &Known(Status::Good), NOW);
    let at = later(i64::from(LIFETIME) - 10);
    shelf.take(about, Ok(&old), at).unwrap();
    assert_eq!(shelf.read()[&about].next, at.saturating_add(FIRST_PAUSE));
}

#[test]
fn numbers_are_bounded() {
    let (shelf, _) = shelf(numbers("12025550000", 10_000));
    for call in 0..MAX_NUMBERS + 10 {
        let caller = number(&format!("1202555{call:04}"));
        assert_eq!(shelf.at_hand(caller, NOW), None);
    }
    assert_eq!(shelf.read().len(), MAX_NUMBERS);
    assert_eq!(shelf.due(NOW, MAX_ASKING).len(), MAX_ASKING);
}
