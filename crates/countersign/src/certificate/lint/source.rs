//! The documents that rules come from, and since when each of them binds.
//!
//! A rule binds a certificate that was issued (its notBefore) when the document was in force. The certificate policies and
//! profiles of SHAKEN give end entities, which are renewed all the time, some days more than authorities.

use crate::time::{CivilTime, UnixTime};

const SECONDS_PER_DAY: i64 = 86_400;

/// A document with rules for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// ATIS-1000080.v003, the SHAKEN certificate profile.
    Atis1000080V003,
    /// ATIS-1000080.v004.
    Atis1000080V004,
    /// ATIS-1000080.v005.
    Atis1000080V005,
    /// RFC 5280, with the date of RFC 2459, which had asked the same.
    Rfc2459,
    /// RFC 5280, with the date of RFC 3280, which had asked the same.
    Rfc3280,
    /// RFC 5280.
    Rfc5280,
    /// RFC 8226.
    Rfc8226,
    /// RFC 9060.
    Rfc9060,
    /// RFC 9118.
    Rfc9118,
    /// RFC 9608.
    Rfc9608,
    /// The United States SHAKEN Certificate Policy, version 1.3.
    UsCp13,
    /// The same, version 1.4.
    UsCp14,
}

/// Days between the date of a profile and the day it binds end entities: the leaf date of the public lints.
const PROFILE_GRACE: i64 = 90;
/// The same for version 1.3 of the certificate policy.
const POLICY_13_GRACE: i64 = 145;

impl Source {
    /// How the document is cited.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The first moment at which an authority issues under it.
    pub fn since(self) -> UnixTime {
        let (_, (year, month, day), _) = self.facts();
        let date = CivilTime {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        };
        // Every date below is one of the calendar, which a test holds; the end of time would bind nobody.
        date.to_unix().unwrap_or(UnixTime::from_secs(i64::MAX))
    }

    /// The first moment at which an end entity certificate is issued under it.
    pub fn since_for_end_entities(self) -> UnixTime {
        let (_, _, grace) = self.facts();
        self.since().saturating_add(grace * SECONDS_PER_DAY)
    }

    /// Name, date, and days of grace for end entities.
    const fn facts(self) -> (&'static str, (i64, u8, u8), i64) {
        match self {
            Self::Atis1000080V003 => ("ATIS-1000080.v003", (2020, 9, 4), PROFILE_GRACE),
            Self::Atis1000080V004 => ("ATIS-1000080.v004", (2021, 10, 18), PROFILE_GRACE),
            Self::Atis1000080V005 => ("ATIS-1000080.v005", (2022, 12, 12), PROFILE_GRACE),
            Self::Rfc2459 => ("RFC 5280 (since RFC 2459)", (1999, 1, 1), 0),
            Self::Rfc3280 => ("RFC 5280 (since RFC 3280)", (2002, 4, 1), 0),
            Self::Rfc5280 => ("RFC 5280", (2008, 5, 1), 0),
            Self::Rfc8226 => ("RFC 8226", (2018, 2, 1), 0),
            Self::Rfc9060 => ("RFC 9060", (2021, 9, 1), 0),
            Self::Rfc9118 => ("RFC 9118", (2021, 8, 1), 0),
            Self::Rfc9608 => ("RFC 9608", (2024, 6, 1), 0),
            Self::UsCp13 => (
                "United States SHAKEN CP 1.3",
                (2021, 8, 18),
                POLICY_13_GRACE,
            ),
            Self::UsCp14 => ("United States SHAKEN CP 1.4", (2023, 6, 6), PROFILE_GRACE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaf_dates_are_the_documents_dates_and_some_days() {
        for (source, authorities, end_entities) in [
            (Source::Atis1000080V003, "2020-09-04", "2020-12-03"),
            (Source::Atis1000080V004, "2021-10-18", "2022-01-16"),
            (Source::Atis1000080V005, "2022-12-12", "2023-03-12"),
            (Source::Rfc2459, "1999-01-01", "1999-01-01"),
            (Source::Rfc3280, "2002-04-01", "2002-04-01"),
            (Source::Rfc5280, "2008-05-01", "2008-05-01"),
            (Source::Rfc8226, "2018-02-01", "2018-02-01"),
            (Source::Rfc9060, "2021-09-01", "2021-09-01"),
            (Source::Rfc9118, "2021-08-01", "2021-08-01"),
            (Source::Rfc9608, "2024-06-01", "2024-06-01"),
            (Source::UsCp13, "2021-08-18", "2022-01-10"),
            (Source::UsCp14, "2023-06-06", "2023-09-04"),
        ] {
            assert_eq!(
                source.since().to_string(),
                format!("{authorities}T00:00:00Z")
            );
            let later = source.since_for_end_entities().to_string();
            assert_eq!(later, format!("{end_entities}T00:00:00Z"), "{source:?}");
        }
    }
}
