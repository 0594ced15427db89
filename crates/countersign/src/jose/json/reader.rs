//! The reader: one pass over the text, recursion bounded by [`MAX_JSON_DEPTH`], memory by [`MAX_JSON_BYTES`].

use super::{Form, JsonCause, JsonError, MAX_JSON_BYTES, MAX_JSON_DEPTH, Number, Object, Value};
use std::borrow::Cow;

/// A value, and how its text was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// What the text says.
    pub value: Value<'a>,
    /// How it says it.
    pub form: Form,
}

/// Reads one JSON value; nothing but white space may follow.
///
/// # Errors
/// [`JsonError`] with the first defect found.
///
/// # Example
/// ```
/// use countersign::jose::json::{JsonCause, parse};
/// let claims = parse(br#"{"iat":1443208345}"#)?;
/// assert_eq!(claims.as_object().and_then(|object| object.get("iat")?.as_i64()), Some(1_443_208_345));
/// assert_eq!(parse(br#"{"a":{"b":1,"b":2}}"#).map_err(|error| error.cause), Err(JsonCause::DuplicateMember));
/// # Ok::<(), countersign::jose::json::JsonError>(())
/// ```
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    parse_within(bytes, MAX_JSON_BYTES)
}

/// [`parse`] for documents that may have `limit` bytes instead of [`MAX_JSON_BYTES`]: lists of certificates.
///
/// # Errors
/// [`JsonError`] with the first defect found.
pub fn parse_within(bytes: &[u8], limit: usize) -> Result<Value<'_>, JsonError> {
    if bytes.len() > limit {
        return Err(too_long(limit));
    }
    // RFC 8259 §8.1: "JSON text exchanged between systems that are not part of a closed ecosystem MUST be encoded using
    // UTF-8 [RFC3629]."
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError {
        cause: JsonCause::Utf8,
        offset: error.valid_up_to(),
    })?;
    read(text).map(|parsed| parsed.value)
}

/// [`parse`] for text that is known to be UTF-8, telling also how it was written.
///
/// # Errors
/// [`JsonError`] with the first defect found.
pub fn parse_str(text: &str) -> Result<Parsed<'_>, JsonError> {
    if text.len() > MAX_JSON_BYTES {
        return Err(too_long(MAX_JSON_BYTES));
    }
    read(text)
}

fn read(text: &str) -> Result<Parsed<'_>, JsonError> {
    let mut reader = Reader {
        text,
        at: 0,
        form: Form::Deterministic,
    };
    reader.skip_space();
    let value = reader.value(MAX_JSON_DEPTH)?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.fault(JsonCause::Trailing));
    }
    Ok(Parsed {
        value,
        form: reader.form,
    })
}

const fn too_long(limit: usize) -> JsonError {
    JsonError {
        cause: JsonCause::TooLong,
        offset: limit,
    }
}

/// Room for the claims of `shaken` without growing.
const USUAL_MEMBERS: usize = 5;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    form: Form,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            None => Err(self.fault(JsonCause::End)),
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.object(depth).map(Value::Object),
            Some(b'[') => self.array(depth).map(Value::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(_) => Err(self.fault(JsonCause::Unexpected)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, JsonError> {
        let inside = depth
            .checked_sub(1)
            .ok_or_else(|| self.fault(JsonCause::Depth))?;
        let opened_at = self.at;
        if self.first_of_group(b'}') {
            return Ok(Object::default());
        }
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(USUAL_MEMBERS);
        let mut sorted = true;
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            let name = self.string()?;
            // UTF-8 sorts as code points do.
            sorted &= members.last().is_none_or(|(previous, _)| *previous < name);
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            members.push((name, self.value(inside)?));
            if self.next_of_group(b'}')? == Next::Closed {
                break;
            }
        }
        if sorted {
            // Each name is greater than the one before, so none occurs twice.
            return Ok(Object { members });
        }
        // RFC 8225 §9: "JSON objects MUST have the keys ordered lexicographically by the Unicode [UNICODE] code points of the
        // member names."
        self.form = Form::Free;
        // RFC 7493 §2.3: "Objects in I-JSON messages MUST NOT have members with duplicate names. In this context, "duplicate"
        // means that the names, after processing any escaped characters, are identical sequences of Unicode characters."
        // RFC 7515 §4 leaves a choice: "JWS parsers MUST either reject JWSs with duplicate Header Parameter names or use a JSON
        // parser that returns only the lexically last duplicate member name". Two readers that choose differently read two
        // different calls, so we reject.
        Object::from_members(members).map_err(|_| JsonError {
            cause: JsonCause::DuplicateMember,
            offset: opened_at,
        })
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value<'a>>, JsonError> {
        let inside = depth
            .checked_sub(1)
            .ok_or_else(|| self.fault(JsonCause::Depth))?;
        let mut elements = Vec::new();
        if self.first_of_group(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.value(inside)?);
            if self.next_of_group(b']')? == Next::Closed {
                return Ok(elements);
            }
        }
    }

    /// Steps over the opening bracket; true if the group closes at once.
    fn first_of_group(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_space();
        let empty = self.peek() == Some(close);
        if empty {
            self.at += 1;
        }
        empty
    }

    fn next_of_group(&mut self, close: u8) -> Result<Next, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(Next::Another)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(Next::Closed)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.fault(JsonCause::Unexpected));
        }
        self.at += word.len();
        Ok(value)
    }

    /// RFC 8259 §6: number = [ minus ] int [ frac ] [ exp ]
    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.at;
        let negative = self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            return Err(self.fault(JsonCause::Number));
        }
        let mut integer = !(negative && leading_zero);
        if self.take(b'.') {
            self.digits()?;
            integer = false;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
            integer = false;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !integer {
            // RFC 8225 §9: "JSON numbers are to be encoded as integers unless the field is defined to be encoded otherwise."
            self.form = Form::Free;
            return Ok(Number::Text(Cow::Borrowed(text)));
        }
        Ok(text
            .parse()
            .map(Number::Integer)
            .or_else(|_| text.parse().map(Number::Unsigned))
            .unwrap_or(Number::Text(Cow::Borrowed(text))))
    }

    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.fault(JsonCause::Number)),
            count => Ok(count),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        self.at += plain_prefix(self.rest());
        // Nearly every string ends here, and is borrowed.
        if self.peek() == Some(b'"') {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        self.string_with_escapes(start).map(Cow::Owned)
    }

    /// The string that began at `start`, from the first character on that is not plain.
    #[cold]
    fn string_with_escapes(&mut self, start: usize) -> Result<String, JsonError> {
        let mut unescaped = String::new();
        let mut copied_to = start;
        loop {
            unescaped.push_str(self.text.get(copied_to..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => unescaped.push(self.escape()?),
                Some(_) => return Err(self.fault(JsonCause::Control)),
                None => return Err(self.fault(JsonCause::End)),
            }
            copied_to = self.at;
            self.at += plain_prefix(self.rest());
        }
        self.at += 1;
        Ok(unescaped)
    }

    /// Steps over one escape, noting if the deterministic form would have written the character otherwise.
    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let character = self.unicode_escape(start)?;
                self.note_escape(start, character);
                return Ok(character);
            }
            Some(_) => return Err(self.fault(JsonCause::Escape)),
            None => return Err(self.fault(JsonCause::End)),
        };
        self.at += 1;
        self.note_escape(start, character);
        Ok(character)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let lone = JsonError {
            cause: JsonCause::Surrogate,
            offset: start,
        };
        let first = self.hex4()?;
        if !(0xD800..0xE000).contains(&first) {
            return char::from_u32(first).ok_or(lone);
        }
        if first >= 0xDC00 || !self.rest().starts_with(b"\\u") {
            return Err(lone);
        }
        self.at += 2;
        let second = self.hex4()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(lone);
        }
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or(lone)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or_else(|| self.fault(JsonCause::End))?;
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or_else(|| self.fault(JsonCause::Escape))?;
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }

    fn note_escape(&mut self, start: usize, character: char) {
        let written = self.text.get(start..self.at).unwrap_or_default();
        let mut canonical = String::new();
        super::writer::write_character(character, &mut canonical);
        if canonical != written {
            self.form = Form::Free;
        }
    }

    /// RFC 8225 §9: "The JSON object MUST contain no whitespace or line breaks before or after any syntactic elements."
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
            self.form = Form::Free;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
        }
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn unexpected(&self) -> JsonError {
        self.fault(match self.peek() {
            Some(_) => JsonCause::Unexpected,
            None => JsonCause::End,
        })
    }

    fn fault(&self, cause: JsonCause) -> JsonError {
        JsonError {
            cause,
            offset: self.at,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Another,
    Closed,
}

/// How many bytes of a string need no look: everything up to a quote, a backslash or a control character. Eight at a time,
/// because most of a token is strings.
fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (position, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return position * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let in_tail = tail
        .iter()
        .position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    bytes.len() - tail.len() + in_tail.unwrap_or(tail.len())
}

/// Sets the high bit of every byte of `word` that is a quote, a backslash or a control character. Borrows may set it in bytes
/// above such a one, never below: the lowest is right.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGH
    }
    let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    controls | zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))
}
