//! Rich call data, [RFC 9795](https://www.rfc-editor.org/rfc/rfc9795): the claims `rcd`, `rcdi`, `crn` and `iss`, under `ppt` rcd or
//! beside the claims of any other PASSporT.
//!
//! Read here: what each claim is made of; [`digest`] is one entry of `rcdi`, [`references`] what needs one, [`data_url`] a
//! picture that needs none. Not here: whether a digest
//! fits, who may say it; that is `verification`, and what is to be signed is made by `authentication`. Cards are
//! [`crate::jcard`].

pub mod digest;
pub mod references;
pub mod data_url;

use super::error::{Claim, PassportError};
use super::value::{is_uri, read_number};
use crate::jose::json::{Value, write_string};
use crate::number::TelephoneNumber;

/// The value of `ppt` for this extension.
pub const RCD: &str = "rcd";

/// Longest name, reason and issuer, in bytes. RFC 9796 §6 recommends 64 characters for a reason.
pub const MAX_TEXT: usize = 256;

/// Longest URL in rich call data, in bytes; a `data:` URL with an icon may be as long as a token.
pub const MAX_RICH_URL: usize = 4096;

/// Most digests in `rcdi`.
pub const MAX_DIGESTS: usize = 64;

/// What a PASSporT says about its caller beyond the number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RichClaims {
    /// `rcd`
    pub data: Option<RichCallData>,
    /// `rcdi`: never without `rcd`.
    pub integrity: Option<RcdIntegrity>,
    /// `crn`: why they call.
    pub reason: Option<Box<str>>,
    /// `iss`: who says so, where it is a third party.
    pub issuer: Option<Box<str>>,
}

/// The claim `rcd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RichCallData {
    /// `nam`: the name to show; empty if there is none to show, `None` if the claim lacks it, which
    /// [RFC 9795 §5.1.1](https://www.rfc-editor.org/rfc/rfc9795#section-5.1.1) forbids and its own examples do.
    pub name: Option<Box<str>>,
    /// `apn`: the number to show instead of the caller's.
    pub alternate: Option<TelephoneNumber>,
    /// `icn`: the URL of a picture.
    pub icon: Option<Box<str>>,
    /// `jcd` or `jcl`.
    pub card: Option<Card>,
    /// The whole claim, members that nobody knows among them, as [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9)
    /// serializes it.
    pub json: Box<str>,
}

/// Where the jCard is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Card {
    /// `jcl`: at this URL.
    At(Box<str>),
    /// `jcd`: here, serialized as RFC 8225 §9 has it.
    Inline(Box<str>),
}

/// The claim `rcdi`: pointers into `rcd`, and the digest of what each points to, as they stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcdIntegrity {
    /// Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) and digest (`sha256-…`), in the order of the claim.
    pub digests: Box<[(Box<str>, Box<str>)]>,
}

impl RichCallData {
    /// The claim of these parts.
    ///
    /// # Errors
    /// [`PassportError`] if they make no claim that we would read.
    pub fn new(
        name: &str,
        alternate: Option<TelephoneNumber>,
        icon: Option<&str>,
        card: Option<Card>,
    ) -> Result<Self, PassportError> {
        let mut json = String::from("{");
        let mut member = |key: &str, write: &dyn Fn(&mut String)| {
            if json.len() > 1 {
                json.push(',');
            }
            write_string(key, &mut json);
            json.push(':');
            write(&mut json);
        };
        if let Some(number) = alternate {
            member("apn", &|json| write_string(number.as_str(), json));
        }
        if let Some(icon) = icon {
            member("icn", &|json| write_string(icon, json));
        }
        match &card {
            Some(Card::Inline(card)) => member("jcd", &|json| json.push_str(card)),
            Some(Card::At(url)) => member("jcl", &|json| write_string(url, json)),
            None => {}
        }
        member("nam", &|json| write_string(name, json));
        json.push('}');
        let parsed = crate::jose::json::parse_str(&json)
            .map_err(|_| PassportError::ClaimShape(Claim::Rcd))?;
        Self::read(&parsed.value)
    }

    fn read(value: &Value<'_>) -> Result<Self, PassportError> {
        let object = value
            .as_object()
            .ok_or(PassportError::ClaimShape(Claim::Rcd))?;
        // RFC 9795 §5.1.5: "The "jcd" or "jcl" keys MAY only appear once in the "rcd" claim but MUST be mutually exclusive."
        let card = match (object.get("jcd"), object.get("jcl")) {
            (None, None) => None,
            (Some(card @ Value::Array(_)), None) => Some(Card::Inline(text_of(card))),
            (None, Some(url)) => Some(Card::At(url_in(url)?)),
            _ => return Err(PassportError::ClaimShape(Claim::Rcd)),
        };
        Ok(Self {
            name: optional(object.get("nam"), Claim::Rcd)?,
            alternate: object
                .get("apn")
                .map(|number| read_number(number, Claim::Rcd))
                .transpose()?,
            icon: object.get("icn").map(url_in).transpose()?,
            card,
            json: text_of(value),
        })
    }
}

impl RcdIntegrity {
    fn read(value: &Value<'_>) -> Result<Self, PassportError> {
        let shape = || PassportError::ClaimShape(Claim::Rcdi);
        let object = value.as_object().ok_or_else(shape)?;
        if object.len() > MAX_DIGESTS {
            return Err(PassportError::ClaimTooLarge(Claim::Rcdi));
        }
        let digests = object
            .iter()
            .map(|(pointer, digest)| Some((pointer.into(), digest.as_str()?.into())));
        let digests: Option<Vec<_>> = digests.collect();
        Ok(Self {
            digests: digests.ok_or_else(shape)?.into(),
        })
    }

    /// The value of the claim; the pointers are in order.
    pub fn write(&self, json: &mut String) {
        let mut digests: Vec<_> = self.digests.iter().collect();
        digests.sort_unstable();
        json.push('{');
        for (position, (pointer, digest)) in digests.into_iter().enumerate() {
            if position > 0 {
                json.push(',');
            }
            write_string(pointer, json);
            json.push(':');
            write_string(digest, json);
        }
        json.push('}');
    }
}

/// The members of a payload that are about this.
#[derive(Default)]
pub(super) struct Members<'o, 'a> {
    pub(super) crn: Option<&'o Value<'a>>,
    pub(super) iss: Option<&'o Value<'a>>,
    pub(super) rcd: Option<&'o Value<'a>>,
    pub(super) rcdi: Option<&'o Value<'a>>,
}

impl Members<'_, '_> {
    /// What they say; `None` if there are none.
    pub(super) fn read(&self) -> Result<Option<Box<RichClaims>>, PassportError> {
        if self.crn.is_none() && self.rcd.is_none() && self.rcdi.is_none() && self.iss.is_none() {
            return Ok(None);
        }
        // RFC 9795 §6: "if "rcdi" is included, the "rcd" MUST be present correspondingly."
        if self.rcdi.is_some() && self.rcd.is_none() {
            return Err(PassportError::ClaimMissing(Claim::Rcd));
        }
        Ok(Some(Box::new(RichClaims {
            data: self.rcd.map(RichCallData::read).transpose()?,
            integrity: self.rcdi.map(RcdIntegrity::read).transpose()?,
            reason: optional(self.crn, Claim::Crn)?,
            issuer: optional(self.iss, Claim::Iss)?,
        })))
    }
}

fn optional(value: Option<&Value<'_>>, claim: Claim) -> Result<Option<Box<str>>, PassportError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = value.as_str().ok_or(PassportError::ClaimShape(claim))?;
    match text.len() {
        0..=MAX_TEXT => Ok(Some(text.into())),
        _ => Err(PassportError::ClaimTooLarge(claim)),
    }
}

fn url_in(value: &Value<'_>) -> Result<Box<str>, PassportError> {
    let text = value
        .as_str()
        .ok_or(PassportError::ClaimShape(Claim::Rcd))?;
    if text.len() > MAX_RICH_URL {
        return Err(PassportError::ClaimTooLarge(Claim::Rcd));
    }
    if !is_uri(text, MAX_RICH_URL) {
        return Err(PassportError::UriMalformed(Claim::Rcd));
    }
    Ok(text.into())
}

fn text_of(value: &Value<'_>) -> Box<str> {
    let mut text = String::new();
    value.write(&mut text);
    text.into()
}
