//! Requests as forms: `signingRequest[attest]=A&signingRequest[orig][tn]=12025550100`, as the dial plan of a switch sends them that
//! has a function for forms and none for JSON. They become the JSON value that they stand for, and are read as that.

use countersign::jose::json::{Number, Object, Value};
use std::borrow::Cow;

/// Most pairs of one form.
pub const MAX_PAIRS: usize = 64;

/// Deepest name: `verificationRequest[to][tn][]`.
const MAX_DEPTH: usize = 4;

/// Why a body is no form that we read. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadForm {
    /// A name that is not of the form `a[b][c]`, or deeper than any that is known.
    Name,
    /// More than [`MAX_PAIRS`] pairs.
    TooMany,
    /// A name that is given twice, or stands for a value and for an object of values.
    Twice,
}

impl BadForm {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Name => "a name that is not of the form a[b][c]",
            Self::TooMany => "too many pairs",
            Self::Twice => "a name that is there twice",
        }
    }
}

/// The JSON value that a form stands for.
///
/// Members that are lists in JSON (`tn` and `uri` of the called side) are lists here, whether they are written with `[]` or
/// not, once or several times. `iat` and `time` are numbers. Everything else is a string.
///
/// # Errors
/// [`BadForm`].
pub fn parse(body: &[u8]) -> Result<Value<'_>, BadForm> {
    let mut root = Node::default();
    for (count, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
        if count >= MAX_PAIRS {
            return Err(BadForm::TooMany);
        }
        let path = path(&name).ok_or(BadForm::Name)?;
        root.put(&path, value)?;
    }
    Ok(root.into_value(""))
}

/// `a[b][c]` as `a`, `b`, `c`; a last `[]` is left out.
fn path(name: &str) -> Option<Vec<&str>> {
    let mut path = Vec::with_capacity(MAX_DEPTH);
    let (first, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    path.push(first);
    while !rest.is_empty() {
        let (segment, behind) = rest.strip_prefix('[')?.split_once(']')?;
        if path.len() >= MAX_DEPTH || (segment.is_empty() && !behind.is_empty()) {
            return None;
        }
        if !segment.is_empty() {
            path.push(segment);
        }
        rest = behind;
    }
    Some(path)
}

/// A value that is being collected.
#[derive(Default)]
struct Node<'a> {
    values: Vec<Cow<'a, str>>,
    /// In the order in which they came.
    members: Vec<(String, Self)>,
}

impl<'a> Node<'a> {
    fn put(&mut self, path: &[&str], value: Cow<'a, str>) -> Result<(), BadForm> {
        let Some((name, rest)) = path.split_first() else {
            self.values.push(value);
            return if self.members.is_empty() {
                Ok(())
            } else {
                Err(BadForm::Twice)
            };
        };
        if !self.values.is_empty() {
            return Err(BadForm::Twice);
        }
        let found = self.members.iter().position(|(known, _)| known == name);
        let place = found.unwrap_or_else(|| {
            self.members.push(((*name).to_owned(), Self::default()));
            self.members.len() - 1
        });
        let (_, member) = self.members.get_mut(place).ok_or(BadForm::Name)?;
        member.put(rest, value)?;
        let is_list = LISTS.contains(name) || *name == "identityHeaders";
        match rest.is_empty() && member.values.len() > 1 && !is_list {
            true => Err(BadForm::Twice),
            false => Ok(()),
        }
    }

    /// As the member of this name; numbers below `orig` and `from` are single.
    fn into_value(mut self, name: &str) -> Value<'a> {
        if self.values.is_empty() {
            let single = name == "orig" || name == "from";
            let members = self.members.into_iter().map(|(name, node)| {
                let value = match single {
                    true => node.into_value(""),
                    false => node.into_value(&name),
                };
                (Cow::Owned(name), value)
            });
            // No name is there twice: they were found by it.
            return Value::Object(Object::from_members(members.collect()).unwrap_or_default());
        }
        if LISTS.contains(&name) || name == "identityHeaders" {
            return Value::Array(self.values.into_iter().map(Value::String).collect());
        }
        let value = self.values.pop().unwrap_or_default();
        match value.parse() {
            Ok(number) if NUMBERS.contains(&name) => Value::Number(Number::Integer(number)),
            _ => Value::String(value),
        }
    }
}

/// What is a list on the called side.
const LISTS: [&str; 2] = ["tn", "uri"];

/// What is a number.
const NUMBERS: [&str; 2] = ["iat", "time"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<String, BadForm> {
        let mut text = String::new();
        parse(body.as_bytes())?.write(&mut text);
        Ok(text)
    }

    #[test]
    fn a_form_stands_for_json() {
        let form = "signingRequest[attest]=A&signingRequest%5Borig%5D%5Btn%5D=%2B1-202-555-0100&signingRequest[dest][tn]=12025550101\
            &signingRequest[dest][tn][]=12025550102&signingRequest[iat]=1443208345";
        assert_eq!(
            read(form).unwrap(),
            r#"{"signingRequest":{"attest":"A","dest":{"tn":["12025550101","12025550102"]},"iat":1443208345,"orig":{"tn":"+1-202-555-0100"}}}"#
        );
        assert_eq!(read("").unwrap(), "{}");
    }

    #[test]
    fn what_is_no_form() {
        for (body, why) in [
            ("a[b=1", BadForm::Name),
            ("a[b]c=1", BadForm::Name),
            ("a[][b]=1", BadForm::Name),
            ("a[b][c][d][e]=1", BadForm::Name),
            ("a=1&a=2", BadForm::Twice),
            ("a=1&a[b]=2", BadForm::Twice),
            ("a[b]=2&a=1", BadForm::Twice),
        ] {
            assert_eq!(read(body), Err(why), "{body}");
        }
        assert_eq!(
            read(&"a[tn]=1&".repeat(MAX_PAIRS + 1)),
            Err(BadForm::TooMany)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_form_panics_and_all_become_json(body in "[a-c\\[\\]=&%0-9+]{0,200}") {
            if let Ok(text) = read(&body) {
                proptest::prop_assert!(countersign::jose::json::parse_str(&text).is_ok());
            }
        }
    }
}
