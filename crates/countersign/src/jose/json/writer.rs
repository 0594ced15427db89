//! The writer: the deterministic form of [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9).
//!
//! That section says nothing about string escapes; we write every character as itself and escape only what JSON cannot hold:
//! `"`, `\` and the control characters, the short way where there is one (`docs/divergences.md`).

use super::{Number, Object, Value};
use std::fmt::Write as _;

impl Value<'_> {
    /// Appends the value to `text`: no white space, members in the order of their names' code points.
    pub fn write(&self, text: &mut String) {
        match self {
            // RFC 8225 §9: "JSON value literals MUST be lowercase."
            Self::Null => text.push_str("null"),
            Self::Bool(true) => text.push_str("true"),
            Self::Bool(false) => text.push_str("false"),
            Self::Number(number) => number.write(text),
            Self::String(string) => write_string(string, text),
            Self::Array(elements) => {
                text.push('[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        text.push(',');
                    }
                    element.write(text);
                }
                text.push(']');
            }
            Self::Object(object) => object.write(text),
        }
    }
}

impl Number<'_> {
    fn write(&self, text: &mut String) {
        match self {
            Self::Integer(value) => write_integer(*value, text),
            // Writing to a String cannot fail.
            Self::Unsigned(value) => _ = write!(text, "{value}"),
            Self::Text(written) => text.push_str(written),
        }
    }
}

impl Object<'_> {
    /// Appends the object to `text` as [`Value::write`] does.
    pub fn write(&self, text: &mut String) {
        let mut sorted: Vec<&(std::borrow::Cow<'_, str>, Value<'_>)> =
            self.members.iter().collect();
        sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        text.push('{');
        for (position, (name, value)) in sorted.into_iter().enumerate() {
            if position > 0 {
                text.push(',');
            }
            write_string(name, text);
            text.push(':');
            value.write(text);
        }
        text.push('}');
    }
}

/// Appends `value` in decimal.
pub(crate) fn write_integer(value: i64, text: &mut String) {
    // Writing to a String cannot fail.
    _ = write!(text, "{value}");
}

/// Appends `string` with its quotes.
pub fn write_string(string: &str, text: &mut String) {
    text.push('"');
    // Most need no escape. To see that, all bytes are looked at together, which is quicker than to look for the first that is special.
    let special = |found, byte: u8| found | must_be_escaped(byte.into());
    if string.bytes().fold(false, special) {
        write_escaped(string, text);
    } else {
        text.push_str(string);
    }
    text.push('"');
}

fn write_escaped(string: &str, text: &mut String) {
    let mut rest = string;
    while let Some(at) = rest.find(must_be_escaped) {
        let (plain, special) = rest.split_at(at);
        text.push_str(plain);
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            write_character(character, text);
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
}

/// Appends one character of a string, escaped if it must be.
pub(super) fn write_character(character: char, text: &mut String) {
    let short = match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        control if must_be_escaped(control) => {
            // Writing to a String cannot fail.
            _ = write!(text, "\\u{:04x}", u32::from(control));
            return;
        }
        plain => return text.push(plain),
    };
    text.push_str(short);
}

/// RFC 8259 §7: "All Unicode characters may be placed within the quotation marks, except for the characters that MUST be
/// escaped: quotation mark, reverse solidus, and the control characters (U+0000 through U+001F)."
fn must_be_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{0}'..='\u{1f}')
}
