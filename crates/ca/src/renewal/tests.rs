//! Renewal: when it is due, how it is tried again, and that it cries long before it fails.

use super::*;
use proptest::prelude::*;

const DAY: i64 = 86_400;
const BEGIN: UnixTime = UnixTime::from_secs(1_780_000_000);

fn valid(from: UnixTime, life: i64) -> Validity {
    Validity {
        not_before: from,
        not_after: from.saturating_add(life),
    }
}

fn at(seconds: i64) -> UnixTime {
    BEGIN.saturating_add(seconds)
}

#[test]
fn it_is_due_at_two_thirds_or_a_little_earlier() {
    let life = valid(BEGIN, 90 * DAY);
    assert_eq!(Renewal::of(life, Jitter(0)).next(), at(60 * DAY));
    let early = Renewal::of(life, Jitter(255)).next();
    assert!(at(52 * DAY) < early && early < at(53 * DAY), "{early}");
    assert!(!Renewal::of(life, Jitter(0)).is_due(at(60 * DAY - 1)));
}

#[test]
fn it_cries_long_before_it_fails() {
    let life = valid(BEGIN, 80 * DAY);
    let mut renewal = Renewal::of(life, Jitter(0));
    for (day, standing) in [
        (0, Standing::Good),
        (60, Standing::Good),
        (61, Standing::Late),
        (71, Standing::Critical),
        (80, Standing::Critical),
        (81, Standing::Expired),
        (90, Standing::Expired),
    ] {
        assert_eq!(renewal.standing(at(day * DAY)), standing, "day {day}");
    }
    // Where somebody has to do something, that is known at the first try.
    renewal.failed(at(54 * DAY), Outlook::NeedsSomebody, Jitter(0));
    assert_eq!(renewal.standing(at(54 * DAY)), Standing::Late);
}

/// This test verifies that of a certificate nobody says that it has ended while calls are signed with it, however short its life is.
#[test]
fn it_has_ended_when_it_has_ended() {
    for life in [600, 3_600, 90 * DAY] {
        let renewal = Renewal::of(valid(BEGIN, life), Jitter(0));
        for left in [life / 9, 59, 1, 0] {
            let standing = renewal.standing(at(life - left));
            assert_eq!(standing, Standing::Critical, "{left} of {life}");
        }
        assert_eq!(renewal.standing(at(life + 1)), Standing::Expired);
    }
}

/// This test verifies that those whose lives are short come back one after the other, too, both when it is time and after a failure.
#[test]
fn short_lives_are_spread() {
    for life in [600, 3_600] {
        let first = |jitter| Renewal::of(valid(BEGIN, life), Jitter(jitter)).next();
        let spread = [0, 64, 128, 255].map(first);
        assert!(spread.is_sorted_by(|one, next| one > next), "{spread:?}");
        assert_eq!(spread[0], at(life / 3 * 2));
        assert_eq!(spread[3], at(life / 3 * 2 - life / 12));
        let again = |jitter| {
            let mut renewal = Renewal::of(valid(BEGIN, life), Jitter(0));
            renewal.failed(BEGIN, Outlook::MayPass, Jitter(jitter));
            renewal.next()
        };
        let spread = [0, 64, 128, 255].map(again);
        assert!(spread.is_sorted_by(|one, next| one > next), "{spread:?}");
        assert_eq!((spread[0], spread[3]), (at(30), at(23)));
    }
}

/// This test verifies that a certificate is looked at when it is due, and often enough before: a clock that is set, or a machine that has
/// slept, costs no more of a life than a try that has failed.
#[test]
fn it_is_looked_at_often_enough() {
    for life in [600, 3_600, 90 * DAY] {
        let validity = valid(BEGIN, life);
        let renewal = Renewal::of(validity, Jitter(0));
        assert_eq!(renewal.look_again(BEGIN), longest_pause(validity));
        assert_eq!(renewal.look_again(at(life / 3 * 2 - 7)), 7);
        assert_eq!(renewal.look_again(at(life)), 1);
    }
}

#[test]
fn tries_become_rarer_and_never_rare() {
    let life = valid(BEGIN, 7 * DAY);
    let mut renewal = Renewal::of(life, Jitter(0));
    let mut pauses = Vec::new();
    let mut now = renewal.next();
    for _ in 0..8 {
        renewal.failed(now, Outlook::MayPass, Jitter(0));
        pauses.push(renewal.next().as_secs() - now.as_secs());
        now = renewal.next();
    }
    assert_eq!(pauses, [393, 786, 1572, 3144, 6288, 12576, 12600, 12600]);
}

/// A certificate of an hour, of a day, of a week, of ninety days, of a year.
fn lives() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![3_600, DAY, 7 * DAY, 90 * DAY, 365 * DAY])
}

proptest! {
    /// This test verifies, over years of an authority that comes and goes as it likes, that a certificate runs out only if the authority
    /// was never there for as long as the longest pause since it was due.
    #[test]
    fn it_runs_out_only_if_there_was_no_authority(
        life in lives(),
        windows in prop::collection::vec((1_u32..2_000, 1_u32..2_000), 1..60),
        jitters in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut jitters = jitters.into_iter().cycle().map(Jitter);
        let mut jitter = || jitters.next().unwrap_or(Jitter(0));
        let first = valid(BEGIN, life);
        let longest = longest_pause(first);
        let mut renewal = Renewal::of(first, jitter());
        let (mut certificate, mut due, mut now) = (first, renewal.next(), BEGIN);
        for (down, up) in windows {
            // Windows from a share of a pause to a share of a life.
            let down = i64::from(down) * life / 2_000 + 1;
            let up = i64::from(up) * life / 20_000 + 1;
            let (back, gone) = (now.saturating_add(down), now.saturating_add(down + up));
            while renewal.next() < gone {
                let tried = renewal.next().max(now);
                if tried < back {
                    renewal.failed(tried, Outlook::MayPass, jitter());
                    continue;
                }
                certificate = valid(tried, life);
                renewal = Renewal::of(certificate, jitter());
                due = renewal.next();
            }
            // It was there long enough, and the certificate was due: then there is a new one.
            let found = back.max(due).saturating_add(longest);
            if found < gone {
                prop_assert!(certificate.contains(gone) || up > life / 3, "at {gone}");
            }
            now = gone;
        }
    }
}

/// A life that was begun an hour early, for clocks that are late, is over by two thirds when it comes: it is not renewed at once for that.
#[test]
fn what_has_just_come_is_not_due() {
    let begun_early = valid(at(-3_600), 3_600 + 600);
    assert!(Renewal::of(begun_early, Jitter(0)).is_due(BEGIN));
    let new = Renewal::of_new(begun_early, BEGIN, Jitter(0));
    assert_eq!(new.next(), at(400));
    assert_eq!(new.standing(BEGIN), Standing::Good);
    assert_eq!(new.standing(at(526)), Standing::Critical);
    // One that is over already is due all the same.
    let over = valid(at(-3_600), 600);
    assert!(Renewal::of_new(over, BEGIN, Jitter(255)).is_due(BEGIN));
}

/// This test verifies that those who failed together do not come back together, nor much earlier than one who waits for the whole pause; and
/// that what somebody has to mend is tried now and then only.
#[test]
fn tries_are_spread_and_what_needs_somebody_is_tried_rarely() {
    let life = valid(BEGIN, 7 * DAY);
    let pause = |outlook, jitter| {
        let mut renewal = Renewal::of(life, Jitter(0));
        renewal.failed(BEGIN, outlook, Jitter(jitter));
        renewal.next().as_secs() - BEGIN.as_secs()
    };
    let rarely = longest_pause(life);
    assert_eq!(pause(Outlook::NeedsSomebody, 0), rarely);
    let spread = [0, 64, 128, 255].map(|jitter| pause(Outlook::NeedsSomebody, jitter));
    assert!(spread.is_sorted_by(|one, next| one > next), "{spread:?}");
    assert!(spread[3] >= rarely * 3 / 4, "{spread:?}");
    assert!(pause(Outlook::MayPass, 0) < rarely / 8);
}
