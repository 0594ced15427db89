//! When a certificate is renewed, and when somebody has to be told that it is not.
//!
//! ```text
//!     not before                     2/3 of the life                   3/4      7/8        not after
//!         ├───────────────────────────┬──┬──────────────────────────────┬────────┬────────────┤
//!                              jitter ┘  └ tried, and tried again      late   critical     expired: no call is signed
//! ```
//!
//! Pure: how long a certificate lives, what became of each try and a random octet go in; when to try again comes out. The way to a
//! certificate is [`crate::enrolment`]'s.

use countersign::time::{UnixTime, Validity};

/// Of a life, so much is over when the next certificate is due: two thirds.
const DUE: (i64, i64) = (2, 3);

/// It is due up to this share of a life earlier, so that those who began together do not come back together.
const JITTER_SHARE: i64 = 12;

/// A quarter of its life is left: what has been tried since it was due has not helped.
const LATE_SHARE: i64 = 4;

/// An eighth of its life is left.
const CRITICAL_SHARE: i64 = 8;

/// Between two tries is at most this share of a life: sixteen tries while it is due, however long everything fails.
const LONGEST_SHARE: i64 = 48;

/// Longest pause between two tries, in seconds. Own decision: six hours, so that an authority that is back is found the same day.
const LONGEST_PAUSE: i64 = 6 * 3_600;

/// Shortest pause between two tries, in seconds: an authority that is down is not helped by more.
const SHORTEST_PAUSE: i64 = 30;

/// The first pause is this share of the longest; it doubles with each failure.
const FIRST_SHARE: i64 = 32;

/// A random octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(pub u8);

/// Whether a try that failed may come to something with nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It may.
    MayPass,
    /// Somebody has to do something; it is tried all the same, now and then.
    NeedsSomebody,
}

/// How a certificate stands. In the order of what has to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It will be renewed in time.
    Good,
    /// It should have been renewed, or somebody has to do something.
    Late,
    /// Little of its life is left.
    Critical,
    /// No call is signed with it.
    Expired,
}

/// The renewal of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    validity: Validity,
    next: UnixTime,
    failures: u32,
    outlook: Outlook,
}

impl Renewal {
    /// The renewal of a certificate of this life.
    pub fn of(validity: Validity, jitter: Jitter) -> Self {
        let life = life(validity);
        let due = validity.not_before.saturating_add(life / DUE.1 * DUE.0);
        let earlier = share(life / JITTER_SHARE, jitter);
        Self {
            validity,
            next: due.saturating_add(-earlier),
            failures: 0,
            outlook: Outlook::MayPass,
        }
    }

    /// The same of a certificate that has just come. Its life counts from now: authorities begin it earlier, for clocks that are late, and of
    /// a short one two thirds may be over when it comes.
    pub fn of_new(validity: Validity, now: UnixTime, jitter: Jitter) -> Self {
        let not_before = validity.not_before.max(now).min(validity.not_after);
        Self::of(
            Validity {
                not_before,
                ..validity
            },
            jitter,
        )
    }

    /// When the next certificate is ordered. It may be past: then now.
    pub fn next(&self) -> UnixTime {
        self.next
    }

    /// In how many seconds to look at it again: when the next certificate is ordered, and within the longest pause between two tries at
    /// least. Clocks are set and machines sleep, and a life of minutes would be over.
    pub fn look_again(&self, now: UnixTime) -> i64 {
        let left = self.next.as_secs().saturating_sub(now.as_secs());
        left.clamp(1, longest_pause(self.validity))
    }

    /// Whether it is time.
    pub fn is_due(&self, now: UnixTime) -> bool {
        self.next <= now
    }

    /// How often it has failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Until when one try may go on.
    pub fn deadline(&self, now: UnixTime) -> UnixTime {
        now.saturating_add(longest_pause(self.validity))
    }

    /// A try has come to nothing.
    pub fn failed(&mut self, now: UnixTime, outlook: Outlook, jitter: Jitter) {
        let longest = longest_pause(self.validity);
        let doubled = (longest / FIRST_SHARE).saturating_mul(1 << self.failures.min(16));
        let pause = match outlook {
            Outlook::MayPass => doubled.clamp(SHORTEST_PAUSE, longest),
            Outlook::NeedsSomebody => longest,
        };
        self.failures = self.failures.saturating_add(1);
        self.outlook = outlook;
        self.next = now.saturating_add(pause - share(pause / 4, jitter));
    }

    /// How it stands.
    pub fn standing(&self, now: UnixTime) -> Standing {
        let left = self.validity.not_after.as_secs() - now.as_secs();
        let life = life(self.validity);
        // RFC 8224 §6.1 step 3: "the authentication service MUST verify that both the Date header field and the current time fall
        // within the validity period of its credential." Until then it signs, and nothing else is said of it.
        if left < 0 {
            Standing::Expired
        } else if left < life / CRITICAL_SHARE {
            Standing::Critical
        } else if left < life / LATE_SHARE || self.outlook == Outlook::NeedsSomebody {
            Standing::Late
        } else {
            Standing::Good
        }
    }
}

/// Longest time between two tries, in seconds: whoever is back for longer than that is found.
pub fn longest_pause(validity: Validity) -> i64 {
    (life(validity) / LONGEST_SHARE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

fn life(validity: Validity) -> i64 {
    let (begin, end) = (validity.not_before.as_secs(), validity.not_after.as_secs());
    end.saturating_sub(begin).max(0)
}

fn share(whole: i64, jitter: Jitter) -> i64 {
    whole.saturating_mul(i64::from(jitter.0)) / i64::from(u8::MAX)
}

#[cfg(test)]
mod tests;
