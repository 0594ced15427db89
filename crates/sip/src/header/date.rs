//! Date, RFC 3261 §20.17: `Sat, 13 Nov 2010 23:29:00 GMT` and nothing else, read and written.

use crate::grammar::number;
use countersign::time::{CivilTime, UnixTime};

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The moment a Date value tells; `None` if it is not exactly a SIP-date, or names a day that does not exist or another day
/// of the week.
///
/// # Example
/// ```
/// use countersign_sip::header::sip_date;
/// assert_eq!(sip_date(b"Fri, 25 Sep 2015 19:12:25 GMT").unwrap().as_secs(), 1_443_208_345);
/// assert_eq!(sip_date(b"Fri, 25 Sep 2015 14:12:25 EST"), None);
/// ```
// RFC 3261 §20.17: "Unlike HTTP/1.1, SIP only supports the most recent RFC 1123 [20] format for dates. As in [H3.3], SIP
// restricts the time zone in SIP-date to "GMT", while RFC 1123 allows any time zone."
pub fn sip_date(value: &[u8]) -> Option<UnixTime> {
    // rfc1123-date = wkday "," SP date1 SP time SP "GMT"; "An RFC 1123 date is case-sensitive."
    let (weekday, rest) = (value.get(..3)?, value.get(3..)?.strip_prefix(b", ")?);
    let separators_fit = value.len() == 29
        && [
            (2, b' '),
            (6, b' '),
            (11, b' '),
            (14, b':'),
            (17, b':'),
            (20, b' '),
        ]
        .iter()
        .all(|(at, byte)| rest.get(*at) == Some(byte));
    if !separators_fit || rest.get(21..)? != b"GMT" {
        return None;
    }
    let field = |from: usize, to: usize| number(rest.get(from..to)?);
    let small = |from: usize, to: usize| u8::try_from(field(from, to)?).ok();
    let month = MONTHS
        .iter()
        .position(|name| Some(name.as_bytes()) == rest.get(3..6))?;
    let date = CivilTime {
        year: i64::from(field(7, 11)?),
        month: u8::try_from(month + 1).ok()?,
        day: small(0, 2)?,
        hour: small(12, 14)?,
        minute: small(15, 17)?,
        second: small(18, 20)?,
    };
    let named = WEEKDAYS
        .iter()
        .position(|name| name.as_bytes() == weekday)?;
    (usize::from(date.weekday()?) == named).then_some(())?;
    date.to_unix()
}

/// The Date value that tells `time`, for years 0 to 9999.
///
/// # Example
/// ```
/// use countersign::time::UnixTime;
/// use countersign_sip::header::sip_date_text;
/// assert_eq!(sip_date_text(UnixTime::from_secs(1_443_208_345)), "Fri, 25 Sep 2015 19:12:25 GMT");
/// ```
pub fn sip_date_text(time: UnixTime) -> String {
    let civil = CivilTime::from(time);
    let name = |names: &[&'static str], index: Option<u8>| {
        let name = index.and_then(|index| names.get(usize::from(index)));
        name.copied().unwrap_or_default()
    };
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        name(&WEEKDAYS, civil.weekday()),
        civil.day,
        name(&MONTHS, civil.month.checked_sub(1)),
        civil.year,
        civil.hour,
        civil.minute,
        civil.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_they_are_read() {
        for seconds in [0, 951_782_399, 1_443_208_345, 1_700_000_000] {
            let time = UnixTime::from_secs(seconds);
            assert_eq!(sip_date(sip_date_text(time).as_bytes()), Some(time));
        }
    }

    #[test]
    fn the_date_of_the_rfc() {
        let date = sip_date(b"Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
        assert_eq!(date.to_string(), "2010-11-13T23:29:00Z");
    }

    #[test]
    fn what_is_no_sip_date_is_refused() {
        for value in [
            "",
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Sun, 13 Nov 2010 23:29:00 GMT",
            "Sat, 13 nov 2010 23:29:00 GMT",
            "Sat, 13 Nov 2010 23:29:60 GMT",
            "Sat, 13 Nov 2010 24:00:00 GMT",
            "Sat, 31 Nov 2010 23:29:00 GMT",
            "Sat, 13 Nov 2010 23:29:00 +0000",
            "Sat, 13 Nov 2010 23:29:00 GMT ",
            "Sat, 13 Nov 10 23:29:00 GMT",
            "Saturday, 13-Nov-10 23:29:00 GMT",
            "Sat Nov 13 23:29:00 2010",
            "Sat, +3 Nov 2010 23:29:00 GMT",
        ] {
            assert_eq!(sip_date(value.as_bytes()), None, "{value}");
        }
    }
}
