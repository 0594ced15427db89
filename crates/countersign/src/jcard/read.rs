//! From JSON to a card, with the rules of [RFC 7095 §3](https://www.rfc-editor.org/rfc/rfc7095#section-3) that tell one meaning from
//! another; parameters are looked at for their form only.

use super::BadCard;
use super::property::{Kind, Property, is_uri_of};
use crate::jose::json::Value;

/// Most properties of a card. No RFC has a limit; the largest example in RFC 7095 has 20. Own decision.
pub const MAX_PROPERTIES: usize = 64;

/// Most values of one property. No RFC has a limit. Own decision.
pub const MAX_VALUES: usize = 16;

/// What stands before the values of a property: name, parameters, type.
pub(super) const FIXED_ELEMENTS: usize = 3;

pub(super) fn properties(value: &Value<'_>) -> Result<Box<[Property]>, BadCard> {
    // RFC 7095 §3.2: "each syntactic entity is represented by an array with two elements and is named "jCard object". The first
    // element is the string "vcard", and the second element is an array of jCard properties".
    let [Value::String(vcard), Value::Array(properties)] = value.as_array().unwrap_or_default()
    else {
        return Err(BadCard::Form);
    };
    if vcard != "vcard" {
        return Err(BadCard::Form);
    }
    if properties.len() > MAX_PROPERTIES {
        return Err(BadCard::TooManyProperties);
    }
    let properties: Vec<_> = properties.iter().map(property).collect::<Result<_, _>>()?;
    judge(&properties)?;
    Ok(properties.into())
}

// RFC 7095 §3.3: "Each individual vCard property is represented in jCard by an array with three fixed elements, followed by one or
// more additional elements".
fn property(value: &Value<'_>) -> Result<Property, BadCard> {
    let elements = value.as_array().unwrap_or_default();
    let [
        Value::String(name),
        Value::Object(_),
        Value::String(value_type),
        values @ ..,
    ] = elements
    else {
        return Err(BadCard::Property);
    };
    if values.is_empty() || !is_property_name(name) {
        return Err(BadCard::Property);
    }
    if values.len() > MAX_VALUES {
        return Err(BadCard::TooManyValues);
    }
    let kind = Kind::of(name);
    // A URL inside a structured value would be followed by some phones and seen by no digest.
    let only_strings = kind.is_media() || value_type.eq_ignore_ascii_case("uri");
    if only_strings && !values.iter().all(|one| one.as_str().is_some()) {
        return Err(BadCard::Property);
    }
    // RFC 6350 §5.2 and §4.2: such a value is a URI of RFC 3986. A phone that repairs what is none would follow it unseen.
    let mut uris = values.iter().filter_map(Value::as_str);
    if only_strings && !uris.all(|uri| is_uri_of(kind, uri)) {
        return Err(BadCard::Uri);
    }
    Ok(Property {
        kind,
        name: name.as_ref().into(),
        value_type: value_type.as_ref().into(),
        values: values
            .iter()
            .map(|one| one.as_str().map(Box::from))
            .collect(),
    })
}

// RFC 7095 §3.3: "The vCard format specifies that property names are case insensitive and recommends that they be rendered in
// uppercase. In jCard, they MUST be in lowercase." And §3.3.1.2: "In jCard, a property name therefore MUST NOT be prefixed by a group
// name." RFC 6350 §3.3 has letters, digits and hyphens for names.
fn is_property_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn judge(properties: &[Property]) -> Result<(), BadCard> {
    // RFC 7095 §3.3.1.1: "the "version" property MUST be the first element of the array containing the properties of a jCard." And:
    // "vCards that conform to RFC 6350 will contain the value "4.0"."
    match properties.first() {
        Some(first) if first.kind == Kind::Version => match &*first.values {
            [Some(version)] if &**version == "4.0" => {}
            _ => return Err(BadCard::Version),
        },
        _ => return Err(BadCard::NoVersion),
    }
    for kind in Kind::SINGLE {
        let of_kind = properties.iter().filter(|property| property.kind == kind);
        if of_kind.count() > 1 {
            return Err(BadCard::Twice(kind));
        }
    }
    // RFC 9796 §10.4.1: "Value type: A single text value. Cardinality: 1*"
    let is_name = |property: &Property| {
        property.kind == Kind::Fn && property.values.first().is_some_and(Option::is_some)
    };
    match properties.iter().any(is_name) {
        true => Ok(()),
        false => Err(BadCard::NoName),
    }
}
