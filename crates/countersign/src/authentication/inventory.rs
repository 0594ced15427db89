//! The numbers that a tenant may speak for, and on what ground.
//!
//! An [`Inventory`] is what attestation A rests on: a number that is not in it is never attested A. It is a text file, one
//! entry a line:
//!
//! ```text
//! # number or range, basis
//! 12025550100,assigned
//! 12025550110-12025550119,toll-free      # first and last
//! 12025550120+10,vanity                  # first and how many
//! ```
//!
//! Numbers are E.164 with the country code; one `+` in front is dropped. Which attestation follows from an entry is decided in
//! [`super::attestation`].

use crate::number::{NotATelephoneNumber, TelephoneNumber};
use std::fmt;

/// Why a tenant may use a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The signing provider assigned the number to the customer.
    Assigned,
    /// Another provider assigned it, and the customer has proved the right to use it.
    ForeignWithProof,
    /// The operator said so by hand; never from a file.
    Operator,
    /// A toll-free number that the customer subscribes to.
    TollFree,
    /// A vanity number that the customer subscribes to.
    Vanity,
}

impl Basis {
    /// The name in inventory files, logs and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::ForeignWithProof => "foreign-with-proof",
            Self::Operator => "operator",
            Self::TollFree => "toll-free",
            Self::Vanity => "vanity",
        }
    }

    /// What an inventory file may say.
    const IN_FILES: [Self; 4] = [
        Self::Assigned,
        Self::ForeignWithProof,
        Self::TollFree,
        Self::Vanity,
    ];

    fn from_file(text: &str) -> Option<Self> {
        Self::IN_FILES
            .into_iter()
            .find(|basis| basis.name() == text)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The numbers and ranges of one tenant, each with its basis.
///
/// # Example
/// ```
/// use countersign::authentication::{Basis, Inventory};
/// let inventory = Inventory::parse("12025550100,assigned\n12025550110-12025550119,toll-free\n")?;
/// assert_eq!(inventory.basis("12025550115".parse()?), Some(Basis::TollFree));
/// assert_eq!(inventory.basis("12025550120".parse()?), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Sorted, without overlap.
    blocks: Vec<Block>,
    /// What is true of every number, if anything is.
    everything: Option<Basis>,
}

/// Consecutive numbers of one length and one basis. Ordered by length first, so that all of one length lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    digits: u8,
    first: u64,
    last: u64,
    basis: Basis,
}

impl Inventory {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`InventoryError`] names the first line, and the column in it, that is wrong. Entries may repeat or overlap each other
    /// only if their basis is the same.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let entry = parse_line(line).map_err(|(column, cause)| InventoryError {
                line: line_number,
                column: Some(column),
                cause,
            })?;
            if let Some(block) = entry {
                entries.push((block, line_number));
            }
        }
        entries.sort_by_key(|(block, line)| (block.digits, block.first, *line));
        Ok(Self {
            blocks: merge(entries)?,
            everything: None,
        })
    }

    /// Every number, on the operator's own word: for signing by hand.
    pub fn operator() -> Self {
        Self {
            blocks: Vec::new(),
            everything: Some(Basis::Operator),
        }
    }

    /// On what ground the tenant may use `number`; `None` if it is not listed.
    pub fn basis(&self, number: TelephoneNumber) -> Option<Basis> {
        if self.everything.is_some() {
            return self.everything;
        }
        let value = number.digits()?;
        let digits = u8::try_from(number.len()).ok()?;
        let after = self
            .blocks
            .partition_point(|block| (block.digits, block.first) <= (digits, value));
        let block = self.blocks.get(after.checked_sub(1)?)?;
        (block.digits == digits && value <= block.last).then_some(block.basis)
    }

    /// How many numbers are listed.
    pub fn count(&self) -> u64 {
        let size = |block: &Block| block.last - block.first + 1;
        self.blocks.iter().map(size).sum()
    }

    /// Whether no number is listed.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.everything.is_none()
    }
}

/// Joins what touches and has one basis; what overlaps with another basis is an error.
fn merge(entries: Vec<(Block, u32)>) -> Result<Vec<Block>, InventoryError> {
    let mut blocks: Vec<Block> = Vec::with_capacity(entries.len());
    // The line of the entry that reaches farthest so far: the one to name in a conflict.
    let mut reach = 0;
    for (block, line) in entries {
        let Some(previous) = blocks.last_mut().filter(|one| one.digits == block.digits) else {
            blocks.push(block);
            reach = line;
            continue;
        };
        let overlaps = block.first <= previous.last;
        if overlaps && block.basis != previous.basis {
            return Err(InventoryError {
                line: line.max(reach),
                column: None,
                cause: InventoryCause::Conflict {
                    with: line.min(reach),
                },
            });
        }
        let joins = overlaps || (block.basis == previous.basis && block.first == previous.last + 1);
        if !joins {
            blocks.push(block);
            reach = line;
        } else if block.last > previous.last {
            previous.last = block.last;
            reach = line;
        }
    }
    Ok(blocks)
}

/// One line, its comment already allowed for; the error carries its column.
fn parse_line(line: &str) -> Result<Option<Block>, (u32, InventoryCause)> {
    let content = line.split('#').next().unwrap_or(line);
    if content.trim().is_empty() {
        return Ok(None);
    }
    let column_of = |part: &str| column(line, part);
    let (numbers, rest) = content
        .split_once(',')
        .ok_or_else(|| (column_of(content), InventoryCause::BasisMissing))?;
    let (name, extra) = match rest.split_once(',') {
        Some((name, extra)) => (name.trim(), Some(extra)),
        None => (rest.trim(), None),
    };
    if let Some(extra) = extra {
        return Err((column_of(extra), InventoryCause::TooManyFields));
    }
    let basis = Basis::from_file(name)
        .ok_or_else(|| (column_of(name), InventoryCause::BasisUnknown(name.into())))?;
    let numbers = numbers.trim();
    let (first, last) = parse_numbers(numbers).map_err(|(at, cause)| (column_of(at), cause))?;
    let block = Block {
        digits: u8::try_from(first.len()).unwrap_or(u8::MAX),
        first: first.digits().unwrap_or(u64::MAX),
        last,
        basis,
    };
    Ok(Some(block))
}

/// `number`, `first-last` or `first+count`; gives the first number and the value of the last.
fn parse_numbers(text: &str) -> Result<(TelephoneNumber, u64), (&str, InventoryCause)> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Some((first_text, last_text)) = unsigned.split_once('-') {
        let (first, last_text) = (e164(first_text)?, last_text.trim());
        let last = e164(last_text.strip_prefix('+').unwrap_or(last_text))?;
        if last.len() != first.len() {
            return Err((last_text, InventoryCause::LengthsDiffer));
        }
        let last = last.digits().unwrap_or(0);
        if Some(last) < first.digits() {
            return Err((last_text, InventoryCause::RangeBackward));
        }
        return Ok((first, last));
    }
    if let Some((first_text, count_text)) = unsigned.split_once('+') {
        let (first, count_text) = (e164(first_text)?, count_text.trim());
        let count: u64 = count_text
            .parse()
            .map_err(|_| (count_text, InventoryCause::Count))?;
        let range = crate::number::TelephoneNumberRange::new(first, count)
            .map_err(|_| (count_text, InventoryCause::Count))?;
        let last = range.start().digits().unwrap_or(u64::MAX) + (count - 1);
        return Ok((first, last));
    }
    let number = e164(unsigned)?;
    Ok((number, number.digits().unwrap_or(0)))
}

fn e164(text: &str) -> Result<TelephoneNumber, (&str, InventoryCause)> {
    let text = text.trim();
    let number: TelephoneNumber = text
        .parse()
        .map_err(|cause| (text, InventoryCause::NotANumber(cause)))?;
    if number.is_e164() {
        Ok(number)
    } else {
        Err((text, InventoryCause::NotE164))
    }
}

/// Where `part`, a slice of `line`, starts: characters from 1.
fn column(line: &str, part: &str) -> u32 {
    let offset = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    let before = line.get(..offset.min(line.len())).unwrap_or_default();
    u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
}

/// The first thing that is wrong with an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryError {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, where one place in the line is to blame.
    pub column: Option<u32>,
    /// What is wrong.
    pub cause: InventoryCause,
}

/// What can be wrong with an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryCause {
    /// A line without a basis.
    BasisMissing,
    /// A basis that is none.
    BasisUnknown(Box<str>),
    /// The numbers overlap those of another line that gives another basis.
    Conflict {
        /// The other line.
        with: u32,
    },
    /// What follows the `+` is no count, or runs into longer numbers.
    Count,
    /// The last number of a range has another length than the first.
    LengthsDiffer,
    /// What stands for a number is none.
    NotANumber(NotATelephoneNumber),
    /// A number, but not one of E.164 with its country code.
    NotE164,
    /// A range whose last number comes before its first.
    RangeBackward,
    /// More than numbers and basis.
    TooManyFields,
}

impl fmt::Display for InventoryCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BasisMissing => f.write_str("no basis: write the numbers, a comma, the basis"),
            Self::BasisUnknown(name) => write!(
                f,
                "{name:?} is no basis: assigned, foreign-with-proof, toll-free and vanity are"
            ),
            Self::Conflict { with } => write!(f, "overlaps line {with}, which gives another basis"),
            Self::Count => f.write_str("not a count of numbers of this length"),
            Self::LengthsDiffer => f.write_str("the last number is not as long as the first"),
            Self::NotANumber(cause) => cause.fmt(f),
            Self::NotE164 => f.write_str("not an E.164 number with its country code"),
            Self::RangeBackward => f.write_str("the last number comes before the first"),
            Self::TooManyFields => f.write_str("more than numbers and basis"),
        }
    }
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column {column}: {}", self.line, self.cause),
            None => write!(f, "line {}: {}", self.line, self.cause),
        }
    }
}

impl std::error::Error for InventoryError {}

#[cfg(test)]
#[path = "inventory/tests.rs"]
mod tests;
