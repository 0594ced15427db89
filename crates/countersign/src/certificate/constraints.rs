//! Claim constraints: what the tokens of an end entity must say, may say and must not say.
//! JWTClaimConstraints of [RFC 8226 §8](https://www.rfc-editor.org/rfc/rfc8226#section-8) and EnhancedJWTClaimConstraints of
//! [RFC 9118 §3](https://www.rfc-editor.org/rfc/rfc9118#section-3), which has the same two parts and a third.
//!
//! [`ConstraintList`] is one extension as received, [`ClaimConstraints`] what one certificate has of them. They are judged
//! against the claims as signed ([`ClaimConstraints::judge`]): the JSON object of the payload, with the claims in it that we do not
//! know. The authentication service asks the same question before it signs.
//!
//! What lives elsewhere: which certificates of a path are asked (`crate::verification`, the policy about inherited
//! constraints), and what a violation is called outside.

use super::encode;
use super::walk::{Malformed, Walk, constructed};
use crate::jose::json::{Object, Value};
use der::Tag;
use std::fmt;

/// The claims that every PASSporT has.
// RFC 9118 §3: "The baseline PASSporT claims ("iat", "orig", and "dest") are always permitted, and these claims MUST NOT be part
// of the mustExclude list."
pub const BASELINE_CLAIMS: [&str; 3] = ["dest", "iat", "orig"];

/// The constraints of one certificate.
///
/// # Example
/// ```
/// use countersign::certificate::constraints::{ClaimConstraints, ConstraintList, Violation};
/// use countersign::jose::json::parse_str;
/// // SEQUENCE { [0] { SEQUENCE { IA5String "attest" } } }: mustInclude attest.
/// let list = ConstraintList::from_der(&[0x30, 12, 0xa0, 10, 0x30, 8, 0x16, 6, b'a', b't', b't', b'e', b's', b't'])?;
/// let constraints = ClaimConstraints { plain: Some(list), enhanced: None };
/// let payload = parse_str(r#"{"iat":1443208345}"#).unwrap();
/// let violation = Violation::Missing { claim: "attest".into() };
/// assert_eq!(constraints.judge(payload.value.as_object().unwrap()), Err(violation));
/// # Ok::<(), countersign::certificate::constraints::MalformedConstraints>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimConstraints {
    /// JWTClaimConstraints.
    pub plain: Option<ConstraintList>,
    /// EnhancedJWTClaimConstraints.
    // RFC 9118 §6: "The EnhancedJWTClaimConstraints extension specified in this document and the JWTClaimConstraints extension
    // specified in [RFC8226] MUST NOT both appear in the same certificate." Where they do, both are applied (docs/divergences.md).
    pub enhanced: Option<ConstraintList>,
}

/// The content of one extension, in the order received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConstraintList {
    /// Claims that must be there, beside the baseline claims.
    pub must_include: Box<[Box<str>]>,
    /// What a claim may say, if it is there.
    pub permitted_values: Box<[PermittedValues]>,
    /// Claims that must not be there.
    pub must_exclude: Box<[Box<str>]>,
}

/// The values that one claim may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedValues {
    /// The claim.
    pub claim: Box<str>,
    /// The values: the text of a string, the RFC 8225 §9 serialization of anything else.
    pub values: Box<[Box<str>]>,
}

/// How a PASSporT breaks a constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A claim is there that must not be.
    Excluded {
        /// Which.
        claim: Box<str>,
    },
    /// A claim that must be there is not.
    Missing {
        /// Which.
        claim: Box<str>,
    },
    /// A claim has a value that is not among those permitted.
    NotPermitted {
        /// Which.
        claim: Box<str>,
    },
}

impl ClaimConstraints {
    /// Judges the claims of a PASSporT: its payload as received, or as it is about to be signed.
    ///
    /// # Errors
    /// [`Violation`], the first one found.
    pub fn judge(&self, claims: &Object<'_>) -> Result<(), Violation> {
        let mut signed = SignedClaims::new(claims);
        for list in [&self.plain, &self.enhanced].into_iter().flatten() {
            list.judge(&mut signed)?;
        }
        Ok(())
    }

    /// Whether there is no extension.
    pub fn is_empty(&self) -> bool {
        self.plain.is_none() && self.enhanced.is_none()
    }
}

impl ConstraintList {
    /// Reads the value of either extension. `[2] mustExclude` belongs to the enhanced one only; [`ConstraintList::plain_from_der`]
    /// refuses it.
    ///
    /// # Errors
    /// [`MalformedConstraints`] if it is anything but the DER of RFC 9118 §3.
    pub fn from_der(der: &[u8]) -> Result<Self, MalformedConstraints> {
        read(der).map_err(|Malformed| MalformedConstraints)
    }

    /// Reads the value of JWTClaimConstraints.
    ///
    /// # Errors
    /// [`MalformedConstraints`] if it is anything but the DER of RFC 8226 §8.
    pub fn plain_from_der(der: &[u8]) -> Result<Self, MalformedConstraints> {
        Self::from_der(der).and_then(|list| match list.must_exclude.is_empty() {
            true => Ok(list),
            false => Err(MalformedConstraints),
        })
    }

    /// The value of the extension; a part without an entry is left out.
    pub fn to_der(&self) -> Vec<u8> {
        let names = |names: &[Box<str>]| encode::sequence(&each(names, |name| ia5(name)));
        let permitted = encode::sequence(&each(&self.permitted_values, |one| {
            let values = each(&one.values, |value| {
                encode::element(encode::UTF8_STRING, value.as_bytes())
            });
            encode::sequence(&[ia5(&one.claim), encode::sequence(&values)])
        }));
        let parts = [
            (0, self.must_include.is_empty(), names(&self.must_include)),
            (1, self.permitted_values.is_empty(), permitted),
            (2, self.must_exclude.is_empty(), names(&self.must_exclude)),
        ];
        let there = parts.iter().filter(|(_, is_empty, _)| !is_empty);
        let tagged = there.map(|(tag, _, part)| encode::element(encode::constructed(*tag), part));
        encode::sequence(&tagged.collect::<Vec<_>>())
    }

    /// Whether it excludes what every PASSporT has, and so counts as absent.
    // RFC 9118 §3: "If one of these baseline PASSporT claims appears in the mustExclude list, then the certificate MUST be treated
    // as if the extension was not present."
    pub fn is_void(&self) -> bool {
        let mut excluded = self.must_exclude.iter();
        excluded.any(|name| BASELINE_CLAIMS.contains(&&**name))
    }

    fn judge(&self, claims: &mut SignedClaims<'_>) -> Result<(), Violation> {
        if self.is_void() {
            return Ok(());
        }
        // RFC 9118 §3: "mustInclude indicates JWT claims that MUST appear in the PASSporT in addition to the iat, orig, and dest
        // claims."
        if let Some(claim) = self.must_include.iter().find(|name| !claims.has(name)) {
            return Err(Violation::Missing {
                claim: claim.clone(),
            });
        }
        // RFC 9118 §3: "mustExclude indicates JWT claims that MUST NOT appear in the PASSporT."
        if let Some(claim) = self.must_exclude.iter().find(|name| claims.has(name)) {
            return Err(Violation::Excluded {
                claim: claim.clone(),
            });
        }
        // RFC 9118 §3: "permittedValues indicates that, if the claim name is present, the claim MUST exactly match one of the
        // listed values." RFC 8226 §8 says the same, and its second example, that a claim must be there; RFC 9118 §4 settles it:
        // "a verification service will not treat a PASSporT it receives without a PASSporT "confidence" claim at all as invalid,
        // unless "confidence" also appears in mustInclude." A claim that is listed twice must match both times.
        for PermittedValues { claim, values } in &self.permitted_values {
            let Some(said) = claims.text(claim) else {
                continue;
            };
            if !values.iter().any(|value| **value == *said) {
                return Err(Violation::NotPermitted {
                    claim: claim.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The claims of a payload, found by name without going through all of them each time: a hostile certificate has thousands of
/// constraints, a hostile token a thousand claims.
struct SignedClaims<'a> {
    /// By name.
    claims: Vec<(&'a str, &'a Value<'a>)>,
    /// What was written of those that are no strings, by name.
    written: Vec<Option<Box<str>>>,
}

impl<'a> SignedClaims<'a> {
    fn new(payload: &'a Object<'a>) -> Self {
        let mut claims: Vec<_> = payload.iter().collect();
        claims.sort_unstable_by_key(|(name, _)| *name);
        Self {
            written: vec![None; claims.len()],
            claims,
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let by_name = |(other, _): &(&str, &Value<'_>)| (*other).cmp(name);
        self.claims.binary_search_by(by_name).ok()
    }

    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// What the claim says, in the form that a certificate has for it: constraints hold strings, and neither RFC says how a number
    /// or an object is compared with one (docs/divergences.md).
    fn text(&mut self, name: &str) -> Option<&str> {
        let at = self.find(name)?;
        let (_, value) = self.claims.get(at)?;
        if let Value::String(text) = value {
            return Some(text);
        }
        let written = self.written.get_mut(at)?.get_or_insert_with(|| {
            let mut text = String::new();
            value.write(&mut text);
            text.into()
        });
        Some(written)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded { claim } => write!(f, "the claim {claim:?} must not be there"),
            Self::Missing { claim } => write!(f, "the claim {claim:?} must be there"),
            Self::NotPermitted { claim } => {
                write!(f, "the claim {claim:?} has a value that is not permitted")
            }
        }
    }
}

/// The bytes are no claim constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedConstraints;

impl fmt::Display for MalformedConstraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not claim constraints in the DER of RFC 8226 §8 or RFC 9118 §3")
    }
}

impl std::error::Error for MalformedConstraints {}

fn each<T>(items: &[T], write: impl Fn(&T) -> Vec<u8>) -> Vec<Vec<u8>> {
    items.iter().map(write).collect()
}

fn ia5(text: &str) -> Vec<u8> {
    encode::element(encode::IA5_STRING, text.as_bytes())
}

/// The modules of both RFCs have EXPLICIT TAGS: each part is a whole SEQUENCE inside its context tag.
fn read(der: &[u8]) -> Result<ConstraintList, Malformed> {
    let mut outer = Walk::over(der)?;
    let mut parts = outer.enter(Tag::Sequence)?;
    outer.finish()?;
    // RFC 9118 §3: "( WITH COMPONENTS { ..., mustInclude PRESENT } | WITH COMPONENTS { ..., permittedValues PRESENT } | WITH
    // COMPONENTS { ..., mustExclude PRESENT } )"
    if parts.at_end() {
        return Err(Malformed);
    }
    let list = ConstraintList {
        must_include: read_part(&mut parts, 0, read_name)?,
        permitted_values: read_part(&mut parts, 1, read_permitted)?,
        must_exclude: read_part(&mut parts, 2, read_name)?,
    };
    parts.finish()?;
    Ok(list)
}

/// `[tag] SEQUENCE SIZE (1..MAX) OF T OPTIONAL`; empty if it is absent.
fn read_part<T>(
    parts: &mut Walk<'_>,
    tag: u32,
    read_one: impl Fn(&mut Walk<'_>) -> Result<T, Malformed>,
) -> Result<Box<[T]>, Malformed> {
    match parts.content_if(constructed(tag))? {
        None => Ok(Box::default()),
        Some(content) => {
            let mut inner = Walk::over(content)?;
            let entries = read_list(&mut inner, read_one)?;
            inner.finish()?;
            Ok(entries)
        }
    }
}

/// `SEQUENCE SIZE (1..MAX) OF T`.
fn read_list<T>(
    walk: &mut Walk<'_>,
    read_one: impl Fn(&mut Walk<'_>) -> Result<T, Malformed>,
) -> Result<Box<[T]>, Malformed> {
    let mut list = walk.enter(Tag::Sequence)?;
    let mut entries = vec![read_one(&mut list)?];
    while !list.at_end() {
        entries.push(read_one(&mut list)?);
    }
    Ok(entries.into())
}

// RFC 9118 §3: "JWT Claim Names MUST be ASCII strings, which are also known as strings using the International Alphabet No. 5"
fn read_name(list: &mut Walk<'_>) -> Result<Box<str>, Malformed> {
    let name = list.content(Tag::Ia5String)?;
    match std::str::from_utf8(name) {
        Ok(name) if name.is_ascii() => Ok(name.into()),
        _ => Err(Malformed),
    }
}

fn read_permitted(list: &mut Walk<'_>) -> Result<PermittedValues, Malformed> {
    let mut fields = list.enter(Tag::Sequence)?;
    let claim = read_name(&mut fields)?;
    let values = read_list(&mut fields, |values| {
        let value = values.content(Tag::Utf8String)?;
        std::str::from_utf8(value)
            .map(Box::from)
            .map_err(|_| Malformed)
    })?;
    fields.finish()?;
    Ok(PermittedValues { claim, values })
}

#[cfg(test)]
mod tests;
