//! Points in time, as arguments.
//!
//! This crate has no clock. Whoever calls it says what time it is: [`UnixTime`] for what certificates and PASSporTs speak of
//! (seconds since 1970, wall clock), [`Ticks`] for deadlines and timers (microseconds since an arbitrary start, never set
//! back), and [`Now`] for both at once. Nothing here sleeps, waits or reads a clock.

use std::fmt;
use std::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted: the NumericDate of
/// [RFC 7519 §2](https://www.rfc-editor.org/rfc/rfc7519#section-2), whole seconds only.
///
/// Negative values are times before 1970; a PASSporT may claim one, so the type can hold one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The time `seconds` after (or, negative, before) 1970-01-01T00:00:00Z.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn as_secs(self) -> i64 {
        self.0
    }

    /// `self` moved by `seconds`, stopping at the ends of the representable range.
    pub const fn saturating_add(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The time of a text of [RFC 3339 §5.6](https://www.rfc-editor.org/rfc/rfc3339#section-5.6), any offset; fractions of a second are
    /// dropped. `None` if it is none.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        rfc3339(text)
    }

    /// How far apart two times are, in seconds, whichever comes first.
    pub const fn abs_diff(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}

impl fmt::Display for UnixTime {
    /// `2015-09-25T19:12:25Z`, as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = CivilTime::from(*self);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
        )
    }
}

/// RFC 3339 §5.6: date-time = full-date "T" full-time. Fractions of a second are dropped.
fn rfc3339(text: &str) -> Option<UnixTime> {
    let fixed = text.get(..19)?;
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let bytes = fixed.as_bytes();
    // RFC 3339 §5.6: "Applications using this syntax may choose, for the sake of readability, to specify a full-date and
    // full-time separated by (say) a space character."
    let fits = separators
        .iter()
        .all(|(at, byte)| bytes.get(*at) == Some(byte))
        && matches!(bytes.get(10), Some(b'T' | b't' | b' '));
    if !fits {
        return None;
    }
    let small = |from: usize| two_digits(fixed.get(from..from + 2)?);
    let civil = CivilTime {
        year: i64::from(two_digits(fixed.get(..2)?)?) * 100
            + i64::from(two_digits(fixed.get(2..4)?)?),
        month: small(5)?,
        day: small(8)?,
        hour: small(11)?,
        minute: small(14)?,
        second: small(17)?,
    };
    let offset = offset_seconds(without_fraction(text.get(19..)?)?)?;
    Some(civil.to_unix()?.saturating_add(-offset))
}

/// time-secfrac = "." 1*DIGIT
fn without_fraction(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix('.') else {
        return Some(text);
    };
    let rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

/// time-offset = "Z" / time-numoffset, in seconds east of Greenwich.
fn offset_seconds(text: &str) -> Option<i64> {
    let east = match text.as_bytes() {
        [b'Z' | b'z'] => return Some(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (two_digits(text.get(1..3)?)?, two_digits(text.get(4..)?)?);
    let fits = hours < 24 && minutes < 60;
    fits.then(|| east * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn two_digits(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// A time of the proleptic Gregorian calendar in UTC.
///
/// # Example
/// ```
/// use countersign::time::{CivilTime, UnixTime};
/// let civil = CivilTime::from(UnixTime::from_secs(1_443_208_345));
/// assert_eq!((civil.year, civil.month, civil.day, civil.hour), (2015, 9, 25, 19));
/// assert_eq!(civil.to_unix(), Some(UnixTime::from_secs(1_443_208_345)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// Year, astronomical numbering.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
}

const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01; counting years from March puts the leap day last.
const DAYS_BEFORE_EPOCH: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

impl CivilTime {
    /// The same moment in Unix seconds; `None` if a field is out of its range or the day does not exist in that month.
    pub fn to_unix(self) -> Option<UnixTime> {
        let fields_fit = (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
            && (-9_999..=9_999).contains(&self.year);
        if !fields_fit {
            return None;
        }
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = if month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_EPOCH;
        let in_day =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        Some(UnixTime(days * SECONDS_PER_DAY + in_day))
    }

    /// Day of the week, 0 = Sunday.
    pub fn weekday(self) -> Option<u8> {
        let days = self.to_unix()?.0.div_euclid(SECONDS_PER_DAY);
        // 1970-01-01 was a Thursday.
        u8::try_from((days + 4).rem_euclid(7)).ok()
    }
}

impl From<UnixTime> for CivilTime {
    fn from(time: UnixTime) -> Self {
        let days = time
            .0
            .div_euclid(SECONDS_PER_DAY)
            .saturating_add(DAYS_BEFORE_EPOCH);
        let in_day = time.0.rem_euclid(SECONDS_PER_DAY);
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        // Each value below is bounded by the arithmetic above it; the cast cannot lose anything.
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
            hour: (in_day / 3600) as u8,
            minute: (in_day % 3600 / 60) as u8,
            second: (in_day % 60) as u8,
        }
    }
}

fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Microseconds since an arbitrary start that is the same for everything in one process and never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(u64);

impl Ticks {
    /// `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The tick `delay` later, stopping at the end of the representable range.
    pub fn after(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// Time passed since `earlier`; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// What time it is: the wall clock for tokens and certificates, the steady one for timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall clock.
    pub unix: UnixTime,
    /// Steady clock.
    pub ticks: Ticks,
}

/// A span of wall-clock time, both ends included:
/// [RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second of the span.
    pub not_before: UnixTime,
    /// Last second of the span.
    pub not_after: UnixTime,
}

impl Validity {
    /// Whether `time` lies in the span.
    // RFC 5280 §4.1.2.5: "The validity period for a certificate is the period of time from notBefore through notAfter,
    // inclusive."
    pub fn contains(&self, time: UnixTime) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    /// The times that lie in both spans.
    pub fn intersection(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_the_calendar_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_443_208_345, "2015-09-25T19:12:25Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime::from_secs(seconds).to_string(), text);
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        let civil = |year, month, day| CivilTime {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        };
        for missing in [
            civil(2023, 2, 29),
            civil(1900, 2, 29),
            civil(2024, 4, 31),
            civil(2024, 13, 1),
            civil(2024, 0, 1),
        ] {
            assert_eq!(missing.to_unix(), None, "{missing:?}");
        }
        assert!(civil(2000, 2, 29).to_unix().is_some());
    }

    #[test]
    fn weekdays() {
        let date = CivilTime::from(UnixTime::from_secs(1_443_208_345));
        assert_eq!(date.weekday(), Some(5), "2015-09-25 was a Friday");
    }

    proptest::proptest! {
        #[test]
        fn calendar_and_seconds_agree(seconds in -60_000_000_000_i64..253_402_300_799) {
            let time = UnixTime::from_secs(seconds);
            proptest::prop_assert_eq!(CivilTime::from(time).to_unix(), Some(time));
        }

        #[test]
        fn no_time_panics(seconds: i64) {
            let _ = UnixTime::from_secs(seconds).to_string();
        }
    }
}
