//! The `div` and `div-o` extensions, [RFC 8946](https://www.rfc-editor.org/rfc/rfc8946): a call that was diverted.
//!
//! A `div` PASSporT stands beside the one it refers to; a `div-o` PASSporT has it inside, in `opt`. How they make a chain is
//! judged in `verification`.

use super::error::{Claim, PassportError};
use super::value::{read_number, read_uri};
use crate::identity::Identity;
use crate::jose::json::{Value, write_string};

/// The value of `ppt` for a diversion beside its original.
pub const DIV: &str = "div";
/// The value of `ppt` for a diversion that has its original inside.
pub const DIV_O: &str = "div-o";

/// Longest `hi`, in bytes. RFC 7044 has no limit; an index of sixteen steps has 32.
pub const MAX_HISTORY_INDEX: usize = 64;

/// The claim that `div` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Div {
    /// Who was called before.
    pub from: Identity,
    /// Which entry of History-Info tells of it: [RFC 8946 §8](https://www.rfc-editor.org/rfc/rfc8946#section-8).
    pub history: Option<Box<str>>,
}

/// The claims that `div-o` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivO {
    /// Who was called before.
    pub div: Div,
    /// The PASSporT before: a token in full form, as it stands there. Nothing in it is believed because it is here.
    pub opt: Box<str>,
}

impl Div {
    /// The claim of a call that was diverted from there; `history` is left out if it is no index of History-Info.
    pub fn new(from: Identity, history: Option<&str>) -> Self {
        let history = history.filter(|index| is_index(index)).map(Box::from);
        Self { from, history }
    }

    // RFC 8946 §3: "Every "div" PASSporT is diverting from only one identifier." And: "the "div" element may contain other name/value
    // pairs than just a destination, including a History-Info indicator (see Section 8)." Those that we do not know stay in the payload.
    pub(super) fn read(value: &Value<'_>) -> Result<Self, PassportError> {
        let shape = PassportError::ClaimShape(Claim::Div);
        let object = value.as_object().ok_or(shape.clone())?;
        let from = match (object.get("tn"), object.get("uri")) {
            (Some(number), None) => Identity::Number(read_number(number, Claim::Div)?),
            (None, Some(uri)) => Identity::Uri(read_uri(uri, Claim::Div)?),
            (None, None) => return Err(PassportError::IdentityType(Claim::Div)),
            (Some(_), Some(_)) => return Err(shape),
        };
        let history = match object.get("hi") {
            None => None,
            Some(hi) => match hi.as_str() {
                Some(index) if is_index(index) => Some(index.into()),
                Some(index) if index.len() > MAX_HISTORY_INDEX => {
                    return Err(PassportError::ClaimTooLarge(Claim::Div));
                }
                _ => return Err(shape),
            },
        };
        Ok(Self { from, history })
    }

    pub(super) fn write(&self, json: &mut String) {
        json.push('{');
        if let Some(history) = &self.history {
            json.push_str("\"hi\":");
            write_string(history, json);
            json.push(',');
        }
        match &self.from {
            Identity::Number(number) => {
                json.push_str("\"tn\":");
                write_string(number.as_str(), json);
            }
            Identity::Uri(uri) => {
                json.push_str("\"uri\":");
                write_string(uri, json);
            }
        }
        json.push('}');
    }
}

/// An index of History-Info: [RFC 7044 §5](https://www.rfc-editor.org/rfc/rfc7044#section-5), numbers with dots between.
pub(super) fn is_index(text: &str) -> bool {
    text.len() <= MAX_HISTORY_INDEX
        && text
            .split('.')
            .all(|step| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()))
}
