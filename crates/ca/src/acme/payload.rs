//! What a request says: the JSON inside its signature.

use super::problem::Problem;
use super::request::Admitted;
use countersign::jose::json::{self, Object, Value};

/// The members of a payload that has to be an object.
///
/// `empty` is what a payload of no octets stands for.
pub(super) fn members<'a>(admitted: &'a Admitted<'_>, empty: Empty) -> Result<Object<'a>, Problem> {
    let payload = admitted.jws.payload();
    if payload.is_empty() && empty == Empty::NoMembers {
        return Ok(Object::default());
    }
    object(payload)
}

/// The members of an object.
pub(super) fn object(bytes: &[u8]) -> Result<Object<'_>, Problem> {
    let value = json::parse(bytes)
        .map_err(|error| Problem::malformed(format!("the payload is not JSON: {error}")))?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::malformed("the payload is not an object")),
    }
}

/// What a payload of no octets stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// Nothing: it is malformed.
    Malformed,
    /// `{}`.
    NoMembers,
}

/// A member that is a string, if it is there.
pub(super) fn text<'a>(members: &'a Object<'_>, name: &str) -> Result<Option<&'a str>, Problem> {
    match members.get(name) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(Problem::malformed(format!("{name} is not a string"))),
        },
    }
}

/// A member that is a string and has to be there.
pub(super) fn needed<'a>(members: &'a Object<'_>, name: &str) -> Result<&'a str, Problem> {
    text(members, name)?.ok_or_else(|| Problem::malformed(format!("there is no {name}")))
}

/// Whether a member is `true`; it may be missing.
pub(super) fn is_true(members: &Object<'_>, name: &str) -> Result<bool, Problem> {
    match members.get(name) {
        None | Some(Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(_) => Err(Problem::malformed(format!("{name} is not true or false"))),
    }
}

/// Nothing is said: the request only asks to see.
// RFC 8555 §6.3: "the "payload" field of the JWS object MUST be present and set to the empty string ("")."
pub(super) fn nothing(admitted: &Admitted<'_>) -> Result<(), Problem> {
    match admitted.jws.payload() {
        [] => Ok(()),
        _ => Err(Problem::malformed(
            "this resource is only asked for, with an empty payload",
        )),
    }
}
