//! Whose number is it? The records of a number authority, as a file: what the administrator of number portability knows, on one day.
//!
//! ```text
//! # comments and empty lines
//! as_of,2026-11-05T00:00:00Z              when all of this was true: the first line that says something
//! 1234,12025550100-12025550199            provider, first and last number
//! 5678,12025550123                        ported: what is narrower counts
//! 709J,12025550200+50                     first number, and how many
//! ```
//!
//! Numbers are E.164 with the country code; one `+` in front is dropped. A number that no line has is nobody's as far as the file
//! knows: [`Answer::Unknown`]. Records without a date are of no use to anybody, so there are none.
//!
//! Reading costs `n log n` for `n` lines, a question `log n`.

use super::delegation::{Answer, ProviderNumbers};
use super::numbers::NumberSet;
use super::tnauthlist::ServiceProviderCode;
use crate::number::{TelephoneNumber, TelephoneNumberRange};
use crate::time::UnixTime;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

/// Most lines that are read: every block of a thousand numbers of North America, and twenty million ported numbers beside them would
/// be more; who has those asks a database.
pub const MAX_RECORDS: usize = 4_000_000;

/// What the first line begins with.
const AS_OF: &str = "as_of";

/// Whose numbers are whose, as of one time.
///
/// # Example
/// ```
/// use countersign::certificate::number_records::NumberRecords;
/// use countersign::certificate::delegation::Answer;
/// let records = NumberRecords::parse("as_of,2026-11-05T00:00:00Z\n1234,12025550100-12025550199\n5678,12025550123\n")?;
/// let (one, other) = ("1234".parse()?, "5678".parse()?);
/// assert_eq!(records.holds(&one, "12025550100".parse()?), Answer::Yes);
/// assert_eq!(records.holds(&one, "12025550123".parse()?), Answer::No);
/// assert_eq!(records.holds(&other, "12025550123".parse()?), Answer::Yes);
/// assert_eq!(records.holds(&other, "12025550200".parse()?), Answer::Unknown);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRecords {
    as_of: UnixTime,
    /// Sorted, without overlap.
    blocks: Box<[Block]>,
    providers: Box<[ServiceProviderCode]>,
}

/// Consecutive numbers of one length and one provider. Ordered by length first, so that all of one length lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    digits: u8,
    first: u64,
    last: u64,
    /// Its place among the providers.
    provider: u32,
}

impl NumberRecords {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`RecordsError`] names the first line that is wrong. Lines may lie within each other, but not overlap otherwise.
    pub fn parse(text: &str) -> Result<Self, RecordsError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().filter_map(|(index, line)| {
            let said = line.split('#').next().unwrap_or_default().trim();
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            (!said.is_empty()).then_some((number, said))
        });
        let as_of = as_of(lines.next())?;
        let mut names = Names::default();
        let mut blocks = Vec::new();
        for (line, said) in lines {
            if blocks.len() == MAX_RECORDS {
                return Err(RecordsError::at(line, RecordsCause::TooMany));
            }
            let block = block(said, &mut names).map_err(|cause| RecordsError::at(line, cause))?;
            blocks.push((block, line));
        }
        // What encloses comes before what it encloses.
        blocks.sort_by_key(|(block, line)| (block.digits, block.first, Reverse(block.last), *line));
        Ok(Self {
            as_of,
            blocks: flatten(&blocks)?.into(),
            providers: names.codes.into(),
        })
    }

    /// When all of it was true.
    pub fn as_of(&self) -> UnixTime {
        self.as_of
    }

    /// Whose number it is, if the records say.
    pub fn provider_of(&self, number: TelephoneNumber) -> Option<&ServiceProviderCode> {
        let value = number.digits()?;
        let digits = u8::try_from(number.len()).ok()?;
        let after = self
            .blocks
            .partition_point(|block| (block.digits, block.first) <= (digits, value));
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let found = block.digits == digits && value <= block.last;
        self.providers
            .get(usize::try_from(block.provider).ok()?)
            .filter(|_| found)
    }

    /// Whether `number` is `provider`'s.
    pub fn holds(&self, provider: &ServiceProviderCode, number: TelephoneNumber) -> Answer {
        match self.provider_of(number) {
            Some(holder) if holder == provider => Answer::Yes,
            Some(_) => Answer::No,
            None => Answer::Unknown,
        }
    }

    /// How many blocks of numbers there are, after what is ported was cut out of what it was ported from.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn place_of(&self, provider: &ServiceProviderCode) -> Option<u32> {
        let place = self.providers.iter().position(|code| code == provider)?;
        u32::try_from(place).ok()
    }
}

/// For comparing lists of certificates: costs one pass over all blocks.
impl ProviderNumbers for NumberRecords {
    fn as_of(&self) -> Option<UnixTime> {
        Some(self.as_of)
    }

    fn held(&self, provider: &ServiceProviderCode, numbers: &NumberSet) -> Option<NumberSet> {
        // Of whom nothing is listed, nothing is: what is listed is somebody else's, and the rest nobody's.
        let place = self.place_of(provider);
        let own = self.blocks.iter();
        let own = own.filter(|block| Some(block.provider) == place);
        Some(set(own).intersection(numbers))
    }

    fn nobodys(&self, numbers: &NumberSet) -> NumberSet {
        numbers.difference(&set(self.blocks.iter()))
    }
}

/// The numbers of blocks.
fn set<'a>(blocks: impl Iterator<Item = &'a Block>) -> NumberSet {
    NumberSet::union_of(blocks.filter_map(|block| {
        let first = TelephoneNumber::from_digits(block.first, block.digits.into())?;
        Some((first, block.last - block.first + 1))
    }))
}

/// Providers, each once, in the order they appear.
#[derive(Default)]
struct Names {
    codes: Vec<ServiceProviderCode>,
    places: HashMap<Box<str>, u32>,
}

impl Names {
    fn place(&mut self, code: &str) -> Result<u32, RecordsCause> {
        if let Some(place) = self.places.get(code) {
            return Ok(*place);
        }
        let parsed = code
            .parse()
            .map_err(|_| RecordsCause::Provider(code.into()))?;
        let place = u32::try_from(self.codes.len()).map_err(|_| RecordsCause::TooMany)?;
        self.codes.push(parsed);
        self.places.insert(code.into(), place);
        Ok(place)
    }
}

fn as_of(first: Option<(u32, &str)>) -> Result<UnixTime, RecordsError> {
    let (line, said) = first.unwrap_or((1, ""));
    let time = said
        .split_once(',')
        .filter(|(word, _)| word.trim() == AS_OF)
        .and_then(|(_, time)| UnixTime::from_rfc3339(time.trim()));
    time.ok_or(RecordsError::at(line, RecordsCause::NoDate))
}

fn block(said: &str, names: &mut Names) -> Result<Block, RecordsCause> {
    let (code, numbers) = said.split_once(',').ok_or(RecordsCause::NumbersMissing)?;
    let provider = names.place(code.trim())?;
    let numbers = numbers.trim();
    let numbers = numbers.strip_prefix('+').unwrap_or(numbers);
    let (first, last) = if let Some((first, last)) = numbers.split_once('-') {
        let (first, last) = (e164(first)?, e164(last)?);
        match first.len() == last.len() && first.digits() <= last.digits() {
            true => (first, last.digits()),
            false => return Err(RecordsCause::Range),
        }
    } else if let Some((first, count)) = numbers.split_once('+') {
        let count = count.trim().parse().map_err(|_| RecordsCause::Range)?;
        let range = TelephoneNumberRange::new(e164(first)?, count);
        let range = range.map_err(|_| RecordsCause::Range)?;
        let last = range.start().digits().map(|first| first + (count - 1));
        (range.start(), last)
    } else {
        let number = e164(numbers)?;
        (number, number.digits())
    };
    let digits = u8::try_from(first.len()).map_err(|_| RecordsCause::Range)?;
    let (first, last) = first.digits().zip(last).ok_or(RecordsCause::Range)?;
    Ok(Block {
        digits,
        first,
        last,
        provider,
    })
}

fn e164(text: &str) -> Result<TelephoneNumber, RecordsCause> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let number: Option<TelephoneNumber> = text.parse().ok();
    number
        .filter(TelephoneNumber::is_e164)
        .ok_or_else(|| RecordsCause::Number(text.into()))
}

/// Cuts what lies within out of what it lies in. One pass: those that are open enclose each other, the innermost last.
fn flatten(blocks: &[(Block, u32)]) -> Result<Vec<Block>, RecordsError> {
    let mut flat = Flat::default();
    for (block, line) in blocks {
        flat.close_before(Some(block));
        if let Some((outer, outer_line)) = flat.open.last() {
            let same = (outer.first, outer.last) == (block.first, block.last);
            if block.last > outer.last || (same && block.provider != outer.provider) {
                let (first, second) = (*outer_line.min(line), *outer_line.max(line));
                let cause = RecordsCause::Conflict { with: first };
                return Err(RecordsError::at(second, cause));
            }
        }
        flat.until(block.first);
        flat.open.push((*block, *line));
        flat.next = block.first;
    }
    flat.close_before(None);
    Ok(flat.done)
}

#[derive(Default)]
struct Flat {
    open: Vec<(Block, u32)>,
    done: Vec<Block>,
    /// The first number that is not done, of the length of those that are open.
    next: u64,
}

impl Flat {
    /// Ends what ends before this block begins; without one, everything.
    fn close_before(&mut self, block: Option<&Block>) {
        while let Some((innermost, _)) = self.open.last().copied() {
            let goes_on =
                |next: &Block| next.digits == innermost.digits && next.first <= innermost.last;
            if block.is_some_and(goes_on) {
                return;
            }
            // No E.164 number has so many digits that this could overflow.
            self.until(innermost.last + 1);
            self.open.pop();
        }
    }

    /// The innermost has the numbers from the next one until (and without) `end`.
    fn until(&mut self, end: u64) {
        let Some((innermost, _)) = self.open.last().filter(|_| self.next < end) else {
            return;
        };
        let (provider, digits) = (innermost.provider, innermost.digits);
        let (first, last) = (self.next, end - 1);
        self.next = end;
        match self.done.last_mut() {
            Some(before)
                if before.provider == provider
                    && before.digits == digits
                    && before.last + 1 == first =>
            {
                before.last = last;
            }
            _ => self.done.push(Block {
                digits,
                first,
                last,
                provider,
            }),
        }
    }
}

/// The first thing that is wrong with records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub cause: RecordsCause,
}

impl RecordsError {
    fn at(line: u32, cause: RecordsCause) -> Self {
        Self { line, cause }
    }
}

/// What can be wrong with records. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordsCause {
    /// The numbers are those of another line that gives another provider, or overlap it without lying within.
    Conflict {
        /// The other line.
        with: u32,
    },
    /// The first line does not say when all of it was true.
    NoDate,
    /// What stands for a number is none of E.164.
    Number(Box<str>),
    /// A line without numbers.
    NumbersMissing,
    /// What stands for a provider is no code.
    Provider(Box<str>),
    /// The range ends before it begins, or among longer numbers.
    Range,
    /// More than [`MAX_RECORDS`] lines.
    TooMany,
}

impl fmt::Display for RecordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.cause {
            RecordsCause::Conflict { with } => {
                write!(
                    f,
                    "overlaps line {with} and neither lies within it nor says the same"
                )
            }
            RecordsCause::NoDate => f.write_str(
                "the first line says when all of it was true: as_of,2026-11-05T00:00:00Z",
            ),
            RecordsCause::Number(text) => write!(f, "{text:?} is no E.164 number"),
            RecordsCause::NumbersMissing => {
                f.write_str("no numbers: write the provider, a comma, the numbers")
            }
            RecordsCause::Provider(text) => write!(f, "{text:?} is no provider code"),
            RecordsCause::Range => f.write_str("not a range of numbers of one length"),
            RecordsCause::TooMany => write!(f, "more than {MAX_RECORDS} lines"),
        }
    }
}

impl std::error::Error for RecordsError {}

#[cfg(test)]
mod tests;
