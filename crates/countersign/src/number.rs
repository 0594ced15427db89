//! Telephone numbers: one canonical form, and ranges of them.
//!
//! A [`TelephoneNumber`] is always canonical in the sense of
//! [RFC 8224 §8.3](https://www.rfc-editor.org/rfc/rfc8224#section-8.3): one or more of `0`–`9`, `#`, `*`, nothing else. What
//! people and switches write (`+1(202)555-0100`, `2025550100`) becomes one through a [`NumberingPlan`], which says how a
//! number without a country code is completed. [`TelephoneNumberRange`] is the block of
//! [RFC 8226 §9](https://www.rfc-editor.org/rfc/rfc8226#section-9).
//!
//! What lives elsewhere: finding a number in a URI ([`crate::identity`]), lists of ranges in certificates
//! (`certificate::tnauthlist`).

use std::fmt;
use std::str::FromStr;

/// Longest telephone number we hold, in characters.
///
/// E.164 ends at 15 digits and RFC 8226 §9 gives `TelephoneNumber` a size of 1..15; dial strings with carrier prefixes are
/// longer, but nobody can have authority over one. What is longer is not a telephone number.
pub const MAX_TELEPHONE_NUMBER: usize = 15;

/// A telephone number in canonical form: 1 to 15 of `0`–`9`, `#`, `*`.
///
/// Fits in 16 bytes, is `Copy`, orders as text does.
///
/// # Example
/// ```
/// use countersign::number::TelephoneNumber;
/// let number: TelephoneNumber = "12025550100".parse()?;
/// assert_eq!(number.as_str(), "12025550100");
/// assert!("+12025550100".parse::<TelephoneNumber>().is_err(), "canonical form has no plus");
/// # Ok::<(), countersign::number::NotATelephoneNumber>(())
/// ```
#[derive(Clone, Copy)]
pub struct TelephoneNumber {
    length: u8,
    characters: [u8; MAX_TELEPHONE_NUMBER],
}

impl TelephoneNumber {
    /// Reads the canonical form; nothing is dropped or added.
    ///
    /// # Errors
    /// [`NotATelephoneNumber`] if `text` is empty, longer than [`MAX_TELEPHONE_NUMBER`] or has any other character.
    pub fn from_canonical(text: &[u8]) -> Result<Self, NotATelephoneNumber> {
        if text.is_empty() {
            return Err(NotATelephoneNumber::Empty);
        }
        let mut builder = Builder::default();
        for &character in text {
            if !is_tn_char(character) {
                return Err(NotATelephoneNumber::Character(char::from(character)));
            }
            builder.push(character)?;
        }
        builder.finish()
    }

    /// The number of `length` digits that has this value, zeros in front; `None` if there is none.
    pub fn from_digits(value: u64, length: usize) -> Option<Self> {
        let mut characters = [0; MAX_TELEPHONE_NUMBER];
        let mut rest = value;
        for character in characters.get_mut(..length)?.iter_mut().rev() {
            // A digit: the cast cannot lose anything.
            *character = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let fits = rest == 0 && length > 0;
        fits.then_some(Self {
            length: length as u8,
            characters,
        })
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever stored, so this cannot fail; an empty answer would match no number.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The number as ASCII bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.characters
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// How many characters.
    #[allow(
        clippy::len_without_is_empty,
        reason = "a telephone number is never empty"
    )]
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// The value of an all-digit number; `None` with `#` or `*`. Leading zeros are lost: compare lengths, too.
    pub fn digits(&self) -> Option<u64> {
        self.as_bytes()
            .iter()
            .try_fold(0_u64, |value, &character| match character {
                b'0'..=b'9' => Some(value * 10 + u64::from(character - b'0')),
                _ => None,
            })
    }

    /// Whether this could be an E.164 number: digits only, at least [`MIN_E164`], no leading zero.
    pub fn is_e164(&self) -> bool {
        self.len() >= MIN_E164 && self.as_bytes().first() != Some(&b'0') && self.digits().is_some()
    }

    /// The first and last digits kept, the rest hidden: for logs that must not tell whose number it is.
    pub fn redacted(&self) -> String {
        let text = self.as_str();
        let shown = self.len().saturating_sub(REDACTED_DIGITS);
        format!(
            "{}{}",
            text.get(..shown).unwrap_or_default(),
            "X".repeat(self.len() - shown)
        )
    }
}

/// Fewest digits of a global number: the shortest in use (some islands and services) have a country code and four digits,
/// and nothing shorter is routed between countries. ITU-T E.164 names only the upper bound.
pub const MIN_E164: usize = 7;

/// Digits hidden at the end of a redacted number: the line number, which tells a person.
const REDACTED_DIGITS: usize = 4;

fn is_tn_char(character: u8) -> bool {
    // RFC 8224 §8.3: tn-char = "#" / "*" / DIGIT
    character.is_ascii_digit() || matches!(character, b'#' | b'*')
}

#[derive(Default)]
struct Builder {
    length: u8,
    characters: [u8; MAX_TELEPHONE_NUMBER],
}

impl Builder {
    fn push(&mut self, character: u8) -> Result<(), NotATelephoneNumber> {
        let slot = self
            .characters
            .get_mut(usize::from(self.length))
            .ok_or(NotATelephoneNumber::TooLong)?;
        *slot = character;
        self.length += 1;
        Ok(())
    }

    fn finish(self) -> Result<TelephoneNumber, NotATelephoneNumber> {
        match self.length {
            0 => Err(NotATelephoneNumber::Empty),
            length => Ok(TelephoneNumber {
                length,
                characters: self.characters,
            }),
        }
    }
}

impl PartialEq for TelephoneNumber {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for TelephoneNumber {}

impl PartialOrd for TelephoneNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TelephoneNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl std::hash::Hash for TelephoneNumber {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for TelephoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TelephoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TelephoneNumber({self})")
    }
}

impl FromStr for TelephoneNumber {
    type Err = NotATelephoneNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_canonical(text.as_bytes())
    }
}

/// Why some text is not a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotATelephoneNumber {
    /// It has a character that no telephone number has, however it is written.
    Character(char),
    /// It has no digit at all.
    Empty,
    /// It has more than [`MAX_TELEPHONE_NUMBER`] digits.
    TooLong,
}

impl fmt::Display for NotATelephoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(character) => {
                write!(f, "{character:?} does not belong in a telephone number")
            }
            Self::Empty => f.write_str("a telephone number has at least one digit"),
            Self::TooLong => write!(
                f,
                "a telephone number has at most {MAX_TELEPHONE_NUMBER} digits"
            ),
        }
    }
}

impl std::error::Error for NotATelephoneNumber {}

/// How numbers without a country code are completed: the local policy that
/// [RFC 8224 §8.3](https://www.rfc-editor.org/rfc/rfc8224#section-8.3) leaves to each domain.
///
/// # Example: what switches of North America send
/// ```
/// use countersign::number::NumberingPlan;
/// for written in ["+1(202)555-0100", "12025550100", "2025550100", "+1.202.555.0100"] {
///     assert_eq!(NumberingPlan::NorthAmerican.canonical(written)?.as_str(), "12025550100");
/// }
/// assert_eq!(NumberingPlan::NorthAmerican.canonical("911")?.as_str(), "911", "service numbers stay as they are");
/// # Ok::<(), countersign::number::NotATelephoneNumber>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberingPlan {
    /// Numbers arrive with their country code; nothing is added. The default.
    #[default]
    International,
    /// Ten digits without `+` belong to country code 1; `011` in front is the way abroad.
    NorthAmerican,
}

impl NumberingPlan {
    /// The canonical form of a number as written in signalling.
    ///
    /// # Errors
    /// [`NotATelephoneNumber`] if no number can be made of `written`. A space is refused: no SIP or `tel` URI has one.
    pub fn canonical(self, written: &str) -> Result<TelephoneNumber, NotATelephoneNumber> {
        let (global, rest) = match written.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let mut builder = Builder::default();
        for &byte in rest.as_bytes() {
            // RFC 8224 §8.3: "Implementations MUST drop any "+"s, internal dashes, parentheses, or other non-numeric
            // characters, except for the "#" or "*" keys". The visual separators are those of RFC 3966 §3.
            match byte {
                _ if is_tn_char(byte) => builder.push(byte)?,
                b'-' | b'.' | b'(' | b')' => {}
                _ => return Err(NotATelephoneNumber::Character(char::from(byte))),
            }
        }
        let number = builder.finish()?;
        Ok(if global {
            number
        } else {
            self.complete(number)
        })
    }

    /// RFC 8224 §8.3: "implementations SHOULD convert the number into E.164 format, adding a country code if necessary".
    fn complete(self, number: TelephoneNumber) -> TelephoneNumber {
        let Self::NorthAmerican = self else {
            return number;
        };
        let bytes = number.as_bytes();
        let completed = match bytes {
            [b'0', b'1', b'1', abroad @ ..] if abroad.len() >= MIN_E164 => {
                TelephoneNumber::from_canonical(abroad)
            }
            [b'2'..=b'9', ..]
                if bytes.len() == NANP_NATIONAL_DIGITS && number.digits().is_some() =>
            {
                TelephoneNumber::from_canonical(&[b"1", bytes].concat())
            }
            _ => return number,
        };
        completed.unwrap_or(number)
    }
}

/// Area code, exchange and line.
const NANP_NATIONAL_DIGITS: usize = 10;

/// A block of consecutive telephone numbers of one length: `TelephoneNumberRange` of
/// [RFC 8226 §9](https://www.rfc-editor.org/rfc/rfc8226#section-9).
///
/// A block of one number is allowed here, so that a single number and a range can share an algebra; on the wire `count` is
/// at least 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TelephoneNumberRange {
    start: TelephoneNumber,
    count: u64,
}

impl TelephoneNumberRange {
    /// The `count` numbers from `start` on.
    ///
    /// # Errors
    /// [`RangeError`] if `start` has `#` or `*`, `count` is zero, or the last number would be longer than the first.
    pub fn new(start: TelephoneNumber, count: u64) -> Result<Self, RangeError> {
        // RFC 8226 §9: "The count field is only applicable to start fields whose values do not include "*" or "#""
        let first = start.digits().ok_or(RangeError::NotDigits)?;
        if count == 0 {
            return Err(RangeError::Empty);
        }
        // RFC 8226 §9: "count MUST NOT make the number increase in length". Its formula, start + count < 10^D, would forbid
        // the block that ends in all nines; we hold the last number to it (docs/divergences.md).
        let last = first.checked_add(count - 1).ok_or(RangeError::TooLong)?;
        if last >= power_of_ten(start.len()) {
            return Err(RangeError::TooLong);
        }
        Ok(Self { start, count })
    }

    /// The range of just this number; `None` if it has `#` or `*`.
    pub fn single(number: TelephoneNumber) -> Option<Self> {
        Self::new(number, 1).ok()
    }

    /// First number.
    pub fn start(&self) -> TelephoneNumber {
        self.start
    }

    /// How many numbers, at least 1.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether it keeps the formula of RFC 8226 §9, which is stricter than the rule it stands for: what is issued should be
    /// read by everybody.
    // RFC 8226 §9: "TelephoneNumber + count MUST be less than 10^D"
    pub fn keeps_formula(&self) -> bool {
        self.last() + 1 < power_of_ten(self.start.len())
    }

    /// Whether `number` is one of the block: same length, value between first and last.
    pub fn contains(&self, number: TelephoneNumber) -> bool {
        number.len() == self.start.len()
            && number
                .digits()
                .is_some_and(|value| value >= self.first() && value <= self.last())
    }

    /// Whether every number of `other` is one of this block.
    pub fn encompasses(&self, other: &Self) -> bool {
        self.start.len() == other.start.len()
            && self.first() <= other.first()
            && other.last() <= self.last()
    }

    fn first(&self) -> u64 {
        self.start.digits().unwrap_or(u64::MAX)
    }

    fn last(&self) -> u64 {
        self.first().saturating_add(self.count - 1)
    }
}

impl fmt::Display for TelephoneNumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.start),
            count => write!(f, "{}+{count}", self.start),
        }
    }
}

/// How many numbers of so many digits there are.
pub(crate) fn power_of_ten(exponent: usize) -> u64 {
    u32::try_from(exponent)
        .ok()
        .and_then(|exponent| 10_u64.checked_pow(exponent))
        .unwrap_or(u64::MAX)
}

/// Why there is no such block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// A count of zero.
    Empty,
    /// The first number has `#` or `*`, so there is no next one.
    NotDigits,
    /// The last number would be longer than the first.
    TooLong,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a range of no numbers",
            Self::NotDigits => "a range cannot start at a number with # or *",
            Self::TooLong => "the range would run into longer numbers",
        })
    }
}

impl std::error::Error for RangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> TelephoneNumber {
        text.parse().unwrap()
    }

    #[test]
    fn digest12_case17_separators_are_dropped_and_spaces_refused() {
        let plan = NumberingPlan::International;
        assert_eq!(
            plan.canonical("+1-2155-551-212").unwrap(),
            number("12155551212")
        );
        assert_eq!(plan.canonical("*67#").unwrap(), number("*67#"));
        assert_eq!(
            plan.canonical("+1 2155 551 212"),
            Err(NotATelephoneNumber::Character(' '))
        );
        assert_eq!(plan.canonical("+"), Err(NotATelephoneNumber::Empty));
        assert_eq!(
            plan.canonical("1234567890123456"),
            Err(NotATelephoneNumber::TooLong)
        );
        assert_eq!(
            plan.canonical("+1+2"),
            Err(NotATelephoneNumber::Character('+'))
        );
        assert_eq!(
            plan.canonical("alice"),
            Err(NotATelephoneNumber::Character('a'))
        );
    }

    #[test]
    fn north_american_numbers_are_completed_and_others_left_alone() {
        let plan = NumberingPlan::NorthAmerican;
        assert_eq!(plan.canonical("2025550100").unwrap(), number("12025550100"));
        assert_eq!(
            plan.canonical("+2025550100").unwrap(),
            number("2025550100"),
            "a plus means: complete"
        );
        assert_eq!(
            plan.canonical("01133199000000").unwrap(),
            number("33199000000")
        );
        assert_eq!(plan.canonical("411").unwrap(), number("411"));
        assert_eq!(
            plan.canonical("1025550100").unwrap(),
            number("1025550100"),
            "no area code starts with 1"
        );
    }

    #[test]
    fn ranges_may_end_in_all_nines_but_not_grow() {
        assert!(
            TelephoneNumberRange::new(number("10"), 90).is_ok(),
            "10 to 99"
        );
        assert_eq!(
            TelephoneNumberRange::new(number("10"), 91),
            Err(RangeError::TooLong)
        );
        assert_eq!(
            TelephoneNumberRange::new(number("10"), 0),
            Err(RangeError::Empty)
        );
        assert_eq!(
            TelephoneNumberRange::new(number("1*"), 2),
            Err(RangeError::NotDigits)
        );
        assert_eq!(
            TelephoneNumberRange::new(number("999999999999999"), u64::MAX),
            Err(RangeError::TooLong)
        );
    }

    #[test]
    fn a_range_holds_numbers_of_its_own_length_only() {
        let range = TelephoneNumberRange::new(number("0100"), 100).unwrap();
        assert!(range.contains(number("0199")));
        assert!(!range.contains(number("0200")));
        assert!(!range.contains(number("100")), "a leading zero counts");
        assert!(!range.contains(number("01*0")));
    }

    #[test]
    fn redaction_hides_the_line() {
        assert_eq!(number("12025550100").redacted(), "1202555XXXX");
        assert_eq!(number("911").redacted(), "XXX");
    }

    proptest::proptest! {
        #[test]
        fn canonical_form_is_a_fixed_point(written in "[+]?[0-9#*().-]{0,20}") {
            if let Ok(number) = NumberingPlan::International.canonical(&written) {
                proptest::prop_assert_eq!(NumberingPlan::International.canonical(number.as_str()), Ok(number));
                proptest::prop_assert_eq!(TelephoneNumber::from_canonical(number.as_bytes()), Ok(number));
            }
        }

        #[test]
        fn any_text_is_a_number_or_refused(written in "\\PC*") {
            let _ = NumberingPlan::NorthAmerican.canonical(&written);
        }
    }

    #[test]
    fn numbers_are_made_of_their_value_and_length() {
        for text in [
            "0",
            "007",
            "12025550100",
            "000000000000000",
            "999999999999999",
        ] {
            let again = TelephoneNumber::from_digits(number(text).digits().unwrap(), text.len());
            assert_eq!(again, Some(number(text)));
        }
        for (value, length) in [(10, 1), (0, 0), (0, 16), (u64::MAX, 15), (1, usize::MAX)] {
            assert_eq!(
                TelephoneNumber::from_digits(value, length),
                None,
                "{value}, {length}"
            );
        }
    }

    // RFC 8226 §9: "TelephoneNumber + count MUST be less than 10^D"
    #[test]
    fn the_formula_is_one_stricter_than_the_rule() {
        let range = |start, count| TelephoneNumberRange::new(number(start), count);
        assert!(range("9990", 9).unwrap().keeps_formula());
        assert!(!range("9990", 10).unwrap().keeps_formula());
        assert_eq!(range("9990", 11), Err(RangeError::TooLong));
        assert_eq!(
            range("10", 91),
            Err(RangeError::TooLong),
            "the example of the RFC"
        );
        assert!(!range("999999999999999", 1).unwrap().keeps_formula());
    }
}
