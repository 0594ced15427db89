//! A branded caller: what is said of it in every call, configured once, and the claims that are made of it.
//!
//! Digests are made here, of the bytes that somebody has fetched or read; who does that, and when again, is not. Which numbers
//! are of which brand is not either.

use crate::jcard::{BadCard, JCard};
use crate::number::TelephoneNumber;
use crate::passport::rcd::digest::{Algorithm, Digest};
use crate::passport::rcd::references::{
    CARD_ELSEWHERE, CARD_INLINE, Reference, is_data, of_card, of_claim,
};
use crate::passport::{Card, PassportError, RcdIntegrity, RichCallData, RichClaims};
use std::fmt;

/// Longest reason that every display can show, in characters.
// RFC 9796 §6: "As a general guideline, this message SHOULD be no longer than 64 characters; displays that support this
// specification may be forced to truncate messages that cannot fit onto a screen."
pub const REASON_CHARACTERS: usize = 64;

/// What is said of a caller beside the number.
///
/// # Example
/// ```
/// use countersign::authentication::Brand;
/// let brand = Brand {
///     name: "Q Branch Spy Gadgets".into(),
///     icon: Some("https://example.com/photos/q-256x256.png".into()),
///     ..Brand::default()
/// };
/// let nothing_is_known = |_: &str| None;
/// assert_eq!(brand.references(nothing_is_known)?.len(), 1);
/// assert!(brand.claims(None, nothing_is_known).is_err());
/// let claims = brand.claims(None, |_| Some(b"PNG"))?;
/// assert!(claims.integrity.is_some());
/// # Ok::<(), countersign::authentication::BrandFault>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brand {
    /// The name to show.
    pub name: Box<str>,
    /// The number to show instead of the caller's.
    pub alternate: Option<TelephoneNumber>,
    /// The URL of a picture: https, or data.
    pub icon: Option<Box<str>>,
    /// A jCard, or where it is.
    pub card: Option<Card>,
    /// Why it calls: the reasons that it may give.
    pub reasons: Box<[Box<str>]>,
}

impl Brand {
    /// Everything elsewhere whose digest is signed, as far as it is known yet: what a card elsewhere refers to is known when
    /// `content` has the card.
    ///
    /// # Errors
    /// [`BrandFault`] if the brand cannot be signed, whatever the content.
    pub fn references<'c>(
        &self,
        content: impl Fn(&str) -> Option<&'c [u8]>,
    ) -> Result<Vec<Reference>, BrandFault> {
        self.references_of(&self.data()?, content)
    }

    /// The claims of a call that gives this reason, or none.
    ///
    /// # Errors
    /// [`BrandFault`]: a digest is missing, or the claims would be none.
    pub fn claims<'c>(
        &self,
        reason: Option<&str>,
        content: impl Fn(&str) -> Option<&'c [u8]>,
    ) -> Result<RichClaims, BrandFault> {
        if let Some(reason) = reason
            && !self.reasons.iter().any(|ours| **ours == *reason)
        {
            return Err(BrandFault::OtherReason(reason.into()));
        }
        let data = self.data()?;
        let mut digests = Vec::new();
        for Reference { pointer, url, .. } in self.references_of(&data, &content)? {
            // RFC 9795 §6.1: "For any URI-referenced content, the bytes of the body of the HTTP response are the input for the hash
            // function."
            let Some(body) = content(&url) else {
                return Err(BrandFault::Missing(url));
            };
            let digest = Digest::of(Algorithm::Sha256, body).to_string();
            digests.push((pointer, digest.into()));
        }
        Ok(RichClaims {
            data: Some(data),
            integrity: (!digests.is_empty()).then(|| RcdIntegrity {
                digests: digests.into(),
            }),
            reason: reason.map(Box::from),
            issuer: None,
        })
    }

    /// What others may not like, though it can be signed.
    pub fn warnings(&self) -> Vec<BrandWarning> {
        let reasons = self.reasons.iter();
        reasons.flat_map(|reason| reason_warnings(reason)).collect()
    }

    fn data(&self) -> Result<RichCallData, BrandFault> {
        // RFC 9795 §5.1.1 wants the syntax of display-name, which has no room for them; a name that breaks lines hides another.
        if self.name.chars().any(char::is_control) {
            return Err(BrandFault::Name);
        }
        let data = RichCallData::new(
            &self.name,
            self.alternate,
            self.icon.as_deref(),
            self.card.clone(),
        );
        data.map_err(BrandFault::Claim)
    }

    fn references_of<'c>(
        &self,
        data: &RichCallData,
        content: impl Fn(&str) -> Option<&'c [u8]>,
    ) -> Result<Vec<Reference>, BrandFault> {
        let mut references: Vec<_> = of_claim(data).collect();
        match &data.card {
            Some(Card::Inline(card)) => {
                let card = JCard::parse(card.as_bytes()).map_err(BrandFault::Card)?;
                references.extend(of_card(&card, CARD_INLINE));
            }
            Some(Card::At(url)) => {
                if let Some(card) = content(url) {
                    let card = JCard::parse(card).map_err(BrandFault::Card)?;
                    references.extend(of_card(&card, CARD_ELSEWHERE));
                }
            }
            None => {}
        }
        // RFC 9795 §5.1.3: "The "icn" key value is an optional HTTPS URL reference"; §5.1.5 has the same of "jcl". So a picture on
        // a card is wanted no less safe.
        match references.iter().find(|one| !is_https(&one.url)) {
            Some(insecure) => Err(BrandFault::Insecure(insecure.url.clone())),
            None => Ok(references),
        }
    }
}

/// What others may not like about a reason: `crn`.
pub fn reason_warnings(reason: &str) -> impl Iterator<Item = BrandWarning> {
    let too_long = reason.chars().count() > REASON_CHARACTERS;
    // RFC 9796 §6: "In general, use of strings that could be forms of URIs or other potential strings that could be used or
    // interpreted as a 'clickable' action is discouraged."
    let mut words = reason.split_whitespace();
    let clickable = words.any(|word| word.contains("://") || word.starts_with("www."));
    let too_long = too_long.then(|| BrandWarning::ReasonTooLong(reason.into()));
    let clickable = clickable.then(|| BrandWarning::ReasonClickable(reason.into()));
    clickable.into_iter().chain(too_long)
}

/// Whether others could believe it: every claim that must be there is, and a digest of everything elsewhere that can be known
/// without fetching.
pub(super) fn is_complete(rich: &RichClaims) -> bool {
    let Some(data) = &rich.data else {
        return rich.integrity.is_none() && rich.reason.is_some();
    };
    let has_digest = |pointer: &str| {
        let integrity = rich.integrity.as_ref();
        integrity.is_some_and(|integrity| {
            let mut digests = integrity.digests.iter();
            digests.any(|(at, digest)| **at == *pointer && digest.parse::<Digest>().is_ok())
        })
    };
    // RFC 9795 §6.1.2 wants a digest of the picture, and §8.3 has a sample without any "rcdi": "in this example, there is no
    // integrity protection over the "icn" element". So where nothing has a digest it may lack (docs/divergences.md).
    let is_named = |one: Reference| {
        let is_free = rich.integrity.is_none() && Some(&one.url) == data.icon.as_ref();
        is_free || has_digest(&one.pointer)
    };
    let card_is_whole = match &data.card {
        Some(Card::Inline(card)) => match JCard::parse(card.as_bytes()) {
            Ok(card) => of_card(&card, CARD_INLINE).all(is_named),
            Err(_) => false,
        },
        Some(Card::At(_)) | None => true,
    };
    // RFC 9795 §8: "the "nam" key and value, is mandatory".
    data.name.is_some() && of_claim(data).all(is_named) && card_is_whole
}

fn is_https(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    is_data(url) || scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// Why a brand cannot be signed. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrandFault {
    /// The card is none.
    Card(BadCard),
    /// A text is too long, or a URL is none.
    Claim(PassportError),
    /// A URL is not https.
    Insecure(Box<str>),
    /// What is at that URL is not known.
    Missing(Box<str>),
    /// The name has control characters.
    Name,
    /// The reason is not one that the brand may give.
    OtherReason(Box<str>),
}

/// What others may not like. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrandWarning {
    /// A telephone may make a link of the reason.
    ReasonClickable(Box<str>),
    /// The reason has more than [`REASON_CHARACTERS`].
    ReasonTooLong(Box<str>),
}

impl fmt::Display for BrandFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(bad) => write!(f, "the jCard is none: {bad}"),
            Self::Claim(error) => error.fmt(f),
            Self::Insecure(url) => write!(f, "{url} is not https"),
            Self::Missing(url) => write!(f, "what is at {url} is not known"),
            Self::Name => f.write_str("the name has control characters"),
            Self::OtherReason(reason) => write!(f, "{reason:?} is no reason of the brand"),
        }
    }
}

impl fmt::Display for BrandWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReasonClickable(reason) => {
                write!(f, "telephones may make a link of the reason {reason:?}")
            }
            Self::ReasonTooLong(reason) => write!(
                f,
                "displays may cut the reason {reason:?} after {REASON_CHARACTERS} characters"
            ),
        }
    }
}

impl std::error::Error for BrandFault {}

#[cfg(test)]
mod tests;
