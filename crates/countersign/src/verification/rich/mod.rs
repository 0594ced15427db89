//! Rich call data of a PASSporT, judged part by part: [RFC 9795 §8](https://www.rfc-editor.org/rfc/rfc9795#section-8).
//!
//! What lives here: [`RichReport`], what is known of each part; `construction`, what makes a PASSporT with such claims invalid;
//! `integrity`, the digests of what was proven and of what it refers to, after the verdict and never against it; `third_party`, who
//! may speak of a caller that is not their own; `caller`, what may be shown in the end.
//!
//! What does not: reading the claims (`crate::passport::rcd`), cards (`crate::jcard`), and fetching, which is asked for by needs.

pub(super) mod construction;
pub(super) mod integrity;
pub(super) mod third_party;
pub(super) mod caller;

use super::need::{Resource, Unavailable};
use crate::certificate::repository_url::UrlFault;
use crate::jcard::{BadCard, JCard};
use crate::jose::pointer::BadPointer;
use crate::passport::rcd::digest::BadDigest;
use std::fmt;
use std::sync::Arc;

/// Most resources that are asked for because of one PASSporT. A card with an icon beside it, a photo and three sizes of a logo has six.
/// Own decision.
pub const MAX_RESOURCES: usize = 8;

/// What is known of the rich call data of one PASSporT, part by part.
#[derive(Clone, Debug)]
pub struct RichReport {
    /// `nam`
    pub name: Content,
    /// `apn`
    pub alternate: Content,
    /// `icn`
    pub icon: Content,
    /// `jcd` or `jcl`, with everything that the card refers to.
    pub card: Content,
    /// `crn`
    pub reason: Content,
    /// Every digest of `rcdi` in the order of the claim, and everything referred to that has none.
    pub entries: Vec<Entry>,
    /// How the name stands to the one that the call shows.
    pub display: Display,
    /// The picture of `icn`, if it was had and is proven.
    pub picture: Option<Arc<Resource>>,
    /// The card, from wherever, if it is proven with everything that it refers to.
    pub jcard: Option<Arc<JCard>>,
    /// The card in the claims, if there is one there: read once.
    inline: Option<Result<Arc<JCard>, BadCard>>,
    /// The card that was fetched and has the digest of the whole; what it refers to may yet be missing.
    fetched_card: Option<Arc<JCard>>,
    /// The picture of `icn` that was fetched and has its digest.
    fetched_icon: Option<Arc<Resource>>,
}

/// One digest of `rcdi`, or one place that lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The pointer, as the claim has it.
    pub pointer: Box<str>,
    /// What came of it.
    pub content: Content,
}

/// What is known of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// There is none.
    Absent,
    /// It is not what was signed.
    // RFC 9795 §8.2: "Any digest string that doesn't match a generated digest MUST be considered a failure of the verification of the
    // content referenced by the JSON pointer."
    Altered,
    /// It was not looked at, or could not be.
    // RFC 9795 §8.2: "If there is any issue with completing the integrity verification procedures for referenced external content,
    // including HTTP or HTTPS errors, the referenced content MUST be considered not verified."
    NotExamined(Unexamined),
    /// It is what was signed.
    Proven,
}

/// Why some content was not examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unexamined {
    /// It is no card.
    Card(BadCard),
    /// Its digest is none.
    Digest(BadDigest),
    /// It is not to be had.
    Fetch(Unavailable),
    /// A `url` of a card: shown, never followed.
    NeverFollowed,
    /// It has no digest.
    NoDigest,
    /// Nothing is fetched by policy, or nobody would be shown it.
    NotFetched,
    /// The PASSporT is not proven.
    NotProven,
    /// There is nothing where its pointer points to.
    Nowhere,
    /// It is in a URL of a form that no picture has.
    Picture,
    /// Its pointer is none.
    Pointer(BadPointer),
    /// More is referred to than is asked for.
    TooMany,
    /// Its URL is none to fetch from.
    Url(UrlFault),
}

/// How the name that was signed stands to the one that the call shows.
// RFC 9795 §12.2: "If the PASSporT signature is verified successfully, then the verification service MUST additionally compare the
// string value of the "rcd" claim "nam" key value with the From header field value or the preferred value."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// They are not the same.
    Differs,
    /// No name was signed, or the call shows none.
    NotCompared,
    /// They are the same.
    Same,
}

impl RichReport {
    /// What is known of what stands under this name in the claims.
    fn part(&self, name: &str) -> Content {
        match name {
            "apn" => self.alternate,
            "crn" => self.reason,
            "icn" => self.icon,
            "jcd" | "jcl" => self.card,
            "nam" => self.name,
            _ => Content::Absent,
        }
    }

    /// Of a PASSporT that is not proven yet.
    fn unproven(display: Display, inline: Option<Result<Arc<JCard>, BadCard>>) -> Self {
        let unproven = Content::NotExamined(Unexamined::NotProven);
        Self {
            name: unproven,
            alternate: unproven,
            icon: unproven,
            card: unproven,
            reason: unproven,
            entries: Vec::new(),
            display,
            picture: None,
            jcard: None,
            inline,
            fetched_card: None,
            fetched_icon: None,
        }
    }
}

impl Content {
    /// Whether it may be shown.
    pub const fn is_proven(self) -> bool {
        matches!(self, Self::Proven)
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Altered => "altered",
            Self::NotExamined(_) => "not-examined",
            Self::Proven => "proven",
        }
    }

    /// The worse of two: altered, then not examined, then proven.
    const fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Altered, _) | (_, Self::Altered) => Self::Altered,
            (Self::NotExamined(why), _) | (_, Self::NotExamined(why)) => Self::NotExamined(why),
            (Self::Proven, _) | (_, Self::Proven) => Self::Proven,
            (Self::Absent, Self::Absent) => Self::Absent,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExamined(why) => write!(f, "not examined: {why}"),
            other => f.write_str(other.name()),
        }
    }
}

impl fmt::Display for Unexamined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(bad) => bad.fmt(f),
            Self::Digest(bad) => bad.fmt(f),
            Self::Fetch(why) => why.fmt(f),
            Self::NeverFollowed => f.write_str("a url, which is never followed"),
            Self::NoDigest => f.write_str("it has no digest"),
            Self::NotFetched => f.write_str("it is not fetched here"),
            Self::NotProven => f.write_str("the PASSporT is not proven"),
            Self::Nowhere => f.write_str("there is nothing where its pointer points to"),
            Self::Picture => f.write_str("no PNG or JPEG in base64"),
            Self::Pointer(bad) => bad.fmt(f),
            Self::TooMany => f.write_str("too much is referred to"),
            Self::Url(fault) => fault.fmt(f),
        }
    }
}
