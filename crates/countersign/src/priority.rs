//! Priority of a call: the values of Resource-Priority
//! ([RFC 4412 §3.1](https://www.rfc-editor.org/rfc/rfc4412#section-3.1)) and the mark of a call-back after an emergency call
//! ([RFC 7090 §5](https://www.rfc-editor.org/rfc/rfc7090#section-5)).
//!
//! A PASSporT of type `rph` signs such values, the signalling asks for them; both are read here.

use crate::identity::{Dest, Identity};
use std::fmt;
use std::str::FromStr;

/// Longest value that is read, in bytes: "dsn.flash-override" has 18.
pub const MAX_RESOURCE_VALUE: usize = 64;

/// The namespace of emergency services: [RFC 7135](https://www.rfc-editor.org/rfc/rfc7135).
pub const EMERGENCY_NAMESPACE: &str = "esnet";

/// What calls emergency services without a number: [RFC 5031](https://www.rfc-editor.org/rfc/rfc5031), and the services below
/// it.
pub const EMERGENCY_SERVICE: &str = "urn:service:sos";

/// Longest dial string of emergency services, in digits, that needs no list: nearly everywhere it has two or three, and nothing else
/// that short is a number of somebody. Longer ones are known to who routes them ([`Dialled::Emergency`]).
pub const MAX_EMERGENCY_DIGITS: usize = 3;

/// One value: a namespace and a priority in it, such as `ets.0`. Compared without regard to case.
// RFC 4412 §3.1: "The 'Resource-Priority' header field values are case-insensitive": kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceValue(Box<str>);

impl ResourceValue {
    /// Both, as they are compared: `ets.0`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the dot.
    pub fn namespace(&self) -> &str {
        self.0
            .split_once('.')
            .map_or(&self.0, |(namespace, _)| namespace)
    }
}

impl ResourceValue {
    /// Whether it is one of [`EMERGENCY_NAMESPACE`].
    pub fn is_of_emergency_services(&self) -> bool {
        self.namespace() == EMERGENCY_NAMESPACE
    }
}

/// Whether an identity is the number of somebody who can be called back: an E.164 number, and nothing that is dialled for emergency
/// services.
pub fn is_telephone_number(identity: &Identity) -> bool {
    matches!(identity, Identity::Number(number) if number.is_e164() && number.len() > MAX_EMERGENCY_DIGITS)
}

/// Whether emergency services are called, and nobody else.
// RFC 9027 §3: "The "dest" claim MUST be either a country- or region-specific dial string (e.g., "911" for North America or a
// "112" GSM-defined string used in Europe and other countries) or "urn:service:sos"".
pub fn is_emergency_call(dest: &Dest) -> bool {
    let is_dialled = |number: &crate::number::TelephoneNumber| number.len() <= MAX_EMERGENCY_DIGITS;
    !dest.is_empty()
        && dest.numbers.iter().all(is_dialled)
        && dest.uris.iter().all(|uri| is_emergency_service(uri))
}

fn is_emergency_service(uri: &str) -> bool {
    let (service, below) = uri
        .split_at_checked(EMERGENCY_SERVICE.len())
        .unwrap_or((uri, ""));
    service.eq_ignore_ascii_case(EMERGENCY_SERVICE) && (below.is_empty() || below.starts_with('.'))
}

impl FromStr for ResourceValue {
    type Err = NotAResourceValue;

    // RFC 4412 §3.1: r-value = namespace "." r-priority; namespace = token-nodot; r-priority = token-nodot
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, priority) = text.split_once('.').ok_or(NotAResourceValue)?;
        let is_token = |part: &str| !part.is_empty() && part.bytes().all(is_token_without_dot);
        if text.len() > MAX_RESOURCE_VALUE || !is_token(namespace) || !is_token(priority) {
            return Err(NotAResourceValue);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

const fn is_token_without_dot(byte: u8) -> bool {
    matches!(
        byte,
        b'-' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
    ) || byte.is_ascii_alphanumeric()
}

impl fmt::Display for ResourceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a namespace, a dot and a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAResourceValue;

impl fmt::Display for NotAResourceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a namespace, a dot and a priority")
    }
}

impl std::error::Error for NotAResourceValue {}

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedPriority {
    /// The values of Resource-Priority, in order.
    pub values: Vec<ResourceValue>,
    /// What `Priority` marks it as.
    pub mark: PriorityMark,
    /// What is known of the number that it calls.
    pub dialled: Dialled,
}

impl RequestedPriority {
    /// Whether a PASSporT with this `dest` is about a call to emergency services: [`is_emergency_call`], or what is dialled in this
    /// country, as long as it may be.
    pub(crate) fn is_for_help(&self, dest: &Dest) -> bool {
        is_emergency_call(dest) || self.dialled == Dialled::Emergency
    }
}

/// What is known of a number that is dialled, beyond its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialled {
    /// It leads to emergency services here, who route by this list: `1122` as well as `112`.
    Emergency,
    /// Nothing.
    #[default]
    Unlisted,
}

/// What the `Priority` header of a request marks it as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityMark {
    /// Nothing that matters here.
    #[default]
    None,
    /// `psap-callback`: an answering point calls back who called it.
    PsapCallback,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_two_tokens_and_case_does_not_matter() {
        let value: ResourceValue = "ETS.0".parse().unwrap();
        assert_eq!(value, "ets.0".parse().unwrap());
        assert_eq!((value.as_str(), value.namespace()), ("ets.0", "ets"));
        let long = format!("{}.0", "a".repeat(MAX_RESOURCE_VALUE));
        for text in ["", "ets", "ets.", ".0", "ets.0.1", "ets .0", "ets,0", &long] {
            assert_eq!(
                text.parse::<ResourceValue>(),
                Err(NotAResourceValue),
                "{text}"
            );
        }
    }
}
