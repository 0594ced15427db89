//! JSON pointers of [RFC 6901](https://www.rfc-editor.org/rfc/rfc6901): names of places in a JSON value.
//!
//! [`Pointer::parse`] settles the syntax, [`Pointer::find`] the value. A pointer comes from whoever signed and is held against JSON
//! of the same hand, so both its length and its steps are bounded. The form for URI fragments (§6) is not read: nothing here has it.

use super::json::Value;
use std::borrow::Cow;
use std::fmt;

/// Longest pointer, in bytes. RFC 6901 has no limit; the longest into rich call data, `/jcl/1/63/3/6/0`, has 15. Own decision.
pub const MAX_POINTER_BYTES: usize = 128;

/// Most steps of a pointer. RFC 6901 has no limit; rich call data has no more than the six of `/jcd/1/2/3/2/0`, a component of a
/// structured value. Own decision.
pub const MAX_POINTER_STEPS: usize = 8;

/// A JSON pointer, well formed.
///
/// # Example
/// ```
/// use countersign::jose::{json::parse_str, pointer::Pointer};
/// let document = parse_str(r#"{"a/b":["bar","baz"]}"#).unwrap();
/// let pointer = Pointer::parse("/a~1b/1")?;
/// assert_eq!(pointer.find(&document.value).and_then(|found| found.as_str()), Some("baz"));
/// # Ok::<(), countersign::jose::pointer::BadPointer>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pointer<'a> {
    /// Empty, or starts with a slash; every `~` is of an escape.
    text: &'a str,
}

impl<'a> Pointer<'a> {
    /// The pointer of this text, which is unescaped as a JSON string already.
    ///
    /// # Errors
    /// [`BadPointer`] if it is none, or beyond our limits.
    pub fn parse(text: &'a str) -> Result<Self, BadPointer> {
        if text.len() > MAX_POINTER_BYTES {
            return Err(BadPointer::TooLong);
        }
        // RFC 6901 §3: "json-pointer = *( "/" reference-token )"
        if !text.is_empty() && !text.starts_with('/') {
            return Err(BadPointer::NoSlash);
        }
        // RFC 6901 §3: "escaped = "~" ( "0" / "1" )"
        let mut after_tilde = text.split('~').skip(1);
        if !after_tilde.all(|rest| rest.starts_with(['0', '1'])) {
            return Err(BadPointer::Escape);
        }
        let pointer = Self { text };
        match pointer.steps().count() > MAX_POINTER_STEPS {
            true => Err(BadPointer::TooManySteps),
            false => Ok(pointer),
        }
    }

    /// The text, as it was read.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The reference tokens in order, unescaped.
    pub fn steps(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        // What stands before the first slash is nothing.
        self.text.split('/').skip(1).map(unescape)
    }

    /// The first step, and the pointer from there on; `None` if it points to the whole document.
    pub fn split_first(&self) -> Option<(Cow<'a, str>, Self)> {
        let inside = self.text.strip_prefix('/')?;
        let length = inside.find('/').unwrap_or(inside.len());
        let (step, text) = inside.split_at_checked(length)?;
        Some((unescape(step), Self { text }))
    }

    /// The value that it points to in `document`; `None` if there is none.
    // RFC 6901 §4: "will raise an error condition if it fails to resolve a concrete value for any of the JSON pointer's reference
    // tokens."
    pub fn find<'v, 'j>(&self, document: &'v Value<'j>) -> Option<&'v Value<'j>> {
        self.steps().try_fold(document, |value, step| match value {
            Value::Object(members) => members.get(&step),
            Value::Array(elements) => elements.get(index(&step)?),
            _ => None,
        })
    }
}

// RFC 6901 §4: "This is performed by first transforming any occurrence of the sequence '~1' to '/', and then transforming any
// occurrence of the sequence '~0' to '~'."
fn unescape(step: &str) -> Cow<'_, str> {
    match step.contains('~') {
        false => Cow::Borrowed(step),
        true => Cow::Owned(step.replace("~1", "/").replace("~0", "~")),
    }
}

// RFC 6901 §4: "array-index = %x30 / ( %x31-39 *(%x30-39) )", "note that leading zeros are not allowed". And "-" is a "(nonexistent)
// member after the last array element", which nothing here can mean.
fn index(step: &str) -> Option<usize> {
    let digits = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = step.len() > 1 && step.starts_with('0');
    (digits && !leading_zero)
        .then(|| step.parse().ok())
        .flatten()
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// Why a text is no pointer for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BadPointer {
    /// A `~` is followed by neither 0 nor 1.
    Escape,
    /// It is not empty and does not start with a slash.
    NoSlash,
    /// Longer than [`MAX_POINTER_BYTES`].
    TooLong,
    /// More steps than [`MAX_POINTER_STEPS`].
    TooManySteps,
}

impl fmt::Display for BadPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escape => f.write_str("a ~ in the pointer is no escape"),
            Self::NoSlash => f.write_str("the pointer does not start with a slash"),
            Self::TooLong => write!(f, "the pointer is longer than {MAX_POINTER_BYTES} bytes"),
            Self::TooManySteps => {
                write!(f, "the pointer has more than {MAX_POINTER_STEPS} steps")
            }
        }
    }
}

impl std::error::Error for BadPointer {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::parse_str;
    use proptest::prelude::*;

    /// The example of RFC 6901 §5.
    const DOCUMENT: &str = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;

    fn found(document: &str, pointer: &str) -> Option<String> {
        let document = parse_str(document).unwrap();
        let mut text = String::new();
        Pointer::parse(pointer)
            .ok()?
            .find(&document.value)?
            .write(&mut text);
        Some(text)
    }

    #[test]
    fn rfc6901_section_5() {
        let cases = [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ];
        for (pointer, value) in cases {
            assert_eq!(
                found(DOCUMENT, pointer).as_deref(),
                Some(value),
                "{pointer}"
            );
        }
        let whole = parse_str(DOCUMENT).unwrap().value;
        assert_eq!(Pointer::parse("").unwrap().find(&whole), Some(&whole));
    }

    #[test]
    fn escapes_are_undone_in_the_order_of_the_rfc() {
        // "the string '~01' correctly becomes '~1' after transformation"
        let steps: Vec<_> = Pointer::parse("/~01/~10").unwrap().steps().collect();
        assert_eq!(steps, ["~1", "/0"]);
        for bad in ["/~", "/~2", "/a~/b", "/~~0"] {
            assert_eq!(Pointer::parse(bad), Err(BadPointer::Escape), "{bad}");
        }
        assert_eq!(Pointer::parse("foo"), Err(BadPointer::NoSlash));
        assert_eq!(Pointer::parse("#/foo"), Err(BadPointer::NoSlash));
    }

    #[test]
    fn indices_have_one_form() {
        for bad in [
            "/foo/00", "/foo/01", "/foo/-", "/foo/+1", "/foo/ 1", "/foo/", "/foo/2", "/foo/١",
        ] {
            assert_eq!(found(DOCUMENT, bad), None, "{bad}");
        }
        assert_eq!(found(DOCUMENT, "/foo/18446744073709551616"), None);
        assert_eq!(found(DOCUMENT, "/foo/0/0"), None, "nothing is in a string");
    }

    #[test]
    fn limits_hold() {
        let long = format!("/{}", "a".repeat(MAX_POINTER_BYTES));
        assert_eq!(Pointer::parse(&long), Err(BadPointer::TooLong));
        assert!(Pointer::parse(&"/a".repeat(MAX_POINTER_STEPS)).is_ok());
        let deep = "/a".repeat(MAX_POINTER_STEPS + 1);
        assert_eq!(Pointer::parse(&deep), Err(BadPointer::TooManySteps));
    }

    proptest! {
        #[test]
        fn any_text_is_a_pointer_or_not(text in "[/~01a-]{0,24}|\\PC{0,200}") {
            if let Ok(pointer) = Pointer::parse(&text) {
                let escaped: String = pointer
                    .steps()
                    .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
                    .collect();
                prop_assert_eq!(escaped, text.as_str());
                match pointer.split_first() {
                    None => prop_assert_eq!(text.as_str(), ""),
                    Some((first, rest)) => {
                        let again: Vec<_> = std::iter::once(first).chain(rest.steps()).collect();
                        prop_assert_eq!(again, pointer.steps().collect::<Vec<_>>());
                    }
                }
            }
        }
    }
}
