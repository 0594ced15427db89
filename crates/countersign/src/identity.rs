//! Who: a telephone number or a URI, in the canonical form that PASSporTs carry.
//!
//! [`Identity::from_uri`] is the one way from a URI of the signalling (`sip:`, `sips:`, `tel:`) to an [`Identity`]: it decides
//! whether the user part is a telephone number ([RFC 8224 §8.1](https://www.rfc-editor.org/rfc/rfc8224#section-8.1)),
//! canonicalizes numbers (§8.3) or normalizes the URI (§8.5). [`Orig`] and [`Dest`] are the claims of
//! [RFC 8225 §5.2.1](https://www.rfc-editor.org/rfc/rfc8225#section-5.2.1).
//!
//! Which header of a request speaks for the caller is not decided here but in the SIP crate.

use crate::number::{NotATelephoneNumber, NumberingPlan, TelephoneNumber};
use std::fmt;

/// Longest URI we make an identity of, in bytes. RFC 3261 has no limit; real addresses of record are far below.
pub const MAX_URI: usize = 256;

/// A telephone number or a canonical URI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A `tn` of RFC 8225 §5.2.1.
    Number(TelephoneNumber),
    /// A `uri` of RFC 8225 §5.2.1, normalized by RFC 8224 §8.5 when it was made from signalling.
    Uri(Box<str>),
}

/// The originating identity: exactly one.
pub type Orig = Identity;

/// Destination identities: at least one, numbers and URIs apart as the claim has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dest {
    /// The `tn` array.
    pub numbers: Vec<TelephoneNumber>,
    /// The `uri` array.
    pub uris: Vec<Box<str>>,
}

impl Dest {
    /// A destination of one identity.
    pub fn one(identity: Identity) -> Self {
        let mut dest = Self::default();
        dest.push(identity);
        dest
    }

    /// Adds an identity, keeping each array in the order RFC 8225 §5.2.1 asks for.
    // RFC 8225 §5.2.1: "Within the "tn" and "uri" arrays, the identity strings should be put in lexicographical order, including
    // the scheme-specific portion of the URI characters."
    pub fn push(&mut self, identity: Identity) {
        match identity {
            Identity::Number(number) => {
                let at = self.numbers.partition_point(|other| *other < number);
                self.numbers.insert(at, number);
            }
            Identity::Uri(uri) => {
                let at = self.uris.partition_point(|other| *other < uri);
                self.uris.insert(at, uri);
            }
        }
    }

    /// Whether `identity` is one of the destinations.
    pub fn contains(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Number(number) => self.numbers.contains(number),
            Identity::Uri(uri) => self.uris.contains(uri),
        }
    }

    /// Whether nothing is in it; such a claim is not valid.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.uris.is_empty()
    }

    /// All identities, numbers first.
    pub fn iter(&self) -> impl Iterator<Item = Identity> + '_ {
        let numbers = self.numbers.iter().copied().map(Identity::Number);
        numbers.chain(self.uris.iter().cloned().map(Identity::Uri))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Uri(uri) => f.write_str(uri),
        }
    }
}

/// Local policy for reading identities out of URIs: what RFC 8224 §8.1 and §8.3 leave to each domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityPolicy {
    /// How numbers without a country code are completed.
    pub plan: NumberingPlan,
    /// What an all-digit user part is that nothing labels as a telephone number.
    pub bare_digits: BareDigits,
}

/// What `sip:2025550100@example.com`, with neither `user=phone` nor `+`, is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BareDigits {
    /// A telephone number: what nearly every switch means by it. The default.
    #[default]
    Number,
    /// A user name.
    Uri,
}

/// Which end of the call a URI names; the rules differ for numbers that are not global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The caller: a number that is not E.164 is treated as a URI.
    Orig,
    /// The called party: service numbers (911, 112, `*67`) are numbers.
    Dest,
}

impl Identity {
    /// The canonical identity that a URI of the signalling names.
    ///
    /// `uri` is an addr-spec without angle brackets: `sip:+12025550100@example.com;user=phone`, `tel:+1-202-555-0100`.
    ///
    /// # Errors
    /// [`NotAnIdentity`] if the URI has another scheme, no user part, or is malformed.
    ///
    /// # Example
    /// ```
    /// use countersign::identity::{Identity, IdentityPolicy, Role};
    /// let policy = IdentityPolicy::default();
    /// let alice = Identity::from_uri("sip:Alice:pw@Example.COM:5060;x=y", Role::Orig, policy)?;
    /// assert_eq!(alice.to_string(), "sip:alice@example.com");
    /// let number = Identity::from_uri("sip:+1(202)555-0100;npdi;rn=+12025550199@h;user=phone", Role::Orig, policy)?;
    /// assert_eq!(number.to_string(), "12025550100");
    /// # Ok::<(), countersign::identity::NotAnIdentity>(())
    /// ```
    pub fn from_uri(uri: &str, role: Role, policy: IdentityPolicy) -> Result<Self, NotAnIdentity> {
        if uri.len() > MAX_URI {
            return Err(NotAnIdentity::TooLong);
        }
        let (scheme, rest) = uri.split_once(':').ok_or(NotAnIdentity::Malformed)?;
        if scheme.eq_ignore_ascii_case("tel") {
            return telephone_uri(rest, policy.plan);
        }
        let scheme = match () {
            () if scheme.eq_ignore_ascii_case("sip") => "sip",
            () if scheme.eq_ignore_ascii_case("sips") => "sips",
            () if scheme.eq_ignore_ascii_case("urn") && role == Role::Dest => return service(rest),
            () => return Err(NotAnIdentity::Scheme),
        };
        // The last @ ends the userinfo: RFC 3261 §25.1 has no bare @ in one, and none in a host or a parameter.
        let (userinfo, host_and_more) = rest.rsplit_once('@').ok_or(NotAnIdentity::NoUser)?;
        let user = userinfo
            .split_once(':')
            .map_or(userinfo, |(user, _password)| user);
        let (host, parameters) = split_host(host_and_more)?;
        if user.is_empty() {
            return Err(NotAnIdentity::NoUser);
        }
        if let Some(number) = telephone_user(user, parameters, role, policy) {
            return Ok(Self::Number(number));
        }
        Ok(Self::Uri(canonical_uri(scheme, user, host)?))
    }

    /// Whether it is the address of nobody: a host under the reserved top level `invalid`.
    // RFC 3323 §4.1.1.3: "the hostname value 'anonymous.invalid' SHOULD be used for anonymous URIs"
    pub fn is_of_nobody(&self) -> bool {
        let host = self.user_and_host().map(|(_, host)| host);
        let top = host.and_then(|host| host.rsplit('.').next());
        top.is_some_and(|top| top.eq_ignore_ascii_case("invalid"))
    }

    /// Whether it does not say which of the users of its host it is: the user `anonymous`, or nobody's address. The provider of a host
    /// that exists may sign for such a user, of whom nothing more is proven then.
    // RFC 8224 §12.1: "The assurance offered by the usage of anonymous URIs with a valid domain portion is "this is a known user in my domain
    // that I have authenticated, but I am keeping its identity private.""
    pub fn is_anonymous(&self) -> bool {
        let user = self.user_and_host().map(|(user, _)| user);
        self.is_of_nobody() || user.is_some_and(|user| user.eq_ignore_ascii_case("anonymous"))
    }

    /// The two halves of an address.
    fn user_and_host(&self) -> Option<(&str, &str)> {
        let Self::Uri(uri) = self else {
            return None;
        };
        let address = uri.split_once(':').map_or(&**uri, |(_, address)| address);
        Some(address.rsplit_once('@').unwrap_or(("", address)))
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<TelephoneNumber> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Uri(_) => None,
        }
    }
}

/// The URN of a service, RFC 5031: emergency services are called by one. Nobody calls from one.
// RFC 5031 §3: "'service' identifiers are compared according to case-insensitive string equality."
fn service(rest: &str) -> Result<Identity, NotAnIdentity> {
    let (namespace, service) = rest.split_once(':').ok_or(NotAnIdentity::Malformed)?;
    if !namespace.eq_ignore_ascii_case("service") {
        return Err(NotAnIdentity::Scheme);
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if service.is_empty() || !service.bytes().all(fits) {
        return Err(NotAnIdentity::Malformed);
    }
    let urn = format!("urn:service:{}", service.to_ascii_lowercase());
    Ok(Identity::Uri(urn.into()))
}

/// `tel:` URI, RFC 3966.
fn telephone_uri(subscriber: &str, plan: NumberingPlan) -> Result<Identity, NotAnIdentity> {
    canonical_subscriber(subscriber, plan)
        .map(Identity::Number)
        .map_err(|_| NotAnIdentity::Malformed)
}

/// A telephone-subscriber of RFC 3966 §3, in a `tel:` URI or in a user part: `+` and digits, or local digits with a
/// `phone-context` that may name the country code. Its other parameters (`;npdi`, `;rn=`, `;tgrp=`) say nothing about who it is.
fn canonical_subscriber(
    subscriber: &str,
    plan: NumberingPlan,
) -> Result<TelephoneNumber, NotATelephoneNumber> {
    let (digits, parameters) = subscriber.split_once(';').unwrap_or((subscriber, ""));
    let context = parameter(parameters, "phone-context").filter(|context| context.starts_with('+'));
    match context {
        // RFC 3966 §5.1.5: a global context is the prefix that makes the local number unique.
        Some(prefix) if !digits.starts_with('+') => plan.canonical(&format!("{prefix}{digits}")),
        _ => plan.canonical(digits),
    }
}

/// RFC 8224 §8.1: is the user part a telephone number?
fn telephone_user(
    user: &str,
    parameters: &str,
    role: Role,
    policy: IdentityPolicy,
) -> Option<TelephoneNumber> {
    let labelled =
        parameter(parameters, "user").is_some_and(|value| value.eq_ignore_ascii_case("phone"));
    let decoded;
    let user = if user.contains('%') {
        decoded = decode_all(user)?;
        decoded.as_str()
    } else {
        user
    };
    let looks_like_one = user.starts_with('+') || policy.bare_digits == BareDigits::Number;
    if !(labelled || looks_like_one) {
        return None;
    }
    // RFC 3261 §19.1.6: the user part of such a URI is the whole telephone-subscriber, its parameters included.
    let number = canonical_subscriber(user, policy.plan).ok()?;
    // RFC 8224 §8.1: "if the result of the canonicalization of the From header field value does not form a valid E.164
    // telephone number, the authentication service and/or verification service SHOULD treat the entire URI as a SIP URI"
    (role == Role::Dest || number.is_e164()).then_some(number)
}

/// Splits `host:port;parameters?headers`; brackets of an IPv6 reference stay with the host.
fn split_host(text: &str) -> Result<(&str, &str), NotAnIdentity> {
    let without_headers = text.split('?').next().unwrap_or(text);
    let (hostport, parameters) = without_headers
        .split_once(';')
        .unwrap_or((without_headers, ""));
    let host = if hostport.starts_with('[') {
        let end = hostport.find(']').ok_or(NotAnIdentity::Malformed)?;
        hostport.get(..=end).ok_or(NotAnIdentity::Malformed)?
    } else {
        hostport.split(':').next().unwrap_or(hostport)
    };
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    if host.is_empty() || !host.bytes().all(fits) {
        return Err(NotAnIdentity::Malformed);
    }
    Ok((host, parameters))
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|one| {
        let (key, value) = one.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// RFC 8224 §8.5: canon-uri = ( "sip" / "sips" ) ":" user "@" host
fn canonical_uri(scheme: &str, user: &str, host: &str) -> Result<Box<str>, NotAnIdentity> {
    let mut uri = String::with_capacity(scheme.len() + user.len() + host.len() + 2);
    uri.push_str(scheme);
    uri.push(':');
    let mut bytes = user.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (bytes.next(), bytes.next());
                push_escape(
                    &mut uri,
                    hex_pair(high, low).ok_or(NotAnIdentity::Malformed)?,
                );
            }
            // A URI is ASCII; anything else, and what would break out of the user part, is malformed.
            0x21..=0x7e if !matches!(byte, b'"' | b'<' | b'>' | b'@') => {
                uri.push(char::from(byte.to_ascii_lowercase()))
            }
            _ => return Err(NotAnIdentity::Malformed),
        }
    }
    uri.push('@');
    uri.extend(host.chars().map(|character| character.to_ascii_lowercase()));
    Ok(uri.into_boxed_str())
}

/// RFC 8224 §8.5: "decoding any percent-encoded octet that corresponds to an unreserved character", and RFC 3986 §6.2.2.1:
/// the hexadecimal digits of the others are uppercase.
fn push_escape(uri: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        uri.push(char::from(byte.to_ascii_lowercase()));
    } else {
        uri.push_str(&format!("%{byte:02X}"));
    }
}

fn decode_all(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'%' => {
                let (high, low) = (bytes.next(), bytes.next());
                hex_pair(high, low)?
            }
            other => other,
        };
        if !plain.is_ascii() {
            return None;
        }
        decoded.push(char::from(plain));
    }
    Some(decoded)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Why a URI names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnIdentity {
    /// Not a URI, or a bad escape or host in it.
    Malformed,
    /// A SIP URI without a user part.
    NoUser,
    /// A scheme other than `sip`, `sips` and `tel`, and `urn` of a service that is called.
    Scheme,
    /// Longer than [`MAX_URI`].
    TooLong,
}

impl fmt::Display for NotAnIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the URI is malformed"),
            Self::NoUser => f.write_str("the URI has no user part"),
            Self::Scheme => f.write_str("the URI is neither sip, sips nor tel"),
            Self::TooLong => write!(f, "the URI is longer than {MAX_URI} bytes"),
        }
    }
}

impl std::error::Error for NotAnIdentity {}

/// Whether `text` could be a URI of at most `limit` bytes: a scheme, a colon, and only characters that
/// [RFC 3986 §2](https://www.rfc-editor.org/rfc/rfc3986#section-2) knows. So it can stand between angle brackets.
pub(crate) fn is_uri(text: &str, limit: usize) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    // RFC 3986 §3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let never_in_a_uri = |byte: u8| {
        matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
    };
    text.len() <= limit
        && scheme_fits
        && !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !never_in_a_uri(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orig(uri: &str) -> Result<String, NotAnIdentity> {
        Identity::from_uri(uri, Role::Orig, IdentityPolicy::default())
            .map(|identity| identity.to_string())
    }

    fn dest(uri: &str) -> Result<String, NotAnIdentity> {
        Identity::from_uri(uri, Role::Dest, IdentityPolicy::default())
            .map(|identity| identity.to_string())
    }

    #[test]
    fn numbers_are_found_in_every_dress() {
        for uri in [
            "sip:+12025550100@example.com;user=phone",
            "sip:12025550100@example.com",
            "SIP:+1-202-555-0100@example.com",
            "sip:%2B12025550100@example.com",
            "sips:+12025550100;npdi;rn=+12025550199@example.com;user=phone",
            "sip:+12025550100;tgrp=t1;trunk-context=example.com@10.0.0.1",
            "tel:+1-202-555-0100",
            "tel:+12025550100;verstat=TN-Validation-Passed",
            "tel:2025550100;phone-context=+1",
            "sip:2025550100;phone-context=+1@example.com;user=phone",
        ] {
            assert_eq!(orig(uri).unwrap(), "12025550100", "{uri}");
        }
    }

    /// This test verifies that an anonymous user of a host is told from nobody's address, and both from everybody else.
    #[test]
    fn who_is_anonymous_may_be_somebodys_customer() {
        for (uri, is_anonymous, is_of_nobody) in [
            ("sip:anonymous@anonymous.invalid", true, true),
            ("sip:alice@unknown.INVALID", true, true),
            ("sips:Anonymous@a.example", true, false),
            ("sip:anonymous@192.0.2.10", true, false),
            ("sip:alice@a.example", false, false),
            ("sip:invalid@anonymous.example", false, false),
            ("sip:+12025550100@a.example", false, false),
        ] {
            let identity = Identity::from_uri(uri, Role::Orig, IdentityPolicy::default()).unwrap();
            assert_eq!(
                (identity.is_anonymous(), identity.is_of_nobody()),
                (is_anonymous, is_of_nobody),
                "{uri}"
            );
        }
    }

    #[test]
    fn service_numbers_are_numbers_only_as_destination() {
        assert_eq!(dest("sip:911@example.com").unwrap(), "911");
        assert_eq!(orig("sip:911@example.com").unwrap(), "sip:911@example.com");
        assert_eq!(dest("sip:*67@example.com").unwrap(), "*67");
    }

    #[test]
    fn uris_are_normalized_as_rfc_8224_section_8_5_says() {
        assert_eq!(
            orig("sip:Alice:pw@Example.COM:5060;x=y").unwrap(),
            "sip:alice@example.com"
        );
        assert_eq!(
            orig("sip:%41lice%3b@h?Subject=x").unwrap(),
            "sip:alice%3B@h"
        );
        assert_eq!(
            orig("sips:bob@[2001:DB8::1]:5061").unwrap(),
            "sips:bob@[2001:db8::1]"
        );
    }

    #[test]
    fn what_names_nobody_is_refused() {
        assert_eq!(orig("sip:example.com"), Err(NotAnIdentity::NoUser));
        assert_eq!(orig("sip:@example.com"), Err(NotAnIdentity::NoUser));
        assert_eq!(orig("mailto:alice@example.com"), Err(NotAnIdentity::Scheme));
        assert_eq!(orig("alice"), Err(NotAnIdentity::Malformed));
        assert_eq!(orig("sip:alice@"), Err(NotAnIdentity::Malformed));
        assert_eq!(orig("sip:a%4@h"), Err(NotAnIdentity::Malformed));
        assert_eq!(orig("sip:a\r\nb@h"), Err(NotAnIdentity::Malformed));
        assert_eq!(
            orig(&format!("sip:{}@h", "a".repeat(MAX_URI))),
            Err(NotAnIdentity::TooLong)
        );
    }

    #[test]
    fn destinations_stay_sorted() {
        let mut dest = Dest::default();
        for uri in ["sip:b@h", "sip:a@h", "tel:+12025550101", "tel:+12025550100"] {
            dest.push(Identity::from_uri(uri, Role::Dest, IdentityPolicy::default()).unwrap());
        }
        let all: Vec<_> = dest.iter().map(|identity| identity.to_string()).collect();
        assert_eq!(all, ["12025550100", "12025550101", "sip:a@h", "sip:b@h"]);
    }

    proptest::proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(uri in "(sip|sips):[a-zA-Z%0-9.;_-]{1,12}@[a-zA-Z0-9.]{1,12}(:[0-9]{1,4})?") {
            if let Ok(once) = dest(&uri) && once.starts_with("sip") {
                proptest::prop_assert_eq!(dest(&once), Ok(once));
            }
        }

        #[test]
        fn any_text_names_somebody_or_is_refused(uri in "\\PC*") {
            let _ = dest(&uri);
        }
    }
}
