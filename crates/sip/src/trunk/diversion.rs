//! Calls that go somewhere else than to whom their PASSporTs name: whose diversions are signed, and which numbers we forward.
//!
//! Data, and the text form of the table. What becomes of a request is decided in `crate::retarget`; who signs is the host's.

use countersign::number::{NotATelephoneNumber, TelephoneNumber};
use std::collections::HashMap;
use std::fmt;

/// Most numbers that one table forwards: 16 MB of memory, and more customers than forward their calls in one switch.
pub const MAX_FORWARDS: usize = 262_144;

/// That the diversions of a trunk's calls are signed: those its peer made before, by another Request-URI, and those of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diversions {
    /// The numbers whose calls go on to others.
    pub forwards: Forwards,
}

/// Numbers, and those that their calls go to instead. Looked at once for each call: where that leads is not looked up again.
///
/// One entry a line, E.164 with the country code; one `+` in front is dropped:
///
/// ```text
/// # called, goes to
/// 12025550101,12025550110
/// ```
///
/// # Example
/// ```
/// use countersign_sip::trunk::Forwards;
/// let forwards = Forwards::parse("12025550101,12025550110 # on holiday\n")?;
/// assert_eq!(forwards.target("12025550101".parse()?), Some("12025550110".parse()?));
/// assert_eq!(forwards.target("12025550110".parse()?), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwards {
    targets: HashMap<TelephoneNumber, TelephoneNumber>,
}

impl Forwards {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`ForwardsError`] names the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, ForwardsError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut targets = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let at = |cause| ForwardsError {
                line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                cause,
            };
            let Some((called, target)) = entry(line).map_err(at)? else {
                continue;
            };
            if targets.len() == MAX_FORWARDS {
                return Err(at(ForwardsFault::TooMany));
            }
            if targets.insert(called, target).is_some() {
                return Err(at(ForwardsFault::Twice));
            }
        }
        Ok(Self { targets })
    }

    /// Where the calls of a number go.
    pub fn target(&self, called: TelephoneNumber) -> Option<TelephoneNumber> {
        self.targets.get(&called).copied()
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether nothing is forwarded.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

fn entry(line: &str) -> Result<Option<(TelephoneNumber, TelephoneNumber)>, ForwardsFault> {
    let line = line.split('#').next().unwrap_or_default().trim();
    if line.is_empty() {
        return Ok(None);
    }
    let (called, target) = line.split_once(',').ok_or(ForwardsFault::Form)?;
    let (called, target) = (number(called)?, number(target)?);
    match called == target {
        true => Err(ForwardsFault::Itself),
        false => Ok(Some((called, target))),
    }
}

fn number(text: &str) -> Result<TelephoneNumber, ForwardsFault> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let number = TelephoneNumber::from_canonical(digits.as_bytes());
    let number = number.map_err(ForwardsFault::Number)?;
    match number.is_e164() {
        true => Ok(number),
        false => Err(ForwardsFault::NotGlobal),
    }
}

/// A line of the table that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardsError {
    /// Which line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub cause: ForwardsFault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardsFault {
    /// Not two values with a comma between them.
    Form,
    /// A number is forwarded to itself.
    Itself,
    /// A number without its country code.
    NotGlobal,
    /// Not a number.
    Number(NotATelephoneNumber),
    /// More than [`MAX_FORWARDS`].
    TooMany,
    /// The number has an entry already.
    Twice,
}

impl fmt::Display for ForwardsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.cause {
            ForwardsFault::Form => f.write_str("not two numbers with a comma between them"),
            ForwardsFault::Itself => f.write_str("the number is forwarded to itself"),
            ForwardsFault::NotGlobal => {
                f.write_str("the number must have its country code: 12025550101")
            }
            ForwardsFault::Number(error) => write!(f, "{error}"),
            ForwardsFault::TooMany => write!(f, "more than {MAX_FORWARDS} numbers"),
            ForwardsFault::Twice => f.write_str("the number has an entry already"),
        }
    }
}

impl std::error::Error for ForwardsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> (u32, ForwardsFault) {
        let error = Forwards::parse(text).unwrap_err();
        (error.line, error.cause)
    }

    #[test]
    fn numbers_comments_and_empty_lines() {
        let text = "\u{feff}# called, goes to\r\n\r\n +12025550101 , 12025550110 # away\r\n12025550102,12025550110\n";
        let forwards = Forwards::parse(text).unwrap();
        let target = |called: &str| forwards.target(called.parse().unwrap());
        assert_eq!(forwards.len(), 2);
        assert_eq!(target("12025550101"), Some("12025550110".parse().unwrap()));
        assert_eq!(target("12025550102"), target("12025550101"));
        assert_eq!(target("12025550110"), None);
        assert!(Forwards::parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let twice = "12025550101,12025550110\n12025550101,12025550111";
        assert_eq!(fault(twice), (2, ForwardsFault::Twice));
        assert_eq!(fault("\n12025550101"), (2, ForwardsFault::Form));
        let itself = "12025550101,+12025550101";
        assert_eq!(fault(itself), (1, ForwardsFault::Itself));
        let emergency = "12025550101,911";
        assert_eq!(fault(emergency), (1, ForwardsFault::NotGlobal));
        let (_, cause) = fault("12025550101,12025550110,12025550111");
        assert!(matches!(cause, ForwardsFault::Number(_)), "{cause:?}");
    }

    proptest! {
        /// A table is read as it was written, whatever stands around the numbers.
        #[test]
        fn what_is_written_is_read(
            table in prop::collection::hash_map(2_000_000_000_u64..6_000_000_000, 6_000_000_000_u64..9_000_000_000, 0..20),
            around in "[ \t]{0,3}", comment in "( #[ -~]{0,10})?", end in "\r?\n( *#.{0,5})?\n",
        ) {
            let line = |(called, target): (&u64, &u64)| format!("{around}+{called}{around},{target}{comment}{end}");
            let text: String = table.iter().map(line).collect();
            let read = Forwards::parse(&text).unwrap();
            prop_assert_eq!(read.len(), table.len());
            for (called, target) in table {
                let called = called.to_string().parse().unwrap();
                prop_assert_eq!(read.target(called), Some(target.to_string().parse().unwrap()));
            }
        }

        /// Whatever the file is, it is read or its mistake has a line.
        #[test]
        fn any_text_is_read_or_refused(text in "([0-9+, #\r\n]|12025550101|12025550110){0,40}") {
            if let Err(error) = Forwards::parse(&text) {
                let lines = u32::try_from(text.lines().count()).unwrap();
                prop_assert!((1..=lines).contains(&error.line), "{}", error);
            }
        }
    }
}
