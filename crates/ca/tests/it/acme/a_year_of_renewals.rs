//! A year of a provider that signs calls, and of an authority that is there when it likes.
//!
//! ```text
//!     calls ──┬──┬──┬──┬──┬──┬──┬──┬──►  signed, as long as there is a certificate that may sign
//!     Renewal ────due──✗──✗───────✓──►  Enrolment ──► World: down for hours or weeks, up and losing messages
//! ```
//!
//! No call is signed with an expired certificate, and none goes unsigned while a renewal was possible.

use super::world::{Weather, World, key};
use countersign::crypto::EcdsaP256Key;
use countersign::time::{UnixTime, Validity};
use countersign_ca::enrolment::{Enrolment, Failure};
use countersign_ca::renewal::{Jitter, Outlook, Renewal, Standing, longest_pause};
use std::sync::Arc;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
/// A call every twenty minutes.
const CALLS: i64 = 1_200;

/// splitmix64, as a share of a whole.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((value ^ (value >> 31)) % sides).unwrap()
    }
}

/// When the authority is there: since when, until when.
fn windows(dice: &mut Dice, begin: UnixTime, life: i64) -> Vec<(UnixTime, UnixTime)> {
    let (mut windows, mut now) = (Vec::new(), begin);
    while now < begin.saturating_add(YEAR + 30 * DAY) {
        // Three times in four it is away for hours, else for up to half a life and more.
        let away = match dice.throw(4) {
            0 => dice.throw(u64::try_from(life).unwrap() * 2 / 3),
            _ => dice.throw(u64::try_from(life).unwrap() / 20),
        };
        let back = now.saturating_add(away);
        now = back.saturating_add(1 + dice.throw(u64::try_from(life).unwrap() / 2));
        windows.push((back, now));
    }
    windows
}

/// How long an authority has to be there for an enrolment that loses some messages, at most.
const ATTEMPT: i64 = 1_800;

struct Provider {
    world: World,
    account: Arc<EcdsaP256Key>,
    validity: Validity,
    renewal: Renewal,
    /// When this certificate was due.
    due: UnixTime,
    renewed: usize,
}

impl Provider {
    /// Tries once; it takes its time. When there is a new certificate, and its life.
    fn order(&mut self, jitter: Jitter) -> Option<(UnixTime, Validity)> {
        let site = &mut self.world.site;
        site.now = site.now.max(self.renewal.next());
        let mut wish = self.world.wish(&key());
        wish.deadline = self.renewal.deadline(self.world.site.now);
        let mut enrolment = Enrolment::new(wish, self.account.clone());
        match self.world.enrol(&mut enrolment) {
            Ok(enrolled) => {
                let validity = enrolled.chain.end_entity().validity();
                Some((self.world.site.now, validity))
            }
            Err(failure) => {
                assert!(matches!(failure, Failure::TimedOut(_)), "{failure}");
                let now = self.world.site.now;
                self.renewal.failed(now, Outlook::MayPass, jitter);
                None
            }
        }
    }

    fn take(&mut self, validity: Validity, jitter: Jitter) {
        self.validity = validity;
        self.renewal = Renewal::of(validity, jitter);
        self.due = self.renewal.next();
        self.renewed += 1;
    }

    /// A call that goes unsigned: was there no authority since the certificate was due?
    fn excuse(&self, seed: u64, call: UnixTime) {
        let longest = longest_pause(self.validity) + ATTEMPT;
        for (back, gone) in self.world.there.iter().flatten() {
            let found = (*back).max(self.due).saturating_add(longest);
            assert!(
                *gone <= found || call <= found,
                "seed {seed}: unsigned at {call}, and the authority was there from {back} to {gone}"
            );
        }
    }
}

/// A year: calls that were not signed, and renewals.
fn year(seed: u64, life: i64) -> (i64, usize) {
    let mut dice = Dice(seed);
    let mut world = World::long_lived(seed);
    world.site.practice.lifetimes.usual = life;
    let begin = world.site.now;
    let account = key();
    let first = Enrolment::new(world.wish(&key()), account.clone());
    let first = world.enrol(&mut { first }).unwrap();
    let validity = first.chain.end_entity().validity();
    let renewal = Renewal::of(validity, Jitter(0));
    world.there = Some(windows(&mut dice, begin, life));
    world.weather = Weather {
        lost: 12,
        doubled: 12,
        killed: 4,
    };
    let mut provider = Provider {
        world,
        account,
        validity,
        renewal,
        due: renewal.next(),
        renewed: 0,
    };
    let (mut unsigned, mut cried, mut call) = (0, false, begin);
    let mut coming = None;
    while call < begin.saturating_add(YEAR) {
        while coming.is_none() && provider.renewal.next() <= call {
            let jitter = Jitter(u8::try_from(dice.throw(256)).unwrap());
            coming = provider.order(jitter);
        }
        if let Some((ready, validity)) = coming
            && ready <= call
        {
            provider.take(validity, Jitter(u8::try_from(dice.throw(256)).unwrap()));
            coming = None;
            cried = false;
        }
        let standing = provider.renewal.standing(call);
        cried |= standing >= Standing::Late;
        if provider.validity.contains(call) {
            assert_ne!(standing, Standing::Expired);
        } else {
            unsigned += 1;
            assert_eq!(standing, Standing::Expired);
            assert!(cried, "it failed without a word");
            provider.excuse(seed, call);
        }
        call = call.saturating_add(CALLS);
    }
    (unsigned, provider.renewed)
}

/// This test verifies it for certificates of a week and of a month.
#[test]
fn no_call_goes_unsigned_while_a_renewal_was_possible() {
    let (mut unsigned, mut renewed) = (0, 0);
    for seed in 0..8 {
        for life in [7 * DAY, 28 * DAY] {
            let year = year(seed, life);
            unsigned += year.0;
            renewed += year.1;
        }
    }
    // Both happen, or the story has said nothing.
    assert!(
        unsigned > 0,
        "an authority that is away for long leaves calls unsigned"
    );
    assert!(renewed > 200, "{renewed} renewals");
}
