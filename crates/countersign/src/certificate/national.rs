//! Numbers by country: national profiles as data, and which numbers a trust domain may judge.
//!
//! A [`Profile`] is read from a small text, line by line:
//!
//! ```text
//!     # a comment
//!     profile north-america             its name, once
//!     plan 1 10                         a country code, and how many digits follow it: 10, or 6-9
//!     region us 1                       numbers that begin so belong to this region; the longest prefix decides
//!     region us+canada 1800 1888        numbers that several regions share
//!     portability 0123                  prefixes that name the operator a number was ported to
//! ```
//!
//! Two are built in, [`NORTH_AMERICA`] and [`FRANCE`]; whoever knows better brings a file. A [`NumberScope`] is made of
//! names of profiles and regions, and of plain prefixes.
//!
//! What lives elsewhere: how numbers are completed when they arrive ([`crate::number::NumberingPlan`]), whom a certificate
//! authorizes ([`super::authority`]).

use super::tnauthlist::ServiceProviderCode;
use crate::identity::Identity;
use crate::number::TelephoneNumber;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

/// North America: `us`, `canada`, `caribbean`. What it was compared with, and when, stands in its text.
pub static NORTH_AMERICA: LazyLock<Arc<Profile>> =
    LazyLock::new(|| built_in(include_str!("national/north-america.profile")));

/// France: `metropolitan-france`, `french-overseas`.
pub static FRANCE: LazyLock<Arc<Profile>> =
    LazyLock::new(|| built_in(include_str!("national/france.profile")));

/// The profiles that are built in.
pub fn profiles() -> [Arc<Profile>; 2] {
    [Arc::clone(&NORTH_AMERICA), Arc::clone(&FRANCE)]
}

/// A test reads every text that is built in.
fn built_in(text: &str) -> Arc<Profile> {
    Arc::new(Profile::parse(text).unwrap_or_default())
}

/// Largest text of a profile, in bytes: every block of ten thousand numbers of a large country fits.
pub const MAX_PROFILE: usize = 4 * 1024 * 1024;

/// Most regions that share a prefix: North America has 20 countries.
pub const MAX_SHARING: usize = 32;

/// The numbers of a country, or of countries that share a country code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    name: Box<str>,
    /// How many digits follow each country code.
    plans: Table<RangeInclusive<usize>>,
    /// Which regions have the numbers that begin so.
    prefixes: Table<Arc<[Box<str>]>>,
    /// Sorted, each once.
    regions: Vec<Box<str>>,
    /// Sorted, each once.
    portability: Vec<TelephoneNumber>,
}

/// What is said of prefixes: sorted by prefix, each once.
type Table<T> = Vec<(TelephoneNumber, T)>;

impl Profile {
    /// Reads the text of a profile.
    ///
    /// # Errors
    /// [`ProfileError`] if it is no profile; the first mistake, with its line.
    ///
    /// # Example
    /// ```
    /// use countersign::certificate::national::Profile;
    /// let profile = Profile::parse("profile lab\nplan 999 4-8\nregion lab 999\nportability 51")?;
    /// assert_eq!(profile.name(), "lab");
    /// assert_eq!(profile.regions_of("9995550100".parse().unwrap()), [Box::from("lab")]);
    /// assert!(profile.regions_of("999555".parse().unwrap()).is_empty(), "too short for the plan");
    /// # Ok::<(), countersign::certificate::national::ProfileError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let at = |line, cause| ProfileError { line, cause };
        if text.len() > MAX_PROFILE {
            return Err(at(0, ProfileMistake::TooLarge));
        }
        let mut profile = Self::default();
        for (index, line) in text.lines().enumerate() {
            let said = line.split('#').next().unwrap_or_default();
            profile.take(said).map_err(|cause| at(index + 1, cause))?;
        }
        if profile.name.is_empty() {
            return Err(at(0, ProfileMistake::NoName));
        }
        profile.finish().map_err(|cause| at(0, cause))
    }

    fn take(&mut self, line: &str) -> Result<(), ProfileMistake> {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            None => return Ok(()),
            Some("profile") if self.name.is_empty() => {
                self.name = name(words.next())?;
            }
            Some("plan") => self
                .plans
                .push((digits(words.next())?, lengths(words.next())?)),
            Some("region") => {
                let names = names(words.next().unwrap_or_default())?;
                self.regions.extend(names.iter().cloned());
                for prefix in words.by_ref() {
                    let prefix = digits(Some(prefix))?;
                    self.prefixes.push((prefix, Arc::clone(&names)));
                }
            }
            Some("portability") => {
                for prefix in words.by_ref() {
                    self.portability.push(digits(Some(prefix))?);
                }
            }
            Some(_) => return Err(ProfileMistake::Word),
        }
        match words.next() {
            None => Ok(()),
            Some(_) => Err(ProfileMistake::Word),
        }
    }

    fn finish(mut self) -> Result<Self, ProfileMistake> {
        sort(&mut self.plans)?;
        sort(&mut self.prefixes)?;
        self.regions.sort_unstable();
        self.regions.dedup();
        self.portability.sort_unstable();
        self.portability.dedup();
        let unplanned =
            |(prefix, _): &&(TelephoneNumber, _)| longest(&self.plans, *prefix).is_none();
        match self.prefixes.iter().find(unplanned) {
            Some((prefix, _)) => Err(ProfileMistake::NoPlan(*prefix)),
            None => Ok(self),
        }
    }

    /// The name of the profile.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its regions: sorted, each once.
    pub fn regions(&self) -> &[Box<str>] {
        &self.regions
    }

    /// The regions that `number` belongs to: those of the longest prefix it begins with. None if its length is not one that
    /// the plan has.
    pub fn regions_of(&self, number: TelephoneNumber) -> &[Box<str>] {
        let planned = longest(&self.plans, number)
            .is_some_and(|(country, lengths)| lengths.contains(&(number.len() - country.len())));
        let found = longest(&self.prefixes, number).filter(|_| planned);
        found.map_or(&[], |(_, regions)| regions)
    }

    /// Whether `code` is one of the portability prefixes.
    pub fn is_portability_prefix(&self, code: &ServiceProviderCode) -> bool {
        let code = code.as_str().as_bytes();
        let by_text = |prefix: &TelephoneNumber| prefix.as_bytes().cmp(code);
        self.portability.binary_search_by(by_text).is_ok()
    }
}

/// Brings a table into order.
fn sort<T>(table: &mut [(TelephoneNumber, T)]) -> Result<(), ProfileMistake> {
    table.sort_by_key(|(prefix, _)| *prefix);
    let mut pairs = table.iter().zip(table.iter().skip(1));
    match pairs.find(|(one, next)| one.0 == next.0) {
        Some(((prefix, _), _)) => Err(ProfileMistake::Repeated(*prefix)),
        None => Ok(()),
    }
}

/// The row of the longest prefix that `number` begins with: one search for each length.
fn longest<T>(
    table: &[(TelephoneNumber, T)],
    number: TelephoneNumber,
) -> Option<&(TelephoneNumber, T)> {
    (1..=number.len()).rev().find_map(|length| {
        let wanted = number.as_bytes().get(..length)?;
        let found = table.binary_search_by(|(prefix, _)| prefix.as_bytes().cmp(wanted));
        table.get(found.ok()?)
    })
}

fn names(word: &str) -> Result<Arc<[Box<str>]>, ProfileMistake> {
    let names: Vec<_> = word
        .split('+')
        .take(MAX_SHARING + 1)
        .map(|one| name(Some(one)))
        .collect::<Result<_, _>>()?;
    match names.len() {
        ..=MAX_SHARING => Ok(names.into()),
        _ => Err(ProfileMistake::TooManySharing),
    }
}

fn name(word: Option<&str>) -> Result<Box<str>, ProfileMistake> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match word {
        Some(word)
            if word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.bytes().all(fits) =>
        {
            Ok(word.into())
        }
        _ => Err(ProfileMistake::Name),
    }
}

fn digits(word: Option<&str>) -> Result<TelephoneNumber, ProfileMistake> {
    let number: Option<TelephoneNumber> = word.and_then(|word| word.parse().ok());
    number
        .filter(|number| number.digits().is_some())
        .ok_or(ProfileMistake::Digits)
}

fn lengths(word: Option<&str>) -> Result<RangeInclusive<usize>, ProfileMistake> {
    let word = word.unwrap_or_default();
    let (least, most) = word.split_once('-').unwrap_or((word, word));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if least <= most => Ok(least..=most),
        _ => Err(ProfileMistake::Digits),
    }
}

/// Why some text is not a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileError {
    /// Which line, counted from 1; 0 if it is none in particular.
    pub line: usize,
    /// What is wrong with it.
    pub cause: ProfileMistake,
}

/// What can be wrong with a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileMistake {
    /// Digits are missing, or what stands there is none.
    Digits,
    /// A name is missing, or has other characters than small letters, digits and dashes, or begins with no letter.
    Name,
    /// The profile has no name.
    NoName,
    /// A prefix begins with no country code that has a plan.
    NoPlan(TelephoneNumber),
    /// A prefix stands there twice.
    Repeated(TelephoneNumber),
    /// More than [`MAX_PROFILE`] bytes.
    TooLarge,
    /// More than [`MAX_SHARING`] regions share a prefix.
    TooManySharing,
    /// A word that does not belong there.
    Word,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        match self.cause {
            ProfileMistake::Digits => f.write_str("digits are missing"),
            ProfileMistake::Name => f.write_str("a name has small letters, digits and dashes"),
            ProfileMistake::NoName => f.write_str("the profile has no name"),
            ProfileMistake::NoPlan(prefix) => {
                write!(f, "no country code with a plan is at the start of {prefix}")
            }
            ProfileMistake::Repeated(prefix) => write!(f, "the prefix {prefix} stands there twice"),
            ProfileMistake::TooLarge => write!(f, "more than {MAX_PROFILE} bytes"),
            ProfileMistake::TooManySharing => {
                write!(f, "more than {MAX_SHARING} regions share a prefix")
            }
            ProfileMistake::Word => f.write_str("a word that does not belong there"),
        }
    }
}

impl std::error::Error for ProfileError {}

/// Which numbers a trust domain may judge.
///
/// # Example
/// ```
/// use countersign::certificate::NumberScope;
/// use countersign::identity::Identity;
/// let canada = NumberScope::of(&["canada"])?;
/// let number = |text: &str| Identity::Number(text.parse().unwrap());
/// assert!(canada.contains(&number("16135550100")) && canada.contains(&number("18005550100")));
/// assert!(!canada.contains(&number("12025550100")) && !canada.contains(&number("33199000000")));
/// # Ok::<(), countersign::certificate::national::UnknownScope>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberScope(Option<Box<[Part]>>);

/// One part of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Prefix(TelephoneNumber),
    Profile(Arc<Profile>),
    Region(Arc<Profile>, Box<str>),
}

impl NumberScope {
    /// Every number, and every other identity.
    pub fn all() -> Self {
        Self(None)
    }

    /// The numbers of these profiles and regions, and those that begin with these digits (a `+` in front is dropped).
    ///
    /// # Errors
    /// [`UnknownScope`] if neither profile nor region is called so.
    pub fn of(names: &[&str]) -> Result<Self, UnknownScope> {
        Self::with_profiles(names, &profiles())
    }

    /// The same, by these profiles only.
    ///
    /// # Errors
    /// [`UnknownScope`], as [`NumberScope::of`].
    pub fn with_profiles(names: &[&str], profiles: &[Arc<Profile>]) -> Result<Self, UnknownScope> {
        let parts = names.iter().map(|name| Part::of(name, profiles));
        parts
            .collect::<Result<_, _>>()
            .map(|parts| Self(Some(parts)))
    }

    /// Whether `identity` belongs to it. An identity that is not a number belongs to [`NumberScope::all`] only.
    pub fn contains(&self, identity: &Identity) -> bool {
        match (&self.0, identity) {
            (None, _) => true,
            (Some(parts), Identity::Number(number)) => {
                parts.iter().any(|part| part.contains(*number))
            }
            (Some(_), Identity::Uri(_)) => false,
        }
    }
}

impl Part {
    fn of(name: &str, profiles: &[Arc<Profile>]) -> Result<Self, UnknownScope> {
        let prefix = name.strip_prefix('+').unwrap_or(name);
        if let Ok(prefix) = digits(Some(prefix)) {
            return Ok(Self::Prefix(prefix));
        }
        let whole = profiles.iter().find(|profile| profile.name() == name);
        let has_region = |profile: &&Arc<Profile>| {
            let at = profile
                .regions
                .binary_search_by(|region| (**region).cmp(name));
            at.is_ok()
        };
        let part = profiles.iter().find(has_region);
        match (whole, part) {
            (Some(profile), _) => Ok(Self::Profile(Arc::clone(profile))),
            (None, Some(profile)) => Ok(Self::Region(Arc::clone(profile), name.into())),
            (None, None) => Err(UnknownScope(name.into())),
        }
    }

    fn contains(&self, number: TelephoneNumber) -> bool {
        match self {
            Self::Prefix(prefix) => number.as_bytes().starts_with(prefix.as_bytes()),
            Self::Profile(profile) => !profile.regions_of(number).is_empty(),
            Self::Region(profile, region) => profile.regions_of(number).contains(region),
        }
    }
}

/// No profile and no region has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownScope(pub Box<str>);

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is neither a prefix of numbers nor the name of a national profile or a region",
            self.0
        )
    }
}

impl std::error::Error for UnknownScope {}

#[cfg(test)]
mod tests;
