//! A moment on the command line: Unix seconds, or a date and time of
//! [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339).
//!
//! The clock is not read here: `--at` and `--iat` stand in for it.

use countersign::time::UnixTime;
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
        UnixTime::from_rfc3339(text).map(Self).ok_or(NotAMoment)
    }
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
