//! `verify --archived`: a message that was stored, and how old it may be.

use super::super::trouble::Trouble;
use countersign::verification::archive::MAX_ARCHIVE_SECONDS;
use countersign::verification::{Archive, MemoryReplay};
use countersign_sip::message::{Message, Method};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// How old something may be that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age(u32);

/// The units that an age may have, in seconds.
const UNITS: [(char, u32); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3_600),
    ('d', 86_400),
    ('w', 7 * 86_400),
];

impl Age {
    /// The archive of one run, which remembers what it has judged and nothing of other runs.
    ///
    /// # Errors
    /// None for an age that was read.
    pub(super) fn archive(self) -> Result<Archive, Trouble> {
        Archive::new(self.0, Arc::new(MemoryReplay::default())).map_err(Trouble::Archive)
    }
}

impl FromStr for Age {
    type Err = NotAnAge;

    fn from_str(text: &str) -> Result<Self, NotAnAge> {
        let unit = UNITS
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
        let (digits, unit) = unit.ok_or(NotAnAge)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAge);
        }
        let count: u32 = digits.parse().map_err(|_| NotAnAge)?;
        match count.checked_mul(unit) {
            Some(seconds @ 1..=MAX_ARCHIVE_SECONDS) => Ok(Self(seconds)),
            _ => Err(NotAnAge),
        }
    }
}

/// Text that tells no age that anything may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAnAge;

impl fmt::Display for NotAnAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weeks = MAX_ARCHIVE_SECONDS / (7 * 86_400);
        write!(
            f,
            "give a number and s, m, h, d or w (90m, 24h, 3d), {weeks}w at most"
        )
    }
}

impl std::error::Error for NotAnAge {}

/// Refuses what nobody stores: a call is judged when it comes.
///
/// # Errors
/// [`Trouble::NotStored`] names the file.
pub(super) fn refuse_calls(message: &Message, file: PathBuf) -> Result<(), Trouble> {
    match message.method() {
        Some(Method::Message) => Ok(()),
        _ => Err(Trouble::NotStored(file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u32> {
        text.parse().ok().map(|age: Age| age.0)
    }

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("1s", 1),
            ("90m", 5_400),
            ("24h", 86_400),
            ("3d", 259_200),
            ("63w", MAX_ARCHIVE_SECONDS),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
            assert!(text.parse::<Age>().unwrap().archive().is_ok());
        }
        for text in [
            "",
            "s",
            "0s",
            "1",
            "-1s",
            "+1s",
            "1.5h",
            "1 h",
            "1H",
            "64w",
            "442d",
            "4294967296s",
            "99999999w",
            "h1",
            "1hh",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }
}
