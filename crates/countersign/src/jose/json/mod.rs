//! Strict JSON: one meaning per text, or a refusal.
//!
//! [`parse`] reads [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259) text with the stricter rules of
//! [RFC 7493](https://www.rfc-editor.org/rfc/rfc7493) where readers are known to differ: member names are unique at every
//! depth, integers are kept exactly, UTF-8 is checked, lone surrogates are refused, and depth and size have limits. It also
//! notes whether the text has the form of [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9), see [`Form`];
//! [`Value::write`] writes that form.
//!
//! The reader is our own because the two things that matter here, refusing duplicates at every depth and keeping numbers as
//! they were written, are not to be had from the usual one without switches that change it for every other user in a build.
//! Values borrow from the text: strings are copied only if they had escapes.

mod reader;
mod writer;

pub use reader::{Parsed, parse, parse_str, parse_within};
pub(crate) use writer::write_integer;
pub use writer::write_string;

use std::borrow::Cow;
use std::fmt;

/// Deepest nesting of arrays and objects. Own decision: the deepest thing we read, a jCard inside a PASSporT, has 7 levels.
pub const MAX_JSON_DEPTH: usize = 32;

/// Longest text, in bytes. Own decision: eight times the longest token, and a bound for the memory of one value.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// A JSON value; strings are borrowed from the text where they can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exactly.
    Number(Number<'a>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A JSON number as written: integers by value, anything else by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number<'a> {
    /// An integer that fits; never minus zero.
    Integer(i64),
    /// A positive integer too large for [`Number::Integer`].
    Unsigned(u64),
    /// Anything else: fractions, exponents, minus zero, integers beyond 64 bits.
    Text(Cow<'a, str>),
}

/// A JSON object: members in the order received, no name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// Whether a text is written as [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9) prescribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// No white space, names in order, no needless escape, integers only: the one text of its value.
    Deterministic,
    /// Another text of the same value.
    Free,
}

impl<'a> Value<'a> {
    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value, if it is an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(Number::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The same value, borrowing nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(Number::Integer(value)) => Value::Number(Number::Integer(value)),
            Self::Number(Number::Unsigned(value)) => Value::Number(Number::Unsigned(value)),
            Self::Number(Number::Text(text)) => {
                Value::Number(Number::Text(Cow::Owned(text.into_owned())))
            }
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Array(elements) => {
                Value::Array(elements.into_iter().map(Value::into_owned).collect())
            }
            Self::Object(object) => Value::Object(object.into_owned()),
        }
    }
}

impl<'a> Object<'a> {
    /// The object of these members, in this order.
    ///
    /// # Errors
    /// The members back if a name occurs twice.
    #[allow(clippy::type_complexity, reason = "the members are what was passed in")]
    pub fn from_members(
        members: Vec<(Cow<'a, str>, Value<'a>)>,
    ) -> Result<Self, Vec<(Cow<'a, str>, Value<'a>)>> {
        if has_duplicates(&members) {
            return Err(members);
        }
        Ok(Self { members })
    }

    /// The value of the member with this name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let found = self.members.iter().find(|(other, _)| other == name)?;
        Some(&found.1)
    }

    /// The members in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.members
            .iter()
            .map(|(name, value)| (name.as_ref(), value))
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The same object, borrowing nothing.
    pub fn into_owned(self) -> Object<'static> {
        let own = |(name, value): (Cow<'a, str>, Value<'a>)| {
            (Cow::Owned(name.into_owned()), value.into_owned())
        };
        Object {
            members: self.members.into_iter().map(own).collect(),
        }
    }
}

/// Up to this many members, comparing each with each costs less than sorting them.
const PAIRWISE_MEMBERS: usize = 16;

fn has_duplicates(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    if members.len() <= PAIRWISE_MEMBERS {
        return members.iter().enumerate().any(|(position, (name, _))| {
            let earlier = members.get(..position).unwrap_or_default();
            earlier.iter().any(|(other, _)| other == name)
        });
    }
    // Sorting keeps a hostile object of thousands of members from costing the square of them.
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

/// Why a text is no JSON for us, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Why.
    pub cause: JsonCause,
    /// Bytes into the text.
    pub offset: usize,
}

/// Why a text is no JSON for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonCause {
    /// A control character in a string must be escaped.
    Control,
    /// Nested deeper than [`MAX_JSON_DEPTH`].
    Depth,
    /// An object has a member name twice.
    DuplicateMember,
    /// The text ends in the middle of a value.
    End,
    /// A backslash starts no escape.
    Escape,
    /// A number is not written as RFC 8259 §6 has it.
    Number,
    /// Half of a surrogate pair is no character.
    Surrogate,
    /// Longer than [`MAX_JSON_BYTES`].
    TooLong,
    /// Something follows the value.
    Trailing,
    /// A character that cannot stand here.
    Unexpected,
    /// Not UTF-8.
    Utf8,
}

impl fmt::Display for JsonCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("control character in a string"),
            Self::Depth => write!(f, "nested deeper than {MAX_JSON_DEPTH}"),
            Self::DuplicateMember => f.write_str("duplicate member name"),
            Self::End => f.write_str("unexpected end"),
            Self::Escape => f.write_str("unknown escape"),
            Self::Number => f.write_str("malformed number"),
            Self::Surrogate => f.write_str("lone surrogate"),
            Self::TooLong => write!(f, "longer than {MAX_JSON_BYTES} bytes"),
            Self::Trailing => f.write_str("something follows the value"),
            Self::Unexpected => f.write_str("unexpected character"),
            Self::Utf8 => f.write_str("not UTF-8"),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.cause, self.offset)
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests;
