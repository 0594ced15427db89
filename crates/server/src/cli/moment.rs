//! A moment on the command line: Unix seconds, or a date and time of
//! [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339).
//!
//! The clock is not read here: `--at` and `--iat` stand in for it.

use countersign::time::{CivilTime, UnixTime};
use std::fmt;
use std::str::FromStr;

/// A moment that somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) UnixTime);

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let seconds = text.strip_prefix('-').unwrap_or(text);
        if !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit()) {
            let seconds = text.parse().map_err(|_| NotAMoment)?;
            return Ok(Self(UnixTime::from_secs(seconds)));
        }
        rfc3339(text).map(Self).ok_or(NotAMoment)
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

/// Text that tells no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAMoment;

impl fmt::Display for NotAMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give Unix seconds (1793836800) or RFC 3339 (2026-11-05T00:00:00Z)")
    }
}

impl std::error::Error for NotAMoment {}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        text.parse().ok().map(|moment: Moment| moment.0.as_secs())
    }

    #[test]
    fn one_moment_in_every_writing() {
        for text in [
            "1443208345",
            "2015-09-25T19:12:25Z",
            "2015-09-25t19:12:25z",
            "2015-09-25 19:12:25Z",
            "2015-09-25T19:12:25.999Z",
            "2015-09-25T21:12:25+02:00",
            "2015-09-25T13:42:25.0-05:30",
        ] {
            assert_eq!(seconds(text), Some(1_443_208_345), "{text}");
        }
        assert_eq!(seconds("-1"), Some(-1));
    }

    #[test]
    fn what_tells_no_moment_is_refused() {
        for text in [
            "",
            "-",
            "now",
            "1443208345s",
            "99999999999999999999",
            "2015-09-25",
            "2015-09-25T19:12:25",
            "2015-09-25T19:12Z",
            "2015-02-29T00:00:00Z",
            "2015-09-25T24:00:00Z",
            "2015-09-25T19:12:25.Z",
            "2015-09-25T19:12:25+2:00",
            "2015-09-25T19:12:25+24:00",
            "+015-09-25T19:12:25Z",
            "2015-09-25T19:12:25ZZ",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_moment_is_read_as_it_is_written(time in -62_167_219_200_i64..253_402_300_799) {
            let written = UnixTime::from_secs(time).to_string();
            proptest::prop_assert_eq!(seconds(&written), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[-0-9T:.Z+ ]{19,26}") {
            let _ = seconds(&text);
        }
    }
}
